/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers that the query lane compares: which ones are new, changed or none. Usage: queryanswer DIRECTORY */
#include "query_bench.h"

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

static void test_all(struct bench *b)
{
	static struct lane l;

	l.b = b;
	lane_look(&l);
	test_answers(&l);
	test_referrals(&l);
	zw_query_book_done(&l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
