/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query lane by itself: every counter, and who asked for what, by frames made by hand. Usage: query DIRECTORY
 */
#include "query_bench.h"

#define WAITING (3 * ZW_PENDING_NEAR * ZW_PENDING_WAYS)

/* What goes the other way of @s. */
static struct spec back(const struct spec *s)
{
	struct spec r = *s;

	r.sport = s->dport ? s->dport : 53;
	r.dport = s->sport ? s->sport : 40000;
	r.back = !s->back;
	return r;
}

static bool one_message(const struct zw_query_counts *n, uint64_t queries, uint64_t responses)
{
	return n->queries == queries && n->responses == responses;
}

static void test_query(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b};
	const struct zw_query_name *n;
	const struct zw_query_zone *z;

	dns_make(&f, DNS_RD, "WWW.Example.com", TYPE_A);
	s.bytes = f.len;
	lane_run(l, &s);
	check(l->totals.query[ZW_QUERY_SERVED][0][0] == 1 &&
			l->totals.query_bytes[ZW_QUERY_SERVED] == f.len &&
			l->totals.type[ZW_QUERY_SERVED][ZW_QUERY_A] == 1 &&
			l->totals.query_size[ZW_QUERY_SERVED][1] == 1 && l->totals.recursion == 1 &&
			l->totals.edns == 0 && l->totals.nameless == 0,
		"query: totals");
	check(l->book.sources.len == 1 && one_message(&l->book.sources.items[0].n, 1, 0) &&
			l->book.sources.items[0].types == 1 << ZW_QUERY_A &&
			memcmp(l->book.sources.items[0].addr, "\x7f\0\0\1\0\0\0", 7) == 0 &&
			l->book.distinct_sources == 1,
		"query: its source");
	check(l->book.servers.len == 1 && l->book.servers.items[0].port == 53 &&
			one_message(&l->book.servers.items[0].n, 1, 0) &&
			memcmp(l->book.servers.items[0].addr, "\x7f\0\0\2\0\0\0", 7) == 0,
		"query: its server");
	n = find_name(l, "www.example.com");
	check(n && one_message(&n->n, 1, 0) && n->labels == 3 && n->longest == 7 &&
			n->n.query_bytes == f.len && n->types == 1 << ZW_QUERY_A &&
			memcmp(n->name, "\3www\7example\3com", 17) == 0,
		"query: its name, in lower case");
	z = find_zone(l, "example.com");
	check(z && n && n->zone == z->hash && !z->served && one_message(&z->n, 1, 0) &&
			z->inserted == 1 && z->longest == 7 && zw_query_zone_distinct(z) == 1,
		"query: its last two labels for a zone");
	check(told(l, ZW_QUERY_NEW_NAME) == 1 && told(l, ZW_QUERY_NEW_SOURCE) == 1 &&
			l->events == 1 && l->bad == 0 && l->event[0].query.captured == f.len && n &&
			l->event[0].query.name == n->hash &&
			memcmp(l->event[0].query.message, f.b, f.len) == 0,
		"query: told of as new, whole");
	lane_run(l, &s);
	check(l->events == 0 && l->totals.repeated[ZW_QUERY_SERVED] == 1,
		"query: not told of again, and repeated");
}

static void test_zones(struct lane *l)
{
	static const char *const zones[] = {"example.com", "sub.example.com", ""};
	struct zw_probe *p = l->b->probe;
	const struct zw_query_name *n;
	struct frame f;
	struct spec s = {.payload = f.b};
	uint8_t wire[256];
	bool good = true;

	for (int i = 0; i < 2; i++)
		good &= zw_query_serve(p, wire, wire_name(wire, zones[i])) == 0;
	dns_make(&f, 0, "a.b.sub.Example.com", TYPE_A);
	s.bytes = f.len;
	lane_run(l, &s);
	n = find_name(l, "a.b.sub.example.com");
	good &= n && find_zone(l, zones[1]) && find_zone(l, zones[1])->served &&
		n->zone == find_zone(l, zones[1])->hash;
	check(good, "zone: the closest one");
	dns_make(&f, 0, "sub.example.com", TYPE_A);
	s.bytes = f.len;
	lane_run(l, &s);
	check(find_zone(l, zones[1]) && !find_zone(l, zones[0]), "zone: the name itself");
	good = zw_query_serve(p, wire, wire_name(wire, zones[1])) == 0 &&
	       zw_query_unserve(p, wire, wire_name(wire, zones[1])) == 0;
	lane_run(l, &s);
	good &= find_zone(l, zones[1]) && find_zone(l, zones[1])->served;
	good &= zw_query_unserve(p, wire, wire_name(wire, zones[1])) == 0;
	lane_run(l, &s);
	check(good && find_zone(l, zones[0]) && !find_zone(l, zones[1]),
		"zone: no longer served, once for each view");
	good = zw_query_serve(p, wire, wire_name(wire, "")) == 0;
	dns_make(&f, 0, "elsewhere.test", TYPE_A);
	s.bytes = f.len;
	lane_run(l, &s);
	good &= find_zone(l, "") && find_zone(l, "")->served;
	check(good && zw_query_unserve(p, wire, wire_name(wire, "")) == 0, "zone: the root");
	check(zw_query_serve(p, (const uint8_t *)"\3abc", 4) == -EINVAL &&
			zw_query_serve(p, (const uint8_t *)"", 0) == -EINVAL &&
			zw_query_unserve(p, wire, wire_name(wire, "not.there")) == -ENOENT,
		"zone: what is no name is refused");
}

static void test_responses(struct lane *l)
{
	struct frame f;
	struct spec q = {.payload = f.b, .sport = 41000}, s = back(&q);
	const struct zw_query_name *n;
	bool good = true;
	uint64_t times = 0;

	for (uint16_t rcode = 0; rcode < 16; rcode++) {
		dns_make(&f, 0, "rcode.example.com", TYPE_A);
		q.bytes = s.bytes = f.len;
		run(l->b, &q);
		dns_answer(&f, rcode | DNS_AA, "rcode.example.com", TYPE_A, 0);
		lane_run(l, &s);
		n = find_name(l, "rcode.example.com");
		good &= l->totals.rcode[ZW_QUERY_SERVED][rcode] == 1 &&
			l->totals.response[ZW_QUERY_SERVED][0][0] == 1 &&
			l->totals.answered[ZW_QUERY_SERVED] == 1 && l->totals.authoritative == 1 &&
			n && one_message(&n->n, 1, 1) && n->n.nxdomain == (rcode == 3) &&
			n->n.servfail == (rcode == 2) && n->n.refused == (rcode == 5) &&
			n->n.response_bytes == f.len;
	}
	check(good, "response: by rcode, and answered");
	lane_run(l, &s);
	check(l->totals.unasked[ZW_QUERY_SERVED] == 1 && l->totals.answered[ZW_QUERY_SERVED] == 0,
		"response: nobody asked");
	for (uint16_t i = 0; i < 2000; i++) {
		q.sport = s.dport = (uint16_t)(20000 + i);
		dns_make(&f, 0, "rcode.example.com", TYPE_A);
		run(l->b, &q);
		dns_answer(&f, 0, "rcode.example.com", TYPE_A, 0);
		run(l->b, &s);
	}
	lane_look(l);
	for (int i = 0; i < ZW_QUERY_TIMES; i++)
		times += l->totals.time[ZW_QUERY_SERVED][i];
	check(l->totals.answered[ZW_QUERY_SERVED] == 2000 && times > 2000 / ZW_QUERY_TIMED / 2 &&
			times < 2000 / ZW_QUERY_TIMED * 2,
		"response: one in so many is timed");
	dns_answer(&f, DNS_TC, "rcode.example.com", TYPE_A, 0);
	lane_run(l, &s);
	check(l->totals.truncated == 1 && l->events == 0, "response: truncated, not compared");
}

/* More queries than there is room for in the near sets wait at once; then all are answered. */
static void test_waiting(struct lane *l)
{
	const __u64 *t[] = {
		l->totals.answered, l->totals.unanswered, l->totals.repeated, l->totals.displaced};
	struct frame f;
	struct spec q = {.payload = f.b}, s;
	uint64_t sum = 0;

	dns_make(&f, 0, "waits.example.com", TYPE_A);
	q.bytes = f.len;
	for (uint16_t i = 0; i < WAITING; i++) {
		q.sport = (uint16_t)(20000 + i);
		run(l->b, &q);
	}
	dns_answer(&f, 0, "waits.example.com", TYPE_A, 0);
	for (uint16_t i = 0; i < WAITING; i++) {
		q.sport = (uint16_t)(20000 + i);
		s = back(&q);
		run(l->b, &s);
	}
	lane_look(l);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(t); i++)
		sum += t[i][ZW_QUERY_SERVED];
	check(sum == WAITING && l->totals.answered[ZW_QUERY_SERVED] > WAITING * 99 / 100 &&
			l->totals.answered[ZW_QUERY_SERVED] + l->totals.unasked[ZW_QUERY_SERVED] ==
				WAITING,
		"waiting: more than have room in the near sets");
}

static void test_edns(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b};

	dns_make(&f, 0, "edns.example.com", TYPE_A);
	f.b[11] = 1;
	frame_bytes(&f, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
	s.bytes = f.len;
	lane_run(l, &s);
	check(l->totals.edns == 1 && l->totals.dnssec_ok == 1, "edns: asks for signatures");
	f.b[f.len - 4] = 0;
	lane_run(l, &s);
	check(l->totals.edns == 1 && l->totals.dnssec_ok == 0, "edns: does not");
	s.bytes = f.len - 1;
	lane_run(l, &s);
	check(l->totals.edns == 0 && l->totals.query[ZW_QUERY_SERVED][0][0] == 1,
		"edns: cut short");
}

/* A name of @labels labels of one octet. */
static void many_labels(struct frame *f, int labels)
{
	char text[2 * 127 + 1] = "";

	for (int i = 0; i < labels; i++)
		memcpy(text + 2 * i, i + 1 < labels ? "x." : "x", i + 1 < labels ? 3 : 2);
	dns_make(f, 0, text, TYPE_A);
}

static bool nameless(struct lane *l, const struct spec *s)
{
	lane_run(l, s);
	return l->totals.nameless == 1 && l->book.names.len == 0 &&
	       l->totals.query[ZW_QUERY_SERVED][0][0] == 1;
}

static void test_hostile(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b};

	dns_make(&f, 0, "", TYPE_A);
	memcpy(f.b + 12, "\xc0\x0c\0\1\0\1", 6);
	s.bytes = 18;
	check(nameless(l, &s), "hostile: a question that points at itself");
	many_labels(&f, 127);
	s.bytes = f.len;
	lane_run(l, &s);
	check(l->book.names.len == 1 && l->book.names.items[0].labels == 127 &&
			l->book.names.items[0].len == 255 && l->totals.nameless == 0,
		"hostile: 127 labels");
	f.b[12] = 62;
	check(nameless(l, &s), "hostile: a label that ends amid another");
	dns_make(&f, 0, "example.com", TYPE_A);
	s.bytes = f.len;
	f.b[12] = 64;
	check(nameless(l, &s), "hostile: a label of 64");
	f.b[12] = 7;
	f.b[5] = 2;
	check(nameless(l, &s), "hostile: two questions");
	f.b[5] = 0;
	check(nameless(l, &s), "hostile: none");
	f.b[5] = 1;
	s.bytes = f.len - 2;
	check(nameless(l, &s), "hostile: half a class");
	s.bytes = 12;
	check(nameless(l, &s), "hostile: a header alone");
	s.bytes = 11;
	lane_run(l, &s);
	check(l->totals.headless == 1 && l->totals.query[ZW_QUERY_SERVED][0][0] == 0,
		"hostile: half a header");
}

/* Two queries in one segment, then one whose length comes a segment before. */
static void test_tcp(struct lane *l)
{
	struct frame f = {};
	struct spec s = {.payload = f.b, .proto = IPPROTO_TCP, .sport = 42000, .ip6 = true};
	const struct zw_query_name *n;
	bool good;

	s.tcp_flags = SYN;
	run(l->b, &s);
	s.tcp_flags = ACK;
	s.seq = 1;
	dns_stream(&f, 0, "one.example.com", TYPE_A, 0);
	dns_stream(&f, 0, "two.example.com", 28, 0);
	s.bytes = f.len;
	lane_run(l, &s);
	n = find_name(l, "one.example.com");
	good = l->totals.query[ZW_QUERY_SERVED][1][1] == 2 && n && n->n.tcp == 1 &&
	       find_name(l, "two.example.com");
	check(good, "tcp: two in a segment");
	s.seq += (uint32_t)f.len;
	f.len = 0;
	dns_stream(&f, 0, "three.example.com", TYPE_A, 0);
	s.bytes = 2;
	run(l->b, &s);
	s.seq += 2;
	s.payload = f.b + 2;
	s.bytes = f.len - 2;
	lane_run(l, &s);
	check(l->totals.query[ZW_QUERY_SERVED][1][1] == 1 && find_name(l, "three.example.com"),
		"tcp: the length in a segment of its own");
	s.seq += 5000;
	lane_run(l, &s);
	check(l->totals.query[ZW_QUERY_SERVED][1][1] == 0 && l->totals.untracked == 1,
		"tcp: behind a gap, counted as not followed");
}

/* A map of this name that this process holds. */
static int find_map(const char *name)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct bpf_map_info info = {};
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && strcmp(info.name, name) == 0)
			return fd;
	}
	return -1;
}

/* How often the server of the test was asked, as the map of those says: once it is there. */
static uint64_t asked_far(void)
{
	struct zw_outbound_key key;
	struct zw_outbound value;
	int map = find_map("zw_outbound");
	uint64_t queries = 0;

	for (int r = bpf_map_get_next_key(map, NULL, &key); r == 0;
		r = bpf_map_get_next_key(map, &key, &key))
		if (key.port == 53 && memcmp(key.addr, "\x7f\0\0\2", 4) == 0 &&
			bpf_map_lookup_elem(map, &key, &value) == 0)
			queries += value.queries;
	return queries;
}

static void test_outbound(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b};

	dns_make(&f, DNS_RD, "out.example.com", TYPE_A);
	s.bytes = f.len;
	l->b->program = "zw_net_out";
	lane_run(l, &s);
	check(l->totals.query[ZW_QUERY_ASKED][0][0] == 1 &&
			l->totals.query[ZW_QUERY_SERVED][0][0] == 0 && l->book.names.len == 0,
		"outbound: not counted as served");
	check(told(l, ZW_QUERY_OUTBOUND_NEW) == 1 && l->totals.outbound_new == 1,
		"outbound: told of");
	lane_run(l, &s);
	check(l->events == 0 && asked_far() == 2, "outbound: remembered and counted");
	s = back(&s);
	l->b->program = "zw_net_in";
	dns_answer(&f, 0, "out.example.com", TYPE_A, 0);
	s.bytes = f.len;
	lane_run(l, &s);
	l->b->program = "zw_net_local";
	check(l->totals.response[ZW_QUERY_ASKED][0][0] == 1 && l->events == 0,
		"outbound: its answer");
}

static void test_all(struct bench *b)
{
	static struct lane l;

	l.b = b;
	lane_look(&l);
	test_query(&l);
	test_zones(&l);
	test_responses(&l);
	test_waiting(&l);
	test_edns(&l);
	test_hostile(&l);
	test_tcp(&l);
	test_outbound(&l);
	zw_query_book_done(&l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
