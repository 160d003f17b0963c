/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of the master file reader. libzscanner does the reading; what it does not know of BIND's
 * dialect ($GENERATE, 8-bit and unusual characters, relative $ORIGIN, older types) is rewritten,
 * one logical line at a time and only after it refused that line. Private to dns/. */
#pragma once

#include "base/str.h"
#include "dns/master.h"
#include "dns/masterline.h"

enum zw_relax_result {
	ZW_RELAX_SAME,  /* nothing to rewrite: the scanner was right */
	ZW_RELAX_CLASS, /* a class other than IN */
	ZW_RELAX_TEXT,
};

struct zw_relaxed {
	enum zw_relax_result result;
	struct zw_str text; /* one line with its newline */
	uint16_t type;      /* the real type if the text uses another of the same format, else 0 */
};

/* @names: the scanner objected to a character of a domain name, so escape those in words too. 0,
 * -ENOMEM. */
int zw_master_relax(const struct zw_masterline *line, const uint8_t *origin, bool names,
	struct zw_relaxed *ret_relaxed);

/* A parsed $GENERATE line; tokens point into the line. */
struct zw_generate {
	uint32_t start, stop, step;
	struct zw_mastertoken owner, ttl, type, rdata; /* ttl.len 0: none */
};

bool zw_generate_is(const struct zw_masterline *line);
/* 0, or -EINVAL with a constant reason. */
int zw_generate_parse(const struct zw_masterline *line, struct zw_generate *ret_generate,
	const char **ret_reason);
uint64_t zw_generate_steps(const struct zw_generate *g);
/* Appends the master file line for step value @i. 0, -EINVAL for a malformed modifier, -ENOMEM. */
int zw_generate_line(const struct zw_generate *g, uint32_t i, struct zw_str *text);
