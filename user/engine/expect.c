/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/expect.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/policy_impl.h"

void zw_expectation_done(struct zw_expectation *e)
{
	free(e->user);
	free(e->tsig_key);
	free(e->zone);
	free(e->ticket);
	free(e->by);
	*e = (struct zw_expectation){};
}

void zw_expectations_done(zw_expectations *list)
{
	ZW_VEC_FOREACH(e, list)
		zw_expectation_done(e);
	zw_vec_free(list);
}

static bool is_whom(const struct zw_expectation *e, const struct zw_report_cause *cause)
{
	if (zw_cause_is_transfer(cause))
		return false;
	if (e->user)
		return zw_policy_is_user(e->user, cause->actor);
	return cause->tsig_key && zw_streq(e->tsig_key, cause->tsig_key);
}

/* Servers and reloads carry out what others chose. */
static bool has_part(const struct zw_report_cause *cause)
{
	return cause->role != ZW_ROLE_SERVER && cause->role != ZW_ROLE_RELOADER;
}

static bool is_within(const struct zw_expectation *e, uint64_t time_ns)
{
	return time_ns >= e->from_ns && time_ns <= e->until_ns;
}

static bool is_expected(const struct zw_expectation *e, const struct zw_report *report)
{
	const struct zw_report_cause *principal = &report->cause[0];

	if (!zw_streq(e->zone, report->zone) || !has_part(principal) ||
		!is_within(e, report->time_ns))
		return false;
	for (size_t i = 0; i < report->causes; i++) {
		const struct zw_report_cause *cause = &report->cause[i];

		if (!has_part(cause))
			continue;
		if (!is_whom(e, cause) || (cause->first_ns && !is_within(e, cause->first_ns)) ||
			(cause->last_ns && !is_within(e, cause->last_ns)))
			return false;
	}
	return true;
}

struct zw_expectation *zw_expect_find(zw_expectations *list, const struct zw_report *report)
{
	if (report->action != ZW_ACTION_RECORD_CHANGE || !report->zone || report->causes == 0 ||
		report->attribution == ZW_ATTRIBUTION_NONE ||
		report->channel == ZW_CHANNEL_SIGNING || !zw_policy_principal_is_known(report))
		return NULL;
	ZW_VEC_FOREACH(e, list)
		if (is_expected(e, report))
			return e;
	return NULL;
}

/* "user alice", "key ddns-key". */
static void add_whom(struct zw_str *out, const struct zw_expectation *e)
{
	zw_str_addf(out, "%s %s", e->user ? "user" : "key", e->user ? e->user : e->tsig_key);
}

int zw_expect_judge(
	zw_expectations *list, struct zw_report *report, struct zw_expectation **ret_used)
{
	struct zw_expectation *e = zw_expect_find(list, report);
	_zw_str_ struct zw_str whom = {};
	char until[ZW_TIME_ISO_MAX];
	int r;

	if (ret_used)
		*ret_used = NULL;
	if (!e)
		return 0;
	add_whom(&whom, e);
	if (whom.failed)
		return -ENOMEM;
	zw_time_iso(e->until_ns, until);
	r = zw_report_add_reason(report, ZW_EXPECT_REASON "%s: %s announced %s until %s", e->ticket,
		e->by, whom.buf, until);
	if (r < 0)
		return r;
	report->verdict = ZW_VERDICT_AUTHORIZED;
	report->severity = ZW_SEVERITY_AUTHORIZED;
	report->escalate = false;
	e->used++;
	if (ret_used)
		*ret_used = e;
	return 0;
}
