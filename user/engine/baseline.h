/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is usual: how many queries a minute all together, a network of clients, a zone. Pure; minutes come in.
 *
 * Of each key the mean and the mean deviation from it are kept, as moving averages (EWMA): of all minutes, over about a day,
 * and of each hour of the day (UTC), over about seven days. A value far beyond what is usual is taken for no more than
 * CLIP deviations, so that a spike does not become usual, but what lasts does, within a few days. Minutes in which a key
 * was not seen while somebody watched are zeros; those in which nobody watched are none.
 *
 * Nothing is said of a key before it is known for the warm-up: a day, so that it has seen night and day. From the second
 * day of an hour on, that hour is compared with itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum zw_baseline_class {
	ZW_BASELINE_HOST = 0, /* key "" */
	ZW_BASELINE_SOURCE,   /* "192.0.2.0/24" */
	ZW_BASELINE_ZONE,     /* "example.com." */
	_ZW_BASELINE_CLASS_MAX,
};

/* Keys of a class; beyond it the smaller half goes. Some 300 octets each. */
#define ZW_BASELINE_KEYS_MAX 2048

struct zw_baselines;

int zw_baselines_new(struct zw_baselines **ret_baselines);
void zw_baselines_free(struct zw_baselines *baselines);
ZW_DEFINE_CLEANUP(struct zw_baselines *, zw_baselines_free);
#define _zw_baselines_free_ _zw_cleanup_(zw_baselines_freep)

/* A minute that began at @real_ns was watched whole; before what it had is learned. */
void zw_baselines_begin(struct zw_baselines *baselines, uint64_t real_ns);
/* A key had @queries in it. Never fails: what there is no memory for is not learned. */
void zw_baselines_learn(struct zw_baselines *baselines, enum zw_baseline_class class,
	const char *key, uint64_t queries);

struct zw_baseline_usual {
	double mean, deviation; /* queries a minute */
	uint64_t minutes;       /* it is known for */
	bool hourly;            /* of this hour of the day */
};

/* What is usual at @real_ns. False: it is not known for @warm_up_ns yet. */
bool zw_baselines_usual(const struct zw_baselines *baselines, enum zw_baseline_class class,
	const char *key, uint64_t real_ns, uint64_t warm_up_ns,
	struct zw_baseline_usual *ret_usual);
/* From how many queries a minute on it is more than usual: @queries at least, @percent of the mean, and the mean and
 * @deviations of its deviations. */
double zw_baseline_limit(const struct zw_baseline_usual *usual, uint64_t queries, uint64_t percent,
	uint64_t deviations);
size_t zw_baselines_len(const struct zw_baselines *baselines, enum zw_baseline_class class);

/* Calls @fn for each that was learned since it was saved last, at most @max; returns how many. @data: as it is stored. @fn
 * returns 0 or -errno: then that one is tried again the next time, and nothing more now. */
typedef int (*zw_baseline_save_fn)(
	void *ctx, unsigned int class, const char *key, const void *data, size_t len);
size_t zw_baselines_save(
	struct zw_baselines *baselines, size_t max, zw_baseline_save_fn fn, void *ctx);
/* Takes back what was saved. -EBADMSG; -ENOSPC; -ENOMEM. */
int zw_baselines_load(struct zw_baselines *baselines, unsigned int class, const char *key,
	const void *data, size_t len);
