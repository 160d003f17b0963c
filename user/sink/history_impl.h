/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c. */
#pragma once

#include <sqlite3.h>

#include "base/hash.h"
#include "sink/history.h"

enum zw_history_sql {
	ZW_SQL_BEGIN = 0,
	ZW_SQL_COMMIT,
	ZW_SQL_ROLLBACK,
	ZW_SQL_SAVEPOINT,
	ZW_SQL_RELEASE,
	ZW_SQL_ROLLBACK_TO,
	ZW_SQL_PUT_ZONE,
	ZW_SQL_GET_ZONE,
	ZW_SQL_PUT_TEXT,
	ZW_SQL_GET_TEXT,
	ZW_SQL_PUT_EVENT,
	ZW_SQL_GET_EVENT,
	ZW_SQL_PUT_RRSET,
	ZW_SQL_PUT_ADDRESS,
	ZW_SQL_PUT_ACTOR,
	ZW_SQL_PUT_FINDING,
	ZW_SQL_PUT_BASE,
	ZW_SQL_GET_BASE,
	ZW_SQL_GET_HELD,
	ZW_SQL_GET_HELD_PATCHES,
	ZW_SQL_PUT_PATCH,
	ZW_SQL_GET_PATCHES,
	ZW_SQL_PUT_META,
	ZW_SQL_GET_META,
	ZW_SQL_UNSET_META,
	ZW_SQL_LAST_ZONE,
	ZW_SQL_PUT_MINUTE,
	ZW_SQL_PUT_TRAFFIC,
	ZW_SQL_PUT_BASELINE,
	ZW_SQL_GET_BASELINES,
	_ZW_SQL_MAX,
};

struct zw_history {
	sqlite3 *db;
	sqlite3_stmt *sql[_ZW_SQL_MAX];
	struct zw_hash_key key; /* of the snapshots that are read from here */
	struct zw_history_cursor {
		int64_t seq;
		uint64_t rrsets;
	} pruned;            /* so many RRsets of that event are not led to any more */
	bool texts_stale;    /* some of text may be of nobody */
	struct zw_map *held; /* server NUL view NUL zone NUL -> struct zw_history_held */
};

/* What the database is known to hold of a zone, so that the next state can be stored as a patch to it. */
struct zw_history_held {
	int64_t zone_id;
	int64_t base_id; /* 0: its state is not known */
	int64_t seq;     /* of the last event that led to a state; 0: not known */
	uint64_t time_ns;
	uint64_t base_bytes, patch_bytes, patches;
};

/* SQLite's result code to -errno. */
int zw_history_errno(int code);
/* Makes the statements of a database that is open. */
int zw_history_prepare(struct zw_history *history);
/* Runs SQL without results. */
int zw_history_exec(struct zw_history *history, const char *sql);
int zw_history_execf(struct zw_history *history, const char *fmt, ...) _zw_printf_(2, 3);
/* Runs a statement that returns no rows, with what was bound to it, and resets it. */
int zw_history_run(struct zw_history *history, enum zw_history_sql sql);
/* The same for one that returns a number in its only row: -ENOENT when there is no row. */
int zw_history_run_id(struct zw_history *history, enum zw_history_sql sql, int64_t *ret_id);
/* Forgets all held states: they may not be what the database has. */
void zw_history_forget_held(struct zw_history *history);
/* The steps of one store hold together, also inside a transaction of the caller's: @r is what they came to, and
 * is returned if it is a failure. */
int zw_history_step_begin(struct zw_history *history);
int zw_history_step_end(struct zw_history *history, int r);

/* The row of the zone: -ENOENT when there is none. */
int zw_history_find_zone(
	struct zw_history *history, const struct zw_history_zone *zone, int64_t *ret_id);
/* The same, made if need be. */
int zw_history_zone_id(
	struct zw_history *history, const struct zw_history_zone *zone, int64_t *ret_id);

/* The event of that id. -ENOENT. */
int zw_history_event_seq(struct zw_history *history, const char *id, int64_t *ret_seq);

/* Opens a history that cannot be written to, as it is: for what reads only. 0 or -errno. */
int zw_history_open_past(const char *path, struct zw_history **ret_history);

/* A complete state as the table "base" has it. -EUCLEAN when it does not check out, -ENOMEM. */
int zw_history_unpack_state(const struct zw_hash_key *key, const void *data, size_t len,
	size_t raw_len, struct zw_snapshot **ret_snapshot);

/* Moves what is in the journal to the database, so that a copy of that alone is not far behind. */
void zw_history_checkpoint(struct zw_history *history);
/* Numbers that outlive the writer. -ENOENT when there is none. */
int zw_history_set_meta(struct zw_history *history, const char *key, int64_t value);
int zw_history_unset_meta(struct zw_history *history, const char *key);
int zw_history_get_meta(struct zw_history *history, const char *key, int64_t *ret_value);

/* history_from_1.c: a function for SQL */
void zw_delta_from_1(sqlite3_context *context, int args, sqlite3_value **arg);
