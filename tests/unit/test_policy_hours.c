/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "engine/policy.h"

/* Wednesday, 2026-11-25 10:30:00 UTC */
#define WEDNESDAY_1030 (1795602600ULL * ZW_NSEC_PER_SEC)
#define HOUR (3600 * ZW_NSEC_PER_SEC)

static void test_hours_parse(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"Mon-Fri 08:00-18:00", "Mon-Fri 08:00-18:00"},
		{"mon,TUE,Wed 00:00-24:00", "Mon-Wed 00:00-24:00"},
		{"Sat,Sun 22:00-06:00", "Sat-Sun 22:00-06:00"},
		{"Fri-Mon 09:05-09:06", "Mon,Fri-Sun 09:05-09:06"},
		{"Mon,Wed,Fri,Sun 01:00-02:00", "Mon,Wed,Fri,Sun 01:00-02:00"},
		{"Sun-Sun 01:00-02:00", "Sun 01:00-02:00"},
		{"Mon-Fri", NULL},
		{"08:00-18:00", NULL},
		{"Mon 08:00", NULL},
		{"Mon 8:00-18:00", NULL},
		{"Mon 08:00-24:01", NULL},
		{"Mon 08:60-09:00", NULL},
		{"Mon 08:00-08:00", NULL},
		{"Mon 24:00-06:00", NULL},
		{"Monday 08:00-18:00", NULL},
		{"Mon- 08:00-18:00", NULL},
		{"Mon, 08:00-18:00", NULL},
		{"Mon 08:00-18:00 ", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_HOURS_TEXT_MAX];
		struct zw_hours hours;
		int r = zw_hours_parse(cases[i].text, &hours);

		if ((r == 0) != (cases[i].canonical != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0)
			continue;
		zw_hours_to_text(&hours, text);
		assert_string_equal(text, cases[i].canonical);
	}
}

static bool hours_at(const char *text, uint64_t realtime_ns)
{
	struct zw_hours hours;

	assert_int_equal(zw_hours_parse(text, &hours), 0);
	return zw_hours_contain(&hours, realtime_ns);
}

static void test_hours_contain(void **state)
{
	uint64_t midnight = WEDNESDAY_1030 - HOUR * 21 / 2;

	(void)state;
	assert_true(hours_at("Wed 10:30-10:31", WEDNESDAY_1030));
	assert_false(hours_at("Wed 10:00-10:30", WEDNESDAY_1030));
	assert_true(hours_at("Mon-Fri 08:00-18:00", WEDNESDAY_1030));
	assert_false(hours_at("Sat,Sun 00:00-24:00", WEDNESDAY_1030));
	assert_true(hours_at("Wed 00:00-24:00", midnight));
	assert_true(hours_at("Wed 00:00-24:00", midnight + 24 * HOUR - 1));
	assert_false(hours_at("Wed 00:00-24:00", midnight + 24 * HOUR));
	assert_false(hours_at("Wed 00:00-24:00", midnight - 1));
	/* Over midnight the night belongs to the day it began on. */
	assert_true(hours_at("Wed 22:00-06:00", midnight + 23 * HOUR));
	assert_true(hours_at("Wed 22:00-06:00", midnight + 29 * HOUR));
	assert_false(hours_at("Wed 22:00-06:00", midnight + 30 * HOUR));
	assert_false(hours_at("Wed 22:00-06:00", midnight + 5 * HOUR));
	assert_true(hours_at("Sun 22:00-06:00", midnight + 4 * 24 * HOUR + 24 * HOUR + 5 * HOUR));
}

static void test_hours_are_local(void **state)
{
	(void)state;
	setenv("TZ", "XST-5", 1); /* five hours east of Greenwich */
	tzset();
	assert_true(hours_at("Wed 15:30-15:31", WEDNESDAY_1030));
	assert_false(hours_at("Wed 10:00-11:00", WEDNESDAY_1030));
	setenv("TZ", "UTC", 1);
	tzset();
}

static int use_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours_parse),
		cmocka_unit_test(test_hours_contain),
		cmocka_unit_test(test_hours_are_local),
	};

	return cmocka_run_group_tests(tests, use_utc, NULL);
}
