/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet programs by themselves, on TCP: what they copy of a stream and what they pass over.
 *
 *	netstream DIRECTORY	for the files that prove the hooks of zone files
 */
#include "net_bench.h"

/* --- streams ------------------------------------------------------------------------------------------- */

/* A connection of its own for each test. */
static uint16_t next_port = 50000;

struct stream {
	struct bench *b;
	uint32_t seq;
	struct spec s;
};

static struct stream open_stream(struct bench *b, uint16_t port)
{
	struct stream t = {.b = b,
		.seq = 0xfffffff0,
		.s = {.proto = IPPROTO_TCP, .sport = next_port++, .dport = port}};

	/* The numbers wrap soon. */
	t.s.tcp_flags = SYN;
	t.s.seq = t.seq++;
	run(b, &t.s);
	t.s.tcp_flags = 0x18;
	return t;
}

static void put_at(struct stream *t, uint32_t seq, const void *data, size_t len)
{
	t->s.seq = seq;
	t->s.payload = data;
	t->s.bytes = len;
	run(t->b, &t->s);
}

static void put(struct stream *t, const void *data, size_t len)
{
	put_at(t, t->seq, data, len);
	t->seq += (uint32_t)len;
}

/* Event @i is a run of these bytes at @seq; with the boundary there when @begins. */
static bool run_is(
	const struct outcome *o, size_t i, uint32_t seq, const void *bytes, size_t len, bool begins)
{
	const struct zw_packet_facts *p = &o->event[i].packet;

	return i < o->events && p->seq == seq && p->captured == len &&
	       memcmp(p->payload, bytes, len) == 0 &&
	       ((p->flags & ZW_PACKET_BOUNDARY) != 0) == begins && (!begins || p->boundary == seq);
}

static void test_stream(struct bench *b)
{
	struct stream t = open_stream(b, 53);
	struct frame q = {}, u = {}, all = {};
	const struct outcome *o;
	uint32_t seq;

	dns_stream(&q, 0, "www.example.com", TYPE_A, 0);
	dns_stream(&u, DNS_UPDATE, "example.com", 6, 300);
	o = look(b);
	check(nothing(o), "stream: a connection alone is not told of");
	put(&t, q.b, q.len);
	o = look(b);
	check(nothing(o) && o->traffic.query[ZW_DIRECTION_LOCAL][1][ZW_QUERY_A] == 1,
		"stream: a query is passed over");
	seq = t.seq;
	put(&t, u.b, u.len);
	o = look(b);
	check(o->events == 1 && run_is(o, 0, seq, u.b, u.len, true), "stream: an update is copied");
	/* Query, update, query, update, query in one segment. */
	frame_bytes(&all, q.b, q.len);
	frame_bytes(&all, u.b, u.len);
	frame_bytes(&all, q.b, q.len);
	frame_bytes(&all, u.b, u.len);
	frame_bytes(&all, q.b, q.len);
	seq = t.seq;
	put(&t, all.b, all.len);
	o = look(b);
	check(o->events == 2 && run_is(o, 0, seq + (uint32_t)q.len, u.b, u.len, true) &&
			run_is(o, 1, seq + (uint32_t)(2 * q.len + u.len), u.b, u.len, true) &&
			o->traffic.query[ZW_DIRECTION_LOCAL][1][ZW_QUERY_A] == 3,
		"stream: updates between queries in one segment");
	/* One update in pieces. */
	seq = t.seq;
	put(&t, u.b, 100);
	put(&t, u.b + 100, 100);
	put(&t, u.b + 200, u.len - 200);
	o = look(b);
	check(o->events == 3 && run_is(o, 0, seq, u.b, 100, true) &&
			run_is(o, 1, seq + 100, u.b + 100, 100, false) &&
			run_is(o, 2, seq + 200, u.b + 200, u.len - 200, false),
		"stream: an update in three segments");
	/* A query in pieces that still show what it is. */
	put(&t, q.b, q.len - 2);
	put(&t, q.b + q.len - 2, 2);
	o = look(b);
	check(nothing(o) || o->events == 2, "stream: a query in two segments");
	put(&t, "\0\0", 2);
	put(&t, q.b, q.len);
	check(nothing(look(b)), "stream: a message of no octets");
}

static void test_prefixes(struct bench *b)
{
	struct stream t = open_stream(b, 53);
	struct frame q = {}, u = {};
	const struct outcome *o;
	uint32_t seq;

	dns_stream(&q, 0, "www.example.com", TYPE_A, 0);
	dns_stream(&u, DNS_UPDATE, "example.com", 6, 300);
	put(&t, q.b, 2);
	put(&t, q.b + 2, q.len - 2);
	check(nothing(look(b)), "prefix: a query behind a length of its own");
	seq = t.seq;
	put(&t, u.b, 2);
	put(&t, u.b + 2, u.len - 2);
	o = look(b);
	check(o->events == 1 && run_is(o, 0, seq, u.b, u.len, true) &&
			o->event[0].packet.payload_bytes == u.len - 2,
		"prefix: an update behind a length of its own, which is put in front");
	seq = t.seq;
	put(&t, u.b, 1);
	put(&t, u.b + 1, 1);
	put(&t, u.b + 2, u.len - 2);
	o = look(b);
	check(o->events == 1 && run_is(o, 0, seq, u.b, u.len, true), "prefix: octet by octet");
	seq = t.seq;
	put(&t, u.b, 1);
	put(&t, u.b + 1, u.len - 1);
	o = look(b);
	check(o->events == 1 && run_is(o, 0, seq, u.b, u.len, true), "prefix: split in its middle");
	/* What does not show what it is, is copied. */
	seq = t.seq;
	put(&t, q.b, 8);
	put(&t, q.b + 8, q.len - 8);
	o = look(b);
	check(o->events == 2 && run_is(o, 0, seq, q.b, 8, true) &&
			run_is(o, 1, seq + 8, q.b + 8, q.len - 8, false),
		"prefix: a header in two segments is copied");
	put(&t, q.b, q.len);
	check(nothing(look(b)), "prefix: and the next query is passed over again");
}

static void test_order(struct bench *b)
{
	struct stream t = open_stream(b, 53);
	struct frame q = {}, u = {};
	const struct outcome *o;
	uint32_t seq;

	dns_stream(&q, 0, "www.example.com", TYPE_A, 0);
	dns_stream(&u, DNS_UPDATE, "example.com", 6, 300);
	put(&t, q.b, q.len);
	put(&t, q.b, 20);
	look(b);
	/* The rest of the query is late. */
	seq = t.seq;
	put_at(&t, seq + (uint32_t)q.len - 20, u.b, u.len);
	o = look(b);
	check(o->events == 1 && o->event[0].packet.flags & ZW_PACKET_GAP &&
			o->event[0].packet.flags & ZW_PACKET_BOUNDARY &&
			o->event[0].packet.boundary == seq + (uint32_t)q.len - 20 &&
			o->event[0].packet.captured == u.len,
		"order: what comes too soon is copied, with where a message begins");
	put_at(&t, seq, q.b + 20, q.len - 20);
	o = look(b);
	check(o->events == 1 && o->event[0].packet.captured == q.len - 20,
		"order: and what comes late as well");
	t = open_stream(b, 53);
	seq = t.seq;
	put(&t, q.b, q.len);
	put(&t, u.b, u.len);
	look(b);
	put_at(&t, seq, q.b, q.len);
	o = look(b);
	check(one_event(o, q.b, q.len, ZW_PACKET_AGAIN),
		"order: a retransmission is copied as one");
	put_at(&t, t.seq - 1, "x", 1);
	check(nothing(look(b)), "order: a keep-alive probe is not");
	/* Half old, half new. */
	seq = t.seq;
	put_at(&t, seq - 10, u.b, 10);
	look(b);
	memmove(u.b + 10, u.b, u.len);
	put_at(&t, seq - 10, u.b, u.len + 10);
	o = look(b);
	check(o->events == 2 && o->event[0].packet.flags & ZW_PACKET_AGAIN &&
			o->event[0].packet.captured == 10 &&
			run_is(o, 1, seq, u.b + 10, u.len, true),
		"order: a segment that is half old");
}

static void test_midstream(struct bench *b)
{
	struct stream t = {.b = b,
		.seq = 100,
		.s = {.proto = IPPROTO_TCP, .sport = next_port++, .dport = 53, .tcp_flags = 0x18}};
	struct frame q = {}, u = {};
	const struct outcome *o;

	dns_stream(&q, 0, "www.example.com", TYPE_A, 0);
	dns_stream(&u, DNS_UPDATE, "example.com", 6, 300);
	put(&t, q.b, q.len);
	check(nothing(look(b)), "midstream: what begins like a query is taken for one");
	put(&t, u.b, u.len);
	o = look(b);
	check(o->events == 1 && o->event[0].packet.flags & ZW_PACKET_MIDSTREAM &&
			o->event[0].packet.flags & ZW_PACKET_BOUNDARY,
		"midstream: an update is copied, as a guess");
	t.s.sport = next_port++;
	put(&t, u.b + 100, 200);
	o = look(b);
	check(o->events == 1 && o->event[0].packet.flags & ZW_PACKET_MIDSTREAM &&
			!(o->event[0].packet.flags & ZW_PACKET_BOUNDARY),
		"midstream: anything else is copied, with no boundary");
}

static void test_ends(struct bench *b)
{
	struct stream t = open_stream(b, 53);
	struct frame q = {}, u = {};
	const struct outcome *o;

	dns_stream(&q, 0, "www.example.com", TYPE_A, 0);
	dns_stream(&u, DNS_UPDATE, "example.com", 6, 0);
	put(&t, q.b, q.len);
	t.s.tcp_flags = FIN | ACK;
	put(&t, NULL, 0);
	check(nothing(look(b)), "end: of a connection with queries only is not told of");
	t = open_stream(b, 53);
	put(&t, u.b, u.len);
	look(b);
	t.s.tcp_flags = FIN | ACK;
	put(&t, NULL, 0);
	o = look(b);
	check(one_event(o, NULL, 0, 0) && o->event[0].packet.tcp_flags & FIN &&
			o->event[0].packet.seq == t.seq,
		"end: of one with an update is");
}

static void test_transfer(struct bench *b)
{
	struct stream t = open_stream(b, 53);
	struct frame request = {}, first = {}, more = {};
	size_t whole = 0, tails = 0, sent = 0;
	const struct outcome *o;
	uint64_t omitted = 0, pieces = 0;

	dns_stream(&request, 0, "example.com", TYPE_AXFR, 0);
	dns_stream(&first, DNS_ANSWER, "example.com", TYPE_AXFR, 3000);
	/* Later messages need no question (RFC 5936 2.2.1). */
	dns_stream(&more, DNS_ANSWER, "", 0, 3000);
	put(&t, request.b, request.len);
	check(look(b)->events == 1, "transfer: the request is copied");
	t = open_stream(b, 53);
	put(&t, more.b, more.len);
	check(nothing(look(b)), "transfer: an answer without question is none before it began");
	put(&t, first.b, first.len);
	check(one_event(look(b), first.b, first.len, ZW_PACKET_BOUNDARY),
		"transfer: the first message is copied");
	for (int i = 0; i < 200; i++) {
		put(&t, more.b, more.len);
		sent += more.len;
		o = look(b);
		for (size_t k = 0; k < o->events; k++) {
			const struct zw_packet_facts *p = &o->event[k].packet;

			whole += p->captured == more.len;
			tails += p->captured == 512 && p->flags & ZW_PACKET_TAIL &&
				 memcmp(p->payload, more.b + more.len - 512, 512) == 0 &&
				 p->seq == t.seq - 512;
			omitted += p->omitted;
		}
		pieces += o->drop[ZW_DROP_NET_TRANSFER];
	}
	check(whole > 50 && whole < 100, "transfer: up to a bound all is copied");
	check(whole + tails == 200 && pieces == tails, "transfer: then the end of each message");
	check(omitted + whole * more.len + tails * 512 + 2 * tails == sent,
		"transfer: what was left out is counted to the octet");
}

static void test_other_ports(struct bench *b)
{
	struct stream t = open_stream(b, PORT_CONTROL);
	const struct outcome *o = look(b);
	uint32_t seq = t.seq;

	check(one_event(o, NULL, 0, 0) && o->event[0].packet.tcp_flags & SYN &&
			o->event[0].packet.port_flags == ZW_PORT_CONTROL,
		"control port: a connection is told of");
	put(&t, "hello", 5);
	put(&t, "world", 5);
	o = look(b);
	check(o->events == 2 && run_is(o, 0, seq, "hello", 5, false) &&
			run_is(o, 1, seq + 5, "world", 5, false),
		"control port: all bytes are copied");
	t.s.tcp_flags = FIN | ACK;
	put(&t, "!", 1);
	o = look(b);
	check(o->events == 2 && o->event[0].packet.captured == 1 &&
			o->event[1].packet.captured == 0 && o->event[1].packet.seq == t.seq,
		"control port: its end, and what comes with it");
	t = open_stream(b, PORT_TLS);
	check(look(b)->events == 1, "TLS port: a connection is told of");
	put(&t, "secret", 6);
	check(nothing(look(b)), "TLS port: no bytes are");
	t.s.tcp_flags = FIN | ACK;
	put(&t, NULL, 0);
	check(look(b)->events == 1, "TLS port: its end is");
	t.s.proto = IPPROTO_UDP;
	put(&t, "secret", 6);
	check(nothing(look(b)), "TLS port: UDP is not for it");
}

/* More than is copied of one connection in a second, also where there is no KVM. */
static void test_bound(struct bench *b)
{
	enum { AT_ONCE = MAX_EVENTS / 2, TIMES = 64 };
	static const char data[3000];
	struct stream t = open_stream(b, PORT_CONTROL);
	uint64_t lost = 0, came = 0;

	look(b);
	for (int i = 0; i < TIMES; i++) {
		const struct outcome *o;

		for (int n = 0; n < AT_ONCE; n++)
			put(&t, data, sizeof(data));
		o = look(b);
		came += o->events;
		lost += o->drop[ZW_DROP_NET_BOUND];
	}
	check(lost > 0 && came + lost == TIMES * AT_ONCE,
		"bound: what is left out of a connection is counted");
}

static void test_all(struct bench *b)
{
	test_stream(b);
	test_prefixes(b);
	test_order(b);
	test_midstream(b);
	test_ends(b);
	test_transfer(b);
	test_other_ports(b);
	test_bound(b);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
