/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"

static const uint8_t *name(const char *text)
{
	static uint8_t buf[4][ZW_NAME_MAX];
	static unsigned int n;
	uint8_t *out = buf[n++ % 4];

	assert_int_equal(zw_name_from_text(text, out, NULL), 0);
	return out;
}

static void test_text_round_trip(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{".", "."},
		{"example.com", "example.com."},
		{"Example.COM.", "Example.COM."},
		{"a\\.b.c.", "a\\.b.c."},
		{"a\\046b.c.", "a\\.b.c."},
		{"\\000\\255.x.", "\\000\\255.x."},
		{"sp\\ ace.x.", "sp\\032ace.x."},
		{"\\\"q\\;\\(\\)\\@\\$.x.", "\\\"q\\;\\(\\)\\@\\$.x."},
		{"xn--bcher-kva.example.", "xn--bcher-kva.example."},
		{"*.example.", "*.example."},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_NAME_TEXT_MAX];

		assert_int_equal(zw_name_to_text(name(cases[i].in), text), strlen(cases[i].out));
		assert_string_equal(text, cases[i].out);
	}
}

static void test_text_refused(void **state)
{
	static const char *const cases[] = {
		"", "..", ".a", "a..b", "a\\", "a\\25", "a\\256", "a\\2x5",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", /* 64 */
	};
	uint8_t out[ZW_NAME_MAX] = {42};
	char text[300] = "";

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++)
		assert_int_equal(zw_name_from_text(cases[i], out, NULL), -EINVAL);
	assert_int_equal(out[0], 42);
	/* 127 labels of one octet are 255 octets; one octet more is too long. */
	for (int i = 0; i < 127; i++)
		strcat(text, "a.");
	assert_int_equal(zw_name_from_text(text, out, NULL), 0);
	assert_int_equal(zw_name_len(out), 255);
	assert_int_equal(zw_name_labels(out), ZW_LABELS_MAX);
	text[0] = '\0';
	for (int i = 0; i < 126; i++)
		strcat(text, "a.");
	strcat(text, "bb.");
	assert_int_equal(zw_name_from_text(text, out, NULL), -EINVAL);
}

static void test_wire_check(void **state)
{
	size_t len = 7;

	(void)state;
	assert_int_equal(zw_name_check((const uint8_t *)"\3abc", 5, &len), 0);
	assert_int_equal(len, 5);
	assert_int_equal(zw_name_check((const uint8_t *)"\3abc", 4, &len), -EBADMSG);
	assert_int_equal(zw_name_check((const uint8_t *)"\3ab", 3, NULL), -EBADMSG);
	assert_int_equal(zw_name_check((const uint8_t *)"\300\0", 2, NULL), -EBADMSG);
	assert_int_equal(zw_name_check((const uint8_t *)"", 0, NULL), -EBADMSG);
	assert_int_equal(zw_name_check((const uint8_t *)"", 1, &len), 0);
	assert_int_equal(len, 1);
}

/* The example of RFC 4034 section 6.1. */
static void test_canonical_order(void **state)
{
	static const char *const sorted[] = {"example.", "a.example.", "yljkjljk.a.example.",
		"Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", "\\001.z.example.", "*.z.example.",
		"\\200.z.example."};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ZW_ARRAY_SIZE(sorted); j++) {
			int d = zw_name_cmp(name(sorted[i]), name(sorted[j]));

			assert_int_equal((d > 0) - (d < 0), (i > j) - (i < j));
		}
	}
	assert_int_equal(zw_name_cmp(name("Z.a.example."), name("z.A.example.")), 0);
}

static void test_lower(void **state)
{
	uint8_t buf[256], want[256];

	(void)state;
	for (int len = 0; len < 256; len += 15) {
		for (int i = 0; i < 256; i++) {
			buf[i] = (uint8_t)(i * 7);
			want[i] = buf[i];
			if (i < len && want[i] >= 'A' && want[i] <= 'Z')
				want[i] += 'a' - 'A';
		}
		zw_name_lower(buf, (size_t)len);
		assert_memory_equal(buf, want, sizeof(buf));
	}
}

static void test_relations(void **state)
{
	(void)state;
	assert_true(zw_name_equal(name("A.b."), name("a.B.")));
	assert_false(zw_name_equal(name("a.b."), name("a.bc.")));
	assert_true(zw_name_is_within(name("a.Example."), name("example.")));
	assert_true(zw_name_is_within(name("example."), name("example.")));
	assert_true(zw_name_is_within(name("example."), name(".")));
	assert_false(zw_name_is_within(name("example."), name("a.example.")));
	assert_false(zw_name_is_within(name("badexample."), name("example.")));
	/* The octets end alike, but not at a label's start. */
	assert_false(zw_name_is_within(name("x\\007example."), name("example.")));
	assert_true(zw_name_matches(name("*.dyn.example."), name("a.b.dyn.example.")));
	assert_false(zw_name_matches(name("*.dyn.example."), name("dyn.example.")));
	assert_true(zw_name_matches(name("dyn.example."), name("DYN.example.")));
	assert_false(zw_name_matches(name("dyn.example."), name("a.dyn.example.")));
	assert_true(zw_name_equal(zw_name_parent(name("a.b.")), name("b.")));
	assert_true(zw_name_equal(zw_name_parent(name(".")), name(".")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_round_trip),
		cmocka_unit_test(test_text_refused),
		cmocka_unit_test(test_wire_check),
		cmocka_unit_test(test_canonical_order),
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_relations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
