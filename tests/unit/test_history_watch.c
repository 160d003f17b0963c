/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent finds at its start: the states that the one before it left, and until when it watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "writer_fixture.h"

/* Opened at the start, while somebody holds it: what the one before told and did not store is not told as nobody's, nor
 * twice, and what follows leads on from there. */
static void test_start_without_writing(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;
	sqlite3 *db = NULL;

	killed(f, 1, 5, true);
	copy(f, "h.db", "old.db");
	copy(f, "h.db-wal", "old.db-wal");
	killed(f, 6, 9, true);
	copy(f, "old.db", "h.db");
	copy(f, "old.db-wal", "h.db-wal");
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	w = writer(f);
	assert_non_null(strstr(f->said.buf, "nothing can be stored"));
	assert_state(w, 9);
	f->ulid = (struct zw_ulid_state){};
	assert_int_equal(tell(f, w, 10), 0);
	assert_state(w, 9);
	assert_int_equal(zw_writer_flush(w, ZW_NSEC_PER_SEC / 10), -ETIMEDOUT);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	flush(w);
	assert_false(zw_writer_is_new(w));
	assert_state(w, 10);
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), 10);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch WHERE seq IS NOT NULL"), 10);
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 1);
}

/* The history is on a disk of its own, where the place of its directory is not there without it. */
static void on_disk(struct fixture *f)
{
	size_t len = strlen(f->dir);

	snprintf(f->path, sizeof(f->path), "%s/disk", f->dir);
	assert_int_equal(mkdir(f->path, 0700), 0);
	snprintf(f->path + len, sizeof(f->path) - len, "/disk/sub/h.db");
}

static void move_disk(const struct fixture *f, const char *from, const char *to)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "%s/%s", f->dir, from);
	snprintf(b, sizeof(b), "%s/%s", f->dir, to);
	assert_int_equal(rename(a, b), 0);
}

static void wait_for_strange(struct zw_writer *w)
{
	const struct timespec pause = {.tv_nsec = 10 * ZW_NSEC_PER_MSEC};
	uint64_t until = zw_boottime_ns() + 20 * ZW_NSEC_PER_SEC;

	while (!zw_writer_is_strange(w)) {
		assert_true(zw_boottime_ns() < until);
		nanosleep(&pause, NULL);
	}
}

/* What was made of the last stored state, @from, until the first look, at @to. */
static int tell_before(struct fixture *f, struct zw_writer *w, uint32_t from, uint32_t to)
{
	_zw_report_free_ struct zw_report *report = change_between(f, from, to);
	_zw_str_ struct zw_str json = {};

	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	return zw_writer_event_before(w, true, &zone, report, json.buf, json.len);
}

static void assert_no_state(struct zw_writer *w)
{
	_zw_snapshot_ struct zw_snapshot *none = NULL;
	uint64_t time_ns, watched_ns;

	assert_int_equal(zw_writer_load_zone(w, &zone, &none, &time_ns, &watched_ns), -ENODEV);
}

static void tell_state(struct zw_writer *w, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *now = state_at(n);

	assert_int_equal(zw_writer_state(w, &zone, now, 2000, false), 0);
}

static void assert_books(const struct fixture *f, int events)
{
	assert_int_equal(query(f->path, "SELECT count(*) FROM event"), events);
	assert_int_equal(
		query(f->path, "SELECT count(*) FROM patch WHERE seq IS NOT NULL"), events);
	assert_int_equal(
		query(f->path,
			"SELECT count(*) FROM (SELECT serial_before b, lag(serial_after) OVER"
			" (ORDER BY seq) a FROM event) WHERE a IS NOT NULL AND a <> b"),
		0);
}

/* Not there at the start, and there later: it is asked what the zone was before anything is stored, with what the one
 * before told and did not store. */
static void test_start_without_reading(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;

	on_disk(f);
	killed(f, 1, 5, true);
	copy(f, "disk/sub/h.db", "disk/sub/old.db");
	copy(f, "disk/sub/h.db-wal", "disk/sub/old.db-wal");
	killed(f, 6, 9, true);
	copy(f, "disk/sub/old.db", "disk/sub/h.db");
	copy(f, "disk/sub/old.db-wal", "disk/sub/h.db-wal");
	move_disk(f, "disk", "away");
	w = writer(f);
	assert_no_state(w);
	tell_state(w, 12);
	f->ulid = (struct zw_ulid_state){};
	assert_int_equal(tell(f, w, 13), 0);
	move_disk(f, "away", "disk");
	wait_for_strange(w);
	assert_int_equal(zw_writer_flush(w, ZW_NSEC_PER_SEC / 10), -ETIMEDOUT);
	assert_state(w, 9);
	assert_int_equal(tell_before(f, w, 9, 12), 0);
	zw_writer_asked(w);
	assert_false(zw_writer_is_strange(w));
	flush(w);
	assert_true(zw_writer_is_new(w));
	assert_state(w, 13);
	assert_books(f, 11);
}

/* Nobody asks any more: what was told is stored all the same. */
static void test_never_asked(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;

	on_disk(f);
	killed(f, 1, 5, true);
	move_disk(f, "disk", "away");
	w = writer(f);
	assert_no_state(w);
	tell_state(w, 5);
	f->ulid = (struct zw_ulid_state){};
	assert_int_equal(tell(f, w, 6), 0);
	move_disk(f, "away", "disk");
	zw_writer_close(ZW_TAKE(w));
	assert_books(f, 6);
}

/* With all that is in its journal. */
static void copy_whole(const struct fixture *f, const char *to)
{
	sqlite3 *db = NULL;
	char sql[100];

	snprintf(sql, sizeof(sql), "VACUUM INTO '%s/%s'", f->dir, to);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Puts a history of another name in its place, at once. */
static void replace(const struct fixture *f, const char *name)
{
	char command[200];

	snprintf(command, sizeof(command), "cd %s && rm h.db-wal h.db-shm && mv %s h.db", f->dir,
		name);
	assert_int_equal(system(command), 0);
}

/* One that was begun where there was none, then another one of the same name, then the first one again. */
static void test_replaced_by_another(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;

	killed(f, 1, 5, true);
	zw_writer_close(writer(f));
	copy(f, "h.db", "old.db");
	assert_int_equal(unlink(f->path), 0);
	w = writer(f);
	tell_state(w, 7);
	flush(w);
	assert_false(zw_writer_is_strange(w));
	copy_whole(f, "begun.db");
	replace(f, "old.db");
	wait_for_strange(w);
	assert_state(w, 5);
	f->ulid = (struct zw_ulid_state){};
	assert_int_equal(tell_before(f, w, 5, 7), 0);
	zw_writer_asked(w);
	flush(w);
	assert_true(zw_writer_is_new(w));
	assert_books(f, 6);
	replace(f, "begun.db");
	assert_int_equal(tell(f, w, 8), 0);
	flush(w);
	assert_true(zw_writer_is_new(w));
	assert_false(zw_writer_is_strange(w));
}

/* An agent that says that it is alive, for as long as it is. */
static void live(struct fixture *f, bool with_zone, uint64_t alive_ns, uint64_t watched_ns)
{
	_zw_writer_close_ struct zw_writer *w = writer(f);

	if (with_zone)
		assert_int_equal(load_state(w, 1), watched_ns);
	zw_writer_alive(w, alive_ns);
}

/* The first one of it, which makes change 1. */
static void live_first(struct fixture *f)
{
	_zw_writer_close_ struct zw_writer *w = writer(f);

	begin(w);
	assert_int_equal(tell(f, w, 1), 0);
	flush(w);
	zw_writer_alive(w, 5000);
}

/* Until when the zone was watched is the last moment of the last agent that watched it. */
static void test_watched_until(void **state)
{
	struct fixture *f = *state;

	live_first(f);
	live(f, true, 6000, 5000);
	/* One that does not come as far as to watch. */
	zw_writer_close(writer(f));
	live(f, true, 7000, 6000);
	/* Agents to which it is no zone. */
	live(f, false, 8000, 0);
	live(f, false, 9000, 0);
	live(f, true, 10000, 7000);
	live(f, true, 11000, 10000);
}

/* The zone goes while the agent stays, and comes back. */
static void test_left(void **state)
{
	struct fixture *f = *state;
	uint64_t before = zw_realtime_ns(), left;

	live_first(f);
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_int_equal(load_state(w, 1), 5000);
		zw_writer_alive(w, 6000);
		zw_writer_leave_zone(w, &zone);
		left = load_state(w, 1);
		assert_in_range(left, before, zw_realtime_ns());
		zw_writer_leave_zone(w, &zone);
		zw_writer_alive(w, 7000);
	}
	live(f, false, 8000, 0);
	{
		_zw_writer_close_ struct zw_writer *w = writer(f);

		assert_in_range(load_state(w, 1), left, zw_realtime_ns());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_start_without_writing),
		FIXTURE_TEST(test_start_without_reading),
		FIXTURE_TEST(test_never_asked),
		FIXTURE_TEST(test_replaced_by_another),
		FIXTURE_TEST(test_watched_until),
		FIXTURE_TEST(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
