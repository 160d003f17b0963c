/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Name servers: ns-change, delegation-change, glue-change, lookalike-ns, orphan-glue. */
#include "engine/rule_impl.h"

#include <string.h>

#include "dns/rr.h"
#include "engine/lookalike.h"

/* Servers of a set that are compared with each other; sets have a dozen. */
#define SERVERS_MAX 64

/* Number @i of the set; NULL: it is malformed. */
static const uint8_t *server_at(const struct zw_rrset *rrset, size_t i)
{
	uint16_t len;
	const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

	return zw_rule_target_name(ZW_TYPE_NS, rdata, len);
}

static bool names_server(const struct zw_rrset *rrset, const uint8_t *name)
{
	for (size_t i = 0; i < rrset->count; i++) {
		const uint8_t *server = server_at(rrset, i);

		if (server && zw_name_equal(server, name))
			return true;
	}
	return false;
}

/* Whether the NS records of @owner in @zone name @name. */
static bool is_served_by(const struct zw_snapshot *zone, const uint8_t *owner, const uint8_t *name)
{
	struct zw_rrset rrset;

	return zone && zw_snapshot_lookup(zone, owner, ZW_TYPE_NS, &rrset) &&
	       names_server(&rrset, name);
}

/* Whether it is a name server of the zone itself (@apex), or of a delegation it lies in. Others may name it as well; to find these
 * the whole zone would have to be looked through. */
static bool is_server(const struct zw_rule_scene *s, const struct zw_snapshot *zone,
	const struct zw_rrset *apex, const uint8_t *name)
{
	if (names_server(apex, name))
		return true;
	for (const uint8_t *above = name; above[0] != 0 && !zw_name_equal(above, s->in->origin);
		above = zw_name_parent(above))
		if (is_served_by(zone, above, name))
			return true;
	return false;
}

static void new_servers(
	struct zw_rule_scene *s, const struct zw_diff_entry *e, const uint8_t *first)
{
	bool apex = zw_name_equal(e->owner, s->in->origin);
	char owner[ZW_NAME_TEXT_MAX], server[ZW_NAME_TEXT_MAX];

	zw_name_to_text(e->owner, owner);
	zw_name_to_text(first, server);
	if (apex)
		zw_rule_found(s, "ns-change", 0, server, "%s became a name server of the zone %s",
			server, owner);
	else if (e->op == ZW_DIFF_ADD && zw_rule_existed(s, e->owner))
		zw_rule_found(s, "delegation-change", 0, server,
			"%s, a name with records of its own, is delegated to %s", owner, server);
	else
		zw_rule_found(
			s, "delegation-change", 0, server, "%s is delegated to %s", owner, server);
}

/* Honest names that one of these ways takes for imitations: other endings, and the numbered domains of providers. */
static bool counts(enum zw_lookalike how, bool own)
{
	if (own)
		return how != ZW_LOOKALIKE_NONE && how != ZW_LOOKALIKE_SUFFIX;
	return how == ZW_LOOKALIKE_GLYPH || how == ZW_LOOKALIKE_HYPHEN || how == ZW_LOOKALIKE_BELOW;
}

static void lookalike(struct zw_rule_scene *s, const struct zw_diff_entry *e, const uint8_t *server)
{
	enum zw_lookalike how = zw_lookalike(server, s->in->origin);
	char text[ZW_NAME_TEXT_MAX], model[ZW_NAME_TEXT_MAX];
	const uint8_t *of = s->in->origin;

	if (zw_name_is_within(server, s->in->origin) ||
		(s->in->serves && s->in->serves(s->in->ctx, server)))
		return;
	if (!counts(how, true)) {
		how = ZW_LOOKALIKE_NONE;
		for (size_t i = 0; i < e->before.count && i < SERVERS_MAX; i++) {
			of = server_at(&e->before, i);
			how = of ? zw_lookalike(server, of) : ZW_LOOKALIKE_NONE;
			if (counts(how, false))
				break;
			how = ZW_LOOKALIKE_NONE;
		}
	}
	if (how == ZW_LOOKALIKE_NONE)
		return;
	zw_name_to_text(server, text);
	zw_name_to_text(of, model);
	zw_rule_found(s, "lookalike-ns", 0, text, "the new name server %s %s %s", text,
		zw_lookalike_to_string(how), model);
	zw_rule_redirected(s, e->owner, true);
}

static bool has_address(const struct zw_snapshot *zone, const uint8_t *name)
{
	struct zw_rrset rrset;

	return zone && (zw_snapshot_lookup(zone, name, ZW_TYPE_A, &rrset) ||
			       zw_snapshot_lookup(zone, name, ZW_TYPE_AAAA, &rrset));
}

static void orphan(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], server[ZW_NAME_TEXT_MAX];
	const uint8_t *name;

	for (size_t i = 0; i < e->before.count && i < SERVERS_MAX; i++) {
		name = server_at(&e->before, i);
		if (!name || !zw_name_is_within(name, e->owner) || names_server(&e->after, name) ||
			zw_name_equal(e->owner, s->in->origin) ||
			!has_address(s->in->after, name) ||
			is_server(s, s->in->after, &s->apex_after, name))
			continue;
		zw_name_to_text(e->owner, owner);
		zw_name_to_text(name, server);
		zw_rule_found(s, "orphan-glue", 0, server,
			"%s is no name server of %s any more and still has its address", server,
			owner);
	}
}

/* A server in the zone that nobody can ask; whoever may add names to the zone gets to be it. */
static void dangling(struct zw_rule_scene *s, const struct zw_diff_entry *e, const uint8_t *name)
{
	char owner[ZW_NAME_TEXT_MAX], server[ZW_NAME_TEXT_MAX];
	struct zw_rrset rrset;
	size_t it;

	if (!s->in->after || !zw_name_is_within(name, s->in->origin) ||
		has_address(s->in->after, name))
		return;
	/* Below another delegation, or with an alias, it is not this zone's to say. */
	for (const uint8_t *above = zw_name_parent(name);
		!zw_name_equal(above, s->in->origin) && above[0] != 0 &&
		!zw_name_equal(above, e->owner);
		above = zw_name_parent(above))
		if (zw_snapshot_lookup(s->in->after, above, ZW_TYPE_NS, &rrset))
			return;
	it = zw_snapshot_seek(s->in->after, name);
	if (zw_snapshot_next(s->in->after, &it, &rrset) && zw_name_equal(rrset.owner, name))
		return;
	zw_name_to_text(e->owner, owner);
	zw_name_to_text(name, server);
	zw_rule_found(s, "orphan-glue", 0, server,
		"%s became a name server of %s and has no address in the zone", server, owner);
}

void zw_rule_servers(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	const uint8_t *first = NULL;

	if (e->type != ZW_TYPE_NS)
		return;
	for (size_t i = 0; i < e->after.count && i < SERVERS_MAX; i++) {
		const uint8_t *name = server_at(&e->after, i);

		if (!name || names_server(&e->before, name))
			continue;
		if (!first)
			first = name;
		lookalike(s, e, name);
		dangling(s, e, name);
	}
	if (first)
		new_servers(s, e, first);
	orphan(s, e);
}

void zw_rule_glue(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	if ((e->type != ZW_TYPE_A && e->type != ZW_TYPE_AAAA) || e->op != ZW_DIFF_MODIFY ||
		!zw_rule_gains(e) || !is_server(s, s->in->after, &s->apex_after, e->owner) ||
		!is_server(s, s->in->before, &s->apex_before, e->owner))
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "glue-change", 0, owner, "the name server %s got another %s address",
		owner, zw_type_to_text(e->type, type));
}
