/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: inside of the reader. */
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/vec.h"
#include "sink/history_read.h"

/* How the database is read. */
enum zw_reader_way {
	/* As one of several, with the locks and the shared memory of whoever else has it open. */
	ZW_READER_SHARED = 0,
	/* Nobody has it open, and there is a journal to read: without locks, its index in private memory. */
	ZW_READER_ALONE,
	/* Nobody has it open, and the file alone is all there is. */
	ZW_READER_FILE,
	_ZW_READER_WAY_MAX,
};

/* A statement, prepared at its first use. */
struct zw_reader_sql {
	const char *text; /* static; what it is found by is the address */
	sqlite3_stmt *stmt;
};

struct zw_reader {
	sqlite3 *db;
	char *path;
	enum zw_reader_way way;
	struct stat seen, seen_wal; /* when it was opened, where that was not shared */
	struct zw_hash_key key;     /* of the snapshots that are read from here */
	ZW_VEC(struct zw_reader_sql) sql;
	char error[200]; /* of the last failure; empty: none */
};

sqlite3 *zw_reader_db(struct zw_reader *reader);
/* Closes all but the database, which the caller owns then. */
sqlite3 *zw_reader_become_db(struct zw_reader *reader);

/* The statement of @text, ready for zw_reader_step(): prepared once and kept. It is reset by zw_reader_reset(). 0 or
 * -errno. */
int zw_reader_sql(struct zw_reader *reader, const char *text, sqlite3_stmt **ret_stmt);
/* 1: there is a row; 0: no more; -errno. */
int zw_reader_step(struct zw_reader *reader, sqlite3_stmt *stmt);
void zw_reader_reset(sqlite3_stmt *stmt);

/* The number in the first row of @text, a statement without parameters; 0 when there is none. 0 or -errno. */
int zw_reader_query_int(struct zw_reader *reader, const char *text, int64_t *ret_value);
/* The row of @text, whose parameter is @id; to be reset. -ENOENT: there is none. */
int zw_reader_row(struct zw_reader *reader, const char *text, int64_t id, sqlite3_stmt **ret_stmt);

static inline void zw_reader_resetp(sqlite3_stmt **stmt)
{
	if (*stmt)
		zw_reader_reset(*stmt);
}
#define _zw_reader_reset_ _zw_cleanup_(zw_reader_resetp)

/* A copy of a column of text, which counts up to its first NUL; NULL stays NULL. 0 or -ENOMEM. */
int zw_reader_text(sqlite3_stmt *stmt, int column, char **ret_text);

/* Notes what is wrong with the content; returns -EUCLEAN. */
int zw_reader_damaged(struct zw_reader *reader, const char *fmt, ...) _zw_printf_(2, 3);
