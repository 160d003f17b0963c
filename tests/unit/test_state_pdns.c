/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of PowerDNS's SQLite database, on databases in all the states in which it may find one. */
#include "unit/state_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "server/state_pdns.h"

/* Of schema.sqlite3.sql of PowerDNS 4.7, what is read. */
static const char schema[] =
	"CREATE TABLE domains (id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL COLLATE NOCASE,"
	" type VARCHAR(8) NOT NULL);"
	"CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER DEFAULT NULL,"
	" name VARCHAR(255) DEFAULT NULL, type VARCHAR(10) DEFAULT NULL,"
	" content VARCHAR(65535) DEFAULT NULL, ttl INTEGER DEFAULT NULL,"
	" prio INTEGER DEFAULT NULL, disabled BOOLEAN DEFAULT 0, ordername VARCHAR(255),"
	" auth BOOL DEFAULT 1);"
	"CREATE INDEX records_lookup_id_idx ON records(domain_id, name, type);";

static const char zones[] =
	"INSERT INTO domains VALUES(1,'example','MASTER'),(2,'Example.net','SLAVE'),"
	"(3,'empty.test','NATIVE'),(4,'nosoa.test','NATIVE'),(5,'other.test','CONSUMER');"
	"INSERT INTO records(domain_id,name,type,content,ttl,prio) VALUES"
	"(1,'example','SOA','ns.example h.example 7 2 3 4 5',3600,0),"
	"(1,'example','MX','mail.example',60,10),"
	"(1,'_sip._tcp.example','SRV','5 5060 sip.example',60,1),"
	"(1,'www.example','A','192.0.2.1',NULL,NULL),"
	"(1,'Txt.Example','TXT','\"a\" \"b;c\"',60,NULL),"
	"(1,'alias.example','ALIAS','elsewhere.test',60,NULL),"
	"(1,'ent.example','','',NULL,NULL),(1,'ent2.example',NULL,NULL,NULL,NULL),"
	"(2,'example.net','SOA','ns.example.net h.example.net 9',60,NULL),"
	"(4,'www.nosoa.test','A','192.0.2.1',60,NULL);"
	"INSERT INTO records(domain_id,name,type,content,ttl,disabled) VALUES"
	"(1,'off.example','A','192.0.2.9',60,1);";

#define ZONE_1                                                 \
	"example. 3600 SOA ns.example. h.example. 7 2 3 4 5\n" \
	"example. 60 MX 10 mail.example.\n"                    \
	"_sip._tcp.example. 60 SRV 1 5 5060 sip.example.\n"    \
	"alias.example. 60 ALIAS elsewhere.test.\n"            \
	"txt.example. 60 TXT \"a\" \"b;c\"\n"
#define WWW "www.example. 300 A 192.0.2.1\n"

struct fixture {
	char dir[64], path[80];
	struct zw_hash_key key;
	struct taken t;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/zw-pdns-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	/* A name that is no URI as it is. */
	snprintf(f->path, sizeof(f->path), "%s/a%%20?b#.db", f->dir);
	f->key = test_key;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	taken_done(&f->t);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static sqlite3 *database(const struct fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *error = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static void make(const struct fixture *f, const char *mode)
{
	sqlite3 *db = database(f);

	run(db, mode);
	run(db, schema);
	run(db, zones);
	sqlite3_close(db);
}

static int read_zones(struct fixture *f, const struct zw_state_ask *asks, size_t n)
{
	struct zw_state_pdns db = {.path = f->path,
		.default_ttl = 300,
		.key = &f->key,
		.deadline_ns = zw_boottime_ns() + 200 * ZW_NSEC_PER_MSEC};
	struct zw_state_sink sink = taken_sink(&f->t);

	taken_done(&f->t);
	return zw_state_read_pdns(&db, asks, n, &sink, &f->t.error);
}

static int read_example(struct fixture *f)
{
	struct zw_state_ask a = {.origin = wire("example.")};

	return read_zones(f, &a, 1);
}

static void test_records(void **state)
{
	struct fixture *f = *state;
	struct zw_state_ask asks[] = {{.origin = wire("example.")},
		{.origin = wire("example.net.")}, {.origin = wire("empty.test.")},
		{.origin = wire("nosoa.test.")}, {.origin = wire("none.test.")}};

	make(f, "");
	assert_int_equal(read_zones(f, asks, ZW_ARRAY_SIZE(asks)), 0);
	expect_zone(&f->t, 0, true, ZONE_1 WWW);
	expect_zone(&f->t, 1, true,
		"example.net. 60 SOA ns.example.net. h.example.net. 9 10800 3600 604800 3600\n");
	assert_int_equal(f->t.zone[2].result, -ENODATA);
	assert_int_equal(f->t.zone[3].result, -EBADMSG);
	assert_int_equal(f->t.zone[3].error.kind, ZW_ZERR_NO_SOA);
	assert_int_equal(f->t.zone[4].result, -ENOENT);
	assert_true(f->t.unasked);
}

/* What PowerDNS cannot serve does not hide the rest. */
static void test_garbage(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	make(f, "");
	db = database(f);
	run(db, "INSERT INTO records(domain_id,name,type,content,ttl,prio) VALUES"
		"(1,'bad.example','A','not an address',60,0),"
		"(1,'bad.example','NOTYPE','x',60,0),(1,'bad.example','A','192.0.2.1',-1,0),"
		"(1,'bad..example','A','192.0.2.1',60,0),(1,NULL,'A','192.0.2.1',60,0),"
		"(1,'outside.test','A','192.0.2.1',60,0),(1,'bad.example','A',NULL,60,0),"
		"(1,'example','SOA','ns h 8',60,0),(1,'bad.example','AXFR','x',60,0),"
		"(1,'in.example','TXT','\"x\n@ IN A 192.0.2.1\"',60,0)");
	sqlite3_close(db);
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true,
		"example. 3600 SOA ns.example. h.example. 7 2 3 4 5\n"
		"example. 60 MX 10 mail.example.\n"
		"_sip._tcp.example. 60 SRV 1 5 5060 sip.example.\n"
		"alias.example. 60 ALIAS elsewhere.test.\n"
		"in.example. 60 TXT \"x\\010@ IN A 192.0.2.1\"\n"
		"txt.example. 60 TXT \"a\" \"b;c\"\n" WWW);
}

/* With many zones one pass tells which changed, and only those are read. */
static void test_marks(void **state)
{
	struct fixture *f = *state;
	struct zw_state_ask asks[12] = {};
	sqlite3 *db;

	make(f, "");
	db = database(f);
	for (int i = 0; i < 12; i++) {
		char sql[512], name[32];

		snprintf(name, sizeof(name), "z%d.test.", i);
		asks[i].origin = wire(name);
		snprintf(sql, sizeof(sql),
			"INSERT INTO domains VALUES(%d,'z%d.test','NATIVE');"
			"INSERT INTO records(domain_id,name,type,content,ttl) VALUES"
			"(%d,'z%d.test','SOA','ns h 1 2 3 4 5',60),(%d,'a.z%d.test','A','192.0.2.1',60)",
			100 + i, i, 100 + i, i, 100 + i, i);
		run(db, sql);
	}
	assert_int_equal(read_zones(f, asks, 12), 0);
	for (int i = 0; i < 12; i++)
		asks[i].mark = f->t.zone[i].mark;
	assert_int_equal(read_zones(f, asks, 12), 0);
	for (int i = 0; i < 12; i++) {
		expect_zone(&f->t, (size_t)i, false, "");
		assert_int_equal(f->t.zone[i].mark, asks[i].mark);
	}
	/* Rewritten as it was, as a transfer does; changed; switched off; without what told a TTL. */
	run(db, "DELETE FROM records WHERE domain_id = 101;"
		"INSERT INTO records(domain_id,name,type,content,ttl) VALUES"
		"(101,'a.z1.test','A','192.0.2.1',60),(101,'z1.test','SOA','ns h 1 2 3 4 5',60);"
		"UPDATE records SET content = '192.0.2.2' WHERE name = 'a.z2.test';"
		"UPDATE records SET disabled = 1 WHERE name = 'a.z3.test';"
		"UPDATE records SET ttl = NULL WHERE name = 'a.z4.test';"
		"DELETE FROM records WHERE domain_id = 105; DELETE FROM domains WHERE id = 106");
	sqlite3_close(db);
	assert_int_equal(read_zones(f, asks, 12), 0);
	expect_zone(&f->t, 1, false, "");
	expect_zone(
		&f->t, 2, true, "z2.test. 60 SOA ns. h. 1 2 3 4 5\na.z2.test. 60 A 192.0.2.2\n");
	expect_zone(&f->t, 3, true, "z3.test. 60 SOA ns. h. 1 2 3 4 5\n");
	expect_zone(
		&f->t, 4, true, "z4.test. 60 SOA ns. h. 1 2 3 4 5\na.z4.test. 300 A 192.0.2.1\n");
	assert_int_equal(f->t.zone[5].result, -ENODATA);
	assert_int_equal(f->t.zone[6].result, -ENOENT);
	expect_zone(&f->t, 11, false, "");
}

/* Another process that has the database open: inside one, SQLite shares what it knows. */
struct writer {
	pid_t pid;
	int to, from;
};

static void __attribute__((noreturn)) write_on(const struct fixture *f, int from, int to)
{
	sqlite3 *db = database(f);
	char sql[1024];
	ssize_t n;

	while ((n = read(from, sql, sizeof(sql) - 1)) > 0) {
		sql[n] = '\0';
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK || write(to, "", 1) != 1)
			_exit(1);
	}
	_exit(sqlite3_close(db) == SQLITE_OK ? 0 : 1);
}

static struct writer writer_start(const struct fixture *f)
{
	struct writer w;
	int to[2], from[2];

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	if (w.pid == 0) {
		close(to[1]);
		close(from[0]);
		write_on(f, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	w.to = to[1];
	w.from = from[0];
	return w;
}

static void writer_run(const struct writer *w, const char *sql)
{
	char done;

	assert_int_equal(write(w->to, sql, strlen(sql)), (ssize_t)strlen(sql));
	assert_int_equal(read(w->from, &done, 1), 1);
}

static void writer_stop(const struct writer *w)
{
	int status;

	close(w->to);
	close(w->from);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_int_equal(status, 0);
}

/* Files beside the database, one letter each. */
static void expect_files(const struct fixture *f, bool wal, bool shm, bool journal)
{
	struct dirent *de;
	DIR *dir = opendir(f->dir);
	int n = 0;

	assert_non_null(dir);
	while ((de = readdir(dir)) != NULL)
		n += de->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(n, 1 + wal + shm + journal);
}

/* In WAL mode, with nobody, with somebody, and after somebody who was killed. */
static void test_wal(void **state)
{
	struct fixture *f = *state;
	char shm[96], before[4096], after[4096];
	struct stat st, now;
	struct writer w;
	int fd;

	make(f, "PRAGMA journal_mode = WAL;");
	expect_files(f, false, false, false);
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 WWW);
	expect_files(f, false, false, false);

	w = writer_start(f);
	writer_run(&w, "UPDATE records SET content = '192.0.2.2' WHERE name = 'www.example'");
	expect_files(f, true, true, false);
	snprintf(shm, sizeof(shm), "%s-shm", f->path);
	fd = open(shm, O_RDONLY | O_CLOEXEC);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(pread(fd, before, sizeof(before), 0), sizeof(before));
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 "www.example. 300 A 192.0.2.2\n");
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(stat(f->path, &now), 0);
	assert_int_equal(st.st_mtim.tv_nsec, now.st_mtim.tv_nsec);
	/* A transaction that is not over hides nothing and shows nothing. */
	writer_run(&w,
		"BEGIN IMMEDIATE; UPDATE records SET content = '192.0.2.3' WHERE name = 'www.example'");
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 "www.example. 300 A 192.0.2.2\n");
	writer_run(&w, "COMMIT");
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 "www.example. 300 A 192.0.2.3\n");
	close(fd);
	writer_stop(&w);
	expect_files(f, false, false, false);
}

/* Does @sql and is gone without a good-bye. */
static void killed(const struct fixture *f, const char *sql)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		run(database(f), sql);
		_exit(9);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 9 << 8);
}

static void test_wal_after_kill(void **state)
{
	struct fixture *f = *state;
	char shm[96];

	make(f, "PRAGMA journal_mode = WAL;");
	killed(f, "UPDATE records SET content = '192.0.2.2' WHERE name = 'www.example'");
	expect_files(f, true, true, false);
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 "www.example. 300 A 192.0.2.2\n");
	expect_files(f, true, true, false);
	/* Without the -shm the log would have to be recovered, which writes. */
	snprintf(shm, sizeof(shm), "%s-shm", f->path);
	assert_int_equal(unlink(shm), 0);
	assert_int_equal(read_example(f), -EACCES);
	assert_non_null(strstr(f->t.error.reason, "-wal without -shm"));
	expect_files(f, true, false, false);
}

static void test_rollback_journal(void **state)
{
	struct fixture *f = *state;
	struct writer w;

	make(f, "");
	w = writer_start(f);
	writer_run(&w,
		"BEGIN IMMEDIATE; UPDATE records SET content = '192.0.2.2' WHERE name = 'www.example'");
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 WWW);
	writer_run(&w, "COMMIT; BEGIN EXCLUSIVE");
	assert_int_equal(read_example(f), -EBUSY);
	assert_int_equal(f->t.error.kind, ZW_ZERR_SERVER);
	assert_non_null(strstr(f->t.error.reason, "somebody holds it locked"));
	writer_run(&w, "ROLLBACK");
	assert_int_equal(read_example(f), 0);
	expect_zone(&f->t, 0, true, ZONE_1 "www.example. 300 A 192.0.2.2\n");
	writer_stop(&w);
	expect_files(f, false, false, false);
	/* Half of a transaction is in the database itself. */
	killed(f,
		"PRAGMA cache_size = 5; BEGIN IMMEDIATE; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO records(domain_id,name)"
		" SELECT 7, hex(randomblob(100)) FROM n");
	expect_files(f, false, false, true);
	assert_int_equal(read_example(f), -EUCLEAN);
	assert_non_null(strstr(f->t.error.reason, "left half-done"));
	expect_files(f, false, false, true);
}

static void test_no_database(void **state)
{
	struct fixture *f = *state;
	int fd;

	assert_int_equal(read_example(f), -ENOENT);
	assert_non_null(strstr(f->t.error.reason, "is gsqlite3-database right?"));
	assert_int_not_equal(access(f->path, F_OK), 0);
	fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(read_example(f), -EBADMSG);
	assert_non_null(strstr(f->t.error.reason, "no such table: domains"));
	assert_int_equal(write(fd, schema, sizeof(schema)), sizeof(schema));
	close(fd);
	assert_int_equal(read_example(f), -EBADMSG);
	assert_non_null(strstr(f->t.error.reason, "not a database"));
}

static void test_deadline(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	make(f, "");
	db = database(f);
	/* A table that is a query without an end. */
	run(db, "DROP TABLE domains; CREATE VIEW domains AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i + 1 FROM n) SELECT i AS id, 'x' AS name, 'NATIVE' AS type FROM n");
	sqlite3_close(db);
	assert_int_equal(read_example(f), -ETIME);
	assert_non_null(strstr(f->t.error.reason, "large or locked"));
}

static int add_name(void *ctx, const char *name, bool secondary)
{
	zw_str_addf(ctx, "%s%s ", name, secondary ? "*" : "");
	return 0;
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct zw_state_pdns db = {.path = f->path, .key = &f->key, .deadline_ns = UINT64_MAX};
	_zw_str_ struct zw_str names = {};

	make(f, "PRAGMA journal_mode = WAL;");
	assert_int_equal(zw_state_list_pdns(&db, add_name, &names, NULL), 0);
	assert_string_equal(names.buf, "example Example.net* empty.test nosoa.test other.test* ");
}

static void test_callback(void **state)
{
	struct fixture *f = *state;
	struct zw_state_ask a = {.origin = wire("example.")};
	struct zw_state_pdns db = {.path = f->path, .key = &f->key, .deadline_ns = UINT64_MAX};
	struct zw_state_sink sink = taken_sink(&f->t);

	make(f, "");
	f->t.refuse = -EPIPE;
	assert_int_equal(zw_state_read_pdns(&db, &a, 1, &sink, &f->t.error), -EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_records),
		TEST(test_garbage),
		TEST(test_marks),
		TEST(test_wal),
		TEST(test_wal_after_kill),
		TEST(test_rollback_journal),
		TEST(test_no_database),
		TEST(test_deadline),
		TEST(test_list),
		TEST(test_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
