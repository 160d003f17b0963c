/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic, read back. */
#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "sink/history_bytes.h"
#include "sink/history_read_impl.h"
#include "sink/history_traffic.h"

#define COUNTS "queries, responses, nxdomain, servfail, refused, tcp, in_bytes, out_bytes"
/* Of more than two tables' worth of parts, as after many restarts within a minute, the sum is built row by row. */
static const char minutes_text[] =
	"SELECT " COUNTS ", time_ns, seconds, ipv6, truncated, unanswered, untold, sources, names,"
	" latency, id FROM minute WHERE time_ns >= ?1 AND time_ns < ?2 ORDER BY time_ns, id";
static const char rows_text[] = "SELECT " COUNTS ", key, missed FROM traffic"
				" WHERE minute = ?1 AND kind = ?2";
static const char row_text[] = "SELECT " COUNTS ", key, missed FROM traffic"
			       " WHERE minute = ?1 AND kind = ?2 AND key = ?3";
static const char span_text[] = "SELECT min(time_ns), max(time_ns) FROM minute";

struct walk {
	struct zw_reader *reader;
	const struct zw_traffic_query *query;
	struct zw_traffic_minute minute; /* that is gathered; seconds 0: none */
	bool any;
};

static void take_counts(sqlite3_stmt *stmt, struct zw_counts *ret_counts)
{
	for (int i = 0; i < _ZW_COUNT_MAX; i++)
		ret_counts->n[i] = (uint64_t)sqlite3_column_int64(stmt, i);
}

static int take_latency(struct zw_reader *reader, sqlite3_stmt *stmt, int column, uint64_t *ret)
{
	struct zw_bytes in = {sqlite3_column_blob(stmt, column),
		(size_t)sqlite3_column_bytes(stmt, column), false};

	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++)
		ret[i] = zw_take_number(&in);
	return in.failed || in.left ? zw_reader_damaged(reader, "a minute of traffic is cut") : 0;
}

/* Whether the text of a name is @below or ends so; escapes stand for no dots. */
static bool is_below(const char *key, const char *below)
{
	size_t len = strlen(key), tail = strlen(below), backslashes = 0;

	if (zw_streq(below, "."))
		return true;
	if (len < tail || !zw_streq(key + len - tail, below))
		return false;
	if (len == tail)
		return true;
	if (key[len - tail - 1] != '.')
		return false;
	for (size_t at = len - tail - 1; at > 0 && key[at - 1] == '\\'; at--)
		backslashes++;
	return backslashes % 2 == 0;
}

static struct zw_traffic_row *find_row(struct zw_traffic_rows *rows, const char *key)
{
	ZW_VEC_FOREACH(row, rows)
		if (zw_streq(row->key, key))
			return row;
	return NULL;
}

static int take_row(struct walk *w, sqlite3_stmt *stmt)
{
	struct zw_traffic_rows *rows = &w->minute.rows[w->query->by];
	const char *key = (const char *)sqlite3_column_text(stmt, _ZW_COUNT_MAX);
	struct zw_traffic_row *row;
	struct zw_counts counts;

	if (!key)
		return zw_reader_damaged(w->reader, "a row of traffic has no key");
	take_counts(stmt, &counts);
	/* In the parts of a minute it is the same for all rows. */
	if ((uint64_t)sqlite3_column_int64(stmt, _ZW_COUNT_MAX + 1) > rows->missed)
		rows->missed = (uint64_t)sqlite3_column_int64(stmt, _ZW_COUNT_MAX + 1);
	if (w->query->below && !is_below(key, w->query->below))
		return 0;
	row = find_row(rows, key);
	if (!row)
		return zw_traffic_rows_add(rows, key, &counts, 0);
	zw_counts_add(&row->counts, &counts);
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct zw_traffic_row *x = a, *y = b;
	uint64_t left = zw_counts_weight(&x->counts), right = zw_counts_weight(&y->counts);

	/* The others last. */
	if (!x->key[0] != !y->key[0])
		return x->key[0] ? -1 : 1;
	if (left != right)
		return left > right ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int take_rows(struct walk *w, int64_t id)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(w->reader, w->query->key ? row_text : rows_text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int64(stmt, 2, w->query->by);
	if (w->query->key)
		sqlite3_bind_text(stmt, 3, w->query->key, -1, SQLITE_STATIC);
	while ((r = zw_reader_step(w->reader, stmt)) > 0) {
		r = take_row(w, stmt);
		if (r < 0)
			return r;
	}
	return r;
}

static int take_minute(struct walk *w, sqlite3_stmt *stmt)
{
	struct zw_traffic_total part = {};
	int at = _ZW_COUNT_MAX + 1, r;

	take_counts(stmt, &part.counts);
	w->minute.seconds += (unsigned int)sqlite3_column_int64(stmt, at++);
	part.ipv6 = (uint64_t)sqlite3_column_int64(stmt, at++);
	part.truncated = (uint64_t)sqlite3_column_int64(stmt, at++);
	part.unanswered = (uint64_t)sqlite3_column_int64(stmt, at++);
	part.untold = (uint64_t)sqlite3_column_int64(stmt, at++);
	part.sources = (uint64_t)sqlite3_column_int64(stmt, at++);
	part.names = (uint64_t)sqlite3_column_int64(stmt, at++);
	r = take_latency(w->reader, stmt, at++, part.latency);
	if (r < 0)
		return r;
	zw_traffic_total_add(&w->minute.total, &part);
	return w->query->rows ? take_rows(w, sqlite3_column_int64(stmt, at)) : 0;
}

static int hand_out(struct walk *w, zw_traffic_minute_fn fn, void *ctx)
{
	struct zw_traffic_rows *rows = &w->minute.rows[w->query->by];
	int r;

	if (!w->any)
		return 0;
	if (rows->len)
		qsort(rows->items, rows->len, sizeof(*rows->items), compare_rows);
	r = fn(ctx, &w->minute);
	zw_traffic_minute_done(&w->minute);
	w->minute = (struct zw_traffic_minute){};
	w->any = false;
	return r;
}

static int walk(struct walk *w, sqlite3_stmt *stmt, zw_traffic_minute_fn fn, void *ctx)
{
	int r;

	while ((r = zw_reader_step(w->reader, stmt)) > 0) {
		uint64_t time_ns = (uint64_t)sqlite3_column_int64(stmt, _ZW_COUNT_MAX);

		if (time_ns != w->minute.time_ns) {
			r = hand_out(w, fn, ctx);
			if (r < 0)
				return r;
		}
		w->minute.time_ns = time_ns;
		w->any = true;
		r = take_minute(w, stmt);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : hand_out(w, fn, ctx);
}

int zw_reader_traffic(struct zw_reader *reader, const struct zw_traffic_query *query,
	zw_traffic_minute_fn fn, void *ctx)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	struct walk w = {.reader = reader, .query = query};
	int r = zw_reader_sql(reader, minutes_text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (int64_t)query->since_ns);
	sqlite3_bind_int64(stmt, 2, query->until_ns ? (int64_t)query->until_ns : INT64_MAX);
	r = walk(&w, stmt, fn, ctx);
	zw_traffic_minute_done(&w.minute);
	return r;
}

int zw_reader_traffic_span(struct zw_reader *reader, uint64_t *ret_first_ns, uint64_t *ret_last_ns)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, span_text, &stmt);

	if (r == 0)
		r = zw_reader_step(reader, stmt);
	if (r < 0)
		return r;
	if (r == 0 || sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		return -ENOENT;
	*ret_first_ns = (uint64_t)sqlite3_column_int64(stmt, 0);
	*ret_last_ns = (uint64_t)sqlite3_column_int64(stmt, 1);
	return 0;
}
