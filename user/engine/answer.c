/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Servers follow at least so many aliases: Knot no more, PowerDNS 10, BIND 11 or 16. */
#define ALIASES_SURE 5
/* And none of them more than so many. */
#define ALIASES_MAX 32

static const char *const results[] = {
	[ZW_ANSWER_MATCH] = "match",
	[ZW_ANSWER_MISMATCH] = "mismatch",
	[ZW_ANSWER_NOT_OURS] = "not-ours",
	[ZW_ANSWER_CANNOT_TELL] = "cannot-tell",
};
static_assert(ZW_ARRAY_SIZE(results) == _ZW_ANSWER_RESULT_MAX);

static const char *const whys[] = {
	[ZW_ANSWER_WHY_NONE] = "none",
	[ZW_ANSWER_WHY_NO_QUERY] = "no-query",
	[ZW_ANSWER_WHY_OUTSIDE] = "outside",
	[ZW_ANSWER_WHY_DELEGATED] = "delegated",
	[ZW_ANSWER_WHY_FAILED] = "failed",
	[ZW_ANSWER_WHY_META] = "meta",
	[ZW_ANSWER_WHY_SIGNING] = "signing",
	[ZW_ANSWER_WHY_COMPUTED] = "computed",
	[ZW_ANSWER_WHY_PARENT] = "parent",
	[ZW_ANSWER_WHY_RECURSION] = "recursion",
	[ZW_ANSWER_WHY_LAME] = "lame",
	[ZW_ANSWER_WHY_DATA] = "data",
	[ZW_ANSWER_WHY_DENIED] = "denied",
	[ZW_ANSWER_WHY_INVENTED] = "invented",
	[ZW_ANSWER_WHY_REFERRAL] = "referral",
};
static_assert(ZW_ARRAY_SIZE(whys) == _ZW_ANSWER_WHY_MAX);

const char *zw_answer_result_to_string(enum zw_answer_result v)
{
	return results[v];
}

const char *zw_answer_why_to_string(enum zw_answer_why v)
{
	return whys[v];
}

void zw_answer_verdict_done(struct zw_answer_verdict *v)
{
	free(v->expected);
	free(v->answered);
	*v = (struct zw_answer_verdict){};
}

/* @expected moves here; NULL: no memory. */
int zw_answer_mismatch(struct zw_answer_check *c, enum zw_answer_why why, enum zw_section section,
	const uint8_t *name, uint16_t type, char *expected)
{
	struct zw_answer_verdict *v = c->verdict;

	zw_answer_verdict_done(v);
	v->expected = expected;
	v->answered = zw_answer_said_text(c->m, section, name, type);
	if (!v->expected || !v->answered)
		return -ENOMEM;
	memcpy(v->name, name, zw_name_len(name));
	v->type = type;
	return zw_answer_settle(c, ZW_ANSWER_MISMATCH, why);
}

/* --- RRsets ------------------------------------------------------------------------------------------- */

/* Where the records of @type that are said to be at @name are in the zone: at @at. */
int zw_answer_compare_set(struct zw_answer_check *c, enum zw_section section, const uint8_t *name,
	const struct zw_rrset *set, bool need)
{
	enum zw_sets sets;
	int r = zw_answer_compare(
		c->m, section, name, set->type, set, c->options.any_serial, &sets);
	enum zw_answer_why why = ZW_ANSWER_WHY_DATA;

	if (r < 0 || sets == ZW_SETS_EQUAL)
		return r;
	if (c->cut && sets != ZW_SETS_OTHER)
		return 0;
	if (sets == ZW_SETS_NONE) {
		if (!need)
			return 0;
		why = ZW_ANSWER_WHY_DENIED;
	}
	if (section != ZW_SECTION_ANSWER)
		why = ZW_ANSWER_WHY_REFERRAL;
	return zw_answer_mismatch(c, why, section, name, set->type, zw_answer_set_text(set));
}

void zw_answer_note_computed(struct zw_answer_check *c, const uint8_t *owner)
{
	struct zw_rrset set;

	c->computed |= zw_snapshot_lookup(c->zone, owner, TYPE_ALIAS, &set) ||
		       zw_snapshot_lookup(c->zone, owner, TYPE_LUA, &set);
}

/* --- everything that is asked for is to be told ---------------------------------------------------------- */

/* A referral (RFC 1034 section 4.3.2, step 3b), or what the zone below says itself. */
static int check_referral(struct zw_answer_check *c, const uint8_t *cut)
{
	const struct zw_message *m = c->m;
	const struct zw_message_rr *last = NULL;
	struct zw_rrset set;

	(void)zw_snapshot_lookup(c->zone, cut, ZW_TYPE_NS, &set);
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];

		if (rr->section == ZW_SECTION_ANSWER)
			return zw_answer_check_below(c, rr);
		if (rr->section == ZW_SECTION_AUTHORITY &&
			(rr->type == ZW_TYPE_NS || rr->type == ZW_TYPE_SOA))
			last = rr;
		if (rr->section == ZW_SECTION_AUTHORITY && rr->type == ZW_TYPE_NS &&
			zw_name_equal(rr->owner, cut))
			return zw_answer_is_recursive(c)
				       ? 0
				       : zw_answer_compare_set(
						 c, ZW_SECTION_AUTHORITY, cut, &set, true);
	}
	if (last && zw_name_is_within(last->owner, cut))
		return zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_DELEGATED);
	if (last && last->type == ZW_TYPE_NS &&
		!zw_name_is_within(last->owner, zw_snapshot_origin(c->zone)))
		return zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_LAME);
	if (!last && (zw_answer_is_recursive(c) || c->cut))
		return zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_DELEGATED);
	return zw_answer_mismatch(c, ZW_ANSWER_WHY_DENIED, ZW_SECTION_AUTHORITY, cut, ZW_TYPE_NS,
		zw_answer_set_text(&set));
}

/* That there is no such name; of a name that aliases led to some servers only say that there is no data. */
static int check_nothing(struct zw_answer_check *c, const uint8_t *name, uint16_t type)
{
	if (c->m->rcode == ZW_RCODE_NXDOMAIN || c->aliases > 0 || c->cut)
		return 0;
	/* As if every name existed (RFC 9824), which needs a signer at work. */
	if (zw_answer_first(c->m, ZW_SECTION_AUTHORITY, name, ZW_TYPE_NSEC))
		return zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_SIGNING);
	return zw_answer_mismatch(
		c, ZW_ANSWER_WHY_INVENTED, ZW_SECTION_ANSWER, name, type, strdup("NXDOMAIN"));
}

/* Any of the records, but at least one (RFC 8482 section 4.1); what they are is compared later. */
static int check_any(struct zw_answer_check *c, const uint8_t *name, const uint8_t *owner)
{
	size_t it = zw_snapshot_seek(c->zone, owner);
	struct zw_rrset set;
	bool there = zw_snapshot_next(c->zone, &it, &set) && zw_name_equal(set.owner, owner);

	if (!there ? c->m->rcode == ZW_RCODE_NOERROR
		   : c->cut || zw_answer_first(c->m, ZW_SECTION_ANSWER, name, ZW_TYPE_ANY))
		return 0;
	return zw_answer_mismatch(c, ZW_ANSWER_WHY_DENIED, ZW_SECTION_ANSWER, name, ZW_TYPE_ANY,
		there ? strdup("records") : strdup("no data"));
}

/* Whether the answer goes on at @target: it does unless it led there before or leads too far. */
static bool follow(struct zw_answer_check *c, const uint8_t *target, size_t len, uint8_t *name)
{
	uint16_t type = c->m->question.type;
	bool was_here = zw_name_equal(target, name);

	memcpy(name, target, len);
	if (was_here || ++c->aliases >= ALIASES_MAX)
		return false;
	return c->aliases < ALIASES_SURE || zw_answer_first(c->m, ZW_SECTION_ANSWER, name, type) ||
	       zw_answer_first(c->m, ZW_SECTION_ANSWER, name, ZW_TYPE_CNAME);
}

/* Beside a CNAME (RFC 4034 section 2.5). */
static bool coexists(uint16_t type)
{
	return type == ZW_TYPE_RRSIG || type == ZW_TYPE_NSEC || type == TYPE_SIG;
}

static int check_data(struct zw_answer_check *c, const uint8_t *name, const struct zw_rrset *set)
{
	int r = zw_answer_compare_set(c, ZW_SECTION_ANSWER, name, set, true);

	if (r < 0 || zw_answer_is_settled(c) || c->m->rcode != ZW_RCODE_NXDOMAIN)
		return r;
	return zw_answer_mismatch(c, ZW_ANSWER_WHY_DENIED, ZW_SECTION_AUTHORITY, name, set->type,
		zw_answer_set_text(set));
}

static int check_node(struct zw_answer_check *c, uint8_t *name, const uint8_t *owner, bool *ret_on)
{
	uint16_t type = c->m->question.type, len;
	struct zw_rrset set;
	int r;

	zw_answer_note_computed(c, owner);
	if (type == ZW_TYPE_ANY)
		return check_any(c, name, owner);
	if (!zw_snapshot_lookup(c->zone, owner, type, &set) && !coexists(type) &&
		zw_snapshot_lookup(c->zone, owner, ZW_TYPE_CNAME, &set)) {
		const uint8_t *target = zw_rrset_rdata(&set, 0, &len);

		r = zw_answer_compare_set(c, ZW_SECTION_ANSWER, name, &set, true);
		if (r == 0 && !zw_answer_is_settled(c))
			*ret_on = follow(c, target, len, name);
		return r;
	}
	if (zw_snapshot_lookup(c->zone, owner, type, &set))
		return check_data(c, name, &set);
	/* Records that are told though there are none are found later. */
	if (c->m->rcode != ZW_RCODE_NXDOMAIN)
		return 0;
	return zw_answer_mismatch(
		c, ZW_ANSWER_WHY_DENIED, ZW_SECTION_ANSWER, name, type, strdup("no data"));
}

static int check_dname(struct zw_answer_check *c, uint8_t *name, const uint8_t *owner, bool *ret_on)
{
	uint8_t target[ZW_NAME_MAX];
	struct zw_rrset set;
	const struct zw_message_rr *rr =
		zw_answer_first(c->m, ZW_SECTION_ANSWER, name, ZW_TYPE_CNAME);
	uint16_t len;

	(void)zw_snapshot_lookup(c->zone, owner, ZW_TYPE_DNAME, &set);
	if (!zw_answer_substitute(name, owner, zw_rrset_rdata(&set, 0, &len), target))
		return zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_FAILED);
	if (!rr && !c->cut) {
		char text[ZW_NAME_TEXT_MAX];

		zw_name_to_text(target, text);
		return zw_answer_mismatch(c, ZW_ANSWER_WHY_DENIED, ZW_SECTION_ANSWER, name,
			ZW_TYPE_CNAME, strdup(text));
	}
	/* Any alias is what was asked for. */
	if (c->m->question.type == ZW_TYPE_CNAME || c->m->question.type == ZW_TYPE_ANY)
		return 0;
	*ret_on = follow(c, target, zw_name_len(target), name);
	return 0;
}

static int check_asked(struct zw_answer_check *c)
{
	const struct zw_question *q = &c->m->question;
	uint8_t name[ZW_NAME_MAX];
	bool on = true;
	int r = 0;

	memcpy(name, q->name, zw_name_len(q->name));
	while (r == 0 && on && !zw_answer_is_settled(c)) {
		struct zw_find f;

		on = false;
		zw_answer_find(c->zone, name, q->type, c->ways, &f);
		switch (f.what) {
		case ZW_FOUND_NODE:
			r = check_node(c, name, f.owner, &on);
			break;
		case ZW_FOUND_NOTHING:
			r = check_nothing(c, name, q->type);
			break;
		case ZW_FOUND_DNAME:
			r = check_dname(c, name, f.owner, &on);
			break;
		case ZW_FOUND_CUT:
			if (c->aliases == 0)
				r = check_referral(c, f.owner);
			c->left = true;
			break;
		default:
			c->left = true;
		}
	}
	return r;
}

/* --- the whole ------------------------------------------------------------------------------------------- */

/* The DS of the zone itself is the parent's; and PowerDNS denies it for names below a delegation, which it refers for any
 * other type. */
static bool is_parents_affair(const struct zw_answer_check *c)
{
	return zw_name_equal(c->m->question.name, zw_snapshot_origin(c->zone)) ||
	       (c->options.loose && c->verdict->why == ZW_ANSWER_WHY_DENIED &&
		       c->verdict->type == ZW_TYPE_NS);
}

/* What is no mismatch though it looks like one. */
static void forgive(struct zw_answer_check *c)
{
	const struct zw_message *m = c->m;
	uint16_t type = m->question.type;
	enum zw_answer_why why = ZW_ANSWER_WHY_NONE;
	struct zw_rrset keys;
	bool is_signed =
		zw_snapshot_lookup(c->zone, zw_snapshot_origin(c->zone), ZW_TYPE_DNSKEY, &keys);

	if (c->verdict->result != ZW_ANSWER_MISMATCH)
		return;
	/* Made anew now and then; keys are not, but where the zone has none the server may still have some, as PowerDNS
	 * has beside the zone. */
	if (coexists(type) || type == ZW_TYPE_NSEC3 ||
		(zw_type_is_signing(type) && (!is_signed || c->options.loose)))
		why = ZW_ANSWER_WHY_SIGNING;
	else if (c->computed)
		why = ZW_ANSWER_WHY_COMPUTED;
	else if (type == ZW_TYPE_DS && is_parents_affair(c))
		why = ZW_ANSWER_WHY_PARENT;
	else if (c->options.resolves && zw_answer_is_recursive(c) &&
		 !(m->flags & ZW_MESSAGE_FLAG_AA))
		why = ZW_ANSWER_WHY_RECURSION;
	if (why == ZW_ANSWER_WHY_NONE)
		return;
	zw_answer_verdict_done(c->verdict);
	zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, why);
}

/* Whether the zone has a say in it at all. */
static bool is_comparable(struct zw_answer_check *c)
{
	const struct zw_message *m = c->m;

	if (!m->is_response || m->opcode != ZW_OPCODE_QUERY || !m->has_question ||
		m->question.klass != ZW_CLASS_IN)
		zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_NO_QUERY);
	else if (!zw_name_is_within(m->question.name, zw_snapshot_origin(c->zone)))
		zw_answer_settle(c, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_OUTSIDE);
	else if (m->question.type != ZW_TYPE_ANY && zw_type_is_meta(m->question.type))
		zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_META);
	else if (m->rcode != ZW_RCODE_NOERROR && m->rcode != ZW_RCODE_NXDOMAIN)
		zw_answer_settle(c, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_FAILED);
	return !zw_answer_is_settled(c);
}

static int check_once(struct zw_answer_check *c)
{
	int r;

	if (!is_comparable(c))
		return 0;
	r = check_asked(c);
	if (r == 0 && !zw_answer_is_settled(c))
		r = zw_answer_check_told(c);
	if (r == 0)
		forgive(c);
	return r;
}

int zw_answer_check(const struct zw_snapshot *zone, const struct zw_message *response,
	const struct zw_answer_options *options, struct zw_answer_verdict *ret_verdict)
{
	static const unsigned int ways[] = {
		0, ZW_FIND_FLAT, ZW_FIND_NO_DNAME, ZW_FIND_FLAT | ZW_FIND_NO_DNAME};
	_zw_answer_verdict_ struct zw_answer_verdict first = {};
	size_t n = options && options->loose ? ZW_ARRAY_SIZE(ways) : 1;

	for (size_t i = 0; i < n; i++) {
		_zw_answer_verdict_ struct zw_answer_verdict v = {};
		struct zw_answer_check c = {
			.zone = zone,
			.m = response,
			.options = options ? *options : (struct zw_answer_options){},
			.ways = ways[i],
			.cut = response->flags & ZW_MESSAGE_FLAG_TC,
			.verdict = &v,
		};
		int r = check_once(&c);

		if (r < 0)
			return r;
		if (i == 0 || v.result != ZW_ANSWER_MISMATCH) {
			zw_answer_verdict_done(&first);
			first = v;
			v = (struct zw_answer_verdict){};
		}
		if (first.result != ZW_ANSWER_MISMATCH)
			break;
	}
	*ret_verdict = first;
	first = (struct zw_answer_verdict){};
	return 0;
}
