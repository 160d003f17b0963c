/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling a list, and putting it in the order it is searched in. */
#include "engine/feed.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/feed_impl.h"
#include "engine/feed_sort.h"

/* Tags and bad lines are told in sentences. */
#define TEXT_SHOWN 64

static const char *const formats[] = {
	[ZW_FEED_PLAIN] = "plain",
	[ZW_FEED_HOSTS] = "hosts",
	[ZW_FEED_CSV] = "csv",
	[ZW_FEED_MISP] = "misp",
};
static_assert(ZW_ARRAY_SIZE(formats) == _ZW_FEED_FORMAT_MAX, "a format has no name");

static const char *const kinds[] = {
	[ZW_FEED_BAD] = "bad",
	[ZW_FEED_SUPPRESS] = "suppress",
};
static_assert(ZW_ARRAY_SIZE(kinds) == _ZW_FEED_KIND_MAX, "a kind has no name");

const char *zw_feed_format_to_string(enum zw_feed_format v)
{
	return formats[v];
}

const char *zw_feed_kind_to_string(enum zw_feed_kind v)
{
	return kinds[v];
}

int zw_feed_format_from_string(const char *text, enum zw_feed_format *ret_format)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(formats); i++) {
		if (!zw_streq(text, formats[i]))
			continue;
		*ret_format = (enum zw_feed_format)i;
		return 0;
	}
	return -EINVAL;
}

int zw_feed_kind_from_string(const char *text, enum zw_feed_kind *ret_kind)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(kinds); i++) {
		if (!zw_streq(text, kinds[i]))
			continue;
		*ret_kind = (enum zw_feed_kind)i;
		return 0;
	}
	return -EINVAL;
}

const struct zw_feed_stats *zw_feed_stats(const struct zw_feed *feed)
{
	return &feed->stats;
}

size_t zw_feed_memory(const struct zw_feed *feed)
{
	return sizeof(*feed) + feed->net4.cap * sizeof(*feed->net4.items) +
	       feed->net6.cap * sizeof(*feed->net6.items) + feed->names.cap +
	       feed->n_slots * sizeof(*feed->slots);
}

void zw_feed_free(struct zw_feed *feed)
{
	if (!feed)
		return;
	free(feed->name);
	zw_vec_free(&feed->net4);
	zw_vec_free(&feed->net6);
	zw_vec_free(&feed->names);
	free(feed->slots);
	ZW_VEC_FOREACH(t, &feed->tags)
		free(*t);
	zw_vec_free(&feed->tags);
	zw_map_free(feed->tag_index);
	ZW_VEC_FOREACH(t, &feed->substrings)
		free(*t);
	zw_vec_free(&feed->substrings);
	free(feed);
}

static char *printable(const char *text, size_t len)
{
	_zw_str_ struct zw_str s = {};
	char *out;

	zw_str_add_escaped(&s, text, len < TEXT_SHOWN ? len : TEXT_SHOWN);
	if (len > TEXT_SHOWN)
		zw_str_add(&s, "...");
	return zw_str_done(&s, &out) == 0 ? out : NULL;
}

int zw_feed_tag(struct zw_feed *feed, const char *text, size_t len, uint16_t *ret_tag)
{
	_zw_free_ char *copy = NULL;
	void *known;
	int r;

	*ret_tag = 0;
	if (len == 0)
		return 0;
	known = zw_map_get(feed->tag_index, text, len);
	if (known) {
		*ret_tag = (uint16_t)(uintptr_t)known;
		return 0;
	}
	if (feed->tags.len > ZW_FEED_TAGS_MAX)
		return 0;
	copy = printable(text, len);
	if (!copy)
		return -ENOMEM;
	r = zw_vec_reserve(&feed->tags, feed->tags.len + 1);
	if (r == 0)
		r = zw_map_put(feed->tag_index, text, len, (void *)(uintptr_t)feed->tags.len, NULL);
	if (r < 0)
		return r;
	*ret_tag = (uint16_t)feed->tags.len;
	feed->tags.items[feed->tags.len++] = ZW_TAKE(copy);
	return 0;
}

static int add_net(struct zw_feed *feed, const struct zw_net *net, uint16_t tag)
{
	uint32_t addr;

	if (feed->net4.len + feed->net6.len >= ZW_FEED_NO_PARENT)
		return -E2BIG;
	if (net->family == AF_INET) {
		memcpy(&addr, net->addr, sizeof(addr));
		return zw_vec_push(&feed->net4, (struct zw_feed_net4){.addr = ntohl(addr),
							.prefix = net->prefix,
							.tag = tag & ZW_FEED_TAGS_MAX});
	} else {
		struct zw_feed_net6 n = {.prefix = net->prefix, .tag = tag & ZW_FEED_TAGS_MAX};

		memcpy(n.addr, net->addr, sizeof(n.addr));
		return zw_vec_push(&feed->net6, n);
	}
}

int zw_feed_add(struct zw_feed *feed, const struct zw_feed_entry *entry, uint16_t tag)
{
	size_t need = feed->names.len + 2 + entry->name_len;
	uint8_t *at;
	int r;

	if (entry->is_net)
		return add_net(feed, &entry->net, tag);
	/* Slots have 32 bits for an offset plus 1. */
	if (need >= UINT32_MAX)
		return -E2BIG;
	r = zw_vec_reserve(&feed->names, need);
	if (r < 0)
		return r;
	at = feed->names.items + feed->names.len;
	at[0] = (uint8_t)tag;
	at[1] = (uint8_t)(tag >> 8);
	memcpy(at + 2, entry->name, entry->name_len);
	feed->names.len = need;
	feed->stats.names++;
	return 0;
}

int zw_feed_add_substring(struct zw_feed *feed, const char *text)
{
	_zw_free_ char *copy = strdup(text);
	int r;

	if (!copy)
		return -ENOMEM;
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	r = zw_vec_push(&feed->substrings, copy);
	if (r < 0)
		return r;
	(void)ZW_TAKE(copy);
	feed->stats.substrings++;
	return 0;
}

void zw_feed_bad(struct zw_feed *feed, uint64_t line, const char *text, size_t len, const char *why)
{
	_zw_free_ char *shown = NULL;
	uint64_t n = feed->stats.bad++;

	if (n >= ZW_FEED_BAD_TOLD)
		return;
	shown = printable(text, len);
	feed->stats.first_bad[n].line = line;
	snprintf(feed->stats.first_bad[n].text, sizeof(feed->stats.first_bad[n].text),
		"\"%.*s\" is %s", TEXT_SHOWN + 16, shown ? shown : "?", why);
}

/* Puts the names into a table that is at most three quarters full. */
static int index_names(struct zw_feed *feed)
{
	size_t slots = 8, len;

	if (feed->stats.names == 0)
		return 0;
	while (slots * 3 / 4 < feed->stats.names)
		slots *= 2;
	feed->slots = calloc(slots, sizeof(*feed->slots));
	if (!feed->slots)
		return -ENOMEM;
	feed->n_slots = slots;
	zw_hash_key_init(&feed->key);
	for (size_t at = 0; at < feed->names.len; at += 2 + len) {
		uint8_t *name = feed->names.items + at + 2, *there;
		size_t i;

		len = zw_name_len(name);
		i = zw_hash_bytes(&feed->key, name, len) & (slots - 1);
		for (; feed->slots[i]; i = (i + 1) & (slots - 1)) {
			there = feed->names.items + feed->slots[i] - 1;
			if (memcmp(there + 2, name, len) == 0)
				break;
		}
		if (!feed->slots[i]) {
			feed->slots[i] = (uint32_t)at + 1;
			continue;
		}
		/* Of the name alone and of all below it, the latter counts. */
		if (!(name[-1] & ZW_FEED_EXACT >> 8))
			there[1] &= (uint8_t) ~(ZW_FEED_EXACT >> 8);
		feed->stats.duplicates++;
		feed->stats.names--;
	}
	return 0;
}

/* What growing left over is given back. */
#define SHRINK(v)                                                                   \
	do {                                                                        \
		void *_p = reallocarray((v)->items, (v)->len, sizeof(*(v)->items)); \
		if (_p) {                                                           \
			(v)->items = _p;                                            \
			(v)->cap = (v)->len;                                        \
		}                                                                   \
	} while (0)

static int finish(struct zw_feed *feed)
{
	size_t before = feed->net4.len + feed->net6.len;
	int r;

	feed->net4.len = zw_feed_sort4(feed->net4.items, feed->net4.len);
	feed->net6.len = zw_feed_sort6(feed->net6.items, feed->net6.len);
	feed->stats.networks = feed->net4.len + feed->net6.len;
	feed->stats.duplicates += before - feed->stats.networks;
	r = index_names(feed);
	if (r < 0)
		return r;
	if (feed->net4.len)
		SHRINK(&feed->net4);
	if (feed->net6.len)
		SHRINK(&feed->net6);
	if (feed->names.len)
		SHRINK(&feed->names);
	zw_map_free(ZW_TAKE(feed->tag_index));
	return 0;
}

static int feed_new(const char *name, enum zw_feed_format format, enum zw_feed_kind kind,
	struct zw_feed **ret_feed)
{
	_zw_feed_free_ struct zw_feed *feed = calloc(1, sizeof(*feed));
	int r;

	if (!feed)
		return -ENOMEM;
	feed->format = format;
	feed->kind = kind;
	feed->name = strdup(name);
	if (!feed->name)
		return -ENOMEM;
	r = zw_map_new(&feed->tag_index);
	if (r == 0)
		r = zw_vec_push(&feed->tags, NULL);
	if (r < 0)
		return r;
	*ret_feed = ZW_TAKE(feed);
	return 0;
}

int zw_feed_parse(const char *name, enum zw_feed_format format, enum zw_feed_kind kind,
	const char *bytes, size_t len, struct zw_feed **ret_feed, struct zw_str *error)
{
	static int (*const parsers[])(
		struct zw_feed * feed, const char *bytes, size_t len, struct zw_str *error) = {
		[ZW_FEED_PLAIN] = zw_feed_parse_plain,
		[ZW_FEED_HOSTS] = zw_feed_parse_hosts,
		[ZW_FEED_CSV] = zw_feed_parse_csv,
		[ZW_FEED_MISP] = zw_feed_parse_misp,
	};
	_zw_feed_free_ struct zw_feed *feed = NULL;
	int r;

	static_assert(ZW_ARRAY_SIZE(parsers) == _ZW_FEED_FORMAT_MAX, "a format has no parser");
	r = feed_new(name, format, kind, &feed);
	if (r == 0)
		r = parsers[format](feed, bytes, len, error);
	if (r == 0)
		r = finish(feed);
	if (r < 0)
		return r;
	*ret_feed = ZW_TAKE(feed);
	return 0;
}
