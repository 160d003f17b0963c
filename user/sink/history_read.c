/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening the history without leaving a trace, and the statements that read it. */
#include "sink/history_read.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "sink/history_format.h"
#include "sink/history_impl.h"
#include "sink/history_read_impl.h"

/* The agent holds the file for longer only when it starts or makes room. */
#define BUSY_MS 5000

/* sqlite.org/uri.html and sqlite.org/wal.html, "Read-Only Databases". Shared reading needs the shared memory file of
 * the writer, and would make one where there is none; without locks and with the exclusive mode the index of the
 * journal is in private memory; "immutable" passes the journal over. */
static const char *const ways[] = {
	[ZW_READER_SHARED] = "?mode=ro",
	[ZW_READER_ALONE] = "?mode=ro&vfs=unix-none",
	[ZW_READER_FILE] = "?mode=ro&immutable=1",
};

static_assert(ZW_ARRAY_SIZE(ways) == _ZW_READER_WAY_MAX, "parameters for every way");

static void note(struct zw_reader *reader, const char *text)
{
	snprintf(reader->error, sizeof(reader->error), "%s", text);
}

static int failed(struct zw_reader *reader, int code)
{
	note(reader, sqlite3_errmsg(reader->db));
	return zw_history_errno(code);
}

int zw_reader_damaged(struct zw_reader *reader, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reader->error, sizeof(reader->error), fmt, ap);
	va_end(ap);
	return -EUCLEAN;
}

sqlite3 *zw_reader_db(struct zw_reader *reader)
{
	return reader->db;
}

const char *zw_reader_error(const struct zw_reader *reader)
{
	return reader->error;
}

const char *zw_reader_path(const struct zw_reader *reader)
{
	return reader->path;
}

int zw_reader_sql(struct zw_reader *reader, const char *text, sqlite3_stmt **ret_stmt)
{
	struct zw_reader_sql sql = {.text = text};
	int code, r;

	ZW_VEC_FOREACH(known, &reader->sql)
		if (known->text == text) {
			*ret_stmt = known->stmt;
			return 0;
		}
	r = zw_vec_reserve(&reader->sql, reader->sql.len + 1);
	if (r < 0)
		return r;
	code = sqlite3_prepare_v3(reader->db, text, -1, SQLITE_PREPARE_PERSISTENT, &sql.stmt, NULL);
	/* A table that is not there is no mistake of ours: the version was checked. */
	if (code == SQLITE_ERROR)
		return zw_reader_damaged(reader, "%s", sqlite3_errmsg(reader->db));
	if (code != SQLITE_OK)
		return failed(reader, code);
	reader->sql.items[reader->sql.len++] = sql;
	*ret_stmt = sql.stmt;
	return 0;
}

int zw_reader_step(struct zw_reader *reader, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return failed(reader, code);
}

void zw_reader_reset(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

int zw_reader_row(struct zw_reader *reader, const char *text, int64_t id, sqlite3_stmt **ret_stmt)
{
	sqlite3_stmt *stmt;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, id);
	r = zw_reader_step(reader, stmt);
	if (r <= 0) {
		zw_reader_reset(stmt);
		return r < 0 ? r : -ENOENT;
	}
	*ret_stmt = stmt;
	return 0;
}

int zw_reader_query_int(struct zw_reader *reader, const char *text, int64_t *ret_value)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r == 0)
		r = zw_reader_step(reader, stmt);
	if (r < 0)
		return r;
	*ret_value = r > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	return 0;
}

static void finalize_all(struct zw_reader *reader)
{
	ZW_VEC_FOREACH(sql, &reader->sql)
		sqlite3_finalize(sql->stmt);
	reader->sql.len = 0;
}

static void close_db(struct zw_reader *reader)
{
	finalize_all(reader);
	sqlite3_close(reader->db);
	reader->db = NULL;
}

/* What is beside the database, whose name ends with @suffix. False when there is nothing. */
static bool stat_beside(const char *path, const char *suffix, struct stat *ret_st)
{
	_zw_free_ char *beside = zw_asprintf("%s%s", path, suffix);
	struct stat st;

	if (!beside || stat(beside, &st) < 0)
		return false;
	*ret_st = st;
	return true;
}

/* A process that has a database with a write-ahead log open keeps its index in "-shm". */
static enum zw_reader_way choose_way(struct zw_reader *reader)
{
	struct stat shm;

	reader->seen_wal = (struct stat){};
	(void)stat_beside(reader->path, "-wal", &reader->seen_wal);
	if (stat_beside(reader->path, "-shm", &shm))
		return ZW_READER_SHARED;
	return reader->seen_wal.st_size > 0 ? ZW_READER_ALONE : ZW_READER_FILE;
}

/* A path as the URI that sqlite3_open_v2() takes: what stands for something else there is escaped. */
static char *make_uri(const char *path, enum zw_reader_way way)
{
	_zw_str_ struct zw_str uri = {};
	char *text;

	/* A relative path must not look like an authority. */
	zw_str_add(&uri, path[0] == '/' ? "file://" : "file:");
	for (; *path; path++) {
		if (strchr("?#%", *path))
			zw_str_addf(&uri, "%%%02x", (unsigned int)(unsigned char)*path);
		else
			zw_str_add_char(&uri, *path);
	}
	zw_str_add(&uri, ways[way]);
	return zw_str_done(&uri, &text) < 0 ? NULL : text;
}

static int open_way(struct zw_reader *reader, enum zw_reader_way way)
{
	_zw_free_ char *uri = make_uri(reader->path, way);
	int64_t version;
	int code;

	if (!uri)
		return -ENOMEM;
	close_db(reader);
	reader->way = way;
	code = sqlite3_open_v2(uri, &reader->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (code != SQLITE_OK)
		return reader->db ? failed(reader, code) : -ENOMEM;
	sqlite3_busy_timeout(reader->db, BUSY_MS);
	/* The agent takes care of its journal; a copy stays as it is. */
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* Data of others: nothing in the schema runs functions, and views of theirs see none either. */
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (way == ZW_READER_ALONE) {
		code = sqlite3_exec(
			reader->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
		if (code != SQLITE_OK)
			return failed(reader, code);
	}
	/* Reads the first page, which shows whether this way works. */
	return zw_reader_query_int(reader, "PRAGMA schema_version", &version);
}

static int open_db(struct zw_reader *reader)
{
	int r = open_way(reader, choose_way(reader));

	/* A "-shm" that was copied along, or is left from a crash, on a medium that cannot be written to. */
	if ((r == -EACCES || r == -EROFS) && reader->way == ZW_READER_SHARED &&
		access(reader->path, R_OK) == 0)
		r = open_way(
			reader, reader->seen_wal.st_size > 0 ? ZW_READER_ALONE : ZW_READER_FILE);
	return r;
}

static int check_file(struct zw_reader *reader, struct zw_str *error)
{
	/*
	 * Not opened here: closing any descriptor of the file would drop the locks that the agent's writer holds in this
	 * process, and the next program to close the database would take the journal away from under it (fcntl(2),
	 * sqlite.org/howtocorrupt.html 2.2).
	 */
	if (access(reader->path, R_OK) < 0 || stat(reader->path, &reader->seen) < 0)
		return -errno;
	if (S_ISREG(reader->seen.st_mode))
		return 0;
	zw_str_add(error, "is no regular file");
	return -EMEDIUMTYPE;
}

static int check_format(struct zw_reader *reader, struct zw_str *error)
{
	int64_t application, version;
	int r = zw_reader_query_int(reader, "PRAGMA application_id", &application);

	if (r == 0)
		r = zw_reader_query_int(reader, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (application != ZW_HISTORY_APPLICATION_ID) {
		zw_str_add(error, "is no history of zonewitness");
		return -EMEDIUMTYPE;
	}
	if (version == ZW_HISTORY_VERSION)
		return 0;
	zw_str_addf(error, "has version %lld of the format, this program reads version %d; ",
		(long long)version, ZW_HISTORY_VERSION);
	zw_str_add(error, version < ZW_HISTORY_VERSION
				  ? "an agent of this version brings it up to date when it opens it"
				  : "read it with the program of the agent that wrote it");
	return -EMEDIUMTYPE;
}

static int open_and_check(struct zw_reader *reader, struct zw_str *error)
{
	int r = check_file(reader, error);

	if (r < 0)
		return r;
	r = open_db(reader);
	if (r == -EUCLEAN && (sqlite3_errcode(reader->db) & 0xff) == SQLITE_NOTADB) {
		zw_str_add(error, "is no database");
		return -EMEDIUMTYPE;
	}
	return r < 0 ? r : check_format(reader, error);
}

static void explain(struct zw_reader *reader, int r, struct zw_str *error)
{
	switch (r) {
	case -ENOENT:
		zw_str_add(error,
			"does not exist; the agent makes it, another one is named with --db");
		break;
	case -EACCES:
	case -EPERM:
		zw_str_add(error, "may not be read; use sudo, or a copy that may be");
		break;
	case -EUCLEAN:
		zw_str_addf(error, "is damaged: %s", reader->error);
		break;
	case -EBUSY:
		zw_str_add(error, "is held by the agent, as when it starts; try again");
		break;
	default:
		zw_str_addf(error, "cannot be read: %s", strerror(-r));
	}
}

int zw_reader_open(const char *path, struct zw_reader **ret_reader, struct zw_str *error)
{
	_zw_reader_close_ struct zw_reader *reader = calloc(1, sizeof(*reader));
	_zw_str_ struct zw_str reason = {};
	int r;

	if (!reader)
		return -ENOMEM;
	zw_hash_key_init(&reader->key);
	reader->path = strdup(path);
	if (!reader->path)
		return -ENOMEM;
	r = open_and_check(reader, &reason);
	if (r < 0) {
		zw_str_add(error, "the history '");
		zw_str_add_escaped(error, path, strlen(path));
		zw_str_add(error, "' ");
		if (reason.len > 0)
			zw_str_add_len(error, reason.buf, reason.len);
		else
			explain(reader, r, error);
		return r;
	}
	*ret_reader = ZW_TAKE(reader);
	return 0;
}

sqlite3 *zw_reader_become_db(struct zw_reader *reader)
{
	sqlite3 *db = reader->db;

	finalize_all(reader);
	reader->db = NULL;
	zw_reader_close(reader);
	return db;
}

void zw_reader_close(struct zw_reader *reader)
{
	if (!reader)
		return;
	close_db(reader);
	zw_vec_free(&reader->sql);
	free(reader->path);
	free(reader);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* An agent may have begun with a file that nobody had open: its changes would be seen half. */
static bool is_stale(const struct zw_reader *reader)
{
	struct stat now = {}, wal = {}, shm;

	if (reader->way == ZW_READER_SHARED)
		return false;
	if (stat_beside(reader->path, "-shm", &shm) || stat(reader->path, &now) < 0)
		return true;
	(void)stat_beside(reader->path, "-wal", &wal);
	return !same_file(&now, &reader->seen) || !same_file(&wal, &reader->seen_wal);
}

int zw_reader_begin(struct zw_reader *reader)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = 0;

	if (is_stale(reader)) {
		_zw_str_ struct zw_str error = {};

		r = open_and_check(reader, &error);
		if (r < 0 && error.len > 0)
			note(reader, error.buf);
	}
	if (r == 0)
		r = zw_reader_sql(reader, "BEGIN", &stmt);
	return r < 0 ? r : zw_reader_step(reader, stmt);
}

void zw_reader_end(struct zw_reader *reader)
{
	if (reader->db && !sqlite3_get_autocommit(reader->db))
		sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
}
