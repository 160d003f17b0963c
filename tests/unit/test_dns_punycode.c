/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/punycode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static void test_samples(void **state)
{
	static const struct {
		const char *label;
		uint32_t text[16];
	} cases[] = {
		{"xn--bcher-kva", {'b', 0xfc, 'c', 'h', 'e', 'r'}},
		{"xn--mnchen-3ya", {'m', 0xfc, 'n', 'c', 'h', 'e', 'n'}},
		{"xn--80ak6aa92e", {0x430, 0x440, 0x440, 0x4cf, 0x435}},
		{"xn--exmple-4nf", {'e', 'x', 0x430, 'm', 'p', 'l', 'e'}},
		/* RFC 3492 section 7.1 (L) */
		{"xn--3B-ww4c5e180e575a65lsy2b",
			{'3', 0x5e74, 'B', 0x7d44, 0x91d1, 0x516b, 0x5148, 0x751f}},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint32_t text[ZW_LABEL_MAX];
		uint8_t label[ZW_LABEL_MAX];
		size_t len, label_len;

		assert_int_equal(zw_punycode_decode((const uint8_t *)cases[i].label,
					 strlen(cases[i].label), text, &len),
			0);
		assert_true(len < ZW_ARRAY_SIZE(cases[i].text) && cases[i].text[len] == 0);
		assert_memory_equal(text, cases[i].text, len * sizeof(*text));
		assert_int_equal(zw_punycode_encode(text, len, label, &label_len), 0);
		assert_int_equal(label_len, strlen(cases[i].label));
		assert_memory_equal(label, cases[i].label, label_len);
	}
}

static void test_no_a_labels(void **state)
{
	static const char *const cases[] = {
		"", "xn--", "www", "xn--a b", "xn--999999999999999", "xn--\xff-kva", "xn--b!"};
	uint32_t text[ZW_LABEL_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++)
		assert_int_equal(
			zw_punycode_decode((const uint8_t *)cases[i], strlen(cases[i]), text, &len),
			-EINVAL);
}

static void test_does_not_fit(void **state)
{
	uint32_t text[ZW_LABEL_MAX];
	uint8_t label[ZW_LABEL_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ZW_LABEL_MAX; i++)
		text[i] = 0xe000 + (uint32_t)(i * 131);
	assert_int_equal(zw_punycode_encode(text, 40, label, &len), -EINVAL);
	assert_int_equal(zw_punycode_encode(text, ZW_LABEL_MAX, label, &len), -EINVAL);
	assert_int_equal(zw_punycode_encode(text, 0, label, &len), -EINVAL);
	text[0] = 0x110000;
	assert_int_equal(zw_punycode_encode(text, 1, label, &len), -EINVAL);
	text[0] = 'a'; /* needs no encoding */
	assert_int_equal(zw_punycode_encode(text, 1, label, &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_no_a_labels),
		cmocka_unit_test(test_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
