/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a triage answers to the facts it is given, and what it has put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/policy.h"
#include "engine/triage.h"
#include "engine/triage_nft.h"
#include "report_sample.h"
#include "sink/history_key.h"

#define SECOND 1000000000ULL
#define AT(seconds) (SAMPLE_TIME_NS + (seconds)*SECOND)

#define BIT(question) (1U << (question))

/* An hour, in which the agent is up from before its beginning. */
static struct zw_triage *begin(uint64_t since_ns, uint64_t until_ns)
{
	struct zw_triage_input in = {.since_ns = since_ns, .until_ns = until_ns, .running = true};
	struct zw_triage *t = NULL;

	assert_int_equal(zw_triage_new(&in, &t), 0);
	return t;
}

static void add(struct zw_triage *t, struct zw_report *report, uint64_t time_ns, bool acknowledged)
{
	struct zw_triage_fact fact = {.report = report,
		.seq = t->events.len + 1,
		.zone_id = 1,
		.acknowledged = acknowledged};

	report->time_ns = time_ns;
	assert_int_equal(zw_triage_add(t, &fact), 0);
	zw_report_free(report);
}

static void add_life(struct zw_triage *t, enum zw_action action, uint64_t time_ns, bool all)
{
	struct zw_report *report = sample_report(action, 1);

	if (all) {
		report->count[report->counts++] =
			(struct zw_report_count){ZW_TRIAGE_COUNT_ADMINS, 2};
		report->count[report->counts++] =
			(struct zw_report_count){ZW_TRIAGE_COUNT_FEEDS, 1};
		report->count[report->counts++] =
			(struct zw_report_count){ZW_TRIAGE_COUNT_TRAFFIC, 1};
	}
	add(t, report, time_ns, false);
}

static struct zw_triage *begin_watched(void)
{
	struct zw_triage *t = begin(AT(0), AT(3600));

	add_life(t, ZW_ACTION_AGENT_READY, AT(0) - SECOND, true);
	return t;
}

static struct zw_report *change(enum zw_verdict verdict, struct zw_diff *diff)
{
	struct zw_report *report = sample_change(2, diff);

	report->verdict = verdict;
	report->escalate = verdict == ZW_VERDICT_UNAUTHORIZED || verdict == ZW_VERDICT_UNATTRIBUTED;
	return report;
}

static void find(struct zw_report *report, const char *rule, const char *subject)
{
	assert_int_equal(zw_report_add_finding(report, rule, 73, subject, "found by %s", rule), 0);
}

static void answers(struct zw_triage *t, const char *expected, bool escalate)
{
	_zw_str_ struct zw_str got = {};

	assert_int_equal(zw_triage_conclude(t), 0);
	for (unsigned int q = 0; q < _ZW_TRIAGE_QUESTION_MAX; q++)
		zw_str_addf(&got, "%s%s", q ? " " : "",
			zw_triage_answer_to_string(t->result[q].answer));
	assert_string_equal(got.buf, expected);
	assert_int_equal(t->escalate, escalate);
	assert_int_equal(t->reasons.len > 0, escalate);
}

/* --- answers ------------------------------------------------------------------------------------------- */

static void test_quiet(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();

	(void)state;
	add(t, change(ZW_VERDICT_AUTHORIZED, NULL), AT(1), false);
	add(t, change(ZW_VERDICT_AUTOMATIC, NULL), AT(2), false);
	zw_triage_count(t, AT(3), ZW_VERDICT_AUTHORIZED);
	answers(t, "no no no no", false);
	assert_int_equal(t->changes, 3);
	assert_int_equal(t->authorized, 2);
	assert_int_equal(t->events.len, 0);
	assert_int_equal(t->gaps.len, 0);
}

static void test_unauthorized(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	uint8_t key[16];

	(void)state;
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(1), false);
	assert_true(zw_triage_wants_targets(t));
	assert_int_equal(zw_address_key("203.0.113.9", key), 0);
	assert_int_equal(zw_triage_add_target(t, key, "www.example.com."), 0);
	answers(t, "yes no yes no", true);
	assert_int_equal(t->events.items[0].deeds, ZW_TRIAGE_REDIRECT);
	assert_non_null(strstr(t->reasons.items[0], "1 change of records that nobody entitled made"
						    " (1 lead what was there elsewhere): "));
	assert_int_equal(t->who.len, 1);
	assert_string_equal(t->who.items[0].user, "alice");
	assert_string_equal(t->who.items[0].peer, "198.51.100.7");
	/* Where it came from, and where it leads. */
	assert_int_equal(t->addresses.len, 2);
}

static void test_unattributed(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();

	(void)state;
	add(t, change(ZW_VERDICT_UNATTRIBUTED, NULL), AT(1), false);
	answers(t, "yes no no no", true);
}

static void test_acknowledged(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	struct zw_report *listed = change(ZW_VERDICT_UNAUTHORIZED, NULL);

	(void)state;
	add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(1), true);
	assert_false(zw_triage_wants_targets(t));
	find(listed, "feed-address", "203.0.113.9");
	add(t, listed, AT(2), true);
	answers(t, "no no no no", false);
	assert_int_equal(t->result[ZW_TRIAGE_ALTERED].confirmed, 2);
	assert_int_equal(t->result[ZW_TRIAGE_LISTED].confirmed, 1);
	assert_int_equal(t->acknowledged, 2);
	assert_int_equal(t->addresses.len, 0);
}

/* An account that may is no excuse for what a feed knows, but an announcement is. */
static void test_listed(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	_zw_triage_ struct zw_triage *announced = begin_watched();
	struct zw_report *report = change(ZW_VERDICT_AUTHORIZED, NULL);
	struct zw_report *expected = change(ZW_VERDICT_AUTHORIZED, NULL);

	(void)state;
	find(report, "feed-address", "203.0.113.9");
	add(t, report, AT(1), false);
	answers(t, "no no no yes", true);
	assert_true(t->addresses.items[1].listed);
	find(expected, "feed-address", "203.0.113.9");
	assert_int_equal(
		zw_report_add_reason(expected, "expected under ticket C-1: bob announced"), 0);
	add(announced, expected, AT(1), false);
	answers(announced, "no no no no", false);
	assert_int_equal(announced->result[ZW_TRIAGE_LISTED].confirmed, 1);
}

static void test_unjudged(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	struct zw_report *report = change(ZW_VERDICT_UNJUDGED, NULL);

	(void)state;
	add(t, change(ZW_VERDICT_UNJUDGED, NULL), AT(1), false);
	find(report, "redirect-outside", "203.0.113.9");
	report->escalate = true;
	add(t, report, AT(9), false);
	answers(t, "unknown no yes no", true);
	assert_int_equal(t->gaps.len, 1);
	assert_int_equal(t->gaps.items[0].kind, ZW_TRIAGE_NO_POLICY);
	assert_int_equal(t->gaps.items[0].events, 2);
	assert_int_equal(t->gaps.items[0].from_ns, AT(1));
	assert_int_equal(t->gaps.items[0].to_ns, AT(9));
}

/* Rules of the traffic make events of their own, and do not escalate by themselves. */
static void test_traffic(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	struct zw_report *report = sample_report(ZW_ACTION_FINDING, 3);
	struct zw_report *tamper = sample_report(ZW_ACTION_TAMPER, 4);

	(void)state;
	find(report, "feed-source", "203.0.113.77");
	add(t, report, AT(1), false);
	answers(t, "no no no yes", false);
	assert_true(t->addresses.items[0].source);
	assert_false(t->addresses.items[0].target);
	zw_triage_free(t);
	t = begin_watched();
	tamper->escalate = true;
	add(t, tamper, AT(2), false);
	answers(t, "no no no no", true);
}

/* --- what was not watched ------------------------------------------------------------------------------ */

static void gap_is(const struct zw_triage *t, size_t i, enum zw_triage_gap_kind kind, uint64_t from,
	uint64_t to)
{
	assert_true(i < t->gaps.len);
	assert_int_equal(t->gaps.items[i].kind, kind);
	assert_int_equal(t->gaps.items[i].from_ns, from);
	assert_int_equal(t->gaps.items[i].to_ns, to);
}

static void test_not_begun(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(AT(0), AT(3600));
	_zw_triage_ struct zw_triage *never = begin(AT(0), AT(3600));

	(void)state;
	add_life(t, ZW_ACTION_AGENT_READY, AT(60), true);
	answers(t, "unknown unknown unknown unknown", false);
	gap_is(t, 0, ZW_TRIAGE_NOT_BEGUN, AT(0), AT(60));
	answers(never, "unknown unknown unknown unknown", false);
	gap_is(never, 0, ZW_TRIAGE_NOT_BEGUN, AT(0), AT(3600));
}

static void test_stopped(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();

	(void)state;
	add_life(t, ZW_ACTION_AGENT_STOPPED, AT(10), false);
	add_life(t, ZW_ACTION_AGENT_READY, AT(20), true);
	/* Nobody said that it ends. */
	add(t, change(ZW_VERDICT_AUTHORIZED, NULL), AT(30), false);
	add_life(t, ZW_ACTION_AGENT_READY, AT(40), true);
	add_life(t, ZW_ACTION_AGENT_STOPPED, AT(50), false);
	answers(t, "unknown unknown unknown unknown", false);
	assert_int_equal(t->gaps.len, 3);
	gap_is(t, 0, ZW_TRIAGE_STOPPED, AT(10), AT(20));
	gap_is(t, 1, ZW_TRIAGE_KILLED, AT(30), AT(40));
	gap_is(t, 2, ZW_TRIAGE_STOPPED, AT(50), AT(3600));
}

/* Down when the period begins, and not running when it ends. */
static void test_stopped_around(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(AT(0), AT(3600));

	(void)state;
	add_life(t, ZW_ACTION_AGENT_READY, AT(0) - 9 * SECOND, true);
	add_life(t, ZW_ACTION_AGENT_STOPPED, AT(0) - 5 * SECOND, false);
	add_life(t, ZW_ACTION_AGENT_READY, AT(7), true);
	add(t, change(ZW_VERDICT_AUTHORIZED, NULL), AT(30), false);
	t->in.running = false;
	answers(t, "unknown unknown unknown unknown", false);
	assert_int_equal(t->gaps.len, 2);
	gap_is(t, 0, ZW_TRIAGE_STOPPED, AT(0), AT(7));
	gap_is(t, 1, ZW_TRIAGE_KILLED, AT(30), AT(3600));
}

static void test_lost(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();
	struct zw_report *bad = sample_report(ZW_ACTION_ZONE_UNREADABLE, 9);

	(void)state;
	for (uint64_t i = 0; i < 30; i++) {
		struct zw_report *lost = sample_report(ZW_ACTION_EVENTS_LOST, 5);

		lost->count[lost->counts++] = (struct zw_report_count){"ring_full", 3};
		lost->count[lost->counts++] = (struct zw_report_count){"truncated", 0};
		add(t, lost, AT(10 + i), false);
	}
	bad->zone = sample_text("example.com.");
	bad->error = sample_text("line 3: no");
	add(t, bad, AT(100), false);
	answers(t, "unknown no unknown unknown", false);
	/* Many are taken together. */
	assert_int_equal(t->gaps.len, 21);
	gap_is(t, 0, ZW_TRIAGE_LOST, AT(10), AT(10));
	assert_string_equal(t->gaps.items[0].detail, "ring_full 3");
	gap_is(t, 19, ZW_TRIAGE_LOST, AT(29), AT(39));
	assert_string_equal(t->gaps.items[20].detail, "example.com.: line 3: no");
}

/* Feeds and the watch on queries may come and go with the configuration. */
static void test_conditions(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(AT(0), AT(3600));

	(void)state;
	add_life(t, ZW_ACTION_AGENT_READY, AT(0) - SECOND, false);
	add_life(t, ZW_ACTION_CONFIG_CHANGE, AT(60), true);
	answers(t, "no unknown no unknown", false);
	gap_is(t, 0, ZW_TRIAGE_NO_FEEDS, AT(0), AT(60));
	gap_is(t, 1, ZW_TRIAGE_NO_TRAFFIC, AT(0), AT(60));
}

/* --- deeds --------------------------------------------------------------------------------------------- */

static void test_deeds(void **state)
{
	static const struct {
		const char *before, *after;
		unsigned int deeds;
	} cases[] = {
		{"www A 192.0.2.1\n", "www A 203.0.113.9\n", ZW_TRIAGE_REDIRECT},
		{"www 60 A 192.0.2.1\n", "www 30 A 192.0.2.1\n", 0},
		{"", "login A 203.0.113.9\n", ZW_TRIAGE_SUBDOMAIN},
		{"www A 192.0.2.1\n", "www CNAME evil.example.\n", ZW_TRIAGE_REDIRECT},
		{"www A 192.0.2.1\n", "", 0},
		{"", "x TXT y\n", 0},
		{"", "@ MX 10 mx.evil.example.\n", ZW_TRIAGE_MAIL},
		{"", "@ NS ns.evil.example.\n", ZW_TRIAGE_DELEGATION},
		{"sub NS ns\nsub DS 1 8 2 00\n", "sub NS ns\n",
			ZW_TRIAGE_DELEGATION | ZW_TRIAGE_DNSSEC},
		{"", "new HTTPS 1 . ipv4hint=203.0.113.9\n", ZW_TRIAGE_SUBDOMAIN},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_diff_ struct zw_diff *diff = sample_diff(cases[i].before, cases[i].after);

		if (zw_triage_deeds(diff) != cases[i].deeds)
			fail_msg("case %zu: %x, not %x", i, zw_triage_deeds(diff), cases[i].deeds);
	}
	assert_int_equal(zw_triage_deeds(NULL), 0);
}

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

/* Whom it is about, once, however often. */
static void test_who(void **state)
{
	_zw_triage_ struct zw_triage *t = begin_watched();

	(void)state;
	for (unsigned int i = 0; i < 500; i++)
		add(t, change(ZW_VERDICT_UNAUTHORIZED, NULL), AT(i + 1), false);
	assert_int_equal(t->who.len, 1);
	assert_int_equal(t->who.items[0].events, 500);
	assert_int_equal(t->who.items[0].first_ns, AT(1));
	assert_int_equal(t->who.items[0].last_ns, AT(500));
	assert_int_equal(t->result[ZW_TRIAGE_ALTERED].yes, 500);
}

static void test_rules(void **state)
{
	(void)state;
	assert_int_equal(zw_triage_rule_questions("redirect-outside"), BIT(ZW_TRIAGE_DIVERTED));
	assert_int_equal(zw_triage_rule_questions("feed-query"), BIT(ZW_TRIAGE_LISTED));
	assert_int_equal(zw_triage_rule_questions("ttl-cut"), 0);
	assert_int_equal(zw_triage_rule_questions("of-another-version"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_unauthorized),
		cmocka_unit_test(test_unattributed),
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_unjudged),
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_not_begun),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stopped_around),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_deeds),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_overlapped),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_nft),
		cmocka_unit_test(test_find_targets),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
