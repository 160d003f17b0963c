/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The database itself: opening, checking, transactions. */
#include "sink/history.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sink/history_impl.h"
#include "sink/parent.h"

/* sqlite.org/fileformat2.html, "Database header": tells our files from those of others. "ZWst" */
#define APPLICATION_ID 0x5a577374
#define SCHEMA_VERSION 1

/* Readers (`zonewitness log` and the like) do not block the writer in WAL mode; another agent on the same
 * file would. */
#define BUSY_MS 2000

/* A state is a base, as zw_snapshot_save() writes it, compressed by zlib, and patches to it in the order of
 * their numbers (sink/history_patch.h). */
static const char schema[] = "CREATE TABLE zone ("
			     " id INTEGER PRIMARY KEY,"
			     " server TEXT NOT NULL, view TEXT NOT NULL, zone TEXT NOT NULL,"
			     " time_ns INTEGER NOT NULL,"
			     " base_len INTEGER NOT NULL," /* before compression */
			     " base BLOB NOT NULL,"
			     " UNIQUE (server, view, zone)) STRICT;"
			     "CREATE TABLE patch ("
			     " id INTEGER PRIMARY KEY,"
			     " zone_id INTEGER NOT NULL REFERENCES zone (id) ON DELETE CASCADE,"
			     " patch BLOB NOT NULL) STRICT;"
			     "CREATE INDEX patch_zone ON patch (zone_id, id);";

static const char *const statements[] = {
	[ZW_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[ZW_SQL_COMMIT] = "COMMIT",
	[ZW_SQL_ROLLBACK] = "ROLLBACK",
	[ZW_SQL_SAVEPOINT] = "SAVEPOINT store",
	[ZW_SQL_RELEASE] = "RELEASE store",
	[ZW_SQL_ROLLBACK_TO] = "ROLLBACK TO store",
	[ZW_SQL_PUT_ZONE] =
		("INSERT INTO zone (server, view, zone, time_ns, base_len, base)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		 " ON CONFLICT (server, view, zone) DO UPDATE SET time_ns = excluded.time_ns,"
		 " base_len = excluded.base_len, base = excluded.base RETURNING id"),
	[ZW_SQL_GET_ZONE] = ("SELECT id, time_ns, base_len, base FROM zone"
			     " WHERE server = ?1 AND view = ?2 AND zone = ?3"),
	[ZW_SQL_TOUCH_ZONE] = "UPDATE zone SET time_ns = ?2 WHERE id = ?1",
	[ZW_SQL_FORGET_ZONE] = "DELETE FROM zone WHERE server = ?1 AND view = ?2 AND zone = ?3",
	[ZW_SQL_PUT_PATCH] = "INSERT INTO patch (zone_id, patch) VALUES (?1, ?2)",
	[ZW_SQL_GET_PATCHES] = "SELECT patch FROM patch WHERE zone_id = ?1 ORDER BY id",
	[ZW_SQL_FORGET_PATCHES] = "DELETE FROM patch WHERE zone_id = ?1",
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

int zw_history_run(struct zw_history *history, enum zw_history_sql sql)
{
	sqlite3_stmt *stmt = history->sql[sql];
	int code = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return zw_history_errno(code);
}

static int exec(struct zw_history *history, const char *sql)
{
	return zw_history_errno(sqlite3_exec(history->db, sql, NULL, NULL, NULL));
}

/* The first column of the first row. */
static int query_text(struct zw_history *history, const char *sql, char **ret_text)
{
	_zw_free_ char *text = NULL;
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(history->db, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		const unsigned char *column = sqlite3_column_text(stmt, 0);

		text = strdup(column ? (const char *)column : "");
		r = text ? 0 : -ENOMEM;
	} else {
		r = code == SQLITE_DONE ? -EIO : zw_history_errno(code);
	}
	sqlite3_finalize(stmt);
	if (r == 0)
		*ret_text = ZW_TAKE(text);
	return r;
}

static int query_int(struct zw_history *history, const char *sql, int64_t *ret_value)
{
	_zw_free_ char *text = NULL;
	int r = query_text(history, sql, &text);

	if (r < 0)
		return r;
	*ret_value = strtoll(text, NULL, 10);
	return 0;
}

static int create_schema(struct zw_history *history)
{
	_zw_free_ char *sql = NULL;
	int r;

	sql = zw_asprintf(
		"BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		schema, APPLICATION_ID, SCHEMA_VERSION);
	if (!sql)
		return -ENOMEM;
	r = exec(history, sql);
	if (r < 0 && !sqlite3_get_autocommit(history->db))
		(void)exec(history, "ROLLBACK");
	return r;
}

static int check_schema(struct zw_history *history, struct zw_str *error)
{
	int64_t application, version, tables;
	int r;

	r = query_int(history, "PRAGMA application_id", &application);
	if (r == 0)
		r = query_int(history, "PRAGMA user_version", &version);
	if (r == 0)
		r = query_int(history, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0)
		return r;
	if (application == 0 && version == 0 && tables == 0)
		return create_schema(history);
	if (application != APPLICATION_ID) {
		zw_str_add(error, "is a database of another program");
		return -EMEDIUMTYPE;
	}
	if (version != SCHEMA_VERSION) {
		zw_str_addf(error, "has version %lld of the format, this program reads version %d",
			(long long)version, SCHEMA_VERSION);
		return -EMEDIUMTYPE;
	}
	return 0;
}

static int check_content(struct zw_history *history, struct zw_str *error)
{
	_zw_free_ char *text = NULL;
	int r;

	r = query_text(history, "PRAGMA quick_check(1)", &text);
	if (r < 0)
		return r;
	if (!zw_streq(text, "ok")) {
		zw_str_add(error, "is damaged: ");
		zw_str_add_escaped(error, text, strlen(text));
		return -EUCLEAN;
	}
	return 0;
}

static int set_modes(struct zw_history *history, struct zw_str *error)
{
	_zw_free_ char *mode = NULL;
	int r;

	r = query_text(history, "PRAGMA journal_mode = WAL", &mode);
	if (r < 0)
		return r;
	if (!zw_streq(mode, "wal")) {
		zw_str_add(error,
			"is on a file system without shared memory, which its journal needs");
		return -EOPNOTSUPP;
	}
	r = exec(history, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
	if (r < 0)
		return r;
	/* The write-ahead log would otherwise keep the size of the largest state for good. */
	return exec(history, "PRAGMA journal_size_limit = 67108864");
}

static int prepare(struct zw_history *history)
{
	for (size_t i = 0; i < _ZW_SQL_MAX; i++) {
		int code = sqlite3_prepare_v3(history->db, statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &history->sql[i], NULL);

		if (code != SQLITE_OK)
			return zw_history_errno(code);
	}
	return 0;
}

/* SQLite would make the file with the process's umask; its journal files take the mode of the file. */
static int make_file(const char *path, struct zw_str *error)
{
	_zw_close_ int fd = -1;
	struct stat st;
	int r;

	r = zw_make_parent(path, 0700);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		zw_str_add(error, "is no regular file");
		return -EMEDIUMTYPE;
	}
	return 0;
}

/* @error gets a sentence from whoever knows more than the code says. */
static int open_and_check(struct zw_history *history, const char *path, struct zw_str *error)
{
	int r;

	r = make_file(path, error);
	if (r < 0)
		return r;
	r = zw_history_errno(sqlite3_open_v2(path, &history->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
	if (r < 0)
		return r;
	sqlite3_busy_timeout(history->db, BUSY_MS);
	/* Before anything is written: a file of somebody else stays as it is. */
	r = query_int(history, "PRAGMA schema_version", &(int64_t){0});
	if (r == -EUCLEAN && (sqlite3_errcode(history->db) & 0xff) == SQLITE_NOTADB) {
		zw_str_add(error, "is no database");
		return -EMEDIUMTYPE;
	}
	if (r == 0)
		r = check_schema(history, error);
	if (r == 0)
		r = check_content(history, error);
	if (r == 0)
		r = set_modes(history, error);
	if (r == 0)
		r = prepare(history);
	return r;
}

int zw_history_open(const char *path, struct zw_history **ret_history, struct zw_str *error)
{
	_zw_history_close_ struct zw_history *history = calloc(1, sizeof(*history));
	_zw_str_ struct zw_str reason = {};
	int r;

	if (!history)
		return -ENOMEM;
	zw_hash_key_init(&history->key);
	r = zw_map_new(&history->held);
	if (r < 0)
		return r;
	r = open_and_check(history, path, &reason);
	if (r < 0) {
		zw_str_addf(error, "\"");
		zw_str_add_escaped(error, path, strlen(path));
		zw_str_add(error, "\" ");
		if (reason.len > 0)
			zw_str_add_len(error, reason.buf, reason.len);
		else if (r == -EUCLEAN)
			zw_str_addf(error, "is damaged: %s", sqlite3_errmsg(history->db));
		else
			zw_str_addf(error, "cannot be opened: %s", strerror(-r));
		return r;
	}
	*ret_history = ZW_TAKE(history);
	return 0;
}

void zw_history_forget_held(struct zw_history *history)
{
	const void *key;
	size_t key_len;
	void *value;

	for (size_t it = 0; zw_map_next(history->held, &it, &key, &key_len, &value);) {
		struct zw_history_held *held = value;

		zw_map_remove(history->held, key, key_len);
		zw_snapshot_unref(held->snapshot);
		free(held);
	}
}

void zw_history_close(struct zw_history *history)
{
	if (!history)
		return;
	if (history->held) {
		zw_history_forget_held(history);
		zw_map_free(history->held);
	}
	for (size_t i = 0; i < _ZW_SQL_MAX; i++)
		sqlite3_finalize(history->sql[i]);
	sqlite3_close(history->db);
	free(history);
}

int zw_history_begin(struct zw_history *history)
{
	return zw_history_run(history, ZW_SQL_BEGIN);
}

int zw_history_commit(struct zw_history *history)
{
	int r;

	r = zw_history_run(history, ZW_SQL_COMMIT);
	if (r < 0) {
		/* What was stored since begin is not there. */
		if (!sqlite3_get_autocommit(history->db))
			(void)zw_history_run(history, ZW_SQL_ROLLBACK);
		zw_history_forget_held(history);
	}
	return r;
}
