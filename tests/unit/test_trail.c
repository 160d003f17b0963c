/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What zones were a moment ago. */
#include "engine/trail.h"
#include "unit/zone_support.h"

#define ZONE 1
#define SOA(serial) "@ 300 SOA ns h " #serial " 2 3 4 500\n"

static struct zw_trail *new_trail(void)
{
	static const struct zw_hash_key key = {1, 2};
	struct zw_trail *trail;

	assert_int_equal(zw_trail_new(&key, &trail), 0);
	return trail;
}

static struct zw_diff *diff_of(const char *before, const char *after)
{
	_zw_snapshot_ struct zw_snapshot *old = test_load(before, NULL);
	_zw_snapshot_ struct zw_snapshot *new = test_load(after, NULL);
	struct zw_diff *diff;

	assert_int_equal(zw_diff_new(old, new, &diff), 0);
	return diff;
}

/* @zone goes from one state to the next at @now_ns. */
static void go(struct zw_trail *trail, uint64_t zone, uint64_t now_ns, const char *before,
	const char *after)
{
	_zw_diff_ struct zw_diff *diff = diff_of(before, after);

	zw_trail_add(trail, zone, now_ns, diff);
}

/* Whether the zone, which is @now, was what a copy of it became. */
static bool had(const struct zw_trail *trail, const char *now, uint64_t since_ns,
	const char *before, const char *after)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(now, NULL);
	_zw_diff_ struct zw_diff *diff = diff_of(before, after);
	int r = zw_trail_had(trail, ZONE, s, since_ns, diff);

	assert_true(r == 0 || r == 1);
	return r;
}

/* A record that came, changed and went. */
#define S1 SOA(1) "a 60 A 192.0.2.1\n"
#define S2 SOA(2) "a 60 A 192.0.2.1\nb 60 TXT x\n"
#define S3 SOA(3) "a 60 A 192.0.2.9\nb 60 TXT y\n"
#define S4 SOA(4) "a 60 A 192.0.2.9\n"

static struct zw_trail *walked(void)
{
	struct zw_trail *trail = new_trail();

	go(trail, ZONE, 100, S1, S2);
	go(trail, ZONE, 200, S2, S3);
	go(trail, ZONE, 300, S3, S4);
	return trail;
}

static void test_each_state_was_there(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = walked();

	(void)state;
	assert_true(had(trail, S4, 0, S1, S4));
	assert_true(had(trail, S4, 0, S1, S3));
	assert_true(had(trail, S4, 0, S1, S2));
	assert_true(had(trail, S4, 0, S4, S1));
	assert_true(had(trail, S4, 0, S2, S3));
}

/* Each of the RRsets was there once, and not both at a time. */
static void test_a_mixture_never_was(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = walked();

	(void)state;
	assert_false(had(trail, S4, 0, S1, SOA(2) "a 60 A 192.0.2.1\nb 60 TXT y\n"));
	assert_false(had(trail, S4, 0, S1, SOA(3) "a 60 A 192.0.2.1\nb 60 TXT x\n"));
	assert_false(had(trail, S4, 0, S1, SOA(2) "a 60 A 192.0.2.9\nb 60 TXT x\n"));
	assert_false(had(trail, S4, 0, S1, SOA(2) "a 60 A 192.0.2.1\nb 61 TXT x\n"));
	assert_false(had(trail, S4, 0, S1, S2 "c 60 TXT z\n"));
}

/* What it was before it was asked for was not sent. */
static void test_only_since(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = walked();

	(void)state;
	assert_true(had(trail, S4, 200, S1, S2));
	assert_false(had(trail, S4, 201, S1, S2));
	assert_true(had(trail, S4, 201, S1, S3));
	assert_false(had(trail, S4, 301, S1, S3));
	assert_true(had(trail, S4, 301, S1, S4));
}

static void test_other_zones(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = new_trail();

	(void)state;
	go(trail, ZONE + 1, 100, S1, S2);
	go(trail, ZONE, 100, S1, S2);
	go(trail, ZONE + 1, 200, S2, S4);
	assert_true(had(trail, S2, 0, S2, S1));
	assert_false(had(trail, S2, 0, S1, S4));
}

static void test_breaks(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = new_trail();

	(void)state;
	go(trail, ZONE, 100, S1, S2);
	zw_trail_break(trail, ZONE + 1);
	assert_true(had(trail, S2, 0, S2, S1));
	zw_trail_break(trail, ZONE);
	assert_false(had(trail, S2, 0, S2, S1));
	go(trail, ZONE, 200, S2, S3);
	assert_true(had(trail, S3, 0, S1, S2));
	assert_false(had(trail, S3, 0, S2, S1));
}

static void test_nothing_known_of_now(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = walked();
	_zw_diff_ struct zw_diff *diff = diff_of(S1, S2);

	(void)state;
	assert_int_equal(zw_trail_had(trail, ZONE, NULL, 0, diff), 0);
}

/* SOA and @n further RRsets, of which the first are also in the states above. */
static char *many(unsigned int serial, unsigned int n)
{
	_zw_str_ struct zw_str text = {};
	char *ret;

	zw_str_addf(&text, "@ 300 SOA ns h %u 2 3 4 500\n", serial);
	for (unsigned int i = 0; i < n; i++)
		zw_str_addf(&text, "n%u 60 TXT x\n", i);
	assert_int_equal(zw_str_done(&text, &ret), 0);
	return ret;
}

/* The oldest are forgotten, a change as a whole: what is left of one is not taken for it. */
static void test_room(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = new_trail();
	_zw_free_ char *large = many(2, ZW_TRAIL_MAX / 4 - 1), *small = many(1, 0);
	unsigned int left = ZW_TRAIL_MAX / 2;

	(void)state;
	/* As many entries as there is room for, and one more. */
	go(trail, ZONE, 100, small, large);
	go(trail, ZONE, 200, large, small);
	for (; left > 0; left -= 2)
		go(trail, ZONE + 1, 300, S1, SOA(2) "a 60 A 192.0.2.2\n");
	assert_true(had(trail, small, 0, small, large));
	assert_true(had(trail, small, 0, large, small));
	zw_trail_break(trail, ZONE + 1);
	assert_true(had(trail, small, 0, small, large));
	for (left = ZW_TRAIL_MAX / 4; left > 0; left--)
		zw_trail_break(trail, ZONE + 1);
	assert_false(had(trail, small, 0, small, large));
}

/* One that takes too much of the room is not kept. */
static void test_too_large(void **state)
{
	_zw_trail_free_ struct zw_trail *trail = new_trail();
	_zw_free_ char *large = many(3, ZW_TRAIL_MAX / 4 + 1), *small = many(1, 0),
		       *next = many(2, 1);

	(void)state;
	go(trail, ZONE, 100, small, next);
	go(trail, ZONE, 200, next, large);
	assert_true(had(trail, large, 0, small, large));
	assert_false(had(trail, large, 0, small, next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_state_was_there),
		cmocka_unit_test(test_a_mixture_never_was),
		cmocka_unit_test(test_only_since),
		cmocka_unit_test(test_other_zones),
		cmocka_unit_test(test_breaks),
		cmocka_unit_test(test_nothing_known_of_now),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
