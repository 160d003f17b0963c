/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a table of mounts changed, and who may have changed it. */
#include "engine/remounts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"

#define MS ZW_NSEC_PER_MSEC
/* Late enough for any call to have begun after 0. */
#define T(ms) (10 * ZW_NSEC_PER_SEC + (ms)*MS)

/* Asked every 10 ms; it changed between 20 and 30. */
static struct zw_remounts asked(void)
{
	struct zw_remounts r = {};

	zw_remounts_note(&r, T(0), T(0), false);
	zw_remounts_note(&r, T(10), T(10), false);
	zw_remounts_note(&r, T(20), T(21), false);
	zw_remounts_note(&r, T(30), T(31), true);
	zw_remounts_note(&r, T(40), T(41), false);
	return r;
}

static void test_calls(void **state)
{
	const struct zw_remounts r = asked();

	(void)state;
	/* Over before, begun later, under way at the time. */
	assert_false(zw_remounts_may_be(&r, T(1), T(19)));
	assert_false(zw_remounts_may_be(&r, T(32), T(33)));
	assert_true(zw_remounts_may_be(&r, T(22), T(23)));
	assert_true(zw_remounts_may_be(&r, T(1), T(39)));
	assert_true(zw_remounts_may_be(&r, T(19), T(20)));
	/* The answer may be older than it came. */
	assert_true(zw_remounts_may_be(&r, T(31), T(33)));
	/* It may show at the next time. */
	assert_true(zw_remounts_may_be(&r, T(39), T(40)));
	assert_false(zw_remounts_may_be(&r, T(32), T(39)));
}

static void test_beginning_not_known(void **state)
{
	const struct zw_remounts r = asked();

	(void)state;
	assert_false(zw_remounts_may_be(&r, 0, T(19)));
	assert_true(zw_remounts_may_be(&r, 0, T(33)));
}

static void test_never_asked(void **state)
{
	const struct zw_remounts r = {};

	(void)state;
	assert_true(zw_remounts_may_be(&r, T(1), T(2)));
}

/* The oldest become one, and what lies between them with it. */
static void test_room(void **state)
{
	struct zw_remounts r = {};

	(void)state;
	for (unsigned int i = 0; i <= ZW_REMOUNTS_MAX; i++) {
		zw_remounts_note(&r, T(20 * i), T(20 * i), false);
		zw_remounts_note(&r, T(20 * i + 1), T(20 * i + 1), true);
	}
	zw_remounts_note(&r, T(1000), T(1000), false);
	assert_int_equal(r.spans, ZW_REMOUNTS_MAX);
	for (unsigned int i = 0; i <= ZW_REMOUNTS_MAX; i++) {
		assert_true(zw_remounts_may_be(&r, T(20 * i), T(20 * i + 1)));
		assert_int_equal(zw_remounts_may_be(&r, T(20 * i + 5), T(20 * i + 9)), i == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_beginning_not_known),
		cmocka_unit_test(test_never_asked),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
