/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "engine/query_book.h"

static const uint32_t key[ZW_QUERY_KEYS] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};

static void rows_of_one_key_are_one(void **state)
{
	_zw_query_book_ struct zw_query_book book = {};
	struct zw_query_source source = {.family = AF_INET, .types = 1, .n = {.queries = 2}};
	struct zw_query_server server = {.family = AF_INET, .port = 53, .n = {.responses = 3}};

	(void)state;
	for (int i = 0; i < 300; i++) {
		source.addr[0] = (uint8_t)(i % 100);
		source.types = 1U << i / 100;
		assert_int_equal(zw_query_book_add_source(&book, &source), 0);
		server.port = (uint16_t)(53 + i % 2);
		assert_int_equal(zw_query_book_add_server(&book, &server), 0);
	}
	source.family = AF_INET6;
	assert_int_equal(zw_query_book_add_source(&book, &source), 0);
	assert_int_equal(book.sources.len, 101);
	assert_int_equal(book.sources.items[7].n.queries, 6);
	assert_int_equal(book.sources.items[7].types, 7);
	assert_int_equal(book.servers.len, 2);
	assert_int_equal(book.servers.items[1].n.responses, 450);
	zw_query_book_clear(&book);
	assert_int_equal(book.sources.len, 0);
	assert_int_equal(zw_query_book_add_source(&book, &source), 0);
	assert_int_equal(book.sources.len, 1);
}

/* What names count is their zone's too, or nobody's when that had to leave. */
static void zones_have_what_their_names_have(void **state)
{
	_zw_query_book_ struct zw_query_book book = {};
	struct zw_query_name name = {.hash = 1, .zone = 10, .n = {.queries = 5, .query_bytes = 99}};
	struct zw_query_zone zone = {
		.hash = 10, .inserted = 2, .longest = 3, .names = {4}, .n = {.queries = 1}};

	(void)state;
	assert_int_equal(zw_query_book_add_zone(&book, &zone), 0);
	zone.longest = 9;
	zone.names[0] = 2;
	zone.names[1] = 7;
	assert_int_equal(zw_query_book_add_zone(&book, &zone), 0);
	assert_int_equal(zw_query_book_add_name(&book, &name), 0);
	assert_int_equal(zw_query_book_add_name(&book, &name), 0);
	name.hash = 2;
	name.zone = 11;
	assert_int_equal(zw_query_book_add_name(&book, &name), 0);
	zw_query_book_close(&book);
	assert_int_equal(book.names.len, 2);
	assert_int_equal(book.names.items[0].n.queries, 10);
	assert_int_equal(book.zones.len, 1);
	assert_int_equal(book.zones.items[0].n.queries, 12);
	assert_int_equal(book.zones.items[0].n.query_bytes, 198);
	assert_int_equal(book.zones.items[0].inserted, 4);
	assert_int_equal(book.zones.items[0].longest, 9);
	assert_int_equal(book.zones.items[0].names[0], 4);
	assert_int_equal(book.zones.items[0].names[1], 7);
	assert_int_equal(book.other[ZW_QUERY_ZONES].queries, 5);
}

static void hash_folds_letters_alone(void **state)
{
	static const uint8_t lower[] = "\3www\7example\3com", upper[] = "\3WwW\7EXAMPLE\3cOm";
	uint8_t a[256] = {}, b[256] = {};

	(void)state;
	assert_int_equal(
		zw_query_hash(key, lower, sizeof(lower)), zw_query_hash(key, upper, sizeof(upper)));
	assert_int_not_equal(zw_query_hash(key, lower, sizeof(lower)),
		zw_query_hash(key, lower, sizeof(lower) - 1));
	/* Every octet but letters is itself. */
	for (int i = 0; i < 256; i++)
		for (int k = 0; k < 256; k++) {
			bool same = i == k || ((i ^ k) == 32 && (i | 32) >= 'a' && (i | 32) <= 'z');

			a[3] = (uint8_t)i;
			b[3] = (uint8_t)k;
			assert_int_equal(
				zw_query_hash(key, a, 20) == zw_query_hash(key, b, 20), same);
		}
}

static void estimates_are_near(void **state)
{
	uint8_t none[ZW_QUERY_REGISTERS] = {}, one[ZW_QUERY_REGISTERS] = {[9] = 3};
	uint8_t full[ZW_QUERY_REGISTERS];

	(void)state;
	assert_int_equal(zw_query_estimate(none, sizeof(none)), 0);
	assert_int_equal(zw_query_estimate(one, sizeof(one)), 1);
	/* 2^12 keys for each register leave about 12 more than one in each. */
	memset(full, 13, sizeof(full));
	assert_in_range(zw_query_estimate(full, sizeof(full)), 256 << 12, 256 << 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_one_key_are_one),
		cmocka_unit_test(zones_have_what_their_names_have),
		cmocka_unit_test(hash_folds_letters_alone),
		cmocka_unit_test(estimates_are_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
