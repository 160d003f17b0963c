/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who made a change and how: outside-hours, unsigned-update, unknown-key. */
#include "engine/rule_impl.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/policy.h"

static const struct zw_report_cause *principal(const struct zw_rule_scene *s)
{
	return s->report->has_principal && s->report->causes > 0 ? &s->report->cause[0] : NULL;
}

static void hours(struct zw_rule_scene *s, const struct zw_report_cause *cause)
{
	const struct zw_actor *actor = cause->actor;
	struct zw_hours usual = {};
	char who[32];

	if (!actor || actor->login.uid == ZW_ID_UNSET)
		return;
	usual.days = (uint8_t)((1U << zw_rule_knob(s, "outside-hours", "days")) - 1);
	usual.from_min = (uint16_t)(zw_rule_knob(s, "outside-hours", "from") * 60);
	usual.to_min = (uint16_t)(zw_rule_knob(s, "outside-hours", "until") * 60);
	if (zw_hours_contain(&usual, s->now_ns))
		return;
	snprintf(who, sizeof(who), "uid %u", actor->login.uid);
	zw_rule_found(s, "outside-hours", 0, NULL, "%s made the change outside the usual hours",
		actor->login.name ? actor->login.name : who);
}

static bool is_request(const struct zw_report_cause *cause)
{
	return cause && cause->channel == ZW_CHANNEL_UPDATE &&
	       (cause->evidence & (ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT));
}

static uint64_t hash_of(const struct zw_rule_scene *s, const char *text)
{
	return zw_rule_hash(s->memory, 0, text, strlen(text));
}

/* Where the request came from. */
static const char *source_of(const struct zw_report_cause *cause)
{
	return cause->peer ? cause->peer : "this host";
}

static bool is_admins_key(const struct zw_rule_scene *s, const char *key)
{
	const struct zw_policy *policy = s->in->policy;

	for (size_t i = 0; policy && i < policy->admins; i++)
		if (policy->admin[i].tsig_key && strcasecmp(policy->admin[i].tsig_key, key) == 0)
			return true;
	return false;
}

/* How often the key, or the address without one, did this before. */
static uint64_t count_request(
	struct zw_rule_scene *s, const struct zw_report_cause *cause, uint64_t *ret_signed)
{
	struct zw_rule_zone *zone = s->zone;

	if (!cause->tsig_key)
		return zw_rule_count_up(zone->source, &zone->sources, hash_of(s, source_of(cause)));
	*ret_signed = zone->signed_updates++;
	return zw_rule_count_up(zone->key, &zone->keys, hash_of(s, cause->tsig_key));
}

void zw_rule_actor_recall(struct zw_rule_scene *s)
{
	const struct zw_report_cause *cause = principal(s);
	uint64_t ignored;

	if (is_request(cause))
		(void)count_request(s, cause, &ignored);
}

void zw_rule_actor(struct zw_rule_scene *s)
{
	const struct zw_report_cause *cause = principal(s);
	uint64_t before, signed_before = 0;

	if (!cause)
		return;
	hours(s, cause);
	if (!is_request(cause))
		return;
	before = count_request(s, cause, &signed_before);
	if (!cause->tsig_key) {
		if (before < zw_rule_knob(s, "unsigned-update", "habit"))
			zw_rule_found(s, "unsigned-update", 0, cause->peer,
				"the server accepted an unsigned update from %s", source_of(cause));
		return;
	}
	if (before == 0 && signed_before >= zw_rule_knob(s, "unknown-key", "learn") &&
		!is_admins_key(s, cause->tsig_key))
		zw_rule_found(s, "unknown-key", 0, cause->tsig_key,
			"the key %s was never used for this zone before, as far as is remembered",
			cause->tsig_key);
}
