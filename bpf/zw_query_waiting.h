/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries that wait for their answer: how long it took, which were asked again, and which nobody answered. */
#pragma once

#include "zw_query_count.h"

static __always_inline void hash_ends(
	struct query_scratch *s, const struct packet *p, const struct zw_query_control *c)
{
	const __u64 *client = (const __u64 *)(s->response ? p->key.daddr : p->key.saddr);
	const __u64 *server = (const __u64 *)(s->response ? p->key.saddr : p->key.daddr);
	__u16 cport = s->response ? p->key.dport : p->key.sport;
	__u16 port = s->response ? p->key.sport : p->key.dport;
	__u64 h = zw_query_mix(p->family, client[0], c->key[0], c->key[1]), g;

	if (p->family == ZW_AF_INET6)
		h = zw_query_mix(h, client[1], c->key[2], c->key[3]);
	g = zw_query_mix(h + port, server[0], c->key[4], c->key[5]);
	if (p->family == ZW_AF_INET6)
		g = zw_query_mix(g, server[1], c->key[6], c->key[7]);
	s->client = zw_query_finish(h);
	s->pair = zw_query_finish(g);
	s->wait = zw_query_finish(zw_query_mix(
		g, (__u64)s->id << 32 | (__u64)cport << 16 | p->tcp, c->key[8], c->key[9]));
}

/* The query and its answer come to the same result. */
static __always_inline bool timed(const struct query_scratch *s)
{
	return (s->wait >> 1) % ZW_QUERY_TIMED == 0;
}

static __always_inline struct zw_pending_set *near_set(__u64 hash)
{
	__u32 at = (__u32)(hash >> 8) & (ZW_PENDING_NEAR - 1);

	return bpf_map_lookup_elem(&zw_query_pending, &at);
}

/* Of a slot that was, or would be, in the near set of @hash: what tells them apart says more of where it is. */
static __always_inline struct zw_pending_set *far_set(__u64 hash, __u64 slot)
{
	__u32 near = (__u32)(hash >> 8) & (ZW_PENDING_NEAR - 1);
	__u32 more = (__u32)(slot >> ZW_PENDING_TIME_BITS) * ZW_PENDING_NEAR;
	__u32 at = ZW_PENDING_NEAR + ((near | more) & (zw_pending_far_sets - 1));

	return bpf_map_lookup_elem(&zw_query_pending, &at);
}

static __always_inline __u64 pending_slot(__u64 hash, __u64 now, __u64 side)
{
	return (hash >> ZW_PENDING_TIME_BITS) << ZW_PENDING_TIME_BITS |
	       (now >> ZW_PENDING_TIME_UNIT & ZW_PENDING_TIME_MASK & ~3ULL) | side << 1 | 1;
}

static __always_inline bool same_query(__u64 slot, __u64 other)
{
	return slot >> ZW_PENDING_TIME_BITS == other >> ZW_PENDING_TIME_BITS;
}

/* The place of the query in a full @set that has waited longest. */
static __noinline int longest_waiting(
	const struct query_scratch *s, const struct zw_pending_set *set)
{
	__u64 oldest = 0;
	__u32 at = 0;

	for (__u32 i = 0; i < ZW_PENDING_WAYS; i++) {
		__u64 age = zw_pending_age(set->slot[i], s->now_ns);

		if (age > oldest) {
			oldest = age;
			at = i;
		}
	}
	return at;
}

/* Puts @slot into @set, in place of the same query, or of nothing, or of the oldest: what was there before. */
static __always_inline __u64 put_waiting(
	struct query_scratch *s, struct zw_pending_set *set, __u64 slot)
{
	__u32 at = ZW_PENDING_WAYS;

#pragma unroll
	for (__u32 i = 0; i < ZW_PENDING_WAYS; i++) {
		__u64 v = set->slot[i];

		if (!v) {
			at = i;
		} else if (same_query(v, slot)) {
			at = i;
			break;
		}
	}
	if (at == ZW_PENDING_WAYS)
		at = longest_waiting(s, set);
	return __sync_lock_test_and_set(
		&set->slot[query_forget(s, at) & (ZW_PENDING_WAYS - 1)], slot);
}

/* Takes the query of @hash out of @set; its slot, or 0. Somebody else may take it in the same moment. */
static __always_inline __u64 take_waiting(
	struct query_scratch *s, struct zw_pending_set *set, __u64 hash)
{
	__u64 v, slot = 0;
	__u32 at;

#pragma unroll
	for (at = 0; at < ZW_PENDING_WAYS; at++) {
		v = set->slot[at];
		if (v && same_query(v, hash)) {
			slot = v;
			break;
		}
	}
	at = query_forget(s, at);
	if (!slot || __sync_val_compare_and_swap(&set->slot[at & (ZW_PENDING_WAYS - 1)], slot, 0) !=
			     slot)
		return 0;
	return slot;
}

/* The query of @slot had to leave its near set. When it is asked again it is not looked for here: then it counts as one that
 * waits for itself. */
static __noinline int wait_far(
	struct query_scratch *s, struct zw_query_totals *t, __u64 hash, __u64 slot)
{
	struct zw_pending_set *set = far_set(hash, slot);
	__u64 old;

	if (!set)
		return 0;
	old = put_waiting(s, set, slot);
	if (!old)
		return 0;
	if (same_query(old, slot))
		t->repeated[old >> 1 & 1]++;
	else if (zw_pending_age(old, s->now_ns) >= ZW_QUERY_PATIENCE_NS)
		t->unanswered[old >> 1 & 1]++;
	else
		t->displaced[old >> 1 & 1]++;
	return 0;
}

static __noinline __u64 end_far(struct query_scratch *s, __u64 hash)
{
	struct zw_pending_set *set = far_set(hash, hash);

	return set ? take_waiting(s, set, hash) : 0;
}

/* The query waits from now on. */
static __always_inline void begin_waiting(
	struct zw_query_totals *t, struct query_scratch *s, __u64 hash)
{
	__u64 slot = pending_slot(hash, s->now_ns, s->side & 1), old;
	struct zw_pending_set *set = near_set(hash);

	if (!set)
		return;
	old = put_waiting(s, set, slot);
	if (!old)
		return;
	if (same_query(old, slot))
		t->repeated[old >> 1 & 1]++;
	else if (zw_pending_age(old, s->now_ns) >= ZW_QUERY_PATIENCE_NS)
		t->unanswered[old >> 1 & 1]++;
	else
		wait_far(s, t, hash, old);
}

/* Whether it waited for this answer. */
static __always_inline bool end_waiting(
	struct zw_query_totals *t, struct query_scratch *s, __u64 hash)
{
	struct zw_pending_set *set = near_set(hash);
	__u32 side = s->side & 1, at;
	__u64 slot;

	if (!set)
		return false;
	slot = take_waiting(s, set, hash);
	if (!slot)
		slot = end_far(s, hash);
	if (!slot) {
		t->unasked[side]++;
		return false;
	}
	if (!timed(s))
		return true;
	at = query_log2(zw_pending_age(slot, s->now_ns) >> 9);
	t->time[side][at < ZW_QUERY_TIMES ? at : ZW_QUERY_TIMES - 1]++;
	return true;
}
