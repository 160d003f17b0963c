/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reverts: what is refused, and the updates they become. */
#include <stdlib.h>

#include "dns/rrtext.h"
#include "unit/revert_fixture.h"
#include "zone/update.h"

#define HEAD "@ 300 SOA ns h 5 2 3 4 500\n@ 300 NS ns\n"
#define HEAD6 "@ 300 SOA ns h 6 2 3 4 500\n@ 300 NS ns\n"

/* The change is from @before to @after; @laters: what came after that, NULL-terminated. */
static struct fixture begin_channel(
	const char *before, const char *after, enum zw_channel channel, const char *const *laters)
{
	struct fixture f = {.before = test_load(before, NULL), .after = test_load(after, NULL)};
	struct zw_revert_later later[4];
	struct zw_diff *diff[4];
	struct zw_revert_input in = {.channel = channel, .later = later};

	assert_int_equal(zw_diff_new(f.before, f.after, &f.change), 0);
	f.present = zw_snapshot_ref(f.after);
	for (; laters && laters[in.laters]; in.laters++) {
		static const char *const ids[] = {"FIRST", "SECOND", "THIRD", "FOURTH"};
		struct zw_snapshot *next = test_load(laters[in.laters], NULL);

		assert_int_equal(zw_diff_new(f.present, next, &diff[in.laters]), 0);
		later[in.laters] = (struct zw_revert_later){ids[in.laters], diff[in.laters]};
		zw_snapshot_unref(f.present);
		f.present = next;
	}
	in.change = f.change;
	in.present = f.present;
	f.r = zw_revert_new(&in, &f.revert, &f.refusal);
	for (size_t i = 0; i < in.laters; i++)
		zw_diff_free(diff[i]);
	return f;
}

static struct fixture begin(const char *before, const char *after, const char *const *laters)
{
	return begin_channel(before, after, ZW_CHANNEL_UPDATE, laters);
}

/* --- what is refused -------------------------------------------------------------------------------- */

static void check_refused(const char *before, const char *after, const char *const *laters,
	int code, const char *why, size_t ids)
{
	struct fixture f = begin(before, after, laters);

	assert_int_equal(f.r, code);
	assert_null(f.revert);
	assert_string_equal(f.refusal.why.buf, why);
	assert_int_equal(f.refusal.later.len, ids);
	end(&f);
}

static void test_later_changes(void **state)
{
	static const char before[] = HEAD "a 60 A 1.1.1.1\n", after[] = HEAD6 "a 60 A 1.1.1.2\n";

	(void)state;
	check_refused(before, after, (const char *[]){HEAD6 "a 60 A 1.1.1.3\n", NULL}, -EBUSY,
		"a.example. A was changed again by FIRST", 1);
	check_refused(before, after,
		(const char *[]){HEAD6 "a 60 A 1.1.1.2\nb 60 A 1.1.1.1\n", HEAD6 "a 60 A 1.1.1.3\n",
			HEAD6 "a 60 A 1.1.1.4\n", NULL},
		-EBUSY, "a.example. A was changed again by SECOND, THIRD", 2);
	/* A TTL is a change as well. */
	check_refused(before, after, (const char *[]){HEAD6 "a 61 A 1.1.1.2\n", NULL}, -EBUSY,
		"a.example. A was changed again by FIRST", 1);
	/* What cannot be beside what is put back. */
	check_refused(before, HEAD6, (const char *[]){HEAD6 "a 60 CNAME b\n", NULL}, -EBUSY,
		"a.example. CNAME was changed again by FIRST", 1);
	check_refused(HEAD "a 60 CNAME b\n", HEAD6, (const char *[]){HEAD6 "a 60 TXT x\n", NULL},
		-EBUSY, "a.example. TXT was changed again by FIRST", 1);
}

static void test_later_changes_elsewhere(void **state)
{
	struct fixture f = begin(HEAD "a 60 A 1.1.1.1\n", HEAD6 "a 60 A 1.1.1.2\n",
		(const char *[]){HEAD6 "a 60 A 1.1.1.2\na 60 TXT x\nb 60 A 1.1.1.1\n", NULL});

	(void)state;
	assert_int_equal(f.r, 0);
	assert_int_equal(f.revert->sets.len, 1);
	end(&f);
	/* What was undone since is not in the way, so that changes can be reverted one after the other. */
	f = begin(HEAD "a 60 A 1.1.1.1\n", HEAD6 "a 60 A 1.1.1.2\n",
		(const char *[]){HEAD6 "a 60 A 1.1.1.3\n", HEAD6 "a 60 A 1.1.1.2\n", NULL});
	assert_int_equal(f.r, 0);
	end(&f);
	/* Nor is a CNAME that came and went again. */
	f = begin(HEAD "a 60 A 1.1.1.1\n", HEAD6,
		(const char *[]){HEAD6 "a 60 CNAME b\n", HEAD6, NULL});
	assert_int_equal(f.r, 0);
	end(&f);
}

/* Changed while nobody watched, so that no later change tells of it. */
static void test_other_state(void **state)
{
	static const struct {
		const char *before, *after, *present, *why;
	} cases[] = {
		{"a 60 A 1.1.1.1\n", "a 60 A 1.1.1.2\n", "a 60 A 1.1.1.3\n",
			"a.example. A is not as the change left it"},
		{"a 60 A 1.1.1.1\n", "a 60 A 1.1.1.2\n", "a 60 A 1.1.1.1\n",
			"a.example. A is as it was before the change already"},
		{"", "a 60 A 1.1.1.2\n", "", "a.example. A is as it was before the change already"},
		{"a 60 A 1.1.1.1\n", "", "a 60 CNAME b\n",
			"a.example. A cannot stand beside a.example. CNAME, which is there now"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
		_zw_free_ char *x = zw_asprintf(HEAD "%s", cases[i].before);
		_zw_free_ char *y = zw_asprintf(HEAD6 "%s", cases[i].after);
		_zw_free_ char *z = zw_asprintf(HEAD6 "%s", cases[i].present);
		_zw_snapshot_ struct zw_snapshot *before = test_load(x, NULL);
		_zw_snapshot_ struct zw_snapshot *after = test_load(y, NULL);
		_zw_snapshot_ struct zw_snapshot *present = test_load(z, NULL);
		_zw_diff_ struct zw_diff *diff = NULL;
		struct zw_revert_input in = {.present = present};
		struct zw_revert *v = NULL;

		assert_int_equal(zw_diff_new(before, after, &diff), 0);
		in.change = diff;
		assert_int_equal(zw_revert_new(&in, &v, &refusal), -ESTALE);
		assert_string_equal(refusal.why.buf, cases[i].why);
	}
}

static void test_nothing_to_do(void **state)
{
	(void)state;
	check_refused(HEAD, HEAD6, NULL, -ENODATA,
		"nothing but the serial was changed, which cannot go back", 0);
	check_refused(HEAD "a 60 NSEC b A\n", HEAD6 "a 60 NSEC c A\n", NULL, -ENODATA,
		"only what the signer maintains was changed, and that is left to it", 0);
}

static void test_zone_itself(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(HEAD, NULL);
	_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
	_zw_diff_ struct zw_diff *diff = NULL;
	struct zw_revert_input in = {.present = s};
	struct zw_revert *v = NULL;

	(void)state;
	assert_int_equal(zw_diff_new(NULL, s, &diff), 0);
	in.change = diff;
	assert_int_equal(zw_revert_new(&in, &v, &refusal), -EOPNOTSUPP);
	assert_string_equal(refusal.why.buf, "it is the zone itself that came or went");
}

/* --- the script ------------------------------------------------------------------------------------- */

/* What stands between the heading and "send"; of the heading only what follows the serial. */
static void check_script(const char *before, const char *after, const char *script)
{
	struct fixture f = begin(before, after, NULL);
	_zw_revert_messages_ zw_revert_messages messages = {};
	_zw_str_ struct zw_str out = {};
	const char *body;

	assert_int_equal(f.r, 0);
	assert_int_equal(zw_revert_to_messages(f.revert, &messages, &f.refusal), 0);
	assert_int_equal(messages.len, 1);
	assert_int_equal(zw_revert_to_nsupdate(f.revert, &messages, &heading, &out), 0);
	assert_memory_equal(out.buf, "; title\n; ", 10);
	body = strchr(out.buf + 8, '\n') + 1;
	assert_string_equal(body, script);
	assert_null(strstr(out.buf, "\n\n"));
	end(&f);
}

static void test_scripts(void **state)
{
	(void)state;
	check_script(HEAD "a 60 A 1.1.1.1\na 60 A 1.1.1.2\n",
		HEAD6 "a 60 A 1.1.1.2\na 60 A 1.1.1.3\n",
		"zone example.\n"
		"prereq yxrrset a.example. A 1.1.1.2\nprereq yxrrset a.example. A 1.1.1.3\n"
		"prereq nxrrset a.example. CNAME\n"
		"update delete a.example. A 1.1.1.3\nupdate add a.example. 60 A 1.1.1.1\nsend\n");
	/* An addition, and a name that is gone */
	check_script(HEAD "b 60 TXT \"x;y\" \"\\200\\\"\"\n", HEAD6 "a 60 A 1.1.1.1\n",
		"zone example.\n"
		"prereq nxdomain b.example.\n"
		"prereq yxrrset a.example. A 1.1.1.1\n"
		"update add b.example. 60 TXT \"x;y\" \"\\200\\\"\"\n"
		"update delete a.example. A\nsend\n");
	/* TTLs only */
	check_script(HEAD "a 60 A 1.1.1.1\n", HEAD6 "a 61 A 1.1.1.1\n",
		"zone example.\n"
		"prereq yxrrset a.example. A 1.1.1.1\nprereq nxrrset a.example. CNAME\n"
		"update delete a.example. A\nupdate add a.example. 60 A 1.1.1.1\nsend\n");
	/* A CNAME that was replaced */
	check_script(HEAD "a 60 A 1.1.1.1\n", HEAD6 "a 60 CNAME b\n",
		"zone example.\n"
		"prereq nxrrset a.example. A\nprereq yxrrset a.example. CNAME b.example.\n"
		"update delete a.example. CNAME\nupdate add a.example. 60 A 1.1.1.1\nsend\n");
	/* The last NS of the zone is not deleted before there is another. */
	check_script(HEAD "@ 300 MX 1 m\n", "@ 300 SOA ns h 6 2 3 4 500\n@ 300 NS n2\n",
		"zone example.\n"
		"prereq yxrrset example. NS n2.example.\nprereq nxrrset example. MX\n"
		"prereq nxrrset example. CNAME\n"
		"update add example. 300 NS ns.example.\nupdate add example. 300 MX 1 m.example.\n"
		"update delete example. NS n2.example.\nsend\n");
	/* Types that servers do not know by name, wildcards, names of all octets */
	check_script(HEAD "* 60 TYPE261 \\# 2 0161\n_a\\.b\\200 60 LOC 1 N 1 E 1m\n", HEAD6,
		"zone example.\n"
		"prereq nxdomain *.example.\nprereq nxdomain _a\\.b\\200.example.\n"
		"update add *.example. 60 TYPE261 \\# 2 0161\n"
		"update add _a\\.b\\200.example. 60 TYPE29 \\# 16 001216138036ee808036ee80009896e4\n"
		"send\n");
	check_script(HEAD "a_b 60 A 1.1.1.1\n", HEAD6,
		"check-names no\nzone example.\n"
		"prereq nxdomain a_b.example.\nupdate add a_b.example. 60 A 1.1.1.1\nsend\n");
}

static void test_cname_back(void **state)
{
	struct fixture f = begin(HEAD "a 60 CNAME b\n", HEAD6 "a 60 A 1.1.1.1\n", NULL);
	_zw_revert_messages_ zw_revert_messages messages = {};
	_zw_snapshot_ struct zw_snapshot *other =
		test_load(HEAD6 "a 60 A 1.1.1.1\na 60 MX 1 x\n", NULL);
	_zw_draft_ struct zw_draft *d = NULL;

	(void)state;
	assert_int_equal(zw_revert_to_messages(f.revert, &messages, &f.refusal), 0);
	/* Where the CNAME would be ignored, nothing else is done either. */
	assert_int_equal(zw_draft_new(other, &d), 0);
	assert_int_equal(zw_update_check(d, messages.items[0]), ZW_RCODE_YXRRSET);
	end(&f);
}

/* The serial alone goes on; the rest of the SOA goes back. */
static void test_soa(void **state)
{
	(void)state;
	check_script("@ 300 SOA ns h 4294967294 2 3 4 500\n@ 300 NS ns\n",
		"@ 300 SOA ns h2 4294967295 2 3 4 60\n@ 300 NS ns\n",
		"zone example.\n"
		"prereq yxrrset example. SOA ns.example. h2.example. 4294967295 2 3 4 60\n"
		"update add example. 300 SOA ns.example. h.example. 1 2 3 4 500\nsend\n");
}

static void test_signing_is_left(void **state)
{
	struct fixture f = begin(HEAD "a 60 A 1.1.1.1\na 60 NSEC b A\n",
		HEAD6 "a 60 A 1.1.1.2\na 60 NSEC c A\n@ 60 DNSKEY 257 3 13 aaaa\n", NULL);

	(void)state;
	/* Nobody signs this zone, so a key is a record as others. */
	assert_int_equal(f.revert->sets.len, 2);
	assert_int_equal(f.revert->sets.items[0].type, ZW_TYPE_DNSKEY);
	assert_int_equal(f.revert->left.len, 1);
	end(&f);
#define SIGNED "@ 300 RRSIG SOA 13 1 300 20300101000000 20200101000000 1 example. aaaa\n"
	f = begin(HEAD SIGNED "a 60 A 1.1.1.1\n",
		HEAD6 SIGNED "a 60 A 1.1.1.2\n@ 60 DNSKEY 257 3 13 aaaa\n", NULL);
	assert_int_equal(f.revert->sets.len, 1);
	assert_int_equal(f.revert->sets.items[0].type, ZW_TYPE_A);
	assert_int_equal(f.revert->left.len, 1);
	assert_int_equal(f.revert->left.items[0].type, ZW_TYPE_DNSKEY);
	end(&f);
}

/* --- several messages ------------------------------------------------------------------------------- */

/* @n names with so many octets of text each. */
static char *many(const char *head, unsigned int n, unsigned int octets, char fill)
{
	struct zw_str s = {};
	char *text = NULL;

	zw_str_add(&s, head);
	for (unsigned int i = 0; i < n; i++) {
		zw_str_addf(&s, "n%u 60 TXT \"", i);
		for (unsigned int k = 0; k < octets; k++)
			zw_str_add_char(&s, fill);
		zw_str_add(&s, "\"\n");
	}
	assert_int_equal(zw_str_done(&s, &text), 0);
	return text;
}

static void test_split(void **state)
{
	_zw_free_ char *before = many(HEAD, 800, 200, 'a'), *after = many(HEAD6, 800, 200, 'b');
	struct fixture f = begin(before, after, NULL);
	_zw_revert_messages_ zw_revert_messages messages = {};
	_zw_str_ struct zw_str out = {};
	_zw_draft_ struct zw_draft *d = NULL;

	(void)state;
	assert_int_equal(zw_revert_to_messages(f.revert, &messages, &f.refusal), 0);
	/* 2 * (213 + owner) octets of update, as many of prerequisites */
	assert_int_equal(messages.len, 9);
	assert_int_equal(zw_revert_to_nsupdate(f.revert, &messages, &heading, &out), 0);
	assert_non_null(strstr(out.buf, "; NOT ATOMIC: this takes 9 messages"));
	/* Without the first, none of the others is carried out. */
	assert_int_equal(zw_draft_new(f.present, &d), 0);
	for (size_t i = 1; i < messages.len; i++)
		assert_int_equal(zw_update_check(d, messages.items[i]), ZW_RCODE_NXRRSET);
	end(&f);
}

/* Prerequisites that fit are all in the first message, so that it fails when anything is different. */
static void test_split_ahead(void **state)
{
	_zw_free_ char *before = many(HEAD, 500, 200, 'a');
	struct fixture f = begin(before, HEAD6, NULL);
	_zw_revert_messages_ zw_revert_messages messages = {};
	_zw_snapshot_ struct zw_snapshot *other = test_load(HEAD6 "n499 1 A 1.1.1.1\n", NULL);
	_zw_draft_ struct zw_draft *d = NULL;

	(void)state;
	assert_int_equal(zw_revert_to_messages(f.revert, &messages, &f.refusal), 0);
	assert_int_equal(messages.len, 3);
	assert_int_equal(zw_draft_new(other, &d), 0);
	assert_int_equal(zw_update_check(d, messages.items[0]), ZW_RCODE_YXDOMAIN);
	end(&f);
}

static void test_too_large(void **state)
{
	_zw_str_ struct zw_str text = {};
	struct fixture f;
	zw_revert_messages messages = {};

	(void)state;
	zw_str_add(&text, HEAD6);
	for (unsigned int i = 0; i < 300; i++)
		zw_str_addf(&text, "a 60 TXT \"%0250u\"\n", i);
	f = begin(HEAD, text.buf, NULL);
	assert_int_equal(zw_revert_to_messages(f.revert, &messages, &f.refusal), -EMSGSIZE);
	assert_string_equal(f.refusal.why.buf,
		"the records of a.example. are too large for one update "
		"message; use another format");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_later_changes),
		cmocka_unit_test(test_later_changes_elsewhere),
		cmocka_unit_test(test_other_state),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_zone_itself),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_cname_back),
		cmocka_unit_test(test_soa),
		cmocka_unit_test(test_signing_is_left),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_ahead),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
