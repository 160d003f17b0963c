/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is usual: learned within the warm-up, not taught by a spike, kept over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/baseline.h"

#define MINUTE (60 * ZW_NSEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BEGIN_NS (20000 * DAY)

static struct zw_baselines *begin(void)
{
	struct zw_baselines *b = NULL;

	assert_int_equal(zw_baselines_new(&b), 0);
	return b;
}

/* Minutes [@from, @to) of the zone, @queries each with a little noise. */
static void learn(struct zw_baselines *b, uint64_t from, uint64_t to, uint64_t queries)
{
	for (uint64_t m = from; m < to; m++) {
		zw_baselines_begin(b, BEGIN_NS + m * MINUTE);
		if (queries)
			zw_baselines_learn(b, ZW_BASELINE_ZONE, "example.com.",
				queries + m * 7 % (queries / 10 + 1));
	}
}

static bool usual(const struct zw_baselines *b, uint64_t at, struct zw_baseline_usual *ret)
{
	return zw_baselines_usual(
		b, ZW_BASELINE_ZONE, "example.com.", BEGIN_NS + at * MINUTE, DAY, ret);
}

static void test_nothing_is_said_before_the_warm_up(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual u;

	(void)state;
	assert_false(usual(b, 0, &u));
	learn(b, 0, 1439, 100);
	assert_false(usual(b, 1439, &u));
	learn(b, 1439, 1440, 100);
	assert_true(usual(b, 1440, &u));
	assert_int_equal(u.minutes, 1440);
	assert_in_range((uint64_t)u.mean, 100, 110);
	assert_in_range((uint64_t)u.deviation, 1, 10);
	assert_false(u.hourly);
	assert_false(zw_baselines_usual(b, ZW_BASELINE_SOURCE, "example.com.", BEGIN_NS, 0, &u));
}

/* A key that was seen for a minute deviates from nothing yet. */
static void test_the_first_minute_is_no_deviation(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual u;

	(void)state;
	learn(b, 0, 1, 600);
	assert_true(zw_baselines_usual(
		b, ZW_BASELINE_ZONE, "example.com.", BEGIN_NS + MINUTE, MINUTE, &u));
	assert_int_equal((uint64_t)u.mean, 600);
	assert_int_equal((uint64_t)u.deviation, 0);
}

static void test_hours_are_compared_with_themselves(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual night, day;

	(void)state;
	for (uint64_t d = 0; d < 3; d++) {
		learn(b, d * 1440, d * 1440 + 720, 100);
		learn(b, d * 1440 + 720, d * 1440 + 1440, 2000);
	}
	assert_true(usual(b, 3 * 1440 + 60, &night));
	assert_true(usual(b, 3 * 1440 + 800, &day));
	assert_true(night.hourly && day.hourly);
	assert_in_range((uint64_t)night.mean, 100, 111);
	assert_in_range((uint64_t)day.mean, 2000, 2200);
}

static void test_a_spike_does_not_become_usual(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual before, after;

	(void)state;
	learn(b, 0, 1440, 100);
	assert_true(usual(b, 1440, &before));
	learn(b, 1440, 1450, 1000000);
	assert_true(usual(b, 1450, &after));
	assert_true(after.mean < before.mean * 1.2);
	assert_true(after.deviation < before.deviation * 3);
}

static void test_what_lasts_becomes_usual(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual u;

	(void)state;
	learn(b, 0, 1440, 100);
	learn(b, 1440, 1440 * 5, 400);
	assert_true(usual(b, 1440 * 5, &u));
	assert_in_range((uint64_t)u.mean, 300, 450);
}

static void test_unseen_minutes_are_zeros_and_unwatched_ones_are_none(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin(), *other = begin();
	struct zw_baseline_usual seen, unseen;

	(void)state;
	learn(b, 0, 1440, 100);
	learn(b, 1440, 2880, 0);
	assert_true(usual(b, 2880, &unseen));
	assert_true(unseen.mean < 60);
	assert_int_equal(unseen.minutes, 2880);
	learn(other, 0, 1440, 100);
	assert_true(usual(other, 2880, &seen));
	assert_in_range((uint64_t)seen.mean, 100, 110);
}

static void test_keys_are_bounded_and_the_large_stay(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	struct zw_baseline_usual u;
	char key[32];

	(void)state;
	zw_baselines_begin(b, BEGIN_NS);
	zw_baselines_learn(b, ZW_BASELINE_SOURCE, "192.0.2.0/24", 5000);
	for (unsigned int i = 0; i < 50000; i++) {
		snprintf(key, sizeof(key), "10.%u.%u.0/24", i / 250, i % 250);
		zw_baselines_learn(b, ZW_BASELINE_SOURCE, key, 1 + i % 3);
		assert_in_range(zw_baselines_len(b, ZW_BASELINE_SOURCE), 1, ZW_BASELINE_KEYS_MAX);
	}
	assert_true(zw_baselines_usual(b, ZW_BASELINE_SOURCE, "192.0.2.0/24", BEGIN_NS, 0, &u));
	assert_int_equal((uint64_t)u.mean, 5000);
}

struct saved {
	struct zw_baselines *to;
	size_t n;
	int fail;
};

static int save(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	struct saved *s = ctx;

	if (s->fail)
		return s->fail;
	s->n++;
	/* Cut or damaged it is none. */
	assert_int_equal(zw_baselines_load(s->to, class, key, data, len - 1), -EBADMSG);
	assert_int_equal(zw_baselines_load(s->to, 77, key, data, len), -EBADMSG);
	return zw_baselines_load(s->to, class, key, data, len);
}

static void test_survives_a_restart(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin(), *next = begin();
	struct saved saved = {.to = next, .fail = -EAGAIN};
	struct zw_baseline_usual before, after;

	(void)state;
	learn(b, 0, 3000, 250);
	assert_int_equal(zw_baselines_save(b, 100, save, &saved), 0);
	saved.fail = 0;
	assert_int_equal(zw_baselines_save(b, 100, save, &saved), 1);
	assert_int_equal(zw_baselines_save(b, 100, save, &saved), 0);
	assert_true(usual(b, 3000, &before));
	assert_true(usual(next, 3000, &after));
	assert_true(before.mean == after.mean && before.deviation == after.deviation);
	assert_int_equal(before.minutes, after.minutes);
	assert_int_equal(before.hourly, after.hourly);
	learn(next, 3000, 3001, 250);
	assert_int_equal(zw_baselines_save(next, 100, save, &(struct saved){.to = b}), 1);
}

static void test_damage_is_refused(void **state)
{
	_zw_baselines_free_ struct zw_baselines *b = begin();
	uint8_t bytes[8 + 25 * 10];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(
		zw_baselines_load(b, ZW_BASELINE_ZONE, "a.", bytes, sizeof(bytes)), -EBADMSG);
	assert_int_equal(zw_baselines_len(b, ZW_BASELINE_ZONE), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(zw_baselines_load(b, ZW_BASELINE_ZONE, "a.", bytes, sizeof(bytes)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_said_before_the_warm_up),
		cmocka_unit_test(test_the_first_minute_is_no_deviation),
		cmocka_unit_test(test_hours_are_compared_with_themselves),
		cmocka_unit_test(test_a_spike_does_not_become_usual),
		cmocka_unit_test(test_what_lasts_becomes_usual),
		cmocka_unit_test(test_unseen_minutes_are_zeros_and_unwatched_ones_are_none),
		cmocka_unit_test(test_keys_are_bounded_and_the_large_stay),
		cmocka_unit_test(test_survives_a_restart),
		cmocka_unit_test(test_damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
