/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "engine/pieces.h"
#include "engine/stream.h"

#define HOLE_NS 1000
#define IDLE_NS 100000

static const struct zw_flow_key flow = {.family = 2, .source_port = 1, .destination_port = 53};

/* What came out: "message ", "message/whole " when it was cut, "<n> " for a gap, "." for an end. */
struct test {
	struct zw_streams *streams;
	struct zw_str out;
	uint64_t now_ns;
	uint32_t isn;
	bool raw; /* these must come without a break */
	uint64_t offset;
};

static void on_item(void *ctx, const struct zw_stream_item *item)
{
	struct test *t = ctx;

	assert_int_equal(item->time_ns, t->now_ns);
	if (t->raw && item->what != ZW_STREAM_END) {
		assert_int_equal(item->offset, t->offset);
		t->offset += item->whole;
	}
	if (item->what == ZW_STREAM_END) {
		zw_str_add(&t->out, ".");
		return;
	}
	if (item->what == ZW_STREAM_GAP)
		zw_str_addf(&t->out, "<%zu", item->whole);
	else
		zw_str_add_escaped(&t->out, (const char *)item->data, item->len);
	if (item->what == ZW_STREAM_DATA && item->len != item->whole)
		zw_str_addf(&t->out, "/%zu", item->whole);
	zw_str_add(&t->out, " ");
}

static void open_with(struct test *t, const struct zw_stream_options *options)
{
	*t = (struct test){
		.now_ns = 1, .isn = 0xfffffff0, .raw = options->framing == ZW_STREAM_RAW};
	assert_int_equal(zw_streams_new(options, on_item, t, &t->streams), 0);
	zw_str_add(&t->out, "");
}

static void open_streams(struct test *t, enum zw_stream_framing framing)
{
	open_with(t, &(struct zw_stream_options){.framing = framing,
			     .flows_max = 4,
			     .flow_bytes = 140000,
			     .bytes_max = 200000,
			     .hole_ns = HOLE_NS,
			     .idle_ns = IDLE_NS});
}

static void done(struct test *t)
{
	zw_streams_free(t->streams);
	zw_str_free(&t->out);
}
#define _done_ _zw_cleanup_(done)

static void expect_out(struct test *t, const char *text)
{
	assert_string_equal(t->out.buf, text);
	t->out.len = 0;
	t->out.buf[0] = '\0';
}

static const struct zw_stream_stats *stats(const struct test *t)
{
	return zw_streams_stats(t->streams);
}

static void feed_on(struct test *t, const struct zw_flow_key *key, struct zw_segment segment)
{
	uint8_t *copy = malloc(segment.len + 1);

	/* Nothing may be kept of the caller's memory. */
	assert_non_null(copy);
	if (segment.len > 0)
		memcpy(copy, segment.data, segment.len);
	segment.data = copy;
	segment.time_ns = t->now_ns;
	segment.seq += t->isn + 1;
	segment.boundary += t->isn + 1;
	assert_int_equal(zw_streams_feed(t->streams, key, &segment), 0);
	memset(copy, 0xee, segment.len);
	free(copy);
}

static void feed(struct test *t, struct zw_segment segment)
{
	feed_on(t, &flow, segment);
}

static void syn(struct test *t)
{
	feed(t, (struct zw_segment){.seq = (uint32_t)-1, .flags = ZW_TCP_SYN});
}

#define BYTES(text) .data = (const uint8_t *)(text), .len = sizeof(text) - 1
#define SEND(t, at, text) feed(t, (struct zw_segment){.seq = (at), BYTES(text)})

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

/* A query for the root's address: what can be a message when its place has to be guessed. */
#define QUERY "\0\21\0\7\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1"

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
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_raw_end),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_strays),
		cmocka_unit_test(test_bounds_of_a_flow),
		cmocka_unit_test(test_bounds_of_all),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
