/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/outbound.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ULL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static const struct zw_outbound_limits limits = {.warm_up_ns = DAY, .resolver = 5};
static const struct zw_request_process curl = {.tgid = 10, .exe_ino = 1};
static const struct zw_request_process unbound = {.tgid = 11, .exe_ino = 2};
static const uint8_t zone[] = "\7example", other[] = "\5other";

static struct zw_outbound_book *begin(void)
{
	struct zw_outbound_book *book = NULL;

	assert_int_equal(zw_outbound_book_new(SECOND, &book), 0);
	return book;
}

static struct zw_endpoint host(unsigned int n)
{
	struct zw_endpoint end = {.family = AF_INET, .addr = {198, 51}, .port = 53};

	end.addr[2] = (uint8_t)(n >> 8);
	end.addr[3] = (uint8_t)n;
	return end;
}

static enum zw_outbound_step asked(struct zw_outbound_book *book,
	const struct zw_request_process *program, unsigned int n, uint64_t now_ns)
{
	const struct zw_endpoint end = host(n);

	return zw_outbound_asked(book, &limits, program, &end, now_ns);
}

static enum zw_outbound_step transferred(struct zw_outbound_book *book, unsigned int n,
	const uint8_t *name, bool refused, uint64_t now_ns)
{
	const struct zw_endpoint end = host(n);

	return zw_outbound_transferred(book, &end, name, refused, now_ns);
}

static void test_warm_up(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();

	(void)state;
	assert_int_equal(asked(book, &curl, 1, 2 * SECOND), ZW_OUTBOUND_LEARNED);
	assert_int_equal(asked(book, &curl, 1, 3 * SECOND), ZW_OUTBOUND_KNOWN);
	/* What one program asks is no news of another. */
	assert_int_equal(asked(book, &unbound, 1, 2 * DAY), ZW_OUTBOUND_KNOWN);
	assert_int_equal(asked(book, &curl, 2, 2 * DAY), ZW_OUTBOUND_NEW);
	assert_int_equal(asked(book, &curl, 2, 2 * DAY), ZW_OUTBOUND_KNOWN);
}

static void test_resolver(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(asked(book, &unbound, i, 2 * SECOND), ZW_OUTBOUND_LEARNED);
	assert_int_equal(asked(book, &unbound, 100, 2 * DAY), ZW_OUTBOUND_RESOLVER);
	assert_int_equal(asked(book, &curl, 101, 2 * DAY), ZW_OUTBOUND_NEW);
}

static void test_storm(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();
	unsigned int told = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		struct zw_request_process program = {.tgid = 1, .exe_ino = i + 1};

		told += asked(book, &program, i, 2 * DAY) == ZW_OUTBOUND_NEW;
	}
	assert_int_equal(told, ZW_OUTBOUND_TOLD);
	assert_int_equal(zw_outbound_counted(book), 100 - ZW_OUTBOUND_TOLD);
	assert_int_equal(zw_outbound_counted(book), 0);
	assert_int_equal(asked(book, &curl, 1000, 2 * DAY + HOUR), ZW_OUTBOUND_NEW);
}

static void test_transfers(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();
	const struct zw_endpoint secondary = host(7);

	(void)state;
	zw_outbound_notified(book, &secondary);
	assert_int_equal(transferred(book, 7, zone, false, SECOND), ZW_OUTBOUND_KNOWN);
	/* No warm-up: who has the zone has it. */
	assert_int_equal(transferred(book, 8, zone, false, SECOND), ZW_OUTBOUND_NEW);
	assert_int_equal(transferred(book, 8, zone, false, SECOND), ZW_OUTBOUND_KNOWN);
	assert_int_equal(transferred(book, 8, other, false, SECOND), ZW_OUTBOUND_NEW);
	assert_int_equal(transferred(book, 9, zone, true, SECOND), ZW_OUTBOUND_NEW);
	/* It got it after all. */
	assert_int_equal(transferred(book, 9, zone, false, SECOND), ZW_OUTBOUND_NEW);
}

static void test_full(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();

	(void)state;
	for (unsigned int i = 0; i < ZW_OUTBOUND_MAX; i++)
		(void)asked(book, &curl, i, 2 * SECOND);
	(void)zw_outbound_counted(book);
	assert_int_equal(transferred(book, 1, zone, false, SECOND), ZW_OUTBOUND_COUNTED);
	assert_int_equal(zw_outbound_counted(book), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warm_up),
		cmocka_unit_test(test_resolver),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
