/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that stores, what it leaves when it is killed, and what it does when the disk fails it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "writer_fixture.h"

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
