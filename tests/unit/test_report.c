/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "report_sample.h"

/* A gap inside a table has the right size but no name, which only running shows. */
#define ASSERT_NAMES(fn, max)                                          \
	do {                                                           \
		for (unsigned int v = 0; v < (max); v++) {             \
			assert_non_null(fn(v));                        \
			assert_string_not_equal(fn(v), "");            \
			for (unsigned int w = 0; w < v; w++)           \
				assert_string_not_equal(fn(v), fn(w)); \
		}                                                      \
		assert_string_equal(fn(max), "unknown");               \
		assert_string_equal(fn(-1), "unknown");                \
	} while (0)

static void test_every_value_has_one_name(void **state)
{
	(void)state;
	ASSERT_NAMES(zw_action_to_string, _ZW_ACTION_MAX);
	ASSERT_NAMES(zw_channel_to_string, _ZW_CHANNEL_MAX);
	ASSERT_NAMES(zw_attribution_to_string, _ZW_ATTRIBUTION_MAX);
	ASSERT_NAMES(zw_verdict_to_string, _ZW_VERDICT_MAX);
	ASSERT_NAMES(zw_role_to_string, _ZW_ROLE_MAX);
	ASSERT_NAMES(zw_evidence_to_string, ZW_EVIDENCE_BITS);
}

/* The interface of DESIGN section 5. */
static void test_names_are_those_of_the_interface(void **state)
{
	(void)state;
	assert_string_equal(zw_action_to_string(ZW_ACTION_RECORD_CHANGE), "record-change");
	assert_string_equal(zw_action_to_string(ZW_ACTION_EVENTS_LOST), "events-lost");
	assert_string_equal(zw_channel_to_string(ZW_CHANNEL_SIGNING), "signing");
	assert_string_equal(zw_attribution_to_string(ZW_ATTRIBUTION_CERTAIN), "certain");
	assert_string_equal(zw_verdict_to_string(ZW_VERDICT_UNAUTHORIZED), "unauthorized");
	assert_string_equal(zw_role_to_string(ZW_ROLE_RENAMER), "renamer");
	assert_string_equal(zw_evidence_to_string(__builtin_ctz(ZW_EVIDENCE_WRITE)), "write");
	assert_string_equal(zw_evidence_to_string(__builtin_ctz(ZW_EVIDENCE_RENAME)), "rename");
	assert_string_equal(
		zw_evidence_to_string(__builtin_ctz(ZW_EVIDENCE_HELD_OPEN)), "held-open");
}

static void test_reasons_are_copied_in_order(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_report(ZW_ACTION_RECORD_CHANGE, 1);
	char name[] = "bob";

	(void)state;
	assert_int_equal(zw_report_add_reason(report, "%s is first", name), 0);
	name[0] = 'x';
	assert_int_equal(zw_report_add_reason(report, "%d%% second", 100), 0);
	assert_int_equal(report->reasons, 2);
	assert_string_equal(report->reason[0], "bob is first");
	assert_string_equal(report->reason[1], "100% second");
}

static void test_one_cause_is_the_principal(void **state)
{
	struct zw_actor *actor = sample_actor();
	_zw_report_free_ struct zw_report *report = sample_report(ZW_ACTION_TAMPER, 1);
	_zw_report_free_ struct zw_report *other = sample_report(ZW_ACTION_FINDING, 2);

	(void)state;
	assert_int_equal(zw_report_set_cause(report, ZW_ROLE_WRITER, actor, 7), 0);
	assert_int_equal(report->causes, 1);
	assert_true(report->has_principal);
	assert_int_equal(report->attribution, ZW_ATTRIBUTION_CERTAIN);
	assert_int_equal(report->cause[0].role, ZW_ROLE_WRITER);
	assert_int_equal(report->cause[0].first_ns, 7);
	assert_int_equal(report->cause[0].last_ns, 7);
	assert_int_equal(actor->refs, 2);
	zw_actor_unref(actor);
	assert_int_equal(zw_report_set_cause(other, ZW_ROLE_PEER, NULL, 8), 0);
	assert_null(other->cause[0].actor);
}

static void test_free_drops_references_only(void **state)
{
	struct zw_actor *actor = sample_actor();
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	actor->refs++;
	sample_cause(report, ZW_ROLE_RELOADER, 0, actor);
	report->cause[1].tsig_key = sample_text("key");
	report->cause[1].peer = sample_text("192.0.2.1");
	report->cause[1].command = sample_text("reload");
	sample_cause(report, ZW_ROLE_PEER, 0, NULL);
	report->error = sample_text("e");
	report->error_file = sample_text("f");
	zw_report_free(report);
	assert_int_equal(actor->refs, 1);
	assert_string_equal(actor->name, "sed");
	zw_actor_unref(actor);
	zw_report_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_has_one_name),
		cmocka_unit_test(test_names_are_those_of_the_interface),
		cmocka_unit_test(test_reasons_are_copied_in_order),
		cmocka_unit_test(test_one_cause_is_the_principal),
		cmocka_unit_test(test_free_drops_references_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
