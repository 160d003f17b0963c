/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the query lane counted between two readings, all processors together: see zw_query.h for what the rows mean.
 * Filled by probe/query.h, or by hand in tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zw_query.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/vec.h"

struct zw_query_book {
	uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME: when counting of the rows began and ended */
	struct zw_query_totals total; /* since the start; not in step with the rows, but later */
	struct zw_query_totals delta; /* since the reading before */
	struct zw_traffic traffic;    /* the same, by direction */
	struct zw_traffic traffic_delta;

	/* Each key once, in no order. What the rows of a table count and its `other` add up to all there was. */
	ZW_VEC(struct zw_query_source) sources;
	ZW_VEC(struct zw_query_server) servers;
	ZW_VEC(struct zw_query_name) names; /* without nameless ones */
	ZW_VEC(struct zw_query_zone) zones; /* whole: with their names' */
	struct zw_query_counts other[_ZW_QUERY_TABLE_MAX];
	uint64_t evictions[_ZW_QUERY_TABLE_MAX];
	uint64_t distinct_sources, distinct_names; /* estimates: see ZW_QUERY_REGISTERS */

	struct zw_map *index[_ZW_QUERY_TABLE_MAX]; /* key -> place of its row, plus one */
};

/* Empties the rows and keeps their memory. */
void zw_query_book_clear(struct zw_query_book *book);
void zw_query_book_done(struct zw_query_book *book);
#define _zw_query_book_ _zw_cleanup_(zw_query_book_done)

/* Add a row to those of the same key. 0 or -ENOMEM. */
int zw_query_book_add_source(struct zw_query_book *book, const struct zw_query_source *row);
int zw_query_book_add_server(struct zw_query_book *book, const struct zw_query_server *row);
int zw_query_book_add_name(struct zw_query_book *book, const struct zw_query_name *row);
int zw_query_book_add_zone(struct zw_query_book *book, const struct zw_query_zone *row);
/* Adds what the names count to their zones; once, when all rows are in. */
void zw_query_book_close(struct zw_query_book *book);

/* How many distinct keys left @registers so; an estimate. */
uint64_t zw_query_estimate(const uint8_t *registers, size_t n);
static inline uint64_t zw_query_zone_distinct(const struct zw_query_zone *zone)
{
	return zw_query_estimate(zone->names, ZW_QUERY_ZONE_REGISTERS);
}
