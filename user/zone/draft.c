/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "dns/rr.h"
#include "zone/snapshot_impl.h"

struct zw_draft {
	struct zw_snapshot *base;
	struct zw_map *by_owner; /* -> struct zw_draft_name */
	ZW_VEC(struct zw_draft_name *) names;
	ZW_VEC(uint8_t *) texts; /* rdata that the base does not have */
};

static void name_free(struct zw_draft_name *name)
{
	if (!name)
		return;
	for (size_t i = 0; i < name->sets; i++)
		free(name->set[i].rr);
	free(name->set);
	free(name);
}
ZW_DEFINE_CLEANUP(struct zw_draft_name *, name_free);

int zw_draft_new(struct zw_snapshot *base, struct zw_draft **ret_draft)
{
	_zw_draft_ struct zw_draft *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = zw_map_new(&d->by_owner);
	if (r < 0)
		return r;
	d->base = zw_snapshot_ref(base);
	*ret_draft = ZW_TAKE(d);
	return 0;
}

void zw_draft_free(struct zw_draft *draft)
{
	if (!draft)
		return;
	ZW_VEC_FOREACH(name, &draft->names)
		name_free(*name);
	zw_vec_free(&draft->names);
	ZW_VEC_FOREACH(text, &draft->texts)
		free(*text);
	zw_vec_free(&draft->texts);
	zw_map_free(draft->by_owner);
	zw_snapshot_unref(draft->base);
	free(draft);
}

struct zw_snapshot *zw_draft_base(const struct zw_draft *draft)
{
	return draft->base;
}

/* The set of @type, a new one if there is none. */
static int get_set(struct zw_draft_name *name, uint16_t type, struct zw_draft_set **ret_set)
{
	int r;

	for (size_t i = 0; i < name->sets; i++) {
		if (name->set[i].type == type) {
			*ret_set = &name->set[i];
			return 0;
		}
	}
	r = zw_vec_reserve_raw((void **)&name->set, &name->cap, sizeof(*name->set), name->sets + 1);
	if (r < 0)
		return r;
	name->set[name->sets] = (struct zw_draft_set){.type = type};
	*ret_set = &name->set[name->sets++];
	return 0;
}

static int reserve(struct zw_draft_set *set, size_t count)
{
	return zw_vec_reserve_raw((void **)&set->rr, &set->cap, sizeof(*set->rr), count);
}

static int load_rrset(struct zw_draft_name *name, const struct zw_rrset *rrset)
{
	struct zw_draft_set *set;
	int r;

	r = get_set(name, rrset->type, &set);
	if (r == 0)
		r = reserve(set, rrset->count);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < rrset->count; i++) {
		struct zw_draft_rr *rr = &set->rr[set->count++];

		rr->rdata = zw_rrset_rdata(rrset, i, &rr->len);
		rr->ttl = zw_rrset_ttl(rrset, i);
	}
	return 0;
}

/* All that the base has of the name. */
static int load_name(const struct zw_draft *d, struct zw_draft_name *name)
{
	size_t it = zw_snapshot_seek(d->base, name->owner);
	struct zw_rrset rrset;
	int r;

	name->first = name->end = (uint32_t)it;
	while (zw_snapshot_next(d->base, &it, &rrset) && zw_name_equal(rrset.owner, name->owner)) {
		r = load_rrset(name, &rrset);
		if (r < 0)
			return r;
		name->end = (uint32_t)it;
	}
	return 0;
}

int zw_draft_open(struct zw_draft *draft, const uint8_t *owner, struct zw_draft_name **ret_name)
{
	_zw_cleanup_(name_freep) struct zw_draft_name *name = NULL;
	uint8_t lower[ZW_NAME_MAX];
	size_t len = zw_name_len(owner);
	int r;

	memcpy(lower, owner, len);
	zw_name_lower(lower, len);
	*ret_name = zw_map_get(draft->by_owner, lower, len);
	if (*ret_name)
		return 0;
	name = calloc(1, sizeof(*name) + len);
	if (!name)
		return -ENOMEM;
	name->owner_len = (uint8_t)len;
	memcpy(name->owner, lower, len);
	r = load_name(draft, name);
	if (r == 0)
		r = zw_vec_reserve(&draft->names, draft->names.len + 1);
	if (r == 0)
		r = zw_map_put(draft->by_owner, lower, len, name, NULL);
	if (r < 0)
		return r;
	draft->names.items[draft->names.len++] = name;
	*ret_name = ZW_TAKE(name);
	return 0;
}

bool zw_draft_next(const struct zw_draft *draft, size_t *it, struct zw_draft_name **ret_name)
{
	if (*it >= draft->names.len)
		return false;
	*ret_name = draft->names.items[(*it)++];
	return true;
}

struct zw_draft_set *zw_draft_find(const struct zw_draft_name *name, uint16_t type)
{
	for (size_t i = 0; i < name->sets; i++)
		if (name->set[i].type == type)
			return name->set[i].count > 0 ? &name->set[i] : NULL;
	return NULL;
}

size_t zw_draft_search(
	const struct zw_draft_set *set, const uint8_t *rdata, uint16_t len, bool *ret_found)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = zw_rdata_cmp(set->rr[mid].rdata, set->rr[mid].len, rdata, len);

		if (d == 0) {
			*ret_found = true;
			return mid;
		}
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_found = false;
	return low;
}

/* A copy that lives as long as the draft; NULL: no memory. */
static const uint8_t *keep(struct zw_draft *d, const uint8_t *rdata, uint16_t len)
{
	_zw_free_ uint8_t *text = malloc(len > 0 ? len : 1);

	if (!text || zw_vec_push(&d->texts, text) < 0)
		return NULL;
	if (len > 0)
		memcpy(text, rdata, len);
	return ZW_TAKE(text);
}

int zw_draft_put(struct zw_draft *draft, struct zw_draft_name *name, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t len)
{
	struct zw_draft_set *set;
	const uint8_t *text;
	bool found;
	size_t at;
	int r;

	r = get_set(name, type, &set);
	if (r < 0)
		return r;
	at = zw_draft_search(set, rdata, len, &found);
	if (found) {
		set->rr[at].ttl = ttl;
		return 0;
	}
	r = reserve(set, set->count + 1);
	if (r < 0)
		return r;
	text = keep(draft, rdata, len);
	if (!text)
		return -ENOMEM;
	memmove(&set->rr[at + 1], &set->rr[at], (set->count - at) * sizeof(*set->rr));
	set->rr[at] = (struct zw_draft_rr){.rdata = text, .ttl = ttl, .len = len};
	set->count++;
	return 0;
}

void zw_draft_remove(struct zw_draft_set *set, size_t i)
{
	memmove(&set->rr[i], &set->rr[i + 1], (set->count - i - 1) * sizeof(*set->rr));
	set->count--;
}

bool zw_draft_set_equal(const struct zw_draft_set *set, const struct zw_rrset *rrset)
{
	size_t count = set ? set->count : 0;

	if (count != (rrset ? rrset->count : 0))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct zw_draft_rr *rr = &set->rr[i];
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		if (rr->ttl != zw_rrset_ttl(rrset, i) ||
			zw_rdata_cmp(rr->rdata, rr->len, rdata, len) != 0)
			return false;
	}
	return true;
}

bool zw_draft_name_differs(const struct zw_draft_name *name, const struct zw_snapshot *snapshot)
{
	size_t it = zw_snapshot_seek(snapshot, name->owner), here = 0, there = 0;
	struct zw_rrset rrset;

	while (zw_snapshot_next(snapshot, &it, &rrset) && zw_name_equal(rrset.owner, name->owner)) {
		if (!zw_draft_set_equal(zw_draft_find(name, rrset.type), &rrset))
			return true;
		there++;
	}
	for (size_t i = 0; i < name->sets; i++)
		here += name->set[i].count > 0;
	return here != there;
}

/* What became of a record of the base whose name was opened; NULL: deleted. */
static const struct zw_draft_rr *present(const struct zw_draft *d, const struct zw_record *old)
{
	const struct zw_draft_name *name = zw_map_get(d->by_owner, old->owner, old->owner_len);
	const struct zw_draft_set *set = zw_draft_find(name, old->type);
	bool found;
	size_t at;

	if (!set)
		return NULL;
	at = zw_draft_search(set, old->rdata, old->rdata_len, &found);
	return found ? &set->rr[at] : NULL;
}

/* The records of the base in the order of the file, as far as they are still there; those of opened names with the
 * TTL of the draft. A bit of @touched tells which these are. */
static int add_old(const struct zw_draft *d, const uint8_t *touched, struct zw_builder *b)
{
	const struct zw_snapshot *base = d->base;

	for (uint32_t n = 0; n < base->order_len; n++) {
		uint32_t i = base->order[n];
		const struct zw_rec *rec = &base->recs[i];
		struct zw_record record = {
			.type = rec->type, .ttl = rec->ttl, .klass = ZW_CLASS_IN};
		size_t owner_len;
		int r;

		record.owner = zw_rec_owner(&base->text, rec, &owner_len);
		record.owner_len = (uint8_t)owner_len;
		record.rdata = zw_rec_rdata(&base->text, rec, &record.rdata_len);
		if (touched[i / 8] & 1 << i % 8) {
			const struct zw_draft_rr *rr = present(d, &record);

			if (!rr)
				continue;
			record.ttl = rr->ttl;
		}
		r = zw_builder_add(b, &record);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the base does not have of an RRset. Both are sorted alike. */
static int add_new(const struct zw_draft *d, const struct zw_draft_name *name,
	const struct zw_draft_set *set, struct zw_builder *b)
{
	struct zw_record record = {.owner = name->owner,
		.owner_len = name->owner_len,
		.type = set->type,
		.klass = ZW_CLASS_IN};
	struct zw_rrset old = {};
	uint32_t k = 0;
	int r = 0;

	zw_snapshot_lookup(d->base, name->owner, set->type, &old);
	for (size_t i = 0; r == 0 && i < set->count; i++) {
		const struct zw_draft_rr *rr = &set->rr[i];
		int order = 1;

		for (; k < old.count; k++) {
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&old, k, &len);

			order = zw_rdata_cmp(rdata, len, rr->rdata, rr->len);
			if (order >= 0)
				break;
		}
		if (order == 0 && k < old.count)
			continue;
		record.rdata = rr->rdata;
		record.rdata_len = rr->len;
		record.ttl = rr->ttl;
		r = zw_builder_add(b, &record);
	}
	return r;
}

static bool differs(const struct zw_draft *d)
{
	ZW_VEC_FOREACH(name, &d->names)
		if (zw_draft_name_differs(*name, d->base))
			return true;
	return false;
}

int zw_draft_snapshot(const struct zw_draft *draft, struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *b = NULL;
	_zw_free_ uint8_t *touched = NULL;
	int r;

	if (!differs(draft)) {
		*ret_snapshot = zw_snapshot_ref(draft->base);
		return 0;
	}
	touched = calloc(1, draft->base->count / 8 + 1);
	if (!touched)
		return -ENOMEM;
	ZW_VEC_FOREACH(name, &draft->names)
		for (uint32_t i = (*name)->first; i < (*name)->end; i++)
			touched[i / 8] |= (uint8_t)(1 << i % 8);
	r = zw_builder_new(&draft->base->key, draft->base->origin, draft->base, &b);
	if (r == 0)
		r = add_old(draft, touched, b);
	ZW_VEC_FOREACH(name, &draft->names)
		for (size_t s = 0; r == 0 && s < (*name)->sets; s++)
			r = add_new(draft, *name, &(*name)->set[s], b);
	return r < 0 ? r : zw_builder_finish(b, ret_snapshot);
}
