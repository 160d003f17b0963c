/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is too old or too much goes; what can still be asked for stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>

#include "report_sample.h"
#include "sink/history_event.h"
#include "sink/history_prune.h"
#include "sink/history_read.h"
#include "sink/sink.h"
#include "temp_dir.h"

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
	struct zw_history *history;
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));
	_zw_str_ struct zw_str error = {};

	strcpy(f->dir, "/tmp/zw-prune-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	if (zw_history_open(f->path, &f->history, &error) < 0)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	zw_history_close(f->history);
	r = temp_dir_remove(f->dir);
	free(f);
	return r;
}

static long long query(const struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	long long value;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static struct zw_snapshot *state_at(uint32_t n)
{
	char text[60];

	snprintf(text, sizeof(text), "www 60 A 10.0.%u.%u\n", n / 250, n % 250);
	return sample_snapshot(n, text);
}

/* An event that leads from one state to the other, at that moment. */
static void store(
	struct fixture *f, struct zw_snapshot *before, struct zw_snapshot *after, uint64_t time_ns)
{
	static struct zw_ulid_state ulid;
	_zw_history_event_ struct zw_history_event event = {};
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_str_ struct zw_str json = {}, bytes = {};
	struct zw_diff *diff = NULL;
	int64_t seq;

	assert_int_equal(zw_diff_new(before, after, &diff), 0);
	report = sample_change(1, diff);
	report->time_ns = time_ns;
	zw_ulid(&ulid, SAMPLE_TIME_NS, report->id);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(zw_history_event_encode(&zone, report, json.buf, json.len, &bytes), 0);
	assert_int_equal(zw_history_event_decode(bytes.buf, bytes.len, &event), 0);
	assert_int_equal(zw_history_store_event(f->history, &event, &seq), 0);
	assert_int_equal(zw_history_patch_event(f->history, &event, seq), 0);
}

/* Changes number 1 to @n, at the moments 1000 + number. */
static void fill(struct fixture *f, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *before = state_at(0);

	assert_int_equal(zw_history_begin(f->history), 0);
	assert_int_equal(zw_history_store_zone(f->history, &zone, before, 1000), 0);
	for (uint32_t i = 1; i <= n; i++) {
		struct zw_snapshot *after = state_at(i);

		store(f, before, after, 1000 + i);
		zw_snapshot_unref(before);
		before = after;
	}
	assert_int_equal(zw_history_commit(f->history), 0);
}

static unsigned int prune(struct fixture *f, uint64_t before_ns, uint64_t max_bytes)
{
	struct zw_history_limits limits = {before_ns, max_bytes};
	unsigned int steps = 0;
	int r;

	while ((r = zw_history_prune(f->history, &limits)) > 0)
		assert_in_range(++steps, 1, 1000);
	assert_int_equal(r, 0);
	return steps;
}

static void assert_last(struct fixture *f, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *expected = state_at(n), *loaded = NULL;
	uint64_t time_ns;

	assert_int_equal(zw_history_load_zone(f->history, &zone, &loaded, &time_ns), 0);
	assert_true(zw_snapshot_equal(loaded, expected));
}

static void assert_state_then(struct fixture *f, uint64_t time_ns, uint32_t n)
{
	struct zw_moment moment = {.kind = ZW_MOMENT_TIME, .time_ns = time_ns};
	_zw_snapshot_ struct zw_snapshot *expected = state_at(n);
	_zw_reader_state_ struct zw_reader_state state = {};
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_str_ struct zw_str error = {};

	assert_int_equal(zw_reader_open(f->path, &reader, &error), 0);
	assert_int_equal(zw_reader_state(reader, 1, &moment, &state), 0);
	assert_true(zw_snapshot_equal(state.snapshot, expected));
}

static void test_by_age(void **state)
{
	struct fixture *f = *state;

	fill(f, 500);
	assert_int_equal(query(f, "SELECT count(*) FROM rrset"), 1000);
	assert_in_range(prune(f, 1301, 0), 3, 100);
	assert_int_equal(query(f, "SELECT count(*) FROM event"), 200);
	assert_int_equal(query(f, "SELECT min(time_ns) FROM event"), 1301);
	/* All that led to the others went with them. */
	assert_int_equal(query(f, "SELECT count(*) FROM rrset"), 400);
	assert_int_equal(query(f, "SELECT count(*) FROM address"), 400);
	assert_int_equal(query(f, "SELECT count(*) FROM actor"), 200);
	assert_int_equal(query(f, "SELECT count(*) FROM patch WHERE seq IS NULL"), 300);
	assert_last(f, 500);
	assert_state_then(f, 1301, 301);
	assert_state_then(f, 1400, 400);
	assert_int_equal(prune(f, 1301, 0), 0);
}

static void test_last_event_and_state_stay(void **state)
{
	struct fixture *f = *state;

	fill(f, 300);
	prune(f, UINT64_C(1) << 62, 0);
	assert_int_equal(query(f, "SELECT count(*) FROM event"), 1);
	assert_int_equal(query(f, "SELECT max(seq) FROM event"), 300);
	assert_int_equal(query(f, "SELECT count(*) FROM text"), 2);
	assert_last(f, 300);
}

static void test_by_size(void **state)
{
	struct fixture *f = *state;
	struct zw_history_facts facts;

	fill(f, 2000);
	assert_int_equal(zw_history_facts(f->history, &facts), 0);
	assert_true(facts.bytes > 1000000);
	prune(f, 0, 700000);
	assert_int_equal(zw_history_facts(f->history, &facts), 0);
	assert_in_range(facts.bytes, 100000, 700000);
	assert_in_range(query(f, "SELECT count(*) FROM event"), 100, 1500);
	assert_int_equal(query(f, "SELECT max(seq) FROM event"), 2000);
	assert_last(f, 2000);
	/* And the file becomes smaller. */
	for (int i = 0; i < 20; i++)
		prune(f, 0, 700000);
	assert_in_range(query(f, "PRAGMA page_count") * 4096, 100000, 800000);
}

/* A base goes when a later one is old enough for all that can be asked for. */
static void test_old_states(void **state)
{
	struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *unknown = state_at(700);

	fill(f, 300);
	/* Makes the next one a whole state. */
	assert_int_equal(zw_history_forget_zone(f->history, &zone), 0);
	assert_int_equal(zw_history_store_zone(f->history, &zone, unknown, 2000), 0);
	assert_int_equal(query(f, "SELECT count(*) FROM base"), 3);
	prune(f, 1200, 0);
	assert_state_then(f, 1250, 250);
	assert_int_equal(query(f, "SELECT count(*) FROM base"), 3);
	prune(f, 2001, 0);
	assert_int_equal(query(f, "SELECT count(*) FROM base"), 1);
	assert_int_equal(query(f, "SELECT count(*) FROM patch"), 0);
	assert_last(f, 700);
}

/* One event of many records, as a transfer, does not make one long transaction. */
static void test_large_event(void **state)
{
	struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *small = state_at(0), *large = NULL;
	_zw_str_ struct zw_str text = {};

	for (int i = 0; i < 9000; i++)
		zw_str_addf(&text, "n%d 60 A 10.1.%d.%d\n", i, i / 250, i % 250);
	large = sample_snapshot(1, text.buf);
	assert_int_equal(zw_history_store_zone(f->history, &zone, small, 1000), 0);
	store(f, small, large, 1001);
	store(f, large, small, 1002);
	assert_int_equal(query(f, "SELECT count(*) FROM rrset"), 18004);
	assert_in_range(prune(f, 1002, 0), 4, 12);
	assert_int_equal(query(f, "SELECT count(*) FROM rrset"), 9002);
	assert_int_equal(query(f, "SELECT count(*) FROM address"), 9001);
	assert_last(f, 0);
}

static void test_nothing_to_do(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(prune(f, 5000, 1), 0);
	fill(f, 1);
	assert_int_equal(prune(f, 5000, 1), 0);
	assert_last(f, 1);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_by_age),
		FIXTURE_TEST(test_last_event_and_state_stay),
		FIXTURE_TEST(test_by_size),
		FIXTURE_TEST(test_old_states),
		FIXTURE_TEST(test_large_event),
		FIXTURE_TEST(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
