/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy_impl.h"

#include <string.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"

bool zw_policy_is_user(const char *user, const struct zw_actor *actor)
{
	uint32_t uid;

	if (!actor || actor->principal.uid == ZW_ID_UNSET)
		return false;
	/* Digits are a uid and nothing else, so that nobody becomes an admin by the name of his account. */
	if (strspn(user, "0123456789") == strlen(user))
		return zw_parse_u32(user, &uid) == 0 && uid == actor->principal.uid;
	return actor->principal.name && zw_streq(user, actor->principal.name);
}

static bool name_matches(char *const *patterns, size_t n, const uint8_t *name)
{
	uint8_t pattern[ZW_NAME_MAX];

	for (size_t i = 0; i < n; i++)
		if (zw_name_from_text(patterns[i], pattern, NULL) == 0 &&
			zw_name_matches(pattern, name))
			return true;
	return false;
}

static bool zone_matches(const struct zw_admin *admin, const char *zone)
{
	uint8_t name[ZW_NAME_MAX];

	if (admin->n_zones == 0)
		return true;
	return zone && zw_name_from_text(zone, name, NULL) == 0 &&
	       name_matches(admin->zones, admin->n_zones, name);
}

bool zw_admin_key_matches(const struct zw_admin *admin, const struct zw_report_cause *cause)
{
	return !admin->tsig_key || (cause->tsig_key && zw_streq(admin->tsig_key, cause->tsig_key));
}

bool zw_admin_concerns(const struct zw_admin *admin, const struct zw_report *report,
	const struct zw_report_cause *cause)
{
	if (!zone_matches(admin, report->zone))
		return false;
	return admin->user ? zw_policy_is_user(admin->user, cause->actor)
			   : zw_admin_key_matches(admin, cause);
}

const char *zw_admin_address(const struct zw_admin *admin, const struct zw_report_cause *cause)
{
	if (!admin->user)
		return cause->peer;
	return cause->actor ? cause->actor->origin_ip : NULL;
}

bool zw_admin_from_matches(const struct zw_admin *admin, const struct zw_report_cause *cause)
{
	const char *address = zw_admin_address(admin, cause);

	if (admin->n_from == 0)
		return true;
	for (size_t i = 0; address && i < admin->n_from; i++)
		if (zw_net_contains(&admin->from[i], address))
			return true;
	return false;
}

bool zw_admin_with_matches(const struct zw_admin *admin, const struct zw_report_cause *cause)
{
	if (admin->n_with == 0)
		return true;
	for (size_t i = 0; cause->actor && cause->actor->exe && i < admin->n_with; i++)
		if (zw_streq(admin->with[i], cause->actor->exe))
			return true;
	return false;
}

bool zw_admin_hours_match(const struct zw_admin *admin, const struct zw_report *report,
	const struct zw_report_cause *cause)
{
	return !admin->has_hours ||
	       zw_hours_contain(&admin->hours, cause->last_ns ? cause->last_ns : report->time_ns);
}

/* What every change of a signed zone brings with it. The keys themselves are not among it. */
static bool is_accompaniment(const struct zw_diff *diff, const struct zw_diff_entry *entry)
{
	return entry->type == ZW_TYPE_RRSIG || entry->type == ZW_TYPE_NSEC ||
	       entry->type == ZW_TYPE_NSEC3 || zw_change_is_implied(diff, entry);
}

static bool type_matches(const struct zw_admin *admin, uint16_t type)
{
	for (size_t i = 0; i < admin->n_types; i++)
		if (admin->types[i] == type)
			return true;
	return admin->n_types == 0;
}

const struct zw_diff_entry *zw_admin_foreign_change(
	const struct zw_admin *admin, const struct zw_report *report)
{
	const struct zw_diff *diff = report->diff;

	if (admin->n_names == 0 && admin->n_types == 0)
		return NULL;
	for (size_t i = 0; diff && i < diff->len; i++) {
		const struct zw_diff_entry *entry = &diff->entries[i];

		if (!is_accompaniment(diff, entry) &&
			(!type_matches(admin, entry->type) ||
				(admin->n_names > 0 &&
					!name_matches(admin->names, admin->n_names, entry->owner))))
			return entry;
	}
	return NULL;
}

const struct zw_admin *zw_policy_admin_of(const struct zw_policy *policy,
	const struct zw_report *report, const struct zw_report_cause *cause)
{
	for (size_t i = 0; i < policy->admins; i++) {
		const struct zw_admin *admin = &policy->admin[i];

		if (zw_admin_concerns(admin, report, cause) && zw_admin_key_matches(admin, cause) &&
			zw_admin_from_matches(admin, cause) &&
			zw_admin_with_matches(admin, cause) &&
			zw_admin_hours_match(admin, report, cause) &&
			!zw_admin_foreign_change(admin, report))
			return admin;
	}
	return NULL;
}

static bool is_primary(const struct zw_policy *policy, const char *peer)
{
	for (size_t i = 0; peer && i < policy->primaries; i++)
		if (zw_net_contains(&policy->primary[i], peer))
			return true;
	return false;
}

enum zw_finding zw_policy_find(const struct zw_policy *policy, const struct zw_report *report,
	const struct zw_report_cause *cause)
{
	if (zw_cause_is_transfer(cause)) {
		if (policy->primaries == 0)
			return ZW_FINDING_OPEN;
		return is_primary(policy, cause->peer) ? ZW_FINDING_ADMIN : ZW_FINDING_STRANGER;
	}
	if (policy->admins == 0)
		return ZW_FINDING_OPEN;
	if (cause->role == ZW_ROLE_SERVER)
		return ZW_FINDING_SERVER;
	return zw_policy_admin_of(policy, report, cause) ? ZW_FINDING_ADMIN : ZW_FINDING_STRANGER;
}
