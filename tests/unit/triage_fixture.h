/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triage of an hour, and facts for it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/policy.h"
#include "engine/triage.h"
#include "report_sample.h"

#define SECOND 1000000000ULL
#define AT(seconds) (SAMPLE_TIME_NS + (seconds)*SECOND)

#define BIT(question) (1U << (question))

/* An hour, in which the agent is up from before its beginning. */
static inline struct zw_triage *begin(uint64_t since_ns, uint64_t until_ns)
{
	struct zw_triage_input in = {.since_ns = since_ns, .until_ns = until_ns, .running = true};
	struct zw_triage *t = NULL;

	assert_int_equal(zw_triage_new(&in, &t), 0);
	return t;
}

static inline void add(
	struct zw_triage *t, struct zw_report *report, uint64_t time_ns, bool acknowledged)
{
	struct zw_triage_fact fact = {.report = report,
		.seq = t->events.len + 1,
		.zone_id = 1,
		.acknowledged = acknowledged};

	report->time_ns = time_ns;
	assert_int_equal(zw_triage_add(t, &fact), 0);
	zw_report_free(report);
}

static inline void add_life(struct zw_triage *t, enum zw_action action, uint64_t time_ns, bool all)
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

static inline struct zw_triage *begin_watched(void)
{
	struct zw_triage *t = begin(AT(0), AT(3600));

	add_life(t, ZW_ACTION_AGENT_READY, AT(0) - SECOND, true);
	return t;
}

static inline struct zw_report *change(enum zw_verdict verdict, struct zw_diff *diff)
{
	struct zw_report *report = sample_change(2, diff);

	report->verdict = verdict;
	report->escalate = verdict == ZW_VERDICT_UNAUTHORIZED || verdict == ZW_VERDICT_UNATTRIBUTED;
	return report;
}

static inline void find(struct zw_report *report, const char *rule, const char *subject)
{
	assert_int_equal(zw_report_add_finding(report, rule, 73, subject, "found by %s", rule), 0);
}
