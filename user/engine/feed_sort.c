/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/feed_sort.h"

#include <string.h>

static bool holds4(const struct zw_feed_net4 *net, uint32_t addr)
{
	return ((net->addr ^ addr) >> (32 - net->prefix)) == 0;
}

static bool holds6(const struct zw_feed_net6 *net, const uint8_t *addr)
{
	unsigned int whole = net->prefix / 8, rest = net->prefix % 8;

	if (memcmp(net->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr[whole]) & (uint8_t)(0xff << (8 - rest))) == 0;
}

static int compare4(const void *a, const void *b)
{
	const struct zw_feed_net4 *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (int)x->prefix - (int)y->prefix;
}

static int compare6(const void *a, const void *b)
{
	const struct zw_feed_net6 *x = a, *y = b;
	int d = memcmp(x->addr, y->addr, sizeof(x->addr));

	return d ? d : (int)x->prefix - (int)y->prefix;
}

size_t zw_feed_sort4(struct zw_feed_net4 *net, size_t n)
{
	uint32_t around = ZW_FEED_NO_PARENT; /* the last one, and its parents */
	size_t left = 0;

	if (n > 0)
		qsort(net, n, sizeof(*net), compare4);
	for (size_t i = 0; i < n; i++) {
		if (left > 0 && compare4(&net[left - 1], &net[i]) == 0)
			continue;
		while (around != ZW_FEED_NO_PARENT && !holds4(&net[around], net[i].addr))
			around = net[around].parent;
		net[left] = net[i];
		net[left].parent = around;
		around = (uint32_t)left++;
	}
	return left;
}

size_t zw_feed_sort6(struct zw_feed_net6 *net, size_t n)
{
	uint32_t around = ZW_FEED_NO_PARENT;
	size_t left = 0;

	if (n > 0)
		qsort(net, n, sizeof(*net), compare6);
	for (size_t i = 0; i < n; i++) {
		if (left > 0 && compare6(&net[left - 1], &net[i]) == 0)
			continue;
		while (around != ZW_FEED_NO_PARENT && !holds6(&net[around], net[i].addr))
			around = net[around].parent;
		net[left] = net[i];
		net[left].parent = around;
		around = (uint32_t)left++;
	}
	return left;
}

/* The last network that does not begin behind the address holds it, or one of those around that network does: any that
 * does begins before, and ends after it. */
const struct zw_feed_net4 *zw_feed_find4(const struct zw_feed *feed, uint32_t addr)
{
	const struct zw_feed_net4 *net = feed->net4.items;
	size_t low = 0, high = feed->net4.len;
	uint32_t i;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (net[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low ? (uint32_t)low - 1 : ZW_FEED_NO_PARENT; i != ZW_FEED_NO_PARENT;
		i = net[i].parent)
		if (holds4(&net[i], addr))
			return &net[i];
	return NULL;
}

const struct zw_feed_net6 *zw_feed_find6(const struct zw_feed *feed, const uint8_t addr[16])
{
	const struct zw_feed_net6 *net = feed->net6.items;
	size_t low = 0, high = feed->net6.len;
	uint32_t i;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(net[mid].addr, addr, 16) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low ? (uint32_t)low - 1 : ZW_FEED_NO_PARENT; i != ZW_FEED_NO_PARENT;
		i = net[i].parent)
		if (holds6(&net[i], addr))
			return &net[i];
	return NULL;
}
