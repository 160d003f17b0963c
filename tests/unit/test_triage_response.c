/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a triage has put back, and the addresses it has looked for and kept away. */
#include "unit/triage_fixture.h"

#include "engine/triage_nft.h"
#include "sink/history_key.h"

/* --- putting back -------------------------------------------------------------------------------------- */

/* The states a zone went through, one after the other; what becomes of each change, "revert undone". */
static void plan(const char *const *states, size_t n, const char *expected)
{
	struct zw_snapshot *at[8];
	struct zw_diff *diff[8];
	struct zw_triage_change change[8] = {};
	_zw_str_ struct zw_str got = {};

	for (size_t i = 0; i < n; i++)
		at[i] = sample_snapshot((uint32_t)i + 1, states[i]);
	for (size_t i = 0; i + 1 < n; i++) {
		assert_int_equal(zw_diff_new(at[i], at[i + 1], &diff[i]), 0);
		change[i] = (struct zw_triage_change){.diff = diff[i], .channel = ZW_CHANNEL_FILE};
	}
	assert_int_equal(zw_triage_plan(at[n - 1], change, n - 1), 0);
	for (size_t i = 0; i + 1 < n; i++) {
		zw_str_addf(&got, "%s%s", i ? " " : "", zw_triage_undo_to_string(change[i].undo));
		assert_int_equal(change[i].undo == ZW_TRIAGE_BY_HAND, change[i].why.len > 0);
		zw_str_free(&change[i].why);
		zw_diff_free(diff[i]);
	}
	for (size_t i = 0; i < n; i++)
		zw_snapshot_unref(at[i]);
	assert_string_equal(got.buf, expected);
}

static void test_plan(void **state)
{
	static const char *const one[] = {"www A 192.0.2.1\n", "www A 203.0.113.9\n"};
	static const char *const two[] = {"www A 192.0.2.1\n", "www A 203.0.113.9\n",
		"www A 203.0.113.10\nlogin A 203.0.113.9\n"};
	static const char *const flip[] = {
		"www A 192.0.2.1\n", "www A 203.0.113.9\n", "www A 192.0.2.1\n"};
	static const char *const half[] = {"www A 192.0.2.1\n",
		"www A 203.0.113.9\nlogin A 203.0.113.9\n",
		"www A 192.0.2.1\nlogin A 203.0.113.9\n"};
	static const char *const serial[] = {"www A 192.0.2.1\n", "www A 192.0.2.1\n"};

	(void)state;
	plan(one, 2, "revert");
	plan(two, 3, "revert revert");
	plan(flip, 3, "undone undone");
	/* Of what was taken back in part, the whole chain leads back; its last link was no harm. */
	plan(half, 3, "by-hand undone");
	plan(serial, 2, "nothing");
}

/* Somebody entitled has changed the same record since: that one is not in the list. */
static void test_plan_overlapped(void **state)
{
	_zw_snapshot_ struct zw_snapshot *now = sample_snapshot(9, "www A 192.0.2.80\n");
	_zw_diff_ struct zw_diff *diff = sample_diff("www A 192.0.2.1\n", "www A 203.0.113.9\n");
	struct zw_triage_change change = {.diff = diff, .channel = ZW_CHANNEL_FILE};

	(void)state;
	assert_int_equal(zw_triage_plan(now, &change, 1), 0);
	assert_int_equal(change.undo, ZW_TRIAGE_BY_HAND);
	zw_str_free(&change.why);
}

/* --- addresses ----------------------------------------------------------------------------------------- */

static void target(struct zw_triage *t, const char *address)
{
	uint8_t key[16];

	assert_int_equal(zw_address_key(address, key), 0);
	assert_int_equal(zw_triage_add_target(t, key, "www.example.com."), 0);
}

/* Who takes the own change back leads nobody astray. */
static void test_known(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	uint8_t key[16];

	(void)state;
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(1), false);
	assert_int_equal(zw_address_key("192.0.2.1", key), 0);
	assert_int_equal(zw_triage_add_known(t, key), 0);
	target(t, "203.0.113.9");
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(2), false);
	assert_int_equal(zw_address_key("203.0.113.9", key), 0);
	assert_int_equal(zw_triage_add_known(t, key), 0);
	target(t, "192.0.2.1");
	assert_int_equal(zw_triage_conclude(t), 0);
	/* 203.0.113.9, and where it came from. */
	assert_int_equal(zw_triage_nft_count(t), 2);
	assert_int_equal(t->result[ZW_TRIAGE_DIVERTED].yes, 1);
}

static void test_nft(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	_zw_triage_ struct zw_triage *none = begin_watched();
	_zw_str_ struct zw_str text = {}, empty = {};
	struct zw_net net;

	(void)state;
	assert_int_equal(zw_net_parse("203.0.113.128/25", &net), 0);
	t->in.network = &net;
	t->in.networks = 1;
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(1), false);
	target(t, "203.0.113.9");
	target(t, "203.0.113.9");
	target(t, "2001:db8::66");
	target(t, "203.0.113.200");
	target(t, "127.0.0.1");
	target(t, "::");
	assert_int_equal(zw_triage_conclude(t), 0);
	zw_triage_nft(&text, t);
	assert_int_equal(zw_triage_nft_count(t), 3);
	assert_non_null(strstr(text.buf, "\tset targets4 {\n\t\ttype ipv4_addr\n"
					 "\t\telements = { 203.0.113.9 }\n\t}\n"));
	assert_non_null(strstr(text.buf, "elements = { 2001:db8::66 }"));
	assert_non_null(strstr(text.buf, "\tset sources4 {\n\t\ttype ipv4_addr\n"
					 "\t\telements = { 198.51.100.7 }\n"));
	assert_null(strstr(text.buf, "sources6"));
	assert_non_null(strstr(text.buf, "\t\tip daddr @targets4 counter drop\n"));
	assert_non_null(strstr(text.buf, "# left out: 203.0.113.200, of familiar_networks\n"));
	assert_non_null(strstr(text.buf, "# left out: 127.0.0.1, "));
	zw_triage_nft(&empty, none);
	assert_null(strstr(empty.buf, "table inet zonewitness {"));
	assert_non_null(strstr(empty.buf, "nothing to block"));
}

static int count_found(void *ctx, const struct zw_triage_address *address, const uint8_t *owner)
{
	(void)address;
	(void)owner;
	++*(unsigned int *)ctx;
	return 0;
}

static void test_find_targets(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	_zw_snapshot_ struct zw_snapshot *zone = sample_snapshot(1,
		"a A 203.0.113.9\nb A 203.0.113.9\nb A 192.0.2.1\nc AAAA 2001:db8::66\n"
		"d A 198.51.100.7\ne TXT 203.0.113.9\n");
	unsigned int found = 0;

	(void)state;
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(1), false);
	target(t, "203.0.113.9");
	target(t, "2001:db8::66");
	/* 198.51.100.7 is only where somebody came from. */
	assert_int_equal(zw_triage_find_targets(t, zone, count_found, &found), 0);
	assert_int_equal(found, 3);
	assert_false(zw_triage_is_signed(zone));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_overlapped),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_nft),
		cmocka_unit_test(test_find_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
