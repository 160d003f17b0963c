/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be put back, and whether that can be done without undoing somebody else's change. */
#include "engine/revert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"
#include "zone/draft.h"

/* Of the SOA's rdata (RFC 1035 section 3.3.13): serial, refresh, retry, expire and minimum come last. */
#define SOA_NUMBERS 20
/* Later changes that a sentence names. */
#define LATER_NAMED 10

void zw_revert_refusal_done(struct zw_revert_refusal *refusal)
{
	zw_str_free(&refusal->why);
	zw_vec_free(&refusal->later);
}

void zw_revert_free(struct zw_revert *v)
{
	if (!v)
		return;
	zw_vec_free(&v->sets);
	zw_vec_free(&v->left);
	zw_snapshot_unref(v->present);
	zw_snapshot_unref(v->before);
	zw_snapshot_unref(v->after);
	free(v);
}

static void add_set(struct zw_str *s, const uint8_t *owner, uint16_t type)
{
	char name[ZW_NAME_TEXT_MAX], text[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(owner, name);
	zw_str_addf(s, "%s %s", name, zw_type_to_text(type, text));
}

/* Records that only a signer can make. */
static bool is_made_by_signer(uint16_t type)
{
	return type == ZW_TYPE_RRSIG || type == ZW_TYPE_NSEC || type == ZW_TYPE_NSEC3 ||
	       type == ZW_TYPE_BIND_SIGNING;
}

/* Keys and parameters are the signer's where there is one. */
bool zw_revert_leaves(const struct zw_revert *v, uint16_t type)
{
	return is_made_by_signer(type) || (v->signed_zone && zw_type_is_signing(type));
}

static bool is_signed(const struct zw_snapshot *s)
{
	struct zw_rrset set;

	return zw_snapshot_lookup(s, zw_snapshot_origin(s), ZW_TYPE_RRSIG, &set);
}

static bool is_apex_soa(const struct zw_revert *v, const struct zw_diff_entry *e)
{
	return e->type == ZW_TYPE_SOA && zw_name_equal(e->owner, zw_snapshot_origin(v->present));
}

/* The same SOA but for the serial. */
static bool same_soa(const struct zw_rrset *a, const struct zw_rrset *b)
{
	uint16_t a_len, b_len;
	const uint8_t *x, *y;
	size_t serial;

	if (a->count != 1 || b->count != 1 || a->ttl != b->ttl)
		return false;
	x = zw_rrset_rdata(a, 0, &a_len);
	y = zw_rrset_rdata(b, 0, &b_len);
	if (a_len != b_len || a_len < SOA_NUMBERS)
		return false;
	serial = a_len - SOA_NUMBERS;
	return memcmp(x, y, serial) == 0 &&
	       memcmp(x + serial + 4, y + serial + 4, SOA_NUMBERS - 4) == 0;
}

/* A change of the serial alone is nobody's. */
static bool is_serial_only(const struct zw_revert *v, const struct zw_diff_entry *e)
{
	return is_apex_soa(v, e) && same_soa(&e->before, &e->after);
}

/* RFC 1982 section 3.1; 0 is left out, since some secondaries take it for no serial at all. */
static uint32_t next_serial(uint32_t serial)
{
	return serial == UINT32_MAX ? 1 : serial + 1;
}

static void put_serial(uint8_t *soa, uint16_t len, uint32_t serial)
{
	uint8_t *p = soa + len - SOA_NUMBERS;

	p[0] = (uint8_t)(serial >> 24);
	p[1] = (uint8_t)(serial >> 16);
	p[2] = (uint8_t)(serial >> 8);
	p[3] = (uint8_t)serial;
}

/* The SOA that is to be: @from, which is the present one or the one before the change, with the next serial. */
static int take_soa(struct zw_revert *v, const struct zw_rrset *from)
{
	const uint8_t *rdata;
	uint16_t len;

	rdata = zw_rrset_rdata(from, 0, &len);
	if (len > sizeof(v->soa) || zw_soa_parse(rdata, len, NULL, NULL) < 0)
		return -EBADMSG;
	memcpy(v->soa, rdata, len);
	v->soa_len = len;
	v->soa_ttl = from->ttl;
	put_serial(v->soa, len, v->next_serial);
	return 0;
}

/* Sorts the entries of the change into what is put back and what is left to the signer. */
static int collect(struct zw_revert *v, const struct zw_diff *change)
{
	struct zw_rrset soa;
	int r = 0;

	for (size_t i = 0; r == 0 && i < change->len; i++) {
		const struct zw_diff_entry *e = &change->entries[i];
		struct zw_revert_set set = {
			.owner = e->owner, .type = e->type, .have = e->after, .want = e->before};

		if (is_serial_only(v, e))
			continue;
		if (is_apex_soa(v, e)) {
			v->soa_differs = true;
			v->soa_left =
				zw_snapshot_soa(v->present, &soa) && same_soa(&e->after, &soa);
			r = take_soa(v, &e->before);
		} else if (zw_revert_leaves(v, e->type)) {
			r = zw_vec_push(&v->left, set);
		} else {
			r = zw_vec_push(&v->sets, set);
		}
	}
	return r;
}

size_t zw_revert_first(const struct zw_revert *v, const uint8_t *owner)
{
	size_t low = 0, high = v->sets.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (zw_name_cmp(v->sets.items[mid].owner, owner) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_set_of(const struct zw_revert *v, size_t i, const uint8_t *owner)
{
	return i < v->sets.len && zw_name_equal(v->sets.items[i].owner, owner);
}

/* --- later changes -------------------------------------------------------------------------------- */

/* Beside a CNAME there is nothing but what signs it (RFC 2181 section 10.1). */
static bool excludes(uint16_t a, uint16_t b)
{
	return a != b && (a == ZW_TYPE_CNAME || b == ZW_TYPE_CNAME) && !zw_type_is_signing(a) &&
	       !zw_type_is_signing(b);
}

static bool same_set(const struct zw_rrset *a, const struct zw_rrset *b)
{
	if (a->count == 0 || b->count == 0)
		return a->count == b->count;
	return zw_rrset_equal(a, b);
}

/* Whether a later change of the same name stands in the way of @set: it touched the same RRset, which has not become
 * again what the change had left; or it brought one that cannot be beside it and still is there. */
static bool overlaps(const struct zw_revert *v, const struct zw_revert_set *set,
	const struct zw_diff_entry *later)
{
	struct zw_rrset now = {};
	bool there = zw_snapshot_lookup(v->present, later->owner, later->type, &now);

	if (set->type == later->type)
		return !same_set(there ? &now : &(struct zw_rrset){}, &set->have);
	return there && set->want.count && later->after.count && excludes(set->type, later->type);
}

static const struct zw_diff_entry *find_overlap(
	const struct zw_revert *v, const struct zw_diff *later)
{
	for (size_t i = 0; i < later->len; i++) {
		const struct zw_diff_entry *e = &later->entries[i];

		if (is_apex_soa(v, e)) {
			if (v->soa_differs && !is_serial_only(v, e) && !v->soa_left)
				return e;
			continue;
		}
		if (zw_revert_leaves(v, e->type))
			continue;
		for (size_t k = zw_revert_first(v, e->owner); is_set_of(v, k, e->owner); k++)
			if (overlaps(v, &v->sets.items[k], e))
				return e;
	}
	return NULL;
}

static int check_later(const struct zw_revert *v, const struct zw_revert_input *in,
	struct zw_revert_refusal *refusal)
{
	const struct zw_diff_entry *first = NULL;

	for (size_t i = 0; i < in->laters; i++) {
		const struct zw_diff_entry *e = find_overlap(v, in->later[i].diff);

		if (!e)
			continue;
		first = first ? first : e;
		if (zw_vec_push(&refusal->later, in->later[i].id) < 0)
			return -ENOMEM;
	}
	if (!first)
		return 0;
	add_set(&refusal->why, first->owner, first->type);
	zw_str_add(&refusal->why, " was changed again by ");
	for (size_t i = 0; i < refusal->later.len && i < LATER_NAMED; i++)
		zw_str_addf(&refusal->why, "%s%s", i ? ", " : "", refusal->later.items[i]);
	if (refusal->later.len > LATER_NAMED)
		zw_str_addf(&refusal->why, " and %zu more", refusal->later.len - LATER_NAMED);
	return -EBUSY;
}

/* --- the present state ---------------------------------------------------------------------------- */

/* What a name has now that cannot be beside @set and is not taken away by this revert. */
static bool find_excluded(
	const struct zw_revert *v, const struct zw_revert_set *set, struct zw_rrset *ret_other)
{
	size_t it = zw_snapshot_seek(v->present, set->owner);

	while (zw_snapshot_next(v->present, &it, ret_other) &&
		zw_name_equal(ret_other->owner, set->owner)) {
		bool goes = false;

		if (!excludes(set->type, ret_other->type))
			continue;
		for (size_t k = zw_revert_first(v, set->owner); is_set_of(v, k, set->owner); k++)
			goes |= v->sets.items[k].type == ret_other->type &&
				!v->sets.items[k].want.count;
		if (!goes)
			return true;
	}
	return false;
}

static int check_set(const struct zw_revert *v, struct zw_revert_set *set, struct zw_str *why)
{
	struct zw_rrset now = {}, other;

	if (!zw_snapshot_lookup(v->present, set->owner, set->type, &now))
		now = (struct zw_rrset){};
	if (!same_set(&now, &set->have)) {
		add_set(why, set->owner, set->type);
		zw_str_add(why, same_set(&now, &set->want)
					? " is as it was before the change already"
					: " is not as the change left it");
		return -ESTALE;
	}
	set->have = now;
	if (!set->want.count || !find_excluded(v, set, &other))
		return 0;
	add_set(why, set->owner, set->type);
	zw_str_add(why, " cannot stand beside ");
	add_set(why, other.owner, other.type);
	zw_str_add(why, ", which is there now");
	return -ESTALE;
}

static int check_soa(const struct zw_revert *v, struct zw_str *why)
{
	if (!v->soa_differs || v->soa_left)
		return 0;
	add_set(why, zw_snapshot_origin(v->present), ZW_TYPE_SOA);
	zw_str_add(why, " is not as the change left it");
	return -ESTALE;
}

static int check_present(struct zw_revert *v, struct zw_str *why)
{
	int r = check_soa(v, why);

	ZW_VEC_FOREACH(set, &v->sets)
		if (r == 0)
			r = check_set(v, set, why);
	return r;
}

/* Refuses what is no change of records of a zone that was there before and is there now. */
static int check_kind(
	const struct zw_revert_input *in, struct zw_rrset *ret_soa, struct zw_str *why)
{
	const struct zw_diff *change = in->change;

	if (!change->before || !change->after || !zw_snapshot_soa(in->present, ret_soa)) {
		zw_str_add(why, "it is the zone itself that came or went");
		return -EOPNOTSUPP;
	}
	for (size_t i = 0; i < change->len; i++)
		if (change->entries[i].type == ZW_TYPE_SOA &&
			change->entries[i].op != ZW_DIFF_MODIFY) {
			zw_str_add(why, "it is the zone itself that came or went");
			return -EOPNOTSUPP;
		}
	return 0;
}

static int refuse_nothing(const struct zw_revert *v, enum zw_channel channel, struct zw_str *why)
{
	if (v->sets.len || v->soa_differs)
		return 0;
	if (v->left.len || channel == ZW_CHANNEL_SIGNING)
		zw_str_add(
			why, "only what the signer maintains was changed, and that is left to it");
	else
		zw_str_add(why, "nothing but the serial was changed, which cannot go back");
	return -ENODATA;
}

int zw_revert_new(const struct zw_revert_input *in, struct zw_revert **ret_revert,
	struct zw_revert_refusal *refusal)
{
	_zw_revert_free_ struct zw_revert *v = calloc(1, sizeof(*v));
	struct zw_rrset soa;
	int r;

	if (!v)
		return -ENOMEM;
	r = check_kind(in, &soa, &refusal->why);
	if (r < 0)
		return r;
	v->present = zw_snapshot_ref(in->present);
	v->before = zw_snapshot_ref(in->change->before);
	v->after = zw_snapshot_ref(in->change->after);
	v->signed_zone = is_signed(in->present);
	(void)zw_snapshot_serial(in->present, &v->serial);
	v->next_serial = next_serial(v->serial);
	r = take_soa(v, &soa);
	if (r == 0)
		r = collect(v, in->change);
	if (r == 0)
		r = refuse_nothing(v, in->channel, &refusal->why);
	if (r == 0)
		r = check_later(v, in, refusal);
	if (r == 0)
		r = check_present(v, &refusal->why);
	if (r < 0)
		return r;
	*ret_revert = ZW_TAKE(v);
	return 0;
}

int zw_revert_rebase(
	const struct zw_revert *v, const struct zw_snapshot *now, struct zw_revert *ret_revert)
{
	struct zw_rrset soa;
	int r = 0;

	if (!zw_snapshot_soa(now, &soa))
		return -EBADMSG;
	*ret_revert = *v;
	(void)zw_snapshot_serial(now, &ret_revert->serial);
	ret_revert->next_serial = next_serial(ret_revert->serial);
	if (v->soa_differs)
		put_serial(ret_revert->soa, v->soa_len, ret_revert->next_serial);
	else
		r = take_soa(ret_revert, &soa);
	return r;
}

/* --- the state that is wanted ---------------------------------------------------------------------- */

static int put_back(struct zw_draft *d, const struct zw_revert_set *set)
{
	struct zw_draft_name *name;
	struct zw_draft_set *there;
	int r;

	r = zw_draft_open(d, set->owner, &name);
	if (r < 0)
		return r;
	there = zw_draft_find(name, set->type);
	while (there && there->count)
		zw_draft_remove(there, there->count - 1);
	for (uint32_t i = 0; r == 0 && i < set->want.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&set->want, i, &len);

		r = zw_draft_put(d, name, set->type, set->want.ttl, rdata, len);
	}
	return r;
}

static int put_soa(struct zw_draft *d, const struct zw_revert *v)
{
	struct zw_draft_name *name;
	struct zw_draft_set *there;
	int r;

	r = zw_draft_open(d, zw_snapshot_origin(v->present), &name);
	if (r < 0)
		return r;
	there = zw_draft_find(name, ZW_TYPE_SOA);
	while (there && there->count)
		zw_draft_remove(there, there->count - 1);
	return zw_draft_put(d, name, ZW_TYPE_SOA, v->soa_ttl, v->soa, v->soa_len);
}

int zw_revert_target(const struct zw_revert *v, struct zw_snapshot *base, bool serial,
	struct zw_snapshot **ret_target)
{
	_zw_draft_ struct zw_draft *d = NULL;
	int r;

	r = zw_draft_new(base ? base : v->present, &d);
	ZW_VEC_FOREACH(set, &v->sets)
		if (r == 0)
			r = put_back(d, set);
	if (r == 0 && (serial || v->soa_differs))
		r = put_soa(d, v);
	return r < 0 ? r : zw_draft_snapshot(d, ret_target);
}
