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
	ZW_SQL_TOUCH_ZONE,
	ZW_SQL_FORGET_ZONE,
	ZW_SQL_PUT_PATCH,
	ZW_SQL_GET_PATCHES,
	ZW_SQL_FORGET_PATCHES,
	_ZW_SQL_MAX,
};

struct zw_history {
	sqlite3 *db;
	sqlite3_stmt *sql[_ZW_SQL_MAX];
	struct zw_hash_key key; /* of the snapshots that are read from here */
	struct zw_map *held;    /* server NUL view NUL zone NUL -> struct zw_history_held */
};

/* What the database is known to hold of a zone, so that the next state can be stored as a patch to it. */
struct zw_history_held {
	int64_t id; /* zone.id */
	struct zw_snapshot *snapshot;
	uint64_t base_bytes, patch_bytes, patches;
};

/* SQLite's result code to -errno. */
int zw_history_errno(int code);
/* Runs a statement that returns no rows, with what was bound to it, and resets it. */
int zw_history_run(struct zw_history *history, enum zw_history_sql sql);
/* Forgets all held states: they may not be what the database has. */
void zw_history_forget_held(struct zw_history *history);
