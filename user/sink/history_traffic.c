/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic: as bytes, and stored. */
#include "sink/history_traffic.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "sink/history_bytes.h"
#include "sink/history_impl.h"

/* Numbers of a minute besides its counts, in the order of the columns. */
#define MINUTE_NUMBERS 8

static void put_counts(struct zw_str *out, const struct zw_counts *counts)
{
	for (size_t i = 0; i < _ZW_COUNT_MAX; i++)
		zw_put_number(out, counts->n[i]);
}

static void put_rows(struct zw_str *out, const struct zw_traffic_rows *rows)
{
	zw_put_number(out, rows->missed);
	zw_put_number(out, rows->len);
	ZW_VEC_FOREACH(row, rows) {
		zw_put_text(out, row->key);
		put_counts(out, &row->counts);
	}
}

int zw_history_encode_minute(const struct zw_traffic_minute *minute, struct zw_str *out)
{
	const struct zw_traffic_total *t = &minute->total;
	const uint64_t numbers[MINUTE_NUMBERS] = {minute->time_ns, minute->seconds, t->ipv6,
		t->truncated, t->unanswered, t->untold, t->sources, t->names};

	put_counts(out, &t->counts);
	for (size_t i = 0; i < MINUTE_NUMBERS; i++)
		zw_put_number(out, numbers[i]);
	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++)
		zw_put_number(out, t->latency[i]);
	for (size_t by = 0; by < _ZW_TRAFFIC_BY_MAX; by++)
		put_rows(out, &minute->rows[by]);
	return out->failed ? -ENOMEM : 0;
}

int zw_history_encode_baseline(unsigned int class, const char *key, uint64_t time_ns,
	const void *data, size_t len, struct zw_str *out)
{
	zw_put_number(out, class);
	zw_put_text(out, key);
	zw_put_number(out, time_ns);
	zw_put_bytes(out, data, len);
	return out->failed ? -ENOMEM : 0;
}

/* --- storing ------------------------------------------------------------------------------------------- */

/* Counts are the first parameters of both statements. SQLite's numbers are signed. */
static void bind_counts(sqlite3_stmt *stmt, struct zw_bytes *in)
{
	for (int i = 1; i <= _ZW_COUNT_MAX; i++)
		sqlite3_bind_int64(stmt, i, (int64_t)zw_take_number_to(in, INT64_MAX));
}

static int store_rows(
	struct zw_history *history, struct zw_bytes *in, int64_t minute, unsigned int kind)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_TRAFFIC];
	uint64_t missed = zw_take_number_to(in, INT64_MAX), n = zw_take_number(in);
	int r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++) {
		const char *key = zw_take_text(in);

		bind_counts(stmt, in);
		if (in->failed || !key)
			return -EBADMSG;
		sqlite3_bind_int64(stmt, _ZW_COUNT_MAX + 1, minute);
		sqlite3_bind_int64(stmt, _ZW_COUNT_MAX + 2, kind);
		sqlite3_bind_text(stmt, _ZW_COUNT_MAX + 3, key, -1, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, _ZW_COUNT_MAX + 4, (int64_t)missed);
		r = zw_history_run(history, ZW_SQL_PUT_TRAFFIC);
	}
	return r;
}

static int store_total(struct zw_history *history, struct zw_bytes *in, int64_t *ret_minute)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_MINUTE];
	const uint8_t *latency;

	bind_counts(stmt, in);
	for (int i = 1; i <= MINUTE_NUMBERS; i++)
		sqlite3_bind_int64(
			stmt, _ZW_COUNT_MAX + i, (int64_t)zw_take_number_to(in, INT64_MAX));
	latency = in->p;
	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++)
		(void)zw_take_number(in);
	if (in->failed) {
		sqlite3_clear_bindings(stmt);
		return -EBADMSG;
	}
	sqlite3_bind_blob(stmt, _ZW_COUNT_MAX + MINUTE_NUMBERS + 1, latency, (int)(in->p - latency),
		SQLITE_STATIC);
	return zw_history_run_id(history, ZW_SQL_PUT_MINUTE, ret_minute);
}

static int store_minute(struct zw_history *history, struct zw_bytes *in)
{
	int64_t minute = 0;
	int r = store_total(history, in, &minute);

	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX && r == 0; by++)
		r = store_rows(history, in, minute, by);
	if (r == 0 && (in->failed || in->left > 0))
		r = -EBADMSG;
	sqlite3_clear_bindings(history->sql[ZW_SQL_PUT_TRAFFIC]);
	return r;
}

int zw_history_store_minute(struct zw_history *history, const void *data, size_t len)
{
	struct zw_bytes in = {data, len, false};
	int r = zw_history_step_begin(history);

	if (r < 0)
		return r;
	return zw_history_step_end(history, store_minute(history, &in));
}

static int store_baseline(struct zw_history *history, struct zw_bytes *in)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_BASELINE];
	uint64_t class = zw_take_number_to(in, INT32_MAX);
	const char *key = zw_take_text(in);
	uint64_t time_ns = zw_take_number_to(in, INT64_MAX), size = zw_take_number(in);
	const uint8_t *data = zw_take(in, size);

	if (in->failed || !key || !data)
		return -EBADMSG;
	sqlite3_bind_int64(stmt, 1, (int64_t) class);
	sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, (int64_t)time_ns);
	sqlite3_bind_blob64(stmt, 4, data, size, SQLITE_STATIC);
	return zw_history_run(history, ZW_SQL_PUT_BASELINE);
}

int zw_history_store_baselines(struct zw_history *history, const void *data, size_t len)
{
	struct zw_bytes in = {data, len, false};
	int r = zw_history_step_begin(history);

	if (r < 0)
		return r;
	while (in.left > 0 && r == 0)
		r = store_baseline(history, &in);
	return zw_history_step_end(history, r);
}

int zw_history_load_baselines(struct zw_history *history, unsigned int first, unsigned int last,
	size_t max, zw_history_baseline_fn fn, void *ctx)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_BASELINES];
	int code = SQLITE_DONE, r = 0;

	sqlite3_bind_int64(stmt, 1, first);
	sqlite3_bind_int64(stmt, 2, last);
	sqlite3_bind_int64(stmt, 3, (int64_t)max);
	while (r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(stmt, 1);
		const void *data = sqlite3_column_blob(stmt, 2);

		if (key && data)
			r = fn(ctx, (unsigned int)sqlite3_column_int(stmt, 0), key, data,
				(size_t)sqlite3_column_bytes(stmt, 2));
	}
	sqlite3_reset(stmt);
	if (r < 0)
		return r;
	return code == SQLITE_DONE ? 0 : zw_history_errno(code);
}
