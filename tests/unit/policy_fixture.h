/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy and a report to judge by it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "engine/policy.h"

/* Wednesday, 2026-11-25 10:30:00 UTC */
#define WEDNESDAY_1030 (1795602600ULL * ZW_NSEC_PER_SEC)

struct fixture {
	struct zw_conf *conf;
	struct zw_report *report;
};

/* @admins is the YAML list below "admins:", NULL for none. */
static inline struct fixture begin(const char *admins, enum zw_attribution attribution)
{
	_zw_free_ char *text = zw_asprintf("admins:\n%s", admins ? admins : "");
	_zw_str_ struct zw_str error = {};
	struct fixture f = {};

	if (zw_conf_parse("t", text, strlen(text), &f.conf, &error) < 0)
		fail_msg("%s", error.buf);
	f.report = calloc(1, sizeof(*f.report));
	assert_non_null(f.report);
	f.report->action = ZW_ACTION_RECORD_CHANGE;
	f.report->zone = strdup("example.com.");
	f.report->attribution = attribution;
	f.report->has_principal =
		attribution == ZW_ATTRIBUTION_CERTAIN || attribution == ZW_ATTRIBUTION_PROBABLE;
	f.report->time_ns = WEDNESDAY_1030;
	return f;
}

static inline void end(struct fixture *f)
{
	zw_conf_free(f->conf);
	zw_report_free(f->report);
}

static inline struct zw_actor *add_cause(struct fixture *f, enum zw_role role, uint32_t pid,
	const char *user, uint32_t uid, const char *exe)
{
	struct zw_report *report = f->report;
	struct zw_actor *actor = calloc(1, sizeof(*actor));

	assert_non_null(actor);
	actor->refs = 1;
	actor->tgid = pid;
	actor->exe = exe ? strdup(exe) : NULL;
	actor->name = exe ? strdup(strrchr(exe, '/') + 1) : NULL;
	strcpy(actor->comm, "comm");
	actor->real = actor->effective = (struct zw_actor_user){.uid = 0};
	actor->login = (struct zw_actor_user){uid, user ? strdup(user) : NULL};
	actor->principal = (struct zw_actor_user){uid, user ? strdup(user) : NULL};
	report->cause = reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));
	assert_non_null(report->cause);
	report->cause[report->causes++] =
		(struct zw_report_cause){.role = role, .actor = actor, .last_ns = WEDNESDAY_1030};
	return actor;
}

static inline void judge(
	struct fixture *f, enum zw_verdict verdict, unsigned int severity, bool escalate)
{
	assert_int_equal(zw_policy_judge(&f->conf->policy, f->report), 0);
	assert_string_equal(
		zw_verdict_to_string(f->report->verdict), zw_verdict_to_string(verdict));
	assert_int_equal(f->report->severity, severity);
	assert_int_equal(f->report->escalate, escalate);
}

#define AUTHORIZED ZW_VERDICT_AUTHORIZED, ZW_SEVERITY_AUTHORIZED, false
#define UNJUDGED ZW_VERDICT_UNJUDGED, ZW_SEVERITY_UNJUDGED, false
#define UNATTRIBUTED ZW_VERDICT_UNATTRIBUTED, ZW_SEVERITY_UNATTRIBUTED, true
#define UNAUTHORIZED ZW_VERDICT_UNAUTHORIZED, ZW_SEVERITY_UNAUTHORIZED, true

static inline void assert_reasons(struct fixture *f, size_t n, const char *const reasons[])
{
	assert_int_equal(f->report->reasons, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(f->report->reason[i], reasons[i]);
}
#define REASONS(f, ...)                                                        \
	assert_reasons(f, ZW_ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
		(const char *const[]){__VA_ARGS__})

#define ALICE "- {user: alice, zones: [example.com]}\n"
