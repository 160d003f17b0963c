/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a triage answers to the facts it is given. */
#include "unit/triage_fixture.h"

#include "sink/history_key.h"

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
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
