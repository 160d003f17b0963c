/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy_impl.h"

#include <assert.h>
#include <stdlib.h>

static const struct {
	unsigned int severity;
	bool escalate;
} verdict_table[] = {
	[ZW_VERDICT_UNJUDGED] = {ZW_SEVERITY_UNJUDGED, false},
	[ZW_VERDICT_AUTHORIZED] = {ZW_SEVERITY_AUTHORIZED, false},
	[ZW_VERDICT_UNAUTHORIZED] = {ZW_SEVERITY_UNAUTHORIZED, true},
	[ZW_VERDICT_AUTOMATIC] = {ZW_SEVERITY_AUTOMATIC, false},
	[ZW_VERDICT_UNATTRIBUTED] = {ZW_SEVERITY_UNATTRIBUTED, true},
};
static_assert(ZW_ARRAY_SIZE(verdict_table) == _ZW_VERDICT_MAX, "a row for every verdict");

static void free_texts(char **text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(text[i]);
	free(text);
}

void zw_policy_done(struct zw_policy *policy)
{
	for (size_t i = 0; i < policy->admins; i++) {
		struct zw_admin *admin = &policy->admin[i];

		free(admin->user);
		free(admin->tsig_key);
		free_texts(admin->zones, admin->n_zones);
		free_texts(admin->names, admin->n_names);
		free(admin->types);
		free(admin->from);
		free_texts(admin->with, admin->n_with);
	}
	free(policy->admin);
	free(policy->primary);
	*policy = (struct zw_policy){};
}

/* By how many candidates are of which kind; see the table in policy.h. */
static enum zw_verdict weigh(const size_t count[static _ZW_FINDING_MAX])
{
	size_t unjudged = count[ZW_FINDING_SERVER] + count[ZW_FINDING_OPEN];
	size_t known = count[ZW_FINDING_ADMIN] + unjudged;

	if (known + count[ZW_FINDING_STRANGER] == 0)
		return ZW_VERDICT_UNATTRIBUTED;
	if (count[ZW_FINDING_STRANGER] > 0)
		return known > 0 ? ZW_VERDICT_UNATTRIBUTED : ZW_VERDICT_UNAUTHORIZED;
	return unjudged > 0 ? ZW_VERDICT_UNJUDGED : ZW_VERDICT_AUTHORIZED;
}

static enum zw_verdict decide(const struct zw_policy *policy, const struct zw_report *report)
{
	size_t count[_ZW_FINDING_MAX] = {};

	if (report->attribution == ZW_ATTRIBUTION_NONE || report->causes == 0)
		return ZW_VERDICT_UNATTRIBUTED;
	if (report->channel == ZW_CHANNEL_SIGNING)
		return ZW_VERDICT_AUTOMATIC;
	if (zw_policy_principal_is_known(report)) {
		count[zw_policy_find(policy, report, &report->cause[0])]++;
		return weigh(count);
	}
	for (size_t i = 0; i < report->causes; i++)
		if (zw_cause_is_candidate(&report->cause[i]))
			count[zw_policy_find(policy, report, &report->cause[i])]++;
	return weigh(count);
}

int zw_policy_judge(const struct zw_policy *policy, struct zw_report *report)
{
	report->verdict = decide(policy, report);
	report->severity = verdict_table[report->verdict].severity;
	report->escalate = verdict_table[report->verdict].escalate;
	return zw_policy_explain(policy, report);
}
