/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reasons of a verdict, as whole sentences. */
#include "engine/policy_impl.h"

#include <errno.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"

/* Why an administrator's entry did not match, for at most this many of his entries: a list that is longer
 * is not read. */
#define ENTRIES_EXPLAINED 4

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

/* "login user alice with key ddns-key", "198.51.100.9 without a key". */
static void add_who(struct zw_str *s, const struct zw_report_cause *cause)
{
	if (cause->actor)
		add_user(s, cause->actor);
	else
		zw_str_add(s, cause->peer ? cause->peer : "a host that is not known");
	if (cause->tsig_key)
		zw_str_addf(s, " with key %s", cause->tsig_key);
	else if (!cause->actor)
		zw_str_add(s, " without a key");
}

static const char *zone_of(const struct zw_report *report)
{
	return report->zone ? report->zone : "a zone without a name";
}

/* One reason under construction: @prefix says which of several causes it is about. */
static int add_reason(struct zw_report *report, const char *prefix, struct zw_str *sentence)
{
	if (sentence->failed)
		return -ENOMEM;
	return zw_report_add_reason(report, "%s%s", prefix, sentence->buf);
}

static void add_nets(struct zw_str *s, const struct zw_net *net, size_t n)
{
	char text[ZW_NET_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		zw_net_to_text(&net[i], text);
		zw_str_addf(s, "%s%s", i ? " or " : "", text);
	}
}

static const char *admin_kind(const struct zw_admin *admin)
{
	return admin->user ? "admin" : "key";
}

static const char *admin_name(const struct zw_admin *admin)
{
	return admin->user ? admin->user : admin->tsig_key;
}

static int explain_from(struct zw_report *report, const char *prefix, const struct zw_admin *admin,
	const struct zw_report_cause *cause)
{
	const char *address = zw_admin_address(admin, cause);
	_zw_str_ struct zw_str s = {};

	if (address)
		zw_str_addf(&s, "%s %s is not within ", admin->user ? "session origin" : "address",
			address);
	else if (admin->user)
		zw_str_add(&s, "the session is local or its origin is not known, so not within ");
	else
		zw_str_add(&s, "the address is not known, so not within ");
	add_nets(&s, admin->from, admin->n_from);
	zw_str_addf(&s, " (line %u)", admin->line);
	return add_reason(report, prefix, &s);
}

static int explain_with(struct zw_report *report, const char *prefix, const struct zw_admin *admin,
	const struct zw_actor *actor)
{
	if (!actor || !actor->exe)
		return zw_report_add_reason(report,
			"%sthe executable is not known, and %s %s may use only some (line %u)",
			prefix, admin_kind(admin), admin_name(admin), admin->line);
	return zw_report_add_reason(report,
		"%sexecutable %s is not one that %s %s may use (line %u)", prefix, actor->exe,
		admin_kind(admin), admin_name(admin), admin->line);
}

static int explain_hours(struct zw_report *report, const char *prefix, const struct zw_admin *admin)
{
	char hours[ZW_HOURS_TEXT_MAX];

	zw_hours_to_text(&admin->hours, hours);
	return zw_report_add_reason(report, "%soutside the hours %s of %s %s (line %u)", prefix,
		hours, admin_kind(admin), admin_name(admin), admin->line);
}

static int explain_change(struct zw_report *report, const char *prefix,
	const struct zw_admin *admin, const struct zw_diff_entry *entry)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(entry->owner, name);
	return zw_report_add_reason(report,
		"%s%s %s is not among the records that %s %s may change (line %u)", prefix, name,
		zw_type_to_text(entry->type, type), admin_kind(admin), admin_name(admin),
		admin->line);
}

/* Every member that kept an entry for this user or key and zone from matching. */
static int explain_entry(struct zw_report *report, const char *prefix, const struct zw_admin *admin,
	const struct zw_report_cause *cause)
{
	const struct zw_diff_entry *foreign = zw_admin_foreign_change(admin, report);
	int r = 0;

	if (!zw_admin_key_matches(admin, cause))
		r = zw_report_add_reason(report, "%sit was not signed with key %s (line %u)",
			prefix, admin->tsig_key, admin->line);
	if (r == 0 && !zw_admin_from_matches(admin, cause))
		r = explain_from(report, prefix, admin, cause);
	if (r == 0 && !zw_admin_with_matches(admin, cause))
		r = explain_with(report, prefix, admin, cause->actor);
	if (r == 0 && !zw_admin_hours_match(admin, report, cause))
		r = explain_hours(report, prefix, admin);
	if (r == 0 && foreign)
		r = explain_change(report, prefix, admin, foreign);
	return r;
}

static int explain_stranger(const struct zw_policy *policy, struct zw_report *report,
	const char *prefix, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str s = {};
	size_t entries = 0;
	int r;

	if (zw_cause_is_transfer(cause)) {
		zw_str_addf(&s, "%s is not one of the primaries, which are ",
			cause->peer ? cause->peer : "a host that is not known");
		add_nets(&s, policy->primary, policy->primaries);
		return add_reason(report, prefix, &s);
	}
	for (size_t i = 0; i < policy->admins && entries < ENTRIES_EXPLAINED; i++) {
		const struct zw_admin *admin = &policy->admin[i];

		if (!zw_admin_concerns(admin, report, cause))
			continue;
		entries++;
		r = explain_entry(report, prefix, admin, cause);
		if (r < 0)
			return r;
	}
	if (entries > 0)
		return 0;
	add_who(&s, cause);
	zw_str_addf(&s, " is not an admin of %s", zone_of(report));
	return add_reason(report, prefix, &s);
}

static int explain_admin(const struct zw_policy *policy, struct zw_report *report,
	const char *prefix, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str s = {};

	if (zw_cause_is_transfer(cause)) {
		zw_str_addf(&s, "%s is one of the primaries", cause->peer);
	} else {
		add_who(&s, cause);
		zw_str_addf(&s, " is an admin of %s (line %u)", zone_of(report),
			zw_policy_admin_of(policy, report, cause)->line);
	}
	return add_reason(report, prefix, &s);
}

static int explain_server(
	struct zw_report *report, const char *prefix, const struct zw_report_cause *cause)
{
	if (!cause->actor)
		return zw_report_add_reason(report,
			"%sthe server made this change; who asked it to is not known", prefix);
	return zw_report_add_reason(report,
		"%sthe server %s (pid %u) wrote its own zone file; who asked it to is not known",
		prefix, actor_name(cause->actor), cause->actor->tgid);
}

static int explain(const struct zw_policy *policy, struct zw_report *report, const char *prefix,
	const struct zw_report_cause *cause)
{
	switch (zw_policy_find(policy, report, cause)) {
	case ZW_FINDING_ADMIN:
		return explain_admin(policy, report, prefix, cause);
	case ZW_FINDING_STRANGER:
		return explain_stranger(policy, report, prefix, cause);
	case ZW_FINDING_OPEN:
		return zw_report_add_reason(report, "no %s are configured to judge it by",
			zw_cause_is_transfer(cause) ? "primaries" : "admins");
	default:
		return explain_server(report, prefix, cause);
	}
}

/* One of several who could have made the change: it is named in every sentence about it. */
static int explain_candidate(const struct zw_policy *policy, struct zw_report *report,
	const struct zw_report_cause *cause)
{
	_zw_free_ char *prefix = NULL;

	if (cause->actor)
		prefix = zw_asprintf(
			"if %s (pid %u) made it: ", actor_name(cause->actor), cause->actor->tgid);
	else
		prefix = zw_asprintf("if %s made it: ", cause->peer ? cause->peer : "another host");
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

		if (cause->role != ZW_ROLE_WRITER || !cause->actor ||
			zw_policy_find(policy, report, cause) != ZW_FINDING_STRANGER)
			continue;
		prefix = zw_asprintf("the content was written by %s (pid %u): ",
			actor_name(cause->actor), cause->actor->tgid);
		r = prefix ? explain_stranger(policy, report, prefix, cause) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int explain_nobody(struct zw_report *report)
{
	for (size_t i = 0; i < report->causes; i++)
		if (report->cause[i].role == ZW_ROLE_SERVER)
			return zw_report_add_reason(report,
				"the server made this change, and nobody was seen asking it to");
	return zw_report_add_reason(report, "no process was seen to make this change");
}

static int explain_candidates(const struct zw_policy *policy, struct zw_report *report)
{
	for (size_t i = 0; i < report->causes; i++) {
		int r;

		if (!zw_cause_is_candidate(&report->cause[i]))
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

int zw_policy_explain(const struct zw_policy *policy, struct zw_report *report)
{
	int r;

	if (report->attribution == ZW_ATTRIBUTION_NONE || report->causes == 0)
		return explain_nobody(report);
	if (report->verdict == ZW_VERDICT_AUTOMATIC)
		return zw_report_add_reason(
			report, "only what the server maintains by itself to sign the zone");
	if (zw_policy_principal_is_known(report)) {
		r = explain(policy, report, "", &report->cause[0]);
		return r < 0 || policy->admins == 0 ? r : explain_preparers(policy, report);
	}
	if (policy->admins == 0 && policy->primaries == 0)
		return zw_report_add_reason(report, "no admins are configured to judge it by");
	return explain_candidates(policy, report);
}
