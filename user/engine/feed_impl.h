/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/feed*.c: what a list is made of, and how it is filled. */
#pragma once

#include "base/hash.h"
#include "base/vec.h"
#include "engine/feed.h"
#include "engine/policy.h"

/* Without @parent these are sorted by address, the wider network first. */
#define ZW_FEED_NO_PARENT UINT32_MAX

struct zw_feed_net4 {
	uint32_t addr;   /* host order */
	uint32_t parent; /* index of the smallest network around it */
	uint16_t tag;
	uint8_t prefix;
};

struct zw_feed_net6 {
	uint8_t addr[16];
	uint32_t parent;
	uint16_t tag;
	uint8_t prefix;
};

/* Of the tag of a name: only the name itself is listed. The rest is an index into the tags, 0 for none. */
#define ZW_FEED_EXACT 0x8000
#define ZW_FEED_TAGS_MAX 0x7fff

struct zw_feed {
	char *name;
	enum zw_feed_format format;
	enum zw_feed_kind kind;
	ZW_VEC(struct zw_feed_net4) net4;
	ZW_VEC(struct zw_feed_net6) net6;
	/* One after the other: the tag, low octet first, and the name in wire form, lower case. */
	ZW_VEC(uint8_t) names;
	uint32_t *slots; /* offset in @names plus 1, 0: empty; open addressing */
	size_t n_slots;  /* a power of two; 0: there are no names */
	struct zw_hash_key key;
	ZW_VEC(char *) tags;       /* [0] is NULL */
	struct zw_map *tag_index;  /* text -> index; while it is filled */
	ZW_VEC(char *) substrings; /* lower case */
	struct zw_feed_stats stats;
};

/* feed_entry.c: one entry */

struct zw_feed_entry {
	bool is_net;
	struct zw_net net;
	uint8_t name[ZW_NAME_MAX]; /* lower case */
	size_t name_len;
};

/* Reads an address, a network, a domain, or the host of a URL or of "host:port". 0, or -EINVAL with *@ret_why completing
 * "... is". */
int zw_feed_entry_parse(
	const char *text, size_t len, struct zw_feed_entry *ret_entry, const char **ret_why);

/* feed.c: filling a list. All return 0, -ENOMEM or -E2BIG. */

/* The number for @text, which is printable after that; 0 when there are too many. */
int zw_feed_tag(struct zw_feed *feed, const char *text, size_t len, uint16_t *ret_tag);
int zw_feed_add(struct zw_feed *feed, const struct zw_feed_entry *entry, uint16_t tag);
int zw_feed_add_substring(struct zw_feed *feed, const char *text);
/* Counts a line that cannot be read. */
void zw_feed_bad(
	struct zw_feed *feed, uint64_t line, const char *text, size_t len, const char *why);

/* feed_parse.c, feed_csv.c, feed_misp.c: one format each, as zw_feed_parse() */

int zw_feed_parse_plain(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error);
int zw_feed_parse_hosts(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error);
int zw_feed_parse_csv(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error);
int zw_feed_parse_misp(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error);

/* feed_parse.c: lines */

/* The next line at *@pos, without its end and the blanks around it; false at the end. */
bool zw_feed_line(
	const char *bytes, size_t len, size_t *pos, const char **ret_line, size_t *ret_len);
