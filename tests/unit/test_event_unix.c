/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events of unix sockets: what is well-formed arrives whole, everything else is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"

struct sample {
	struct zw_wire_unix w;
	uint8_t room[ZW_UNIX_ROOM_1];
};

static void fill(struct sample *s, uint32_t room)
{
	memset(s, 0, sizeof(*s));
	s->w.hdr = (struct zw_wire_hdr){
		sizeof(s->w) + room, ZW_WIRE_UNIX, ZW_HOOK_TP_COPY, ZW_WIRE_VERSION, 9};
	s->w.dev = 8 << 20 | 1;
	s->w.ino = 100;
	s->w.connection = 7;
	s->w.offset = 40;
	s->w.sent_bytes = 20;
	s->w.captured = 5;
	s->w.omitted = 15;
	s->w.peer_tgid = 812;
	s->w.peer_uid = 1000;
	s->w.peer_gid = 1001;
	s->w.actor.tgid = 813;
	memcpy(s->w.actor.comm, "knotc", 6);
	memcpy(s->w.payload, "hello", 5);
}

static int decode(const struct sample *s, struct zw_event *event)
{
	return zw_event_decode(s, s->w.hdr.size, event);
}

static void test_whole(void **state)
{
	static const uint32_t rooms[] = {ZW_UNIX_ROOM_0, ZW_UNIX_ROOM_1};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(rooms); i++) {
		_zw_event_ struct zw_event e = {};

		fill(&s, rooms[i]);
		assert_int_equal(decode(&s, &e), 0);
		assert_int_equal(e.type, ZW_WIRE_UNIX);
		assert_int_equal(e.control.dev, 8 << 20 | 1);
		assert_int_equal(e.control.ino, 100);
		assert_int_equal(e.control.connection, 7);
		assert_int_equal(e.control.offset, 40);
		assert_int_equal(e.control.sent_bytes, 20);
		assert_int_equal(e.control.omitted, 15);
		assert_int_equal(e.control.peer_tgid, 812);
		assert_int_equal(e.control.peer_uid, 1000);
		assert_int_equal(e.control.peer_gid, 1001);
		assert_false(e.control.reply);
		assert_int_equal(e.control.captured, 5);
		assert_memory_equal(e.control.payload, "hello", 5);
		assert_int_equal(e.proc.tgid, 813);
		assert_string_equal(e.proc.comm, "knotc");
	}
}

static void test_nothing_captured(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct sample s;

	(void)state;
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.captured = 0;
	s.w.omitted = 20;
	s.w.flags = ZW_UNIX_REPLY;
	assert_int_equal(decode(&s, &e), 0);
	assert_true(e.control.reply);
	assert_false(e.control.made);
	assert_null(e.control.payload);
	s.w.flags = ZW_UNIX_MADE;
	zw_event_done(&e);
	assert_int_equal(decode(&s, &e), 0);
	assert_true(e.control.made && !e.control.given);
	s.w.flags |= ZW_UNIX_GIVEN;
	zw_event_done(&e);
	assert_int_equal(decode(&s, &e), 0);
	assert_true(e.control.made && e.control.given);
}

static void test_refused(void **state)
{
	struct zw_event e;
	struct sample s;

	(void)state;
	fill(&s, ZW_UNIX_ROOM_0 + 1);
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, 0);
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.captured = s.w.sent_bytes = ZW_UNIX_ROOM_0 + 1;
	s.w.omitted = 0;
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.omitted = 16;
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.omitted = UINT32_MAX - 4;
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.flags = 1 << 7;
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	s.w.hdr.hook = ZW_HOOK_TP_EXEC;
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	memset(s.w.actor.comm, 'x', sizeof(s.w.actor.comm));
	assert_int_equal(decode(&s, &e), -EBADMSG);
	fill(&s, ZW_UNIX_ROOM_0);
	for (size_t cut = 0; cut < sizeof(s.w); cut += 7)
		assert_int_equal(zw_event_decode(&s, cut, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_nothing_captured),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
