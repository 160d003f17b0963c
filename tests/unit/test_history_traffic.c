/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic in the history: stored, read back, migrated to, pruned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "sink/history_prune.h"
#include "sink/history_traffic.h"
#include "unit/history_support.h"

#define MINUTE (60 * ZW_NSEC_PER_SEC)
#define BEGIN_NS (HISTORY_BEGIN_NS - HISTORY_BEGIN_NS % MINUTE)

static struct zw_counts counts(uint64_t queries, uint64_t nxdomain)
{
	return (struct zw_counts){.n[ZW_COUNT_QUERIES] = queries,
		.n[ZW_COUNT_RESPONSES] = queries,
		.n[ZW_COUNT_NXDOMAIN] = nxdomain};
}

static void add(struct zw_traffic_minute *m, enum zw_traffic_by by, const char *key, uint64_t n)
{
	struct zw_counts c = counts(n, n / 2);

	assert_int_equal(zw_traffic_rows_add(&m->rows[by], key, &c, 0), 0);
}

static void store(struct zw_history *history, uint64_t time_ns, uint64_t n)
{
	_zw_traffic_minute_ struct zw_traffic_minute m = {.time_ns = time_ns, .seconds = 30};
	_zw_str_ struct zw_str bytes = {};

	m.total.counts = counts(n, n / 2);
	m.total.ipv6 = 3;
	m.total.latency[5] = n;
	m.total.names = n;
	add(&m, ZW_TRAFFIC_NAME, "www.example.com.", n - 1);
	add(&m, ZW_TRAFFIC_NAME, "\\027x.example.com.", 1);
	add(&m, ZW_TRAFFIC_SOURCE, "192.0.2.7", n);
	m.rows[ZW_TRAFFIC_NAME].missed = 2;
	assert_int_equal(zw_history_encode_minute(&m, &bytes), 0);
	assert_int_equal(zw_history_store_minute(history, bytes.buf, bytes.len), 0);
}

struct seen {
	size_t minutes;
	uint64_t time_ns[8], queries[8], key_queries[8], missed;
	unsigned int seconds;
	uint64_t latency, ipv6, names, rows;
};

static int see(void *ctx, const struct zw_traffic_minute *m)
{
	struct seen *s = ctx;

	assert_true(s->minutes < 8);
	s->time_ns[s->minutes] = m->time_ns;
	s->queries[s->minutes] = m->total.counts.n[ZW_COUNT_QUERIES];
	s->seconds = m->seconds;
	s->latency = m->total.latency[5];
	s->ipv6 = m->total.ipv6;
	s->names = m->total.names;
	s->missed = m->rows[ZW_TRAFFIC_NAME].missed;
	s->rows = m->rows[ZW_TRAFFIC_NAME].len;
	if (s->rows)
		s->key_queries[s->minutes] = m->rows[ZW_TRAFFIC_NAME].items[0].counts.n[0];
	s->minutes++;
	return 0;
}

static struct seen ask(const struct history_fixture *f, struct zw_traffic_query query)
{
	_zw_reader_close_ struct zw_reader *reader = history_open_reader(f->path);
	struct seen seen = {};

	assert_int_equal(zw_reader_begin(reader), 0);
	assert_int_equal(zw_reader_traffic(reader, &query, see, &seen), 0);
	zw_reader_end(reader);
	return seen;
}

static void test_comes_back(void **state)
{
	const struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = history_open_writer(f);
	uint64_t first, last;
	struct seen seen;

	store(history, BEGIN_NS + MINUTE, 100);
	store(history, BEGIN_NS, 10);
	/* Before and after a restart. */
	store(history, BEGIN_NS + MINUTE, 20);
	seen = ask(f, (struct zw_traffic_query){.rows = true, .by = ZW_TRAFFIC_NAME});
	assert_int_equal(seen.minutes, 2);
	assert_int_equal(seen.time_ns[0], BEGIN_NS);
	assert_int_equal(seen.queries[0], 10);
	assert_int_equal(seen.queries[1], 120);
	assert_int_equal(seen.seconds, 60);
	assert_int_equal(seen.latency, 120);
	assert_int_equal(seen.ipv6, 6);
	assert_int_equal(seen.names, 100);
	assert_int_equal(seen.rows, 2);
	assert_int_equal(seen.missed, 2);
	assert_int_equal(seen.key_queries[1], 118);
	seen = ask(f,
		(struct zw_traffic_query){.since_ns = BEGIN_NS + 1, .until_ns = BEGIN_NS + MINUTE});
	assert_int_equal(seen.minutes, 0);
	seen = ask(f, (struct zw_traffic_query){.since_ns = BEGIN_NS,
			      .until_ns = BEGIN_NS + MINUTE,
			      .rows = true,
			      .by = ZW_TRAFFIC_NAME,
			      .key = "\\027x.example.com."});
	assert_int_equal(seen.minutes, 1);
	assert_int_equal(seen.key_queries[0], 1);
	{
		_zw_reader_close_ struct zw_reader *reader = history_open_reader(f->path);

		assert_int_equal(zw_reader_traffic_span(reader, &first, &last), 0);
		assert_int_equal(first, BEGIN_NS);
		assert_int_equal(last, BEGIN_NS + MINUTE);
	}
}

static void test_names_below_a_zone(void **state)
{
	const struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = history_open_writer(f);
	_zw_traffic_minute_ struct zw_traffic_minute m = {.time_ns = BEGIN_NS};
	_zw_str_ struct zw_str bytes = {};
	struct zw_traffic_query query = {.rows = true, .by = ZW_TRAFFIC_NAME};

	add(&m, ZW_TRAFFIC_NAME, "example.com.", 8);
	add(&m, ZW_TRAFFIC_NAME, "a.example.com.", 4);
	add(&m, ZW_TRAFFIC_NAME, "notexample.com.", 2);
	add(&m, ZW_TRAFFIC_NAME, "a\\.example.com.", 1);
	assert_int_equal(zw_history_encode_minute(&m, &bytes), 0);
	assert_int_equal(zw_history_store_minute(history, bytes.buf, bytes.len), 0);
	query.below = "example.com.";
	assert_int_equal(ask(f, query).rows, 2);
	query.below = ".";
	assert_int_equal(ask(f, query).rows, 4);
	query.below = "com.";
	assert_int_equal(ask(f, query).rows, 4);
}

static void test_damaged_bytes_store_nothing(void **state)
{
	const struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = history_open_writer(f);
	_zw_traffic_minute_ struct zw_traffic_minute m = {.time_ns = BEGIN_NS};
	_zw_str_ struct zw_str bytes = {};

	add(&m, ZW_TRAFFIC_ZONE, "example.com.", 8);
	assert_int_equal(zw_history_encode_minute(&m, &bytes), 0);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(zw_history_store_minute(history, bytes.buf, len), -EBADMSG);
	assert_int_equal(zw_history_store_baselines(history, bytes.buf, 3), -EBADMSG);
	assert_int_equal(ask(f, (struct zw_traffic_query){}).minutes, 0);
	assert_int_equal(zw_history_store_minute(history, bytes.buf, bytes.len), 0);
	assert_int_equal(ask(f, (struct zw_traffic_query){}).minutes, 1);
}

struct loaded {
	size_t n;
	char text[64];
};

static int load(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	struct loaded *l = ctx;

	l->n++;
	snprintf(l->text, sizeof(l->text), "%u %s %.*s", class, key, (int)len, (const char *)data);
	return 0;
}

static void test_baselines(void **state)
{
	const struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = history_open_writer(f);
	_zw_str_ struct zw_str bytes = {}, later = {};
	struct loaded loaded = {};

	assert_int_equal(zw_history_encode_baseline(1, "a", 100, "old", 3, &bytes), 0);
	assert_int_equal(zw_history_encode_baseline(1, "b", 100, "b", 1, &bytes), 0);
	assert_int_equal(zw_history_encode_baseline(16, "c", 300, "c", 1, &bytes), 0);
	assert_int_equal(zw_history_store_baselines(history, bytes.buf, bytes.len), 0);
	assert_int_equal(zw_history_encode_baseline(1, "a", 200, "new", 3, &later), 0);
	assert_int_equal(zw_history_store_baselines(history, later.buf, later.len), 0);
	assert_int_equal(zw_history_load_baselines(history, 0, 1, 1, load, &loaded), 0);
	assert_int_equal(loaded.n, 1);
	assert_string_equal(loaded.text, "1 a new");
	loaded = (struct loaded){};
	assert_int_equal(zw_history_load_baselines(history, 0, 1, 10, load, &loaded), 0);
	assert_int_equal(loaded.n, 2);
	/* Those of other classes are another's, and take none of the room. */
	loaded = (struct loaded){};
	assert_int_equal(zw_history_load_baselines(history, 16, 20, 10, load, &loaded), 0);
	assert_int_equal(loaded.n, 1);
	assert_string_equal(loaded.text, "16 c c");
	assert_int_equal(
		zw_history_prune(history, &(struct zw_history_limits){.traffic_before_ns = 150}),
		0);
	loaded = (struct loaded){};
	assert_int_equal(zw_history_load_baselines(history, 0, 1, 10, load, &loaded), 0);
	assert_string_equal(loaded.text, "1 a new");
}

static void prune(struct zw_history *history, struct zw_history_limits limits)
{
	int r;

	while ((r = zw_history_prune(history, &limits)) > 0)
		continue;
	assert_int_equal(r, 0);
}

static void test_minutes_go_by_their_age(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	uint64_t first, last;

	history_fill(f, false);
	history = history_open_writer(f);
	for (uint64_t i = 0; i < 200; i++)
		store(history, BEGIN_NS + i * MINUTE, 10);
	prune(history, (struct zw_history_limits){.traffic_before_ns = BEGIN_NS + 170 * MINUTE});
	_zw_reader_close_ struct zw_reader *reader = history_open_reader(f->path);

	assert_int_equal(zw_reader_traffic_span(reader, &first, &last), 0);
	assert_int_equal(first, BEGIN_NS + 170 * MINUTE);
	assert_int_equal(last, BEGIN_NS + 199 * MINUTE);
	history_run_sql(f->path, "CREATE TABLE checked (ok INTEGER CHECK (ok));"
				 "INSERT INTO checked SELECT count(*) = 90 FROM traffic;"
				 /* Events have limits of their own. */
				 "INSERT INTO checked SELECT count(*) = 6 FROM event");
}

/* Of what is too much, it goes before any change does. */
static void test_minutes_go_first(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	struct zw_history_facts facts;

	history_fill(f, false);
	history = history_open_writer(f);
	assert_int_equal(zw_history_facts(history, &facts), 0);
	for (uint64_t i = 0; i < 3000; i++)
		store(history, BEGIN_NS + i * MINUTE, 10);
	prune(history, (struct zw_history_limits){.max_bytes = facts.bytes + (128 << 10)});
	history_run_sql(f->path,
		"CREATE TABLE checked (ok INTEGER CHECK (ok));"
		"INSERT INTO checked SELECT count(*) BETWEEN 1 AND 2999 FROM minute;"
		"INSERT INTO checked SELECT count(*) = 6 FROM event");
}

/* A history of version 2 had everything but traffic. */
static void test_second_version_keeps_what_it_has(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;

	history_fill(f, true);
	history_run_sql(f->path, "DROP TABLE minute; DROP TABLE traffic; DROP TABLE baseline;"
				 "PRAGMA user_version = 2");
	history = history_open_writer(f);
	store(history, BEGIN_NS, 10);
	history_run_sql(f->path,
		"CREATE TABLE checked (ok INTEGER CHECK (ok));"
		"INSERT INTO checked SELECT user_version = 3 FROM pragma_user_version;"
		"INSERT INTO checked SELECT count(*) = 1 FROM minute;"
		"INSERT INTO checked SELECT count(*) = 6 FROM event;"
		"INSERT INTO checked SELECT count(*) = 5 FROM patch");
	assert_int_equal(ask(f, (struct zw_traffic_query){}).minutes, 1);
}

static void test_none(void **state)
{
	const struct history_fixture *f = *state;
	uint64_t first, last;

	zw_history_close(history_open_writer(f));
	_zw_reader_close_ struct zw_reader *reader = history_open_reader(f->path);

	assert_int_equal(zw_reader_traffic_span(reader, &first, &last), -ENOENT);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, history_setup, history_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_comes_back),
		FIXTURE_TEST(test_names_below_a_zone),
		FIXTURE_TEST(test_damaged_bytes_store_nothing),
		FIXTURE_TEST(test_baselines),
		FIXTURE_TEST(test_minutes_go_by_their_age),
		FIXTURE_TEST(test_minutes_go_first),
		FIXTURE_TEST(test_second_version_keeps_what_it_has),
		FIXTURE_TEST(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
