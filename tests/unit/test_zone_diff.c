/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"
#include "zone/diff.h"

#define HEAD "@ 300 SOA ns h 1 2 3 4 500\n@ NS ns\nns A 1.1.1.1\n"
#define HEAD2 "@ 300 SOA ns h 2 2 3 4 500\n@ NS ns\nns A 1.1.1.1\n"
#define SIG(type, tag) \
	" RRSIG " type " 8 2 3600 20260101000000 20250101000000 " tag " example. AAAA\n"

/* "+a.example. A", "~b.example. TXT 300>60": one entry a word group. */
static char *describe(const struct zw_diff *d)
{
	static const char marks[] = {'+', '-', '~'};
	struct zw_str out = {};
	char *text = NULL;

	zw_str_add(&out, "");
	for (size_t i = 0; i < d->len; i++) {
		const struct zw_diff_entry *e = &d->entries[i];
		char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

		zw_name_to_text(e->owner, owner);
		zw_str_addf(&out, "%c%s %s %u/%u>%u/%u\n", marks[e->op], owner,
			zw_type_to_text(e->type, type), e->before.count, e->before.ttl,
			e->after.count, e->after.ttl);
	}
	assert_int_equal(zw_str_done(&out, &text), 0);
	return text;
}

static const struct {
	const char *before, *after, *diff;
	bool soa_only, signing_only;
} cases[] = {
	{HEAD, HEAD, "", false, false},
	{HEAD, HEAD2, "~example. SOA 1/300>1/300\n", true, true},
	{HEAD "a A 1.1.1.1\n", HEAD2 "a A 1.1.1.2\n",
		"~example. SOA 1/300>1/300\n~a.example. A 1/300>1/300\n", false, false},
	{HEAD, HEAD "a A 1.1.1.1\na AAAA ::1\n",
		"+a.example. A 0/0>1/300\n+a.example. AAAA 0/0>1/300\n", false, false},
	{HEAD "a A 1.1.1.1\nb A 1.1.1.1\n", HEAD "b A 1.1.1.1\n", "-a.example. A 1/300>0/0\n",
		false, false},
	{HEAD "a 60 A 1.1.1.1\na A 1.1.1.2\n", HEAD "a 61 A 1.1.1.2\na A 1.1.1.1\n",
		"~a.example. A 2/60>2/61\n", false, false},
	{HEAD "a A 1.1.1.1\n", HEAD "a A 1.1.1.1\na A 1.1.1.2\nb A 1.1.1.1\n",
		"~a.example. A 1/300>2/300\n+b.example. A 0/0>1/300\n", false, false},
	{HEAD "a NS B\n", HEAD "A NS b\n", "", false, false},
	{HEAD "a" SIG("A", "1"), HEAD2 "a" SIG("A", "2") "a NSEC b A\n@ TYPE65534 \\# 1 00\n",
		"~example. SOA 1/300>1/300\n+example. TYPE65534 0/0>1/300\n"
		"~a.example. RRSIG 1/300>1/300\n+a.example. NSEC 0/0>1/300\n",
		false, true},
	{HEAD "a" SIG("A", "1"), HEAD2 "a" SIG("A", "2") "b A 1.1.1.1\n",
		"~example. SOA 1/300>1/300\n~a.example. RRSIG 1/300>1/300\n"
		"+b.example. A 0/0>1/300\n",
		false, false},
	/* A signature's TTL alone, not of the first. */
	{HEAD "a" SIG("A", "1") "a" SIG("A", "2"), HEAD "a" SIG("A", "1") "a 9" SIG("A", "2"),
		"~a.example. RRSIG 2/300>2/300\n", false, true},
};

static void check(struct zw_snapshot *before, struct zw_snapshot *after, size_t i)
{
	_zw_diff_ struct zw_diff *d = NULL;
	_zw_free_ char *text = NULL;

	assert_int_equal(zw_diff_new(before, after, &d), 0);
	text = describe(d);
	assert_string_equal(text, cases[i].diff);
	assert_int_equal(zw_diff_is_soa_only(d), cases[i].soa_only);
	assert_int_equal(zw_diff_is_signing_only(d), cases[i].signing_only);
	assert_true(d->has_serial_before && d->has_serial_after);
	assert_int_equal(d->serial_before, 1);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_snapshot_ struct zw_snapshot *before = test_load(cases[i].before, NULL),
						 *apart = test_load(cases[i].after, NULL),
						 *heir = test_load(cases[i].after, before);

		check(before, apart, i);
		check(before, heir, i);
	}
}

static void test_appeared_and_vanished(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(HEAD, NULL);
	_zw_diff_ struct zw_diff *d = NULL;
	_zw_free_ char *text = NULL;

	(void)state;
	assert_int_equal(zw_diff_new(NULL, s, &d), 0);
	text = describe(d);
	assert_string_equal(text,
		"+example. NS 0/0>1/300\n+example. SOA 0/0>1/300\n+ns.example. A 0/0>1/300\n");
	assert_false(d->has_serial_before);
	assert_true(d->has_serial_after);
	zw_diff_free(ZW_TAKE(d));
	assert_int_equal(zw_diff_new(s, NULL, &d), 0);
	assert_int_equal(d->len, 3);
	assert_int_equal(d->entries[0].op, ZW_DIFF_DELETE);
	assert_false(d->has_serial_after);
	zw_diff_free(ZW_TAKE(d));
	assert_int_equal(zw_diff_new(NULL, NULL, &d), 0);
	assert_int_equal(d->len, 0);
	assert_false(zw_diff_is_soa_only(d));
	assert_false(zw_diff_is_signing_only(d));
}

static bool is_not_of_type(void *ctx, const struct zw_diff_entry *entry)
{
	return entry->type != *(const uint16_t *)ctx;
}

static void test_keep(void **state)
{
	_zw_snapshot_ struct zw_snapshot *before = test_load(HEAD, NULL);
	_zw_snapshot_ struct zw_snapshot *after =
		test_load(HEAD2 "a A 1.1.1.1\nb TXT x\nc A 1.1.1.1\nd NS e\n", NULL);
	_zw_diff_ struct zw_diff *d = NULL;
	uint16_t type = ZW_TYPE_A;

	(void)state;
	assert_int_equal(zw_diff_new(before, after, &d), 0);
	assert_int_equal(d->len, 5);
	zw_diff_keep(d, is_not_of_type, &type);
	assert_int_equal(d->len, 3);
	assert_int_equal(d->entries[0].type, ZW_TYPE_SOA);
	assert_int_equal(d->entries[1].type, ZW_TYPE_TXT);
	assert_int_equal(d->entries[2].type, ZW_TYPE_NS);
	assert_int_equal(d->serial_after, 2);
}

/* The difference keeps what it shows alive. */
static void test_ownership(void **state)
{
	struct zw_snapshot *before = test_load(HEAD "a TXT some-text-here\n", NULL),
			   *after = test_load(HEAD2 "a TXT other-text-here\n", before);
	_zw_diff_ struct zw_diff *d = NULL;
	uint16_t len;

	(void)state;
	assert_int_equal(zw_diff_new(before, after, &d), 0);
	zw_snapshot_unref(before);
	zw_snapshot_unref(after);
	assert_int_equal(d->len, 2);
	assert_memory_equal(
		zw_rrset_rdata(&d->entries[1].before, 0, &len), "\16some-text-here", 15);
	assert_memory_equal(
		zw_rrset_rdata(&d->entries[1].after, 0, &len), "\17other-text-here", 16);
	assert_int_equal(d->serial_after, 2);
	assert_string_equal(zw_diff_op_to_text(d->entries[1].op), "modify");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_appeared_and_vanished),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_ownership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
