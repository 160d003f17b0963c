/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dns/name.h"

/* Why an administrator's entry did not match, for at most this many of his entries: a list that is longer
 * is not read. */
#define ENTRIES_EXPLAINED 4

/* What the policy says about one cause. */
enum finding {
	FINDING_ADMIN,
	FINDING_STRANGER,
	FINDING_SERVER, /* the server acted on behalf of somebody this channel does not show */
	_FINDING_MAX,
};

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
		free_texts(admin->zones, admin->n_zones);
		free(admin->from);
		free_texts(admin->with, admin->n_with);
	}
	free(policy->admin);
	*policy = (struct zw_policy){};
}

static bool user_matches(const struct zw_admin *admin, const struct zw_actor *actor)
{
	uint32_t uid;

	if (actor->principal.uid == ZW_ID_UNSET)
		return false;
	/* Digits are a uid and nothing else, so that nobody becomes an admin by the name of his account. */
	if (strspn(admin->user, "0123456789") == strlen(admin->user))
		return zw_parse_u32(admin->user, &uid) == 0 && uid == actor->principal.uid;
	return actor->principal.name && zw_streq(admin->user, actor->principal.name);
}

static bool zone_matches(const struct zw_admin *admin, const char *zone)
{
	uint8_t name[ZW_NAME_MAX], pattern[ZW_NAME_MAX];

	if (admin->n_zones == 0)
		return true;
	if (!zone || zw_name_from_text(zone, name, NULL) < 0)
		return false;
	for (size_t i = 0; i < admin->n_zones; i++)
		if (zw_name_from_text(admin->zones[i], pattern, NULL) == 0 &&
			zw_name_matches(pattern, name))
			return true;
	return false;
}

static bool origin_matches(const struct zw_admin *admin, const struct zw_actor *actor)
{
	if (admin->n_from == 0)
		return true;
	if (!actor->origin_ip)
		return false;
	for (size_t i = 0; i < admin->n_from; i++)
		if (zw_net_contains(&admin->from[i], actor->origin_ip))
			return true;
	return false;
}

static bool executable_matches(const struct zw_admin *admin, const struct zw_actor *actor)
{
	if (admin->n_with == 0)
		return true;
	if (!actor->exe)
		return false;
	for (size_t i = 0; i < admin->n_with; i++)
		if (zw_streq(admin->with[i], actor->exe))
			return true;
	return false;
}

static uint64_t cause_time(const struct zw_report *report, const struct zw_report_cause *cause)
{
	return cause->last_ns ? cause->last_ns : report->time_ns;
}

static bool hours_match(const struct zw_admin *admin, uint64_t time_ns)
{
	return !admin->has_hours || zw_hours_contain(&admin->hours, time_ns);
}

/* The entry that allows the cause, NULL when none does. */
static const struct zw_admin *find_admin(const struct zw_policy *policy,
	const struct zw_report *report, const struct zw_report_cause *cause)
{
	for (size_t i = 0; i < policy->admins; i++) {
		const struct zw_admin *admin = &policy->admin[i];

		if (user_matches(admin, cause->actor) && zone_matches(admin, report->zone) &&
			origin_matches(admin, cause->actor) &&
			executable_matches(admin, cause->actor) &&
			hours_match(admin, cause_time(report, cause)))
			return admin;
	}
	return NULL;
}

static enum finding find(const struct zw_policy *policy, const struct zw_report *report,
	const struct zw_report_cause *cause)
{
	if (cause->role == ZW_ROLE_SERVER)
		return FINDING_SERVER;
	return find_admin(policy, report, cause) ? FINDING_ADMIN : FINDING_STRANGER;
}

static const char *actor_name(const struct zw_actor *actor)
{
	return actor->name ? actor->name : actor->comm;
}

/* "login user alice", "user root" when nobody logged in, "login user 1007" for a uid without a name. */
static void add_user(struct zw_str *s, const struct zw_actor *actor)
{
	if (actor->principal.uid == ZW_ID_UNSET) {
		zw_str_add(s, "a user who is not known");
		return;
	}
	zw_str_add(s, actor->login.uid == ZW_ID_UNSET ? "user " : "login user ");
	if (actor->principal.name)
		zw_str_add(s, actor->principal.name);
	else
		zw_str_addf(s, "%u", actor->principal.uid);
}

static void add_zone(struct zw_str *s, const struct zw_report *report)
{
	zw_str_add(s, report->zone ? report->zone : "a zone without a name");
}

/* One reason under construction: @prefix says which of several causes it is about. */
static int add_reason(struct zw_report *report, const char *prefix, struct zw_str *sentence)
{
	if (sentence->failed)
		return -ENOMEM;
	return zw_report_add_reason(report, "%s%s", prefix, sentence->buf);
}

static int explain_origin(struct zw_report *report, const char *prefix,
	const struct zw_admin *admin, const struct zw_actor *actor)
{
	_zw_str_ struct zw_str s = {};
	char net[ZW_NET_TEXT_MAX];

	if (actor->origin_ip)
		zw_str_addf(&s, "session origin %s is not within ", actor->origin_ip);
	else
		zw_str_add(&s, "the session is local or its origin is not known, so not within ");
	for (size_t i = 0; i < admin->n_from; i++) {
		zw_net_to_text(&admin->from[i], net);
		zw_str_addf(&s, "%s%s", i ? " or " : "", net);
	}
	zw_str_addf(&s, " (line %u)", admin->line);
	return add_reason(report, prefix, &s);
}

static int explain_executable(struct zw_report *report, const char *prefix,
	const struct zw_admin *admin, const struct zw_actor *actor)
{
	if (!actor->exe)
		return zw_report_add_reason(report,
			"%sthe executable is not known, and admin %s may use only some (line %u)",
			prefix, admin->user, admin->line);
	return zw_report_add_reason(report,
		"%sexecutable %s is not one that admin %s may use (line %u)", prefix, actor->exe,
		admin->user, admin->line);
}

static int explain_hours(struct zw_report *report, const char *prefix, const struct zw_admin *admin)
{
	char hours[ZW_HOURS_TEXT_MAX];

	zw_hours_to_text(&admin->hours, hours);
	return zw_report_add_reason(report, "%soutside the hours %s of admin %s (line %u)", prefix,
		hours, admin->user, admin->line);
}

/* Every member that kept an entry for this user and zone from matching. */
static int explain_entry(struct zw_report *report, const char *prefix, const struct zw_admin *admin,
	const struct zw_report_cause *cause)
{
	int r = 0;

	if (!origin_matches(admin, cause->actor))
		r = explain_origin(report, prefix, admin, cause->actor);
	if (r == 0 && !executable_matches(admin, cause->actor))
		r = explain_executable(report, prefix, admin, cause->actor);
	if (r == 0 && !hours_match(admin, cause_time(report, cause)))
		r = explain_hours(report, prefix, admin);
	return r;
}

static int explain_stranger(const struct zw_policy *policy, struct zw_report *report,
	const char *prefix, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str s = {};
	size_t entries = 0;
	int r;

	for (size_t i = 0; i < policy->admins && entries < ENTRIES_EXPLAINED; i++) {
		const struct zw_admin *admin = &policy->admin[i];

		if (!user_matches(admin, cause->actor) || !zone_matches(admin, report->zone))
			continue;
		entries++;
		r = explain_entry(report, prefix, admin, cause);
		if (r < 0)
			return r;
	}
	if (entries > 0)
		return 0;
	add_user(&s, cause->actor);
	zw_str_add(&s, " is not an admin of ");
	add_zone(&s, report);
	return add_reason(report, prefix, &s);
}

static int explain_admin(const struct zw_policy *policy, struct zw_report *report,
	const char *prefix, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str s = {};

	add_user(&s, cause->actor);
	zw_str_add(&s, " is an admin of ");
	add_zone(&s, report);
	zw_str_addf(&s, " (line %u)", find_admin(policy, report, cause)->line);
	return add_reason(report, prefix, &s);
}

static int explain(const struct zw_policy *policy, struct zw_report *report, const char *prefix,
	const struct zw_report_cause *cause)
{
	switch (find(policy, report, cause)) {
	case FINDING_ADMIN:
		return explain_admin(policy, report, prefix, cause);
	case FINDING_STRANGER:
		return explain_stranger(policy, report, prefix, cause);
	default:
		return zw_report_add_reason(report,
			"%sthe server %s (pid %u) wrote its own zone file; who asked it to is not known",
			prefix, actor_name(cause->actor), cause->actor->tgid);
	}
}

/* One of several who could have made the change: it is named in every sentence about it. */
static int explain_candidate(const struct zw_policy *policy, struct zw_report *report,
	const struct zw_report_cause *cause)
{
	_zw_free_ char *prefix = zw_asprintf(
		"if %s (pid %u) made it: ", actor_name(cause->actor), cause->actor->tgid);

	return prefix ? explain(policy, report, prefix, cause) : -ENOMEM;
}

/* Whoever wrote what the principal then put in place did not choose to change the zone, but an analyst
 * wants to know that the content was a stranger's. */
static int explain_preparers(const struct zw_policy *policy, struct zw_report *report)
{
	for (size_t i = 1; i < report->causes; i++) {
		const struct zw_report_cause *cause = &report->cause[i];
		_zw_free_ char *prefix = NULL;
		int r;

		if (cause->role != ZW_ROLE_WRITER ||
			find(policy, report, cause) != FINDING_STRANGER)
			continue;
		prefix = zw_asprintf("the content was written by %s (pid %u): ",
			actor_name(cause->actor), cause->actor->tgid);
		r = prefix ? explain_stranger(policy, report, prefix, cause) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool principal_is_known(const struct zw_report *report)
{
	return report->has_principal && report->attribution != ZW_ATTRIBUTION_AMBIGUOUS;
}

/* A reload makes a change visible, it does not make it. */
static bool is_candidate(const struct zw_report_cause *cause)
{
	return cause->role != ZW_ROLE_RELOADER;
}

/* By how many candidates are of which kind; see the table in policy.h. */
static enum zw_verdict weigh(const size_t count[static _FINDING_MAX])
{
	size_t known = count[FINDING_ADMIN] + count[FINDING_SERVER];

	if (known + count[FINDING_STRANGER] == 0)
		return ZW_VERDICT_UNATTRIBUTED;
	if (count[FINDING_STRANGER] > 0)
		return known > 0 ? ZW_VERDICT_UNATTRIBUTED : ZW_VERDICT_UNAUTHORIZED;
	return count[FINDING_SERVER] > 0 ? ZW_VERDICT_UNJUDGED : ZW_VERDICT_AUTHORIZED;
}

static enum zw_verdict decide(const struct zw_policy *policy, const struct zw_report *report)
{
	size_t count[_FINDING_MAX] = {};

	if (report->attribution == ZW_ATTRIBUTION_NONE || report->causes == 0)
		return ZW_VERDICT_UNATTRIBUTED;
	if (policy->admins == 0)
		return ZW_VERDICT_UNJUDGED;
	if (principal_is_known(report)) {
		count[find(policy, report, &report->cause[0])]++;
		return weigh(count);
	}
	for (size_t i = 0; i < report->causes; i++)
		if (is_candidate(&report->cause[i]))
			count[find(policy, report, &report->cause[i])]++;
	return weigh(count);
}

static int explain_verdict(const struct zw_policy *policy, struct zw_report *report)
{
	int r;

	if (report->attribution == ZW_ATTRIBUTION_NONE || report->causes == 0)
		return zw_report_add_reason(report, "no process was seen to make this change");
	if (policy->admins == 0)
		return zw_report_add_reason(report, "no admins are configured to judge it by");
	if (principal_is_known(report)) {
		r = explain(policy, report, "", &report->cause[0]);
		return r < 0 ? r : explain_preparers(policy, report);
	}
	for (size_t i = 0; i < report->causes; i++) {
		if (!is_candidate(&report->cause[i]))
			continue;
		r = explain_candidate(policy, report, &report->cause[i]);
		if (r < 0)
			return r;
	}
	if (report->verdict == ZW_VERDICT_UNATTRIBUTED)
		return zw_report_add_reason(report,
			"which of them made the change cannot be told, and not all of them were "
			"entitled to");
	return 0;
}

int zw_policy_judge(const struct zw_policy *policy, struct zw_report *report)
{
	report->verdict = decide(policy, report);
	report->severity = verdict_table[report->verdict].severity;
	report->escalate = verdict_table[report->verdict].escalate;
	return explain_verdict(policy, report);
}
