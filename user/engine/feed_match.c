/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "engine/feed_impl.h"
#include "engine/feed_sort.h"

struct zw_feeds {
	ZW_VEC(struct zw_feed *) list;
};

int zw_feeds_new(struct zw_feeds **ret_feeds)
{
	struct zw_feeds *feeds = calloc(1, sizeof(*feeds));

	if (!feeds)
		return -ENOMEM;
	*ret_feeds = feeds;
	return 0;
}

void zw_feeds_free(struct zw_feeds *feeds)
{
	if (!feeds)
		return;
	ZW_VEC_FOREACH(f, &feeds->list)
		zw_feed_free(*f);
	zw_vec_free(&feeds->list);
	free(feeds);
}

int zw_feeds_replace(struct zw_feeds *feeds, const struct zw_feed *old, struct zw_feed *feed)
{
	ZW_VEC_FOREACH(f, &feeds->list) {
		if (*f != old)
			continue;
		zw_feed_free(*f);
		*f = feed;
		return 0;
	}
	return zw_vec_push(&feeds->list, feed);
}

void zw_feeds_drop(struct zw_feeds *feeds, const struct zw_feed *feed)
{
	for (size_t i = 0; i < feeds->list.len; i++) {
		if (feeds->list.items[i] != feed)
			continue;
		zw_feed_free(feeds->list.items[i]);
		/* The first list that has something is the one that is named: the order stays. */
		feeds->list.len--;
		memmove(feeds->list.items + i, feeds->list.items + i + 1,
			(feeds->list.len - i) * sizeof(*feeds->list.items));
		return;
	}
}

/* Something to be looked up: an address, or a name in lower case. */
struct wanted {
	int family; /* 0: a name */
	uint32_t addr4;
	uint8_t addr6[16];
	uint8_t name[ZW_NAME_MAX];
	size_t len;
	char text
		[ZW_NAME_TEXT_MAX]; /* of the name, without the final dot; made when it is first needed */
};

/* What was found. */
struct found {
	const struct zw_feed_net4 *net4;
	const struct zw_feed_net6 *net6;
	const uint8_t *name; /* before it is its tag */
	const char *substring;
};

static const uint8_t *find_exactly(const struct zw_feed *feed, const uint8_t *name, size_t len)
{
	size_t i = zw_hash_bytes(&feed->key, name, len) & (feed->n_slots - 1);

	for (; feed->slots[i]; i = (i + 1) & (feed->n_slots - 1)) {
		const uint8_t *there = feed->names.items + feed->slots[i] - 1 + 2;
		size_t there_len = zw_name_len(there);

		if (there_len == len && memcmp(there, name, len) == 0)
			return there;
	}
	return NULL;
}

/* The name itself, else the nearest parent that stands for what is below it. */
static const uint8_t *find_name(const struct zw_feed *feed, const struct wanted *w)
{
	const uint8_t *end = w->name + w->len, *there;

	if (feed->n_slots == 0)
		return NULL;
	for (const uint8_t *n = w->name; *n; n = zw_name_parent(n)) {
		there = find_exactly(feed, n, (size_t)(end - n));
		if (there && (n == w->name || !(there[-1] & ZW_FEED_EXACT >> 8)))
			return there;
	}
	return NULL;
}

static const char *find_substring(const struct zw_feed *feed, struct wanted *w)
{
	size_t len;

	if (feed->substrings.len == 0)
		return NULL;
	if (!w->text[0]) {
		len = zw_name_to_text(w->name, w->text);
		if (len > 1)
			w->text[len - 1] = '\0';
	}
	ZW_VEC_FOREACH(s, &feed->substrings)
		if (strstr(w->text, *s))
			return *s;
	return NULL;
}

static bool find(const struct zw_feed *feed, struct wanted *w, struct found *ret)
{
	*ret = (struct found){};
	switch (w->family) {
	case AF_INET:
		ret->net4 = zw_feed_find4(feed, w->addr4);
		return ret->net4;
	case AF_INET6:
		ret->net6 = zw_feed_find6(feed, w->addr6);
		return ret->net6;
	default:
		ret->name = find_name(feed, w);
		if (!ret->name)
			ret->substring = find_substring(feed, w);
		return ret->name || ret->substring;
	}
}

static void tell(const struct zw_feed *feed, const struct found *found, struct zw_feed_match *ret)
{
	struct zw_net net = {};
	uint16_t tag = 0;
	size_t len;

	if (found->net4) {
		uint32_t addr = htonl(found->net4->addr);

		net.family = AF_INET;
		net.prefix = found->net4->prefix;
		memcpy(net.addr, &addr, sizeof(addr));
		tag = found->net4->tag;
	} else if (found->net6) {
		net.family = AF_INET6;
		net.prefix = found->net6->prefix;
		memcpy(net.addr, found->net6->addr, sizeof(net.addr));
		tag = found->net6->tag;
	} else if (found->name) {
		tag = (uint16_t)(found->name[-2] | found->name[-1] << 8) & ZW_FEED_TAGS_MAX;
		len = zw_name_to_text(found->name, ret->entry);
		ret->entry[len - 1] = '\0';
	} else {
		snprintf(ret->entry, sizeof(ret->entry), "%s", found->substring);
	}
	if (net.family)
		zw_net_to_text(&net, ret->entry);
	ret->feed = feed->name;
	ret->tag = feed->tags.items[tag];
}

static bool match(const struct zw_feeds *feeds, struct wanted *w, struct zw_feed_match *ret_match)
{
	const struct zw_feed *by = NULL;
	struct found found, other;

	ZW_VEC_FOREACH(f, &feeds->list)
		if (!by && (*f)->kind == ZW_FEED_BAD && find(*f, w, &found))
			by = *f;
	if (!by)
		return false;
	ZW_VEC_FOREACH(f, &feeds->list)
		if ((*f)->kind == ZW_FEED_SUPPRESS && find(*f, w, &other))
			return false;
	tell(by, &found, ret_match);
	return true;
}

bool zw_feeds_match_address(
	const struct zw_feeds *feeds, int family, const void *addr, struct zw_feed_match *ret_match)
{
	/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct wanted w = {.family = family};
	const uint8_t *octets = addr;

	if (!feeds || !feeds->list.len)
		return false;
	if (family == AF_INET6 && memcmp(octets, mapped, sizeof(mapped)) == 0) {
		w.family = AF_INET;
		octets += sizeof(mapped);
	}
	if (w.family == AF_INET) {
		memcpy(&w.addr4, octets, sizeof(w.addr4));
		w.addr4 = ntohl(w.addr4);
	} else {
		memcpy(w.addr6, octets, sizeof(w.addr6));
	}
	return match(feeds, &w, ret_match);
}

bool zw_feeds_match_name(
	const struct zw_feeds *feeds, const uint8_t *name, struct zw_feed_match *ret_match)
{
	struct wanted w;

	if (!feeds || !feeds->list.len)
		return false;
	w.family = 0;
	w.text[0] = '\0';
	w.len = zw_name_len(name);
	memcpy(w.name, name, w.len);
	zw_name_lower(w.name, w.len);
	return match(feeds, &w, ret_match);
}
