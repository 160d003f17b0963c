/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of bad addresses and domains, which come from elsewhere. The first octet is the format; what was read is looked
 * up: each entry is found, and what is told of it can be printed. The names are compared with one another, and asked
 * whether they are random. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/feed_impl.h"
#include "engine/lookalike.h"
#include "engine/words.h"

static void check(int ok)
{
	if (!ok)
		__builtin_trap();
}

static void check_printable(const char *text)
{
	for (; *text; text++)
		check((uint8_t)*text >= 0x20 && *text != 0x7f);
}

static void check_match(const struct zw_feed_match *match)
{
	check(strcmp(match->feed, "fuzz") == 0 && match->entry[0]);
	if (match->tag)
		check_printable(match->tag);
}

/* Any two names. */
static void check_names(const uint8_t *name, const uint8_t *other)
{
	const uint8_t *domain = zw_lookalike_domain(name), *label = NULL;

	check(zw_lookalike(name, other) < _ZW_LOOKALIKE_MAX);
	check(zw_lookalike(name, name) == ZW_LOOKALIKE_NONE);
	if (domain)
		check(zw_name_is_within(name, domain) && zw_name_labels(domain) >= 2);
	if (zw_words_name_is_random(name, zw_name_parent(name), ZW_WORDS_RANDOM_BITS, &label))
		check(label == name && *label >= 8);
}

/* Whatever is in it can be looked up. */
static void look_up(const struct zw_feeds *feeds, const struct zw_feed *feed)
{
	struct zw_feed_match match;

	for (size_t i = 0; i < feed->net4.len; i++) {
		uint32_t addr = htonl(feed->net4.items[i].addr);

		check(zw_feeds_match_address(feeds, AF_INET, &addr, &match));
		check_match(&match);
	}
	for (size_t i = 0; i < feed->net6.len; i++) {
		check(zw_feeds_match_address(feeds, AF_INET6, feed->net6.items[i].addr, &match));
		check_match(&match);
	}
	for (size_t at = 0, last = 0; at < feed->names.len;) {
		const uint8_t *name = feed->names.items + at + 2;

		check(zw_name_check(name, feed->names.len - at - 2, NULL) == 0);
		check(zw_name_labels(name) >= 2);
		check(zw_feeds_match_name(feeds, name, &match));
		check_match(&match);
		check_printable(match.entry);
		check_names(name, feed->names.items + last + 2);
		last = at;
		at += 2 + zw_name_len(name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	_zw_str_ struct zw_str error = {};
	const struct zw_feed_stats *stats;
	struct zw_feed *feed = NULL;

	if (size == 0)
		return 0;
	if (zw_feed_parse("fuzz", data[0] % _ZW_FEED_FORMAT_MAX, ZW_FEED_BAD,
		    (const char *)data + 1, size - 1, &feed, &error) < 0) {
		check(error.len > 0);
		return 0;
	}
	check(error.len == 0);
	stats = zw_feed_stats(feed);
	for (size_t i = 0; i < ZW_FEED_BAD_TOLD && i < stats->bad; i++) {
		check(stats->first_bad[i].line > 0);
		check_printable(stats->first_bad[i].text);
	}
	check(zw_feeds_new(&feeds) == 0 && zw_feeds_replace(feeds, NULL, feed) == 0);
	look_up(feeds, feed);
	return 0;
}
