/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "dns/rr.h"
#include "report_sample.h"
#include "sink/history_delta.h"
#include "sink/history_key.h"
#include "sink/history_patch.h"

static const struct zw_hash_key key = {1, 2};
static const uint8_t origin[] = "\7example\3com";

static const uint8_t *name(const char *text)
{
	static uint8_t wire[4][ZW_NAME_MAX];
	static size_t next;

	next = (next + 1) % 4;
	assert_int_equal(zw_name_from_text(text, wire[next], NULL), 0);
	return wire[next];
}

static struct zw_str key_of(const char *text)
{
	struct zw_str out = {};

	assert_int_equal(zw_name_key(name(text), &out), 0);
	return out;
}

static int compare_bytes(const struct zw_str *a, const struct zw_str *b)
{
	int c = memcmp(
		a->buf ? a->buf : "", b->buf ? b->buf : "", a->len < b->len ? a->len : b->len);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* RFC 4034 section 6.1 has this list, but for the names with octets 0 to 2, in which the escapes show. */
static void test_name_keys_sort_canonically(void **state)
{
	static const char *const sorted[] = {".", "com.", "example.com.", "example.", "a.example.",
		"yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
		"\\000.z.example.", "\\000\\000.z.example.", "\\000\\001.z.example.",
		"\\001.z.example.", "a.\\001.z.example.", "\\001\\000.z.example.",
		"\\002.z.example.", "*.z.example.", "\\200.z.example.", "\\255.z.example.",
		"a.\\255.z.example.", "z\\000.example.", "zz.example.", "examplf."};

	(void)state;
	for (size_t i = 0; i + 1 < ZW_ARRAY_SIZE(sorted); i++) {
		_zw_str_ struct zw_str a = key_of(sorted[i]), b = key_of(sorted[i + 1]);

		if (compare_bytes(&a, &b) >= 0 ||
			zw_name_cmp(name(sorted[i]), name(sorted[i + 1])) >= 0)
			fail_msg("'%s' and '%s'", sorted[i], sorted[i + 1]);
	}
}

static void test_name_keys_are_prefixes_of_what_is_below(void **state)
{
	static const struct {
		const char *name, *parent;
		bool within;
	} cases[] = {
		{"example.com.", "example.com.", true},
		{"www.example.com.", "example.com.", true},
		{"\\255\\255.example.com.", "example.com.", true},
		{"a.b.c.EXAMPLE.com.", "example.COM.", true},
		{"com.", "example.com.", false},
		{"example2.com.", "example.com.", false},
		{"example\\000.com.", "example.com.", false},
		{"example\\001.com.", "example.com.", false},
		{"exampl.com.", "example.com.", false},
		{"www.example.com.", "\\000.com.", false},
		{"x.\\000.com.", "\\000.com.", true},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_str_ struct zw_str it = key_of(cases[i].name), from = key_of(cases[i].parent);
		_zw_str_ struct zw_str end = {};

		assert_int_equal(zw_name_key_end(name(cases[i].parent), &end), 0);
		if ((compare_bytes(&it, &from) >= 0 && compare_bytes(&it, &end) < 0) !=
			cases[i].within)
			fail_msg("'%s' in '%s'", cases[i].name, cases[i].parent);
	}
	{
		_zw_str_ struct zw_str none = {};

		assert_int_equal(zw_name_key_end(name("."), &none), -ERANGE);
	}
}

static void test_names_come_back_from_keys(void **state)
{
	static const char *const names[] = {
		".", "com.", "www.example.com.", "\\000\\001\\002.a.", "\\255.b.\\001."};
	static const char damaged[][4] = {"a", "\1", "a\0\0", "\1\3\0"};
	uint8_t back[ZW_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		_zw_str_ struct zw_str k = key_of(names[i]);

		assert_int_equal(zw_name_from_key(k.buf, k.len, back), 0);
		assert_true(zw_name_equal(back, name(names[i])));
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(damaged); i++)
		assert_int_equal(zw_name_from_key(damaged[i], i < 2 ? 1 : 3, back), -EBADMSG);
}

struct found {
	char text[200];
};

static int found_address(void *ctx, const uint8_t k[static 16])
{
	struct found *found = ctx;

	for (size_t i = 0; i < 16; i++)
		sprintf(found->text + strlen(found->text), "%02x", k[i]);
	strcat(found->text, " ");
	return 0;
}

static void test_addresses(void **state)
{
	static const uint8_t https[] = {0, 1, 0, /* priority, target */
		0, 1, 0, 3, 2, 'h', '2',         /* alpn */
		0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 1};
	struct found found = {};
	uint8_t k[16];

	(void)state;
	assert_int_equal(
		zw_address_each(ZW_TYPE_A, (const uint8_t *)"\300\0\2\1", 4, found_address, &found),
		0);
	assert_string_equal(found.text, "00000000000000000000ffffc0000201 ");
	found.text[0] = '\0';
	/* HTTPS */
	assert_int_equal(zw_address_each(65, https, sizeof(https), found_address, &found), 0);
	assert_string_equal(found.text,
		"00000000000000000000ffffc0000201 00000000000000000000ffffc0000202 "
		"20010db8000000000000000000000001 ");
	/* Cut anywhere it is no worse than incomplete. */
	for (size_t len = 0; len < sizeof(https); len++) {
		found.text[0] = '\0';
		assert_int_equal(zw_address_each(65, https, len, found_address, &found), 0);
		assert_true(strlen(found.text) < 99);
	}
	assert_int_equal(zw_address_each(ZW_TYPE_A, https, 5, found_address, &found), 0);
	assert_int_equal(zw_address_key("192.0.2.1", k), 0);
	assert_memory_equal(k, "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1", 16);
	assert_int_equal(zw_address_key("fe80::1%eth0", k), 0);
	assert_int_equal(k[0], 0xfe);
	assert_int_equal(zw_address_key("www", k), -EINVAL);
}

/* RRSIGs of one RRset may have TTLs of their own. */
#define BEFORE                                                                                     \
	"www 3600 A 192.0.2.1\nwww 3600 A 192.0.2.2\ngone 60 TXT \"\" \"x\"\nsame 1 A 192.0.2.9\n" \
	"@ 60 RRSIG NS 13 2 60 20300101000000 20200101000000 1 example.com. AAAB\n"
#define AFTER                                                                       \
	"www 60 A 192.0.2.1\nnew 60 AAAA 2001:db8::1\nsame 1 A 192.0.2.9\n"         \
	"@ 60 RRSIG NS 13 2 60 20300101000000 20200101000000 1 example.com. AAAB\n" \
	"@ 61 RRSIG A 13 2 3600 20300101000000 20200101000000 1 example.com. AAAA\n"

static void assert_same_diff(const struct zw_diff *a, const struct zw_diff *b)
{
	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++) {
		const struct zw_diff_entry *x = &a->entries[i], *y = &b->entries[i];

		assert_int_equal(x->op, y->op);
		assert_int_equal(x->type, y->type);
		assert_true(zw_name_equal(x->owner, y->owner));
		assert_true(x->op == ZW_DIFF_ADD || zw_rrset_equal(&x->before, &y->before));
		assert_true(x->op == ZW_DIFF_DELETE || zw_rrset_equal(&x->after, &y->after));
	}
	assert_int_equal(a->has_serial_before, b->has_serial_before);
	assert_int_equal(a->serial_after, b->serial_after);
}

static void test_delta_keeps_both_sides(void **state)
{
	_zw_diff_ struct zw_diff *diff = sample_diff(BEFORE, AFTER), *back = NULL;
	_zw_str_ struct zw_str out = {};

	(void)state;
	assert_int_equal(zw_delta_encode(diff, &out), 0);
	assert_int_equal(zw_delta_decode(&key, origin, out.buf, out.len, &back), 0);
	assert_int_equal(diff->len, 5);
	assert_same_diff(diff, back);
}

static void test_delta_of_nothing_and_of_everything(void **state)
{
	_zw_snapshot_ struct zw_snapshot *all = sample_snapshot(7, BEFORE);
	_zw_diff_ struct zw_diff *none = sample_diff("", ""), *born = NULL, *died = NULL;

	(void)state;
	assert_int_equal(zw_diff_new(NULL, all, &born), 0);
	assert_int_equal(zw_diff_new(all, NULL, &died), 0);
	for (int i = 0; i < 3; i++) {
		const struct zw_diff *diff = i == 0 ? none : i == 1 ? born : died;
		_zw_diff_ struct zw_diff *back = NULL;
		_zw_str_ struct zw_str out = {};

		assert_int_equal(zw_delta_encode(diff, &out), 0);
		assert_int_equal(zw_delta_decode(&key, origin, out.buf, out.len, &back), 0);
		assert_same_diff(diff, back);
	}
}

static void test_single_change_is_short(void **state)
{
	_zw_diff_ struct zw_diff *diff =
		sample_diff("www 3600 A 192.0.2.1\n", "www 3600 A 192.0.2.2\n");
	_zw_str_ struct zw_str out = {};

	(void)state;
	assert_int_equal(zw_delta_encode(diff, &out), 0);
	assert_in_range(out.len, 40, 110);
}

static void test_large_delta_is_deflated(void **state)
{
	_zw_str_ struct zw_str text = {}, out = {};
	_zw_diff_ struct zw_diff *diff = NULL, *back = NULL;

	(void)state;
	for (int i = 0; i < 2000; i++)
		zw_str_addf(&text, "host%d 3600 A 10.0.%d.%d\n", i, i / 250, i % 250);
	diff = sample_diff("", text.buf);
	assert_int_equal(zw_delta_encode(diff, &out), 0);
	assert_in_range(out.len, 1000, 20000);
	assert_int_equal(zw_delta_decode(&key, origin, out.buf, out.len, &back), 0);
	assert_same_diff(diff, back);
}

/* No cut and no changed octet goes unnoticed. */
static void test_damaged_delta_is_refused(void **state)
{
	_zw_diff_ struct zw_diff *diff = sample_diff(BEFORE, AFTER);
	_zw_str_ struct zw_str out = {};
	struct zw_diff *back = NULL;

	(void)state;
	assert_int_equal(zw_delta_encode(diff, &out), 0);
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(zw_delta_decode(&key, origin, out.buf, len, &back), -EBADMSG);
	for (size_t i = 0; i < out.len; i++) {
		int r;

		out.buf[i] ^= 0x40;
		r = zw_delta_decode(&key, origin, out.buf, out.len, &back);
		/* The bits behind the end of a deflated stream have no meaning. */
		if (r == 0)
			assert_same_diff(diff, back);
		else
			assert_true(r == -EBADMSG || r == -EFBIG);
		zw_diff_free(back);
		back = NULL;
		out.buf[i] ^= 0x40;
	}
}

/* Applied one after the other, deltas make of the first state the last one. */
static void test_deltas_compose(void **state)
{
	static const char *const texts[] = {BEFORE, AFTER, "", "www 60 A 192.0.2.7\n", BEFORE};
	_zw_snapshot_ struct zw_snapshot *first = sample_snapshot(0, texts[0]), *made = NULL;
	_zw_snapshot_ struct zw_snapshot *last = sample_snapshot(4, texts[4]);
	_zw_patch_list_ struct zw_patch_list list = {};

	(void)state;
	for (uint32_t i = 0; i + 1 < ZW_ARRAY_SIZE(texts); i++) {
		_zw_snapshot_ struct zw_snapshot *a = sample_snapshot(i, texts[i]);
		_zw_snapshot_ struct zw_snapshot *b = sample_snapshot(i + 1, texts[i + 1]);
		_zw_diff_ struct zw_diff *diff = NULL;
		_zw_str_ struct zw_str out = {};

		assert_int_equal(zw_diff_new(a, b, &diff), 0);
		assert_int_equal(zw_delta_encode(diff, &out), 0);
		assert_int_equal(zw_patch_add_delta(&list, origin, out.buf, out.len), 0);
		assert_int_equal(zw_patch_add_delta(&list, origin, out.buf, out.len - 1), -EBADMSG);
	}
	assert_int_equal(zw_patch_list_apply(&key, first, &list, &made), 0);
	assert_true(zw_snapshot_equal(made, last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_keys_sort_canonically),
		cmocka_unit_test(test_name_keys_are_prefixes_of_what_is_below),
		cmocka_unit_test(test_names_come_back_from_keys),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_delta_keeps_both_sides),
		cmocka_unit_test(test_delta_of_nothing_and_of_everything),
		cmocka_unit_test(test_single_change_is_short),
		cmocka_unit_test(test_large_delta_is_deflated),
		cmocka_unit_test(test_damaged_delta_is_refused),
		cmocka_unit_test(test_deltas_compose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
