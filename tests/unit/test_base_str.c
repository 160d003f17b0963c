/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/str.h"

static void test_grows(void **state)
{
	_zw_str_ struct zw_str s = {};
	_zw_free_ char *text = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		zw_str_addf(&s, "%d,", i);
	zw_str_add_char(&s, '!');
	zw_str_add_len(&s, "abcdef", 3);
	assert_int_equal(s.len, 10 * 2 + 90 * 3 + 900 * 4 + 4);
	assert_int_equal(zw_str_done(&s, &text), 0);
	assert_true(zw_startswith(text, "0,1,2,"));
	assert_true(zw_endswith(text, "999,!abc"));
	assert_null(s.buf);
}

static void test_empty_is_text(void **state)
{
	_zw_str_ struct zw_str s = {};
	_zw_free_ char *text = NULL;

	(void)state;
	assert_int_equal(zw_str_done(&s, &text), 0);
	assert_string_equal(text, "");
}

/* One failure spoils the whole, so that nothing half-built is taken for complete. */
static void test_failure_sticks(void **state)
{
	struct zw_str s = {};
	char *text = NULL;

	(void)state;
	zw_str_add(&s, "kept until then");
	s.failed = true;
	zw_str_add(&s, "ignored");
	assert_int_equal(s.len, strlen("kept until then"));
	assert_int_equal(zw_str_done(&s, &text), -ENOMEM);
	assert_null(text);
	assert_null(s.buf);
	assert_false(s.failed);
}

static void escapes(const char *raw, size_t len, const char *expected)
{
	_zw_str_ struct zw_str s = {};

	zw_str_add_escaped(&s, raw, len);
	assert_string_equal(s.buf ? s.buf : "", expected);
}
#define ESCAPES(raw, expected) escapes(raw, sizeof(raw) - 1, expected)

static void test_escaped(void **state)
{
	(void)state;
	ESCAPES("", "");
	ESCAPES("plain ~text", "plain ~text");
	ESCAPES("a\nb\tc\x1b[2J", "a\\x0ab\\x09c\\x1b[2J");
	ESCAPES("nul\0inside", "nul\\x00inside");
	ESCAPES("back\\slash", "back\\\\slash");
	ESCAPES("\x7f", "\\x7f");
	ESCAPES("z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80",
		"z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void test_escaped_broken_utf8(void **state)
{
	(void)state;
	ESCAPES("\x80", "\\x80");
	ESCAPES("\xc3", "\\xc3");
	ESCAPES("\xc3(", "\\xc3(");
	ESCAPES("\xc0\xaf", "\\xc0\\xaf");                   /* overlong */
	ESCAPES("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* overlong */
	ESCAPES("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"); /* overlong */
	ESCAPES("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
	ESCAPES("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	ESCAPES("\xe2\x82", "\\xe2\\x82");                   /* cut */
	ESCAPES("\xff\xfe", "\\xff\\xfe");
}

/* Well-formed UTF-8 that a terminal or an editor obeys instead of showing it. */
static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t octets;
		uint32_t point;
	} cases[] = {
		{"a", 1, 'a'},
		{"\xc2\x80", 2, 0x80},
		{"\xc3\xa4x", 2, 0xe4},
		{"\xe2\x82\xac", 3, 0x20ac},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"", 0, 0},
		{"\x80", 0, 0},
		{"\xc3", 0, 0},
		{"\xc3z", 0, 0},
		{"\xc1\x81", 0, 0},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xed\xa0\x80", 0, 0},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xf4\x90\x80\x80", 0, 0},
		{"\xf5\x80\x80\x80", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint32_t point = 0;

		assert_int_equal(zw_utf8_decode(cases[i].text, strlen(cases[i].text), &point),
			cases[i].octets);
		assert_int_equal(point, cases[i].point);
	}
}

static void test_escaped_controls_in_utf8(void **state)
{
	(void)state;
	ESCAPES("\xc2\x9b"
		"2J",
		"\\xc2\\x9b"
		"2J");                              /* C1 CSI */
	ESCAPES("\xc2\x85", "\\xc2\\x85");          /* next line */
	ESCAPES("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* line separator */
	ESCAPES("\xe2\x80\xae"
		"gpj",
		"\\xe2\\x80\\xaegpj");              /* right-to-left override */
	ESCAPES("\xe2\x81\xa6", "\\xe2\\x81\\xa6"); /* isolate */
	ESCAPES("\xc2\xa0", "\xc2\xa0");            /* the first that is no control */
}

static void test_affixes(void **state)
{
	(void)state;
	assert_true(zw_startswith("example.com.", "example"));
	assert_false(zw_startswith("ex", "example"));
	assert_true(zw_endswith("example.com.", ".com."));
	assert_false(zw_endswith("om.", ".com."));
	assert_true(zw_endswith("x", ""));
}

static void test_numbers(void **state)
{
	uint64_t v = 77;
	uint32_t w = 77;

	(void)state;
	assert_int_equal(zw_parse_u64("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(zw_parse_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(zw_parse_u64("0x1f", &v), 0);
	assert_int_equal(v, 31);
	assert_int_equal(zw_parse_u64("010", &v), 0);
	assert_int_equal(v, 10);
	v = 77;
	assert_int_equal(zw_parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(zw_parse_u64("", &v), -EINVAL);
	assert_int_equal(zw_parse_u64("-1", &v), -EINVAL);
	assert_int_equal(zw_parse_u64("+1", &v), -EINVAL);
	assert_int_equal(zw_parse_u64(" 1", &v), -EINVAL);
	assert_int_equal(zw_parse_u64("1 ", &v), -EINVAL);
	assert_int_equal(zw_parse_u64("1k", &v), -EINVAL);
	assert_int_equal(v, 77);
	assert_int_equal(zw_parse_u32("4294967295", &w), 0);
	assert_true(w == UINT32_MAX);
	assert_int_equal(zw_parse_u32("4294967296", &w), -ERANGE);
	assert_true(w == UINT32_MAX);
}

static void test_asprintf(void **state)
{
	_zw_free_ char *text = zw_asprintf("%s-%d", "x", 7);

	(void)state;
	assert_string_equal(text, "x-7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_empty_is_text),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_escaped_broken_utf8),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_escaped_controls_in_utf8),
		cmocka_unit_test(test_affixes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_asprintf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
