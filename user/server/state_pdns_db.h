/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A SQLite database of somebody else, opened so that nothing about it changes. Private to server/state_pdns*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "server/state.h"

struct zw_pdns_db {
	sqlite3 *sqlite;
	const char *path; /* borrowed */
	uint64_t deadline_ns;
	/* Nobody has it open, so that there is nobody to share locks with, and nothing but this to tell whether that
	 * stayed so. */
	bool alone;
	struct stat before;
	struct zw_zone_error *error;
};

/* 0 or -errno with @error filled (struct zw_state_pdns); zw_pdns_db_close() in any case. */
int zw_pdns_db_open(
	struct zw_pdns_db *db, const char *path, uint64_t deadline_ns, struct zw_zone_error *error);
void zw_pdns_db_close(struct zw_pdns_db *db);
#define _zw_pdns_db_ _zw_cleanup_(zw_pdns_db_close)

/* After the last statement: 0, or -EAGAIN when what was read may not be one state. */
int zw_pdns_db_verify(const struct zw_pdns_db *db);

int zw_pdns_db_prepare(const struct zw_pdns_db *db, const char *sql, sqlite3_stmt **ret_stmt);
/* 1: a row, 0: the end, or -errno. */
int zw_pdns_db_step(const struct zw_pdns_db *db, sqlite3_stmt *stmt);

static inline void zw_stmt_finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
#define _zw_stmt_ _zw_cleanup_(zw_stmt_finalizep)
