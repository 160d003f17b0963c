/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/update.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* Only named here. */
#define TYPE_WKS 11
#define TYPE_SIG 24
#define TYPE_KEY 25
#define TYPE_NXT 30
/* RRSIG: type covered, algorithm; ... key tag (RFC 4034 section 3.1). */
#define RRSIG_TAG_AT 16
#define RRSIG_FIXED 18
#define WKS_FIXED 5 /* address, protocol (RFC 1035 section 3.4.2) */

/* A deletion or prerequisite of a whole name or RRset is without TTL and data (sections 2.4 and 2.5). */
static bool is_bare(const struct zw_message_rr *rr)
{
	return rr->ttl == 0 && rr->rdata_len == 0;
}

/* Section 3.4.1.3. */
static unsigned int prescan(const struct zw_message *m, const uint8_t *origin)
{
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];
		bool meta = zw_type_is_meta(rr->type), ok;

		if (rr->section != ZW_SECTION_UPDATE)
			continue;
		if (!zw_name_is_within(rr->owner, origin))
			return ZW_RCODE_NOTZONE;
		switch (rr->klass) {
		case ZW_CLASS_IN:
			ok = !meta;
			break;
		case ZW_CLASS_ANY:
			ok = is_bare(rr) && (!meta || rr->type == ZW_TYPE_ANY);
			break;
		case ZW_CLASS_NONE:
			ok = rr->ttl == 0 && !meta;
			break;
		default:
			ok = false;
		}
		if (!ok)
			return ZW_RCODE_FORMERR;
	}
	return ZW_RCODE_NOERROR;
}

/* Section 3.1. */
static unsigned int check_zone(const struct zw_message *m, const uint8_t *origin)
{
	if (!m->has_question || m->question.type != ZW_TYPE_SOA)
		return ZW_RCODE_FORMERR;
	if (m->question.klass != ZW_CLASS_IN || !zw_name_equal(m->question.name, origin))
		return ZW_RCODE_NOTAUTH;
	return ZW_RCODE_NOERROR;
}

static bool is_in_use(const struct zw_draft_name *name)
{
	for (size_t i = 0; i < name->sets; i++)
		if (name->set[i].count > 0)
			return true;
	return false;
}

/* Names and RRsets that are to exist or not (sections 2.4.1, 2.4.3 to 2.4.5). An rcode or -ENOMEM. */
static int check_existence(struct zw_draft *d, const struct zw_message_rr *rr)
{
	bool wanted = rr->klass == ZW_CLASS_ANY, whole = rr->type == ZW_TYPE_ANY, there;
	struct zw_draft_name *name;
	int r;

	r = zw_draft_open(d, rr->owner, &name);
	if (r < 0)
		return r;
	there = whole ? is_in_use(name) : zw_draft_find(name, rr->type) != NULL;
	if (there == wanted)
		return ZW_RCODE_NOERROR;
	if (wanted)
		return whole ? ZW_RCODE_NXDOMAIN : ZW_RCODE_NXRRSET;
	return whole ? ZW_RCODE_YXDOMAIN : ZW_RCODE_YXRRSET;
}

static bool is_valued(const struct zw_message_rr *rr)
{
	return rr->section == ZW_SECTION_PREREQUISITE && rr->klass == ZW_CLASS_IN;
}

static bool same_rrset(const struct zw_message_rr *a, const struct zw_message_rr *b)
{
	return a->type == b->type && zw_name_equal(a->owner, b->owner);
}

/* The prerequisites from record @first on that name its RRset must together be exactly what is there (section
 * 2.4.2). Each of them is in it, and so many different ones fill it. An rcode or -ENOMEM. */
static int check_values(struct zw_draft *d, const struct zw_message *m, size_t first)
{
	const struct zw_message_rr *of = &m->rr[first];
	const struct zw_draft_set *set;
	_zw_free_ uint8_t *named = NULL;
	struct zw_draft_name *name;
	size_t different = 0;
	int r;

	r = zw_draft_open(d, of->owner, &name);
	if (r < 0)
		return r;
	set = zw_draft_find(name, of->type);
	if (!set)
		return ZW_RCODE_NXRRSET;
	named = calloc(set->count, 1);
	if (!named)
		return -ENOMEM;
	for (size_t i = first; i < m->rrs && m->rr[i].section == ZW_SECTION_PREREQUISITE; i++) {
		const struct zw_message_rr *rr = &m->rr[i];
		bool found;
		size_t at;

		if (!is_valued(rr) || !same_rrset(of, rr))
			continue;
		at = zw_draft_search(set, rr->rdata, rr->rdata_len, &found);
		if (!found)
			return ZW_RCODE_NXRRSET;
		different += !named[at];
		named[at] = 1;
	}
	return different == set->count ? ZW_RCODE_NOERROR : ZW_RCODE_NXRRSET;
}

/* Section 3.2.5, whose order decides which of several failures is told. */
static int check_prerequisites(struct zw_draft *d, const struct zw_message *m)
{
	const uint8_t *origin = zw_snapshot_origin(zw_draft_base(d));
	int r = ZW_RCODE_NOERROR;

	for (size_t i = 0; r == ZW_RCODE_NOERROR && i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];

		if (rr->section != ZW_SECTION_PREREQUISITE)
			break;
		if (rr->ttl != 0)
			return ZW_RCODE_FORMERR;
		if (!zw_name_is_within(rr->owner, origin))
			return ZW_RCODE_NOTZONE;
		if (rr->klass == ZW_CLASS_IN)
			continue;
		if ((rr->klass != ZW_CLASS_ANY && rr->klass != ZW_CLASS_NONE) || !is_bare(rr))
			return ZW_RCODE_FORMERR;
		r = check_existence(d, rr);
	}
	for (size_t i = 0; r == ZW_RCODE_NOERROR && i < m->rrs; i++) {
		bool again = !is_valued(&m->rr[i]);

		for (size_t k = 0; !again && k < i; k++)
			again = is_valued(&m->rr[k]) && same_rrset(&m->rr[k], &m->rr[i]);
		if (!again)
			r = check_values(d, m, i);
	}
	return r;
}

int zw_update_check(struct zw_draft *draft, const struct zw_message *message)
{
	const uint8_t *origin = zw_snapshot_origin(zw_draft_base(draft));
	int r;

	if (message->opcode != ZW_OPCODE_UPDATE)
		return -EINVAL;
	r = (int)check_zone(message, origin);
	if (r == ZW_RCODE_NOERROR)
		r = check_prerequisites(draft, message);
	if (r == ZW_RCODE_NOERROR)
		r = (int)prescan(message, origin);
	return r;
}

/* Types that may stand beside a CNAME (RFC 2181 section 10.1, RFC 4034 section 3). */
static bool stands_with_cname(uint16_t type)
{
	return type == ZW_TYPE_RRSIG || type == ZW_TYPE_NSEC || type == TYPE_SIG ||
	       type == TYPE_KEY || type == TYPE_NXT;
}

/* Section 3.4.2.2: a CNAME beside other data, or other data beside a CNAME, is ignored. */
static bool conflicts_with_cname(const struct zw_draft_name *name, uint16_t type)
{
	if (stands_with_cname(type))
		return false;
	if (type != ZW_TYPE_CNAME)
		return zw_draft_find(name, ZW_TYPE_CNAME) != NULL;
	for (size_t i = 0; i < name->sets; i++)
		if (name->set[i].count > 0 && name->set[i].type != ZW_TYPE_CNAME &&
			!stands_with_cname(name->set[i].type))
			return true;
	return false;
}

/* The same: an SOA replaces the one there is, if its serial is greater (RFC 1982 section 3.2). */
static bool is_newer_soa(const struct zw_draft_name *name, const struct zw_message_rr *rr)
{
	const struct zw_draft_set *set = zw_draft_find(name, ZW_TYPE_SOA);
	uint32_t before, after;

	return set && zw_soa_parse(rr->rdata, rr->rdata_len, &after, NULL) == 0 &&
	       zw_soa_parse(set->rr[0].rdata, set->rr[0].len, &before, NULL) == 0 &&
	       (int32_t)(after - before) > 0;
}

/* Whether the record takes the place of @old of its RRset. */
static bool replaces(const struct zw_message_rr *rr, const struct zw_draft_rr *old)
{
	switch (rr->type) {
	case ZW_TYPE_CNAME:
	case ZW_TYPE_SOA:
	case ZW_TYPE_DNAME:
	case ZW_TYPE_NSEC:
		return true;
	case ZW_TYPE_RRSIG: /* same type covered, algorithm and key */
		return rr->rdata_len >= RRSIG_FIXED && old->len >= RRSIG_FIXED &&
		       memcmp(rr->rdata, old->rdata, 3) == 0 &&
		       memcmp(rr->rdata + RRSIG_TAG_AT, old->rdata + RRSIG_TAG_AT, 2) == 0;
	case TYPE_WKS:
		return rr->rdata_len >= WKS_FIXED && old->len >= WKS_FIXED &&
		       memcmp(rr->rdata, old->rdata, WKS_FIXED) == 0;
	case ZW_TYPE_NSEC3PARAM: /* all but the flags */
		return rr->rdata_len == old->len && old->len > 2 && rr->rdata[0] == old->rdata[0] &&
		       memcmp(rr->rdata + 2, old->rdata + 2, old->len - 2U) == 0;
	default:
		return false;
	}
}

/* Signatures of one type covered make an RRset of their own. */
static bool shares_ttl(const struct zw_message_rr *rr, const struct zw_draft_rr *old)
{
	return rr->type != ZW_TYPE_RRSIG ||
	       (rr->rdata_len >= 2 && old->len >= 2 && memcmp(rr->rdata, old->rdata, 2) == 0);
}

static int add_rr(struct zw_draft *d, struct zw_draft_name *name, const struct zw_message_rr *rr)
{
	struct zw_draft_set *set = zw_draft_find(name, rr->type);
	bool found = false;
	size_t at;

	if (conflicts_with_cname(name, rr->type) ||
		(rr->type == ZW_TYPE_SOA && !is_newer_soa(name, rr)))
		return 0;
	if (set) {
		at = zw_draft_search(set, rr->rdata, rr->rdata_len, &found);
		if (found && set->rr[at].ttl == rr->ttl)
			return 0;
		for (size_t i = set->count; i-- > 0;) {
			if (replaces(rr, &set->rr[i]))
				zw_draft_remove(set, i);
			else if (shares_ttl(rr, &set->rr[i]))
				set->rr[i].ttl = rr->ttl;
		}
	}
	return zw_draft_put(d, name, rr->type, rr->ttl, rr->rdata, rr->rdata_len);
}

/* Sections 3.4.2.3 and 3.4.2.4: the zone keeps its SOA and its last NS. */
static void delete_rrsets(struct zw_draft_name *name, uint16_t type, bool apex)
{
	for (size_t i = 0; i < name->sets; i++) {
		struct zw_draft_set *set = &name->set[i];

		if (apex && (set->type == ZW_TYPE_SOA || set->type == ZW_TYPE_NS))
			continue;
		if (type == ZW_TYPE_ANY || type == set->type)
			set->count = 0;
	}
}

static void delete_rr(struct zw_draft_name *name, const struct zw_message_rr *rr, bool apex)
{
	struct zw_draft_set *set = zw_draft_find(name, rr->type);
	bool found;
	size_t at;

	if (!set || (apex && rr->type == ZW_TYPE_SOA) ||
		(apex && rr->type == ZW_TYPE_NS && set->count == 1))
		return;
	at = zw_draft_search(set, rr->rdata, rr->rdata_len, &found);
	if (found)
		zw_draft_remove(set, at);
}

int zw_update_run(struct zw_draft *draft, const struct zw_message *message)
{
	const uint8_t *origin = zw_snapshot_origin(zw_draft_base(draft));
	int r = 0;

	if (message->opcode != ZW_OPCODE_UPDATE ||
		check_zone(message, origin) != ZW_RCODE_NOERROR ||
		prescan(message, origin) != ZW_RCODE_NOERROR)
		return -EINVAL;
	for (size_t i = 0; r == 0 && i < message->rrs; i++) {
		const struct zw_message_rr *rr = &message->rr[i];
		bool apex = zw_name_equal(rr->owner, origin);
		struct zw_draft_name *name;

		if (rr->section != ZW_SECTION_UPDATE)
			continue;
		r = zw_draft_open(draft, rr->owner, &name);
		if (r < 0)
			break;
		if (rr->klass == ZW_CLASS_ANY)
			delete_rrsets(name, rr->type, apex);
		else if (rr->klass == ZW_CLASS_NONE)
			delete_rr(name, rr, apex);
		else
			r = add_rr(draft, name, rr);
	}
	return r;
}

int zw_update_apply(struct zw_snapshot *before, const struct zw_message *message,
	struct zw_snapshot **ret_after)
{
	_zw_draft_ struct zw_draft *d = NULL;
	int r;

	r = zw_draft_new(before, &d);
	if (r == 0)
		r = zw_update_run(d, message);
	return r < 0 ? r : zw_draft_snapshot(d, ret_after);
}

bool zw_update_touches(const struct zw_message *message, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < message->rrs; i++) {
		const struct zw_message_rr *rr = &message->rr[i];

		if (rr->section == ZW_SECTION_UPDATE &&
			(rr->type == type ||
				(rr->klass == ZW_CLASS_ANY && rr->type == ZW_TYPE_ANY)) &&
			zw_name_equal(rr->owner, owner))
			return true;
	}
	return false;
}
