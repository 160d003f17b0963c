/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"

static void test_types(void **state)
{
	static const struct {
		uint16_t type;
		const char *text;
	} cases[] = {{1, "A"}, {6, "SOA"}, {28, "AAAA"}, {46, "RRSIG"}, {65, "HTTPS"}, {257, "CAA"},
		{65534, "TYPE65534"}, {7, "MB"}, {32769, "DLV"}};
	char buf[ZW_TYPE_TEXT_MAX];
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		assert_string_equal(zw_type_to_text(cases[i].type, buf), cases[i].text);
		assert_int_equal(zw_type_from_text(cases[i].text, &type), 0);
		assert_int_equal(type, cases[i].type);
	}
	assert_int_equal(zw_type_from_text("aaaa", &type), 0);
	assert_int_equal(type, ZW_TYPE_AAAA);
	assert_int_equal(zw_type_from_text("TYPE1", &type), 0);
	assert_int_equal(type, ZW_TYPE_A);
	assert_int_equal(zw_type_from_text("TYPE65536", &type), -EINVAL);
	assert_int_equal(zw_type_from_text("NOTATYPE", &type), -EINVAL);
	assert_true(zw_type_is_meta(252));
	assert_true(zw_type_is_meta(41));
	assert_true(zw_type_is_meta(0));
	assert_false(zw_type_is_meta(257));
	assert_true(zw_type_is_signing(ZW_TYPE_NSEC3));
	assert_true(zw_type_is_signing(ZW_TYPE_BIND_SIGNING));
	assert_false(zw_type_is_signing(ZW_TYPE_SOA));
	assert_false(zw_type_is_signing(ZW_TYPE_DS));
}

static void check_text(uint16_t type, const void *rdata, size_t len, const char *want)
{
	_zw_free_ char *text = NULL;

	assert_int_equal(zw_rdata_to_text(type, rdata, len, &text), 0);
	assert_string_equal(text, want);
}

static void test_rdata_text(void **state)
{
	static uint8_t big[65535];

	(void)state;
	check_text(ZW_TYPE_A, "\300\0\2\1", 4, "192.0.2.1");
	check_text(ZW_TYPE_MX, "\0\12\4mail\7example", 16, "10 mail.example.");
	check_text(ZW_TYPE_TXT, "\3a\"b\1\n", 6, "\"a\\\"b\" \"\\010\"");
	check_text(ZW_TYPE_CAA, "\0\5issueca", 9, "0 issue \"ca\"");
	check_text(7, "\1b", 3, "b.");
	/* Data that its type does not allow, and unknown types. */
	check_text(ZW_TYPE_A, "\1\2\3", 3, "\\# 3 010203");
	check_text(ZW_TYPE_NS, "\5a", 2, "\\# 2 0561");
	check_text(65280, "\252", 1, "\\# 1 AA");
	check_text(65280, "", 0, "\\# 0");
	check_text(ZW_TYPE_TXT, "", 0, "\\# 0");
	/* A time after 2038 is not one before 1970. */
	check_text(ZW_TYPE_RRSIG, "\0\1\10\2\0\0\0\1\200\0\0\0\151\125\271\0\0\1\0\52", 20,
		"A 8 2 1 20380119031408 20260101000000 1 . Kg==");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = 0x80;
	for (size_t i = 0; i < sizeof(big); i += 128)
		big[i] = i + 128 <= sizeof(big) ? 127 : (uint8_t)(sizeof(big) - i - 1);
	_zw_free_ char *text = NULL;
	assert_int_equal(zw_rdata_to_text(ZW_TYPE_TXT, big, sizeof(big), &text), 0);
	assert_true(strlen(text) > 3 * sizeof(big));
}

static void check_lower(uint16_t type, const char *in, size_t len, const char *want)
{
	uint8_t buf[64];

	memcpy(buf, in, len);
	zw_rdata_lower(type, buf, len);
	assert_memory_equal(buf, want, len);
}

static void test_rdata_lower(void **state)
{
	(void)state;
	check_lower(ZW_TYPE_NS, "\1A", 3, "\1a");
	check_lower(ZW_TYPE_MX, "AB\1A", 5, "AB\1a");
	check_lower(ZW_TYPE_SRV, "ABCDEF\1A", 9, "ABCDEF\1a");
	check_lower(ZW_TYPE_SOA, "\1A\0\1B\0ABCDEFGHIJKLMNOPQRST", 26,
		"\1a\0\1b\0ABCDEFGHIJKLMNOPQRST");
	check_lower(35, "ABCD\1U\1S\1R\1A", 13, "ABCD\1U\1S\1R\1a");
	check_lower(ZW_TYPE_RRSIG, "ABCDEFGHIJKLMNOPQR\1A\0SIG", 24, "ABCDEFGHIJKLMNOPQR\1a\0SIG");
	check_lower(7, "\1A", 3, "\1a");
	/* RFC 6840 section 5.1: not in NSEC; RFC 3597 section 7: not in types of later documents.
	 * */
	check_lower(ZW_TYPE_NSEC, "\1A\0\0\1@", 6, "\1A\0\0\1@");
	check_lower(64, "\0\1\1A", 5, "\0\1\1A");
	check_lower(ZW_TYPE_TXT, "\1A", 2, "\1A");
	/* Damaged ones stay as they are. */
	check_lower(ZW_TYPE_NS, "\5AB", 3, "\5AB");
	check_lower(ZW_TYPE_MX, "A", 1, "A");
	check_lower(35, "ABCD\77U", 6, "ABCD\77U");
	check_lower(35, "ABCD", 4, "ABCD");
}

static void test_soa(void **state)
{
	const char *soa = "\1a\0\1b\0\0\0\0\7\0\0\0\1\0\0\0\2\0\0\0\3\0\0\1\0";
	uint32_t serial = 1, minimum = 1;

	(void)state;
	assert_int_equal(zw_soa_parse((const uint8_t *)soa, 26, &serial, &minimum), 0);
	assert_int_equal(serial, 7);
	assert_int_equal(minimum, 256);
	assert_int_equal(zw_soa_parse((const uint8_t *)soa, 25, &serial, NULL), -EBADMSG);
	assert_int_equal(zw_soa_parse((const uint8_t *)"\1a", 3, &serial, NULL), -EBADMSG);
	assert_int_equal(zw_soa_parse((const uint8_t *)"", 0, &serial, NULL), -EBADMSG);
}

/* Data that is cut where its own type says there is more comes out as octets; libknot would read on. */
static void test_rdata_cut(void **state)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		size_t len, whole; /* what fits begins at whole */
	} cases[] = {
		{2, "\1a\1b\0", 5, 5},
		{35, "\0\1\0\2\1U\3E2U\0\1a\0", 14, 14},
		{37, "\0\1\0\2\3", 5, 5},
		{43, "\0\1\5\1", 4, 4},
		{44, "\1\1", 2, 2},
		{45, "\12\0\2", 3, 3},
		{45, "\12\1\2\1\2\3\4", 7, 7},
		{45, "\12\2\2\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 19, 19},
		{45, "\12\3\2\1a\0", 6, 6},
		{48, "\1\1\3\5", 4, 4},
		{50, "\1\0\0\1\2ss\3hhh", 11, 11},
		{51, "\1\0\0\1\2ss", 7, 7},
		{52, "\3\1\1", 3, 3},
		{63, "\0\0\0\1\1\1", 6, 6},
		{64, "\0\1\0\0\3\0\2\1\273", 9, 3},
		{257, "\0\2tt", 4, 4},
		{32769, "\0\1\5\1", 4, 4},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		const uint8_t *rdata = (const uint8_t *)cases[i].rdata;

		assert_true(zw_rdata_fits(cases[i].type, rdata, cases[i].len));
		for (size_t len = 0; len < cases[i].len; len++) {
			_zw_free_ char *text = NULL;

			assert_int_equal(zw_rdata_to_text(cases[i].type, rdata, len, &text), 0);
			if (len < cases[i].whole)
				assert_memory_equal(text, "\\# ", 3);
		}
	}
	assert_false(zw_rdata_fits(45, (const uint8_t *)"\12\4\2", 3));
	assert_false(zw_rdata_fits(64, (const uint8_t *)"\0\1\0\0\0\0\3\0\1\0", 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_rdata_text),
		cmocka_unit_test(test_rdata_cut),
		cmocka_unit_test(test_rdata_lower),
		cmocka_unit_test(test_soa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
