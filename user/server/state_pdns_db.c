/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_pdns_db.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* Instructions of SQLite's machine between two looks at the clock: some tens of microseconds. */
#define PROGRESS_STEPS 1000
/* Longest text or blob: more than any record needs. */
#define VALUE_MAX (1 << 20)

/* --- a file system that is read only ------------------------------------------------------------------- */

/* SQLite opens the -wal file for writing, and creates it, whatever the database is opened for. */
static int open_read_only(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	const int no = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_DELETEONCLOSE |
		       SQLITE_OPEN_EXCLUSIVE;
	sqlite3_vfs *system = sqlite3_vfs_find("unix");

	(void)vfs;
	file->pMethods = NULL;
	/* Temporary files have no name. */
	if (!name || !system)
		return SQLITE_CANTOPEN;
	return system->xOpen(system, name, file, (flags & ~no) | SQLITE_OPEN_READONLY, ret_flags);
}

/* Nor does it leave a time of access: only the owner of a file may ask for that. */
static int open_quietly(const char *path, int flags, int mode)
{
	int fd = open(path, flags | O_NOATIME, mode);

	return fd < 0 && errno == EPERM ? open(path, flags, mode) : fd;
}

static int delete_nothing(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_READONLY;
}

/* Everything else is that of the system: its methods look at nothing of the structure that is changed here. */
static int register_file_system(void)
{
	static const char name[] = "zonewitness-ro";
	static sqlite3_vfs vfs; /* SQLite's list keeps it */
	sqlite3_vfs *system;
	int rc;

	if (sqlite3_vfs_find(name))
		return SQLITE_OK;
	system = sqlite3_vfs_find("unix");
	if (!system)
		return SQLITE_ERROR;
	rc = system->xSetSystemCall(system, "open", (sqlite3_syscall_ptr)open_quietly);
	if (rc != SQLITE_OK)
		return rc;
	vfs = *system;
	vfs.zName = name;
	vfs.pNext = NULL;
	vfs.xOpen = open_read_only;
	vfs.xDelete = delete_nothing;
	return sqlite3_vfs_register(&vfs, 0);
}

/* --- errors -------------------------------------------------------------------------------------------- */

static const struct {
	int rc, error;
	const char *todo;
} failures[] = {
	{SQLITE_BUSY, -EBUSY, "somebody holds it locked"},
	{SQLITE_LOCKED, -EBUSY, "somebody holds it locked"},
	{SQLITE_INTERRUPT, -ETIME, "it is large or locked"},
	{SQLITE_NOMEM, -ENOMEM, "free some memory"},
	{SQLITE_CORRUPT, -EBADMSG, "check it with PRAGMA integrity_check"},
	{SQLITE_NOTADB, -EBADMSG, "is gsqlite3-database right?"},
	{SQLITE_READONLY, -EUCLEAN,
		"a transaction was left half-done; start its server to mend it"},
	{SQLITE_CANTOPEN, -EACCES, "cannot its owner read it, or is there -wal without -shm?"},
	{SQLITE_PERM, -EACCES, "is it readable for its owner?"},
	{SQLITE_AUTH, -EACCES, "is it readable for its owner?"},
};

/* -errno for the result @rc of a call of SQLite, with the error filled. */
static int db_fail(const struct zw_pdns_db *db, int rc)
{
	const char *text = db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(rc);

	for (size_t i = 0; i < ZW_ARRAY_SIZE(failures); i++)
		if ((rc & 0xff) == failures[i].rc)
			return zw_state_fail(db->error, failures[i].error,
				"database \"%s\": %s; %s", db->path, text, failures[i].todo);
	return zw_state_fail(db->error, rc == SQLITE_ERROR ? -EBADMSG : -EIO,
		"database \"%s\": %s; is it one of PowerDNS?", db->path, text);
}

/* --- opening ------------------------------------------------------------------------------------------- */

static int is_time_up(void *ctx)
{
	const struct zw_pdns_db *db = ctx;

	return zw_boottime_ns() >= db->deadline_ns;
}

static char *make_uri(const char *path, const char *options)
{
	_zw_str_ struct zw_str uri = {};
	char *text;

	zw_str_add(&uri, "file:");
	for (const char *c = path; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("/._-~", *c))
			zw_str_add_char(&uri, *c);
		else
			zw_str_addf(&uri, "%%%02X", (unsigned char)*c);
	}
	zw_str_addf(&uri, "?mode=ro&%s", options);
	return zw_str_done(&uri, &text) < 0 ? NULL : text;
}

static int configure(struct zw_pdns_db *db)
{
	int rc = sqlite3_extended_result_codes(db->sqlite, 1), left;

	/* What is in there may be an attacker's. */
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_limit(db->sqlite, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_progress_handler(db->sqlite, PROGRESS_STEPS, is_time_up, db);
	left = zw_state_left_ms(db->deadline_ns);
	rc = sqlite3_busy_timeout(db->sqlite, left ? left : 1);
	/* A mapping of it would fault when somebody makes it shorter. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sqlite, "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
			NULL, NULL, NULL);
	/* The first look into the files. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sqlite, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
	return rc;
}

static int open_with(struct zw_pdns_db *db, const char *options)
{
	const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE |
			  SQLITE_OPEN_NOMUTEX;
	_zw_free_ char *uri = make_uri(db->path, options);
	int rc = uri ? SQLITE_OK : SQLITE_NOMEM;

	if (rc == SQLITE_OK)
		rc = sqlite3_open_v2(uri, &db->sqlite, flags, "zonewitness-ro");
	return rc == SQLITE_OK ? configure(db) : rc;
}

static bool has_beside(const struct zw_pdns_db *db, const char *suffix)
{
	_zw_free_ char *path = zw_asprintf("%s%s", db->path, suffix);
	struct stat st;

	return !path || stat(path, &st) == 0;
}

/* A database in WAL mode cannot be opened without its -shm file, which is there as long as somebody has it open. When
 * there is neither that nor a -wal file, all of it is in the database itself. */
static bool is_alone(const struct zw_pdns_db *db)
{
	return !has_beside(db, "-wal") && !has_beside(db, "-shm") && !has_beside(db, "-journal");
}

int zw_pdns_db_open(
	struct zw_pdns_db *db, const char *path, uint64_t deadline_ns, struct zw_zone_error *error)
{
	int rc;

	*db = (struct zw_pdns_db){.path = path, .deadline_ns = deadline_ns, .error = error};
	if (stat(path, &db->before) < 0)
		return zw_state_fail(error, -errno,
			"database \"%s\": %s; is gsqlite3-database right?", path, strerror(errno));
	rc = register_file_system();
	if (rc == SQLITE_OK)
		rc = open_with(db, "readonly_shm=1");
	if ((rc & 0xff) == SQLITE_CANTOPEN && is_alone(db)) {
		zw_pdns_db_close(db);
		db->alone = true;
		rc = open_with(db, "immutable=1");
	}
	return rc == SQLITE_OK ? 0 : db_fail(db, rc);
}

void zw_pdns_db_close(struct zw_pdns_db *db)
{
	sqlite3_close(db->sqlite);
	db->sqlite = NULL;
}

int zw_pdns_db_verify(const struct zw_pdns_db *db)
{
	struct stat now;

	if (!db->alone)
		return 0;
	if (stat(db->path, &now) == 0 && is_alone(db) && now.st_ino == db->before.st_ino &&
		now.st_size == db->before.st_size &&
		now.st_mtim.tv_sec == db->before.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == db->before.st_mtim.tv_nsec)
		return 0;
	return zw_state_fail(db->error, -EAGAIN,
		"database \"%s\": somebody wrote to it meanwhile; it is read again", db->path);
}

int zw_pdns_db_prepare(const struct zw_pdns_db *db, const char *sql, sqlite3_stmt **ret_stmt)
{
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, ret_stmt, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, rc);
}

int zw_pdns_db_step(const struct zw_pdns_db *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_fail(db, rc);
}
