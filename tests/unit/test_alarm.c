/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings that last: one beginning and one end each, and few of them whoever asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/alarm.h"

#define SECOND ZW_NSEC_PER_SEC

struct told {
	size_t begun, ended;
	uint64_t peak, subjects;
	char text[160];
};

static void tell(void *ctx, struct zw_alarm *a, bool ended)
{
	struct told *t = ctx;

	t->begun += !ended;
	t->ended += ended;
	t->peak = a->peak;
	t->subjects = a->subjects;
	snprintf(t->text, sizeof(t->text), "%s %s: %s", a->rule,
		a->subject ? a->subject : "several", a->reason);
}

static struct zw_alarm *raise_one(
	struct zw_alarms *x, const char *subject, uint64_t s, uint64_t rate)
{
	struct zw_alarm *a = zw_alarm_raise(x, "rate-limit", subject, NULL,
		&(struct zw_alarm_sight){s * SECOND, 1, rate}, "%s is loud", subject);

	assert_non_null(a);
	return a;
}

static void test_begins_and_ends_once(void **state)
{
	_zw_alarms_free_ struct zw_alarms *x = NULL;
	struct told told = {};

	(void)state;
	assert_int_equal(zw_alarms_new(tell, &told, &x), 0);
	for (uint64_t s = 0; s < 1000; s += 10) {
		raise_one(x, "192.0.2.1", s, s == 500 ? 9000 : 100);
		zw_alarms_expire(x, s * SECOND, false);
	}
	assert_int_equal(told.begun, 1);
	assert_int_equal(told.ended, 0);
	assert_string_equal(told.text, "rate-limit 192.0.2.1: 192.0.2.1 is loud");
	zw_alarms_expire(x, 1200 * SECOND, false);
	assert_int_equal(told.ended, 1);
	assert_int_equal(told.peak, 9000);
	assert_int_equal(zw_alarms_len(x), 0);
	raise_one(x, "192.0.2.1", 1300, 100);
	assert_int_equal(told.begun, 2);
	zw_alarms_expire(x, 1300 * SECOND, true);
	assert_int_equal(told.ended, 2);
}

static void test_many_subjects_are_one_finding(void **state)
{
	_zw_alarms_free_ struct zw_alarms *x = NULL;
	struct told told = {};
	char subject[32];

	(void)state;
	assert_int_equal(zw_alarms_new(tell, &told, &x), 0);
	for (unsigned int round = 0; round < 3; round++)
		for (unsigned int i = 0; i < 1000; i++) {
			snprintf(subject, sizeof(subject), "10.0.%u.%u", i / 250, i % 250);
			raise_one(x, subject, round, 50);
		}
	assert_int_equal(told.begun, ZW_ALARM_OPEN_MAX + 1);
	assert_int_equal(zw_alarms_len(x), ZW_ALARM_OPEN_MAX + 1);
	zw_alarms_expire(x, 0, true);
	assert_int_equal(told.ended, ZW_ALARM_OPEN_MAX + 1);
	assert_int_equal(zw_alarms_len(x), 0);
}

static void test_several_are_counted_once_each(void **state)
{
	_zw_alarms_free_ struct zw_alarms *x = NULL;
	struct zw_alarm *a = NULL;
	struct told told = {};
	char subject[32];

	(void)state;
	assert_int_equal(zw_alarms_new(tell, &told, &x), 0);
	for (unsigned int i = 0; i < 3 * 100; i++) {
		snprintf(subject, sizeof(subject), "10.0.0.%u", i % 100);
		a = raise_one(x, subject, i, 50);
	}
	assert_null(a->subject);
	assert_int_equal(a->subjects, 100 - ZW_ALARM_OPEN_MAX);
}

/* One after the other, each over before the next: an hour has a bound of its own. */
static void test_an_hour_has_a_bound(void **state)
{
	_zw_alarms_free_ struct zw_alarms *x = NULL;
	struct told told = {};
	char subject[32];

	(void)state;
	assert_int_equal(zw_alarms_new(tell, &told, &x), 0);
	for (uint64_t s = 0; s < 3000; s += 50) {
		snprintf(subject, sizeof(subject), "192.0.2.%u", (unsigned int)(s / 50));
		raise_one(x, subject, s, 50);
		zw_alarms_expire(x, s * SECOND, false);
	}
	assert_int_equal(told.begun, ZW_ALARM_HOURLY_MAX + 1);
	raise_one(x, "198.51.100.1", 3700, 50);
	assert_int_equal(told.begun, ZW_ALARM_HOURLY_MAX + 2);
}

static void test_rules_do_not_share_bounds(void **state)
{
	_zw_alarms_free_ struct zw_alarms *x = NULL;
	struct told told = {};
	char subject[32];

	(void)state;
	assert_int_equal(zw_alarms_new(tell, &told, &x), 0);
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(subject, sizeof(subject), "192.0.2.%u", i);
		raise_one(x, subject, 0, 50);
	}
	assert_non_null(zw_alarm_raise(x, "tunnelling", "example.com.", NULL,
		&(struct zw_alarm_sight){.rate = 1}, "it does"));
	assert_string_equal(told.text, "tunnelling example.com.: it does");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_and_ends_once),
		cmocka_unit_test(test_many_subjects_are_one_finding),
		cmocka_unit_test(test_several_are_counted_once_each),
		cmocka_unit_test(test_an_hour_has_a_bound),
		cmocka_unit_test(test_rules_do_not_share_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
