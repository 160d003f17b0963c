/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the query lane does not tell of: more than the limits let through in a second, more than its ring and its tables
 * have room for. Nothing of it goes uncounted. Usage: querylimit DIRECTORY */
#include "base/clock.h"
#include "probe/net_internal.h"
#include "query_bench.h"

#define FLOOD 30000
#define ANSWERS 25 /* distinct ones, of which ... */
#define LIMIT 10   /* ... so many are told of in a second */

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
		set_limit(l, 1U << i, FLOOD);
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
	set_limit(l, ZW_QUERY_NEW_NAME, 10);
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
	test_answer_limits(&l);
	test_answer_no_room(&l);
	test_flood(&l);
	zw_query_book_done(&l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
