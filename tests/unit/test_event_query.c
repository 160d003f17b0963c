/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <zw_query.h>

#include "event/event.h"

struct sample {
	struct zw_wire_query w;
	uint8_t room[ZW_PACKET_ROOM_1];
};

static size_t size_of(const struct sample *s)
{
	return sizeof(s->w) + zw_packet_room(s->w.captured);
}

static void fill(struct sample *s, uint32_t captured)
{
	memset(s, 0, sizeof(*s));
	s->w = (struct zw_wire_query){
		.hdr = {0, ZW_WIRE_QUERY, ZW_HOOK_TC_OUT, ZW_WIRE_VERSION, 5},
		.process = {.tgid = 411, .start_ns = 3, .uid = 53, .comm = "named"},
		.name = 77,
		.zone = 78,
		.netns = 11,
		.message_bytes = captured,
		.captured = captured,
		.sport = 53,
		.dport = 41234,
		.why = ZW_QUERY_ANSWER_CHANGED | ZW_QUERY_ANSWER_NONE,
		.family = AF_INET,
		.proto = IPPROTO_UDP,
		.direction = ZW_DIRECTION_OUT,
		.ran = 1,
	};
	memcpy(s->w.saddr, "\x7f\0\0\2", 4);
	memcpy(s->w.daddr, "\x7f\0\0\1", 4);
	memset(s->room, 0xab, captured);
	s->w.hdr.size = (uint32_t)size_of(s);
}

static void whole_query(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct sample s;

	(void)state;
	fill(&s, 300);
	assert_int_equal(zw_event_decode(&s, size_of(&s), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_QUERY);
	assert_string_equal(e.query.process.comm, "named");
	assert_int_equal(e.query.name, 77);
	assert_int_equal(e.query.zone, 78);
	assert_int_equal(e.query.netns, 11);
	assert_int_equal(e.query.message_bytes, 300);
	assert_int_equal(e.query.captured, 300);
	assert_int_equal(e.query.sport, 53);
	assert_int_equal(e.query.dport, 41234);
	assert_int_equal(e.query.why, ZW_QUERY_ANSWER_CHANGED | ZW_QUERY_ANSWER_NONE);
	assert_int_equal(e.query.direction, ZW_DIRECTION_OUT);
	assert_true(e.query.ran);
	assert_memory_equal(e.query.message, s.room, 300);
	assert_memory_equal(e.query.saddr, s.w.saddr, 16);
}

static void query_without_bytes(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct sample s;

	(void)state;
	fill(&s, 0);
	s.w.message_bytes = 100;
	assert_int_equal(zw_event_decode(&s, size_of(&s), &e), 0);
	assert_null(e.query.message);
	assert_int_equal(e.query.message_bytes, 100);
}

/* Each field that has a bound, one step beyond it. */
static void refused(void **state)
{
	struct zw_event e = {};
	struct sample s;

	(void)state;
#define REFUSES(change)                                                           \
	do {                                                                      \
		fill(&s, 40);                                                     \
		change;                                                           \
		assert_int_equal(zw_event_decode(&s, size_of(&s), &e), -EBADMSG); \
	} while (0)
	REFUSES(s.w.hdr.hook = ZW_HOOK_CG_BIND4);
	REFUSES(s.w.captured = 41);
	REFUSES(s.w.message_bytes = 70000);
	REFUSES(s.w.why = 0);
	REFUSES(s.w.why = 1 << ZW_QUERY_WHYS);
	REFUSES(s.w.family = 1);
	REFUSES(s.w.saddr[4] = 1);
	REFUSES(s.w.proto = IPPROTO_ICMP);
	REFUSES(s.w.direction = ZW_DIRECTION_NONE);
	REFUSES(s.w.direction = _ZW_DIRECTION_MAX);
	REFUSES(s.w.ran = 2);
	REFUSES(s.w.process.tgid = 0);
	REFUSES(memset(s.w.process.comm, 'x', sizeof(s.w.process.comm)));
	fill(&s, 40);
	assert_int_equal(zw_event_decode(&s, size_of(&s) - 1, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_query),
		cmocka_unit_test(query_without_bytes),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
