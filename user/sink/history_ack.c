/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_ack.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "sink/history_impl.h"

static void finalize(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
#define _finalize_ _zw_cleanup_(finalize)

void zw_history_found_done(struct zw_history_found *found)
{
	free(found->server);
	free(found->view);
	free(found->zone);
	*found = (struct zw_history_found){};
}

/* These are rare, and are prepared when they are wanted. */
static int prepare(struct zw_history *history, const char *sql, sqlite3_stmt **ret_stmt)
{
	return zw_history_errno(sqlite3_prepare_v2(history->db, sql, -1, ret_stmt, NULL));
}

static int run(sqlite3_stmt *stmt)
{
	return zw_history_errno(sqlite3_step(stmt));
}

/* NULL is stored as such. */
static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

static int take_text(sqlite3_stmt *stmt, int column, char **ret_text)
{
	const unsigned char *text;

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return 0;
	text = sqlite3_column_text(stmt, column);
	*ret_text = text ? strdup((const char *)text) : NULL;
	return *ret_text ? 0 : -ENOMEM;
}

/* seq, id, server, view, zone. 0, -ENOENT without a row. */
static int take_found(sqlite3_stmt *stmt, struct zw_history_found *ret_found)
{
	_zw_history_found_ struct zw_history_found found = {};
	int code = sqlite3_step(stmt), r;
	const unsigned char *id;

	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENOENT : zw_history_errno(code);
	found.seq = sqlite3_column_int64(stmt, 0);
	id = sqlite3_column_text(stmt, 1);
	if (!id)
		return -ENOMEM;
	if (strlen((const char *)id) >= sizeof(found.id))
		return -EUCLEAN;
	strcpy(found.id, (const char *)id);
	r = take_text(stmt, 2, &found.server);
	if (r == 0)
		r = take_text(stmt, 3, &found.view);
	if (r == 0)
		r = take_text(stmt, 4, &found.zone);
	if (r < 0)
		return r;
	*ret_found = found;
	found = (struct zw_history_found){};
	return 0;
}

/* Crockford's base 32 has no I, L, O and U; the first three are read as what they look like. */
static int read_prefix(const char *prefix, char ret_id[static ZW_ULID_LEN + 1])
{
	size_t len = strlen(prefix);

	if (len == 0 || len > ZW_ULID_LEN)
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		char c = (char)toupper((unsigned char)prefix[i]);

		if (c == 'I' || c == 'L')
			c = '1';
		else if (c == 'O')
			c = '0';
		else if (c == 'U' || (c && !isalnum((unsigned char)c)))
			return -EINVAL;
		ret_id[i] = c;
	}
	return 0;
}

int zw_history_find_event(
	struct zw_history *history, const char *prefix, struct zw_history_found *ret_found)
{
	/* In ids nothing sorts behind a small letter. */
	static const char sql[] = "SELECT e.seq, e.id, z.server, z.view, z.zone FROM event e"
				  " LEFT JOIN zone z ON z.id = e.zone_id"
				  " WHERE e.id >= ?1 AND e.id < ?1 || 'a' ORDER BY e.id LIMIT 2";
	_zw_history_found_ struct zw_history_found found = {};
	_finalize_ sqlite3_stmt *stmt = NULL;
	char id[ZW_ULID_LEN + 1];
	int r = read_prefix(prefix, id), code;

	if (r == 0)
		r = prepare(history, sql, &stmt);
	if (r < 0)
		return r;
	bind_text(stmt, 1, id);
	r = take_found(stmt, &found);
	if (r < 0)
		return r;
	code = sqlite3_step(stmt);
	if (code != SQLITE_DONE)
		return code == SQLITE_ROW ? -ENOTUNIQ : zw_history_errno(code);
	*ret_found = found;
	found = (struct zw_history_found){};
	return 0;
}

int zw_history_find_zone_named(
	struct zw_history *history, const char *name, struct zw_history_found *ret_found)
{
	_finalize_ sqlite3_stmt *stmt = NULL;
	int r = prepare(history,
		"SELECT 0, '', server, view, zone FROM zone WHERE zone = ?1 ORDER BY id LIMIT 1",
		&stmt);

	if (r < 0)
		return r;
	bind_text(stmt, 1, name);
	return take_found(stmt, ret_found);
}

int zw_history_put_ack(struct zw_history *history, const struct zw_history_ack *ack)
{
	_finalize_ sqlite3_stmt *stmt = NULL;
	int r = prepare(history,
		"INSERT INTO ack (seq, time_ns, by_whom, ticket, reason, json)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, ack->seq);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)ack->time_ns);
	bind_text(stmt, 3, ack->by);
	bind_text(stmt, 4, ack->ticket);
	bind_text(stmt, 5, ack->reason);
	bind_text(stmt, 6, ack->json);
	return run(stmt);
}

int zw_history_put_expectation(struct zw_history *history, const struct zw_expectation *e,
	const char *json, uint64_t *ret_id)
{
	_finalize_ sqlite3_stmt *stmt = NULL;
	int r = prepare(history,
		"INSERT INTO expectation (time_ns, user, tsig_key, zone, from_ns, until_ns, ticket,"
		" json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)e->time_ns);
	bind_text(stmt, 2, e->user);
	bind_text(stmt, 3, e->tsig_key);
	bind_text(stmt, 4, e->zone);
	sqlite3_bind_int64(stmt, 5, (sqlite3_int64)e->from_ns);
	sqlite3_bind_int64(stmt, 6, (sqlite3_int64)e->until_ns);
	bind_text(stmt, 7, e->ticket);
	bind_text(stmt, 8, json);
	r = run(stmt);
	if (r == 0)
		*ret_id = (uint64_t)sqlite3_last_insert_rowid(history->db);
	return r;
}

static int take_expectation(sqlite3_stmt *stmt, zw_expectations *list)
{
	struct zw_expectation e = {
		.id = (uint64_t)sqlite3_column_int64(stmt, 0),
		.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1),
		.from_ns = (uint64_t)sqlite3_column_int64(stmt, 5),
		.until_ns = (uint64_t)sqlite3_column_int64(stmt, 6),
		.used = (uint64_t)sqlite3_column_int64(stmt, 9),
	};
	int r = take_text(stmt, 2, &e.user);

	if (r == 0)
		r = take_text(stmt, 3, &e.tsig_key);
	if (r == 0)
		r = take_text(stmt, 4, &e.zone);
	if (r == 0)
		r = take_text(stmt, 7, &e.ticket);
	if (r == 0)
		r = take_text(stmt, 8, &e.by);
	/* A row that says of nobody would match nobody, but is none of ours. */
	if (r == 0 && (!e.zone || !e.ticket || !e.by || !e.user == !e.tsig_key))
		r = -EUCLEAN;
	if (r == 0)
		r = zw_vec_push(list, e);
	if (r < 0)
		zw_expectation_done(&e);
	return r;
}

int zw_history_get_expectations(
	struct zw_history *history, uint64_t end_ns, zw_expectations *ret_list)
{
	_zw_expectations_ zw_expectations list = {};
	_finalize_ sqlite3_stmt *stmt = NULL;
	int code = SQLITE_DONE;
	int r = prepare(history,
		"SELECT id, time_ns, user, tsig_key, zone, from_ns, until_ns, ticket,"
		" coalesce(json_extract(json, '$.user.name'), json_extract(json, '$.user.id'), '?'),"
		" used FROM expectation WHERE until_ns >= ?1 ORDER BY id",
		&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)end_ns);
	while (r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW)
		r = take_expectation(stmt, &list);
	if (r == 0)
		r = zw_history_errno(code);
	if (r < 0)
		return r;
	*ret_list = list;
	list = (zw_expectations){};
	return 0;
}

static int update(struct zw_history *history, const char *sql, uint64_t id, uint64_t value)
{
	_finalize_ sqlite3_stmt *stmt = NULL;
	int r = prepare(history, sql, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)id);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)value);
	r = run(stmt);
	return r == 0 && sqlite3_changes(history->db) == 0 ? -ENOENT : r;
}

int zw_history_end_expectation(struct zw_history *history, uint64_t id, uint64_t until_ns)
{
	return update(history, "UPDATE expectation SET until_ns = ?2 WHERE id = ?1", id, until_ns);
}

int zw_history_use_expectation(struct zw_history *history, uint64_t id, uint64_t used)
{
	return update(history, "UPDATE expectation SET used = ?2 WHERE id = ?1", id, used);
}
