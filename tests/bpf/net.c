/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet programs by themselves, run on hand-made frames by BPF_PROG_RUN: what they find behind which headers, what
 * they copy of a stream and what they pass over, and what they count.
 *
 *	net DIRECTORY		for the files that prove the hooks of zone files
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "event/event.h"
#include "frames.h"
#include "probe/internal.h"
#include "probe/net.h"

#define SYN 0x02
#define ACK 0x10
#define FIN 0x01
#define TYPE_A 1
#define TYPE_AXFR 252
#define TYPE_IXFR 251
#define TYPE_TKEY 249
#define PORT_CONTROL 953
#define PORT_TLS 853

static unsigned int passed, failed;

static bool check(bool good, const char *name)
{
	printf("%s - %s\n", good ? "ok" : "not ok", name);
	*(good ? &passed : &failed) += 1;
	return good;
}

static void die(const char *what)
{
	printf("not ok - %s: %s\n%u passed, %u failed\n", what, strerror(errno), passed,
		failed + 1);
	exit(1);
}

/* --- running a frame ----------------------------------------------------------------------------------- */

#define MAX_EVENTS 64

/* What came of the frames since the last look, and what was counted. */
struct outcome {
	struct zw_event event[MAX_EVENTS];
	size_t events, bad;
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
};

struct bench {
	struct zw_probe *probe;
	const char *program;
	uint32_t gso_size;
	struct outcome now;
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
};

static void on_event(void *ctx, const void *data, size_t len)
{
	struct outcome *o = ctx;
	struct zw_event e = {};

	if (zw_event_decode(data, len, &e) < 0) {
		o->bad++;
		return;
	}
	if (e.type != ZW_WIRE_PACKET || o->events == MAX_EVENTS) {
		zw_event_done(&e);
		return;
	}
	o->event[o->events++] = e;
}

/* Takes what came; the outcome holds until the next call. */
static const struct outcome *look(struct bench *b)
{
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
	struct outcome *o = &b->now;

	for (size_t i = 0; i < o->events; i++)
		zw_event_done(&o->event[i]);
	o->events = o->bad = 0;
	if (zw_probe_net_drain(b->probe, on_event, o) < 0 || zw_probe_drops(b->probe, drop) < 0 ||
		zw_probe_net_traffic(b->probe, &traffic) < 0)
		die("draining");
	for (int i = 0; i < _ZW_DROP_MAX; i++)
		o->drop[i] = drop[i] - b->drop[i];
	for (size_t i = 0; i < sizeof(traffic) / sizeof(uint64_t); i++)
		((uint64_t *)&o->traffic)[i] =
			((uint64_t *)&traffic)[i] - ((uint64_t *)&b->traffic)[i];
	memcpy(b->drop, drop, sizeof(drop));
	b->traffic = traffic;
	return o;
}

static void run(struct bench *b, const struct spec *s)
{
	struct __sk_buff ctx = {.gso_size = b->gso_size};
	struct bpf_object *obj = zw_net_object(b->probe->net, ZW_OBJ_NET);
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, b->program);
	struct frame f;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.b, .ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx));

	frame_make(&f, s);
	opts.data_size_in = (uint32_t)f.len;
	if (!prog || bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		die(b->program);
	/* Never anything but "go on": no packet's way may depend on us. */
	if ((int)opts.retval != -1)
		die("the program's verdict");
}

static const struct outcome *run_one(struct bench *b, const struct spec *s)
{
	run(b, s);
	return look(b);
}

static bool one_event(const struct outcome *o, const void *payload, size_t bytes, uint16_t flags)
{
	const struct zw_packet_facts *p = &o->event[0].packet;

	return o->events == 1 && o->bad == 0 && p->captured == bytes &&
	       (bytes == 0 || memcmp(p->payload, payload, bytes) == 0) &&
	       (p->flags & ~ZW_PACKET_RAN) == flags;
}

static bool nothing(const struct outcome *o)
{
	for (int i = 0; i < _ZW_DROP_MAX; i++)
		if (i >= ZW_DROP_NET_RING_FULL && o->drop[i])
			return false;
	return o->events == 0 && o->bad == 0;
}

/* --- headers ------------------------------------------------------------------------------------------- */

static void test_headers(struct bench *b)
{
	struct frame update;
	const struct {
		const char *name;
		struct spec s;
	} found[] =
		{
			{"IPv4", {}},
			{"IPv4 with options", {.options = 10}},
			{"IPv4 in a VLAN", {.tag = {0x8100}}},
			{"IPv4 in two VLANs", {.tag = {0x88a8, 0x8100}}},
			{"IPv4 with bytes behind it", {.padding = 20}},
			{"IPv6", {.ip6 = true}},
			{"IPv6 in two VLANs", {.ip6 = true, .tag = {0x88a8, 0x8100}}},
			{"IPv6 with options", {.ip6 = true, .extension = {0xff, IPPROTO_DSTOPTS}}},
			{"IPv6 with routing",
				{.ip6 = true, .extension = {IPPROTO_ROUTING, IPPROTO_DSTOPTS}}},
			{"IPv6 with authentication", {.ip6 = true, .extension = {IPPROTO_AH}}},
			{"IPv6 with a fragment header that fragments nothing",
				{.ip6 = true, .extension = {IPPROTO_FRAGMENT}}},
			{"IPv6 with seven extension headers",
				{.ip6 = true, .extension = {0xff, 60, 60, 60, 60, 60, 60}}},
			{"from the served port", {.sport = 53, .dport = 40000}},
		},
	  passed_over[] = {
		  {"another port", {.dport = 54}},
		  {"another protocol", {.proto = IPPROTO_SCTP}},
		  {"a fragment that is not the first", {.fragment = 0x2001}},
		  {"the last fragment", {.fragment = 0x0001}},
		  {"an IPv6 fragment that is not the first",
			  {.ip6 = true, .extension = {IPPROTO_FRAGMENT}, .fragment = 8 | 1}},
		  {"another IPv6 protocol behind extensions",
			  {.ip6 = true, .extension = {0xff}, .proto = IPPROTO_SCTP}},
	  };

	dns_make(&update, DNS_UPDATE, "example.com", 6);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(found); i++) {
		_zw_free_ char *name = zw_asprintf("headers: %s", found[i].name);
		struct spec s = found[i].s;
		const struct zw_packet_facts *p;
		const struct outcome *o;

		s.payload = update.b;
		s.bytes = update.len;
		o = run_one(b, &s);
		p = &o->event[0].packet;
		check(one_event(o, update.b, update.len, 0) &&
				p->family == (s.ip6 ? AF_INET6 : AF_INET) &&
				p->proto == IPPROTO_UDP && p->direction == ZW_DIRECTION_LOCAL &&
				p->port_flags == ZW_PORT_DNS && p->to_server == !s.sport &&
				p->sport == (s.sport ? s.sport : 40000) &&
				(s.ip6 ? memcmp(p->saddr, &in6addr_loopback, 16) == 0
				       : memcmp(p->daddr, "\x7f\0\0\2", 4) == 0),
			name);
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(passed_over); i++) {
		_zw_free_ char *name = zw_asprintf("passed over: %s", passed_over[i].name);
		struct spec s = passed_over[i].s;

		s.payload = update.b;
		s.bytes = update.len;
		check(nothing(run_one(b, &s)), name);
	}
}

static void test_sides(struct bench *b)
{
	static const struct {
		const char *program;
		bool no_link;
		enum zw_direction direction;
		enum zw_hook hook;
	} sides[] = {
		{"zw_net_in", false, ZW_DIRECTION_IN, ZW_HOOK_TC_IN},
		{"zw_net_out", false, ZW_DIRECTION_OUT, ZW_HOOK_TC_OUT},
		{"zw_net_local", false, ZW_DIRECTION_LOCAL, ZW_HOOK_TC_LOCAL},
	};
	struct frame update;

	dns_make(&update, DNS_UPDATE, "example.com", 6);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(sides); i++) {
		const struct spec s = {.payload = update.b, .bytes = update.len};
		const struct outcome *o;

		b->program = sides[i].program;
		o = run_one(b, &s);
		check(one_event(o, update.b, update.len, 0) && o->event[0].hook == sides[i].hook &&
				o->event[0].packet.direction == sides[i].direction &&
				(o->event[0].packet.sender.tgid != 0) ==
					(sides[i].direction != ZW_DIRECTION_IN),
			sides[i].program);
	}
	b->program = "zw_net_local";
}

static void test_damage(struct bench *b)
{
	struct frame update;
	struct spec s = {};
	const struct outcome *o;

	dns_make(&update, DNS_UPDATE, "example.com", 6);
	s.payload = update.b;
	s.bytes = update.len;
	s.fragment = 0x2000;
	o = run_one(b, &s);
	check(one_event(o, update.b, update.len, ZW_PACKET_FRAGMENT | ZW_PACKET_CUT) &&
			o->drop[ZW_DROP_NET_FRAGMENT] == 1,
		"damage: the first fragment is told of and counted");
	s.bytes = 4;
	o = run_one(b, &s);
	check(o->events == 1 && o->drop[ZW_DROP_NET_FRAGMENT] == 1,
		"damage: one too short for a DNS header as well");
	s = (struct spec){.payload = update.b,
		.bytes = update.len,
		.ip6 = true,
		.fragment = 1,
		.extension = {0xff, IPPROTO_FRAGMENT}};
	o = run_one(b, &s);
	check(o->events == 1 && o->drop[ZW_DROP_NET_FRAGMENT] == 1, "damage: the same of IPv6");
	s = (struct spec){.payload = update.b,
		.bytes = update.len,
		.ip6 = true,
		.extension = {0xff, 60, 60, 60, 60, 60, 60, 60, 60}};
	o = run_one(b, &s);
	check(o->events == 0 && o->drop[ZW_DROP_NET_HEADERS] == 1,
		"damage: too many extension headers are counted");
	s = (struct spec){.payload = update.b, .bytes = update.len, .length_lie = -5};
	o = run_one(b, &s);
	check(one_event(o, update.b, update.len - 5, 0),
		"damage: bytes behind what IP says is there do not count");
	s.length_lie = 500;
	o = run_one(b, &s);
	check(one_event(o, update.b, update.len, 0), "damage: bytes that are not there neither");
	s = (struct spec){.proto = IPPROTO_TCP, .tcp_options = 10, .length_lie = -30, .seq = 1};
	o = run_one(b, &s);
	check(o->events == 0 && o->drop[ZW_DROP_NET_HEADERS] == 1,
		"damage: a TCP header longer than its packet");
}

/* --- messages ------------------------------------------------------------------------------------------ */

static char *long_name(void)
{
	/* 127 labels of one octet: as many as a name can have. */
	char *name = calloc(1, 256);

	for (int i = 0; name && i < 127; i++)
		memcpy(name + (ptrdiff_t)2 * i, i < 126 ? "a." : "a", i < 126 ? 2 : 1);
	return name;
}

static void test_messages(struct bench *b)
{
	_zw_free_ char *name = long_name();
	static const char deep[] =
		"the-first-label-is-as-long-as-it-may-be-which-is-sixty-three-oc.another-that-is-long.net";
	const struct {
		const char *what;
		uint16_t flags;
		const char *name;
		uint16_t type;
		bool told;
	} m[] = {
		{"UPDATE", DNS_UPDATE, "example.com", 6, true},
		{"answer to UPDATE", DNS_UPDATE | DNS_ANSWER, "example.com", 6, true},
		{"UPDATE refused, without a question", DNS_UPDATE | DNS_ANSWER | 5, "", 0, true},
		{"NOTIFY", DNS_NOTIFY, "example.com", 6, true},
		{"answer to NOTIFY", DNS_NOTIFY | DNS_ANSWER, "example.com", 6, true},
		{"AXFR", 0, "example.com", TYPE_AXFR, true},
		{"IXFR", 0, "example.com", TYPE_IXFR, true},
		{"answer to IXFR", DNS_ANSWER, "example.com", TYPE_IXFR, true},
		{"TKEY", 0, "example.com", TYPE_TKEY, true},
		{"answer to TKEY", DNS_ANSWER, "example.com", TYPE_TKEY, true},
		{"IXFR of the root", 0, "", TYPE_IXFR, true},
		{"IXFR of a name that is looked at in pieces", 0, deep, TYPE_IXFR, true},
		{"IXFR of the name with the most labels", 0, name, TYPE_IXFR, true},
		{"query for an address", 0, "www.example.com", TYPE_A, false},
		{"answer with an address", DNS_ANSWER, "www.example.com", TYPE_A, false},
		{"query of a long name", 0, deep, TYPE_A, false},
		{"query of the name with the most labels", 0, name, TYPE_A, false},
		{"answer without a question", DNS_ANSWER | 1, "", 0, false},
		{"another opcode", 2 << 11, "example.com", TYPE_AXFR, false},
	};

	if (!name)
		die("memory");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(m); i++) {
		_zw_free_ char *what = zw_asprintf("message: %s", m[i].what);
		struct spec s = {};
		struct frame f;
		const struct outcome *o;

		dns_make(&f, m[i].flags, m[i].name, m[i].type);
		s.payload = f.b;
		s.bytes = f.len;
		o = run_one(b, &s);
		check(m[i].told ? one_event(o, f.b, f.len, 0) &&
					  o->traffic.control[ZW_DIRECTION_LOCAL][0] == 1
				: nothing(o) && o->traffic.control[ZW_DIRECTION_LOCAL][0] == 0 &&
					  o->traffic.bytes[ZW_DIRECTION_LOCAL][0] == f.len,
			what);
	}
}

static void test_counting(struct bench *b)
{
	static const struct {
		uint16_t type;
		enum zw_query_class query;
	} types[] = {{1, ZW_QUERY_A}, {28, ZW_QUERY_AAAA}, {2, ZW_QUERY_NS}, {6, ZW_QUERY_SOA},
		{12, ZW_QUERY_PTR}, {15, ZW_QUERY_MX}, {16, ZW_QUERY_TXT}, {33, ZW_QUERY_SRV},
		{43, ZW_QUERY_DS}, {48, ZW_QUERY_DNSKEY}, {65, ZW_QUERY_HTTPS}, {255, ZW_QUERY_ANY},
		{99, ZW_QUERY_OTHER}};
	const struct outcome *o;
	bool good = true;
	struct frame f;
	struct spec s = {.payload = f.b};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(types); i++) {
		dns_make(&f, 0, "example.com", types[i].type);
		s.bytes = f.len;
		o = run_one(b, &s);
		good &= o->traffic.query[ZW_DIRECTION_LOCAL][0][types[i].query] == 1;
	}
	check(good, "counting: queries by type");
	good = true;
	for (uint16_t rcode = 0; rcode < 16; rcode++) {
		dns_make(&f, DNS_ANSWER | rcode, "example.com", 1);
		s.bytes = f.len;
		o = run_one(b, &s);
		good &= o->traffic.response[ZW_DIRECTION_LOCAL][0][rcode] == 1;
	}
	check(good, "counting: answers by rcode");
	/* Not the quick way: behind a tag, behind options, over more labels than it walks. */
	dns_make(&f, 0, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.example.com", TYPE_A);
	s.bytes = f.len;
	o = run_one(b, &s);
	good = nothing(o) && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_A] == 1;
	s.tag[0] = 0x8100;
	o = run_one(b, &s);
	good &= nothing(o) && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_A] == 1;
	s.tag[0] = 0;
	s.options = 3;
	o = run_one(b, &s);
	good &= nothing(o) && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_A] == 1 &&
		o->traffic.bytes[ZW_DIRECTION_LOCAL][0] == f.len;
	s.options = 0;
	check(good, "counting: queries that take a closer look");
	/* A label of 64 octets, a header alone, half a question. */
	dns_make(&f, 0, "example.com", 1);
	f.b[12] = 64;
	s.bytes = f.len;
	o = run_one(b, &s);
	good = o->events == 0 && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_BROKEN] == 1;
	s.bytes = 12;
	o = run_one(b, &s);
	good &= o->events == 0 && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_BROKEN] == 1;
	s.bytes = 20;
	o = run_one(b, &s);
	good &= o->events == 0 && o->traffic.query[ZW_DIRECTION_LOCAL][0][ZW_QUERY_BROKEN] == 1;
	check(good, "counting: broken queries");
	/* A name that points into the header, where an octet 0 is: the root. Servers follow it. */
	dns_make(&f, 0, "", TYPE_IXFR);
	memcpy(f.b + 12, "\xc0\x04\0\xfb\0\1", 6);
	s.bytes = 18;
	check(one_event(run_one(b, &s), f.b, 18, 0), "message: a name that points into the header");
}

/* Several datagrams in one piece, as a sender with UDP_SEGMENT hands them down: the first one is a query. */
static void test_segments(struct bench *b)
{
	const struct outcome *o;
	struct frame all = {}, one;
	struct spec s = {.payload = all.b};

	dns_make(&one, 0, "example.com", TYPE_A);
	frame_bytes(&all, one.b, one.len);
	dns_make(&one, DNS_UPDATE, "example.com", 6);
	frame_bytes(&all, one.b, one.len);
	s.bytes = all.len;
	b->gso_size = (uint32_t)one.len;
	o = run_one(b, &s);
	b->gso_size = 0;
	check(one_event(o, all.b, all.len, 0) && o->event[0].packet.segment_bytes == one.len,
		"segments: an update behind a query is told of");
}

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

/* More than is copied of one connection in a second. */
static void test_bound(struct bench *b)
{
	static const char data[3000];
	struct stream t = open_stream(b, PORT_CONTROL);
	uint64_t lost = 0, came = 0;

	look(b);
	for (int i = 0; i < 2000; i++) {
		const struct outcome *o;

		put(&t, data, sizeof(data));
		o = look(b);
		came += o->events;
		lost += o->drop[ZW_DROP_NET_BOUND];
	}
	check(lost > 0 && came + lost == 2000,
		"bound: what is left out of a connection is counted");
}

int main(int argc, char **argv)
{
	const struct zw_net_port ports[] = {
		{53, ZW_PORT_DNS}, {PORT_CONTROL, ZW_PORT_CONTROL}, {PORT_TLS, ZW_PORT_TLS}};
	struct zw_probe_options options = {.ring_bytes = 1 << 20};
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_str_ struct zw_str error = {};
	static struct bench b;

	if (argc < 2) {
		fprintf(stderr, "usage: net DIRECTORY\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	options.scratch = argv[1];
	if (zw_probe_open(&options, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	if (zw_probe_net_ports(p, ports, ZW_ARRAY_SIZE(ports)) < 0)
		die("setting ports");
	b = (struct bench){.probe = p, .program = "zw_net_local"};
	look(&b);
	test_headers(&b);
	test_sides(&b);
	test_damage(&b);
	test_messages(&b);
	test_counting(&b);
	test_segments(&b);
	test_stream(&b);
	test_prefixes(&b);
	test_order(&b);
	test_midstream(&b);
	test_ends(&b);
	test_transfer(&b);
	test_other_ports(&b);
	test_bound(&b);
	look(&b);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
