/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of addresses, networks and domains that others warn of, and lists of those that such warnings are to be ignored
 * for. Pure: bytes come in, nothing is fetched or opened here.
 *
 * What is listed is matched as follows.
 *
 *	address, network	the smallest network that holds the address; IPv4-mapped IPv6 is IPv4
 *	domain			the name itself and all below it
 *	host of a hosts file,
 *	"string" of MISP	the name itself only
 *	"substring" of MISP	names with that text in them
 *
 * Memory: 12 octets for each IPv4 and 24 for each IPv6 network; for each domain its length and 4 octets, and 5 to 11 for
 * the table. A million domains of 20 octets come to about 34 MB, a million IPv4 addresses to 12 MB; the file itself, and
 * for MISP 90 octets an entry more, while it is parsed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "dns/name.h"

enum zw_feed_format {
	/* One entry a line: an address, a network or a domain, or a URL or "host:port" of which the host counts. What
	 * comes after a blank, a comma or a semicolon is not looked at. "#", ";", "!" and "//" begin comments. */
	ZW_FEED_PLAIN = 0,
	/* hosts(5): an address, which does not count, and the hosts that are to be blocked. */
	ZW_FEED_HOSTS,
	/* Comma-separated values whose columns are named by a line, a comment or not: those of abuse.ch (URLhaus, Feodo
	 * Tracker, ThreatFox, SSLBL) and others that name theirs so. */
	ZW_FEED_CSV,
	/* A warning list of MISP: a JSON object with "type" (string, hostname, cidr or substring; not regex) and
	 * "list". */
	ZW_FEED_MISP,
	_ZW_FEED_FORMAT_MAX,
};

enum zw_feed_kind {
	ZW_FEED_BAD = 0,
	ZW_FEED_SUPPRESS, /* what it lists is no finding, whoever else lists it */
	_ZW_FEED_KIND_MAX,
};

const char *zw_feed_format_to_string(enum zw_feed_format v); /* "plain" */
const char *zw_feed_kind_to_string(enum zw_feed_kind v);     /* "bad" */
/* 0, or -EINVAL with the out-parameter untouched. */
int zw_feed_format_from_string(const char *text, enum zw_feed_format *ret_format);
int zw_feed_kind_from_string(const char *text, enum zw_feed_kind *ret_kind);

/* Lines that could not be read are counted, and so many of them named. */
#define ZW_FEED_BAD_TOLD 5

struct zw_feed_stats {
	uint64_t networks, names, substrings; /* entries in force */
	uint64_t duplicates;
	uint64_t skipped; /* of kinds that are nothing to us: hashes of files, "localhost" */
	uint64_t bad;
	struct {
		uint64_t line;  /* from 1; in MISP's lists the entry */
		char text[128]; /* printable: what is wrong with it */
	} first_bad[ZW_FEED_BAD_TOLD];
};

static inline uint64_t zw_feed_entries(const struct zw_feed_stats *s)
{
	return s->networks + s->names + s->substrings;
}

/* One list, immutable. */
struct zw_feed;

/* Reads the @len octets of a list. 0, also when none of its lines could be read; -EINVAL with a sentence in @error when
 * it is not of the format at all; -E2BIG; -ENOMEM. */
int zw_feed_parse(const char *name, enum zw_feed_format format, enum zw_feed_kind kind,
	const char *bytes, size_t len, struct zw_feed **ret_feed, struct zw_str *error);
void zw_feed_free(struct zw_feed *feed);
ZW_DEFINE_CLEANUP(struct zw_feed *, zw_feed_free);
#define _zw_feed_free_ _zw_cleanup_(zw_feed_freep)
const struct zw_feed_stats *zw_feed_stats(const struct zw_feed *feed);
/* Octets that it holds. */
size_t zw_feed_memory(const struct zw_feed *feed);

/* All lists that are in force. For one thread. */
struct zw_feeds;

int zw_feeds_new(struct zw_feeds **ret_feeds);
void zw_feeds_free(struct zw_feeds *feeds);
ZW_DEFINE_CLEANUP(struct zw_feeds *, zw_feeds_free);
#define _zw_feeds_free_ _zw_cleanup_(zw_feeds_freep)
/* Puts @feed, which moves here, in place of @old, which is freed; NULL: of none. 0 or -ENOMEM, with both untouched. */
int zw_feeds_replace(struct zw_feeds *feeds, const struct zw_feed *old, struct zw_feed *feed);
/* Frees one of them. */
void zw_feeds_drop(struct zw_feeds *feeds, const struct zw_feed *feed);

struct zw_feed_match {
	const char *feed; /* name of the list, which owns it */
	const char *tag;  /* what the list says of it, such as the malware; NULL: nothing */
	char entry[ZW_NAME_TEXT_MAX]; /* what is listed: "198.51.100.0/24", "attacker.example" */
};

/* Whether a list that warns has it and none that suppresses. @feeds may be NULL. @addr has 4 octets for AF_INET, 16 for
 * AF_INET6. @ret_match is untouched without a match. */
bool zw_feeds_match_address(const struct zw_feeds *feeds, int family, const void *addr,
	struct zw_feed_match *ret_match);
/* The same for a name in wire form, any case. */
bool zw_feeds_match_name(
	const struct zw_feeds *feeds, const uint8_t *name, struct zw_feed_match *ret_match);
