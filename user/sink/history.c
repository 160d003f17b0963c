/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The database itself: opening, checking, transactions. Its statements are in history_sql.c. */
#include "sink/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sink/history_impl.h"
#include "sink/history_read_impl.h"
#include "sink/history_schema.h"
#include "sink/parent.h"

/* Readers (`zonewitness log` and the like) do not block the writer in WAL mode; another agent on the same
 * file would. */
#define BUSY_MS 2000

/* A larger one is not read as a whole when it is opened: that takes longer than the agent has to begin. What is damaged
 * in it is found where it is read. */
#define CHECK_BYTES_MAX (64 << 20)

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
		return zw_history_create(history);
	if (application != ZW_HISTORY_APPLICATION_ID) {
		zw_str_add(error, "is a database of another program");
		return -EMEDIUMTYPE;
	}
	if (version < 1 || version > ZW_HISTORY_VERSION) {
		zw_str_addf(error,
			"has version %lld of the format, this program knows versions 1 to %d",
			(long long)version, ZW_HISTORY_VERSION);
		return -EMEDIUMTYPE;
	}
	return version < ZW_HISTORY_VERSION ? zw_history_migrate(history, version) : 0;
}

static int check_content(struct zw_history *history, struct zw_str *error)
{
	_zw_free_ char *text = NULL;
	int64_t pages, page_bytes;
	int r;

	r = query_int(history, "PRAGMA page_count", &pages);
	if (r == 0)
		r = query_int(history, "PRAGMA page_size", &page_bytes);
	if (r < 0)
		return r;
	if (pages > CHECK_BYTES_MAX / page_bytes)
		return 0;
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
	r = zw_history_exec(history, "PRAGMA synchronous = FULL");
	if (r < 0)
		return r;
	/* The write-ahead log would otherwise keep the size of the largest state for good. */
	return zw_history_exec(history, "PRAGMA journal_size_limit = 67108864");
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
		r = zw_history_prepare(history);
	return r;
}

static int new_history(struct zw_history **ret_history)
{
	_zw_history_close_ struct zw_history *history = calloc(1, sizeof(*history));
	int r;

	if (!history)
		return -ENOMEM;
	zw_hash_key_init(&history->key);
	r = zw_map_new(&history->held);
	if (r < 0)
		return r;
	*ret_history = ZW_TAKE(history);
	return 0;
}

int zw_history_open_past(const char *path, struct zw_history **ret_history)
{
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_str_ struct zw_str error = {};
	struct zw_reader *reader;
	int r = new_history(&history);

	if (r == 0)
		r = zw_reader_open(path, &reader, &error);
	if (r < 0)
		return r;
	history->db = zw_reader_become_db(reader);
	r = zw_history_prepare(history);
	if (r < 0)
		return r;
	*ret_history = ZW_TAKE(history);
	return 0;
}

int zw_history_open(const char *path, struct zw_history **ret_history, struct zw_str *error)
{
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_str_ struct zw_str reason = {};
	int r = new_history(&history);

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

void zw_history_rollback(struct zw_history *history)
{
	if (!sqlite3_get_autocommit(history->db))
		(void)zw_history_run(history, ZW_SQL_ROLLBACK);
	/* What was stored since begin is not there. */
	zw_history_forget_held(history);
}

int zw_history_commit(struct zw_history *history)
{
	int r;

	/* SQLite ends a transaction by itself when the disk is full or fails. */
	r = sqlite3_get_autocommit(history->db) ? -EIO : zw_history_run(history, ZW_SQL_COMMIT);
	if (r < 0)
		zw_history_rollback(history);
	return r;
}

/* A reader that holds the journal back is no failure. */
void zw_history_checkpoint(struct zw_history *history)
{
	(void)sqlite3_wal_checkpoint_v2(history->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int zw_history_set_meta(struct zw_history *history, const char *key, int64_t value)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_META];

	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return zw_history_run(history, ZW_SQL_PUT_META);
}

int zw_history_unset_meta(struct zw_history *history, const char *key)
{
	sqlite3_bind_text(history->sql[ZW_SQL_UNSET_META], 1, key, -1, SQLITE_STATIC);
	return zw_history_run(history, ZW_SQL_UNSET_META);
}

int zw_history_event_seq(struct zw_history *history, const char *id, int64_t *ret_seq)
{
	sqlite3_bind_text(history->sql[ZW_SQL_GET_EVENT], 1, id, -1, SQLITE_STATIC);
	return zw_history_run_id(history, ZW_SQL_GET_EVENT, ret_seq);
}

int zw_history_get_meta(struct zw_history *history, const char *key, int64_t *ret_value)
{
	sqlite3_bind_text(history->sql[ZW_SQL_GET_META], 1, key, -1, SQLITE_STATIC);
	return zw_history_run_id(history, ZW_SQL_GET_META, ret_value);
}
