/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/request_fixture.h"

#include <errno.h>

static const struct client remote = {.address = "198.51.100.9", .key = "Ddns-Key."};

static void test_names(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < _ZW_REQUEST_KIND_MAX; v++)
		assert_string_not_equal(zw_request_kind_to_string(v), "unknown");
	for (unsigned int v = 0; v < _ZW_TRANSPORT_MAX; v++)
		assert_string_not_equal(zw_transport_to_string(v), "unknown");
	assert_string_equal(zw_request_kind_to_string(ZW_REQUEST_UPDATE), "update");
	assert_string_equal(zw_request_kind_to_string(_ZW_REQUEST_KIND_MAX), "unknown");
	assert_string_equal(zw_transport_to_string(-1), "unknown");
}

static void test_new_request(void **state)
{
	_zw_request_ struct zw_request *r = make_update("add www 60 A 192.0.2.1", remote, 5, 7);

	(void)state;
	assert_int_equal(r->channel, ZW_CHANNEL_UPDATE);
	assert_true(zw_name_equal(r->zone, wire_name("example.")));
	assert_int_equal(r->zone[1], 'e');
	assert_string_equal(r->tsig_key, "ddns-key");
	assert_int_equal(zw_request_set_tsig_key(r, wire_name(".")), 0);
	assert_string_equal(r->tsig_key, ".");
}

static void test_addresses(void **state)
{
	struct zw_endpoint e = {},
			   mapped = {.family = AF_INET6, .addr = {[10] = 0xff, 0xff, 192, 0, 2, 1}};
	char text[ZW_ADDRESS_TEXT_MAX];

	(void)state;
	zw_endpoint_to_text(&e, text);
	assert_string_equal(text, "");
	zw_endpoint_to_text(&mapped, text);
	assert_string_equal(text, "192.0.2.1");
	set_address(&e, "2001:db8::1", 53);
	zw_endpoint_to_text(&e, text);
	assert_string_equal(text, "2001:db8::1");
	mapped = e;
	assert_true(zw_endpoint_equal(&e, &mapped));
	mapped.port++;
	assert_false(zw_endpoint_equal(&e, &mapped));
	assert_true(zw_endpoint_same_host(&e, &mapped));
	mapped.addr[15]++;
	assert_false(zw_endpoint_same_host(&e, &mapped));
}

/* A chain is as long as whoever sends it makes it. */
static void test_long_chain(void **state)
{
	struct zw_request *last = NULL, *first = NULL;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct zw_request *r = zw_request_new(ZW_REQUEST_UPDATE, (uint64_t)i);

		assert_non_null(r);
		r->forwarded_from = last;
		last = r;
		first = first ? first : r;
	}
	assert_ptr_equal(zw_request_first(last), first);
	zw_request_ref(first);
	zw_request_unref(last);
	assert_int_equal(first->refs, 1);
	zw_request_unref(first);
	zw_request_unref(NULL);
}

static void test_end(void **state)
{
	_zw_request_ struct zw_request *r = zw_request_new(ZW_REQUEST_CONNECTION, 100);

	(void)state;
	assert_true(zw_request_end_ns(r) == UINT64_MAX);
	r->answered_ns = 150;
	assert_int_equal(zw_request_end_ns(r), 150);
	r->held = true;
	assert_true(zw_request_end_ns(r) == UINT64_MAX);
	r->held = false;
	r->effect_ns = 200;
	assert_int_equal(zw_request_end_ns(r), 200);
	r->kind = ZW_REQUEST_UPDATE;
	r->answered_ns = r->effect_ns = 0;
	assert_true(zw_request_end_ns(r) == 100 + ZW_REQUEST_WAIT_NS);
}

static void book_add(
	struct zw_request_book *book, const char *zone, uint64_t asked_ns, uint64_t answered_ns)
{
	_zw_request_ struct zw_request *r = zw_request_new(ZW_REQUEST_UPDATE, asked_ns);

	assert_non_null(r);
	r->answered_ns = answered_ns;
	if (zone)
		assert_int_equal(zw_request_set_zone(r, wire_name(zone)), 0);
	assert_int_equal(zw_request_book_add(book, r), 0);
}

/* The times of what is found, as "3 5 ". */
static void assert_found(struct zw_request_book *book, const char *zone, uint64_t from_ns,
	uint64_t to_ns, const char *want)
{
	_zw_str_ struct zw_str found = {};
	zw_requests list = {};

	assert_int_equal(
		zw_request_book_find(book, zone ? wire_name(zone) : NULL, from_ns, to_ns, &list),
		0);
	zw_str_add(&found, "");
	ZW_VEC_FOREACH(r, &list)
		zw_str_addf(&found, "%llu ", (unsigned long long)(*r)->asked_ns);
	assert_string_equal(found.buf, want);
	zw_vec_free(&list);
}

static void test_book_finds_by_zone_and_time(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	book_add(book, "b.example.", 5, 6);
	book_add(book, "a.example.", 3, 9);
	book_add(book, "A.example.", 1, 2);
	book_add(book, "a.example.", 7, 8);
	book_add(book, NULL, 4, 5);
	assert_int_equal(zw_request_book_len(book), 5);
	assert_found(book, "a.example.", 0, 100, "1 3 4 7 ");
	assert_found(book, "b.example.", 0, 100, "4 5 ");
	assert_found(book, "c.example.", 0, 100, "4 ");
	assert_found(book, NULL, 0, 100, "4 ");
	/* What ended at the time still counts, and what began at the end. */
	assert_found(book, "a.example.", 2, 7, "1 3 4 7 ");
	assert_found(book, "a.example.", 3, 6, "3 4 ");
	assert_found(book, "a.example.", 6, 6, "3 ");
	assert_found(book, "a.example.", 20, 30, "");
}

static void test_book_forgets(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	book_add(book, "a.", 1, 2);
	book_add(book, "b.", 1, 50);
	book_add(book, "a.", 3, 4);
	book_add(book, "a.", 5, 0); /* may still be answered */
	zw_request_book_expire(book, 1);
	assert_int_equal(zw_request_book_len(book), 4);
	zw_request_book_expire(book, 4);
	assert_int_equal(zw_request_book_len(book), 3);
	assert_found(book, "a.", 0, 100, "3 5 ");
	zw_request_book_expire(book, 51);
	assert_found(book, "b.", 0, 100, "");
	assert_found(book, "a.", 0, 100, "5 ");
	zw_request_book_expire(book, ZW_REQUEST_WAIT_NS + 6);
	assert_int_equal(zw_request_book_len(book), 0);
	assert_int_equal(zw_request_book_incomplete_until(book), 0);
}

static void test_book_is_bounded_by_number(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	for (uint64_t i = 1; i <= ZW_REQUESTS_MAX; i++)
		book_add(book, i % 2 ? "a." : NULL, i, i);
	assert_int_equal(zw_request_book_len(book), ZW_REQUESTS_MAX);
	assert_int_equal(zw_request_book_incomplete_until(book), 0);
	book_add(book, "a.", ZW_REQUESTS_MAX + 1, ZW_REQUESTS_MAX + 1);
	assert_in_range(zw_request_book_len(book), ZW_REQUESTS_MAX / 2, ZW_REQUESTS_MAX - 1);
	assert_in_range(zw_request_book_incomplete_until(book), 2, ZW_REQUESTS_MAX / 2);
	/* The youngest is there, and what is older than that time is not. */
	assert_found(book, "a.", ZW_REQUESTS_MAX + 1, UINT64_MAX, "65537 ");
}

static void test_book_is_bounded_by_bytes(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	for (uint64_t i = 1; i <= 2000; i++) {
		_zw_request_ struct zw_request *r = zw_request_new(ZW_REQUEST_UPDATE, i);

		assert_non_null(r);
		r->size_bytes = 65535;
		assert_int_equal(zw_request_book_add(book, r), 0);
		assert_true(zw_request_book_len(book) <= ZW_REQUESTS_BYTES_MAX / 65535);
	}
	assert_true(zw_request_book_len(book) > 800);
	assert_true(zw_request_book_incomplete_until(book) > 900);
}

static void test_lost_requests_leave_a_doubt(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	zw_request_book_lost(book, 7);
	assert_int_equal(zw_request_book_incomplete_until(book), 8);
	zw_request_book_lost(book, 3);
	assert_int_equal(zw_request_book_incomplete_until(book), 8);
}

static struct zw_request *add_held(struct zw_request_book *book, uint32_t server, uint64_t asked_ns)
{
	struct zw_request *r = zw_request_new(ZW_REQUEST_CONTROL, asked_ns);

	assert_non_null(r);
	assert_int_equal(zw_request_set_zone(r, wire_name("a.")), 0);
	r->held = true;
	r->rcode = 0;
	r->answered_ns = asked_ns + 1;
	r->server_process.tgid = server;
	assert_int_equal(zw_request_book_add(book, r), 0);
	zw_request_unref(r);
	return r;
}

/* What was put into a transaction counts from its end on, however long ago it was asked. */
static void test_transactions(void **state)
{
	_zw_request_book_ struct zw_request_book *book = NULL;
	struct zw_request *a, *b, *c, *d;

	(void)state;
	assert_int_equal(zw_request_book_new(&book), 0);
	a = add_held(book, 1, 10);
	b = add_held(book, 2, 20);
	c = add_held(book, 1, 30);
	zw_request_book_expire(book, 1000);
	assert_int_equal(zw_request_book_len(book), 3);
	zw_request_book_settle(book, wire_name("b."), 1, 40, true);
	assert_true(a->held);
	zw_request_book_settle(book, wire_name("a."), 1, 40, true);
	assert_false(a->held);
	assert_int_equal(a->effect_ns, 40);
	assert_true(b->held);
	assert_int_equal(c->effect_ns, 40);
	assert_found(book, "a.", 35, 39, "10 20 30 ");
	zw_request_book_settle(book, wire_name("a."), 2, 50, false);
	assert_false(b->held);
	assert_int_equal(b->effect_ns, 0);
	assert_int_equal(b->rcode, ZW_REQUEST_ABORTED);
	d = add_held(book, 1, 60);
	zw_request_book_settle(book, wire_name("a."), 0, 55, true);
	assert_true(d->held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_new_request),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_book_finds_by_zone_and_time),
		cmocka_unit_test(test_book_forgets),
		cmocka_unit_test(test_book_is_bounded_by_number),
		cmocka_unit_test(test_book_is_bounded_by_bytes),
		cmocka_unit_test(test_lost_requests_leave_a_doubt),
		cmocka_unit_test(test_transactions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
