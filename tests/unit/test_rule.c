/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of rules, and what a finding does to the event it stands in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "engine/rule_text.h"

static void check_knobs(const struct zw_rule *rule)
{
	size_t n = 0;

	for (; rule->knob && rule->knob[n].name; n++) {
		const struct zw_rule_knob *knob = &rule->knob[n];

		assert_true(n < ZW_RULE_KNOBS_MAX);
		assert_int_equal(strspn(knob->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
			strlen(knob->name));
		assert_true(knob->min <= knob->initial && knob->initial <= knob->max);
		assert_true(knob->min < knob->max);
		assert_true(knob->help && strlen(knob->help) > 10);
		assert_true(knob->unit < _ZW_KNOB_UNIT_MAX);
		assert_string_not_equal(zw_knob_unit_to_string(knob->unit), "unknown");
		/* What the configuration may say beside the thresholds. */
		assert_string_not_equal(knob->name, "enabled");
		assert_string_not_equal(knob->name, "severity");
		for (size_t other = 0; other < n; other++)
			assert_string_not_equal(knob->name, rule->knob[other].name);
	}
}

static void test_table(void **state)
{
	size_t n = zw_rules_count();

	(void)state;
	assert_in_range(n, 20, ZW_RULES_MAX);
	assert_null(zw_rule_at(n));
	assert_null(zw_rule_find("no-such-rule"));
	for (size_t i = 0; i < n; i++) {
		const struct zw_rule *rule = zw_rule_at(i);

		assert_int_equal(strspn(rule->id, "abcdefghijklmnopqrstuvwxyz-0123456789"),
			strlen(rule->id));
		assert_ptr_equal(zw_rule_find(rule->id), rule);
		assert_true(rule->title && rule->title[0] && rule->indicator && rule->indicator[0]);
		assert_in_range(rule->severity, 1, 100);
		assert_true(rule->kind < _ZW_RULE_KIND_MAX);
		if (rule->technique)
			assert_int_equal(rule->technique[0], 'T');
		check_knobs(rule);
	}
}

static void test_defaults(void **state)
{
	struct zw_rules_conf conf;

	(void)state;
	zw_rules_conf_init(&conf);
	for (size_t i = 0; i < zw_rules_count(); i++) {
		const struct zw_rule *rule = zw_rule_at(i);

		assert_true(zw_rules_enabled(&conf, rule->id));
		assert_int_equal(zw_rules_severity(&conf, rule->id), rule->severity);
		for (size_t k = 0; rule->knob && rule->knob[k].name; k++)
			assert_int_equal(zw_rules_knob(&conf, rule->id, rule->knob[k].name),
				rule->knob[k].initial);
	}
	assert_int_equal(zw_rules_knob(&conf, "redirect-outside", "prefix4"), 24);
}

static struct zw_report *new_change(enum zw_verdict verdict, unsigned int severity)
{
	struct zw_report *report = calloc(1, sizeof(*report));

	assert_non_null(report);
	report->action = ZW_ACTION_RECORD_CHANGE;
	report->verdict = verdict;
	report->severity = severity;
	return report;
}

static struct zw_rule_setting *setting(struct zw_rules_conf *conf, const char *id)
{
	for (size_t i = 0;; i++)
		if (zw_streq(zw_rule_at(i)->id, id))
			return &conf->rule[i];
}

static void test_finding_escalates(void **state)
{
	static const struct {
		enum zw_verdict verdict;
		unsigned int before, after;
		bool escalate;
	} cases[] = {
		{ZW_VERDICT_UNJUDGED, 47, 73, true},
		{ZW_VERDICT_UNATTRIBUTED, 60, 73, true},
		{ZW_VERDICT_UNAUTHORIZED, 73, 73, true},
		{ZW_VERDICT_AUTHORIZED, 21, 47, false},
		{ZW_VERDICT_AUTOMATIC, 21, 47, false},
	};
	struct zw_rules_conf conf;

	(void)state;
	zw_rules_conf_init(&conf);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_report_free_ struct zw_report *report =
			new_change(cases[i].verdict, cases[i].before);

		assert_int_equal(zw_rules_add_finding(&conf, report, "redirect-outside",
					 "203.0.113.9", "www leads to %s", "203.0.113.9"),
			0);
		assert_int_equal(report->findings, 1);
		assert_string_equal(report->finding[0].rule, "redirect-outside");
		assert_string_equal(report->finding[0].reason, "www leads to 203.0.113.9");
		assert_string_equal(report->finding[0].subject, "203.0.113.9");
		assert_int_equal(report->finding[0].severity, 73);
		assert_int_equal(report->severity, cases[i].after);
		assert_int_equal(report->escalate, cases[i].escalate);
	}
}

static void test_finding_does_not_escalate(void **state)
{
	struct zw_rules_conf conf;
	_zw_report_free_ struct zw_report *report = new_change(ZW_VERDICT_UNJUDGED, 47);

	(void)state;
	zw_rules_conf_init(&conf);
	setting(&conf, "ns-change")->severity = 72;
	setting(&conf, "redirect-outside")->enabled = false;
	/* Below the bound, never by itself, and not at all. */
	assert_int_equal(zw_rules_add_finding(&conf, report, "ns-change", NULL, "x"), 0);
	setting(&conf, "mx-change")->severity = 99;
	assert_int_equal(zw_rules_add_finding(&conf, report, "mx-change", NULL, "y"), 0);
	assert_int_equal(zw_rules_add_finding(&conf, report, "redirect-outside", NULL, "z"), 0);
	assert_false(report->escalate);
	assert_int_equal(report->findings, 2);
	assert_int_equal(report->severity, 99);
	assert_null(report->finding[0].subject);
}

/* `make man` makes the one of the other. */
static void test_manual_is_in_step(void **state)
{
	_zw_str_ struct zw_str made = {};
	char text[1 << 18];
	FILE *file = fopen("scripts/man/zonewitness-rules.7", "re");
	size_t len;

	(void)state;
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	zw_rules_to_manual(&made);
	assert_false(made.failed);
	assert_string_equal(text, made.buf);
}

static void test_knobs_as_text(void **state)
{
	char text[ZW_KNOB_TEXT_MAX];

	(void)state;
	assert_string_equal(zw_knob_to_text(ZW_KNOB_DURATION, 0, text), "0s");
	assert_string_equal(zw_knob_to_text(ZW_KNOB_DURATION, 90000000000, text), "90s");
	assert_string_equal(zw_knob_to_text(ZW_KNOB_DURATION, 7200000000000, text), "2h");
	assert_string_equal(zw_knob_to_text(ZW_KNOB_BYTES, 65536, text), "64K");
	assert_string_equal(zw_knob_to_text(ZW_KNOB_BYTES, 1000, text), "1000");
	assert_string_equal(zw_knob_to_text(ZW_KNOB_COUNT, 0, text), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_finding_escalates),
		cmocka_unit_test(test_finding_does_not_escalate),
		cmocka_unit_test(test_manual_is_in_step),
		cmocka_unit_test(test_knobs_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
