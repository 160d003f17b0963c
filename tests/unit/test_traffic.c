/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic: sums stay exact whatever is asked, memory does not grow with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "dns/name.h"
#include "engine/traffic.h"

#define SECOND ZW_NSEC_PER_SEC
/* A whole minute. */
#define REAL_NS (1795306260 * SECOND)

static struct zw_counts queries(uint64_t n)
{
	return (struct zw_counts){.n[ZW_COUNT_QUERIES] = n, .n[ZW_COUNT_RESPONSES] = n};
}

static uint64_t sum(const struct zw_traffic_rows *rows, enum zw_count count)
{
	uint64_t sum = 0;

	ZW_VEC_FOREACH(row, rows)
		sum += row->counts.n[count];
	return sum;
}

static const struct zw_traffic_row *find(const struct zw_traffic_rows *rows, const char *key)
{
	ZW_VEC_FOREACH(row, rows)
		if (strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

/* --- counts by key ------------------------------------------------------------------------------------- */

static void test_tally_is_bounded_and_tells_its_error(void **state)
{
	_zw_tally_free_ struct zw_tally *tally = NULL;
	_zw_free_ const struct zw_tally_entry **top = NULL;
	struct zw_counts one = queries(1), ten = queries(10);
	uint64_t shown;
	size_t n;

	(void)state;
	assert_int_equal(zw_tally_new(100, &tally), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		zw_tally_add(tally, &i, sizeof(i), &one, SECOND);
		if (i % 10 == 0)
			zw_tally_add(tally, "heavy", 5, &ten, SECOND);
		assert_in_range(zw_tally_len(tally), 1, 100);
	}
	assert_int_equal(zw_tally_top(tally, 3, false, 0, &top, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(top[0]->len, 5);
	shown = top[0]->counts.n[ZW_COUNT_QUERIES];
	assert_in_range(20000, shown, shown + zw_tally_missed(tally));
	assert_true(zw_tally_missed(tally) > 0);
	zw_tally_begin(tally);
	assert_int_equal(zw_tally_missed(tally), 0);
}

static void test_tally_keeps_what_is_pinned(void **state)
{
	_zw_tally_free_ struct zw_tally *tally = NULL;
	_zw_free_ const struct zw_tally_entry **top = NULL;
	struct zw_counts ten = queries(10);
	size_t n;

	(void)state;
	assert_int_equal(zw_tally_new(16, &tally), 0);
	assert_true(zw_tally_pin(tally, "small", 5));
	assert_true(zw_tally_pin(tally, "small", 5));
	for (uint32_t i = 0; i < 1000; i++)
		zw_tally_add(tally, &i, sizeof(i), &ten, SECOND);
	assert_int_equal(zw_tally_top(tally, 2, false, 0, &top, &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(top[2]->key, "small", 5);
	zw_tally_begin(tally);
	assert_non_null(zw_tally_find(tally, "small", 5));
	zw_tally_unpin(tally, "small", 5);
	zw_tally_begin(tally);
	assert_non_null(zw_tally_find(tally, "small", 5));
	zw_tally_unpin(tally, "small", 5);
	zw_tally_begin(tally);
	assert_null(zw_tally_find(tally, "small", 5));
	/* A quarter at most: else attackers would fill the room with findings. */
	for (uint32_t i = 0; i < 4; i++)
		assert_true(zw_tally_pin(tally, &i, sizeof(i)));
	assert_false(zw_tally_pin(tally, "fifth", 5));
}

static void test_rates_follow(void **state)
{
	_zw_tally_free_ struct zw_tally *tally = NULL;
	struct zw_counts hundred = queries(100);
	const struct zw_tally_entry *e;

	(void)state;
	assert_int_equal(zw_tally_new(16, &tally), 0);
	for (uint64_t s = 1; s <= 30; s++)
		zw_tally_add(tally, "a", 1, &hundred, s * SECOND);
	e = zw_tally_find(tally, "a", 1);
	assert_in_range((uint64_t)zw_tally_rate(e, 30 * SECOND), 95, 100);
	assert_in_range((uint64_t)zw_tally_rate(e, 60 * SECOND), 0, 10);
}

/* --- minutes ------------------------------------------------------------------------------------------- */

static struct zw_traffic_total total_of(uint64_t n)
{
	return (struct zw_traffic_total){.counts = queries(n)};
}

static void test_minute_has_top_and_others(void **state)
{
	_zw_traffic_free_ struct zw_traffic_book *t = NULL;
	_zw_traffic_minute_ struct zw_traffic_minute minute = {};
	struct zw_traffic_total total = total_of(0);
	const struct zw_traffic_row *last;

	(void)state;
	assert_int_equal(zw_traffic_new(&t), 0);
	assert_int_equal(zw_traffic_tick(t, SECOND, REAL_NS + 5 * SECOND, false, &minute), 0);
	for (uint32_t i = 1; i <= 100; i++) {
		struct zw_counts c = queries(i);
		uint8_t addr[16] = {192, 0, 2, (uint8_t)i};
		struct zw_traffic_source source = zw_traffic_source_of(AF_INET, addr);

		zw_traffic_add(t, ZW_TRAFFIC_SOURCE, &source, sizeof(source), &c, 2 * SECOND);
		zw_counts_add(&total.counts, &c);
	}
	/* What the kernel could not tell the source of. */
	total.counts.n[ZW_COUNT_QUERIES] += 7;
	zw_traffic_add_listed(t, &total.counts);
	zw_traffic_add_total(t, &total, 2 * SECOND);
	assert_int_equal(zw_traffic_tick(t, 3 * SECOND, REAL_NS + 59 * SECOND, false, &minute), 0);
	assert_int_equal(zw_traffic_tick(t, 56 * SECOND, REAL_NS + 60 * SECOND, false, &minute), 1);
	assert_int_equal(minute.time_ns, REAL_NS);
	assert_int_equal(minute.seconds, 55);
	assert_int_equal(minute.total.counts.n[ZW_COUNT_QUERIES], 5057);
	assert_int_equal(minute.rows[ZW_TRAFFIC_SOURCE].len, ZW_TRAFFIC_TOP + 1);
	assert_string_equal(minute.rows[ZW_TRAFFIC_SOURCE].items[0].key, "192.0.2.100");
	assert_int_equal(sum(&minute.rows[ZW_TRAFFIC_SOURCE], ZW_COUNT_QUERIES), 5057);
	assert_int_equal(sum(&minute.rows[ZW_TRAFFIC_SOURCE], ZW_COUNT_RESPONSES), 5050);
	last = &minute.rows[ZW_TRAFFIC_SOURCE].items[ZW_TRAFFIC_TOP];
	assert_string_equal(last->key, "");
	/* Of a kind that nothing is known of, all is with the others. */
	assert_int_equal(minute.rows[ZW_TRAFFIC_NAME].len, 1);
	assert_int_equal(sum(&minute.rows[ZW_TRAFFIC_NAME], ZW_COUNT_QUERIES), 5057);
}

/* The total is read a moment after the parts, and a minute may end in between. */
static void test_sums_agree_over_minutes(void **state)
{
	_zw_traffic_free_ struct zw_traffic_book *t = NULL;
	struct zw_counts ten = queries(10);
	uint64_t parts = 0, all = 0;

	(void)state;
	assert_int_equal(zw_traffic_new(&t), 0);
	for (uint64_t m = 0; m < 5; m++) {
		_zw_traffic_minute_ struct zw_traffic_minute minute = {};
		struct zw_traffic_total total = total_of(m == 0   ? 4
							 : m == 2 ? 12
							 : m == 4 ? 14
								  : 10);

		zw_traffic_add(t, ZW_TRAFFIC_NAME, "\1a", 3, &ten, m * 60 * SECOND);
		zw_traffic_add_listed(t, &ten);
		zw_traffic_add_total(t, &total, m * 60 * SECOND);
		if (zw_traffic_tick(
			    t, m * 60 * SECOND, REAL_NS + m * 60 * SECOND, m == 4, &minute)) {
			parts += sum(&minute.rows[ZW_TRAFFIC_NAME], ZW_COUNT_QUERIES);
			all += minute.total.counts.n[ZW_COUNT_QUERIES];
		}
	}
	assert_int_equal(all, 50);
	assert_int_equal(parts, 50);
}

static void test_kept_keys_are_in_each_minute(void **state)
{
	_zw_traffic_free_ struct zw_traffic_book *t = NULL;
	_zw_traffic_minute_ struct zw_traffic_minute minute = {};
	struct zw_counts one = queries(1), many = queries(50);

	(void)state;
	assert_int_equal(zw_traffic_new(&t), 0);
	assert_int_equal(zw_traffic_tick(t, 0, REAL_NS, false, &minute), 0);
	assert_true(zw_traffic_pin(t, ZW_TRAFFIC_ZONE, "\5quiet", 7));
	zw_traffic_add(t, ZW_TRAFFIC_ZONE, "\5quiet", 7, &one, SECOND);
	for (uint8_t i = 0; i < 100; i++) {
		uint8_t zone[] = {2, 'z', (uint8_t)(i + 'A'), 0};

		zw_traffic_add(t, ZW_TRAFFIC_ZONE, zone, sizeof(zone), &many, SECOND);
	}
	assert_int_equal(zw_traffic_tick(t, 60 * SECOND, REAL_NS + 60 * SECOND, false, &minute), 1);
	assert_int_equal(find(&minute.rows[ZW_TRAFFIC_ZONE], "quiet.")->counts.n[0], 1);
}

/* What a reading of the query lane comes to. */
static void test_readings(void **state)
{
	_zw_traffic_free_ struct zw_traffic_book *t = NULL;
	_zw_traffic_minute_ struct zw_traffic_minute minute = {};
	_zw_query_book_ struct zw_query_book first = {}, second = {};
	struct zw_query_source source = {.addr = {0x20, 1, 0xd, 0xb8},
		.family = AF_INET6,
		.n = {.queries = 5, .responses = 5, .nxdomain = 2, .query_bytes = 200}};
	struct zw_query_name name = {
		.hash = 1, .zone = 2, .len = 5, .name = "\3www", .n = {.queries = 4}};
	struct zw_query_zone zone = {.hash = 2, .served = 1, .len = 1};

	(void)state;
	assert_int_equal(zw_traffic_new(&t), 0);
	assert_int_equal(zw_traffic_tick(t, 0, REAL_NS, false, &minute), 0);
	first.delta.query[ZW_QUERY_SERVED][1][1] = 5;
	first.delta.query[ZW_QUERY_ASKED][0][0] =
		1000; /* what this host asks is not what it is asked */
	first.delta.response[ZW_QUERY_SERVED][1][1] = 5;
	first.delta.rcode[ZW_QUERY_SERVED][3] = 2;
	first.delta.rcode[ZW_QUERY_SERVED][0] = 3;
	first.delta.type[ZW_QUERY_SERVED][ZW_QUERY_AAAA] = 5;
	first.delta.query_bytes[ZW_QUERY_SERVED] = 200;
	first.delta.time[ZW_QUERY_SERVED][4] = 5;
	zw_traffic_take(t, &first, SECOND);
	/* The rows come with the next one. */
	assert_int_equal(zw_query_book_add_source(&second, &source), 0);
	assert_int_equal(zw_query_book_add_name(&second, &name), 0);
	assert_int_equal(zw_query_book_add_zone(&second, &zone), 0);
	zw_query_book_close(&second);
	second.other[ZW_QUERY_NAMES].queries = 1;
	second.distinct_names = 2;
	zw_traffic_take(t, &second, 2 * SECOND);
	assert_int_equal(zw_traffic_tick(t, 3 * SECOND, REAL_NS + SECOND, true, &minute), 1);
	assert_int_equal(minute.total.counts.n[ZW_COUNT_QUERIES], 5);
	assert_int_equal(minute.total.counts.n[ZW_COUNT_TCP], 5);
	assert_int_equal(minute.total.ipv6, 5);
	assert_int_equal(minute.total.untold, 1);
	assert_int_equal(minute.total.names, 2);
	assert_int_equal(zw_traffic_latency_ns(minute.total.latency, 50), 1024 << 4);
	for (size_t by = 0; by < _ZW_TRAFFIC_BY_MAX; by++)
		if (by != ZW_TRAFFIC_RCODE)
			assert_int_equal(sum(&minute.rows[by], ZW_COUNT_QUERIES), 5);
	assert_int_equal(
		find(&minute.rows[ZW_TRAFFIC_SOURCE], "2001:db8::")->counts.n[ZW_COUNT_NXDOMAIN],
		2);
	assert_int_equal(
		find(&minute.rows[ZW_TRAFFIC_NAME], "www.")->counts.n[ZW_COUNT_QUERIES], 4);
	assert_int_equal(find(&minute.rows[ZW_TRAFFIC_ZONE], ".")->counts.n[ZW_COUNT_QUERIES], 4);
	assert_int_equal(
		find(&minute.rows[ZW_TRAFFIC_RCODE], "NXDOMAIN")->counts.n[ZW_COUNT_RESPONSES], 2);
	assert_int_equal(sum(&minute.rows[ZW_TRAFFIC_RCODE], ZW_COUNT_RESPONSES), 5);
	assert_int_equal(
		find(&minute.rows[ZW_TRAFFIC_TYPE], "AAAA")->counts.n[ZW_COUNT_QUERIES], 5);
	assert_null(find(&minute.rows[ZW_TRAFFIC_TYPE], ""));
}

static void test_now(void **state)
{
	_zw_traffic_free_ struct zw_traffic_book *t = NULL;
	_zw_traffic_now_ struct zw_traffic_now now = {};
	struct zw_counts c = queries(100);
	struct zw_traffic_total total = total_of(100);

	(void)state;
	assert_int_equal(zw_traffic_new(&t), 0);
	for (uint64_t s = 1; s <= 70; s++) {
		zw_traffic_add(t, ZW_TRAFFIC_NAME, "\1a", 3, &c, s * SECOND);
		zw_traffic_add_total(t, &total, s * SECOND);
	}
	assert_int_equal(zw_traffic_now(t, 70 * SECOND, 5, &now), 0);
	assert_in_range((uint64_t)now.query_rate, 95, 101);
	assert_int_equal(now.total.counts.n[ZW_COUNT_QUERIES], 7000);
	assert_int_equal(now.second[0], 100);
	assert_int_equal(now.second[ZW_TRAFFIC_SECONDS - 1], 100);
	assert_int_equal(now.rows[ZW_TRAFFIC_NAME].len, 1);
	assert_string_equal(now.rows[ZW_TRAFFIC_NAME].items[0].key, "a.");
	assert_in_range((uint64_t)now.rows[ZW_TRAFFIC_NAME].items[0].rate, 95, 101);
}

/* --- text ---------------------------------------------------------------------------------------------- */

static void assert_text(enum zw_traffic_by by, const void *key, size_t len, const char *expected)
{
	char text[ZW_TRAFFIC_KEY_MAX];

	zw_traffic_key_text(by, key, len, text);
	assert_string_equal(text, expected);
	for (const char *p = text; *p; p++)
		assert_in_range(*p, 0x20, 0x7e);
}

static void test_text_of_keys(void **state)
{
	const uint8_t v4[16] = {192, 0, 2, 77}, v6[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5};
	struct zw_traffic_source source = zw_traffic_source_of(AF_INET, v4), net;
	uint8_t rcode = 15, type = ZW_QUERY_HTTPS;
	uint8_t name[ZW_NAME_MAX] = {};

	(void)state;
	assert_text(ZW_TRAFFIC_SOURCE, &source, sizeof(source), "192.0.2.77");
	net = zw_traffic_source_net(&source);
	assert_text(ZW_TRAFFIC_SOURCE, &net, sizeof(net), "192.0.2.0/24");
	source = zw_traffic_source_of(AF_INET6, v6);
	net = zw_traffic_source_net(&source);
	assert_text(ZW_TRAFFIC_SOURCE, &net, sizeof(net), "2001:db8:102:300::/56");
	assert_text(ZW_TRAFFIC_SOURCE, "x", 1, "?");
	assert_text(ZW_TRAFFIC_RCODE, &rcode, 1, "RCODE15");
	assert_text(ZW_TRAFFIC_TYPE, &type, 1, "HTTPS");
	assert_text(ZW_TRAFFIC_NAME, "\4\33[2J\0", 6, "\\027[2J.");
	assert_text(ZW_TRAFFIC_ZONE, "", 1, ".");
	/* Cut, and anything else that is no name. */
	assert_text(ZW_TRAFFIC_NAME, "\3www\7exam", 9, "www....");
	assert_text(ZW_TRAFFIC_NAME, "\77", 1, "...");
	assert_text(ZW_TRAFFIC_NAME, "\300\14", 2, "...");
	memset(name, 1, sizeof(name));
	zw_traffic_key_text(ZW_TRAFFIC_NAME, name, sizeof(name), (char[ZW_TRAFFIC_KEY_MAX]){});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tally_is_bounded_and_tells_its_error),
		cmocka_unit_test(test_tally_keeps_what_is_pinned),
		cmocka_unit_test(test_rates_follow),
		cmocka_unit_test(test_minute_has_top_and_others),
		cmocka_unit_test(test_sums_agree_over_minutes),
		cmocka_unit_test(test_kept_keys_are_in_each_minute),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_now),
		cmocka_unit_test(test_text_of_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
