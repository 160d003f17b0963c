/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams that are followed byte by byte, how they end, and what is held of them at most. */
#include "unit/stream_fixture.h"

static void test_raw(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_RAW);
	syn(&t);
	SEND(&t, 0, "abc");
	SEND(&t, 5, "fg");
	expect_out(&t, "abc ");
	SEND(&t, 2, "cde");
	expect_out(&t, "de fg ");
	SEND(&t, 10, "k");
	t.now_ns += HOLE_NS;
	zw_streams_expire(t.streams, t.now_ns);
	expect_out(&t, "<3 k ");
	feed(&t, (struct zw_segment){.seq = 11, .cut = 5, BYTES("l")});
	expect_out(&t, "l <5 ");
	assert_int_equal(stats(&t)->lost, 1);
	feed(&t, (struct zw_segment){.seq = 20, .flags = ZW_TCP_FIN, BYTES("x")});
	expect_out(&t, "");
	t.now_ns += HOLE_NS;
	zw_streams_expire(t.streams, t.now_ns);
	expect_out(&t, "<3 x .");
}

/* The end may come before the last octets. */
static void test_raw_end(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_RAW);
	syn(&t);
	feed(&t, (struct zw_segment){.seq = 3, .flags = ZW_TCP_FIN});
	expect_out(&t, "");
	SEND(&t, 0, "abc");
	expect_out(&t, "abc .");
	assert_int_equal(stats(&t)->lost, 0);
}

static void test_ends(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	feed(&t, (struct zw_segment){.seq = 0, .flags = ZW_TCP_FIN, BYTES("\0\1a\0\5bc")});
	expect_out(&t, "a .");
	assert_int_equal(stats(&t)->unfinished, 1);
	SEND(&t, 0, "\0\1a"); /* late */
	feed(&t, (struct zw_segment){.seq = 7, .flags = ZW_TCP_FIN});
	expect_out(&t, "");
	syn(&t); /* the SYN itself again */
	expect_out(&t, "");
	/* The same ends again, from another number on. */
	t.isn += 500000;
	syn(&t);
	SEND(&t, 0, "\0\1d\0\3e");
	expect_out(&t, "d ");
	feed(&t, (struct zw_segment){.seq = 6, .flags = ZW_TCP_RST});
	expect_out(&t, ".");
	assert_int_equal(zw_streams_bytes(t.streams), 0);
	/* And again, where the other end did not see the reset. */
	t.isn -= 700000000;
	syn(&t);
	SEND(&t, 0, "\0\1f");
	SEND(&t, 3, "\0\4g");
	t.isn += 400000000;
	syn(&t);
	SEND(&t, 0, "\0\1h");
	expect_out(&t, "f .h ");
	assert_int_equal(stats(&t)->lost, 1);
}

/* Nobody is brought out of step by a segment that does not belong there. */
static void test_strays(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 0, "\0\1a");
	SEND(&t, 500000000, "\0\1x");
	SEND(&t, 3, "\0\1b");
	expect_out(&t, "a b ");
	assert_int_equal(stats(&t)->stray, 1);
	SEND(&t, (uint32_t)-900000000, "zz");
	assert_int_equal(stats(&t)->stray, 2);
	/* Where it goes on, it goes on. */
	SEND(&t, (uint32_t)-900000000 + 2, QUERY);
	assert_int_equal(stats(&t)->stray, 2);
	assert_int_equal(stats(&t)->messages, 3);
}

static void test_bounds_of_a_flow(void **state)
{
	static uint8_t data[10000];
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_RAW);
	syn(&t);
	for (uint32_t at = 1; at < 300000; at += 10000) {
		feed(&t, (struct zw_segment){.seq = at, .data = data, .len = 10000});
		assert_true(zw_streams_bytes(t.streams) <= 140000);
	}
	assert_int_equal(stats(&t)->lost, 1);
	assert_int_equal(stats(&t)->lost_bytes, 1);
	assert_int_equal(zw_streams_bytes(t.streams), 0);
	/* Every other octet: not more than so many pieces. */
	for (uint32_t at = 400000; at < 401000; at += 2)
		feed(&t, (struct zw_segment){.seq = at, .data = data, .len = 1});
	assert_true(stats(&t)->lost > 200);
	assert_true(zw_streams_bytes(t.streams) <= 256);
}

static void test_bounds_of_all(void **state)
{
	static uint8_t data[60000];
	struct zw_flow_key key = flow;
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_RAW);
	for (uint16_t port = 1; port <= 6; port++) { /* four flows, 200,000 octets */
		key.source_port = port;
		t.offset = 0;
		t.now_ns++;
		feed_on(&t, &key, (struct zw_segment){.seq = (uint32_t)-1, .flags = ZW_TCP_SYN});
		feed_on(&t, &key,
			(struct zw_segment){.seq = 10, .data = data, .len = sizeof(data)});
		assert_true(zw_streams_flows(t.streams) <= 4);
		assert_true(zw_streams_bytes(t.streams) <= 200000);
	}
	assert_int_equal(zw_streams_flows(t.streams), 3);
	assert_int_equal(stats(&t)->evicted, 3);
	assert_int_equal(stats(&t)->lost, 3);
	assert_int_equal(stats(&t)->lost_bytes, 180000);
	expect_out(&t, "...");
	/* Without holding anything, too. */
	for (uint16_t port = 10; port < 20; port++) {
		key.source_port = port;
		t.offset = 0;
		feed_on(&t, &key, (struct zw_segment){.seq = 0, BYTES("a")});
	}
	assert_int_equal(zw_streams_flows(t.streams), 4);
}

static void test_expiry(void **state)
{
	struct zw_flow_key key = flow;
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 0, "\0\5ab");
	t.now_ns += IDLE_NS / 2;
	key.source_port++;
	feed_on(&t, &key, (struct zw_segment){.seq = (uint32_t)-1, .flags = ZW_TCP_SYN});
	t.now_ns += IDLE_NS / 2;
	zw_streams_expire(t.streams, t.now_ns);
	assert_int_equal(zw_streams_flows(t.streams), 1);
	assert_int_equal(zw_streams_bytes(t.streams), 0);
	assert_int_equal(stats(&t)->lost, 1);
	expect_out(&t, ".");
	t.now_ns += IDLE_NS;
	zw_streams_expire(t.streams, t.now_ns);
	assert_int_equal(zw_streams_flows(t.streams), 0);
	assert_int_equal(stats(&t)->lost, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_raw_end),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_strays),
		cmocka_unit_test(test_bounds_of_a_flow),
		cmocka_unit_test(test_bounds_of_all),
		cmocka_unit_test(test_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
