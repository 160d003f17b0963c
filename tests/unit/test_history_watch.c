/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent finds at its start: the states that the one before it left, and until when it watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

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
		FIXTURE_TEST(test_watched_until),
		FIXTURE_TEST(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
