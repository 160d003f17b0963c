/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that lead elsewhere: redirect-outside, new-subdomain-outside, new-alias-outside, random-subdomains,
 * shared-address, mx-change, critical-name, wildcard-created. */
#include "engine/rule_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/rr.h"
#include "engine/words.h"

/* --- where several records lead to -------------------------------------------------------------------- */

static uint64_t target_hash(const struct zw_rule_scene *s, const struct zw_rule_target *target)
{
	if (target->name)
		return zw_rule_hash(s->memory, 1, target->name, zw_name_len(target->name));
	return zw_rule_hash(s->memory, (uint64_t)target->address.family, target->address.addr,
		sizeof(target->address.addr));
}

static void burst_add(
	struct zw_rule_scene *s, const uint8_t *owner, const struct zw_rule_target *target)
{
	size_t names = (size_t)zw_rule_knob(s, "random-subdomains", "names");
	struct zw_rule_zone *zone = s->zone;

	if (!zw_rule_is_on(s, "random-subdomains") ||
		!zw_words_name_is_random(owner, s->in->origin, ZW_WORDS_RANDOM_BITS, NULL))
		return;
	if (zone->random_cap != names) {
		free(zone->random);
		zone->random = calloc(names, sizeof(*zone->random));
		zone->random_cap = zone->random ? names : 0;
		zone->random_len = zone->random_next = 0;
	}
	if (!zone->random) {
		s->failed = -ENOMEM;
		return;
	}
	zone->random[zone->random_next] =
		(struct zw_rule_random){s->now_ns, target_hash(s, target)};
	zone->random_next = (zone->random_next + 1) % names;
	if (zone->random_len < names)
		zone->random_len++;
	s->random_seen = true;
}

/* The address got a name of one more zone. */
static void share(
	struct zw_rule_scene *s, const uint8_t *owner, const struct zw_rule_target *target)
{
	uint64_t window = zw_rule_knob(s, "shared-address", "window"), zones = 0;
	uint64_t id, zone = zw_rule_hash(s->memory, 2, s->in->origin, zw_name_len(s->in->origin));
	char text[ZW_NET_TEXT_MAX], name[ZW_NAME_TEXT_MAX];
	struct zw_rule_address *address;
	size_t place = 0;

	if (!zw_rule_is_on(s, "shared-address"))
		return;
	id = target_hash(s, target);
	address = zw_rule_memory_address(s->memory, id);
	/* The zone's own place, else the oldest. */
	for (size_t i = 0; i < ZW_RULE_ZONES_OF_ADDRESS; i++) {
		if (address->zone[i] == zone) {
			place = i;
			break;
		}
		if (address->time_ns[i] < address->time_ns[place])
			place = i;
	}
	address->zone[place] = zone;
	address->time_ns[place] = address->last_ns = s->now_ns;
	for (size_t i = 0; i < ZW_RULE_ZONES_OF_ADDRESS; i++)
		zones += address->zone[i] && address->time_ns[i] + window >= s->now_ns;
	if (zones < zw_rule_knob(s, "shared-address", "zones"))
		return;
	if (zw_rule_found_again(s, "shared-address", id))
		return;
	zw_net_to_text(&target->address, text);
	zw_name_to_text(owner, name);
	zw_rule_found(s, "shared-address", id, text,
		"%s leads to %s, as do names of %llu zones since a short time ago", name, text,
		(unsigned long long)zones);
}

/* --- one record ---------------------------------------------------------------------------------------- */

struct redirect {
	const struct zw_diff_entry *entry;
	bool existed, found;
};

static void found_address(
	struct zw_rule_scene *s, const struct redirect *r, const struct zw_rule_target *target)
{
	const char *rule = r->existed ? "redirect-outside" : "new-subdomain-outside";
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX], via[ZW_NAME_TEXT_MAX] = "";
	char address[ZW_NET_TEXT_MAX];
	struct zw_net network;
	uint64_t group;

	zw_rule_network_of(s, &target->address, &network);
	group = zw_rule_hash(
		s->memory, (uint64_t)network.family, network.addr, sizeof(network.addr));
	if (zw_rule_found_again(s, rule, group))
		return;
	zw_net_to_text(&target->address, address);
	zw_name_to_text(r->entry->owner, owner);
	if (target->via)
		zw_name_to_text(target->via, via);
	zw_rule_found(s, rule, group, address, "%s%s %s leads to %s%s%s, %s",
		r->existed ? "" : "the new name ", owner, zw_type_to_text(r->entry->type, type),
		address, via[0] ? " by way of " : "", via,
		s->in->familiars ? "which is in none of the familiar networks"
				 : "a network that is new to the zone");
}

static void found_name(
	struct zw_rule_scene *s, const struct redirect *r, const struct zw_rule_target *target)
{
	const char *rule = r->existed ? "redirect-outside" : "new-alias-outside";
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX], name[ZW_NAME_TEXT_MAX];

	if (zw_rule_found_again(s, rule, 0))
		return;
	zw_name_to_text(r->entry->owner, owner);
	zw_name_to_text(target->name, name);
	zw_rule_found(s, rule, 0, name, "%s%s %s leads to %s, a domain that is new to the zone",
		r->existed ? "" : "the new name ", owner, zw_type_to_text(r->entry->type, type),
		name);
}

static void look_at_target(struct zw_rule_scene *s, void *ctx, const struct zw_rule_target *target)
{
	struct redirect *r = ctx;

	if (target->name ? !zw_rule_name_is_outside(s, target->name)
			 : !zw_rule_address_is_outside(s, &target->address))
		return;
	r->found = true;
	if (target->name)
		found_name(s, r, target);
	else
		found_address(s, r, target);
	if (!target->name)
		share(s, r->entry->owner, target);
	if (!r->existed)
		burst_add(s, r->entry->owner, target);
}

void zw_rule_redirect(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	struct redirect redirect = {.entry = e};

	if (e->after.count == 0 || !zw_rule_leads(e->type))
		return;
	redirect.existed = e->op == ZW_DIFF_MODIFY || zw_rule_existed(s, e->owner);
	for (size_t i = 0; i < e->after.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&e->after, i, &len);

		if (!zw_rrset_has(&e->before, rdata, len))
			zw_rule_targets(
				s, e->owner, e->type, rdata, len, look_at_target, &redirect);
	}
	if (redirect.found)
		zw_rule_redirected(s, e->owner, e->type == ZW_TYPE_NS || e->type == ZW_TYPE_DNAME);
}

/* --- mail, logins, wildcards -------------------------------------------------------------------------- */

/* The first data that was not there before. */
static const uint8_t *new_data(const struct zw_diff_entry *e, uint16_t *ret_len)
{
	for (size_t i = 0; i < e->after.count; i++) {
		const uint8_t *rdata = zw_rrset_rdata(&e->after, i, ret_len);

		if (!zw_rrset_has(&e->before, rdata, *ret_len))
			return rdata;
	}
	return NULL;
}

/* A host that no record of the set named before, whatever its preference. */
static const uint8_t *new_exchange(const struct zw_diff_entry *e)
{
	for (size_t i = 0; i < e->after.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&e->after, i, &len);
		const uint8_t *name = zw_rule_target_name(e->type, rdata, len);
		bool known = false;

		for (size_t k = 0; name && k < e->before.count && !known; k++) {
			const uint8_t *old = zw_rrset_rdata(&e->before, k, &len);
			const uint8_t *old_name = zw_rule_target_name(e->type, old, len);

			known = old_name && zw_name_equal(name, old_name);
		}
		if (name && !known && name[0] != 0)
			return name;
	}
	return NULL;
}

static void mail(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	const uint8_t *name = new_exchange(e);
	char owner[ZW_NAME_TEXT_MAX], text[ZW_NAME_TEXT_MAX];

	if (!name || zw_rule_found_again(s, "mx-change", 0))
		return;
	zw_name_to_text(e->owner, owner);
	zw_name_to_text(name, text);
	zw_rule_found(s, "mx-change", 0, text, "mail for %s is delivered to %s", owner, text);
}

static bool label_is(const uint8_t *label, const char *text)
{
	return label[0] == strlen(text) && memcmp(label + 1, text, label[0]) == 0;
}

static bool is_critical(const struct zw_rule_scene *s, const uint8_t *name)
{
	char text[ZW_NAME_TEXT_MAX] = "";

	for (size_t i = 0; i < s->in->criticals; i++) {
		const char *critical = s->in->critical[i];

		if (label_is(name, critical))
			return true;
		if (!zw_endswith(critical, "."))
			continue;
		if (!text[0])
			zw_name_to_text(name, text);
		if (zw_streq(critical, text))
			return true;
	}
	return false;
}

static void critical(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_free_ char *text = NULL;
	const uint8_t *rdata;
	uint16_t len;

	if (zw_name_equal(e->owner, s->in->origin) || !is_critical(s, e->owner))
		return;
	rdata = new_data(e, &len);
	if (!rdata)
		return;
	if (zw_rdata_to_text(e->type, rdata, len, &text) < 0) {
		s->failed = -ENOMEM;
		return;
	}
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "critical-name", 0, owner, "%s, a critical name, got %s %s", owner,
		zw_type_to_text(e->type, type), text);
}

static void wildcard(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	struct zw_rrset rrset;
	size_t it;

	if (e->op != ZW_DIFF_ADD || e->owner[0] != 1 || e->owner[1] != '*')
		return;
	it = s->in->before ? zw_snapshot_seek(s->in->before, e->owner) : 0;
	while (s->in->before && zw_snapshot_next(s->in->before, &it, &rrset) &&
		zw_name_equal(rrset.owner, e->owner))
		if (zw_rule_leads(rrset.type))
			return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "wildcard-created", 0, owner, "the wildcard %s was created, with %s",
		owner, zw_type_to_text(e->type, type));
}

void zw_rule_mail_and_login(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	if (e->after.count == 0 || !zw_rule_leads(e->type))
		return;
	wildcard(s, e);
	if (e->op != ZW_DIFF_MODIFY && !zw_rule_existed(s, e->owner))
		return;
	if (e->type == ZW_TYPE_MX)
		mail(s, e);
	else if (e->type != ZW_TYPE_NS && e->type != ZW_TYPE_SRV)
		critical(s, e);
}

/* --- many new names ----------------------------------------------------------------------------------- */

/* The last ones are few enough different ones. */
static bool lead_to_few(const struct zw_rule_zone *zone, uint64_t few)
{
	uint64_t different = 0;

	for (size_t i = 0; i < zone->random_len && different <= few; i++) {
		size_t first = 0;

		while (zone->random[first].target != zone->random[i].target)
			first++;
		different += first == i;
	}
	return different <= few;
}

void zw_rule_burst(struct zw_rule_scene *s)
{
	const struct zw_rule_zone *zone = s->zone;
	uint64_t window = zw_rule_knob(s, "random-subdomains", "window");
	uint64_t oldest;
	char name[ZW_NAME_TEXT_MAX];

	if (!s->random_seen || zone->random_len < zone->random_cap)
		return;
	/* The one that is overwritten next. */
	oldest = zone->random[zone->random_next].time_ns;
	if (s->now_ns > oldest + window ||
		!lead_to_few(zone, zw_rule_knob(s, "random-subdomains", "addresses")))
		return;
	zw_name_to_text(s->in->origin, name);
	zw_rule_found(s, "random-subdomains", 0, name,
		"%zu or more names with random labels came to %s within %llu s and lead to few places",
		zone->random_len, name,
		s->now_ns > oldest ? (unsigned long long)((s->now_ns - oldest) / ZW_NSEC_PER_SEC)
				   : 0ULL);
}
