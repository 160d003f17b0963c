/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that have no name in common do not depend on each other, and are looked at by themselves: a thousand
 * clients with a host each cost as much as a thousand times one. */
#include "engine/explain_impl.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "zone/part.h"

/* Names with the number of the group they belong to, which may have become part of another. */
struct forest {
	struct zw_map *by_name; /* wire name -> 1 + number */
	ZW_VEC(size_t) parent;
};

static void forest_done(struct forest *f)
{
	zw_map_free(f->by_name);
	zw_vec_free(&f->parent);
}

static size_t root_of(struct forest *f, size_t n)
{
	while (f->parent.items[n] != n) {
		f->parent.items[n] = f->parent.items[f->parent.items[n]];
		n = f->parent.items[n];
	}
	return n;
}

static int number_of(struct forest *f, const uint8_t *name, size_t *ret_number)
{
	size_t len = zw_name_len(name);
	uintptr_t number = (uintptr_t)zw_map_get(f->by_name, name, len);
	int r;

	if (!number) {
		size_t self = f->parent.len;

		r = zw_vec_push(&f->parent, self);
		if (r < 0)
			return r;
		number = f->parent.len;
		r = zw_map_put(f->by_name, name, len, (void *)number, NULL);
		if (r < 0)
			return r;
	}
	*ret_number = number - 1;
	return 0;
}

static int join_names(struct forest *f, const struct ask *ask, size_t *ret_number)
{
	const struct zw_message *m = ask->request->message;
	size_t first = NO_GROUP, number;
	int r;

	for (size_t i = 0; i < m->rrs; i++) {
		if (!is_asked(&m->rr[i]))
			continue;
		r = number_of(f, m->rr[i].owner, &number);
		if (r < 0)
			return r;
		if (first == NO_GROUP)
			first = number;
		f->parent.items[root_of(f, number)] = root_of(f, first);
	}
	*ret_number = first;
	return 0;
}

/* Pieces of names that nobody asks about belong to no group. */
static void place_pieces(struct explanation *x, struct forest *f)
{
	ZW_VEC_FOREACH(p, &x->pieces) {
		const uint8_t *owner = p->entry->owner;
		uintptr_t number = (uintptr_t)zw_map_get(f->by_name, owner, zw_name_len(owner));

		p->group = number ? root_of(f, number - 1) : NO_GROUP;
	}
}

static int by_member(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void sort_members(member_list *list)
{
	if (list->len)
		qsort(list->items, list->len, sizeof(*list->items), by_member);
}

/* @end: the first of the asks that began too late. */
static int list_members(struct explanation *x, size_t end)
{
	int r = 0;

	for (size_t i = x->first_ask; r == 0 && i < end; i++)
		if (x->asks->items[i].group != NO_GROUP)
			r = zw_vec_push(
				&x->group_asks, (struct member){x->asks->items[i].group, i});
	for (size_t i = 0; r == 0 && i < x->pieces.len; i++)
		if (x->pieces.items[i].group != NO_GROUP)
			r = zw_vec_push(
				&x->group_pieces, (struct member){x->pieces.items[i].group, i});
	sort_members(&x->group_asks);
	sort_members(&x->group_pieces);
	return r;
}

const struct member *zw_explain_members(const member_list *list, size_t group, size_t *ret_len)
{
	size_t low = 0, high = list->len, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list->items[mid].group < group)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < list->len && list->items[end].group == group; end++)
		;
	*ret_len = end - low;
	return list->items + low;
}

int zw_explain_groups(struct explanation *x)
{
	_zw_cleanup_(forest_done) struct forest f = {};
	size_t end = x->first_ask;
	int r = zw_map_new(&f.by_name);

	for (; end < x->asks->len && x->asks->items[end].start_ns <= x->until_ns; end++) {
		struct ask *a = &x->asks->items[end];

		a->group = NO_GROUP;
		if (r == 0 && may_have_part(x, a))
			r = join_names(&f, a, &a->group);
	}
	if (r < 0)
		return r;
	for (size_t i = x->first_ask; i < end; i++)
		if (x->asks->items[i].group != NO_GROUP)
			x->asks->items[i].group = root_of(&f, x->asks->items[i].group);
	place_pieces(x, &f);
	return list_members(x, end);
}

static int by_name(const void *a, const void *b)
{
	return zw_name_cmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static int add_names(const struct ask *ask, name_list *list)
{
	const struct zw_message *m = ask->request->message;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->rrs; i++)
		if (is_asked(&m->rr[i]))
			r = zw_vec_push(list, m->rr[i].owner);
	return r;
}

static void sort_names(name_list *list)
{
	size_t keep = 0;

	if (!list->len)
		return;
	qsort(list->items, list->len, sizeof(*list->items), by_name);
	for (size_t i = 1; i < list->len; i++)
		if (!zw_name_equal(list->items[keep], list->items[i]))
			list->items[++keep] = list->items[i];
	list->len = keep + 1;
}

int zw_explain_names(
	const struct explanation *x, const size_t *ask, size_t len, name_list *ret_names)
{
	int r = zw_vec_push(ret_names, x->in->origin);

	for (size_t i = 0; r == 0 && i < len; i++)
		r = add_names(&x->asks->items[ask[i]], ret_names);
	sort_names(ret_names);
	return r;
}

int zw_explain_cut(const struct explanation *x, const struct zw_snapshot *s, const name_list *names,
	struct zw_snapshot **ret_part)
{
	return zw_part_new(x->in->key, x->in->origin, s, names->items, names->len, ret_part);
}

bool zw_explain_share_names(const struct ask *a, const struct ask *b)
{
	const struct zw_message *m = a->request->message, *n = b->request->message;

	for (size_t i = 0; i < m->rrs; i++)
		for (size_t k = 0; is_asked(&m->rr[i]) && k < n->rrs; k++)
			if (is_asked(&n->rr[k]) && zw_name_equal(m->rr[i].owner, n->rr[k].owner))
				return true;
	return false;
}

static bool same_list(const zw_requests *a, struct zw_request *const *b, size_t len)
{
	return a->len == len && memcmp(a->items, b, len * sizeof(*b)) == 0;
}

struct part_key {
	const struct zw_request *first;
	uint64_t kind, attribution, len;
};

static bool is_part(const struct part *p, enum part_kind kind, enum zw_attribution attribution,
	struct zw_request *const *by, size_t len)
{
	return p->kind == kind && p->attribution == attribution && same_list(&p->by, by, len);
}

/* There can be one for each request, so they are found by hash, but for those of transactions, whose lists grow. */
static struct part *find_part(struct explanation *x, enum part_kind kind,
	enum zw_attribution attribution, struct zw_request *const *by, size_t len)
{
	const struct part_key key = {by[0], kind, attribution, len};
	uintptr_t number = x->part_by ? (uintptr_t)zw_map_get(x->part_by, &key, sizeof(key)) : 0;

	if (number && is_part(&x->parts.items[number - 1], kind, attribution, by, len))
		return &x->parts.items[number - 1];
	if (!number && !by[0]->effect_ns)
		return NULL;
	ZW_VEC_FOREACH(p, &x->parts)
		if (is_part(p, kind, attribution, by, len))
			return p;
	return NULL;
}

static int note_part(struct explanation *x, const struct part *part)
{
	const struct part_key key = {
		part->by.items[0], part->kind, part->attribution, part->by.len};
	int r = x->part_by ? 0 : zw_map_new(&x->part_by);

	return r < 0 ? r
		     : zw_map_put(x->part_by, &key, sizeof(key), (void *)(uintptr_t)x->parts.len,
			       NULL);
}

struct part *zw_explain_part(struct explanation *x, enum part_kind kind,
	enum zw_attribution attribution, struct zw_request *const *by, size_t len)
{
	struct part *known = len ? find_part(x, kind, attribution, by, len) : NULL;
	struct part part = {.kind = kind,
		.attribution = attribution,
		.channel = len ? by[0]->channel : ZW_CHANNEL_UNKNOWN,
		.order_ns = len ? zw_request_end_ns(by[0]) : UINT64_MAX};
	int r = 0;

	if (known)
		return known;
	for (size_t i = 0; r == 0 && i < len; i++)
		r = zw_vec_push(&part.by, by[i]);
	if (r == 0)
		r = zw_vec_push(&x->parts, part);
	if (r < 0) {
		zw_vec_free(&part.by);
		return NULL;
	}
	if (len && note_part(x, &part) < 0)
		return NULL;
	return &x->parts.items[x->parts.len - 1];
}
