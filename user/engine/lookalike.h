/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a name imitate an organisation's own? Hijackers registered name servers and domains for that (Sea Turtle:
 * the organisation's name with another word, another ending, another letter). Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum zw_lookalike {
	ZW_LOOKALIKE_NONE = 0,
	ZW_LOOKALIKE_GLYPH,  /* reads the same: examp1e.com, exarnple.com, xn--xample-2of.com */
	ZW_LOOKALIKE_EDIT,   /* one letter left out, added, changed, or two swapped: exmaple.com */
	ZW_LOOKALIKE_HYPHEN, /* hyphens added or left out: ex-ample.com */
	ZW_LOOKALIKE_SUFFIX, /* the same under another ending: example.net, example.co */
	ZW_LOOKALIKE_EMBEDDED, /* with a word beside it: example-dns.com, secureexample.com */
	ZW_LOOKALIKE_BELOW,    /* somewhere below a strange domain: ns1.example.com.attacker.net */
	_ZW_LOOKALIKE_MAX,
};

/* How @name imitates the domain that @own is or lies in; both are in wire form, any case. ZW_LOOKALIKE_NONE when @name
 * is within that domain, when @own is a reverse zone, a top-level domain or the root, and when the organisation's label
 * is too short to say: fewer than 3 letters, fewer than 5 for an edit, fewer than 4 for what is embedded.
 *
 * Two of them are also what honest names look like, and are for the caller to weigh. SUFFIX: many organisations have
 * several endings. BELOW: providers name what they run for a customer after him
 * (example-com.mail.protection.outlook.com), so for targets of MX and CNAME it means nothing; for name servers it does.
 *
 * What a domain ends in (example.com, example.co.uk) is told by a rule of thumb and no list of public suffixes:
 * below a top-level domain of two letters, one of the usual words (co, com, ac, gov, ...) belongs to the ending. */
enum zw_lookalike zw_lookalike(const uint8_t *name, const uint8_t *own);

/* The domain that @name is or lies in, by the same rule: the end of @name. NULL: it is a reverse zone, a top-level domain
 * or the root. */
const uint8_t *zw_lookalike_domain(const uint8_t *name);

/* "reads like", completes "ns1.examp1e.com. ... example.com." */
const char *zw_lookalike_to_string(enum zw_lookalike how);
