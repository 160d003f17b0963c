/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "report_sample.h"
#include "sink/history.h"
#include "temp_dir.h"

static const struct zw_history_zone zone = {"bind", "_default", "example.com."};

struct fixture {
	char dir[36], path[64];
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-history-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/state/h.db", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r = temp_dir_remove(f->dir);

	free(f);
	return r;
}

static struct zw_history *open_history(const struct fixture *f)
{
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;
	int r = zw_history_open(f->path, &history, &error);

	if (r < 0)
		fail_msg("%d: %s", r, error.buf);
	return history;
}

static void assert_refused(const struct fixture *f, int code, const char *sentence)
{
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;

	assert_int_equal(zw_history_open(f->path, &history, &error), code);
	assert_null(history);
	if (!strstr(error.buf, sentence) || !strstr(error.buf, f->path))
		fail_msg("%s", error.buf);
}

/* Runs SQL behind the agent's back. */
static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static long long query(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	long long value;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void assert_holds(
	struct zw_history *history, const struct zw_snapshot *expected, uint64_t expected_ns)
{
	_zw_snapshot_ struct zw_snapshot *loaded = NULL;
	uint64_t time_ns = 0;

	assert_int_equal(zw_history_load_zone(history, &zone, &loaded, &time_ns), 0);
	assert_true(zw_snapshot_equal(loaded, expected));
	assert_int_equal(zw_snapshot_count(loaded), zw_snapshot_count(expected));
	assert_int_equal(time_ns, expected_ns);
}

/* A zone of @n names, with signatures of different TTLs in one RRset, where name number @changed has another
 * address and name number @gone is not there. */
static struct zw_snapshot *big_snapshot(uint32_t serial, int n, int changed, int gone)
{
	_zw_str_ struct zw_str text = {};

	zw_str_add(&text,
		"@ 3600 RRSIG A 13 2 3600 20300101000000 20200101000000 1 example.com. AAAA\n"
		"@ 60 RRSIG NS 13 2 60 20300101000000 20200101000000 1 example.com. AAAB\n");
	for (int i = 0; i < n; i++)
		if (i != gone)
			zw_str_addf(&text, "n%d %d A 10.%d.%d.%d\n", i, i % 7 ? 300 : 60,
				i == changed ? 9 : 1, i / 250, i % 250);
	return sample_snapshot(serial, sample_checked(text.buf));
}

static void test_store_load_forget(void **state)
{
	_zw_snapshot_ struct zw_snapshot *first = sample_snapshot(1, "a 60 A 192.0.2.1\n");
	_zw_snapshot_ struct zw_snapshot *second = sample_snapshot(2, "b 60 TXT \"x\"\n");
	_zw_snapshot_ struct zw_snapshot *none = NULL;
	_zw_history_close_ struct zw_history *history = open_history(*state);
	const struct zw_history_zone other = {"bind", "internal", "example.com."};
	uint64_t time_ns;

	assert_int_equal(zw_history_load_zone(history, &zone, &none, &time_ns), -ENOENT);
	assert_int_equal(zw_history_store_zone(history, &zone, first, 100), 0);
	assert_int_equal(zw_history_store_zone(history, &other, second, 50), 0);
	assert_holds(history, first, 100);
	assert_int_equal(zw_history_store_zone(history, &zone, second, 200), 0);
	assert_holds(history, second, 200);
	assert_int_equal(zw_history_forget_zone(history, &other), 0);
	assert_int_equal(zw_history_load_zone(history, &other, &none, &time_ns), -ENOENT);
	assert_holds(history, second, 200);
}

static void test_survives_close(void **state)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = sample_snapshot(1, "a 60 A 192.0.2.1\n");
	_zw_history_close_ struct zw_history *history = open_history(*state);

	assert_int_equal(zw_history_store_zone(history, &zone, snapshot, 100), 0);
	zw_history_close(ZW_TAKE(history));
	history = open_history(*state);
	assert_holds(history, snapshot, 100);
}

static void test_modes_of_files(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *snapshot = sample_snapshot(1, "a 60 A 192.0.2.1\n");
	_zw_history_close_ struct zw_history *history = open_history(f);
	char path[80];
	struct stat st;

	assert_int_equal(zw_history_store_zone(history, &zone, snapshot, 100), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/state", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* One changed record of many writes a patch; what is loaded afterwards is the same to the last TTL. */
static void test_changes_are_patches(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *first = big_snapshot(1, 3000, -1, -1);
	_zw_snapshot_ struct zw_snapshot *second = big_snapshot(2, 3000, 17, 42);
	_zw_snapshot_ struct zw_snapshot *third = big_snapshot(3, 3001, 17, 43);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(zw_history_store_zone(history, &zone, first, 100), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 0);
	assert_int_equal(zw_history_store_zone(history, &zone, second, 200), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 1);
	assert_in_range(query(f->path, "SELECT sum(length(blob)) FROM patch"), 50, 500);
	assert_holds(history, second, 200);
	assert_int_equal(zw_history_store_zone(history, &zone, third, 300), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 2);
	zw_history_close(ZW_TAKE(history));

	/* After a restart patches go on where they were. */
	history = open_history(f);
	assert_holds(history, third, 300);
	assert_int_equal(zw_history_store_zone(history, &zone, first, 400), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 3);
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 1);
	assert_holds(history, first, 400);
}

/* A clock that was set back does not change the order. */
static void test_times_do_not_go_back(void **state)
{
	_zw_snapshot_ struct zw_snapshot *first = sample_snapshot(1, "a 60 A 192.0.2.1\n");
	_zw_snapshot_ struct zw_snapshot *second = sample_snapshot(2, "b 60 TXT \"x\"\n");
	_zw_history_close_ struct zw_history *history = open_history(*state);

	assert_int_equal(zw_history_store_zone(history, &zone, first, 100), 0);
	assert_int_equal(zw_history_store_zone(history, &zone, second, 50), 0);
	assert_holds(history, second, 100);
}

static void test_patches_give_way_to_a_new_base(void **state)
{
	const struct fixture *f = *state;
	_zw_history_close_ struct zw_history *history = open_history(f);
	long long bases = 0;

	for (uint32_t serial = 1; serial < 60; serial++) {
		_zw_snapshot_ struct zw_snapshot *snapshot = big_snapshot(
			serial, 100 + (int)serial * 400, (int)serial, (int)serial * 50);

		assert_int_equal(zw_history_store_zone(history, &zone, snapshot, serial), 0);
		if (serial % 20 == 0)
			assert_holds(history, snapshot, serial);
	}
	/* The older ones stay. */
	bases = query(f->path, "SELECT count(*) FROM base");
	assert_in_range(bases, 2, 10);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 59 - bases);
	assert_int_equal(query(f->path, "SELECT min(time_ns) FROM base"), 1);
}

static void test_forgotten_state_is_not_patched(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *first = big_snapshot(1, 3000, -1, -1);
	_zw_snapshot_ struct zw_snapshot *second = big_snapshot(2, 3000, 17, -1);
	_zw_history_close_ struct zw_history *history = open_history(f);
	_zw_snapshot_ struct zw_snapshot *none = NULL;
	uint64_t time_ns;

	assert_int_equal(zw_history_store_zone(history, &zone, first, 100), 0);
	assert_int_equal(zw_history_forget_zone(history, &zone), 0);
	assert_int_equal(zw_history_load_zone(history, &zone, &none, &time_ns), -ENOENT);
	assert_int_equal(zw_history_store_zone(history, &zone, second, 300), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM patch"), 0);
	assert_holds(history, second, 300);
}

static void test_transaction(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *snapshot = sample_snapshot(1, "a 60 A 192.0.2.1\n");
	_zw_history_close_ struct zw_history *history = open_history(f);
	char name[32];

	assert_int_equal(zw_history_begin(history), 0);
	for (int i = 0; i < 100; i++) {
		struct zw_history_zone z = {"bind", "_default", name};

		snprintf(name, sizeof(name), "z%d.example.", i);
		assert_int_equal(zw_history_store_zone(history, &z, snapshot, 1), 0);
	}
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 0);
	assert_int_equal(zw_history_commit(history), 0);
	assert_int_equal(query(f->path, "SELECT count(*) FROM base"), 100);
	assert_int_equal(zw_history_commit(history), -EIO);
}

/* What a transaction that failed had stored must not be the base of a later patch. */
static void test_failed_commit_forgets_what_it_held(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *first = big_snapshot(1, 3000, -1, -1);
	_zw_snapshot_ struct zw_snapshot *second = big_snapshot(2, 3000, 17, -1);
	_zw_snapshot_ struct zw_snapshot *third = big_snapshot(3, 3000, 18, -1);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(zw_history_store_zone(history, &zone, first, 100), 0);
	run_sql(f->path,
		"CREATE TRIGGER t AFTER INSERT ON patch BEGIN SELECT raise(ROLLBACK, 'no'); END");
	assert_int_equal(zw_history_begin(history), 0);
	assert_true(zw_history_store_zone(history, &zone, second, 200) < 0);
	assert_true(zw_history_commit(history) < 0);
	run_sql(f->path, "DROP TRIGGER t");
	assert_int_equal(zw_history_store_zone(history, &zone, third, 300), 0);
	assert_holds(history, third, 300);
}

static void test_damaged_state_is_dropped(void **state)
{
	static const char *const damages[] = {
		"UPDATE base SET blob = zeroblob(length(blob))",
		"UPDATE base SET blob = substr(blob, 1, length(blob) - 1)",
		"UPDATE base SET raw_len = raw_len - 1",
		"UPDATE base SET raw_len = -1",
		"UPDATE base SET blob = x''",
		"INSERT INTO patch (zone_id, base_id, time_ns, blob)"
		" SELECT zone_id, id, 1, x'00' FROM base ORDER BY id DESC LIMIT 1",
		"INSERT INTO patch (zone_id, base_id, time_ns, blob)"
		" SELECT zone_id, id, 1, x'01007700000000' FROM base ORDER BY id DESC LIMIT 1",
		"INSERT INTO patch (zone_id, base_id, time_ns, seq)"
		" SELECT zone_id, id, 1, 4711 FROM base ORDER BY id DESC LIMIT 1",
	};
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *snapshot = sample_snapshot(1, "a 60 A 192.0.2.1\n");

	for (size_t i = 0; i < ZW_ARRAY_SIZE(damages); i++) {
		_zw_history_close_ struct zw_history *history = open_history(f);
		struct zw_snapshot *loaded = NULL;
		uint64_t time_ns = 7;

		assert_int_equal(zw_history_store_zone(history, &zone, snapshot, 100), 0);
		run_sql(f->path, damages[i]);
		assert_int_equal(zw_history_load_zone(history, &zone, &loaded, &time_ns), -EUCLEAN);
		assert_null(loaded);
		assert_int_equal(time_ns, 7);
		assert_int_equal(zw_history_load_zone(history, &zone, &loaded, &time_ns), -ENOENT);
		assert_int_equal(zw_history_store_zone(history, &zone, snapshot, 200), 0);
		assert_holds(history, snapshot, 200);
	}
}

static void write_file(const struct fixture *f, const char *text, off_t offset)
{
	_zw_close_ int fd = -1;
	char dir[80];

	snprintf(dir, sizeof(dir), "%s/state", f->dir);
	mkdir(dir, 0700);
	fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
}

static void test_refuses_what_is_no_database(void **state)
{
	const struct fixture *f = *state;
	char text[1200];
	struct stat st;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	write_file(f, text, 0);
	assert_refused(f, -EMEDIUMTYPE, "is no database");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, sizeof(text) - 1);
}

static void test_refuses_foreign_database(void **state)
{
	const struct fixture *f = *state;

	write_file(f, "", 0);
	run_sql(f->path, "CREATE TABLE bookmarks (url)");
	assert_refused(f, -EMEDIUMTYPE, "is a database of another program");
	assert_int_equal(query(f->path, "SELECT count(*) FROM bookmarks"), 0);
	assert_int_equal(query(f->path, "PRAGMA application_id"), 0);
}

static void test_refuses_later_schema(void **state)
{
	const struct fixture *f = *state;

	zw_history_close(open_history(f));
	run_sql(f->path, "PRAGMA user_version = 4");
	assert_refused(
		f, -EMEDIUMTYPE, "has version 4 of the format, this program knows versions 1 to 3");
}

static void test_refuses_damaged_database(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *snapshot = big_snapshot(1, 3000, -1, -1);
	_zw_history_close_ struct zw_history *history = open_history(f);
	char junk[4097];

	assert_int_equal(zw_history_store_zone(history, &zone, snapshot, 100), 0);
	zw_history_close(ZW_TAKE(history));
	/* The second page is the root of a table. */
	memset(junk, 'x', sizeof(junk));
	junk[sizeof(junk) - 1] = '\0';
	write_file(f, junk, 4096);
	assert_refused(f, -EUCLEAN, "is damaged: ");
}

static void test_refuses_what_is_no_file(void **state)
{
	const struct fixture *f = *state;
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;

	assert_int_equal(zw_history_open(f->dir, &history, &error), -EISDIR);
	assert_int_equal(zw_history_open("/nonexistent/state/h.db", &history, &error), -ENOENT);
	assert_null(history);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_store_load_forget),
		FIXTURE_TEST(test_survives_close),
		FIXTURE_TEST(test_modes_of_files),
		FIXTURE_TEST(test_changes_are_patches),
		FIXTURE_TEST(test_times_do_not_go_back),
		FIXTURE_TEST(test_patches_give_way_to_a_new_base),
		FIXTURE_TEST(test_forgotten_state_is_not_patched),
		FIXTURE_TEST(test_transaction),
		FIXTURE_TEST(test_failed_commit_forgets_what_it_held),
		FIXTURE_TEST(test_damaged_state_is_dropped),
		FIXTURE_TEST(test_refuses_what_is_no_database),
		FIXTURE_TEST(test_refuses_foreign_database),
		FIXTURE_TEST(test_refuses_later_schema),
		FIXTURE_TEST(test_refuses_damaged_database),
		FIXTURE_TEST(test_refuses_what_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
