/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/baseline.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
#define HOURS 24
/* Minutes that the averages are about. */
#define DAY_MINUTES 1440
#define HOUR_MINUTES (60 * 7)
/* An hour of the day is compared with itself once it was seen on two days. */
#define HOURLY_MINUTES 90
/* Deviations that a value counts for at most, once so many were seen. */
#define CLIP 5
#define CLIP_MINUTES 10

struct average {
	float mean, deviation;
	uint16_t minutes; /* seen, up to what the average is about */
};

struct baseline {
	struct average all, hour[HOURS];
	uint64_t minutes; /* since it was first seen */
	uint64_t watched; /* value of zw_baselines.watched when it was learned last */
	bool changed;
	char key[];
};

struct zw_baselines {
	struct zw_map *map[_ZW_BASELINE_CLASS_MAX]; /* key -> struct baseline */
	uint64_t watched;                           /* minutes */
	uint64_t minute;                            /* the last of them, since 1970 */
};

int zw_baselines_new(struct zw_baselines **ret_baselines)
{
	_zw_baselines_free_ struct zw_baselines *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < _ZW_BASELINE_CLASS_MAX; i++) {
		int r = zw_map_new(&b->map[i]);

		if (r < 0)
			return r;
	}
	*ret_baselines = ZW_TAKE(b);
	return 0;
}

void zw_baselines_free(struct zw_baselines *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < _ZW_BASELINE_CLASS_MAX; i++) {
		size_t it = 0;
		void *value;

		while (b->map[i] && zw_map_next(b->map[i], &it, NULL, NULL, &value))
			free(value);
		zw_map_free(b->map[i]);
	}
	free(b);
}

/* --- room ---------------------------------------------------------------------------------------------- */

static int compare_means(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

/* The smaller half goes: whoever forges addresses is seen once or twice from each. */
static void make_room(struct zw_map *map)
{
	_zw_free_ float *means = calloc(zw_map_len(map), sizeof(*means));
	size_t n = 0, it = 0;
	float median;
	void *value;

	if (!means)
		return;
	while (zw_map_next(map, &it, NULL, NULL, &value))
		means[n++] = ((struct baseline *)value)->all.mean;
	qsort(means, n, sizeof(*means), compare_means);
	median = means[n / 2];
	for (it = 0; zw_map_len(map) > n / 2 && zw_map_next(map, &it, NULL, NULL, &value);) {
		struct baseline *e = value;

		if (e->all.mean > median)
			continue;
		zw_map_remove(map, e->key, strlen(e->key));
		free(e);
	}
}

static struct baseline *find(
	const struct zw_baselines *b, enum zw_baseline_class class, const char *key)
{
	return zw_map_get(b->map[class], key, strlen(key));
}

static struct baseline *add(struct zw_baselines *b, enum zw_baseline_class class, const char *key)
{
	size_t len = strlen(key);
	struct baseline *e;

	if (zw_map_len(b->map[class]) >= ZW_BASELINE_KEYS_MAX)
		make_room(b->map[class]);
	if (zw_map_len(b->map[class]) >= ZW_BASELINE_KEYS_MAX)
		return NULL;
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	memcpy(e->key, key, len + 1);
	e->watched = b->watched ? b->watched - 1 : 0;
	if (zw_map_put(b->map[class], key, len, e, NULL) == 0)
		return e;
	free(e);
	return NULL;
}

/* --- learning ------------------------------------------------------------------------------------------ */

static void average_add(struct average *a, double value, unsigned int about)
{
	double weight = a->minutes < about ? 1.0 / (a->minutes + 1) : 1.0 / about;
	double away = value - a->mean;

	/* The first is what is usual, not away from it. */
	if (a->minutes == 0) {
		*a = (struct average){.mean = (float)value, .minutes = 1};
		return;
	}
	if (a->minutes >= CLIP_MINUTES) {
		/* What never varied may begin to. */
		double most = CLIP * (a->deviation > 1 ? a->deviation : 1);

		if (away > most)
			away = most;
	}
	a->mean = (float)(a->mean + weight * away);
	a->deviation = (float)(a->deviation + weight * ((away < 0 ? -away : away) - a->deviation));
	if (a->minutes < about)
		a->minutes++;
}

static unsigned int hour_of(uint64_t minute)
{
	return (unsigned int)(minute / 60 % HOURS);
}

static void baseline_add(struct baseline *e, uint64_t minute, double value)
{
	average_add(&e->all, value, DAY_MINUTES);
	average_add(&e->hour[hour_of(minute)], value, HOUR_MINUTES);
	e->minutes++;
}

void zw_baselines_begin(struct zw_baselines *b, uint64_t real_ns)
{
	b->minute = real_ns / MINUTE_NS;
	b->watched++;
}

void zw_baselines_learn(
	struct zw_baselines *b, enum zw_baseline_class class, const char *key, uint64_t queries)
{
	struct baseline *e = find(b, class, key);
	uint64_t unseen;

	if (!e)
		e = add(b, class, key);
	if (!e || e->watched == b->watched)
		return;
	/* Zeros, up to what the longest average forgets anyway. */
	unseen = b->watched - e->watched - 1;
	for (uint64_t i = unseen < DAY_MINUTES ? unseen : DAY_MINUTES; i > 0; i--)
		baseline_add(e, b->minute - i, 0);
	baseline_add(e, b->minute, (double)queries);
	e->watched = b->watched;
	e->changed = true;
}

bool zw_baselines_usual(const struct zw_baselines *b, enum zw_baseline_class class, const char *key,
	uint64_t real_ns, uint64_t warm_up_ns, struct zw_baseline_usual *ret_usual)
{
	const struct baseline *e = find(b, class, key);
	uint64_t minute = real_ns / MINUTE_NS, unseen;
	const struct average *a;
	struct baseline copy;

	if (!e)
		return false;
	unseen = b->watched - e->watched;
	if ((e->minutes + unseen) * MINUTE_NS < warm_up_ns)
		return false;
	/* As if it were learned until now. */
	copy = *e;
	for (uint64_t i = unseen < DAY_MINUTES ? unseen : DAY_MINUTES; i > 0; i--)
		baseline_add(&copy, minute - i, 0);
	a = &copy.hour[hour_of(minute)];
	if (a->minutes < HOURLY_MINUTES)
		a = &copy.all;
	*ret_usual = (struct zw_baseline_usual){.mean = a->mean,
		.deviation = a->deviation,
		.minutes = copy.minutes,
		.hourly = a != &copy.all};
	return true;
}

double zw_baseline_limit(const struct zw_baseline_usual *usual, uint64_t queries, uint64_t percent,
	uint64_t deviations)
{
	double by_share = usual->mean * (double)percent / 100, limit = (double)queries;
	double by_deviation = usual->mean + usual->deviation * (double)deviations;

	if (by_share > limit)
		limit = by_share;
	return by_deviation > limit ? by_deviation : limit;
}

size_t zw_baselines_len(const struct zw_baselines *b, enum zw_baseline_class class)
{
	return zw_map_len(b->map[class]);
}

/* --- keeping ------------------------------------------------------------------------------------------- */

/* As it is stored, little-endian: minutes since it was first seen, then the averages: of all, and of each hour. */
struct stored_average {
	uint32_t mean, deviation; /* as float */
	uint16_t minutes;
} __attribute__((packed));

struct stored {
	uint64_t minutes;
	struct stored_average all, hour[HOURS];
} __attribute__((packed));

static_assert(sizeof(float) == sizeof(uint32_t), "a float is stored as its bits");

static struct stored_average store_average(const struct average *a)
{
	struct stored_average s;
	uint32_t bits;

	memcpy(&bits, &a->mean, sizeof(bits));
	s.mean = htole32(bits);
	memcpy(&bits, &a->deviation, sizeof(bits));
	s.deviation = htole32(bits);
	s.minutes = htole16(a->minutes);
	return s;
}

/* What is no number of queries is damage. */
static bool load_average(const struct stored_average *s, unsigned int about, struct average *ret_a)
{
	struct average a = {.minutes = le16toh(s->minutes)};
	uint32_t bits = le32toh(s->mean);

	memcpy(&a.mean, &bits, sizeof(bits));
	bits = le32toh(s->deviation);
	memcpy(&a.deviation, &bits, sizeof(bits));
	*ret_a = a;
	return a.mean >= 0 && a.mean < 1e15f && a.deviation >= 0 && a.deviation < 1e15f &&
	       a.minutes <= about;
}

size_t zw_baselines_save(struct zw_baselines *b, size_t max, zw_baseline_save_fn fn, void *ctx)
{
	size_t saved = 0;

	for (unsigned int class = 0; class < _ZW_BASELINE_CLASS_MAX; class ++) {
		size_t it = 0;
		void *value;

		while (saved < max && zw_map_next(b->map[class], &it, NULL, NULL, &value)) {
			struct baseline *e = value;
			struct stored s = {.minutes = htole64(e->minutes)};

			if (!e->changed)
				continue;
			s.all = store_average(&e->all);
			for (size_t i = 0; i < HOURS; i++)
				s.hour[i] = store_average(&e->hour[i]);
			if (fn(ctx, class, e->key, &s, sizeof(s)) < 0)
				return saved;
			e->changed = false;
			saved++;
		}
	}
	return saved;
}

int zw_baselines_load(
	struct zw_baselines *b, unsigned int class, const char *key, const void *data, size_t len)
{
	struct baseline loaded = {};
	struct baseline *e;
	struct stored s;
	bool good;

	if (class >= _ZW_BASELINE_CLASS_MAX || len != sizeof(s))
		return -EBADMSG;
	memcpy(&s, data, sizeof(s));
	loaded.minutes = le64toh(s.minutes);
	good = load_average(&s.all, DAY_MINUTES, &loaded.all) && loaded.minutes < UINT32_MAX;
	for (size_t i = 0; i < HOURS; i++)
		good &= load_average(&s.hour[i], HOUR_MINUTES, &loaded.hour[i]);
	if (!good)
		return -EBADMSG;
	if (zw_map_len(b->map[class]) >= ZW_BASELINE_KEYS_MAX && !find(b, class, key))
		return -ENOSPC;
	e = find(b, class, key);
	if (!e)
		e = add(b, class, key);
	if (!e)
		return -ENOMEM;
	e->all = loaded.all;
	memcpy(e->hour, loaded.hour, sizeof(e->hour));
	e->minutes = loaded.minutes;
	e->watched = b->watched;
	e->changed = false;
	return 0;
}
