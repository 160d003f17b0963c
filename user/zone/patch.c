/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rr.h"
#include "zone/builder_impl.h"

#define NOT_IN_BASE UINT32_MAX

/* A record that was touched: whether it was there at first, and is now. */
struct touched {
	uint32_t base; /* its index in the base, or NOT_IN_BASE */
	uint32_t ttl;  /* while it is there */
	uint64_t
		turn; /* when it was added last; 0: never, so it is in its old place if it is there */
	bool there;
	uint8_t owner_len;
	uint16_t type, rdata_len;
	uint8_t data[]; /* owner, rdata */
};

struct zw_patch {
	struct zw_snapshot *base;
	struct zw_map *by_record; /* type, owner and rdata to struct touched */
	ZW_VEC(struct touched *) list;
	uint64_t turns;
	uint8_t key[2 + ZW_NAME_MAX + UINT16_MAX];
};

int zw_patch_new(struct zw_snapshot *base, struct zw_patch **ret_patch)
{
	_zw_patch_ struct zw_patch *p = malloc(sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	memset(p, 0, offsetof(struct zw_patch, key));
	p->base = zw_snapshot_ref(base);
	r = zw_map_new(&p->by_record);
	if (r < 0)
		return r;
	*ret_patch = ZW_TAKE(p);
	return 0;
}

void zw_patch_free(struct zw_patch *p)
{
	if (!p)
		return;
	ZW_VEC_FOREACH(t, &p->list)
		free(*t);
	zw_vec_free(&p->list);
	zw_map_free(p->by_record);
	zw_snapshot_unref(p->base);
	free(p);
}

/* Index in the base of exactly this record, TTL aside. *ret_near is where it is or would be. */
static uint32_t find_in_base(
	const struct zw_snapshot *base, const struct zw_record *record, uint32_t *ret_near)
{
	const struct zw_rec_key key = {.owner = record->owner,
		.rdata = record->rdata,
		.type = record->type,
		.rdata_len = record->rdata_len};
	uint32_t i = zw_snapshot_lower_bound(base, &key);
	uint16_t len;
	const uint8_t *rdata;
	size_t owner_len;

	*ret_near = i;
	if (i == base->count || base->recs[i].type != record->type)
		return NOT_IN_BASE;
	rdata = zw_rec_rdata(&base->text, &base->recs[i], &len);
	if (len != record->rdata_len || memcmp(rdata, record->rdata, len) != 0 ||
		!zw_name_equal(
			zw_rec_owner(&base->text, &base->recs[i], &owner_len), record->owner))
		return NOT_IN_BASE;
	return i;
}

static int touch_new(struct zw_patch *p, const struct zw_record *record, size_t key_len,
	struct touched **ret_touched)
{
	struct touched *t = malloc(sizeof(*t) + record->owner_len + record->rdata_len);
	uint32_t near;
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct touched){
		.base = find_in_base(p->base, record, &near),
		.type = record->type,
		.owner_len = record->owner_len,
		.rdata_len = record->rdata_len,
	};
	t->there = t->base != NOT_IN_BASE;
	if (t->there)
		t->ttl = p->base->recs[t->base].ttl;
	memcpy(t->data, record->owner, record->owner_len);
	if (record->rdata_len)
		memcpy(t->data + record->owner_len, record->rdata, record->rdata_len);
	r = zw_vec_push(&p->list, t);
	if (r == 0) {
		r = zw_map_put(p->by_record, p->key, key_len, t, NULL);
		if (r < 0)
			p->list.len--;
	}
	if (r < 0) {
		free(t);
		return r;
	}
	*ret_touched = t;
	return 0;
}

/* What is known of @record, also when it was not touched before. */
static int touch(struct zw_patch *p, const struct zw_record *record, struct touched **ret_touched)
{
	size_t len = 2U + record->owner_len;
	struct touched *t;

	/* The owner's own lengths tell where the rdata begins. */
	memcpy(p->key, &record->type, 2);
	memcpy(p->key + 2, record->owner, record->owner_len);
	if (record->rdata_len)
		memcpy(p->key + len, record->rdata, record->rdata_len);
	len += record->rdata_len;
	t = zw_map_get(p->by_record, p->key, len);
	if (!t)
		return touch_new(p, record, len, ret_touched);
	*ret_touched = t;
	return 0;
}

static bool is_within(const struct zw_snapshot *s, const struct zw_record *record)
{
	return zw_name_is_within(record->owner, s->origin);
}

int zw_patch_add(struct zw_patch *p, const struct zw_record *record)
{
	struct touched *t;
	int r;

	if (!is_within(p->base, record))
		return -EINVAL;
	if (p->list.len >= ZW_RECORDS_MAX)
		return -EFBIG;
	r = touch(p, record, &t);
	if (r < 0)
		return r;
	if (t->there)
		return -EEXIST;
	t->there = true;
	t->ttl = record->ttl;
	t->turn = ++p->turns;
	return 0;
}

int zw_patch_delete(struct zw_patch *p, const struct zw_record *record)
{
	struct touched *t;
	int r = touch(p, record, &t);

	if (r < 0)
		return r;
	if (!t->there)
		return -ENOENT;
	t->there = false;
	return 0;
}

static bool is_as_before(const struct zw_patch *p, const struct touched *t)
{
	if (t->base == NOT_IN_BASE)
		return !t->there;
	return t->there && t->ttl == p->base->recs[t->base].ttl;
}

static bool left_its_place(const struct touched *t)
{
	return t->base != NOT_IN_BASE && (!t->there || t->turn);
}

static int cmp_turns(const void *a, const void *b)
{
	const struct touched *x = *(struct touched *const *)a, *y = *(struct touched *const *)b;

	return (x->turn > y->turn) - (x->turn < y->turn);
}

/* Old records stay in their places, but for those that left; meanwhile these have a position that none can have. */
static int keep_old(const struct zw_patch *p, struct zw_delta *d)
{
	static const uint32_t left = UINT32_MAX;
	const struct zw_snapshot *old = p->base;

	ZW_VEC_FOREACH(it, &p->list)
		if (left_its_place(*it))
			d->pos[(*it)->base] = left;
	for (uint32_t n = 0; n < old->order_len; n++) {
		uint32_t i = old->order[n];
		int r;

		if (d->pos[i] == left)
			continue;
		if (d->pos[i] == 0)
			d->pos[i] = (uint32_t)d->order.len + 1;
		r = zw_vec_push(&d->order, i);
		if (r < 0)
			return r;
	}
	ZW_VEC_FOREACH(it, &p->list)
		if (left_its_place(*it))
			d->pos[(*it)->base] = 0;
	return 0;
}

static int take_new(struct zw_builder *b, const struct touched *t)
{
	const struct zw_record record = {
		.owner = t->data,
		.owner_len = t->owner_len,
		.rdata = t->data + t->owner_len,
		.rdata_len = t->rdata_len,
		.type = t->type,
		.ttl = t->ttl,
		.klass = ZW_CLASS_IN,
	};
	uint32_t near;

	if (b->delta.order.len >= ZW_RECORDS_MAX)
		return -EFBIG;
	(void)find_in_base(b->old, &record, &near);
	return zw_delta_take_new(b, &record, near);
}

int zw_patch_finish(struct zw_patch *p, struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *b = NULL;
	bool changed = false;
	int r;

	ZW_VEC_FOREACH(it, &p->list)
		changed |= !is_as_before(p, *it);
	if (!changed) {
		*ret_snapshot = zw_snapshot_ref(p->base);
		return 0;
	}
	r = zw_builder_new(&p->base->key, p->base->origin, p->base, &b);
	if (r < 0)
		return r;
	b->delta.in_order = false;
	r = keep_old(p, &b->delta);
	if (p->list.len > 1)
		qsort(p->list.items, p->list.len, sizeof(*p->list.items), cmp_turns);
	ZW_VEC_FOREACH(it, &p->list)
		if (r == 0 && (*it)->there && (*it)->turn)
			r = take_new(b, *it);
	return r < 0 ? r : zw_builder_finish(b, ret_snapshot);
}
