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
#include "base/when.h"

/* 2026-11-22T00:11:22.5Z */
#define NOW (1795306282ULL * ZW_NSEC_PER_SEC + 500000000)

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void assert_when(const char *text, bool utc, const char *expected)
{
	char iso[ZW_TIME_ISO_MAX];
	uint64_t ns;
	int r = zw_parse_when(text, NOW, utc, &ns);

	if (r < 0)
		fail_msg("'%s' is refused: %d", text, r);
	zw_time_iso(ns, iso);
	assert_string_equal(iso, expected);
}

static void assert_no_when(const char *text, int error)
{
	uint64_t ns = 7;

	if (zw_parse_when(text, NOW, true, &ns) != error)
		fail_msg("'%s' is not refused with %d", text, error);
	assert_int_equal(ns, 7);
}

static void test_utc(void **state)
{
	(void)state;
	set_zone("Europe/Berlin");
	assert_when("2026-11-22T10:00", true, "2026-11-22T10:00:00.000000000Z");
	assert_when("2026-11-22 10:00:07", true, "2026-11-22T10:00:07.000000000Z");
	assert_when("2026-11-22T10:00:07.25", true, "2026-11-22T10:00:07.250000000Z");
	assert_when("2026-11-22t10:00Z", false, "2026-11-22T10:00:00.000000000Z");
	assert_when("2026-11-22T10:00:00.123456789Z", false, "2026-11-22T10:00:00.123456789Z");
	assert_when("2026-11-22T10:00+01:00", false, "2026-11-22T09:00:00.000000000Z");
	assert_when("2026-11-22T10:00:00-0530", true, "2026-11-22T15:30:00.000000000Z");
	assert_when("2026-11-22T10:00+14", true, "2026-11-21T20:00:00.000000000Z");
	assert_when("2024-02-29", true, "2024-02-29T00:00:00.000000000Z");
	assert_when("10:00", true, "2026-11-22T10:00:00.000000000Z");
	assert_when("now", true, "2026-11-22T00:11:22.500000000Z");
	assert_when("today", true, "2026-11-22T00:00:00.000000000Z");
	assert_when("Yesterday", true, "2026-11-21T00:00:00.000000000Z");
	assert_when("@1795306282", false, "2026-11-22T00:11:22.000000000Z");
	assert_when("@1795306282.001", false, "2026-11-22T00:11:22.001000000Z");
}

static void test_relative(void **state)
{
	(void)state;
	assert_when("-2h", true, "2026-11-21T22:11:22.500000000Z");
	assert_when("2h ago", true, "2026-11-21T22:11:22.500000000Z");
	assert_when("90  ago", true, "2026-11-22T00:09:52.500000000Z");
	assert_when("-500ms", true, "2026-11-22T00:11:22.000000000Z");
	assert_when("1w ago", true, "2026-11-15T00:11:22.500000000Z");
}

static void test_local(void **state)
{
	(void)state;
	set_zone("Europe/Berlin");
	assert_when("2026-11-22T10:00", false, "2026-11-22T09:00:00.000000000Z");
	assert_when("2026-07-01T10:00", false, "2026-07-01T08:00:00.000000000Z");
	assert_when("2026-07-01", false, "2026-06-30T22:00:00.000000000Z");
	assert_when("today", false, "2026-11-21T23:00:00.000000000Z");
	assert_when("01:00", false, "2026-11-22T00:00:00.000000000Z");
	/* It is still the day before there. */
	set_zone("America/New_York");
	assert_when("today", false, "2026-11-21T05:00:00.000000000Z");
	assert_when("yesterday", false, "2026-11-20T05:00:00.000000000Z");
	set_zone("Asia/Kolkata");
	assert_when("2026-11-22T10:00", false, "2026-11-22T04:30:00.000000000Z");
}

/* Berlin 2026: forward on 29 March at 2:00, back on 25 October at 3:00. */
static void test_daylight_saving(void **state)
{
	(void)state;
	set_zone("Europe/Berlin");
	assert_when("2026-03-29T01:59", false, "2026-03-29T00:59:00.000000000Z");
	assert_when("2026-03-29T02:30", false, "2026-03-29T01:30:00.000000000Z");
	assert_when("2026-03-29T03:00", false, "2026-03-29T01:00:00.000000000Z");
	assert_when("2026-10-25T01:30", false, "2026-10-24T23:30:00.000000000Z");
	assert_when("2026-10-25T02:30", false, "2026-10-25T00:30:00.000000000Z");
	assert_when("2026-10-25T02:30+01:00", false, "2026-10-25T01:30:00.000000000Z");
	assert_when("2026-10-25T03:00", false, "2026-10-25T02:00:00.000000000Z");
	/* 30 minutes only; and a day that begins at 1:00. */
	set_zone("Australia/Lord_Howe");
	assert_when("2026-04-05T01:45", false, "2026-04-04T14:45:00.000000000Z");
	set_zone("America/Santiago");
	assert_when("2026-09-06", false, "2026-09-06T04:00:00.000000000Z");
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {"", "x", "tomorrow", "2026", "2026-11", "2026-11-22T",
		"2026-11-22T10", "2026-11-22T10:0", "2026-11-22T10:00x", "2026-11-22T10:00+1",
		"2026-11-22T10:00+01:60", "2026-11-22T10:00+24:00", "2026-11-22T10:00:00.",
		"2026-11-22T10:00:00.1234567890", "2026-11-22 ", "+2h", "-", "-h", "- 2h", "2h",
		"ago", " ago", "-2y", "@", "@-1", "@1x", "@1.", "1:00", "2026-11-22\n",
		"99999999999999999999999999999999999999h ago", "2026-1-2"};
	static const char *const absent[] = {"2026-02-30", "2026-13-01", "2026-00-10", "2026-01-00",
		"2025-02-29", "2026-11-22T24:00", "2026-11-22T10:60", "10:00:60", "1969-12-31",
		"2300-01-01", "-10000w", "@99999999999999999999", "@9223372036"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_no_when(wrong[i], -EINVAL);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_no_when(absent[i], -ERANGE);
}

static void test_iso_and_back(void **state)
{
	char iso[ZW_TIME_ISO_MAX];
	uint64_t ns;

	(void)state;
	zw_time_iso(NOW + 7, iso);
	assert_int_equal(zw_time_from_iso(iso, &ns), 0);
	assert_int_equal(ns, NOW + 7);
	assert_int_equal(zw_time_from_iso("2026-11-22T00:11:22Z", &ns), -EINVAL);
	assert_int_equal(zw_time_from_iso("2026-11-22T00:11:22.123456789", &ns), -EINVAL);
	assert_int_equal(zw_time_from_iso("2026-11-31T00:11:22.123456789Z", &ns), -EINVAL);
	assert_int_equal(zw_time_from_iso("1969-12-31T00:11:22.123456789Z", &ns), -EINVAL);
	assert_int_equal(zw_time_from_iso("9999-12-31T00:11:22.123456789Z", &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utc),
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_daylight_saving),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_iso_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
