/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet programs by themselves: what they find behind which headers, which messages they copy, and what they count.
 *
 *	net DIRECTORY		for the files that prove the hooks of zone files
 */
#include "net_bench.h"

/* --- headers ------------------------------------------------------------------------------------------- */

static const struct header_case {
	const char *name;
	struct spec s;
} headers_found[] = {
	{"IPv4", {}},
	{"IPv4 with options", {.options = 10}},
	{"IPv4 in a VLAN", {.tag = {0x8100}}},
	{"IPv4 in two VLANs", {.tag = {0x88a8, 0x8100}}},
	{"IPv4 with bytes behind it", {.padding = 20}},
	{"IPv6", {.ip6 = true}},
	{"IPv6 in two VLANs", {.ip6 = true, .tag = {0x88a8, 0x8100}}},
	{"IPv6 with options", {.ip6 = true, .extension = {0xff, IPPROTO_DSTOPTS}}},
	{"IPv6 with routing", {.ip6 = true, .extension = {IPPROTO_ROUTING, IPPROTO_DSTOPTS}}},
	{"IPv6 with authentication", {.ip6 = true, .extension = {IPPROTO_AH}}},
	{"IPv6 with a fragment header that fragments nothing",
		{.ip6 = true, .extension = {IPPROTO_FRAGMENT}}},
	{"IPv6 with seven extension headers",
		{.ip6 = true, .extension = {0xff, 60, 60, 60, 60, 60, 60}}},
	{"from the served port", {.sport = 53, .dport = 40000}},
};

static const struct header_case headers_passed_over[] = {
	{"another port", {.dport = 54}},
	{"another protocol", {.proto = IPPROTO_SCTP}},
	{"a fragment that is not the first", {.fragment = 0x2001}},
	{"the last fragment", {.fragment = 0x0001}},
	{"an IPv6 fragment that is not the first",
		{.ip6 = true, .extension = {IPPROTO_FRAGMENT}, .fragment = 8 | 1}},
	{"another IPv6 protocol behind extensions",
		{.ip6 = true, .extension = {0xff}, .proto = IPPROTO_SCTP}},
};

static void test_headers(struct bench *b)
{
	struct frame update;

	dns_make(&update, DNS_UPDATE, "example.com", 6);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(headers_found); i++) {
		_zw_free_ char *name = zw_asprintf("headers: %s", headers_found[i].name);
		struct spec s = headers_found[i].s;
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
	for (size_t i = 0; i < ZW_ARRAY_SIZE(headers_passed_over); i++) {
		_zw_free_ char *name = zw_asprintf("passed over: %s", headers_passed_over[i].name);
		struct spec s = headers_passed_over[i].s;

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

static void test_all(struct bench *b)
{
	test_headers(b);
	test_sides(b);
	test_damage(b);
	test_messages(b);
	test_counting(b);
	test_segments(b);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
