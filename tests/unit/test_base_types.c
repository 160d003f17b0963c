/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ulid.h"
#include "base/vec.h"

static void test_iso(void **state)
{
	char buf[ZW_TIME_ISO_MAX];

	(void)state;
	zw_time_iso(0, buf);
	assert_string_equal(buf, "1970-01-01T00:00:00.000000000Z");
	zw_time_iso(1795602600123456789ULL, buf);
	assert_string_equal(buf, "2026-11-25T10:30:00.123456789Z");
	zw_time_iso(1709210096000000001ULL, buf);
	assert_string_equal(buf, "2024-02-29T12:34:56.000000001Z");
	/* The latest there is still fits. */
	zw_time_iso(UINT64_MAX, buf);
	assert_string_equal(buf, "2554-07-21T23:34:33.709551615Z");
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ns;
	} cases[] = {
		{"0", 0, 0},
		{"7", 0, 7 * ZW_NSEC_PER_SEC},
		{"250ms", 0, 250 * ZW_NSEC_PER_MSEC},
		{"30s", 0, 30 * ZW_NSEC_PER_SEC},
		{"5m", 0, 300 * ZW_NSEC_PER_SEC},
		{"2h", 0, 7200 * ZW_NSEC_PER_SEC},
		{"400d", 0, 400 * 86400 * ZW_NSEC_PER_SEC},
		{"2w", 0, 14 * 86400 * ZW_NSEC_PER_SEC},
		{"213503d", 0, 213503ULL * 86400 * ZW_NSEC_PER_SEC},
		{"213504d", -ERANGE, 0},
		{"99999999999999999999s", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{" 1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1.5h", -EINVAL, 0},
		{"1S", -EINVAL, 0},
		{"1h30m", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 42;
		int r = zw_parse_duration(cases[i].text, &ns);

		if (r != cases[i].r || ns != (r == 0 ? cases[i].ns : 42))
			fail_msg("\"%s\": %d, %llu", cases[i].text, r, (unsigned long long)ns);
	}
}

static void test_clocks(void **state)
{
	uint64_t boot = zw_boottime_ns(), real = zw_realtime_ns();
	int64_t offset = zw_boot_to_real_offset_ns();

	(void)state;
	assert_true(zw_boottime_ns() >= boot);
	/* A second is far more than the three calls take. */
	assert_true(llabs((int64_t)(real - boot) - offset) < (int64_t)ZW_NSEC_PER_SEC);
}

static void test_ulid(void **state)
{
	char a[ZW_ULID_LEN + 1], b[ZW_ULID_LEN + 1], c[ZW_ULID_LEN + 1];
	struct zw_ulid_state s = {};

	(void)state;
	zw_ulid(&s, 1795602600123ULL * ZW_NSEC_PER_MSEC, a);
	assert_int_equal(strlen(a), ZW_ULID_LEN);
	assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), ZW_ULID_LEN);
	/* 1795602600123 in base 32: the ten digits of the time. */
	assert_memory_equal(a, "01M8942M5V", 10);
	/* The same millisecond, and a clock set back: still after. */
	zw_ulid(&s, 1795602600123ULL * ZW_NSEC_PER_MSEC, b);
	assert_true(strcmp(a, b) < 0);
	zw_ulid(&s, 1795602600000ULL * ZW_NSEC_PER_MSEC, c);
	assert_true(strcmp(b, c) < 0);
	zw_ulid(&s, 1795602600124ULL * ZW_NSEC_PER_MSEC, a);
	assert_true(strcmp(c, a) < 0);
}

static void test_ulid_carries(void **state)
{
	char a[ZW_ULID_LEN + 1], b[ZW_ULID_LEN + 1];
	struct zw_ulid_state s = {.last_ms = 1, .random = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe}};

	(void)state;
	zw_ulid(&s, 0, a);
	assert_string_equal(a + 10, "0000000000001ZZZ");
	zw_ulid(&s, 0, b);
	assert_string_equal(b + 10, "0000000000002000");
	for (int i = 0; i < 1000; i++) {
		memcpy(a, b, sizeof(a));
		zw_ulid(&s, 0, b);
		assert_true(strcmp(a, b) < 0);
	}
}

static void test_ulids_differ_between_agents(void **state)
{
	char a[ZW_ULID_LEN + 1], b[ZW_ULID_LEN + 1];
	struct zw_ulid_state s = {}, t = {};

	(void)state;
	zw_ulid(&s, ZW_NSEC_PER_SEC, a);
	zw_ulid(&t, ZW_NSEC_PER_SEC, b);
	assert_memory_equal(a, b, 10);
	assert_string_not_equal(a, b);
}

static void test_vec(void **state)
{
	ZW_VEC(uint32_t) v = {};
	uint32_t sum = 0;

	(void)state;
	ZW_VEC_FOREACH(item, &v)
		sum += *item;
	assert_int_equal(sum, 0);
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(zw_vec_push(&v, i), 0);
	assert_int_equal(v.len, 1000);
	ZW_VEC_FOREACH(item, &v)
		sum += *item;
	assert_int_equal(sum, 500500);
	zw_vec_remove_unordered(&v, 0);
	assert_int_equal(v.len, 999);
	assert_int_equal(v.items[0], 1000);
	zw_vec_free(&v);
	assert_null(v.items);
	assert_int_equal(v.len + v.cap, 0);
}

static void test_vec_refuses_what_cannot_be(void **state)
{
	ZW_VEC(uint64_t) v = {};

	(void)state;
	assert_int_equal(zw_vec_push(&v, 7), 0);
	assert_int_equal(zw_vec_reserve(&v, SIZE_MAX / 4), -ENOMEM);
	assert_int_equal(v.len, 1);
	assert_int_equal(v.items[0], 7);
	zw_vec_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_ulid),
		cmocka_unit_test(test_ulid_carries),
		cmocka_unit_test(test_ulids_differ_between_agents),
		cmocka_unit_test(test_vec),
		cmocka_unit_test(test_vec_refuses_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
