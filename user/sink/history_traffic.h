/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic and what is usual in the history. On the way to the thread that stores them they are bytes, as
 * events are (sink/history_record.h), but they are not kept in the file beside the history: what a crash takes is
 * the last minute. */
#pragma once

#include "engine/traffic.h"
#include "sink/history.h"
#include "sink/history_read.h"

/* Append to @out. 0 or -ENOMEM. */
int zw_history_encode_minute(const struct zw_traffic_minute *minute, struct zw_str *out);
/* What is usual of a key, as engine/baseline.h and engine/outbound.h write it; several one after the other make one record. */
int zw_history_encode_baseline(unsigned int class, const char *key, uint64_t time_ns,
	const void *data, size_t len, struct zw_str *out);

/* Store such bytes. 0; -EBADMSG; or as zw_history_put_event(). */
int zw_history_store_minute(struct zw_history *history, const void *data, size_t len);
int zw_history_store_baselines(struct zw_history *history, const void *data, size_t len);

/* Hands out what is stored of the classes from @first to @last, the latest first, @max at most. @fn returns 0 or -errno,
 * which ends it. */
typedef int (*zw_history_baseline_fn)(
	void *ctx, unsigned int class, const char *key, const void *data, size_t len);
int zw_history_load_baselines(struct zw_history *history, unsigned int first, unsigned int last,
	size_t max, zw_history_baseline_fn fn, void *ctx);

/* Which minutes somebody asks for. */
struct zw_traffic_query {
	uint64_t since_ns, until_ns; /* of their beginnings; @until_ns 0: up to the last */
	bool rows;                   /* with those of kind @by */
	enum zw_traffic_by by;
	const char *key; /* only the row of this key; NULL: all */
	const char *
		below; /* only rows of names at or below this one, in presentation form; NULL: all */
};

/* Called with each, the oldest first; of a minute that is stored in parts, with their sum. 0 or -errno, which ends
 * it. */
typedef int (*zw_traffic_minute_fn)(void *ctx, const struct zw_traffic_minute *minute);
/* To be used between zw_reader_begin() and zw_reader_end(). 0 or -errno. */
int zw_reader_traffic(struct zw_reader *reader, const struct zw_traffic_query *query,
	zw_traffic_minute_fn fn, void *ctx);
/* Of the first and the last minute there are. -ENOENT: there is none. */
int zw_reader_traffic_span(struct zw_reader *reader, uint64_t *ret_first_ns, uint64_t *ret_last_ns);
