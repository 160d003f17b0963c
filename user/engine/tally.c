/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

/* Rates follow a change within about so long. */
#define RATE_SECONDS 3.0

struct zw_tally {
	struct zw_map *entries; /* key -> struct zw_tally_entry */
	size_t max, pinned;
	uint64_t missed;
};

const char *zw_count_to_string(enum zw_count v)
{
	static const char *const names[] = {
		[ZW_COUNT_QUERIES] = "queries",
		[ZW_COUNT_RESPONSES] = "responses",
		[ZW_COUNT_NXDOMAIN] = "nxdomain",
		[ZW_COUNT_SERVFAIL] = "servfail",
		[ZW_COUNT_REFUSED] = "refused",
		[ZW_COUNT_TCP] = "tcp",
		[ZW_COUNT_IN_BYTES] = "in_bytes",
		[ZW_COUNT_OUT_BYTES] = "out_bytes",
	};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_COUNT_MAX, "one name for every value");
	return (size_t)v < ZW_ARRAY_SIZE(names) ? names[v] : "unknown";
}

int zw_tally_new(size_t max, struct zw_tally **ret_tally)
{
	_zw_tally_free_ struct zw_tally *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->max = max;
	r = zw_map_new(&t->entries);
	if (r < 0)
		return r;
	*ret_tally = ZW_TAKE(t);
	return 0;
}

void zw_tally_free(struct zw_tally *t)
{
	size_t it = 0;
	void *entry;

	if (!t)
		return;
	while (t->entries && zw_map_next(t->entries, &it, NULL, NULL, &entry))
		free(entry);
	zw_map_free(t->entries);
	free(t);
}

static void drop(struct zw_tally *t, struct zw_tally_entry *e)
{
	zw_map_remove(t->entries, e->key, e->len);
	free(e);
}

static int compare_weights(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What half of the entries do not exceed. */
static uint64_t median(const struct zw_tally *t)
{
	_zw_free_ uint64_t *weights = calloc(zw_map_len(t->entries), sizeof(*weights));
	size_t n = 0, it = 0;
	void *value;

	if (!weights)
		return 0;
	while (zw_map_next(t->entries, &it, NULL, NULL, &value))
		weights[n++] = zw_counts_weight(&((struct zw_tally_entry *)value)->counts);
	qsort(weights, n, sizeof(*weights), compare_weights);
	return n ? weights[n / 2] : 0;
}

static void make_room(struct zw_tally *t)
{
	uint64_t limit = median(t), largest = 0;
	size_t it = 0;
	void *value;

	/* Many are equal where most came once: no more than half of all go. */
	while (zw_map_len(t->entries) > t->max / 2 &&
		zw_map_next(t->entries, &it, NULL, NULL, &value)) {
		struct zw_tally_entry *e = value;
		uint64_t weight = zw_counts_weight(&e->counts);

		if (e->pins || weight > limit)
			continue;
		if (weight > largest)
			largest = weight;
		drop(t, e);
	}
	t->missed += largest;
}

static struct zw_tally_entry *entry_new(struct zw_tally *t, const void *key, size_t len)
{
	struct zw_tally_entry *e;

	if (zw_map_len(t->entries) >= t->max)
		make_room(t);
	e = calloc(1, sizeof(*e) + len);
	if (!e)
		return NULL;
	e->len = len;
	memcpy(e->key, key, len);
	if (zw_map_put(t->entries, e->key, len, e, NULL) == 0)
		return e;
	free(e);
	return NULL;
}

double zw_rate_step(double rate, uint64_t n, uint64_t elapsed_ns)
{
	double seconds = (double)elapsed_ns / (double)ZW_NSEC_PER_SEC;

	return (rate * RATE_SECONDS + (double)n) / (RATE_SECONDS + seconds);
}

double zw_tally_rate(const struct zw_tally_entry *e, uint64_t now_ns)
{
	return zw_rate_step(e->rate, 0, now_ns > e->rate_ns ? now_ns - e->rate_ns : 0);
}

void zw_tally_add(struct zw_tally *t, const void *key, size_t len, const struct zw_counts *more,
	uint64_t now_ns)
{
	struct zw_tally_entry *e = zw_map_get(t->entries, key, len);

	if (!e) {
		e = entry_new(t, key, len);
		if (!e) {
			t->missed += zw_counts_weight(more);
			return;
		}
		/* The first sight is of what came within a second. */
		e->rate_ns = now_ns > ZW_NSEC_PER_SEC ? now_ns - ZW_NSEC_PER_SEC : 0;
	}
	zw_counts_add(&e->counts, more);
	e->rate = zw_rate_step(
		e->rate, zw_counts_weight(more), now_ns > e->rate_ns ? now_ns - e->rate_ns : 0);
	e->rate_ns = now_ns;
}

struct zw_tally_entry *zw_tally_find(const struct zw_tally *t, const void *key, size_t len)
{
	return zw_map_get(t->entries, key, len);
}

bool zw_tally_pin(struct zw_tally *t, const void *key, size_t len)
{
	struct zw_tally_entry *e = zw_map_get(t->entries, key, len);

	if (e && e->pins) {
		e->pins++;
		return true;
	}
	if (t->pinned >= t->max / 4)
		return false;
	if (!e)
		e = entry_new(t, key, len);
	if (!e)
		return false;
	e->pins = 1;
	t->pinned++;
	return true;
}

void zw_tally_unpin(struct zw_tally *t, const void *key, size_t len)
{
	struct zw_tally_entry *e = zw_map_get(t->entries, key, len);

	if (!e || !e->pins)
		return;
	e->pins--;
	t->pinned -= !e->pins;
}

void zw_tally_begin(struct zw_tally *t)
{
	size_t it = 0;
	void *value;

	t->missed = 0;
	while (zw_map_next(t->entries, &it, NULL, NULL, &value)) {
		struct zw_tally_entry *e = value;

		if (!e->pins && zw_counts_weight(&e->counts) == 0)
			drop(t, e);
		else
			e->counts = (struct zw_counts){};
	}
}

struct ranked {
	const struct zw_tally_entry *entry;
	double rank;
};

/* Descending; what is equal in the order of its key, so that it is the same each time. */
static int compare_ranks(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	size_t len = x->entry->len < y->entry->len ? x->entry->len : y->entry->len;
	int r;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	r = memcmp(x->entry->key, y->entry->key, len);
	return r ? r : (x->entry->len > y->entry->len) - (x->entry->len < y->entry->len);
}

int zw_tally_top(const struct zw_tally *t, size_t n, bool by_rate, uint64_t now_ns,
	const struct zw_tally_entry ***ret_top, size_t *ret_n)
{
	size_t len = zw_map_len(t->entries), kept = 0, it = 0, i = 0;
	_zw_free_ struct ranked *all = calloc(len + 1, sizeof(*all));
	_zw_free_ const struct zw_tally_entry **top = calloc(len + 1, sizeof(*top));
	void *value;

	if (!all || !top)
		return -ENOMEM;
	while (zw_map_next(t->entries, &it, NULL, NULL, &value)) {
		const struct zw_tally_entry *e = value;

		all[i++] = (struct ranked){e,
			by_rate ? zw_tally_rate(e, now_ns) : (double)zw_counts_weight(&e->counts)};
	}
	qsort(all, len, sizeof(*all), compare_ranks);
	for (i = 0; i < len; i++)
		if ((kept < n && all[i].rank > 0) || (!by_rate && all[i].entry->pins))
			top[kept++] = all[i].entry;
	*ret_top = ZW_TAKE(top);
	*ret_n = kept;
	return 0;
}

uint64_t zw_tally_missed(const struct zw_tally *t)
{
	return t->missed;
}

size_t zw_tally_len(const struct zw_tally *t)
{
	return zw_map_len(t->entries);
}
