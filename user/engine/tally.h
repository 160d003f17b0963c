/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts by key within a bounded number of keys, for keys that come from attackers. Pure; times come in.
 *
 * When there is no room for another key the smaller half goes ("lossy counting", Manku and Motwani 2002): what was
 * counted of it stays in the sum of all, so sums are exact; of a key that comes again only what came since is known,
 * which is too little by zw_tally_missed() at most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum zw_count {
	ZW_COUNT_QUERIES = 0,
	ZW_COUNT_RESPONSES,
	ZW_COUNT_NXDOMAIN,
	ZW_COUNT_SERVFAIL,
	ZW_COUNT_REFUSED,
	ZW_COUNT_TCP,       /* of the queries */
	ZW_COUNT_IN_BYTES,  /* of DNS messages to the servers */
	ZW_COUNT_OUT_BYTES, /* and from them */
	_ZW_COUNT_MAX,
};

const char *zw_count_to_string(enum zw_count v); /* "queries"; snake_case */

struct zw_counts {
	uint64_t n[_ZW_COUNT_MAX];
};

static inline void zw_counts_add(struct zw_counts *to, const struct zw_counts *more)
{
	for (size_t i = 0; i < _ZW_COUNT_MAX; i++)
		to->n[i] += more->n[i];
}

/* Queries, or, of what only answers, responses: what keys are ranked by. */
static inline uint64_t zw_counts_weight(const struct zw_counts *c)
{
	return c->n[ZW_COUNT_QUERIES] > c->n[ZW_COUNT_RESPONSES] ? c->n[ZW_COUNT_QUERIES]
								 : c->n[ZW_COUNT_RESPONSES];
}

struct zw_tally_entry {
	struct zw_counts counts; /* since the last zw_tally_begin() */
	double rate;             /* queries a second, smoothed; as of @rate_ns */
	uint64_t rate_ns;
	unsigned int pins; /* it is kept whatever it counts */
	size_t len;
	uint8_t key[];
};

struct zw_tally;

int zw_tally_new(size_t max, struct zw_tally **ret_tally);
void zw_tally_free(struct zw_tally *tally);
ZW_DEFINE_CLEANUP(struct zw_tally *, zw_tally_free);
#define _zw_tally_free_ _zw_cleanup_(zw_tally_freep)

/* Never fails: what there is no memory for is as if it had gone at once. */
void zw_tally_add(struct zw_tally *tally, const void *key, size_t len, const struct zw_counts *more,
	uint64_t now_ns);
/* NULL when it is not there. */
struct zw_tally_entry *zw_tally_find(const struct zw_tally *tally, const void *key, size_t len);
/* Keeps a key, and from then on returns it with the largest even when it is small. Of a key that is not there it makes
 * one. Never more than a quarter of the room is kept: false when that is taken. */
bool zw_tally_pin(struct zw_tally *tally, const void *key, size_t len);
void zw_tally_unpin(struct zw_tally *tally, const void *key, size_t len);

/* Counts from zero; keys that counted nothing since the last time go, but for those that are kept. */
void zw_tally_begin(struct zw_tally *tally);

/* The @n entries that count most, the largest first, then those that are kept; all others' counts are in no entry returned.
 * @by_rate: those with the highest rates at @now_ns instead, without the others that are kept. The array is the
 * caller's to free, the entries stay the tally's until its next change. 0 or -ENOMEM. */
int zw_tally_top(const struct zw_tally *tally, size_t n, bool by_rate, uint64_t now_ns,
	const struct zw_tally_entry ***ret_top, size_t *ret_n);

/* Queries a second at @now_ns. */
double zw_tally_rate(const struct zw_tally_entry *entry, uint64_t now_ns);
/* How much may be missing from the count of any key, since the last zw_tally_begin(); 0: all are exact. */
uint64_t zw_tally_missed(const struct zw_tally *tally);
size_t zw_tally_len(const struct zw_tally *tally);

/* One step of the low-pass filter behind the rates: @n events came in the last @elapsed_ns. */
double zw_rate_step(double rate, uint64_t n, uint64_t elapsed_ns);
