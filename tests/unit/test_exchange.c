/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and their answers: pairing, by whichever way and in whichever order they are seen. */
#include "unit/exchange_fixture.h"

static void test_update(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;
	struct zw_request *r;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	p.sender = (struct zw_request_process){.tgid = 10, .start_ns = 11};
	p.receiver = (struct zw_request_process){.tgid = 20, .start_ns = 21};
	feed(&t, &p);
	assert_int_equal(t.asked.len, 1);
	r = t.asked.items[0];
	assert_int_equal(r->kind, ZW_REQUEST_UPDATE);
	assert_int_equal(r->channel, ZW_CHANNEL_UPDATE);
	assert_int_equal(r->asked_ns, T0);
	assert_int_equal(r->rcode, ZW_REQUEST_UNANSWERED);
	assert_memory_equal(r->zone, "\7example", 9);
	assert_int_equal(r->klass, ZW_CLASS_IN);
	assert_int_equal(r->message->rrs, 1);
	assert_int_equal(r->size_bytes, w.len);
	assert_int_equal(r->client.port, 4000);
	assert_int_equal(r->server.port, 53);
	assert_int_equal(r->client_process.tgid, 10);
	assert_int_equal(r->server_process.tgid, 20);
	assert_int_equal(r->transport, ZW_TRANSPORT_UDP);
	assert_null(r->tsig_key);
	make_answer(&a, 7, ZW_RCODE_REFUSED);
	q = packet(&a, true);
	q.time_ns = T0 + 5;
	feed(&t, &q);
	assert_int_equal(t.answered.len, 1);
	assert_ptr_equal(t.answered.items[0], r);
	assert_int_equal(r->rcode, ZW_RCODE_REFUSED);
	assert_int_equal(r->answered_ns, T0 + 5);
	assert_int_equal(stats(&t)->requests, 1);
	zw_exchange_expire(t.exchange, T0 + ZW_REQUEST_WAIT_NS);
	assert_int_equal(zw_exchange_len(t.exchange), 0);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(stats(&t)->unanswered, 0);
}

static void test_extended_rcode(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	make_answer(&a, 7, 0);
	put_edns(&a, 0x01000000, NULL, 0);
	q = packet(&a, true);
	feed(&t, &q);
	assert_int_equal(t.answered.items[0]->rcode, 16);
}

/* What changes nothing is passed over. */
static void test_queries(void **state)
{
	static const unsigned int types[] = {ZW_TYPE_A, ZW_TYPE_SOA, ZW_TYPE_ANY, ZW_TYPE_TXT};
	_done_ struct test t;
	struct wire w;

	(void)state;
	open_exchange(&t);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(types); i++) {
		for (unsigned int answer = 0; answer < 2; answer++) {
			struct zw_packet p;

			begin(&w, 1, answer * FLAG_ANSWER);
			put_question(&w, "example", types[i], ZW_CLASS_IN);
			p = packet(&w, answer);
			feed(&t, &p);
		}
	}
	assert_int_equal(t.asked.len, 0);
	assert_int_equal(zw_exchange_len(t.exchange), 0);
	assert_int_equal(stats(&t)->messages, 8);
}

/* The same packet leaving and entering, in one namespace and another; each sight shows another end. */
static void test_seen_several_times(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	p.netns = 2;
	p.sender.tgid = 10;
	feed(&t, &p);
	p.sender.tgid = 0;
	p.receiver.tgid = 20;
	feed(&t, &p);
	assert_int_equal(t.asked.len, 1);
	assert_int_equal(t.again, 1);
	assert_int_equal(t.asked.items[0]->client_process.tgid, 10);
	assert_int_equal(t.asked.items[0]->server_process.tgid, 20);
	make_answer(&a, 7, 0);
	q = packet(&a, true);
	q.netns = 2;
	feed(&t, &q);
	q.netns = 1;
	feed(&t, &q);
	p.time_ns = T0 + 9; /* sent again after the answer, which was lost on the way */
	feed(&t, &p);
	feed(&t, &q);
	assert_int_equal(t.asked.len, 1);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(stats(&t)->again, 5);
}

/* Addresses of loopback are other hosts in each namespace. */
static void test_loopback(void **state)
{
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	for (int family = 0; family < 2; family++) {
		struct zw_endpoint one = {.family = AF_INET, .addr = {127, 0, 0, 1}};

		if (family == 1)
			one = (struct zw_endpoint){.family = AF_INET6, .addr = {[15] = 1}};
		p.source = p.destination = one;
		p.netns = 1;
		feed(&t, &p);
		feed(&t, &p);
		p.netns = 2;
		feed(&t, &p);
	}
	assert_int_equal(t.asked.len, 4);
	assert_int_equal(stats(&t)->again, 2);
}

/* Over TCP a request that comes again was asked again. */
static void test_tcp(void **state)
{
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	p.transport = ZW_TRANSPORT_TCP;
	feed(&t, &p);
	feed(&t, &p);
	p.netns = 2;
	feed(&t, &p);
	assert_int_equal(t.asked.len, 2);
	assert_int_equal(stats(&t)->again, 1);
	assert_int_equal(stats(&t)->unanswered, 1);
	p.transport = ZW_TRANSPORT_UDP; /* nor is it the same as over UDP */
	feed(&t, &p);
	assert_int_equal(t.asked.len, 3);
}

static void test_id_reuse(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	make_update(&w, 7, "b.example");
	p = packet(&w, false);
	feed(&t, &p);
	assert_int_equal(t.asked.len, 2);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(t.asked.items[0]->rcode, ZW_REQUEST_UNANSWERED);
	make_answer(&a, 7, 0);
	q = packet(&a, true);
	feed(&t, &q);
	assert_ptr_equal(t.answered.items[1], t.asked.items[1]);
	assert_int_equal(t.asked.items[1]->rcode, 0);
}

static void test_no_answer(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	zw_exchange_expire(t.exchange, T0 + ZW_REQUEST_WAIT_NS - 1);
	assert_int_equal(t.answered.len, 0);
	zw_exchange_expire(t.exchange, T0 + ZW_REQUEST_WAIT_NS);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(t.answered.items[0]->rcode, ZW_REQUEST_UNANSWERED);
	assert_true(t.answered.items[0]->answered_ns == 0);
	assert_int_equal(stats(&t)->unanswered, 1);
	make_answer(&a, 7, 0); /* too late */
	q = packet(&a, true);
	feed(&t, &q);
	zw_exchange_expire(t.exchange, UINT64_MAX);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(stats(&t)->orphans, 1);
}

static void test_answer_first(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	make_answer(&a, 7, ZW_RCODE_NOTAUTH);
	q = packet(&a, true);
	q.time_ns = T0 + 3;
	feed(&t, &q);
	feed(&t, &q);
	assert_int_equal(t.asked.len, 0);
	feed(&t, &p);
	assert_int_equal(t.asked.len, 1);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(t.asked.items[0]->rcode, ZW_RCODE_NOTAUTH);
	assert_int_equal(t.asked.items[0]->answered_ns, T0 + 3);
	assert_int_equal(stats(&t)->orphans, 0);
	/* Not one of long ago, nor one about something else. */
	make_update(&w, 8, "a.example");
	p = packet(&w, false);
	make_answer(&a, 8, 0);
	q = packet(&a, true);
	feed(&t, &q);
	p.time_ns = T0 + 3000000000ULL;
	feed(&t, &p);
	assert_int_equal(t.answered.len, 1);
	begin(&a, 9, FLAG_ANSWER | FLAGS_UPDATE);
	put_question(&a, "other", ZW_TYPE_SOA, ZW_CLASS_IN);
	q = packet(&a, true);
	feed(&t, &q);
	make_update(&w, 9, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(stats(&t)->orphans, 2);
}

/* An answer that is not to what was asked is none. */
static void test_wrong_answers(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	feed(&t, &p);
	begin(&a, 7, FLAG_ANSWER | FLAGS_UPDATE);
	put_question(&a, "other", ZW_TYPE_SOA, ZW_CLASS_IN);
	q = packet(&a, true);
	feed(&t, &q);
	make_answer(&a, 8, 0);
	q = packet(&a, true);
	feed(&t, &q);
	make_answer(&a, 7, 0);
	q = packet(&a, true);
	q.source.port = 54;
	feed(&t, &q);
	q = packet(&a, true);
	q.destination.addr[3]++;
	feed(&t, &q);
	assert_int_equal(t.answered.len, 0);
	begin(&a, 7, FLAG_ANSWER | FLAGS_UPDATE | ZW_RCODE_FORMERR); /* without a question */
	q = packet(&a, true);
	feed(&t, &q);
	assert_int_equal(t.answered.len, 1);
	assert_int_equal(t.answered.items[0]->rcode, ZW_RCODE_FORMERR);
}

static void test_malformed(void **state)
{
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	p = packet(&w, false);
	p.len = p.whole = 11;
	feed(&t, &p);
	p.len = p.whole = w.len - 1;
	feed(&t, &p);
	assert_int_equal(stats(&t)->malformed, 2);
	assert_int_equal(t.asked.len, 0);
	p.whole = w.len; /* cut on the way to us: what it asks for is not known */
	feed(&t, &p);
	assert_int_equal(t.asked.len, 1);
	assert_null(t.asked.items[0]->message);
	assert_memory_equal(t.asked.items[0]->zone, "\7example", 9);
	assert_int_equal(stats(&t)->cut, 1);
	put_u8(&w, 0); /* BIND takes it with something behind it */
	w.data[1] = 8;
	p = packet(&w, false);
	feed(&t, &p);
	assert_non_null(t.asked.items[1]->message);
}

static void test_bound(void **state)
{
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	for (unsigned int i = 0; i < ZW_EXCHANGES_MAX + 10; i++) {
		make_update(&w, i, "a.example");
		p = packet(&w, false);
		p.source.port = (uint16_t)(i % 5000);
		feed(&t, &p);
	}
	assert_int_equal(zw_exchange_len(t.exchange), ZW_EXCHANGES_MAX);
	assert_int_equal(stats(&t)->forgotten, 10);
	assert_int_equal(t.answered.len, 10);
	assert_ptr_equal(t.answered.items[9], t.asked.items[9]);
}

static void test_refused_by_caller(void **state)
{
	static const struct test_tsig sig = {.key = "k", .mac = "mac"};
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	t.result = -ENOMEM;
	make_update(&w, 7, "a.example");
	put_tsig(&w, &sig);
	p = packet(&w, false);
	assert_int_equal(zw_exchange_feed(t.exchange, &p), -ENOMEM);
	assert_int_equal(zw_exchange_len(t.exchange), 0);
	t.result = 0;
	feed(&t, &p);
	assert_int_equal(t.asked.len, 1);
	assert_null(t.asked.items[0]->forwarded_from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_extended_rcode),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_seen_several_times),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_id_reuse),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_answer_first),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_refused_by_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
