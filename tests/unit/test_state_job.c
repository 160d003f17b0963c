/* SPDX-License-Identifier: GPL-3.0-or-later */
/* State jobs: this program itself is their process. */
#include "unit/server_fixture.h"
#include "unit/state_support.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server/state_frame.h"

static const char schema[] =
	"CREATE TABLE domains (id INTEGER PRIMARY KEY, name VARCHAR(255), type VARCHAR(8));"
	"CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name VARCHAR(255),"
	" type VARCHAR(10), content VARCHAR(65535), ttl INTEGER, prio INTEGER,"
	" disabled BOOLEAN DEFAULT 0);"
	"CREATE INDEX records_lookup_id_idx ON records(domain_id, name, type);"
	"INSERT INTO domains VALUES(1,'example','MASTER'),(2,'slave.test','SLAVE');"
	"INSERT INTO records(domain_id,name,type,content,ttl) VALUES"
	"(1,'example','SOA','ns h 7 2 3 4 5',60),(1,'www.example','A','192.0.2.1',60);";

struct context {
	struct fixture *f;
	struct zw_server server;
	struct zw_state_target target;
	struct zw_hash_key key;
	int root_fd;
	char path[128];
	struct taken t;
	struct zw_str zones;
};

static int setup(void **state)
{
	struct context *c = calloc(1, sizeof(*c));
	void *f;

	assert_non_null(c);
	assert_int_equal(fixture_setup(&f), 0);
	c->f = f;
	snprintf(c->path, sizeof(c->path), "%s/state", c->f->dir);
	c->server = (struct zw_server){.kind = ZW_SERVER_PDNS, .pid = 411};
	c->target = (struct zw_state_target){.kind = ZW_STATE_PDNS, .path = c->path};
	c->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;
	void *f = c->f;

	taken_done(&c->t);
	zw_str_free(&c->zones);
	close(c->root_fd);
	fixture_teardown(&f);
	free(c);
	return 0;
}

static void run(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static struct zw_state_job *start(
	struct context *c, const struct zw_state_ask *asks, size_t n, uint64_t timeout_ms)
{
	struct zw_state_request request = {.target = &c->target,
		.server = &c->server,
		.root_fd = c->root_fd,
		.netns_fd = -1,
		.key = &c->key,
		.asks = asks,
		.n = n,
		.list = n == 0,
		.timeout_ms = timeout_ms};
	struct zw_state_job *job = NULL;

	assert_int_equal(zw_state_job_start(&request, &job), 0);
	return job;
}

static int add_zone(void *ctx, const char *name, bool secondary)
{
	struct taken *t = ctx;
	struct context *c = ZW_CONTAINER_OF(t, struct context, t);

	zw_str_addf(&c->zones, "%s%s ", name, secondary ? "*" : "");
	return 0;
}

static int finish(struct context *c, struct zw_state_job *job)
{
	struct zw_state_listener l = {.sink = taken_sink(&c->t), .zone = add_zone};
	int r = zw_state_job_wait(job, &l, &c->t.error);

	zw_state_job_free(job);
	return r;
}

/* Children of this process, zombies too. */
static int children(void)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return atoi(text);
}

static void test_database(void **state)
{
	struct zw_state_ask asks[] = {{.origin = wire("example.")}, {.origin = wire("none.test.")}};
	struct context *c = *state;

	run(c->path, schema);
	assert_int_equal(finish(c, start(c, asks, 2, 5000)), 0);
	expect_zone(
		&c->t, 0, true, "example. 60 SOA ns. h. 7 2 3 4 5\nwww.example. 60 A 192.0.2.1\n");
	assert_int_equal(c->t.zone[1].result, -ENOENT);
	assert_int_equal(c->t.zone[1].error.kind, ZW_ZERR_SERVER);
	assert_string_equal(
		c->t.zone[1].error.reason, "pdns (pid 411): the database does not have the zone");
	assert_true(c->t.unasked);
	/* Marks hold from one process to the next. */
	asks[0].mark = c->t.zone[0].mark;
	taken_done(&c->t);
	assert_int_equal(finish(c, start(c, asks, 1, 5000)), 0);
	assert_false(c->t.zone[0].changed);
	taken_done(&c->t);
	assert_int_equal(finish(c, start(c, NULL, 0, 5000)), 0);
	assert_string_equal(c->zones.buf, "example slave.test* ");
	assert_int_equal(children(), 0);
}

static void test_failures(void **state)
{
	struct zw_state_ask a = {.origin = wire("example.")};
	struct context *c = *state;

	assert_int_equal(finish(c, start(c, &a, 1, 5000)), -ENOENT);
	assert_int_equal(c->t.error.kind, ZW_ZERR_SERVER);
	assert_non_null(strstr(c->t.error.reason, "pdns (pid 411): database \""));
	c->server.kind = ZW_SERVER_KNOT;
	c->target.kind = ZW_STATE_KNOT;
	assert_int_equal(finish(c, start(c, &a, 1, 5000)), -ENOENT);
	assert_non_null(strstr(c->t.error.reason, "knot (pid 411): control socket \""));
	assert_int_equal(children(), 0);
}

/* A socket whose server sleeps. */
static void test_silent_server(void **state)
{
	struct zw_state_ask a = {.origin = wire("example.")};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct context *c = *state;
	struct zw_state_job *job;
	uint64_t before = zw_boottime_ns();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, c->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(fd, 1), 0);
	c->target.kind = ZW_STATE_KNOT;
	assert_int_equal(finish(c, start(c, &a, 1, 100)), -ETIME);
	assert_true(zw_boottime_ns() - before < ZW_NSEC_PER_SEC);
	/* One that nobody waits for is ended. */
	job = start(c, &a, 1, 60000);
	assert_int_not_equal(children(), 0);
	zw_state_job_free(job);
	assert_int_equal(children(), 0);
	close(fd);
}

/* More than the pipe holds, for somebody who is slow to take it. */
static void test_large(void **state)
{
	struct zw_state_ask a = {.origin = wire("example.")};
	struct context *c = *state;
	struct zw_state_listener l = {.sink = taken_sink(&c->t)};
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	struct zw_state_job *job;
	int r, pumps = 0;

	run(c->path, schema);
	run(c->path,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
		" INSERT INTO records(domain_id,name,type,content,ttl) SELECT 1,"
		" 'h' || i || '.example', 'TXT', '\"' || hex(randomblob(20)) || '\"', 60 FROM n");
	job = start(c, &a, 1, 20000);
	while ((r = zw_state_job_pump(job, &l, &c->t.error)) == 0)
		pumps++;
	assert_int_equal(r, 1);
	assert_true(pumps > 2);
	zw_state_job_free(job);
	assert_true(c->t.zone[0].done);
	assert_int_equal(zw_builder_finish(c->t.zone[0].builder, &s), 0);
	assert_int_equal(zw_snapshot_count(s), 60002);
}

static void test_callback(void **state)
{
	struct zw_state_ask a = {.origin = wire("example.")};
	struct context *c = *state;

	run(c->path, schema);
	c->t.refuse = -EPIPE;
	assert_int_equal(finish(c, start(c, &a, 1, 5000)), -EPIPE);
	assert_int_equal(children(), 0);
}

/* --- a process that was taken over --------------------------------------------------------------------- */

#define HOSTILE ".hostile"

/* In the process: says what is in PATH.hostile, when that exists. */
static void be_hostile(void)
{
	struct zw_state_header h;
	char path[256] = "", text[4096];
	size_t n;
	FILE *f;

	if (pread(STDIN_FILENO, &h, sizeof(h), 0) != sizeof(h) || h.path_len > 200 ||
		pread(STDIN_FILENO, path, h.path_len, sizeof(h)) != h.path_len)
		return;
	strcat(path, HOSTILE);
	f = fopen(path, "re");
	if (!f)
		return;
	while ((n = fread(text, 1, sizeof(text), f)) > 0)
		if (write(STDOUT_FILENO, text, n) < 0)
			break;
	_exit(0);
}

#define U32(a) a "\0\0\0"
#define SAYS(text) text, sizeof(text) - 1

static void test_nonsense(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int result;
	} cases[] = {
		{SAYS(""), -EPIPE},
		{SAYS("\4"), -EPIPE},
		{SAYS(U32("\0")), -EPROTO},
		{SAYS("\xff\xff\xff\xff\1"), -EPROTO},
		{SAYS(U32("\1") "\0"), -EPROTO},
		{SAYS(U32("\1") "\7"), -EPROTO},
		/* A record: of a zone nobody asked for, without an owner, with a bad one, of no type. */
		{SAYS(U32("\23") "\1" U32("\1") "\1\0" U32("\74") "\3\1a\0\300\0\2\1"), -EPROTO},
		{SAYS(U32("\14") "\1" U32("\0") "\1\0" U32("\74") "\3"), -EPROTO},
		{SAYS(U32("\17") "\1" U32("\0") "\1\0" U32("\74") "\3\2a\0"), -EPROTO},
		{SAYS(U32("\17") "\1" U32("\0") "\1\0" U32("\74") "\2\1a\0"), -EPROTO},
		{SAYS(U32("\17") "\1" U32("\0") "\0\0" U32("\74") "\3\1a\0"), -EPROTO},
		/* Done: of no zone, without a mark. */
		{SAYS(U32("\16") "\2" U32("\2") "\1\0\0\0\0\0\0\0\1"), -EPROTO},
		{SAYS(U32("\16") "\2" U32("\0") "\0\0\0\0\0\0\0\0\1"), -EPROTO},
		{SAYS(U32("\5") "\2" U32("\0")), -EPROTO},
		/* Failed: without failing, of no kind. */
		{SAYS(U32("\15") "\3" U32("\0") U32("\0") U32("\1")), -EPROTO},
		{SAYS(U32("\15") "\3" U32("\0") "\xff\xff\xff\xff" U32("\xff")), -EPROTO},
		/* A zone with a NUL in its name. */
		{SAYS(U32("\5") "\5\0a\0b"), -EPROTO},
		/* Ends with what is no error. */
		{SAYS(U32("\11") "\6" U32("\1") U32("\1")), -EPROTO},
		{SAYS(U32("\5") "\6" U32("\0")), -EPROTO},
	};
	struct zw_state_ask a = {.origin = wire("example.")};
	struct context *c = *state;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		put_bytes(c->f->dir, "state" HOSTILE, cases[i].text, cases[i].len);
		taken_done(&c->t);
		if (finish(c, start(c, &a, 1, 5000)) != cases[i].result)
			fail_msg("case %zu: %s", i, c->t.error.reason);
		assert_int_equal(c->t.zones, 0);
		assert_int_equal(c->t.error.kind, ZW_ZERR_SERVER);
		assert_int_equal(children(), 0);
	}
}

/* What it says of errors is one line of printable characters. */
static void test_hostile_text(void **state)
{
	struct zw_state_ask a = {.origin = wire("example.")};
	struct context *c = *state;

	put_bytes(c->f->dir, "state" HOSTILE,
		SAYS(U32("\22") "\3" U32("\0") "\xff\xff\xff\xff" U32("\1") "a\n\33[b" U32(
			"\16") "\6\xfe\xff\xff\xff" U32("\1") "x\r\n\0y"));
	assert_int_equal(finish(c, start(c, &a, 1, 5000)), -ENOENT);
	assert_string_equal(c->t.zone[0].error.reason, "pdns (pid 411): a??[b");
	assert_string_equal(c->t.error.reason, "pdns (pid 411): x??");
}

/* --- where a server is asked ------------------------------------------------------------------------------ */

static int find(struct context *c, enum zw_server_kind kind, const char *config)
{
	struct zw_server s = {.kind = kind,
		.pid = 10,
		.cwd = (char *)"/wd",
		.config = (char *)config,
		.chroot = (char *)""};
	struct zw_str error = {};
	int r;

	c->target = (struct zw_state_target){};
	r = zw_state_target_find(&s, c->f->proc, &c->target, &error);
	zw_str_free(&error);
	return r;
}

static void test_targets(void **state)
{
	struct context *c = *state;

	put_process(c->f, 10, 1, "/usr/sbin/any", "any");
	put(c->f, "knot.conf",
		"server:\n  rundir: \"run\"\ncontrol:\n  listen: \"ctl.sock\"\n"
		"database:\n  storage: db\n  journal-db: j\n");
	assert_int_equal(find(c, ZW_SERVER_KNOT, "/knot.conf"), 0);
	assert_int_equal(c->target.kind, ZW_STATE_KNOT);
	assert_string_equal(c->target.path, "/wd/run/ctl.sock");
	assert_int_equal(c->target.watch.len, 1);
	assert_string_equal(c->target.watch.items[0], "/wd/db/j/data.mdb");
	zw_state_target_done(&c->target);
	put(c->f, "knot2.conf", "zone:\n  - domain: a.test\n");
	assert_int_equal(find(c, ZW_SERVER_KNOT, "/knot2.conf"), 0);
	assert_string_equal(c->target.path, "/run/knot/knot.sock");
	assert_string_equal(c->target.watch.items[0], "/var/lib/knot/journal/data.mdb");
	zw_state_target_done(&c->target);
	assert_int_equal(find(c, ZW_SERVER_KNOT, "/none.conf"), -ENOENT);

	put(c->f, "p1.conf", "launch=bind,gsqlite3\ngsqlite3-database=/db/p.db\ndefault-ttl=7\n");
	assert_int_equal(find(c, ZW_SERVER_PDNS, "/p1.conf"), 0);
	assert_int_equal(c->target.kind, ZW_STATE_PDNS);
	assert_string_equal(c->target.path, "/db/p.db");
	assert_int_equal(c->target.watch.len, 3);
	assert_string_equal(c->target.watch.items[0], "/db/p.db");
	assert_string_equal(c->target.watch.items[1], "/db/p.db-wal");
	assert_int_equal(c->target.default_ttl, 7);
	zw_state_target_done(&c->target);
	put(c->f, "p2.conf",
		"launch=gsqlite3:two\ngsqlite3-database=x\ngsqlite3-two-database=db/p.db\n");
	assert_int_equal(find(c, ZW_SERVER_PDNS, "/p2.conf"), 0);
	assert_string_equal(c->target.path, "/wd/db/p.db");
	assert_int_equal(c->target.default_ttl, 3600);
	zw_state_target_done(&c->target);
	put(c->f, "p3.conf", "launch=gsqlite\ngsqlite3-database=x\n");
	assert_int_equal(find(c, ZW_SERVER_PDNS, "/p3.conf"), -ENOTSUP);
	assert_int_equal(find(c, ZW_SERVER_NSD, "/p3.conf"), -ENOTSUP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_database),
		TEST(test_failures),
		TEST(test_silent_server),
		TEST(test_large),
		TEST(test_callback),
		TEST(test_nonsense),
		TEST(test_hostile_text),
		TEST(test_targets),
	};

	if (argc == 2 && strcmp(argv[1], ZW_STATE_COMMAND) == 0) {
		be_hostile();
		return zw_state_child();
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
