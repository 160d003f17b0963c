/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in an answer, record by record. */
#include "engine/answer_impl.h"

#include <string.h>

/* The alias a DNAME makes of @name (RFC 6672 section 3.1). */
static bool is_substituted(
	const struct zw_answer_check *c, const struct zw_message_rr *rr, const struct zw_find *f)
{
	uint8_t target[ZW_NAME_MAX];
	struct zw_rrset set;
	uint16_t len;

	return zw_snapshot_lookup(c->zone, f->owner, ZW_TYPE_DNAME, &set) &&
	       zw_answer_substitute(rr->owner, f->owner, zw_rrset_rdata(&set, 0, &len), target) &&
	       rr->rdata_len == zw_name_len(target) &&
	       memcmp(rr->rdata, target, rr->rdata_len) == 0;
}

static bool is_minimal_any(const struct zw_answer_check *c, const struct zw_message_rr *rr)
{
	static const uint8_t text[] = "\7RFC8482"; /* RFC 8482 section 4.2 */

	return c->m->question.type == ZW_TYPE_ANY && rr->type == TYPE_HINFO &&
	       rr->rdata_len >= sizeof(text) - 1 &&
	       (memcmp(rr->rdata, text, sizeof(text) - 1) == 0 ||
		       memcmp(rr->rdata, "\7rfc8482", sizeof(text) - 1) == 0);
}

/* Other data at a name of a zone below, or of what aliases led to, is that zone's. */
int zw_answer_check_below(struct zw_answer_check *c, const struct zw_message_rr *rr)
{
	struct zw_rrset set;
	enum zw_sets sets;
	int r;

	if (c->left)
		return 0;
	if (!zw_snapshot_lookup(c->zone, rr->owner, rr->type, &set))
		return zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_DELEGATED);
	r = zw_answer_compare(c->m, rr->section, rr->owner, rr->type, &set, false, &sets);
	if (r == 0 && sets == ZW_SETS_OTHER)
		zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_DELEGATED);
	return r;
}

static int invented(
	struct zw_answer_check *c, const struct zw_message_rr *rr, const struct zw_find *f)
{
	return zw_answer_mismatch(c, ZW_ANSWER_WHY_INVENTED, rr->section, rr->owner, rr->type,
		strdup(f->what == ZW_FOUND_NOTHING ? "NXDOMAIN" : "no data"));
}

static int check_told(struct zw_answer_check *c, const struct zw_message_rr *rr)
{
	struct zw_rrset set;
	struct zw_find f;

	zw_answer_find(c->zone, rr->owner, rr->type, c->ways, &f);
	switch (f.what) {
	case ZW_FOUND_OUTSIDE:
		return c->left ? 0 : invented(c, rr, &f);
	case ZW_FOUND_CUT:
		return zw_answer_check_below(c, rr);
	case ZW_FOUND_DNAME:
		if (rr->type == ZW_TYPE_CNAME && is_substituted(c, rr, &f))
			return 0;
		return invented(c, rr, &f);
	case ZW_FOUND_NOTHING:
		return invented(c, rr, &f);
	default:
		break;
	}
	if (zw_snapshot_lookup(c->zone, f.owner, rr->type, &set))
		return zw_answer_compare_set(c, rr->section, rr->owner, &set, false);
	zw_answer_note_computed(c, f.owner);
	return is_minimal_any(c, rr) ? 0 : invented(c, rr, &f);
}

/* One of each RRset is enough, but of those that are made of a DNAME. */
static bool is_first(const struct zw_message *m, const struct zw_message_rr *rr)
{
	return rr->type == ZW_TYPE_CNAME ||
	       zw_answer_first(m, rr->section, rr->owner, rr->type) == rr;
}

static int check_answers(struct zw_answer_check *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && !zw_answer_is_settled(c) && i < c->m->rrs; i++) {
		const struct zw_message_rr *rr = &c->m->rr[i];

		if (rr->section != ZW_SECTION_ANSWER)
			break;
		if ((rr->type == c->m->question.type || !zw_type_is_signing(rr->type)) &&
			rr->type != TYPE_SIG && is_first(c->m, rr))
			r = check_told(c, rr);
	}
	return r;
}

/* Name servers that come along. What a server that recurses knows of zones below is theirs. */
static int check_authority(struct zw_answer_check *c)
{
	const struct zw_message *m = c->m;
	int r = 0;

	for (size_t i = 0; r == 0 && !zw_answer_is_settled(c) && i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];
		struct zw_rrset set;
		struct zw_find f;

		if (rr->section != ZW_SECTION_AUTHORITY || rr->type != ZW_TYPE_NS ||
			!zw_name_is_within(rr->owner, zw_snapshot_origin(c->zone)) ||
			!is_first(m, rr))
			continue;
		zw_answer_find(c->zone, rr->owner, rr->type, c->ways, &f);
		if (f.what == ZW_FOUND_CUT &&
			(zw_answer_is_recursive(c) || (c->aliases > 0 && c->options.children) ||
				!zw_name_equal(f.owner, rr->owner)))
			continue;
		if (zw_snapshot_lookup(c->zone, rr->owner, ZW_TYPE_NS, &set))
			r = zw_answer_compare_set(c, ZW_SECTION_AUTHORITY, rr->owner, &set, false);
		else
			r = zw_answer_mismatch(c, ZW_ANSWER_WHY_REFERRAL, ZW_SECTION_AUTHORITY,
				rr->owner, ZW_TYPE_NS, strdup("no data"));
	}
	return r;
}

/* Addresses that come along may be few, and those of zones below may be theirs. */
static int check_addresses(struct zw_answer_check *c)
{
	const struct zw_message *m = c->m;
	int r = 0;

	for (size_t i = 0; r == 0 && !zw_answer_is_settled(c) && i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];
		struct zw_rrset set;
		struct zw_find f;
		enum zw_sets sets;

		if (rr->section != ZW_SECTION_ADDITIONAL ||
			(rr->type != ZW_TYPE_A && rr->type != ZW_TYPE_AAAA) || !is_first(m, rr))
			continue;
		zw_answer_find(c->zone, rr->owner, rr->type, c->ways, &f);
		if (f.what != ZW_FOUND_NODE && (f.what != ZW_FOUND_CUT || c->options.children))
			continue;
		if (!zw_snapshot_lookup(c->zone, f.what == ZW_FOUND_NODE ? f.owner : rr->owner,
			    rr->type, &set)) {
			if (f.what == ZW_FOUND_NODE)
				zw_answer_note_computed(c, f.owner);
			r = zw_answer_mismatch(c, ZW_ANSWER_WHY_REFERRAL, rr->section, rr->owner,
				rr->type, strdup("no data"));
			continue;
		}
		r = zw_answer_compare(m, rr->section, rr->owner, rr->type, &set, false, &sets);
		if (r == 0 && sets == ZW_SETS_OTHER)
			r = zw_answer_mismatch(c, ZW_ANSWER_WHY_REFERRAL, rr->section, rr->owner,
				rr->type, zw_answer_set_text(&set));
	}
	return r;
}

int zw_answer_check_told(struct zw_answer_check *c)
{
	int r = check_answers(c);

	if (r == 0 && !zw_answer_is_settled(c))
		r = check_authority(c);
	if (r == 0 && !zw_answer_is_settled(c) && !zw_answer_is_recursive(c))
		r = check_addresses(c);
	return r;
}
