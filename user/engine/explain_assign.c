/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose work each RRset of a group is: what every way of replaying the requests agrees on. */
#include "engine/explain_claim.h"

#include <errno.h>
#include <stdlib.h>

#include "dns/name.h"
#include "zone/update.h"

struct assignment {
	struct explanation *x;
	struct replay replay;
	ZW_VEC(struct claim) claims;
	size_t ways;
	index_list order;                /* of the first way */
	size_t first_part;               /* of the parts, those before are other groups' */
	enum zw_attribution attribution; /* of what is not ambiguous */
};

static size_t who_of(const struct assignment *a, size_t ask)
{
	return a->x->asks->items[ask].who;
}

static int on_way(void *ctx, const struct way *way)
{
	struct assignment *a = ctx;
	int r = 0;

	for (size_t i = 0; r == 0 && a->ways == 0 && i < way->len; i++)
		r = zw_vec_push(&a->order, way->ask[i]);
	ZW_VEC_FOREACH(c, &a->claims)
		if (r == 0)
			r = zw_explain_claim_way(c, &a->replay, way, a->ways == 0);
	a->ways++;
	return r;
}

/* Not every order was tried: what several asked for at the same time is anybody's of them. */
static int widen(struct assignment *a, struct claim *c)
{
	const struct zw_diff_entry *entry = c->piece->entry;
	bool several = false;

	for (size_t i = 0; i < a->replay.len; i++) {
		size_t index = a->replay.ask[i];
		const struct zw_message *m = a->x->asks->items[index].request->message;

		if (!zw_update_touches(m, entry->owner, entry->type))
			continue;
		if (add_index(&c->any, index) < 0)
			return -ENOMEM;
		several |= who_of(a, index) != who_of(a, c->any.items[0]);
	}
	c->ambiguous |= several;
	return 0;
}

/* No way gives the state after: somebody else acted too, or the server made something else of a request. What is as
 * the requests would have left it is probably theirs; the rest is nobody's. */
static int fall_back(struct assignment *a)
{
	const struct replay *replay = &a->replay;
	struct zw_snapshot **state = calloc(replay->len + 1, sizeof(*state));
	struct way way = {.ask = replay->ask, .state = state, .len = replay->len};
	int r = state ? zw_explain_replay_plain(replay, replay->ask, replay->len, state) : -ENOMEM;

	a->attribution = ZW_ATTRIBUTION_PROBABLE;
	ZW_VEC_FOREACH(c, &a->claims) {
		const struct zw_diff_entry *entry = c->piece->entry;

		if (r == 0 &&
			zw_explain_settled(replay, state[replay->len], entry->owner, entry->type))
			r = zw_explain_claim_way(c, replay, &way, true);
	}
	for (size_t i = 0; state && state[0] && i <= replay->len; i++)
		zw_snapshot_unref(state[i]);
	free(state);
	return r;
}

static struct zw_request *request_of(const struct assignment *a, size_t ask)
{
	return a->x->asks->items[ask].request;
}

/* The change of the same RRset that @change goes on from; NULL: it is the first one. */
static struct part_change *goes_on(struct part *part, const struct part_change *change)
{
	ZW_VEC_FOREACH(c, &part->changes)
		if (c->type == change->type && zw_name_equal(c->owner, change->owner))
			return c;
	return NULL;
}

/* Commands that one user puts into one transaction are one change, though each comes from a process of its own. */
static struct part *part_of_transaction(
	struct assignment *a, struct zw_request *by, const struct part_change *change)
{
	ZW_VEC_FOREACH(p, &a->x->parts) {
		const struct part_change *before;

		if (p->kind != PART_CONTENT || p->attribution != a->attribution ||
			p->by.items[0]->effect_ns != by->effect_ns || !same_who(p->by.items[0], by))
			continue;
		before = goes_on(p, change);
		if (before && !same_rrset(&before->after, &change->before))
			continue;
		for (size_t i = 0; i < p->by.len; i++)
			if (p->by.items[i] == by)
				return p;
		return zw_vec_push(&p->by, by) < 0 ? NULL : p;
	}
	return zw_explain_part(a->x, PART_CONTENT, a->attribution, &by, 1);
}

static struct part *part_of(struct assignment *a, size_t ask, const struct part_change *change)
{
	struct zw_request *by = request_of(a, ask);

	return by->effect_ns ? part_of_transaction(a, by, change)
			     : zw_explain_part(a->x, PART_CONTENT, a->attribution, &by, 1);
}

static int add_to_several(struct assignment *a, const struct claim *c)
{
	struct zw_request **by = calloc(c->any.len, sizeof(struct zw_request *));
	struct part *part = NULL;
	int r = -ENOMEM;

	for (size_t i = 0; by && i < c->any.len; i++)
		by[i] = request_of(a, c->any.items[i]);
	if (by)
		part = zw_explain_part(
			a->x, PART_CONTENT, ZW_ATTRIBUTION_AMBIGUOUS, by, c->any.len);
	if (part)
		r = zw_vec_push(&part->changes, change_of(c->piece->entry));
	free(by);
	return r;
}

static int add_beside(struct part *part, struct zw_request *request)
{
	ZW_VEC_FOREACH(b, &part->beside)
		if (same_who(*b, request))
			return 0;
	return zw_vec_push(&part->beside, request);
}

static int add_change(
	struct assignment *a, size_t ask, const struct claim *c, struct part_change change)
{
	struct part *part = part_of(a, ask, &change);
	struct part_change *before = part ? goes_on(part, &change) : NULL;
	int r = part ? 0 : -ENOMEM;

	if (before)
		before->after = change.after;
	else if (part)
		r = zw_vec_push(&part->changes, change);
	for (size_t i = 0; r == 0 && i < c->beside.len; i++)
		if (who_of(a, c->beside.items[i]) != who_of(a, ask))
			r = add_beside(part, request_of(a, c->beside.items[i]));
	return r;
}

/* Each of several gets what it made of the RRset; together that is the whole of it. */
static int add_chain(struct assignment *a, const struct claim *c)
{
	const struct zw_diff_entry *entry = c->piece->entry;
	struct part_change change = change_of(entry);
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->needed.len; i++) {
		struct zw_snapshot *state = NULL;

		change.after = entry->after;
		if (i + 1 < c->needed.len) {
			r = zw_explain_claim_step(c, a->x, i, &change.before, &state);
			if (r < 0)
				return r;
			/* The changes point into it. */
			r = zw_vec_push(&a->x->kept, state);
			if (r < 0) {
				zw_snapshot_unref(state);
				return r;
			}
			if (!zw_snapshot_lookup(state, entry->owner, entry->type, &change.after))
				change.after = (struct zw_rrset){};
		}
		r = add_change(a, c->needed.items[i], c, change);
		change.before = change.after;
	}
	return r;
}

static int settle_claim(struct assignment *a, struct claim *c)
{
	if (!c->any.len)
		return 0;
	c->piece->done = true;
	if (c->ambiguous)
		return add_to_several(a, c);
	if (c->needed.len == 1)
		return add_change(a, c->needed.items[0], c, change_of(c->piece->entry));
	return add_chain(a, c);
}

/* Who had his turn later is told of later, also when the answer went out sooner. */
static void keep_order(struct assignment *a)
{
	uint64_t last = 0;

	ZW_VEC_FOREACH(ask, &a->order)
		for (size_t i = a->first_part; i < a->x->parts.len; i++) {
			struct part *p = &a->x->parts.items[i];

			if (p->kind != PART_CONTENT || p->by.items[0] != request_of(a, *ask))
				continue;
			if (p->order_ns <= last)
				p->order_ns = last + 1;
			last = p->order_ns;
		}
}

static int collect(struct assignment *a, size_t group, index_list *asks)
{
	struct explanation *x = a->x;
	const struct member *member;
	name_list list = {};
	size_t members;
	int r = 0;

	member = zw_explain_members(&x->group_asks, group, &members);
	for (size_t i = 0; r == 0 && i < members; i++)
		r = zw_vec_push(asks, member[i].index);
	a->replay.ask = asks->items;
	a->replay.len = asks->len;
	a->replay.x = x;
	if (r == 0)
		r = zw_explain_names(x, asks->items, asks->len, &list);
	if (r == 0)
		r = zw_explain_cut(x, x->before, &list, &a->replay.before);
	if (r == 0)
		r = zw_explain_cut(x, x->after, &list, &a->replay.after);
	zw_vec_free(&list);
	member = zw_explain_members(&x->group_pieces, group, &members);
	for (size_t i = 0; r == 0 && i < members; i++) {
		struct piece *p = &x->pieces.items[member[i].index];

		if (!p->done && p->kind != PIECE_SERIAL &&
			zw_explain_touched(&a->replay, p->entry->owner, p->entry->type))
			r = zw_vec_push(&a->claims, (struct claim){.piece = p});
	}
	return r;
}

static void assignment_done(struct assignment *a)
{
	ZW_VEC_FOREACH(c, &a->claims)
		zw_explain_claim_done(c);
	zw_vec_free(&a->claims);
	zw_vec_free(&a->order);
	zw_snapshot_unref(a->replay.before);
	zw_snapshot_unref(a->replay.after);
}

int zw_explain_assign_group(struct explanation *x, size_t group)
{
	_zw_cleanup_(assignment_done) struct assignment a = {
		.x = x, .first_part = x->parts.len, .attribution = ZW_ATTRIBUTION_CERTAIN};
	index_list asks = {};
	int r = collect(&a, group, &asks);

	if (r == 0 && a.claims.len) {
		r = zw_explain_replay(&a.replay, on_way, &a);
		if (r == 0 && a.ways == 0)
			r = fall_back(&a);
		ZW_VEC_FOREACH(c, &a.claims) {
			if (r == 0 && a.replay.unsure)
				r = widen(&a, c);
			if (r == 0)
				r = settle_claim(&a, c);
		}
	}
	if (r == 0 && a.order.len > 1)
		keep_order(&a);
	zw_vec_free(&asks);
	return r;
}
