/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of each kind of request: signed and forwarded updates, NOTIFY, transfers, TKEY. */
#include "unit/exchange_fixture.h"

static void test_tsig_and_forwarding(void **state)
{
	static const struct test_tsig sig = {
		.key = "Ddns.Key", .time_signed = 1234, .mac = "mac", .original_id = 7};
	static const struct test_tsig other = {
		.key = "Ddns.Key", .time_signed = 1235, .mac = "mac", .original_id = 7};
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	make_update(&w, 7, "a.example");
	put_tsig(&w, &sig);
	p = packet(&w, false);
	feed(&t, &p);
	assert_string_equal(t.asked.items[0]->tsig_key, "ddns.key");
	assert_int_equal(t.asked.items[0]->tsig_mac_len, 3);
	assert_memory_equal(t.asked.items[0]->tsig_mac, "mac", 3);
	make_update(&w, 99, "a.example"); /* from the secondary to the primary */
	put_tsig(&w, &sig);
	p = packet(&w, false);
	p.time_ns++;
	p.source = v4(2, 5000);
	p.destination = v4(3, 53);
	feed(&t, &p);
	assert_ptr_equal(t.asked.items[1]->forwarded_from, t.asked.items[0]);
	assert_null(t.asked.items[0]->forwarded_from);
	p.source = v4(3, 5001); /* and further */
	p.destination = v4(4, 53);
	feed(&t, &p);
	assert_ptr_equal(zw_request_first(t.asked.items[2]), t.asked.items[0]);
	make_update(&w, 98, "a.example"); /* another of the same key */
	put_tsig(&w, &other);
	p = packet(&w, false);
	feed(&t, &p);
	assert_null(t.asked.items[3]->forwarded_from);
}

/* The forwarded one may be read first; and a client that asks again with another id is no forwarder. */
static void test_forwarding_seen_backwards(void **state)
{
	static const struct test_tsig sig = {.key = "k", .time_signed = 1234, .mac = "mac"};
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	make_update(&w, 99, "a.example");
	put_tsig(&w, &sig);
	p = packet(&w, false);
	p.source = v4(2, 5000);
	p.destination = v4(3, 53);
	feed(&t, &p);
	make_update(&w, 7, "a.example");
	put_tsig(&w, &sig);
	p = packet(&w, false);
	feed(&t, &p);
	assert_ptr_equal(t.asked.items[0]->forwarded_from, t.asked.items[1]);
	assert_null(t.asked.items[1]->forwarded_from);
	make_update(&w, 8, "a.example");
	put_tsig(&w, &sig);
	p = packet(&w, false);
	feed(&t, &p);
	assert_null(t.asked.items[2]->forwarded_from);
	assert_null(t.asked.items[1]->forwarded_from);
}

#define SECONDARY ((struct zw_request_process){.tgid = 700, .start_ns = 7})
#define PRIMARY ((struct zw_request_process){.tgid = 800, .start_ns = 8})

/* From a client to the secondary, and from there to the primary. */
static struct zw_packet to_secondary(struct wire *w, unsigned int id, uint32_t client)
{
	struct zw_packet p;

	make_update(w, id, "a.example");
	p = packet(w, false);
	p.source.port = (uint16_t)(4000 + client);
	p.sender = (struct zw_request_process){.tgid = client, .start_ns = 1};
	p.receiver = SECONDARY;
	return p;
}

static struct zw_packet to_primary(struct wire *w, unsigned int id)
{
	struct zw_packet p;

	make_update(w, id, "a.example");
	p = packet(w, false);
	p.time_ns++;
	p.source = v4(2, 5000);
	p.destination = v4(3, 53);
	p.sender = SECONDARY;
	p.receiver = PRIMARY;
	return p;
}

static void test_forwarding_unsigned(void **state)
{
	struct wire w, v;
	struct zw_packet in = to_secondary(&w, 7, 900), out = to_primary(&v, 99);

	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		_done_ struct test t;

		open_exchange(&t);
		feed(&t, backwards ? &out : &in);
		feed(&t, backwards ? &in : &out);
		assert_ptr_equal(
			t.asked.items[!backwards]->forwarded_from, t.asked.items[backwards]);
		assert_null(t.asked.items[backwards]->forwarded_from);
	}
}

/* Who passes it on is known by its process; it may be known late. */
static void test_forwarding_unsigned_by_whom(void **state)
{
	struct wire w, v;
	struct zw_packet in = to_secondary(&w, 7, 900), out = to_primary(&v, 99);
	_done_ struct test t;

	(void)state;
	open_exchange(&t);
	feed(&t, &in);
	out.sender = (struct zw_request_process){};
	feed(&t, &out);
	assert_null(t.asked.items[1]->forwarded_from);
	out.sender = SECONDARY;
	feed(&t, &out);
	assert_ptr_equal(t.asked.items[1]->forwarded_from, t.asked.items[0]);
	out = to_primary(&v, 100);
	out.source.port++;
	out.sender.start_ns++;
	feed(&t, &out);
	assert_null(t.asked.items[2]->forwarded_from);
}

/* Two clients ask for the same: whose it passed on first is not known. */
static void test_forwarding_unsigned_of_two(void **state)
{
	struct wire w, v;
	struct zw_packet in = to_secondary(&w, 7, 900), out = to_primary(&v, 99);
	_done_ struct test t;

	(void)state;
	open_exchange(&t);
	feed(&t, &in);
	in = to_secondary(&w, 8, 901);
	feed(&t, &in);
	feed(&t, &out);
	assert_null(t.asked.items[2]->forwarded_from);
	/* When the first was answered before the second, it is. */
	zw_exchange_expire(t.exchange, T0 + 3 * ZW_REQUEST_WAIT_NS);
	in = to_secondary(&w, 7, 900);
	feed(&t, &in);
	make_answer(&v, 7, 0);
	out = packet(&v, true);
	out.destination.port = in.source.port;
	feed(&t, &out);
	in = to_secondary(&w, 8, 901);
	in.time_ns += 2;
	feed(&t, &in);
	out = to_primary(&v, 100);
	out.time_ns += 3;
	feed(&t, &out);
	assert_ptr_equal(t.asked.items[5]->forwarded_from, t.asked.items[4]);
	assert_int_equal(t.asked.items[4]->client_process.tgid, 901);
}

static size_t soa(uint8_t *out, uint32_t serial)
{
	memcpy(out, "\2ns\300\14\1h\300\14", 9);
	memset(out + 9, 0, 20);
	for (int i = 0; i < 4; i++)
		out[9 + i] = (uint8_t)(serial >> (24 - 8 * i));
	return 29;
}

static void put_soa(struct wire *w, enum zw_section section, uint32_t serial)
{
	uint8_t rdata[64];
	size_t len = soa(rdata, serial);

	put(w, "\300\14", 2);
	put_rr_tail(w, section, ZW_TYPE_SOA, ZW_CLASS_IN, 1, rdata, len);
}

static void test_notify(void **state)
{
	struct wire w, a;
	_done_ struct test t;
	struct zw_packet p, q;

	(void)state;
	open_exchange(&t);
	begin(&w, 3, FLAGS_NOTIFY);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_soa(&w, ZW_SECTION_ANSWER, 42);
	p = packet(&w, false);
	feed(&t, &p);
	begin(&a, 3, FLAG_ANSWER | FLAGS_NOTIFY);
	put_question(&a, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	q = packet(&a, true);
	feed(&t, &q);
	assert_int_equal(t.answered.items[0]->kind, ZW_REQUEST_NOTIFY);
	assert_int_equal(t.answered.items[0]->channel, ZW_CHANNEL_TRANSFER);
	assert_true(t.answered.items[0]->has_serial_after);
	assert_int_equal(t.answered.items[0]->serial_after, 42);
	assert_int_equal(t.answered.items[0]->rcode, 0);
}

static void test_transfer(void **state)
{
	static const struct {
		unsigned int type;
		uint32_t has, first, second; /* serials; 0: no SOA there */
		bool cut, incremental;
	} cases[] = {
		{ZW_TYPE_AXFR, 0, 9, 0, false, false},
		{ZW_TYPE_IXFR, 5, 9, 5, false, true},
		{ZW_TYPE_IXFR, 5, 9, 0, false, false},
		{ZW_TYPE_IXFR, 5, 9, 0, true, false},
		{ZW_TYPE_IXFR, 5, 9, 5, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct wire w, a;
		_done_ struct test t;
		struct zw_packet p, q;
		struct zw_request *r;

		open_exchange(&t);
		begin(&w, 3, 0);
		put_question(&w, "example", cases[i].type, ZW_CLASS_IN);
		if (cases[i].has)
			put_soa(&w, ZW_SECTION_AUTHORITY, cases[i].has);
		p = packet(&w, false);
		p.transport = ZW_TRANSPORT_TCP;
		feed(&t, &p);
		r = t.asked.items[0];
		assert_int_equal(r->kind, ZW_REQUEST_TRANSFER);
		assert_int_equal(r->has_serial_before, cases[i].has != 0);
		assert_int_equal(r->serial_before, cases[i].has);
		begin(&a, 3, FLAG_ANSWER);
		put_question(&a, "example", cases[i].type, ZW_CLASS_IN);
		put_soa(&a, ZW_SECTION_ANSWER, cases[i].first);
		if (cases[i].second)
			put_soa(&a, ZW_SECTION_ANSWER, cases[i].second);
		put_rr(&a, ZW_SECTION_ANSWER, "a.example", ZW_TYPE_A, ZW_CLASS_IN, 1, "\1\2\3\4",
			4);
		q = packet(&a, true);
		q.transport = ZW_TRANSPORT_TCP;
		q.time_ns = T0 + 1;
		if (cases[i].cut)
			q.len -= 3;
		feed(&t, &q);
		assert_int_equal(t.answered.len, 1);
		assert_int_equal(r->rcode, 0);
		assert_true(r->has_serial_after);
		assert_int_equal(r->serial_after, 9);
		assert_int_equal(r->incremental, cases[i].incremental);
		begin(&a, 3,
			FLAG_ANSWER); /* more of it, without a question (RFC 5936 section 2.2.1) */
		put_rr(&a, ZW_SECTION_ANSWER, "b.example", ZW_TYPE_A, ZW_CLASS_IN, 1, "\1\2\3\4",
			4);
		q = packet(&a, true);
		q.transport = ZW_TRANSPORT_TCP;
		q.time_ns = T0 + 77;
		feed(&t, &q);
		assert_int_equal(r->answered_ns, T0 + 77);
		assert_int_equal(t.answered.len, 1);
	}
}

static void test_tkey(void **state)
{
	struct wire w;
	_done_ struct test t;
	struct zw_packet p;

	(void)state;
	open_exchange(&t);
	begin(&w, 3, 0);
	put_question(&w, "123.key", ZW_TYPE_TKEY, ZW_CLASS_ANY);
	p = packet(&w, false);
	feed(&t, &p);
	assert_int_equal(t.asked.items[0]->kind, ZW_REQUEST_TKEY);
	assert_null(t.asked.items[0]->zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tsig_and_forwarding),
		cmocka_unit_test(test_forwarding_seen_backwards),
		cmocka_unit_test(test_forwarding_unsigned),
		cmocka_unit_test(test_forwarding_unsigned_by_whom),
		cmocka_unit_test(test_forwarding_unsigned_of_two),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_tkey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
