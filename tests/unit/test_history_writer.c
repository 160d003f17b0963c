/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that stores, what it leaves when it is killed, and what it does when the disk fails it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "report_sample.h"
#include "sink/history_pending.h"
#include "sink/history_writer.h"
#include "sink/sink.h"

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
	struct zw_str said; /* lines */
	struct zw_ulid_state ulid;
	size_t memory_items;
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-writer-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	f->memory_items = 100;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	if (system(command) != 0)
		return -1;
	zw_str_free(&f->said);
	free(f);
	return 0;
}

/* Called with no writer's thread beside it, or while it waits for what it said. */
static void say(void *ctx, bool error, const char *sentence)
{
	struct fixture *f = ctx;

	zw_str_addf(&f->said, "%s%s\n", error ? "" : "fine: ", sentence);
}

static int open_writer(struct fixture *f, bool need, struct zw_writer **ret_writer)
{
	struct zw_writer_options options = {
		.path = f->path,
		.pending_bytes = 200000,
		.memory_bytes = 1 << 20,
		.memory_items = f->memory_items,
		.say = say,
		.ctx = f,
	};
	_zw_str_ struct zw_str error = {};

	return zw_writer_open(&options, need, ret_writer, &error);
}

static struct zw_writer *writer(struct fixture *f)
{
	struct zw_writer *w = NULL;

	assert_int_equal(open_writer(f, false, &w), 0);
	return w;
}

static long long query(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	long long value;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* The zone with the address of www at number @n. */
static struct zw_snapshot *state_at(uint32_t n)
{
	char text[80];

	snprintf(text, sizeof(text), "www 60 A 192.0.%u.%u\nother 60 A 192.0.2.1\n", n / 250 + 3,
		n % 250);
	return sample_snapshot(n, text);
}

/* Change number @n, from the state before it; and the state, as the agent tells both. */
static int tell(struct fixture *f, struct zw_writer *w, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *before = state_at(n - 1), *after = state_at(n);
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_str_ struct zw_str json = {};
	struct zw_diff *diff = NULL;
	int r;

	assert_int_equal(zw_diff_new(before, after, &diff), 0);
	report = sample_change(n, diff);
	zw_ulid(&f->ulid, SAMPLE_TIME_NS + n, report->id);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	r = zw_writer_event(w, true, &zone, report, json.buf, json.len);
	if (r == 0)
		r = zw_writer_rest(w, &zone, NULL, after, 0);
	return r;
}

static void begin(struct zw_writer *w)
{
	_zw_snapshot_ struct zw_snapshot *first = state_at(0);

	assert_int_equal(zw_writer_state(w, &zone, first, 1000, false), 0);
}

static void flush(struct zw_writer *w)
{
	assert_int_equal(zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC), 0);
}

static void assert_state(struct zw_writer *w, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *expected = state_at(n), *loaded = NULL;
	uint64_t time_ns;

	assert_int_equal(zw_writer_load_zone(w, &zone, &loaded, &time_ns), 0);
	assert_true(zw_snapshot_equal(loaded, expected));
}

/* Ends a process in the middle of things, without anything being closed. */
static void killed(struct fixture *f, uint32_t from, uint32_t to, bool flushed)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct zw_writer *w = NULL;

		if (open_writer(f, true, &w) < 0)
			_exit(1);
		if (from == 1)
			begin(w);
		if (from == 1 && zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC) < 0)
			_exit(2);
		for (uint32_t n = from; n <= to; n++)
			if (tell(f, w, n) < 0)
				_exit(3);
		if (flushed && zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC) < 0)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_events_and_states_are_stored(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = writer(f);
	struct zw_writer_facts facts;

	begin(w);
	for (uint32_t n = 1; n <= 50; n++)
		assert_int_equal(tell(f, w, n), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 50);
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 1);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch WHERE blob IS NULL"), 50);
	assert_state(w, 50);
	zw_writer_facts(w, &facts);
	assert_int_equal(facts.stored, 50);
	assert_int_equal(facts.waiting, 0);
	assert_int_equal(facts.lost, 0);
	assert_true(facts.open);
}

/* What one event does not tell is a patch of its own. */
static void test_rest_of_a_state(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = writer(f);
	_zw_snapshot_ struct zw_snapshot *before = state_at(0), *after = state_at(7);
	_zw_diff_ struct zw_diff *diff = NULL;

	begin(w);
	assert_int_equal(zw_diff_new(before, after, &diff), 0);
	assert_int_equal(zw_writer_rest(w, &zone, diff, after, 2000), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch WHERE seq IS NULL"), 1);
	assert_state(w, 7);
}

/* Whatever was told before it was killed is there, once, with its state, however often that happens. */
static void test_killed(void **state)
{
	struct fixture *f = *state;
	uint32_t n = 0;

	for (uint32_t round = 0; round < 12; round++) {
		uint32_t more = 1 + round * 7 % 20;

		killed(f, n + 1, n + more, round % 4 == 3);
		n += more;
		/* Other readers of the clock must not give ids that were given in the child. */
		f->ulid = (struct zw_ulid_state){};
		if (round % 3 == 2) {
			_zw_writer_close_ struct zw_writer *w = writer(f);

			assert_state(w, n);
		}
	}
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_state(w, n);
		assert_int_equal(query(f->path, "SELECT count(*) FROM event"), n);
		assert_int_equal(
			query(f->path, "SELECT count(*) FROM patch WHERE seq IS NOT NULL"), n);
		assert_null(f->said.buf);
	}
}

static void copy(const struct fixture *f, const char *from, const char *to)
{
	char command[200];

	snprintf(command, sizeof(command), "cp %s/%s %s/%s", f->dir, from, f->dir, to);
	assert_int_equal(system(command), 0);
}

/* A database that is older than the file beside it, as a copy taken at the wrong moment: what it does not have comes from
 * there, and leads on where it has what was before. */
static void test_older_database(void **state)
{
	struct fixture *f = *state;

	killed(f, 1, 5, true);
	copy(f, "h.db", "old.db");
	copy(f, "h.db-wal", "old.db-wal");
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_state(w, 5);
	}
	killed(f, 6, 9, true);
	copy(f, "old.db", "h.db");
	copy(f, "old.db-wal", "h.db-wal");
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_state(w, 9);
		assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 9);
	}
	/* With something missing in between, its state is not taken for what was before. */
	killed(f, 10, 12, true);
	killed(f, 13, 13, true);
	copy(f, "old.db", "h.db");
	copy(f, "old.db-wal", "h.db-wal");
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_state(w, 5);
		assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 6);
	}
}

static void cut_pending(const struct fixture *f, off_t bytes)
{
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), "%s.pending", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - bytes), 0);
}

/* The end that was being written when the power went. */
static void test_cut_file(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;

	killed(f, 1, 5, true);
	copy(f, "h.db", "old.db");
	copy(f, "h.db-wal", "old.db-wal");
	zw_writer_close(writer(f));
	killed(f, 6, 8, true);
	copy(f, "old.db", "h.db");
	copy(f, "old.db-wal", "h.db-wal");
	cut_pending(f, 3);
	w = writer(f);
	assert_state(w, 7);
	assert_non_null(strstr(f->said.buf, "lost its end"));
}

static void test_damaged_is_set_aside(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;
	char junk[4096], command[120];
	int fd;

	killed(f, 1, 5, true);
	w = writer(f);
	zw_writer_close(ZW_TAKE(w));
	memset(junk, 'x', sizeof(junk));
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096), sizeof(junk));
	close(fd);
	w = writer(f);
	assert_non_null(strstr(f->said.buf, "the history is damaged; it is now '"));
	snprintf(command, sizeof(command), "test -s %s.damaged-20*Z", f->path);
	assert_int_equal(system(command), 0);
	begin(w);
	f->ulid = (struct zw_ulid_state){};
	assert_int_equal(tell(f, w, 1), 0);
	flush(w);
	assert_state(w, 1);
}

static void test_foreign_is_left_alone(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;
	struct zw_writer_facts facts;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE bookmarks (url)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(open_writer(f, true, &w), -EMEDIUMTYPE);
	w = writer(f);
	assert_non_null(strstr(f->said.buf, "is a database of another program"));
	assert_int_equal(tell(f, w, 1), 0);
	assert_int_equal(zw_writer_flush(w, ZW_NSEC_PER_SEC / 10), -ETIMEDOUT);
	zw_writer_facts(w, &facts);
	assert_false(facts.open);
	assert_int_equal(facts.stored, 0);
	assert_true(facts.waiting > 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM bookmarks"), 0);
	/* Out of the way, it goes on with what waited. */
	assert_int_equal(unlink(f->path), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 1);
	assert_true(zw_writer_is_new(w));
}

/* Memory, then the file, then losses, which are counted. */
static void test_full(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;
	struct zw_writer_facts facts;
	uint32_t n = 0, kept;

	f->memory_items = 10;
	assert_int_equal(mkdir(f->path, 0700), 0); /* no file can be opened there */
	w = writer(f);
	while (tell(f, w, n + 1) == 0)
		assert_in_range(++n, 1, 5000);
	kept = n;
	assert_in_range(kept, 30, 1000);
	assert_true(tell(f, w, n + 2) < 0);
	zw_writer_facts(w, &facts);
	assert_int_equal(facts.lost, 2);
	assert_true(facts.waiting >= kept);
	assert_int_equal(rmdir(f->path), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), kept);
	assert_int_equal(query(f->path, "SELECT max(seq) FROM event"), kept);
	assert_int_equal(
		query(f->path, "SELECT count(*) FROM (SELECT id, lag(id) OVER (ORDER BY seq) b"
			       " FROM event) WHERE id <= b"),
		0);
	zw_writer_facts(w, &facts);
	assert_int_equal(facts.stored, kept);
	assert_int_equal(facts.lost, 2);
	/* And it goes on. */
	assert_int_equal(tell(f, w, n + 3), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), kept + 1);
}

static void test_removed_while_running(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = writer(f);
	_zw_snapshot_ struct zw_snapshot *now = state_at(2);

	begin(w);
	assert_int_equal(tell(f, w, 1), 0);
	flush(w);
	assert_false(zw_writer_is_new(w));
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(tell(f, w, 2), 0);
	flush(w);
	assert_true(zw_writer_is_new(w));
	assert_false(zw_writer_is_new(w));
	assert_int_equal(zw_writer_state(w, &zone, now, 3000, true), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 1);
	assert_state(w, 2);
	assert_non_null(strstr(f->said.buf, "was removed or replaced"));
}

/* One state that is the same, or differs from what is stored, needs no event. */
static void test_state_again(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = writer(f);
	_zw_snapshot_ struct zw_snapshot *same = state_at(0), *other = state_at(3);

	begin(w);
	assert_int_equal(zw_writer_state(w, &zone, same, 2000, true), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 0);
	assert_int_equal(zw_writer_state(w, &zone, other, 3000, true), 0);
	flush(w);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch WHERE seq IS NULL"), 1);
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 1);
	assert_state(w, 3);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_events_and_states_are_stored),
		FIXTURE_TEST(test_rest_of_a_state),
		FIXTURE_TEST(test_state_again),
		FIXTURE_TEST(test_killed),
		FIXTURE_TEST(test_older_database),
		FIXTURE_TEST(test_cut_file),
		FIXTURE_TEST(test_damaged_is_set_aside),
		FIXTURE_TEST(test_foreign_is_left_alone),
		FIXTURE_TEST(test_full),
		FIXTURE_TEST(test_removed_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
