/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages from the segments of TCP, in whichever order and number they come. */
#include "unit/stream_fixture.h"

static void test_in_order(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 0, "\0\3abc");
	expect_out(&t, "abc ");
	SEND(&t, 5, "\0\1d\0\2ef\0"); /* many in one, and half a length */
	expect_out(&t, "d ef ");
	SEND(&t, 13, "\4g");
	SEND(&t, 15, "hi");
	expect_out(&t, "");
	assert_int_equal(zw_streams_bytes(t.streams), 5);
	SEND(&t, 17, "j\0\0\0\1k"); /* one of no octets in between */
	expect_out(&t, "ghij k ");
	assert_int_equal(zw_streams_bytes(t.streams), 0);
	assert_int_equal(stats(&t)->messages, 5);
	assert_int_equal(stats(&t)->empty, 1);
	assert_int_equal(stats(&t)->lost, 0);
	assert_int_equal(stats(&t)->retransmitted, 0);
	assert_int_equal(stats(&t)->resyncs, 0);
	feed(&t, (struct zw_segment){.seq = 23, .flags = ZW_TCP_FIN});
	expect_out(&t, ".");
}

/* The sequence numbers wrap between any two octets, in any order. */
static void test_wrap(void **state)
{
	static const char text[] = "\0\3abc\0\2de";

	(void)state;
	for (uint32_t isn = (uint32_t)-12; isn != 2; isn++) {
		for (int backwards = 0; backwards < 2; backwards++) {
			_done_ struct test t;

			open_streams(&t, ZW_STREAM_DNS);
			t.isn = isn;
			syn(&t);
			for (uint32_t i = 0; i < 9; i++) {
				uint32_t at = backwards ? 8 - i : i;

				feed(&t, (struct zw_segment){.seq = at,
						 .data = (const uint8_t *)text + at,
						 .len = 1});
			}
			expect_out(&t, "abc de ");
		}
	}
}

static void test_out_of_order(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 8, "e\0\1f");
	SEND(&t, 3, "bc\0\2");
	assert_int_equal(zw_streams_due_ns(t.streams), t.now_ns + HOLE_NS);
	SEND(&t, 0, "\0\3a");
	expect_out(&t, "abc ");
	SEND(&t, 7, "d");
	expect_out(&t, "de f ");
	assert_int_equal(stats(&t)->retransmitted, 0);
	assert_int_equal(zw_streams_due_ns(t.streams), UINT64_MAX);
}

static void test_overlaps(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 3, "bcd");
	SEND(&t, 2, "aXXXe"); /* before, over and behind: what was there stays */
	assert_int_equal(stats(&t)->retransmitted, 1);
	assert_int_equal(stats(&t)->conflicts, 1);
	SEND(&t, 3, "bc"); /* the same again */
	assert_int_equal(stats(&t)->retransmitted, 2);
	assert_int_equal(stats(&t)->conflicts, 1);
	SEND(&t, 0, "\0\5AAAAA");
	expect_out(&t, "abcde ");
	assert_int_equal(stats(&t)->conflicts, 2);
	SEND(&t, 0, "\0\5abcde\0\1f"); /* what is done with, and more */
	expect_out(&t, "f ");
	assert_int_equal(stats(&t)->retransmitted, 4);
	SEND(&t, 0, "\0\5xxxxx"); /* what is done with cannot be compared */
	expect_out(&t, "");
	assert_int_equal(stats(&t)->conflicts, 2);
}

static void test_hole_within_message(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 0, "\0\5ab");
	SEND(&t, 6, "e\0\2fg"); /* two octets are missing */
	t.now_ns += HOLE_NS - 1;
	zw_streams_expire(t.streams, t.now_ns);
	expect_out(&t, "");
	t.now_ns++;
	zw_streams_expire(t.streams, t.now_ns);
	expect_out(&t, "ab/5 fg ");
	assert_int_equal(stats(&t)->lost, 1);
	assert_int_equal(stats(&t)->lost_bytes, 2);
	assert_int_equal(stats(&t)->cut, 1);
	assert_int_equal(stats(&t)->resyncs, 0);
	SEND(&t, 4, "cd"); /* too late */
	SEND(&t, 11, "\0\1h");
	expect_out(&t, "h ");
}

/* The length of a message is missing: what comes next may be in the middle of one. */
static void test_hole_over_length(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	SEND(&t, 0, "\0\1a");
	SEND(&t, 10, "more of it that is no message");
	SEND(&t, 60, QUERY QUERY);
	SEND(&t, 60 + 38, "\0\1b");
	expect_out(&t, "a ");
	t.now_ns += HOLE_NS;
	zw_streams_expire(t.streams, t.now_ns);
	t.now_ns += HOLE_NS;
	zw_streams_expire(t.streams, t.now_ns);
	assert_non_null(strstr(t.out.buf, " b "));
	assert_int_equal(stats(&t)->messages, 4);
	assert_int_equal(stats(&t)->resyncs, 1);
	assert_int_equal(stats(&t)->lost_bytes, 7 + 29 + 21);
}

static void test_midstream(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	SEND(&t, 1000, "something in the middle");
	SEND(&t, 1023, QUERY "\0\1a");
	assert_int_equal(stats(&t)->resyncs, 1);
	assert_int_equal(stats(&t)->messages, 2);
	assert_true(zw_endswith(t.out.buf, " a "));
}

static void test_boundaries(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	/* No SYN, and the run begins within what was left out. */
	feed(&t, (struct zw_segment){
			 .seq = 100, .has_boundary = true, .boundary = 103, BYTES("xyz\0\2ab")});
	expect_out(&t, "ab ");
	/* Far ahead: nothing is missing. */
	feed(&t, (struct zw_segment){.seq = 90000000,
			 .has_boundary = true,
			 .boundary = 90000000,
			 BYTES("\0\2c")});
	SEND(&t, 90000003, "d");
	expect_out(&t, "cd ");
	assert_int_equal(stats(&t)->lost, 0);
	/* The rest of a message never came. */
	SEND(&t, 90000004, "\0\5ef");
	feed(&t, (struct zw_segment){.seq = 90000011,
			 .has_boundary = true,
			 .boundary = 90000011,
			 BYTES("\0\1g")});
	expect_out(&t, "ef/5 g ");
	assert_int_equal(stats(&t)->lost, 1);
	assert_int_equal(stats(&t)->lost_bytes, 3);
	/* A message that claims to reach over the next one. */
	SEND(&t, 90000014, "\0\60hi");
	feed(&t, (struct zw_segment){.seq = 90000020,
			 .has_boundary = true,
			 .boundary = 90000020,
			 BYTES("\0\1j")});
	expect_out(&t, "hi/48 j ");
	/* One that is known already. */
	feed(&t, (struct zw_segment){.seq = 90000020,
			 .has_boundary = true,
			 .boundary = 90000020,
			 BYTES("\0\1j")});
	expect_out(&t, "");
	/* Another connection of the same ends, whose end and beginning were not seen. */
	feed(&t, (struct zw_segment){
			 .seq = 500, .has_boundary = true, .boundary = 500, BYTES("\0\1k")});
	expect_out(&t, "k ");
	assert_int_equal(stats(&t)->resyncs, 0);
}

/* Of a long message only the beginning was captured. It is handed on at once. */
static void test_cut(void **state)
{
	_done_ struct test t;

	(void)state;
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	feed(&t, (struct zw_segment){.seq = 0, .cut = 7, BYTES("\0\12abc")});
	expect_out(&t, "abc/10 ");
	SEND(&t, 12, "\0\1d");
	expect_out(&t, "d ");
	feed(&t, (struct zw_segment){.seq = 15, BYTES("\0\12ab")});
	feed(&t, (struct zw_segment){.seq = 25, .omitted = 6, BYTES("hi\0\1e")});
	expect_out(&t, "ab/10 e ");
	assert_int_equal(stats(&t)->cut, 2);
	assert_int_equal(stats(&t)->lost, 0);
}

static void test_largest_message(void **state)
{
	_zw_free_ uint8_t *data = malloc(2 + 65535);
	_done_ struct test t;

	(void)state;
	assert_non_null(data);
	open_streams(&t, ZW_STREAM_DNS);
	syn(&t);
	memset(data, 0xff, 2);
	memset(data + 2, 'x', 65535);
	for (uint32_t at = 0; at < 65537; at += 1000) {
		size_t len = at + 1000 > 65537 ? 537 : 1000;

		feed(&t, (struct zw_segment){.seq = at, .data = data + at, .len = len});
	}
	assert_int_equal(t.out.len, 65536);
	assert_int_equal(stats(&t)->messages, 1);
	assert_int_equal(zw_streams_bytes(t.streams), 0);
}

/* Segments of one to five octets in an order of their own, some twice, some with other octets the second time. */
static void test_random(void **state)
{
	unsigned int seed = 793;

	(void)state;
	for (int round = 0; round < 500; round++) {
		uint8_t stream[400];
		bool sent[400] = {};
		size_t len = 0, begin = 0;
		struct zw_str wanted = {};
		_zw_free_ char *text = NULL;
		_done_ struct test t;

		zw_str_add(&wanted, "");
		while (len < 300) {
			size_t n = (size_t)rand_r(&seed) % 40;

			stream[len++] = 0;
			stream[len++] = (uint8_t)n;
			for (size_t i = 0; i < n; i++) {
				stream[len++] = (uint8_t)('a' + rand_r(&seed) % 26);
				zw_str_add_char(&wanted, (char)stream[len - 1]);
			}
			if (n > 0)
				zw_str_add(&wanted, " ");
		}
		assert_int_equal(zw_str_done(&wanted, &text), 0);
		open_streams(&t, ZW_STREAM_DNS);
		t.isn = (uint32_t)-200;
		syn(&t);
		while (begin < len) {
			size_t at = begin + (size_t)rand_r(&seed) % 50,
			       n = 1 + (size_t)rand_r(&seed) % 5;
			uint8_t copy[5];
			bool old = true;

			if (at + n > len)
				continue;
			memcpy(copy, stream + at, n);
			for (size_t i = at; i < at + n; i++) {
				old = old && sent[i];
				sent[i] = true;
			}
			if (old)
				copy[0] ^= (uint8_t)(rand_r(&seed) % 2);
			feed(&t, (struct zw_segment){.seq = (uint32_t)at, .data = copy, .len = n});
			while (begin < len && sent[begin])
				begin++;
		}
		assert_string_equal(t.out.buf, text);
		assert_int_equal(stats(&t)->lost, 0);
		assert_int_equal(zw_streams_bytes(t.streams), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_hole_within_message),
		cmocka_unit_test(test_hole_over_length),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_largest_message),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
