/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements of the history, and how they are run. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sink/history_impl.h"

static const char *const statements[] = {
	[ZW_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[ZW_SQL_COMMIT] = "COMMIT",
	[ZW_SQL_ROLLBACK] = "ROLLBACK",
	[ZW_SQL_SAVEPOINT] = "SAVEPOINT store",
	[ZW_SQL_RELEASE] = "RELEASE store",
	[ZW_SQL_ROLLBACK_TO] = "ROLLBACK TO store",
	[ZW_SQL_PUT_ZONE] =
		"INSERT INTO zone (server, view, zone) VALUES (?1, ?2, ?3) RETURNING id",
	[ZW_SQL_GET_ZONE] = "SELECT id FROM zone WHERE server = ?1 AND view = ?2 AND zone = ?3",
	[ZW_SQL_PUT_TEXT] = "INSERT INTO text (text) VALUES (?1) RETURNING id",
	[ZW_SQL_GET_TEXT] = "SELECT id FROM text WHERE text = ?1",
	[ZW_SQL_PUT_EVENT] =
		("INSERT INTO event (id, time_ns, zone_id, action, channel, attribution, verdict,"
		 " severity, escalate, serial_before, serial_after, json_len, json, delta)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
		 " ON CONFLICT (id) DO NOTHING RETURNING seq"),
	[ZW_SQL_GET_EVENT] = "SELECT seq FROM event WHERE id = ?1",
	[ZW_SQL_PUT_RRSET] = ("INSERT OR REPLACE INTO rrset (name, type, seq, zone_id, op)"
			      " VALUES (?1, ?2, ?3, ?4, ?5)"),
	[ZW_SQL_PUT_ADDRESS] =
		"INSERT OR IGNORE INTO address (address, seq, side) VALUES (?1, ?2, ?3)",
	[ZW_SQL_PUT_ACTOR] =
		("INSERT INTO actor (seq, n, role, uid, user, euid, login_uid, login, pid, exe,"
		 " tsig_key, peer, origin, command)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
	[ZW_SQL_PUT_FINDING] = ("INSERT INTO finding (seq, rule, severity) VALUES (?1, ?2, ?3)"
				" ON CONFLICT (seq, rule) DO UPDATE"
				" SET severity = max(severity, excluded.severity)"),
	[ZW_SQL_PUT_BASE] = ("INSERT INTO base (zone_id, time_ns, serial, seq, raw_len, blob)"
			     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id"),
	[ZW_SQL_GET_BASE] = ("SELECT id, time_ns, raw_len, blob FROM base WHERE zone_id = ?1"
			     " ORDER BY id DESC LIMIT 1"),
	[ZW_SQL_GET_HELD] = ("SELECT id, time_ns, length(blob) FROM base WHERE zone_id = ?1"
			     " ORDER BY id DESC LIMIT 1"),
	[ZW_SQL_GET_HELD_PATCHES] =
		("SELECT count(*), max(p.time_ns), sum(coalesce(length(p.blob), length(e.delta)))"
		 " FROM patch p LEFT JOIN event e ON e.seq = p.seq WHERE p.base_id = ?1"),
	[ZW_SQL_PUT_PATCH] = ("INSERT INTO patch (zone_id, base_id, time_ns, serial, seq, blob)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
	[ZW_SQL_GET_PATCHES] =
		("SELECT p.time_ns, coalesce(p.blob, e.delta) FROM patch p"
		 " LEFT JOIN event e ON e.seq = p.seq WHERE p.base_id = ?1 ORDER BY p.id"),
	[ZW_SQL_PUT_META] = ("INSERT INTO meta (key, value) VALUES (?1, ?2)"
			     " ON CONFLICT (key) DO UPDATE SET value = excluded.value"),
	[ZW_SQL_GET_META] = "SELECT value FROM meta WHERE key = ?1",
	[ZW_SQL_UNSET_META] = "DELETE FROM meta WHERE key = ?1",
	[ZW_SQL_LAST_ZONE] = "SELECT ifnull(max(id), 0) FROM zone",
	[ZW_SQL_PUT_MINUTE] =
		("INSERT INTO minute (queries, responses, nxdomain, servfail, refused, tcp,"
		 " in_bytes, out_bytes, time_ns, seconds, ipv6, truncated, unanswered, untold,"
		 " sources, names, latency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		 " ?12, ?13, ?14, ?15, ?16, ?17) RETURNING id"),
	/* Two keys can be one as text: what is no name is "?". */
	[ZW_SQL_PUT_TRAFFIC] =
		("INSERT INTO traffic (queries, responses, nxdomain, servfail, refused, tcp,"
		 " in_bytes, out_bytes, minute, kind, key, missed)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
		 " ON CONFLICT (minute, kind, key) DO UPDATE SET"
		 " queries = queries + excluded.queries,"
		 " responses = responses + excluded.responses,"
		 " nxdomain = nxdomain + excluded.nxdomain,"
		 " servfail = servfail + excluded.servfail,"
		 " refused = refused + excluded.refused, tcp = tcp + excluded.tcp,"
		 " in_bytes = in_bytes + excluded.in_bytes,"
		 " out_bytes = out_bytes + excluded.out_bytes"),
	[ZW_SQL_PUT_BASELINE] = ("INSERT INTO baseline (class, key, time_ns, data)"
				 " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (class, key)"
				 " DO UPDATE SET time_ns = excluded.time_ns, data = excluded.data"),
	[ZW_SQL_GET_BASELINES] = ("SELECT class, key, data FROM baseline"
				  " WHERE class BETWEEN ?1 AND ?2"
				  " ORDER BY time_ns DESC, class, key LIMIT ?3"),
};

static_assert(ZW_ARRAY_SIZE(statements) == _ZW_SQL_MAX, "one text for every statement");

int zw_history_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -EFBIG;
	default:
		return -EIO;
	}
}

int zw_history_prepare(struct zw_history *history)
{
	for (size_t i = 0; i < _ZW_SQL_MAX; i++) {
		int code = sqlite3_prepare_v3(history->db, statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &history->sql[i], NULL);

		if (code != SQLITE_OK)
			return zw_history_errno(code);
	}
	return 0;
}

int zw_history_run(struct zw_history *history, enum zw_history_sql sql)
{
	sqlite3_stmt *stmt = history->sql[sql];
	int code = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return zw_history_errno(code);
}

int zw_history_run_id(struct zw_history *history, enum zw_history_sql sql, int64_t *ret_id)
{
	sqlite3_stmt *stmt = history->sql[sql];
	int code = sqlite3_step(stmt);
	bool found = code == SQLITE_ROW;
	int64_t id = 0;

	if (found) {
		id = sqlite3_column_int64(stmt, 0);
		/* An INSERT is done only when it has been run to its end. */
		code = sqlite3_step(stmt);
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		return zw_history_errno(code);
	if (!found)
		return -ENOENT;
	*ret_id = id;
	return 0;
}

int zw_history_exec(struct zw_history *history, const char *sql)
{
	return zw_history_errno(sqlite3_exec(history->db, sql, NULL, NULL, NULL));
}

int zw_history_execf(struct zw_history *history, const char *fmt, ...)
{
	_zw_free_ char *sql = NULL;
	va_list ap;

	va_start(ap, fmt);
	sql = zw_vasprintf(fmt, ap);
	va_end(ap);
	return sql ? zw_history_exec(history, sql) : -ENOMEM;
}

int zw_history_step_begin(struct zw_history *history)
{
	return zw_history_run(history, ZW_SQL_SAVEPOINT);
}

int zw_history_step_end(struct zw_history *history, int r)
{
	int release;

	if (r < 0)
		(void)zw_history_run(history, ZW_SQL_ROLLBACK_TO);
	release = zw_history_run(history, ZW_SQL_RELEASE);
	return r < 0 ? r : release;
}
