/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the time between changes says: ttl-cut, flip, certificate-near-redirect. */
#include "engine/rule_impl.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/rr.h"

/* A change that cuts so many TTLs, and more than half of all it could, is a new default. */
#define DEFAULT_TTL_SETS 20

/* Record sets of one change that are remembered and compared; whoever changes more at once is found for that. */
#define FLIPS_MAX 8192

static bool is_lasting(uint16_t type)
{
	return type == ZW_TYPE_A || type == ZW_TYPE_AAAA || type == ZW_TYPE_CNAME ||
	       type == ZW_TYPE_NS || type == ZW_TYPE_MX;
}

static bool is_near(const struct zw_rule_scene *s, uint64_t time_ns, uint64_t window_ns)
{
	uint64_t apart = s->now_ns > time_ns ? s->now_ns - time_ns : time_ns - s->now_ns;

	return apart <= window_ns;
}

/* --- TTL ---------------------------------------------------------------------------------------------- */

void zw_rule_ttl(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	if (!is_lasting(e->type) || e->op != ZW_DIFF_MODIFY)
		return;
	s->address_sets++;
	if (e->after.ttl < e->before.ttl)
		s->ttl_cuts++;
}

static void told_cut(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	if (zw_rule_found_again(s, "ttl-cut", 0))
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "ttl-cut", 0, owner, "the TTL of %s %s was cut from %u to %u", owner,
		zw_type_to_text(e->type, type), e->before.ttl, e->after.ttl);
}

/* How many others were cut with it says what it is, so it is told of at the end. */
void zw_rule_ttl_done(struct zw_rule_scene *s)
{
	uint64_t below = zw_rule_knob(s, "ttl-cut", "below") / ZW_NSEC_PER_SEC;
	uint64_t factor = zw_rule_knob(s, "ttl-cut", "factor");

	if (s->ttl_cuts == 0 ||
		(s->ttl_cuts >= DEFAULT_TTL_SETS && s->ttl_cuts * 2 > s->address_sets))
		return;
	for (size_t i = 0; i < s->diff->len; i++) {
		const struct zw_diff_entry *e = &s->diff->entries[i];

		if (is_lasting(e->type) && e->op == ZW_DIFF_MODIFY && e->after.ttl <= below &&
			e->after.ttl * factor <= e->before.ttl)
			told_cut(s, e);
	}
}

/* --- there and back ----------------------------------------------------------------------------------- */

/* The data of a set, whatever its TTL; 0: none. */
static uint64_t print_of(const struct zw_rule_scene *s, const struct zw_rrset *rrset)
{
	uint64_t print = 0;

	for (size_t i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		print = zw_rule_hash(s->memory, print, rdata, len);
	}
	return print;
}

/* Addresses that became an alias, or the other way round, did not come or go. */
static bool has_other_side(const struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	bool want_after = e->after.count == 0;

	for (size_t i = 0; i < 2; i++) {
		const struct zw_diff_entry *end =
			i ? s->diff->entries + s->diff->len : s->diff->entries - 1;

		for (const struct zw_diff_entry *o = e;
			o != end && zw_name_equal(o->owner, e->owner); o += i ? 1 : -1)
			if ((o->type == ZW_TYPE_A || o->type == ZW_TYPE_AAAA ||
				    o->type == ZW_TYPE_CNAME) &&
				(want_after ? o->after.count : o->before.count))
				return true;
	}
	return false;
}

/* Whether the set was something else for a while, and how long; remembers the change. */
static bool is_back(struct zw_rule_scene *s, const struct zw_diff_entry *e, uint64_t *ret_away_ns)
{
	uint64_t before = print_of(s, &e->before), after = print_of(s, &e->after);
	uint64_t window = zw_rule_knob(s, "flip", "window");
	char id[sizeof(e->type) + ZW_NAME_MAX];
	struct zw_rule_recent *recent;
	size_t len = zw_name_len(e->owner);
	bool back;

	if (before == after)
		return false;
	s->flips++;
	memcpy(id, &e->type, sizeof(e->type));
	memcpy(id + sizeof(e->type), e->owner, len);
	recent = zw_rule_memory_recent(s->memory,
		zw_rule_hash(s->memory,
			zw_rule_hash(s->memory, 0, s->in->zone_id, strlen(s->in->zone_id)), id,
			sizeof(e->type) + len));
	if (recent->changes == 0 || !is_near(s, recent->first_ns, window)) {
		recent->origin = before;
		recent->first_ns = s->now_ns;
		recent->changes = 0;
	}
	recent->changes++;
	recent->last_ns = s->now_ns;
	back = recent->changes > 1 && after == recent->origin &&
	       recent->changes < zw_rule_knob(s, "flip", "habit");
	*ret_away_ns = s->now_ns > recent->first_ns ? s->now_ns - recent->first_ns : 0;
	return back;
}

static bool may_flip(const struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	if (!is_lasting(e->type) || s->flips >= FLIPS_MAX)
		return false;
	return e->op == ZW_DIFF_MODIFY ||
	       (e->type != ZW_TYPE_NS && e->type != ZW_TYPE_MX && has_other_side(s, e));
}

void zw_rule_flip_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	uint64_t ignored;

	if (may_flip(s, e))
		(void)is_back(s, e, &ignored);
}

void zw_rule_flip(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	uint64_t away_ns;

	if (!may_flip(s, e) || !is_back(s, e, &away_ns) || e->after.count == 0)
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "flip", 0, owner, "%s %s was something else for %llu s and is back", owner,
		zw_type_to_text(e->type, type), (unsigned long long)(away_ns / ZW_NSEC_PER_SEC));
}

/* --- certificates ------------------------------------------------------------------------------------- */

/* The name that a certificate is asked for, or may be given for; NULL: it is no such record. */
static const uint8_t *certified_name(const struct zw_diff_entry *e)
{
	static const char challenge[] = "_acme-challenge"; /* RFC 8555 section 8.4 */
	size_t len = sizeof(challenge) - 1;

	if (e->type == ZW_TYPE_CAA)
		return e->owner;
	if ((e->type == ZW_TYPE_TXT || e->type == ZW_TYPE_CNAME) && e->after.count > 0 &&
		e->owner[0] == len && memcmp(e->owner + 1, challenge, len) == 0)
		return zw_name_parent(e->owner);
	return NULL;
}

static bool concerns(const struct zw_rule_mark *redirect, const uint8_t *certified)
{
	return zw_name_is_within(redirect->name, certified) ||
	       (redirect->all_below && zw_name_is_within(certified, redirect->name));
}

static void found_certificate(struct zw_rule_scene *s, const uint8_t *redirected,
	const uint8_t *certified, uint64_t time_ns)
{
	char name[ZW_NAME_TEXT_MAX], other[ZW_NAME_TEXT_MAX];
	uint64_t apart = s->now_ns > time_ns ? s->now_ns - time_ns : time_ns - s->now_ns;

	if (zw_rule_found_again(s, "certificate-near-redirect", 0))
		return;
	zw_name_to_text(redirected, name);
	zw_name_to_text(certified, other);
	zw_rule_found(s, "certificate-near-redirect", 0, name,
		"a certificate for %s was prepared within %llu s of the redirect of %s", other,
		(unsigned long long)(apart / ZW_NSEC_PER_SEC), name);
}

void zw_rule_certificate_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	const uint8_t *name = certified_name(e);

	if (name && zw_rule_mark(&s->zone->certificates, name, false, s->now_ns) < 0)
		s->failed = -ENOMEM;
}

void zw_rule_certificate(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	const struct zw_rule_marks *redirects = &s->zone->redirects;
	const uint8_t *name = certified_name(e);
	uint64_t window;

	if (!name)
		return;
	window = zw_rule_knob(s, "certificate-near-redirect", "window");
	for (size_t i = 0; i < redirects->len; i++) {
		const struct zw_rule_mark *mark = &redirects->item[i];

		if (!is_near(s, mark->time_ns, window) || !concerns(mark, name))
			continue;
		found_certificate(s, mark->name, name, mark->time_ns);
		break;
	}
	zw_rule_certificate_recall(s, e);
}

void zw_rule_redirected_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	if (zw_rule_mark(&s->zone->redirects, e->owner,
		    e->type == ZW_TYPE_NS || e->type == ZW_TYPE_DNAME, s->now_ns) < 0)
		s->failed = -ENOMEM;
}

void zw_rule_redirected(struct zw_rule_scene *s, const uint8_t *name, bool all_below)
{
	const struct zw_rule_marks *certificates = &s->zone->certificates;
	struct zw_rule_mark redirect;
	uint64_t window;

	/* Certificates are renewed all the time: what an administrator moves is no redirect. */
	if (zw_rule_is_entitled(s) || (certificates->len == 0 && s->marks > ZW_RULE_MARKS_MAX))
		return;
	window = zw_rule_knob(s, "certificate-near-redirect", "window");
	redirect.time_ns = s->now_ns;
	redirect.all_below = all_below;
	memcpy(redirect.name, name, zw_name_len(name));
	for (size_t i = 0; i < certificates->len; i++) {
		const struct zw_rule_mark *mark = &certificates->item[i];

		if (!is_near(s, mark->time_ns, window) || !concerns(&redirect, mark->name))
			continue;
		found_certificate(s, name, mark->name, mark->time_ns);
		break;
	}
	if (s->marks > ZW_RULE_MARKS_MAX)
		return;
	/* More than are kept are as good as all. */
	if (s->marks++ == ZW_RULE_MARKS_MAX) {
		name = s->in->origin;
		all_below = true;
	}
	if (zw_rule_mark(&s->zone->redirects, name, all_below, s->now_ns) < 0)
		s->failed = -ENOMEM;
}
