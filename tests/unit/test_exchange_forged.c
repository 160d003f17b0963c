/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that cannot be what they say they are. */
#include "unit/exchange_fixture.h"

struct forged {
	struct test t;
	struct wire update, answer;
	struct zw_packet request, good, bad;
};

/* An update that came from elsewhere, its refusal, and what says that it was accepted. */
static void begin_forged(struct forged *f)
{
	open_exchange(&f->t);
	make_update(&f->update, 7, "a.example");
	f->request = packet(&f->update, false);
	f->request.passage = ZW_PASSAGE_IN;
	f->request.receiver = (struct zw_request_process){.tgid = 20, .exe_dev = 1, .exe_ino = 2};
	make_answer(&f->answer, 7, ZW_RCODE_NOERROR);
	f->bad = packet(&f->answer, true);
	f->bad.passage = ZW_PASSAGE_IN;
	f->good = f->bad;
	f->good.passage = ZW_PASSAGE_OUT;
	f->good.sender = f->request.receiver;
}
#define _forged_ _zw_cleanup_(end_forged)

static void end_forged(struct forged *f)
{
	done(&f->t);
}

/* The answer of a server of this host does not come from where the request came from. */
static void test_answer_from_outside(void **state)
{
	_forged_ struct forged f;

	(void)state;
	begin_forged(&f);
	feed(&f.t, &f.request);
	feed(&f.t, &f.bad);
	assert_int_equal(f.t.answered.len, 0);
	assert_int_equal(stats(&f.t)->forged, 1);
	feed(&f.t, &f.good);
	assert_int_equal(f.t.answered.len, 1);
	/* Nor does one more. */
	feed(&f.t, &f.bad);
	assert_int_equal(stats(&f.t)->forged, 2);
	assert_int_equal(stats(&f.t)->again, 0);
}

/* Nor does it when it is there before the request. */
static void test_answer_in_advance(void **state)
{
	_forged_ struct forged f;

	(void)state;
	begin_forged(&f);
	feed(&f.t, &f.bad);
	feed(&f.t, &f.request);
	assert_int_equal(f.t.asked.len, 1);
	assert_int_equal(f.t.answered.len, 0);
	assert_int_equal(stats(&f.t)->forged, 1);
	feed(&f.t, &f.good);
	assert_int_equal(f.t.answered.len, 1);
}

/* A process here that is not who was asked; another one of the same program may be. */
static void test_answer_of_another(void **state)
{
	_forged_ struct forged f;

	(void)state;
	begin_forged(&f);
	feed(&f.t, &f.request);
	f.good.sender = (struct zw_request_process){.tgid = 30, .exe_dev = 1, .exe_ino = 3};
	feed(&f.t, &f.good);
	assert_int_equal(f.t.answered.len, 0);
	assert_int_equal(stats(&f.t)->forged, 1);
	f.good.sender.exe_ino = 2;
	feed(&f.t, &f.good);
	assert_int_equal(f.t.answered.len, 1);
}

/* What was asked of a server elsewhere is answered from there: in each namespace that the request left. */
static void test_answer_of_elsewhere(void **state)
{
	_forged_ struct forged f;

	(void)state;
	begin_forged(&f);
	f.request.passage = ZW_PASSAGE_OUT;
	feed(&f.t, &f.request);
	f.request.passage = ZW_PASSAGE_IN;
	f.request.netns = 2;
	feed(&f.t, &f.request);
	f.request.passage = ZW_PASSAGE_OUT;
	f.request.netns = 3;
	feed(&f.t, &f.request);
	f.bad.netns = 2;
	feed(&f.t, &f.bad);
	assert_int_equal(f.t.answered.len, 0);
	f.bad.netns = 3;
	feed(&f.t, &f.bad);
	assert_int_equal(f.t.answered.len, 1);
	assert_int_equal(stats(&f.t)->forged, 1);
}

/* Addresses of this host from outside. */
static void test_own_address(void **state)
{
	const struct zw_endpoint loopback = {.family = AF_INET, .addr = {127, 0, 0, 1}, .port = 9};
	_forged_ struct forged f;

	(void)state;
	begin_forged(&f);
	f.request.source = loopback;
	feed(&f.t, &f.request);
	f.request.source = f.request.destination;
	f.request.source.port = 9;
	feed(&f.t, &f.request);
	assert_int_equal(f.t.asked.len, 0);
	assert_int_equal(stats(&f.t)->forged, 2);
	f.request.passage = ZW_PASSAGE_OUT;
	feed(&f.t, &f.request);
	assert_int_equal(f.t.asked.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_from_outside),
		cmocka_unit_test(test_answer_in_advance),
		cmocka_unit_test(test_answer_of_another),
		cmocka_unit_test(test_answer_of_elsewhere),
		cmocka_unit_test(test_own_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
