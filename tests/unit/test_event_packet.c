/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and bound sockets: what is well-formed arrives whole, everything else is refused and leaks nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"

/* An event with its room, as the ring has it. */
struct sample {
	struct zw_wire_packet w;
	uint8_t room[ZW_PACKET_ROOM_4];
};

static size_t size_of(const struct sample *s)
{
	return sizeof(s->w) + zw_packet_room(s->w.captured);
}

static void fill(struct sample *s, uint8_t proto, uint32_t captured)
{
	memset(s, 0, sizeof(*s));
	s->w = (struct zw_wire_packet){
		.hdr = {0, ZW_WIRE_PACKET, ZW_HOOK_TC_LOCAL, ZW_WIRE_VERSION, 5},
		.sender = {.tgid = 812,
			.start_ns = 7,
			.uid = 1000,
			.loginuid = 1001,
			.comm = "nsupdate"},
		.receiver = {.tgid = 411, .start_ns = 3, .uid = 53, .comm = "named"},
		.cookie = 99,
		.netns = 11,
		.ifindex = 1,
		.payload_bytes = captured,
		.captured = captured,
		.sport = 41234,
		.dport = 53,
		.family = AF_INET,
		.proto = proto,
		.direction = ZW_DIRECTION_LOCAL,
		.port_flags = ZW_PORT_DNS,
		.to_server = 1,
		.flags = ZW_PACKET_RAN,
	};
	memcpy(s->w.saddr, "\x7f\0\0\1", 4);
	memcpy(s->w.daddr, "\x7f\0\0\2", 4);
	for (uint32_t i = 0; i < captured; i++)
		s->w.payload[i] = (uint8_t)i;
	if (proto == IPPROTO_TCP) {
		s->w.seq = 1000;
		s->w.ack = 2000;
		s->w.boundary = 1000;
		s->w.omitted = 4;
		s->w.tcp_flags = 0x18;
		s->w.flags |= ZW_PACKET_BOUNDARY;
	}
	s->w.hdr.size = (uint32_t)size_of(s);
}

static void whole_udp_packet(void **state)
{
	_zw_event_ struct zw_event e = {};
	_zw_free_ struct sample *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	fill(s, IPPROTO_UDP, 40);
	s->w.segment_bytes = 20;
	assert_int_equal(zw_event_decode(s, size_of(s), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_PACKET);
	assert_int_equal(e.time_ns, 5);
	assert_int_equal(e.packet.sender.tgid, 812);
	assert_int_equal(e.packet.sender.loginuid, 1001);
	assert_string_equal(e.packet.sender.comm, "nsupdate");
	assert_int_equal(e.packet.receiver.tgid, 411);
	assert_int_equal(e.packet.cookie, 99);
	assert_int_equal(e.packet.netns, 11);
	assert_int_equal(e.packet.ifindex, 1);
	assert_int_equal(e.packet.payload_bytes, 40);
	assert_int_equal(e.packet.sport, 41234);
	assert_int_equal(e.packet.dport, 53);
	assert_int_equal(e.packet.segment_bytes, 20);
	assert_int_equal(e.packet.family, AF_INET);
	assert_int_equal(e.packet.proto, IPPROTO_UDP);
	assert_int_equal(e.packet.direction, ZW_DIRECTION_LOCAL);
	assert_int_equal(e.packet.port_flags, ZW_PORT_DNS);
	assert_int_equal(e.packet.flags, ZW_PACKET_RAN);
	assert_true(e.packet.to_server);
	assert_memory_equal(e.packet.daddr, "\x7f\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(e.packet.captured, 40);
	assert_memory_equal(e.packet.payload, s->w.payload, 40);
}

static void whole_tcp_packet(void **state)
{
	_zw_event_ struct zw_event e = {};
	_zw_free_ struct sample *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	fill(s, IPPROTO_TCP, 65537);
	/* The length came in a segment of its own and was put in front. */
	s->w.payload_bytes = 65535;
	assert_int_equal(zw_event_decode(s, size_of(s), &e), 0);
	assert_int_equal(e.packet.seq, 1000);
	assert_int_equal(e.packet.ack, 2000);
	assert_int_equal(e.packet.boundary, 1000);
	assert_int_equal(e.packet.omitted, 4);
	assert_int_equal(e.packet.tcp_flags, 0x18);
	assert_int_equal(e.packet.captured, 65537);
	assert_memory_equal(e.packet.payload, s->w.payload, 65537);
	zw_event_done(&e);
	/* A connection, without bytes. */
	fill(s, IPPROTO_TCP, 0);
	s->w.port_flags = ZW_PORT_TLS;
	s->w.sender = (struct zw_wire_owner){};
	assert_int_equal(zw_event_decode(s, size_of(s), &e), 0);
	assert_null(e.packet.payload);
	assert_int_equal(e.packet.sender.tgid, 0);
}

static void every_room_holds_what_it_says(void **state)
{
	static const uint32_t edge[] = {0, ZW_PACKET_ROOM_0, ZW_PACKET_ROOM_0 + 1, ZW_PACKET_ROOM_1,
		ZW_PACKET_ROOM_1 + 1, ZW_PACKET_ROOM_2, ZW_PACKET_ROOM_2 + 1, ZW_PACKET_ROOM_3,
		ZW_PACKET_ROOM_3 + 1, ZW_PACKET_ROOM_4};
	_zw_free_ struct sample *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(edge); i++) {
		_zw_event_ struct zw_event e = {};
		size_t size;

		fill(s, IPPROTO_TCP, edge[i]);
		size = size_of(s);
		assert_int_equal(zw_event_decode(s, size, &e), 0);
		assert_int_equal(e.packet.captured, edge[i]);
		/* In any other room it is refused. */
		for (size_t k = 0; k < ZW_ARRAY_SIZE(edge); k++) {
			size_t other = sizeof(s->w) + zw_packet_room(edge[k]);
			struct zw_event unused = {};

			s->w.hdr.size = (uint32_t)other;
			if (other != size)
				assert_int_equal(zw_event_decode(s, other, &unused), -EBADMSG);
		}
	}
}

#define SPOIL(name, change)                        \
	static void name(struct zw_wire_packet *w) \
	{                                          \
		change;                            \
	}
SPOIL(bad_hook, w->hdr.hook = ZW_HOOK_CG_CONNECT4)
SPOIL(bad_hook_before, w->hdr.hook = ZW_HOOK_SYSCALL_STATE)
SPOIL(bad_size, w->hdr.size -= 1)
SPOIL(bad_captured_room, w->captured = ZW_PACKET_ROOM_0 + 1)
SPOIL(bad_captured_huge, w->captured = UINT32_MAX)
SPOIL(bad_captured_payload, w->payload_bytes = w->captured - 3)
SPOIL(bad_family, w->family = AF_UNIX)
SPOIL(bad_address, w->daddr[15] = 1)
SPOIL(bad_proto, w->proto = IPPROTO_SCTP)
SPOIL(bad_direction_none, w->direction = ZW_DIRECTION_NONE)
SPOIL(bad_direction, w->direction = _ZW_DIRECTION_MAX)
SPOIL(bad_flags, w->flags = 1 << 15)
SPOIL(bad_port_flags, w->port_flags = 0x80)
SPOIL(bad_port_none, w->port_flags = 0)
SPOIL(bad_to_server, w->to_server = 2)
SPOIL(bad_comm, memset(w->sender.comm, 'a', ZW_COMM_LEN))
SPOIL(bad_comm_receiver, memset(w->receiver.comm, 'a', ZW_COMM_LEN))
SPOIL(bad_owner, w->sender.tgid = 0)
SPOIL(bad_udp_seq, w->proto = IPPROTO_UDP)
SPOIL(bad_tcp_segment, w->segment_bytes = 20)

static void refused(void **state)
{
	static void (*const spoil[])(struct zw_wire_packet *) = {bad_hook, bad_hook_before,
		bad_size, bad_captured_room, bad_captured_huge, bad_captured_payload, bad_family,
		bad_address, bad_proto, bad_direction_none, bad_direction, bad_flags,
		bad_port_flags, bad_port_none, bad_to_server, bad_comm, bad_comm_receiver,
		bad_owner, bad_udp_seq, bad_tcp_segment};
	_zw_free_ struct sample *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(spoil); i++) {
		struct zw_event e = {.time_ns = 77};
		size_t size;

		fill(s, IPPROTO_TCP, 40);
		size = size_of(s);
		spoil[i](&s->w);
		if (zw_event_decode(s, size, &e) != -EBADMSG || e.time_ns != 77)
			fail_msg("spoiled packet %zu was not refused", i);
	}
}

static void every_truncation_is_refused(void **state)
{
	_zw_free_ struct sample *s = malloc(sizeof(*s));
	struct zw_event e = {};

	(void)state;
	assert_non_null(s);
	fill(s, IPPROTO_UDP, 40);
	for (size_t len = 0; len < size_of(s); len++) {
		_zw_free_ char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, s, len);
		assert_int_equal(zw_event_decode(copy, len, &e), -EBADMSG);
		if (len < sizeof(s->w.hdr))
			continue;
		/* One that knows how short it is. */
		((struct zw_wire_packet *)copy)->hdr.size = (uint32_t)len;
		assert_int_equal(zw_event_decode(copy, len, &e), -EBADMSG);
	}
}

static void fill_bind(struct zw_wire_bind *w)
{
	*w = (struct zw_wire_bind){
		.hdr = {sizeof(*w), ZW_WIRE_BIND, ZW_HOOK_CG_BIND6, ZW_WIRE_VERSION, 9},
		.cookie = 4,
		.netns = 11,
		.port = 53,
		.family = AF_INET6,
		.proto = IPPROTO_UDP,
		.actor = {.tgid = 812, .start_ns = 5, .uid = 53, .comm = "nc"},
	};
	memcpy(w->addr, &in6addr_loopback, 16);
}

static void bound_socket(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct zw_wire_bind w;

	(void)state;
	fill_bind(&w);
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_BIND);
	assert_int_equal(e.bind.port, 53);
	assert_int_equal(e.bind.netns, 11);
	assert_int_equal(e.bind.cookie, 4);
	assert_int_equal(e.bind.family, AF_INET6);
	assert_int_equal(e.bind.proto, IPPROTO_UDP);
	assert_memory_equal(e.bind.addr, &in6addr_loopback, 16);
	assert_int_equal(e.proc.tgid, 812);
	assert_string_equal(e.proc.comm, "nc");
	w.port = 0;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	fill_bind(&w);
	w.family = AF_INET;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	fill_bind(&w);
	w.proto = IPPROTO_ICMP;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	fill_bind(&w);
	w.actor.argv_len = ZW_ARGV_LEN + 1;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	fill_bind(&w);
	w.hdr.type = ZW_WIRE_SOCKET;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
}

static void every_enumerator_has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < _ZW_DIRECTION_MAX; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				zw_direction_to_string(i), zw_direction_to_string(k));
	for (int i = 0; i < _ZW_QUERY_MAX; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				zw_query_class_to_string(i), zw_query_class_to_string(k));
	assert_string_equal(zw_direction_to_string(ZW_DIRECTION_LOCAL), "local");
	assert_string_equal(zw_direction_to_string(_ZW_DIRECTION_MAX), "unknown");
	assert_string_equal(zw_query_class_to_string(ZW_QUERY_DNSKEY), "dnskey");
	assert_string_equal(zw_query_class_to_string(_ZW_QUERY_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_udp_packet),
		cmocka_unit_test(whole_tcp_packet),
		cmocka_unit_test(every_room_holds_what_it_says),
		cmocka_unit_test(refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bound_socket),
		cmocka_unit_test(every_enumerator_has_its_own_name),
	};

	return cmocka_run_group_tests_name("event_packet", tests, NULL, NULL);
}
