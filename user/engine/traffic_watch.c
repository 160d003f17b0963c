/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who and what is watched, and for how long. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/traffic_watch_impl.h"

/* Watched at a time; some 3 MB all together. */
static const size_t watched_max[] = {
	[WATCHED_ADDRESS] = 4096,
	[WATCHED_NET] = 4096,
	[WATCHED_ZONE] = 2048,
};
static_assert(ZW_ARRAY_SIZE(watched_max) == _WATCHED_CLASS_MAX, "a bound for every class");

static const enum zw_baseline_class baseline_classes[] = {
	[WATCHED_ADDRESS] = _ZW_BASELINE_CLASS_MAX, /* nothing is learned of single ones */
	[WATCHED_NET] = ZW_BASELINE_SOURCE,
	[WATCHED_ZONE] = ZW_BASELINE_ZONE,
};
static_assert(
	ZW_ARRAY_SIZE(baseline_classes) == _WATCHED_CLASS_MAX, "what is learned of every class");

/* Longer than any window. */
#define FORGET_NS (11 * 60 * ZW_NSEC_PER_SEC)

static void watched_free(struct watched *e)
{
	if (!e)
		return;
	free(e->names);
	free(e);
}

static bool has_alarm(const struct watched *e)
{
	for (size_t i = 0; i < _WATCHED_RULE_MAX; i++)
		if (e->alarm[i])
			return true;
	return false;
}

static void watched_drop(struct zw_watch *w, struct watched *e)
{
	zw_map_remove(w->watched[e->class], e->key, e->len);
	watched_free(e);
}

/* A finding keeps what it is about in the minutes until it is over. */
static void pin(struct zw_watch *w, const struct watched *e, bool on)
{
	enum zw_traffic_by by = e->class == WATCHED_ZONE ? ZW_TRAFFIC_ZONE : ZW_TRAFFIC_SOURCE;

	if (e == w->host || e->class == WATCHED_NET)
		return;
	if (on)
		(void)zw_traffic_pin(w->options.traffic, by, e->key, e->len);
	else
		zw_traffic_unpin(w->options.traffic, by, e->key, e->len);
}

static void on_alarm(void *ctx, struct zw_alarm *alarm, bool ended)
{
	struct zw_watch *w = ctx;
	struct watched *e = alarm->owner;

	if (e)
		pin(w, e, !ended);
	w->options.fn(w->options.ctx, alarm, ended);
	for (size_t i = 0; ended && e && i < _WATCHED_RULE_MAX; i++)
		if (e->alarm[i] == alarm)
			e->alarm[i] = NULL;
}

int zw_watch_new(const struct zw_watch_options *options, struct zw_watch **ret_watch)
{
	_zw_watch_free_ struct zw_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->host = calloc(1, sizeof(*w->host));
	r = w->host ? zw_alarms_new(on_alarm, w, &w->alarms) : -ENOMEM;
	for (size_t i = 0; i < _WATCHED_CLASS_MAX && r == 0; i++)
		r = zw_map_new(&w->watched[i]);
	if (r < 0)
		return r;
	*ret_watch = ZW_TAKE(w);
	return 0;
}

void zw_watch_free(struct zw_watch *w)
{
	if (!w)
		return;
	zw_alarms_free(w->alarms);
	for (size_t i = 0; i < _WATCHED_CLASS_MAX; i++) {
		size_t it = 0;
		void *value;

		while (w->watched[i] && zw_map_next(w->watched[i], &it, NULL, NULL, &value))
			watched_free(value);
		zw_map_free(w->watched[i]);
	}
	zw_vec_free(&w->zones);
	zw_vec_free(&w->frequent);
	free(w->host);
	free(w);
}

void zw_watch_configure(struct zw_watch *w, const struct zw_rules_conf *rules)
{
	zw_watch_knobs(rules, &w->knobs);
}

size_t zw_watch_alarms(const struct zw_watch *w)
{
	return zw_alarms_len(w->alarms);
}

/* --- who is watched ------------------------------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The half that asked least in this minute goes, whoever has no finding: a forged address asks once. */
static void make_room(struct zw_map *map)
{
	_zw_free_ uint64_t *minutes = calloc(zw_map_len(map), sizeof(*minutes));
	size_t n = 0, it = 0, left;
	uint64_t median;
	void *value;

	if (!minutes)
		return;
	while (zw_map_next(map, &it, NULL, NULL, &value))
		minutes[n++] = ((struct watched *)value)->minute;
	qsort(minutes, n, sizeof(*minutes), compare_numbers);
	median = minutes[n / 2];
	left = n;
	for (it = 0; left > n / 2 && zw_map_next(map, &it, NULL, NULL, &value);) {
		struct watched *e = value;

		if (e->minute > median || has_alarm(e))
			continue;
		zw_map_remove(map, e->key, e->len);
		watched_free(e);
		left--;
	}
}

static struct watched *watched_get(
	struct zw_watch *w, enum watched_class class, const void *key, size_t len)
{
	struct zw_map *map = w->watched[class];
	struct watched *e = zw_map_get(map, key, len);

	if (e)
		return e;
	if (zw_map_len(map) >= watched_max[class])
		make_room(map);
	e = calloc(1, sizeof(*e) + len);
	if (!e)
		return NULL;
	e->class = class;
	e->len = len;
	memcpy(e->key, key, len);
	if (class == WATCHED_ZONE)
		e->names = calloc(1, sizeof(*e->names));
	if ((class == WATCHED_ZONE && !e->names) || zw_map_put(map, e->key, len, e, NULL) < 0) {
		watched_free(e);
		return NULL;
	}
	return e;
}

static void count(struct zw_watch *w, struct watched *e, const struct zw_counts *more)
{
	uint64_t queries = more->n[ZW_COUNT_QUERIES];

	e->minute += queries;
	if (queries > e->peak)
		e->peak = queries;
	e->last_ns = w->now_ns;
	for (size_t i = 0; i < _WATCHED_RULE_MAX; i++) {
		if (!e->alarm[i])
			continue;
		e->alarm[i]->queries += queries;
		if (queries > e->alarm[i]->peak)
			e->alarm[i]->peak = queries;
	}
}

/* --- a second ------------------------------------------------------------------------------------------ */

static void take_source(struct zw_watch *w, const struct zw_query_source *row)
{
	struct zw_traffic_source address = zw_traffic_source_of(row->family, row->addr);
	struct zw_traffic_source net = zw_traffic_source_net(&address);
	struct zw_counts more = zw_traffic_counts_of(&row->n);
	struct watched *e = watched_get(w, WATCHED_ADDRESS, &address, sizeof(address));

	if (e) {
		count(w, e, &more);
		zw_watch_address(w, e, &more);
	}
	e = watched_get(w, WATCHED_NET, &net, sizeof(net));
	if (e) {
		count(w, e, &more);
		zw_watch_net(w, e, &more);
	}
}

static size_t name_bytes(uint8_t len)
{
	return len < ZW_QUERY_NAME_BYTES ? len : ZW_QUERY_NAME_BYTES;
}

/* What is asked for again and again is no part of a flood of names, however many ask for it meanwhile. */
static void count_frequent(struct zw_watch *w, const struct zw_query_book *reading)
{
	const struct zw_map *index = reading->index[ZW_QUERY_ZONES];

	memset(w->frequent.items, 0, reading->zones.len * sizeof(*w->frequent.items));
	ZW_VEC_FOREACH(row, &reading->names) {
		struct zw_counts more;
		void *at;

		if (row->n.queries * 100 <= w->knobs.flood_per_child || !index)
			continue;
		at = zw_map_get(index, &row->zone, sizeof(row->zone));
		more = zw_traffic_counts_of(&row->n);
		if (at)
			zw_counts_add(&w->frequent.items[(uintptr_t)at - 1], &more);
	}
}

static void take_zones(struct zw_watch *w, const struct zw_query_book *reading)
{
	size_t n = reading->zones.len;

	w->zones.len = 0;
	if (n == 0 || zw_vec_reserve(&w->zones, n) < 0 || zw_vec_reserve(&w->frequent, n) < 0)
		return;
	ZW_VEC_FOREACH(row, &reading->zones) {
		struct zw_counts more = zw_traffic_counts_of(&row->n);
		struct watched *e = watched_get(w, WATCHED_ZONE, row->name, name_bytes(row->len));

		if (!e)
			continue;
		e->names->served = row->served;
		count(w, e, &more);
	}
	count_frequent(w, reading);
	/* From here on none of them makes room for another. */
	for (size_t i = 0; i < n; i++) {
		const struct zw_query_zone *row = &reading->zones.items[i];
		struct watched *e =
			zw_map_get(w->watched[WATCHED_ZONE], row->name, name_bytes(row->len));

		w->zones.items[w->zones.len++] = e;
		if (e)
			zw_watch_zone(w, e, row, &w->frequent.items[i]);
	}
}

static void take_long_names(struct zw_watch *w, const struct zw_query_book *reading)
{
	const struct zw_map *index = reading->index[ZW_QUERY_ZONES];

	if (!index || w->zones.len != reading->zones.len)
		return;
	ZW_VEC_FOREACH(row, &reading->names) {
		void *at = row->longest >= w->knobs.tunnel_label
				   ? zw_map_get(index, &row->zone, sizeof(row->zone))
				   : NULL;

		if (at && w->zones.items[(uintptr_t)at - 1])
			zw_watch_long_name(w, w->zones.items[(uintptr_t)at - 1], row);
	}
}

void zw_watch_take(struct zw_watch *w, const struct zw_query_book *reading,
	const struct zw_feeds *feeds, uint64_t now_ns, uint64_t real_ns)
{
	struct zw_counts all = zw_traffic_counts_of(&reading->other[ZW_QUERY_SOURCES]);

	w->now_ns = now_ns;
	w->real_ns = real_ns;
	ZW_VEC_FOREACH(row, &reading->sources) {
		struct zw_counts more = zw_traffic_counts_of(&row->n);

		zw_counts_add(&all, &more);
		take_source(w, row);
	}
	take_zones(w, reading);
	take_long_names(w, reading);
	count(w, w->host, &all);
	zw_watch_host(w, &all);
	if (feeds)
		zw_watch_feeds(w, reading, feeds);
}

/* --- a minute ------------------------------------------------------------------------------------------ */

/* Single addresses have no baseline, nor have zones of others. */
static void learn(struct zw_watch *w, const struct watched *e)
{
	char text[ZW_TRAFFIC_KEY_MAX];

	if (baseline_classes[e->class] == _ZW_BASELINE_CLASS_MAX || !e->minute ||
		(e->names && !e->names->served))
		return;
	zw_watched_text(e, text);
	zw_baselines_learn(w->options.baselines, baseline_classes[e->class], text, e->minute);
}

static void next_minute(struct watched *e)
{
	e->minute = e->peak = 0;
	e->limit = 0;
}

void zw_watch_minute(struct zw_watch *w, uint64_t real_ns, bool whole)
{
	if (whole) {
		zw_baselines_begin(w->options.baselines, real_ns);
		zw_baselines_learn(w->options.baselines, ZW_BASELINE_HOST, "", w->host->minute);
	}
	next_minute(w->host);
	for (size_t i = 0; i < _WATCHED_CLASS_MAX; i++) {
		size_t it = 0;
		void *value;

		while (zw_map_next(w->watched[i], &it, NULL, NULL, &value)) {
			struct watched *e = value;

			if (whole)
				learn(w, e);
			next_minute(e);
			if (w->now_ns - e->last_ns > FORGET_NS && !has_alarm(e))
				watched_drop(w, e);
		}
	}
}

void zw_watch_expire(struct zw_watch *w, uint64_t now_ns, bool all)
{
	zw_alarms_expire(w->alarms, now_ns, all);
}
