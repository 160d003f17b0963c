/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query lane by itself: every counter and every reason for an event, by frames made by hand. Usage: query DIRECTORY
 */
#include "base/clock.h"
#include "probe/net_internal.h"
#include "query_bench.h"

#define FLOOD 30000
#define ANSWERS 25 /* distinct ones, of which ... */
#define LIMIT 10   /* ... so many are told of in a second */
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

static void test_answers(struct lane *l)
{
	struct frame f, signed_one;
	struct spec s = {.payload = f.b, .sport = 53, .dport = 40000, .back = true};

	dns_answer(&f, 0, "answer.example.com", TYPE_A, 2);
	dns_rr(&f, TYPE_A, 60, "\300\0\2\1", 4);
	dns_rr(&f, TYPE_A, 60, "\300\0\2\2", 4);
	s.bytes = f.len;
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NEW) == 1 && l->events == 1 &&
			l->event[0].query.process.tgid == (uint32_t)getpid() &&
			l->event[0].query.captured == f.len,
		"answer: the first one is told of");
	dns_answer(&f, 0, "answer.example.com", TYPE_A, 2);
	dns_rr(&f, TYPE_A, 5, "\300\0\2\2", 4);
	dns_rr(&f, TYPE_A, 5, "\300\0\2\1", 4);
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1, "answer: neither order nor TTL count");
	signed_one = f;
	signed_one.b[7] = 3;
	dns_rr(&signed_one, 46, 5, "whatever was signed, and how", 28);
	s.payload = signed_one.b;
	s.bytes = signed_one.len;
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1, "answer: signatures do not count");
	s.payload = f.b;
	s.bytes = f.len;
	f.b[f.len - 1] = 9;
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_CHANGED) == 1 && l->events == 1,
		"answer: another is told of");
	dns_answer(&f, 3, "answer.example.com", TYPE_A, 0);
	s.bytes = f.len;
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_CHANGED) == 1 && told(l, ZW_QUERY_ANSWER_NONE) == 1,
		"answer: that there is none any more is told of");
	dns_answer(&f, 3, "none.example.com", TYPE_A, 0);
	s.bytes = f.len;
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NEW) == 1 && told(l, ZW_QUERY_ANSWER_NONE) == 1,
		"answer: none from the first");
	check(zw_query_forget_answers(l->b->probe) == 0, "answer: forgotten");
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NEW) == 1, "answer: told of once more");
	dns_answer(&f, 0, "part.example.com", TYPE_A, 2);
	dns_rr(&f, TYPE_A, 60, "\300\0\2\1", 4);
	s.bytes = f.len;
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_part == 1, "answer: fewer records than it claims");
	dns_answer(&f, 0, "long.example.com", TYPE_A, ZW_QUERY_RECORDS + 1);
	s.bytes = f.len;
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_long == 1, "answer: too many records");
}

/* @n records of the authority section. */
static void dns_authority(struct frame *f, struct spec *s, uint8_t n)
{
	f->b[9] = n;
	s->bytes = f->len;
}

/* What has no answers is told by the name servers it refers to, unless it denies. */
static void test_referrals(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b, .sport = 53, .dport = 40000, .back = true};

	dns_answer(&f, 0, "www.sub.example.com", TYPE_A, 0);
	dns_rr(&f, 2, 60, "\3ns1\300\20", 6);
	dns_rr(&f, 2, 60, "\3ns2\300\20", 6);
	dns_authority(&f, &s, 2);
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NEW) == 1 && told(l, ZW_QUERY_ANSWER_NONE) == 1,
		"referral: the first one is told of");
	dns_answer(&f, 0, "www.sub.example.com", TYPE_A, 0);
	dns_rr(&f, 2, 5, "\3ns2\300\20", 6);
	dns_rr(&f, 2, 5, "\3ns1\300\20", 6);
	dns_rr(&f, 46, 5, "whatever was signed, and how", 28);
	dns_authority(&f, &s, 3);
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1,
		"referral: neither order, TTL nor signatures count");
	f.b[f.len - 28 - 12 - 2 - 1] = '3';
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NEW) == 1 && l->events == 1,
		"referral: other name servers are told of");
	dns_answer(&f, 0, "sub.example.com", 28, 0);
	dns_rr(&f, 6, 60, "what a zone says of itself: 1", 29);
	dns_authority(&f, &s, 1);
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NONE) == 1, "referral: no data is told of");
	f.b[f.len - 1] = '2';
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1,
		"referral: what denies is the same whatever its serial");
	dns_rr(&f, 2, 60, "\3ns1\300\20", 6);
	dns_authority(&f, &s, 2);
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1, "referral: also beside name servers");
	/* Fewer than it claims: as far as they are there. */
	dns_answer(&f, 0, "cut.example.com", TYPE_A, 0);
	dns_rr(&f, 2, 60, "\3ns1\300\20", 6);
	dns_authority(&f, &s, 9);
	lane_run(l, &s);
	check(told(l, ZW_QUERY_ANSWER_NONE) == 1, "referral: cut short");
	lane_run(l, &s);
	check(l->events == 0 && l->totals.answer_known == 1, "referral: cut short as before");
}

static void give_answer(struct lane *l, uint16_t rcode, const char *prefix, int i, uint8_t last)
{
	const uint8_t addr[] = {192, 0, 2, last};
	struct frame f;
	struct spec s = {.payload = f.b, .sport = 53, .dport = 40000, .back = true};
	char text[40];

	snprintf(text, sizeof(text), "%s%d.example.com", prefix, i);
	dns_answer(&f, rcode, text, TYPE_A, rcode == 0);
	if (rcode == 0)
		dns_rr(&f, TYPE_A, 60, addr, sizeof(addr));
	s.bytes = f.len;
	run(l->b, &s);
}

/* The buckets are full again, as when another second begins. */
static void next_second(struct lane *l)
{
	struct zw_query_control *c = l->b->probe->net->lane.control;

	for (int i = 0; i < ZW_QUERY_WHYS; i++)
		c->bucket[i].window_ns = 0;
}

static void set_limit(struct lane *l, enum zw_query_why why, uint32_t limit)
{
	if (zw_query_limit(l->b->probe, why, limit) < 0)
		die("setting limits");
}

/* ANSWERS distinct ones are given in each of some seconds, with the last octet @last: each has to be told of once as @why,
 * LIMIT in a second, and the others counted in place @bit. A real second may end meanwhile; then there are more. */
static bool each_told_once(
	struct lane *l, const char *prefix, uint16_t rcode, uint8_t last, uint16_t why, int bit)
{
	const int seconds = (ANSWERS + LIMIT - 1) / LIMIT + 1;
	uint64_t began = zw_boottime_ns(), limited = 0;
	size_t times[ANSWERS] = {}, all = 0, most = 0;
	bool good = true;

	for (int i = 0; i < seconds; i++) {
		next_second(l);
		for (int k = 0; k < ANSWERS; k++)
			give_answer(l, rcode, prefix, k, last);
		lane_look(l);
		most = l->events > most ? l->events : most;
		limited += l->totals.limited[bit];
		good &= l->totals.limited[bit] + l->totals.answer_known + l->events == ANSWERS &&
			l->totals.told[bit] == l->events && l->bad == 0;
		for (size_t e = 0; e < l->events; e++) {
			char name[40] = "";
			int number;

			/* The first label: the prefix and a number. */
			memcpy(name, l->event[e].query.message + 13, l->event[e].query.message[12]);
			number = atoi(name + strlen(prefix));
			good &= (l->event[e].query.why & why) == why && number < ANSWERS;
			times[number % ANSWERS]++;
		}
		all += l->events;
	}
	for (int k = 0; k < ANSWERS; k++)
		good &= times[k] == 1;
	if (zw_boottime_ns() - began < ZW_NSEC_PER_SEC)
		good &= most == LIMIT && limited == (ANSWERS - LIMIT) + (ANSWERS - 2 * LIMIT);
	if (!good)
		printf("# %zu events, %zu at most in a second, %llu limited\n", all, most,
			(unsigned long long)limited);
	return good && all == ANSWERS;
}

static void test_answer_limits(struct lane *l)
{
	for (int i = 2; i < ZW_QUERY_WHYS; i++)
		set_limit(l, 1U << i, LIMIT);
	check(each_told_once(l, "new", 0, 1, ZW_QUERY_ANSWER_NEW, 2),
		"answer: over the limit, told of in a later second");
	check(each_told_once(l, "new", 0, 2, ZW_QUERY_ANSWER_CHANGED, 3),
		"answer: another one over the limit, told of in a later second");
	check(each_told_once(l, "none", 3, 0, ZW_QUERY_ANSWER_NEW | ZW_QUERY_ANSWER_NONE, 5),
		"answer: none over the limit, told of in a later second");
	check(each_told_once(l, "new", 3, 0, ZW_QUERY_ANSWER_CHANGED | ZW_QUERY_ANSWER_NONE, 3),
		"answer: that there is none any more, told of in a later second");
	next_second(l);
	give_answer(l, 0, "new", 0, 1);
	give_answer(l, 0, "new", 0, 2);
	lane_look(l);
	check(l->events == 0 && l->totals.answer_known == 2,
		"answer: earlier ones are known still");
}

static bool without_room(const struct lane *l)
{
	const struct zw_query_lane *lane = &l->b->probe->net->lane;
	uint64_t n = 0;

	for (uint32_t c = 0; c < lane->cpus; c++)
		n += lane->totals[c].ring_full[2];
	return n > 0;
}

/* Nobody takes the events until there is no room. */
static void test_answer_no_room(struct lane *l)
{
	int given = 0;

	for (int i = 2; i < ZW_QUERY_WHYS; i++)
		set_limit(l, 1U << i, FLOOD);
	next_second(l);
	while (given < FLOOD && !without_room(l))
		give_answer(l, 0, "fill", given++, 1);
	give_answer(l, 0, "late", 0, 1);
	lane_look(l);
	check(l->totals.ring_full[2] > 0 &&
			l->totals.told[2] + l->totals.ring_full[2] == (uint64_t)given + 1,
		"answer: no room to tell of it, counted");
	next_second(l);
	give_answer(l, 0, "late", 0, 1);
	lane_look(l);
	check(l->events == 1 && told(l, ZW_QUERY_ANSWER_NEW) == 1, "answer: told of later");
	give_answer(l, 0, "late", 0, 1);
	lane_look(l);
	check(l->events == 0 && l->totals.answer_known == 1, "answer: and then known");
}

static void on_outbound(
	void *ctx, const struct zw_outbound_key *key, const struct zw_outbound *value)
{
	if (key->port == 53 && value->queries == 2 && memcmp(key->addr, "\x7f\0\0\2", 4) == 0)
		*(int *)ctx += 1;
}

static void test_outbound(struct lane *l)
{
	struct frame f;
	struct spec s = {.payload = f.b};
	int found = 0;

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
	check(l->events == 0 && zw_query_outbound(l->b->probe, on_outbound, &found) == 0 &&
			found == 1,
		"outbound: remembered and counted");
	s = back(&s);
	l->b->program = "zw_net_in";
	dns_answer(&f, 0, "out.example.com", TYPE_A, 0);
	s.bytes = f.len;
	lane_run(l, &s);
	l->b->program = "zw_net_local";
	check(l->totals.response[ZW_QUERY_ASKED][0][0] == 1 && l->events == 0,
		"outbound: its answer");
}

/* More names than there is room for, all told of, without anybody who takes the events: then an update. */
static void test_flood(struct lane *l)
{
	struct zw_query_counts names = {}, zones = {};
	uint64_t told_of = 0;
	char text[64];
	struct frame f;
	struct spec s = {.payload = f.b};
	const struct outcome *o;

	for (int i = 0; i < ZW_QUERY_WHYS; i++)
		if (zw_query_limit(l->b->probe, 1U << i, FLOOD) < 0)
			die("setting limits");
	look(l->b);
	for (int i = 0; i < FLOOD; i++) {
		snprintf(text, sizeof(text), "n%d.flood%d.test", i, i % 5000);
		dns_make(&f, 0, text, TYPE_A);
		s.bytes = f.len;
		run(l->b, &s);
	}
	dns_make(&f, DNS_UPDATE, "example.com", 6);
	s.bytes = f.len;
	run(l->b, &s);
	o = look(l->b);
	check(o->events == 1 && o->drop[ZW_DROP_NET_RING_FULL] == 0 &&
			o->drop[ZW_DROP_QUERY_RING_FULL] > 0,
		"flood: an update goes through when the ring of queries is full");
	lane_look(l);
	ZW_VEC_FOREACH(n, &l->book.names)
		zw_query_counts_add(&names, &n->n);
	ZW_VEC_FOREACH(z, &l->book.zones)
		zw_query_counts_add(&zones, &z->n);
	zw_query_counts_add(&names, &l->book.other[ZW_QUERY_NAMES]);
	zw_query_counts_add(&zones, &l->book.other[ZW_QUERY_ZONES]);
	check(names.queries == FLOOD && zones.queries == FLOOD &&
			l->totals.query[ZW_QUERY_SERVED][0][0] == FLOOD &&
			l->book.evictions[ZW_QUERY_NAMES] > 0 &&
			l->book.evictions[ZW_QUERY_ZONES] > 0,
		"flood: rows and what had to leave add up to all");
	check(l->book.distinct_names > FLOOD * 8 / 10 && l->book.distinct_names < FLOOD * 12 / 10,
		"flood: the estimate of distinct names is near");
	told_of = l->totals.told[0] + l->totals.limited[0] + l->totals.ring_full[0];
	check(told_of > FLOOD * 9 / 10 && told_of <= FLOOD, "flood: each was told of, or counted");
	if (zw_query_limit(l->b->probe, ZW_QUERY_NEW_NAME, 10) < 0)
		die("setting limits");
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "m%d.flood.test", i);
		dns_make(&f, 0, text, TYPE_A);
		s.bytes = f.len;
		run(l->b, &s);
	}
	lane_look(l);
	/* What is within the limit, when another second begins meanwhile, finds the ring full still. Of the names one or the
	 * other is taken for one that was there: the filter holds so many. */
	told_of = l->totals.told[0] + l->totals.ring_full[0] + l->totals.limited[0];
	check(l->totals.limited[0] > 900 && told_of <= 1000 && told_of > 980,
		"flood: no more than so many in a second");
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
	test_answers(&l);
	test_referrals(&l);
	test_answer_limits(&l);
	test_answer_no_room(&l);
	test_outbound(&l);
	test_flood(&l);
	zw_query_book_done(&l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
