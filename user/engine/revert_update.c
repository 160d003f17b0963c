/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A revert as dynamic updates (RFC 2136): what must hold, what is deleted and added, and how much of it goes into one
 * message. */
#include "engine/revert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* A message over TCP has 65,535 octets at most; the rest is for its header, for a TSIG of the longest names and for the
 * proof that the message before it was carried out. */
#define MESSAGE_ROOM 63000
/* TYPE, CLASS, TTL, RDLENGTH. */
#define RR_FIXED 10
#define PROOF_MAX 1000
/* When all prerequisites fit into so much, the first message has them all. */
#define GUARDS_ROOM (MESSAGE_ROOM / 2)

#define TYPE_WKS 11

typedef ZW_VEC(struct zw_record) records;

/* What is done to one name, or to one RRset of it, in one message. */
struct group {
	const uint8_t *owner;
	size_t first, n;             /* of the sets */
	records guards;              /* prerequisites */
	records deletes, adds, last; /* in this order */
	size_t guards_size, size;    /* in octets; @size without the guards */
	int order;
	size_t message; /* which one it is in */
};
typedef ZW_VEC(struct group) groups;

struct work {
	const struct zw_revert *v;
	groups groups;
	const uint8_t *origin;
	zw_revert_messages messages;
};

void zw_revert_messages_done(zw_revert_messages *messages)
{
	ZW_VEC_FOREACH(m, messages)
		zw_message_free(*m);
	zw_vec_free(messages);
}

static void group_done(struct group *g)
{
	zw_vec_free(&g->guards);
	zw_vec_free(&g->deletes);
	zw_vec_free(&g->adds);
	zw_vec_free(&g->last);
}

static void work_done(struct work *w)
{
	ZW_VEC_FOREACH(g, &w->groups)
		group_done(g);
	zw_vec_free(&w->groups);
	zw_revert_messages_done(&w->messages);
}

/* --- what one name needs ---------------------------------------------------------------------------- */

static int add(records *to, size_t *size, const struct zw_record *record)
{
	*size += (size_t)record->owner_len + RR_FIXED + record->rdata_len;
	return zw_vec_push(to, *record);
}

static struct zw_record bare(const uint8_t *owner, uint16_t type, uint16_t klass)
{
	return (struct zw_record){.owner = owner,
		.owner_len = (uint8_t)zw_name_len(owner),
		.type = type,
		.klass = klass};
}

static struct zw_record record_of(const struct zw_rrset *set, uint32_t i, uint16_t klass)
{
	struct zw_record record = bare(set->owner, set->type, klass);

	record.rdata = zw_rrset_rdata(set, i, &record.rdata_len);
	record.ttl = klass == ZW_CLASS_IN ? set->ttl : 0;
	return record;
}

/* Section 2.4.2: the RRset is these records; or 2.4.3: there is none. */
static int guard_is(
	struct group *g, const uint8_t *owner, uint16_t type, const struct zw_rrset *set)
{
	struct zw_record none = bare(owner, type, ZW_CLASS_NONE);
	int r = 0;

	if (!set->count)
		return add(&g->guards, &g->guards_size, &none);
	for (uint32_t i = 0; r == 0 && i < set->count; i++) {
		struct zw_record record = record_of(set, i, ZW_CLASS_IN);

		record.ttl = 0;
		r = add(&g->guards, &g->guards_size, &record);
	}
	return r;
}

/* What zones commonly hold. A CNAME that is to come is ignored beside any of it (section 3.4.2.2), and that nothing
 * else is there can be asked type by type only. */
static const uint16_t beside_cname[] = {ZW_TYPE_A, ZW_TYPE_NS, ZW_TYPE_PTR, ZW_TYPE_MX, ZW_TYPE_TXT,
	ZW_TYPE_AAAA, ZW_TYPE_SRV, ZW_TYPE_DNAME, ZW_TYPE_DS, ZW_TYPE_TLSA, ZW_TYPE_CAA,
	13 /* HINFO */, 17 /* RP */, 18 /* AFSDB */, 29 /* LOC */, 35 /* NAPTR */, 37 /* CERT */,
	44 /* SSHFP */, 45 /* IPSECKEY */, 53 /* SMIMEA */, 61 /* OPENPGPKEY */, 64 /* SVCB */,
	65 /* HTTPS */, 99 /* SPF */, 256 /* URI */};

static const struct zw_revert_set *set_of(
	const struct work *w, const struct group *g, uint16_t type)
{
	for (size_t i = g->first; i < g->first + g->n; i++)
		if (w->v->sets.items[i].type == type)
			return &w->v->sets.items[i];
	return NULL;
}

static bool is_in_use(const struct zw_snapshot *s, const uint8_t *owner)
{
	size_t it = zw_snapshot_seek(s, owner);
	struct zw_rrset set;

	return zw_snapshot_next(s, &it, &set) && zw_name_equal(set.owner, owner);
}

/* That nothing has come meanwhile which would make the server ignore what is added. */
static int guard_cname(const struct work *w, struct group *g)
{
	const struct zw_revert_set *cname = set_of(w, g, ZW_TYPE_CNAME);
	struct zw_record none = bare(g->owner, ZW_TYPE_CNAME, ZW_CLASS_NONE);
	bool wants = false;
	int r = 0;

	for (size_t i = g->first; i < g->first + g->n; i++)
		wants |= w->v->sets.items[i].want.count > 0;
	if (!cname)
		return wants ? add(&g->guards, &g->guards_size, &none) : 0;
	if (!cname->want.count || cname->have.count)
		return 0;
	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(beside_cname); i++) {
		none.type = beside_cname[i];
		if (!set_of(w, g, none.type))
			r = add(&g->guards, &g->guards_size, &none);
	}
	return r;
}

static int make_guards(const struct work *w, struct group *g)
{
	struct zw_record unused = bare(g->owner, ZW_TYPE_ANY, ZW_CLASS_NONE);
	int r = 0;

	if (g->n && !is_in_use(w->v->present, g->owner))
		return add(&g->guards, &g->guards_size, &unused);
	for (size_t i = g->first; r == 0 && i < g->first + g->n; i++) {
		const struct zw_revert_set *set = &w->v->sets.items[i];

		r = guard_is(g, set->owner, set->type, &set->have);
	}
	return r < 0 ? r : guard_cname(w, g);
}

/* Those of @set that @other does not have, or all. */
static int each(records *to, size_t *size, const struct zw_rrset *set, uint16_t klass,
	const struct zw_rrset *other)
{
	uint32_t k = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < set->count; i++) {
		struct zw_record record = record_of(set, i, klass);
		int order = 1;

		for (; other && k < other->count; k++) {
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(other, k, &len);

			order = zw_rdata_cmp(rdata, len, record.rdata, record.rdata_len);
			if (order >= 0)
				break;
		}
		if (order == 0 && other && k < other->count)
			continue;
		r = add(to, size, &record);
	}
	return r;
}

/* One takes the place of another by being added (RFC 2136 section 3.4.2.2, and BIND for DNAME). */
static bool is_single(uint16_t type)
{
	return type == ZW_TYPE_CNAME || type == ZW_TYPE_DNAME || type == ZW_TYPE_NSEC3PARAM ||
	       type == TYPE_WKS;
}

/* The last NS of a zone stays whatever is asked for (sections 3.4.2.3 and 3.4.2.4): so the new ones come first, and the
 * old ones go one by one. */
static int make_apex_ns(struct group *g, const struct zw_revert_set *set)
{
	bool ttl = set->have.ttl != set->want.ttl;
	int r = each(&g->adds, &g->size, &set->want, ZW_CLASS_IN, ttl ? NULL : &set->have);

	return r < 0 ? r : each(&g->last, &g->size, &set->have, ZW_CLASS_NONE, &set->want);
}

static int make_set(const struct work *w, struct group *g, const struct zw_revert_set *set)
{
	struct zw_record all = bare(set->owner, set->type, ZW_CLASS_ANY);
	const struct zw_rrset *have = &set->have, *want = &set->want;
	int r;

	if (set->type == ZW_TYPE_NS && zw_name_equal(set->owner, w->origin))
		return make_apex_ns(g, set);
	/* What servers make of a record that is there with another TTL is not the same everywhere. */
	if (have->count && (!want->count || have->ttl != want->ttl || is_single(set->type))) {
		r = add(&g->deletes, &g->size, &all);
		return r < 0 ? r : each(&g->adds, &g->size, want, ZW_CLASS_IN, NULL);
	}
	r = each(&g->deletes, &g->size, have, ZW_CLASS_NONE, want);
	return r < 0 ? r : each(&g->adds, &g->size, want, ZW_CLASS_IN, have);
}

/* The SOA with its next serial, which is why the serial has to be as it is now. */
static int make_soa(const struct work *w, struct group *g)
{
	struct zw_record soa = bare(w->origin, ZW_TYPE_SOA, ZW_CLASS_IN);
	struct zw_rrset now;
	int r;

	if (!zw_snapshot_soa(w->v->present, &now))
		return -EINVAL;
	r = guard_is(g, w->origin, ZW_TYPE_SOA, &now);
	soa.rdata = w->v->soa;
	soa.rdata_len = w->v->soa_len;
	soa.ttl = w->v->soa_ttl;
	return r < 0 ? r : add(&g->adds, &g->size, &soa);
}

/* Nothing is gone before what takes its place is there: names that only come go first, those that only go last. */
static int order_of(const struct work *w, const struct group *g)
{
	bool comes = false, goes = false;

	for (size_t i = g->first; i < g->first + g->n; i++) {
		comes |= w->v->sets.items[i].want.count > 0;
		goes |= w->v->sets.items[i].have.count > 0;
	}
	return comes && goes ? 1 : goes ? 2 : 0;
}

static int make_group(struct work *w, size_t first, size_t n, bool soa)
{
	struct group g = {.first = first, .n = n};
	int r;

	g.owner = n ? w->v->sets.items[first].owner : w->origin;
	/* The next message would find another serial. */
	g.order = soa ? -1 : order_of(w, &g);
	r = make_guards(w, &g);
	for (size_t i = first; r == 0 && i < first + n; i++)
		r = make_set(w, &g, &w->v->sets.items[i]);
	if (r == 0 && soa)
		r = make_soa(w, &g);
	if (r == 0)
		r = zw_vec_push(&w->groups, g);
	if (r < 0)
		group_done(&g);
	return r;
}

/* The sets of a name in one message, as they may depend on each other; where that is too much, each by itself. */
static int make_name(struct work *w, size_t first, size_t n, bool soa)
{
	struct group *g;
	int r = make_group(w, first, n, soa);

	if (r < 0 || n < 2)
		return r;
	g = &w->groups.items[w->groups.len - 1];
	if (g->guards_size + g->size <= MESSAGE_ROOM || set_of(w, g, ZW_TYPE_CNAME))
		return 0;
	group_done(g);
	w->groups.len--;
	for (size_t i = first; r == 0 && i < first + n; i++)
		r = make_group(w, i, 1, false);
	return r < 0 || !soa ? r : make_group(w, first, 0, true);
}

static int make_groups(struct work *w)
{
	const struct zw_revert *v = w->v;
	bool soa = v->soa_differs;
	size_t i = 0, n;
	int r = 0;

	/* The zone's own name is the first of all. */
	if (soa && (!v->sets.len || !zw_name_equal(v->sets.items[0].owner, w->origin)))
		r = make_group(w, 0, 0, true);
	for (; r == 0 && i < v->sets.len; i += n) {
		const uint8_t *owner = v->sets.items[i].owner;

		for (n = 1; i + n < v->sets.len; n++)
			if (!zw_name_equal(v->sets.items[i + n].owner, owner))
				break;
		r = make_name(w, i, n, soa && zw_name_equal(owner, w->origin));
	}
	return r;
}

/* --- what goes into which message ------------------------------------------------------------------- */

static int cmp_order(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->order != y->order)
		return x->order - y->order;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int refuse_size(const struct group *g, struct zw_revert_refusal *refusal)
{
	char name[ZW_NAME_TEXT_MAX];

	zw_name_to_text(g->owner, name);
	zw_str_addf(&refusal->why,
		"the records of %s are too large for one update message; use another format", name);
	return -EMSGSIZE;
}

/* Numbers the messages; the first may have the prerequisites of all. *@ret_ahead says whether it does. */
static int assign(struct work *w, struct zw_revert_refusal *refusal, bool *ret_ahead)
{
	size_t all = 0, used, message = 0;

	qsort(w->groups.items, w->groups.len, sizeof(*w->groups.items), cmp_order);
	ZW_VEC_FOREACH(g, &w->groups)
		all += g->guards_size;
	*ret_ahead = all <= GUARDS_ROOM;
	used = *ret_ahead ? all : 0;
	ZW_VEC_FOREACH(g, &w->groups) {
		size_t size = g->size + (*ret_ahead && message == 0 ? 0 : g->guards_size);

		if (g->size + g->guards_size > MESSAGE_ROOM)
			return refuse_size(g, refusal);
		if (used + size > MESSAGE_ROOM) {
			message++;
			used = 0;
			size = g->size + g->guards_size;
		}
		used += size;
		g->message = message;
	}
	return 0;
}

static int put(struct zw_message *m, enum zw_section section, const records *list)
{
	int r = 0;

	ZW_VEC_FOREACH(record, list)
		if (r == 0)
			r = zw_message_add_rr(m, section, record);
	return r;
}

/* What only the message before this one can have brought about: the smallest of its RRsets that has other data now. */
static int prove(const struct work *w, struct group *to, size_t message)
{
	const struct zw_revert_set *best = NULL;
	size_t best_size = SIZE_MAX;

	ZW_VEC_FOREACH(g, &w->groups) {
		for (size_t i = g->first; g->message == message && i < g->first + g->n; i++) {
			const struct zw_revert_set *set = &w->v->sets.items[i];
			struct group probe = {};
			size_t differs = 0;
			records none = {};
			int r = each(&none, &differs, &set->want, ZW_CLASS_NONE, &set->have);

			if (r == 0)
				r = each(&none, &differs, &set->have, ZW_CLASS_NONE, &set->want);
			zw_vec_free(&none);
			if (r == 0 && differs)
				r = guard_is(&probe, set->owner, set->type, &set->want);
			zw_vec_free(&probe.guards);
			if (r < 0)
				return r;
			if (differs && probe.guards_size < best_size) {
				best = set;
				best_size = probe.guards_size;
			}
		}
	}
	return best && best_size <= PROOF_MAX ? guard_is(to, best->owner, best->type, &best->want)
					      : 0;
}

static int make_message(struct work *w, size_t message, bool ahead)
{
	_zw_message_ struct zw_message *m = NULL;
	struct group proof = {};
	int r = zw_message_new_update(w->origin, &m);

	if (r == 0 && message > 0)
		r = prove(w, &proof, message - 1);
	if (r == 0)
		r = put(m, ZW_SECTION_PREREQUISITE, &proof.guards);
	group_done(&proof);
	ZW_VEC_FOREACH(g, &w->groups)
		if (r == 0 && (g->message == message || (ahead && message == 0)))
			r = put(m, ZW_SECTION_PREREQUISITE, &g->guards);
	ZW_VEC_FOREACH(g, &w->groups) {
		if (r == 0 && g->message == message)
			r = put(m, ZW_SECTION_UPDATE, &g->deletes);
		if (r == 0 && g->message == message)
			r = put(m, ZW_SECTION_UPDATE, &g->adds);
		if (r == 0 && g->message == message)
			r = put(m, ZW_SECTION_UPDATE, &g->last);
	}
	if (r == 0)
		r = zw_vec_push(&w->messages, m);
	if (r == 0)
		m = NULL;
	return r;
}

int zw_revert_to_messages(const struct zw_revert *v, zw_revert_messages *ret_messages,
	struct zw_revert_refusal *refusal)
{
	_zw_cleanup_(work_done) struct work w = {.v = v, .origin = zw_snapshot_origin(v->present)};
	bool ahead = false;
	size_t n;
	int r = make_groups(&w);

	if (r == 0)
		r = assign(&w, refusal, &ahead);
	if (r < 0)
		return r;
	n = w.groups.items[w.groups.len - 1].message + 1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = make_message(&w, i, ahead);
	if (r == 0)
		r = zw_revert_try(v, &w.messages, refusal);
	if (r < 0)
		return r;
	*ret_messages = w.messages;
	w.messages = (zw_revert_messages){};
	return 0;
}
