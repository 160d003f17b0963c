/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the policy*.c files and expect.c only. */
#pragma once

#include "engine/policy.h"

/* What the policy says about one cause. */
enum zw_finding {
	ZW_FINDING_ADMIN, /* of an administrator, or of a primary */
	ZW_FINDING_STRANGER,
	ZW_FINDING_SERVER, /* the server acted on behalf of somebody this channel does not show */
	ZW_FINDING_OPEN,   /* nothing is configured to judge it by */
	_ZW_FINDING_MAX,
};

/* The zone as a primary sends it: judged by the list of primaries. */
static inline bool zw_cause_is_transfer(const struct zw_report_cause *cause)
{
	return cause->role == ZW_ROLE_PEER && cause->channel == ZW_CHANNEL_TRANSFER;
}

/* policy_match.c */

enum zw_finding zw_policy_find(const struct zw_policy *policy, const struct zw_report *report,
	const struct zw_report_cause *cause);
/* Whether the principal is @user, a login name or a decimal uid. */
bool zw_policy_is_user(const char *user, const struct zw_actor *actor);
/* The entry that allows the cause, NULL when none does. */
const struct zw_admin *zw_policy_admin_of(const struct zw_policy *policy,
	const struct zw_report *report, const struct zw_report_cause *cause);
/* Whether it is about whoever this is, and about the zone, whatever else it asks for. */
bool zw_admin_concerns(const struct zw_admin *admin, const struct zw_report *report,
	const struct zw_report_cause *cause);
/* Each of the members by itself; true when it is not set. */
bool zw_admin_key_matches(const struct zw_admin *admin, const struct zw_report_cause *cause);
bool zw_admin_from_matches(const struct zw_admin *admin, const struct zw_report_cause *cause);
bool zw_admin_with_matches(const struct zw_admin *admin, const struct zw_report_cause *cause);
bool zw_admin_hours_match(const struct zw_admin *admin, const struct zw_report *report,
	const struct zw_report_cause *cause);
/* The first change that the entry does not allow; NULL when it allows them all. */
const struct zw_diff_entry *zw_admin_foreign_change(
	const struct zw_admin *admin, const struct zw_report *report);
/* The address that "from" is about: of the session, or of the peer when the entry is about a key alone. */
const char *zw_admin_address(const struct zw_admin *admin, const struct zw_report_cause *cause);

static inline bool zw_policy_principal_is_known(const struct zw_report *report)
{
	return report->has_principal && report->attribution != ZW_ATTRIBUTION_AMBIGUOUS;
}

/* A reload makes a change visible, it does not make it. */
static inline bool zw_cause_is_candidate(const struct zw_report_cause *cause)
{
	return cause->role != ZW_ROLE_RELOADER;
}

/* policy_why.c: appends the reasons of the verdict that @report has. 0 or -ENOMEM. */
int zw_policy_explain(const struct zw_policy *policy, struct zw_report *report);
