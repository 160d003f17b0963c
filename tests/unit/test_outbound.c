/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/outbound.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

/* Of each kind on its own: whoever forges addresses fills up what is refused, and nothing else. */
static void test_full(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();
	uint64_t counted;

	(void)state;
	for (unsigned int i = 0; i < ZW_OUTBOUND_MAX; i++)
		(void)transferred(book, i, zone, true, SECOND);
	counted = zw_outbound_counted(book);
	assert_int_equal(
		transferred(book, ZW_OUTBOUND_MAX, zone, true, SECOND), ZW_OUTBOUND_COUNTED);
	assert_int_equal(zw_outbound_counted(book), counted + 1);
	assert_int_equal(transferred(book, 1, zone, false, SECOND), ZW_OUTBOUND_NEW);
	assert_int_equal(asked(book, &curl, 1, 2 * DAY), ZW_OUTBOUND_NEW);
}

static void test_resolver_leaves_room(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();

	(void)state;
	for (unsigned int i = 0; i < ZW_OUTBOUND_MAX * 2; i++)
		(void)asked(book, &unbound, i, 2 * SECOND);
	assert_int_equal(zw_outbound_counted(book), 0);
	assert_int_equal(asked(book, &unbound, ZW_OUTBOUND_MAX * 2, 2 * DAY), ZW_OUTBOUND_RESOLVER);
	assert_int_equal(asked(book, &curl, ZW_OUTBOUND_MAX * 2, 2 * DAY), ZW_OUTBOUND_NEW);
	assert_int_equal(asked(book, &curl, ZW_OUTBOUND_MAX * 2, 2 * DAY), ZW_OUTBOUND_KNOWN);
}

/* --- keeping ------------------------------------------------------------------------------------------- */

struct saved {
	struct zw_outbound_book *to;
	size_t n, fail_at;
	char text[400]; /* the last one */
};

static int save(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	uint8_t other_byte[300] = {0xff};
	struct saved *s = ctx;

	if (s->fail_at && s->n + 1 == s->fail_at)
		return -ENOMEM;
	s->n++;
	snprintf(s->text, sizeof(s->text), "%u %s", class, key);
	if (!s->to)
		return 0;
	for (size_t less = 0; less < len; less++)
		assert_int_equal(zw_outbound_load(s->to, class, data, less), -EBADMSG);
	assert_in_range(len, 1, sizeof(other_byte) - 1);
	memcpy(other_byte, data, len);
	assert_int_equal(zw_outbound_load(s->to, class, other_byte, len + 1), -EBADMSG);
	assert_int_equal(zw_outbound_load(s->to, 15, data, len), -EBADMSG);
	assert_int_equal(zw_outbound_load(s->to, ZW_OUTBOUND_CLASS_LAST + 1, data, len), -EBADMSG);
	return zw_outbound_load(s->to, class, data, len);
}

static struct zw_outbound_book *restart(struct zw_outbound_book *book, uint64_t now_ns)
{
	struct zw_outbound_book *next = NULL;
	struct saved saved = {};

	/* It starts with a clock that begins anew. */
	assert_int_equal(zw_outbound_book_new(SECOND, &next), 0);
	saved.to = next;
	assert_in_range(zw_outbound_save(book, now_ns, 1000, save, &saved), 1, 999);
	return next;
}

static void test_restart(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin(), *next = NULL;
	const struct zw_endpoint secondary = host(7);

	(void)state;
	assert_int_equal(asked(book, &curl, 1, 2 * SECOND), ZW_OUTBOUND_LEARNED);
	assert_int_equal(asked(book, &curl, 2, 2 * DAY), ZW_OUTBOUND_NEW);
	for (unsigned int i = 0; i < 5; i++)
		(void)asked(book, &unbound, 50 + i, 2 * DAY);
	assert_int_equal(transferred(book, 8, zone, false, 2 * DAY), ZW_OUTBOUND_NEW);
	assert_int_equal(transferred(book, 9, zone, true, 2 * DAY), ZW_OUTBOUND_NEW);
	zw_outbound_notified(book, &secondary);
	next = restart(book, 2 * DAY);
	/* Nothing is told again, */
	assert_int_equal(asked(next, &curl, 1, 2 * SECOND), ZW_OUTBOUND_KNOWN);
	assert_int_equal(asked(next, &curl, 2, 2 * SECOND), ZW_OUTBOUND_KNOWN);
	assert_int_equal(transferred(next, 8, zone, false, 2 * SECOND), ZW_OUTBOUND_KNOWN);
	assert_int_equal(transferred(next, 9, zone, true, 2 * SECOND), ZW_OUTBOUND_KNOWN);
	assert_int_equal(transferred(next, 7, zone, false, 2 * SECOND), ZW_OUTBOUND_KNOWN);
	/* what is new is, at once, */
	assert_int_equal(asked(next, &curl, 3, 2 * SECOND), ZW_OUTBOUND_NEW);
	assert_int_equal(transferred(next, 8, other, false, 2 * SECOND), ZW_OUTBOUND_NEW);
	assert_int_equal(transferred(next, 8, zone, true, 2 * SECOND), ZW_OUTBOUND_NEW);
	/* and a resolver is one still. */
	assert_int_equal(asked(next, &unbound, 100, 2 * SECOND), ZW_OUTBOUND_RESOLVER);
}

/* Of a warm-up, what is left of it. */
static void test_restart_in_warm_up(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin(), *next = NULL;

	(void)state;
	assert_int_equal(asked(book, &curl, 1, 2 * SECOND), ZW_OUTBOUND_LEARNED);
	next = restart(book, DAY / 2);
	assert_int_equal(asked(next, &curl, 2, DAY / 2 - HOUR), ZW_OUTBOUND_LEARNED);
	assert_int_equal(asked(next, &curl, 3, DAY / 2 + HOUR), ZW_OUTBOUND_NEW);
}

static void test_save_what_is_new(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();
	struct saved saved = {};

	(void)state;
	assert_int_equal(asked(book, &curl, 1, 2 * SECOND), ZW_OUTBOUND_LEARNED);
	/* For how long, who, and whom. */
	assert_int_equal(zw_outbound_save(book, 3 * SECOND, 100, save, &saved), 3);
	assert_string_equal(saved.text, "18 198.51.0.1");
	assert_int_equal(zw_outbound_save(book, 4 * SECOND, 100, save, &saved), 0);
	assert_int_equal(zw_outbound_save(book, HOUR, 100, save, &saved), 1);
	assert_int_equal(transferred(book, 8, zone, true, HOUR), ZW_OUTBOUND_NEW);
	assert_int_equal(zw_outbound_save(book, HOUR, 100, save, &saved), 2);
	assert_string_equal(saved.text, "20 198.51.0.8 example.");
	zw_outbound_renew(book);
	assert_int_equal(zw_outbound_save(book, HOUR, 2, save, &saved), 2);
	assert_int_equal(zw_outbound_save(book, HOUR, 2, save, &saved), 2);
	assert_int_equal(zw_outbound_save(book, HOUR, 2, save, &saved), 2);
	assert_int_equal(zw_outbound_save(book, HOUR, 2, save, &saved), 0);
	/* What cannot be taken is tried again. */
	zw_outbound_renew(book);
	saved = (struct saved){.fail_at = 2};
	assert_int_equal(zw_outbound_save(book, HOUR, 100, save, &saved), 1);
	saved = (struct saved){};
	assert_int_equal(zw_outbound_save(book, HOUR, 100, save, &saved), 4);
}

/* A full book is not full for ever. */
static void test_load_leaves_room(void **state)
{
	_zw_outbound_book_ struct zw_outbound_book *book = begin();
	uint8_t stored[17] = {AF_INET, 10};
	unsigned int kept = 0;

	(void)state;
	for (unsigned int i = 0; i < ZW_OUTBOUND_MAX; i++) {
		stored[2] = (uint8_t)(i >> 8);
		stored[3] = (uint8_t)i;
		kept += zw_outbound_load(book, ZW_OUTBOUND_CLASS_KNOWN, stored, sizeof(stored)) ==
			0;
	}
	assert_int_equal(kept, ZW_OUTBOUND_LOADED_MAX);
	assert_int_equal(
		zw_outbound_load(book, ZW_OUTBOUND_CLASS_KNOWN, stored, sizeof(stored)), -ENOSPC);
	assert_int_equal(asked(book, &curl, 1, 2 * DAY), ZW_OUTBOUND_NEW);
	stored[0] = AF_UNIX;
	assert_int_equal(
		zw_outbound_load(book, ZW_OUTBOUND_CLASS_KNOWN, stored, sizeof(stored)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warm_up),
		cmocka_unit_test(test_resolver),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_resolver_leaves_room),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_restart_in_warm_up),
		cmocka_unit_test(test_save_what_is_new),
		cmocka_unit_test(test_load_leaves_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
