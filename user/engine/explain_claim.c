/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/explain_claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* Requests on a way that is tried with and without some of them. */
#define REDUCE_MAX 64

void zw_explain_claim_done(struct claim *c)
{
	zw_vec_free(&c->owned);
	zw_vec_free(&c->needed);
	zw_vec_free(&c->beside);
	zw_vec_free(&c->any);
}

static struct zw_rrset rrset_in(const struct zw_snapshot *s, const struct claim *c)
{
	struct zw_rrset set = {};

	return zw_snapshot_lookup(s, c->piece->entry->owner, c->piece->entry->type, &set)
		       ? set
		       : (struct zw_rrset){};
}

/* What is in @from and not in @other. */
static int collect_side(
	struct claim *c, const struct zw_rrset *from, const struct zw_rrset *other, bool added)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < from->count; i++) {
		struct owned o = {.added = added, .ask = SIZE_MAX};

		o.rdata = zw_rrset_rdata(from, i, &o.len);
		if (!zw_rrset_has(other, o.rdata, o.len))
			r = zw_vec_push(&c->owned, o);
	}
	return r;
}

/* Follows the RRset through the way: who turns a record last owns it. Where only the TTL changes, nobody owns
 * a record, and the last one is who is asked for. */
static int follow(struct claim *c, const struct way *way, index_list *effective)
{
	struct zw_rrset last = rrset_in(way->state[0], c);
	int r = 0;

	for (size_t i = 0; r == 0 && i < way->len; i++) {
		struct zw_rrset next;

		if (way->state[i] == way->state[i + 1])
			continue;
		next = rrset_in(way->state[i + 1], c);
		if (!same_rrset(&last, &next))
			r = zw_vec_push(effective, way->ask[i]);
		ZW_VEC_FOREACH(o, &c->owned)
			if (zw_rrset_has(&last, o->rdata, o->len) !=
				zw_rrset_has(&next, o->rdata, o->len))
				o->ask = way->ask[i];
		last = next;
	}
	return r;
}

static bool owns(const struct claim *c, size_t ask, bool added_only)
{
	ZW_VEC_FOREACH(o, &c->owned)
		if (o->ask == ask && (o->added || !added_only))
			return true;
	return false;
}

static uint64_t sign(const struct claim *c, const struct replay *replay, const index_list *needed)
{
	const struct zw_hash_key *key = replay->x->in->key;
	const struct ask *asks = replay->x->asks->items;
	uint64_t sum = needed->len ? asks[needed->items[0]].who : 0;

	if (needed->len <= 1)
		return sum;
	sum = 0;
	ZW_VEC_FOREACH(o, &c->owned) {
		uint64_t work[3] = {zw_hash_bytes(key, o->rdata, o->len), o->added,
			o->ask == SIZE_MAX ? 0 : asks[o->ask].who};

		sum += zw_hash_bytes(key, work, sizeof(work));
	}
	return sum;
}

static int collect_needed(const struct claim *c, const index_list *effective, index_list *needed)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < effective->len; i++)
		if (owns(c, effective->items[i], false))
			r = add_index(needed, effective->items[i]);
	if (r == 0 && !needed->len && effective->len)
		r = zw_vec_push(needed, effective->items[effective->len - 1]);
	return r;
}

/* A way of which some are left out. */
struct trail {
	size_t ask[REDUCE_MAX];
	struct zw_snapshot *state[REDUCE_MAX + 1];
	size_t len;
};

static void trail_done(struct trail *t)
{
	for (size_t i = 0; i <= t->len; i++)
		zw_snapshot_unref(t->state[i]);
	*t = (struct trail){};
}

static struct way as_way(const struct trail *t)
{
	return (struct way){.ask = t->ask, .state = t->state, .len = t->len};
}

static int find_owners(struct claim *c, const struct way *way, index_list *needed)
{
	const struct zw_diff_entry *entry = c->piece->entry;
	index_list effective = {};
	int r;

	c->owned.len = needed->len = 0;
	r = collect_side(c, &entry->before, &entry->after, false);
	if (r == 0)
		r = collect_side(c, &entry->after, &entry->before, true);
	if (r == 0)
		r = follow(c, way, &effective);
	if (r == 0)
		r = collect_needed(c, &effective, needed);
	zw_vec_free(&effective);
	return r;
}

/* Whether those who added what is there now are still the same. */
static bool same_adders(const struct claim *c, const struct owned *full)
{
	for (size_t i = 0; i < c->owned.len; i++)
		if (c->owned.items[i].added && c->owned.items[i].ask != full[i].ask)
			return false;
	return true;
}

/* 1: without @ask the RRset is the same in the end, and who added to it; *@trail is then the way without it. */
static int leave_out(struct claim *c, const struct replay *replay, const struct owned *full,
	struct trail *trail, size_t ask, index_list *needed)
{
	const struct zw_diff_entry *entry = c->piece->entry;
	_zw_cleanup_(trail_done) struct trail t = {};
	struct way way;
	size_t len = 0;
	int r;

	for (size_t i = 0; i < trail->len; i++)
		if (trail->ask[i] != ask)
			t.ask[len++] = trail->ask[i];
	r = zw_explain_replay_plain(replay, t.ask, len, t.state);
	if (r < 0)
		return r;
	t.len = len;
	if (!zw_explain_settled(replay, t.state[len], entry->owner, entry->type))
		return 0;
	way = as_way(&t);
	r = find_owners(c, &way, needed);
	if (r < 0 || !same_adders(c, full)) {
		way = as_way(trail);
		return r < 0 ? r : find_owners(c, &way, needed);
	}
	trail_done(trail);
	*trail = t;
	t = (struct trail){};
	return 1;
}

/* Who only took away what somebody later would have taken away too, as one who replaces the set does, is left out. */
static int reduce(
	struct claim *c, const struct replay *replay, const struct way *way, index_list *needed)
{
	_zw_cleanup_(trail_done) struct trail trail = {};
	_zw_free_ struct owned *full = NULL;
	int r = 0;

	if (way->len > REDUCE_MAX || needed->len < 2 || !c->owned.len)
		return 0;
	full = calloc(c->owned.len, sizeof(*full));
	if (!full)
		return -ENOMEM;
	memcpy(full, c->owned.items, c->owned.len * sizeof(*full));
	trail.len = way->len;
	memcpy(trail.ask, way->ask, way->len * sizeof(*trail.ask));
	for (size_t i = 0; i <= way->len; i++)
		trail.state[i] = zw_snapshot_ref(way->state[i]);
	for (size_t i = 0; r >= 0 && needed->len > 1 && i < needed->len;) {
		r = owns(c, needed->items[i], true)
			    ? 0
			    : leave_out(c, replay, full, &trail, needed->items[i], needed);
		/* Others may be left out now. */
		i = r > 0 ? 0 : i + 1;
	}
	return r < 0 ? r : 0;
}

static int take_way(struct claim *c, const struct replay *replay, const struct way *way,
	index_list *effective, index_list *needed)
{
	int r = find_owners(c, way, needed);

	if (r == 0)
		r = follow(c, way, effective);
	return r < 0 ? r : reduce(c, replay, way, needed);
}

int zw_explain_claim_way(
	struct claim *c, const struct replay *replay, const struct way *way, bool first)
{
	/* Another way may own otherwise, so it is followed by a copy. */
	struct claim copy = {.piece = c->piece};
	struct claim *to = first ? c : &copy;
	index_list effective = {}, needed = {};
	int r = take_way(to, replay, way, &effective, &needed);
	uint64_t signature = r == 0 ? sign(to, replay, &needed) : 0;

	for (size_t i = 0; r == 0 && i < needed.len; i++)
		r = add_index(&c->any, needed.items[i]);
	for (size_t i = 0; r == 0 && first && i < effective.len; i++)
		if (!has_index(&needed, effective.items[i]))
			r = add_index(&c->beside, effective.items[i]);
	if (first) {
		c->signature = signature;
		memcpy(&c->needed, &needed, sizeof(needed));
		needed = (index_list){};
	} else {
		c->ambiguous |= signature != c->signature;
	}
	zw_vec_free(&effective);
	zw_vec_free(&needed);
	zw_explain_claim_done(&copy);
	return r;
}

static bool is_turned(const struct claim *c, size_t ask, const uint8_t *rdata, uint16_t len)
{
	ZW_VEC_FOREACH(o, &c->owned)
		if (o->ask == ask && o->len == len && memcmp(o->rdata, rdata, len) == 0)
			return true;
	return false;
}

static int add_record(struct zw_builder *builder, const struct zw_diff_entry *entry, uint32_t ttl,
	const uint8_t *rdata, uint16_t len)
{
	struct zw_record record = {.owner = entry->owner,
		.owner_len = (uint8_t)zw_name_len(entry->owner),
		.rdata = rdata,
		.rdata_len = len,
		.ttl = ttl,
		.type = entry->type,
		.klass = ZW_CLASS_IN};

	return zw_builder_add(builder, &record);
}

int zw_explain_claim_step(const struct claim *c, const struct explanation *x, size_t step,
	const struct zw_rrset *before, struct zw_snapshot **ret_state)
{
	const struct zw_diff_entry *entry = c->piece->entry;
	size_t ask = c->needed.items[step];
	/* Who changed the TTL besides is not told apart: it is with the first records. */
	uint32_t ttl = entry->after.count ? entry->after.ttl : entry->before.ttl;
	_zw_builder_ struct zw_builder *builder = NULL;
	int r = zw_builder_new(x->in->key, x->in->origin, NULL, &builder);

	for (uint32_t i = 0; r == 0 && i < before->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(before, i, &len);

		if (!is_turned(c, ask, rdata, len))
			r = add_record(builder, entry, ttl, rdata, len);
	}
	ZW_VEC_FOREACH(o, &c->owned)
		if (r == 0 && o->added && o->ask == ask)
			r = add_record(builder, entry, ttl, o->rdata, o->len);
	return r < 0 ? r : zw_builder_finish(builder, ret_state);
}
