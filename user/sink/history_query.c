/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "sink/history_impl.h"
#include "sink/history_key.h"
#include "sink/history_query_impl.h"
#include "sink/history_read_impl.h"

/* Events beyond a bound in time that are rather met than looked for. */
#define OUTSIDE_MAX 5000
#define EARLY_MAX 1000

int zw_log_range_parse(const char *text, struct zw_log_range *ret_range)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	struct zw_log_range range;
	uint32_t bits, most;

	if (len == 0 || len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (strchr(address, '%') || zw_address_key(address, range.first) < 0)
		return -EINVAL;
	most = strchr(address, ':') ? 128 : 32;
	bits = most;
	if (slash && (zw_parse_u32(slash + 1, &bits) < 0 || bits > most))
		return -EINVAL;
	bits += 128 - most;
	memcpy(range.last, range.first, sizeof(range.last));
	for (unsigned int i = bits; i < 128; i++) {
		range.first[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
		range.last[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	*ret_range = range;
	return 0;
}

int zw_log_prepare(struct zw_log_query *query, const char *sql, sqlite3_stmt **ret_stmt)
{
	sqlite3 *db = zw_reader_db(query->reader);
	int code = sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL);

	if (code == SQLITE_OK)
		return 0;
	if ((code & 0xff) == SQLITE_ERROR)
		return zw_reader_damaged(query->reader, "%s", sqlite3_errmsg(db));
	return zw_history_errno(code);
}

/* The numbers that the only column of @sql, with @text bound to ?1, has; appended. */
static int collect(
	struct zw_log_query *query, const char *sql, const char *text, struct zw_log_ids *ids)
{
	sqlite3_stmt *stmt = NULL;
	int r = zw_log_prepare(query, sql, &stmt);

	if (r == 0)
		r = zw_history_errno(sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC));
	while (r == 0 && (r = zw_reader_step(query->reader, stmt)) > 0)
		r = zw_vec_push(ids, sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	return r;
}

/* The texts a condition is about; an event can only match when there is one. */
static int collect_texts(
	struct zw_log_query *query, const char *text, const char *sql, struct zw_log_ids *ids)
{
	int r;

	if (!text || query->nothing)
		return 0;
	r = collect(query, sql, text, ids);
	query->nothing |= r == 0 && ids->len == 0;
	return r;
}

static int collect_actor_texts(struct zw_log_query *query)
{
	static const char exact[] = "SELECT id FROM text WHERE text = ?1";
	/* What is no path is the last part of one. */
	static const char path[] = "SELECT id FROM text WHERE text = ?1 OR"
				   " substr(text, -length(?1) - 1) = '/' || ?1";
	static const char key[] =
		"SELECT id FROM text WHERE rtrim(lower(text), '.') = rtrim(lower(?1), '.')";
	const struct zw_log_filter *f = &query->filter;
	int r;

	r = collect_texts(query, f->user, exact, &query->user);
	if (r == 0)
		r = collect_texts(query, f->login, exact, &query->login);
	if (r == 0)
		r = collect_texts(
			query, f->exe, f->exe && f->exe[0] == '/' ? exact : path, &query->exe);
	if (r == 0)
		r = collect_texts(query, f->tsig_key, key, &query->tsig_key);
	return r;
}

static int collect_zones(struct zw_log_query *query)
{
	static const char sql[] =
		"SELECT id FROM zone WHERE (?1 IS NULL OR zone = ?1) AND (?2 IS NULL OR view = ?2)"
		" AND (?3 IS NULL OR server = ?3 OR substr(server, 1, length(?3) + 1) = ?3 || ':')";
	const struct zw_log_filter *f = &query->filter;
	sqlite3_stmt *stmt = NULL;
	int r;

	if (!f->zone && !f->view && !f->server)
		return 0;
	r = zw_log_prepare(query, sql, &stmt);
	if (r == 0) {
		sqlite3_bind_text(stmt, 1, f->zone, -1, SQLITE_STATIC);
		sqlite3_bind_text(stmt, 2, f->view, -1, SQLITE_STATIC);
		sqlite3_bind_text(stmt, 3, f->server, -1, SQLITE_STATIC);
	}
	while (r == 0 && (r = zw_reader_step(query->reader, stmt)) > 0)
		r = zw_vec_push(&query->zone, sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	query->nothing |= r == 0 && query->zone.len == 0;
	return r;
}

static int make_keys(struct zw_log_query *query)
{
	int r;

	if (!query->filter.name)
		return 0;
	r = zw_name_key(query->filter.name, &query->name);
	/* Empty, but no NULL. */
	zw_str_add_len(&query->name, "", 0);
	if (r < 0 || query->name.failed)
		return -ENOMEM;
	r = zw_name_key_end(query->filter.name, &query->name_end);
	return r == -ERANGE ? 0 : r;
}

/* A number of the database, with @ns bound to ?1. *ret_value stays when there is none. */
static int query_number(
	struct zw_log_query *query, const char *sql, uint64_t ns, int64_t *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int r = zw_log_prepare(query, sql, &stmt);

	if (r == 0) {
		sqlite3_bind_int64(stmt, 1, (int64_t)ns);
		r = zw_reader_step(query->reader, stmt);
		if (r > 0 && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
			*ret_value = sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	return r < 0 ? r : 0;
}

/* Events are stored in the order of their times but for clocks that are set back, so the bounds are looked for, in the
 * index alone. @outside counts what lies beyond: where that is little, the check of each event is less work. */
static int find_bound(struct zw_log_query *query, const char *outside, const char *inside,
	uint64_t ns, int64_t none, int64_t *bound)
{
	int64_t count = 0, found = none;
	int r = query_number(query, outside, ns, &count);

	if (r < 0 || count < OUTSIDE_MAX)
		return r;
	r = query_number(query, inside, ns, &found);
	if (r == 0)
		*bound = found;
	return r;
}

static int bound_since(struct zw_log_query *query)
{
	int64_t bound = query->first;
	int r = find_bound(query,
		"SELECT count(*) FROM (SELECT 1 FROM event WHERE time_ns < ?1 LIMIT 5000)",
		"SELECT min(seq) FROM event INDEXED BY event_time WHERE time_ns >= ?1",
		query->filter.since_ns, INT64_MAX, &bound);

	query->bounded = true;
	if (bound > query->first)
		query->first = bound;
	return r;
}

static int bound_until(struct zw_log_query *query)
{
	int64_t bound = query->last;
	int r = find_bound(query,
		"SELECT count(*) FROM (SELECT 1 FROM event WHERE time_ns >= ?1 LIMIT 5000)",
		"SELECT max(seq) FROM event INDEXED BY event_time WHERE time_ns < ?1",
		query->filter.until_ns, -1, &bound);

	if (bound < query->last)
		query->last = bound;
	return r;
}

/* Where the time that is asked for begins matters only when many events before it were met. */
static int meet(struct zw_log_query *query, const struct zw_log_row *row)
{
	if (query->bounded || row->time_ns >= query->filter.since_ns)
		query->early = 0;
	else if (++query->early == EARLY_MAX)
		return bound_since(query);
	return 0;
}

static int prepare(struct zw_log_query *query)
{
	const struct zw_log_filter *f = &query->filter;
	int r;

	query->first = (int64_t)f->after_seq + 1;
	query->last = f->before_seq ? (int64_t)f->before_seq - 1 : INT64_MAX;
	r = collect_zones(query);
	if (r == 0)
		r = collect_actor_texts(query);
	if (r == 0)
		r = make_keys(query);
	if (r == 0 && f->until_ns && !query->nothing)
		r = bound_until(query);
	if (r == 0 && f->oldest_first && !query->nothing)
		r = bound_since(query);
	if (r < 0)
		return r;
	query->nothing |= query->first > query->last;
	return query->nothing ? 0 : zw_log_enter(query);
}

int zw_log_query_new(struct zw_reader *reader, const struct zw_log_filter *filter,
	struct zw_log_query **ret_query)
{
	_zw_log_query_ struct zw_log_query *query = calloc(1, sizeof(*query));
	int r;

	if (!query)
		return -ENOMEM;
	query->reader = reader;
	query->filter = *filter;
	r = prepare(query);
	if (r < 0)
		return r;
	*ret_query = ZW_TAKE(query);
	return 0;
}

void zw_log_query_free(struct zw_log_query *query)
{
	if (!query)
		return;
	zw_log_leave(query);
	zw_vec_free(&query->later);
	sqlite3_finalize(query->event);
	sqlite3_finalize(query->actor);
	sqlite3_finalize(query->finding);
	sqlite3_finalize(query->who);
	zw_vec_free(&query->user);
	zw_vec_free(&query->login);
	zw_vec_free(&query->exe);
	zw_vec_free(&query->tsig_key);
	zw_vec_free(&query->zone);
	zw_str_free(&query->name);
	zw_str_free(&query->name_end);
	free(query);
}

static int advance(struct zw_log_query *query, struct zw_log_stream *stream)
{
	int r = zw_reader_step(query->reader, stream->stmt);

	if (r > 0)
		stream->seq = sqlite3_column_int64(stream->stmt, 0);
	else
		stream->done = true;
	return r;
}

/* The next event that any stream has; 0: none. Every stream moves past it. */
static int next_seq(struct zw_log_query *query, int64_t *ret_seq)
{
	bool oldest_first = query->filter.oldest_first;
	int64_t next = 0;
	int r = 0;

	ZW_VEC_FOREACH(stream, &query->stream) {
		if (stream->done)
			continue;
		if (next == 0 || (oldest_first ? stream->seq < next : stream->seq > next))
			next = stream->seq;
	}
	ZW_VEC_FOREACH(stream, &query->stream) {
		while (!stream->done && stream->seq == next) {
			r = advance(query, stream);
			if (r < 0)
				return r;
		}
	}
	*ret_seq = next;
	return next ? 1 : 0;
}

int zw_log_query_next(struct zw_log_query *query, struct zw_log_row *ret_row)
{
	int64_t seq;
	int r;

	if (query->nothing)
		return 0;
	do {
		while ((r = next_seq(query, &seq)) > 0 && seq >= query->first) {
			struct zw_log_row row = {};

			r = zw_log_check(query, seq, &row);
			if (r > 0) {
				query->seq = seq;
				*ret_row = row;
				return r;
			}
			if (r == 0)
				r = meet(query, &row);
			if (r < 0)
				return r;
		}
		r = r > 0 ? 0 : r;
	} while (r == 0 && (r = zw_log_go_on(query)) > 0);
	return r;
}

int zw_log_query_plan(struct zw_log_query *query, struct zw_str *out)
{
	ZW_VEC_FOREACH(stream, &query->stream) {
		_zw_free_ char *sql =
			zw_asprintf("EXPLAIN QUERY PLAN %s", sqlite3_sql(stream->stmt));
		sqlite3_stmt *stmt = NULL;
		int r = sql ? zw_log_prepare(query, sql, &stmt) : -ENOMEM;

		while (r == 0 && (r = zw_reader_step(query->reader, stmt)) > 0) {
			/* id, parent, not used, detail */
			zw_str_addf(out, "%s; ", (const char *)sqlite3_column_text(stmt, 3));
			r = 0;
		}
		zw_str_add_char(out, '\n');
		sqlite3_finalize(stmt);
		if (r < 0)
			return r;
	}
	return out->failed ? -ENOMEM : 0;
}

int zw_log_last(struct zw_reader *reader, uint64_t *ret_seq)
{
	int64_t last = 0;
	int r = zw_reader_query_int(reader, "SELECT max(seq) FROM event", &last);

	if (r == 0)
		*ret_seq = (uint64_t)last;
	return r;
}

/* How much @id has in common with the one next to it; @sql finds that. */
static int common_len(
	struct zw_reader *reader, const char *sql, const char *id, unsigned int *ret_len)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	unsigned int same = 0;
	const char *next;
	int r = zw_reader_sql(reader, sql, &stmt);

	if (r == 0)
		r = zw_history_errno(sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC));
	if (r == 0)
		r = zw_reader_step(reader, stmt);
	if (r <= 0)
		return r;
	next = (const char *)sqlite3_column_text(stmt, 0);
	while (next && id[same] && id[same] == next[same])
		same++;
	*ret_len = same;
	return 0;
}

int zw_log_id_len(
	struct zw_reader *reader, const char *id, unsigned int least, unsigned int *ret_len)
{
	static const char before[] = "SELECT id FROM event WHERE id < ?1 ORDER BY id DESC LIMIT 1";
	static const char after[] = "SELECT id FROM event WHERE id > ?1 ORDER BY id LIMIT 1";
	unsigned int with_before = 0, with_after = 0, len;
	int r = common_len(reader, before, id, &with_before);

	if (r == 0)
		r = common_len(reader, after, id, &with_after);
	if (r < 0)
		return r;
	len = (with_before > with_after ? with_before : with_after) + 1;
	*ret_len = len < least ? least : len > ZW_ULID_LEN ? ZW_ULID_LEN : len;
	return 0;
}
