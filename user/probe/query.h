/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query lane as the agent sees it: what was counted, and which zones names are counted for. A part of the probe;
 * without ZW_CAP_PACKETS the functions return -EOPNOTSUPP. Events (ZW_WIRE_QUERY) come out of zw_probe_net_drain(),
 * from a ring of their own. */
#pragma once

#include <zw_query.h>

#include "engine/query_book.h"
#include "probe/probe.h"

/* Turns the tables over and puts into @book what they counted between the last two turns: the rows are one interval
 * late, so that no program writes into what is read. Once a second is the pace it is made for; not more often than
 * every 10 ms. @book may hold the reading before: its memory is used again, and deltas are against it; all zero the first
 * time. 0 or -errno; then the rows of this interval are lost, not the totals. */
int zw_query_read(struct zw_probe *probe, struct zw_query_book *book);

/* Names below @name (wire form) are counted for it from now on. May be called several times, for views: as many
 * calls of _unserve take it back. 0, -EINVAL for no name, -E2BIG beyond 2^20. */
int zw_query_serve(struct zw_probe *probe, const uint8_t *name, size_t len);
int zw_query_unserve(struct zw_probe *probe, const uint8_t *name, size_t len);
/* The key that rows and events have for a name in wire form; 0 without the lane. */
uint64_t zw_query_name_hash(const struct zw_probe *probe, const uint8_t *name, size_t len);

/* Forgets which answers were seen: each is told of as new once more. For when zones have changed. */
int zw_query_forget_answers(struct zw_probe *probe);
/* How many events there may be in a second for each reason: one bit of enum zw_query_why. */
int zw_query_limit(struct zw_probe *probe, enum zw_query_why why, uint32_t per_second);

/* Memory of the tables, in bytes. */
uint64_t zw_query_memory(const struct zw_probe *probe);
