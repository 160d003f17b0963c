/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of the query lane, so many a second, and whom this host asks. */
#pragma once

#include "zw_query.h"

#define SECOND_NS 1000000000ULL

/* Takes one from the bucket of each reason; those that are left. The window may begin twice when two processors see its
 * end at once: then a few more are told of. The clock may be a little behind the one that the window began by. What finds
 * the bucket empty only reads it: it may be each packet of a flood. */
static __always_inline __u32 within_limits(
	struct zw_query_control *c, struct zw_query_totals *t, __u64 now, __u32 why)
{
	for (__u32 i = 0; i < ZW_QUERY_WHYS; i++) {
		struct zw_query_bucket *b = &c->bucket[i];

		if (!(why >> i & 1))
			continue;
		if ((__s64)(now - b->window_ns) >= (__s64)SECOND_NS) {
			b->window_ns = now;
			b->taken = 0;
		}
		if (*(volatile __u64 *)&b->taken >= c->limit[i] ||
			__sync_fetch_and_add(&b->taken, 1) >= c->limit[i]) {
			why &= ~(1U << i);
			t->limited[i]++;
		}
	}
	return why;
}

static __always_inline struct zw_wire_query *take_query(
	struct __sk_buff *skb, __u32 off, __u32 bytes, __u32 room)
{
	struct zw_wire_query *e = bpf_ringbuf_reserve(&zw_query_ring, sizeof(*e) + room, 0);

	if (!e)
		return NULL;
	e->hdr.size = sizeof(*e) + room;
	e->captured = bytes;
	if (bytes == 0)
		return e;
	/* As in take(). */
	bytes--;
	asm volatile("" : "+r"(bytes));
	bytes = (bytes & 0x1ffff) + 1;
	asm volatile("" : "+r"(bytes));
	if (bytes > room || bpf_skb_load_bytes(skb, off, e->payload, bytes) < 0) {
		bpf_ringbuf_discard(e, 0);
		return NULL;
	}
	return e;
}

static __always_inline void fill_query(struct __sk_buff *skb, const struct packet *p,
	const struct query_scratch *s, __u32 why, struct zw_wire_query *e)
{
	e->hdr.type = ZW_WIRE_QUERY;
	e->hdr.hook = p->hook;
	e->hdr.version = ZW_WIRE_VERSION;
	e->hdr.time_ns = bpf_ktime_get_boot_ns();
	e->name = s->name;
	e->zone = s->zone;
	copy16(e->saddr, p->key.saddr);
	copy16(e->daddr, p->key.daddr);
	e->netns = zw_netns;
	e->message_bytes = s->bytes;
	e->sport = p->key.sport;
	e->dport = p->key.dport;
	e->why = why;
	e->family = p->family;
	e->proto = p->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	e->direction = p->direction;
	e->reserved[0] = e->reserved[1] = 0;
	e->ran = find_sender(skb, p, &e->process);
}

/* The answer in @s is known from now on, in place of any other when its set is full. */
static __noinline int remember_answer(struct query_scratch *s, struct zw_query_totals *t)
{
	/* 6.1 takes no key from a global function's argument. */
	__u32 at = s->answer_at;
	struct zw_answer_set *set = bpf_map_lookup_elem(&zw_query_answers, &at);

	if (!set)
		return 0;
	at = query_way(set->slot, 0);
	if (at == ZW_QUERY_WAYS) {
		at = s->answer >> 10 & (ZW_QUERY_WAYS - 1);
		t->answer_evicted++;
	}
	set->slot[query_forget(s, at) & (ZW_QUERY_WAYS - 1)] = s->answer;
	return 0;
}

/* Tells of the message in @s for each reason that is within its limit. @avail: bytes of it in the packet.
 * ZW_QUERY_ANSWER_NONE beside ZW_QUERY_ANSWER_NEW has a limit of its own: random names are answered so. An answer that is not
 * told of is not remembered either: it is new again when it is given the next time. */
__noinline int zw_query_tell(
	struct __sk_buff *skb, struct packet *p, struct query_scratch *s, __u32 why, __u32 avail)
{
	const __u32 none = ZW_QUERY_ANSWER_NEW | ZW_QUERY_ANSWER_NONE;
	struct zw_query_control *c = query_control();
	struct zw_query_totals *t;
	bool is_none = (why & none) == none;
	struct zw_wire_query *e;
	__u32 left;

	if (!p || !s || !c)
		return 0;
	t = query_totals(s);
	if (!t)
		return 0;
	left = within_limits(c, t, s->now_ns,
		is_none ? why & ~ZW_QUERY_ANSWER_NEW : why & ~ZW_QUERY_ANSWER_NONE);
	if (!left)
		return 0;
	if (is_none && left & ZW_QUERY_ANSWER_NONE)
		left |= ZW_QUERY_ANSWER_NEW;
	else if (left & ZW_QUERY_ANSWER_CHANGED)
		left |= why & ZW_QUERY_ANSWER_NONE;
	if (avail > ZW_PACKET_ROOM_3)
		avail = ZW_PACKET_ROOM_3;
	if (avail <= ZW_PACKET_ROOM_0)
		e = take_query(skb, s->off, avail, ZW_PACKET_ROOM_0);
	else if (avail <= ZW_PACKET_ROOM_1)
		e = take_query(skb, s->off, avail, ZW_PACKET_ROOM_1);
	else if (avail <= ZW_PACKET_ROOM_2)
		e = take_query(skb, s->off, avail, ZW_PACKET_ROOM_2);
	else
		e = take_query(skb, s->off, avail, ZW_PACKET_ROOM_3);
	if (!e) {
		zw_count_drop(ZW_DROP_QUERY_RING_FULL);
		for (__u32 i = 0; i < ZW_QUERY_WHYS; i++)
			t->ring_full[i] += left >> i & 1;
		return 0;
	}
	fill_query(skb, p, s, left, e);
	bpf_ringbuf_submit(e, 0);
	if (left & (ZW_QUERY_ANSWER_NEW | ZW_QUERY_ANSWER_CHANGED))
		remember_answer(s, t);
	for (__u32 i = 0; i < ZW_QUERY_WHYS; i++)
		t->told[i] += left >> i & 1;
	return 0;
}

/* --- outbound ------------------------------------------------------------------------------------------ */

/* Counts that a program of this host asks the server the packet goes to. 1: for the first time; -1: there was no room. */
static __noinline int note_outbound(
	struct __sk_buff *skb, struct packet *p, struct query_scratch *s)
{
	struct zw_outbound *fresh = &s->outbound, *known;
	struct zw_outbound_key *key = &s->outbound_key;

	find_sender(skb, p, &fresh->process);
	copy16(key->addr, p->key.daddr);
	key->exe_dev = fresh->process.exe_dev;
	key->exe_ino = fresh->process.exe_ino;
	key->netns = zw_netns;
	key->uid = fresh->process.uid;
	key->port = p->key.dport;
	key->family = p->family;
	key->proto = p->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	known = bpf_map_lookup_elem(&zw_outbound, key);
	if (known) {
		known->last_ns = bpf_ktime_get_boot_ns();
		__sync_fetch_and_add(&known->queries, 1);
		__sync_fetch_and_add(&known->bytes, s->bytes);
		if (known->process.tgid != fresh->process.tgid)
			known->process = fresh->process;
		return 0;
	}
	fresh->first_ns = fresh->last_ns = bpf_ktime_get_boot_ns();
	fresh->queries = 1;
	fresh->bytes = s->bytes;
	return bpf_map_update_elem(&zw_outbound, key, fresh, BPF_NOEXIST) < 0 ? -1 : 1;
}

/* @s holds the message of the packet, of which @avail bytes are there. */
static __always_inline void query_outbound(struct __sk_buff *skb, struct packet *p,
	struct query_scratch *s, struct zw_query_totals *t, __u32 avail)
{
	int r = note_outbound(skb, p, s);

	if (r < 0)
		t->outbound_full++;
	if (r <= 0)
		return;
	t->outbound_new++;
	zw_query_tell(skb, p, s, ZW_QUERY_OUTBOUND_NEW, avail);
}
