/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a packet, or a run of bytes of a stream, to an event in the control ring. */
#pragma once

#include "zw_maps.h"
#include "zw_owner.h"

#define ZW_AF_INET 2
#define ZW_AF_INET6 10
#define ZW_TC_UNSPEC (-1) /* on to the next program or filter: TC_ACT_UNSPEC, TCX_NEXT */

/* The namespace this copy of the programs is attached in. */
const volatile __u32 zw_netns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct zw_traffic);
} zw_traffic SEC(".maps");

/* One direction of a connection, as one device sees it. */
struct flow_key {
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns;
	__u32 ifindex;
	__u16 sport;
	__u16 dport;
	__u32 reserved;
};

/* What is known of a packet before it is worth an event. On the stack, so without holes. */
struct packet {
	struct flow_key key;
	__u32 seq;
	__u32 ack;
	__u32 boundary;
	__u32 omitted;
	__u32 payload;       /* where its payload begins in the packet */
	__u32 payload_bytes; /* how long that is */
	__u32 from;          /* what is to be copied: from here, as offset in the packet ... */
	__u32 bytes;         /* ... so many */
	__u16 segment_bytes;
	__u16 flags;  /* enum zw_packet_flags */
	__u16 prefix; /* the length to put in front */
	__u8 prefixed;
	__u8 family;
	__u8 tcp; /* 0: UDP */
	__u8 direction;
	__u8 tcp_flags;
	__u8 port_flags;
	__u8 to_server;
	__u8 hook;
	__u8 fragment; /* the first one */
	__u8 reserved;
	__u32 reserved2;
};
_Static_assert(sizeof(struct packet) == 48 + 32 + 4 + 12 + 4, "struct packet has hidden padding");

static __always_inline void copy16(void *to, const void *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

/* An IPv4 address into the room of an IPv6 one. */
static __always_inline void copy4(void *to, __be32 from)
{
	((__u64 *)to)[0] = from;
	((__u64 *)to)[1] = 0;
}

static __always_inline struct bpf_sock *sender_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

/* Who sends this packet, and keeps it for packets that leave when nobody runs for it: what waited for the network,
 * for an acknowledgement or for a neighbour's address. Whether it was running. */
static __always_inline bool find_sender(
	struct __sk_buff *skb, const struct packet *p, struct zw_wire_owner *o)
{
	struct zw_wire_owner *stored = NULL;
	struct task_struct *task;
	struct bpf_sock *sk;

	__builtin_memset(o, 0, sizeof(*o));
	if (p->direction == ZW_DIRECTION_IN)
		return false;
	sk = sender_socket(skb);
	if (sk)
		stored = bpf_sk_storage_get(&zw_owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	task = zw_sender();
	if (task)
		zw_owner_fill(o, task);
	/* A process that exits has no program any more, but is the same as before. */
	if (stored && (!task || (!o->exe_ino && stored->start_ns == o->start_ns)))
		*o = *stored;
	else if (stored)
		*stored = *o;
	return task;
}

static __always_inline void fill_sender(
	struct __sk_buff *skb, const struct packet *p, struct zw_wire_packet *e)
{
	bool ran = find_sender(skb, p, &e->sender);

	e->cookie = p->direction != ZW_DIRECTION_IN && sender_socket(skb)
			    ? bpf_get_socket_cookie(skb)
			    : 0;
	if (ran)
		e->flags |= ZW_PACKET_RAN;
}

/* Whose socket this packet will reach: the same lookup as the stack's own. */
static __always_inline void fill_receiver(
	struct __sk_buff *skb, const struct packet *p, struct zw_wire_packet *e)
{
	struct zw_wire_owner *stored;
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;
	__u32 size;

	__builtin_memset(&e->receiver, 0, sizeof(e->receiver));
	if (p->direction == ZW_DIRECTION_OUT)
		return;
	if (p->family == ZW_AF_INET) {
		t.ipv4.saddr = *(const __be32 *)p->key.saddr;
		t.ipv4.daddr = *(const __be32 *)p->key.daddr;
		t.ipv4.sport = bpf_htons(p->key.sport);
		t.ipv4.dport = bpf_htons(p->key.dport);
		size = sizeof(t.ipv4);
	} else {
		copy16(t.ipv6.saddr, p->key.saddr);
		copy16(t.ipv6.daddr, p->key.daddr);
		t.ipv6.sport = bpf_htons(p->key.sport);
		t.ipv6.dport = bpf_htons(p->key.dport);
		size = sizeof(t.ipv6);
	}
	if (p->tcp)
		sk = bpf_sk_lookup_tcp(skb, &t, size, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(skb, &t, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return;
	stored = bpf_sk_storage_get(&zw_owners, sk, NULL, 0);
	if (stored)
		e->receiver = *stored;
	bpf_sk_release(sk);
}

static __always_inline void fill_packet(
	struct __sk_buff *skb, const struct packet *p, struct zw_wire_packet *e, __u32 room)
{
	e->hdr.size = sizeof(*e) + room;
	e->hdr.type = ZW_WIRE_PACKET;
	e->hdr.hook = p->hook;
	e->hdr.version = ZW_WIRE_VERSION;
	e->hdr.time_ns = bpf_ktime_get_boot_ns();
	copy16(e->saddr, p->key.saddr);
	copy16(e->daddr, p->key.daddr);
	e->netns = zw_netns;
	e->ifindex = skb->ifindex;
	e->seq = p->seq;
	e->ack = p->ack;
	e->boundary = p->boundary;
	e->payload_bytes = p->payload_bytes;
	e->captured = p->bytes + (p->prefixed ? 2 : 0);
	e->omitted = p->omitted;
	e->sport = p->key.sport;
	e->dport = p->key.dport;
	e->segment_bytes = p->segment_bytes;
	e->flags = p->flags;
	e->family = p->family;
	e->proto = p->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	e->direction = p->direction;
	e->tcp_flags = p->tcp_flags;
	e->port_flags = p->port_flags;
	e->to_server = p->to_server;
	e->reserved[0] = e->reserved[1] = 0;
}

/* An event with room for @room bytes and the packet's in it; NULL when there is no space or the packet is not what
 * its headers say, both counted. @room is a constant, so that the verifier sees that the bytes fit. */
static __always_inline struct zw_wire_packet *take(
	struct __sk_buff *skb, const struct packet *p, __u32 room)
{
	struct zw_wire_packet *e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e) + room, 0);
	__u32 bytes = p->bytes;
	long r = 0;

	if (!e) {
		zw_count_drop(ZW_DROP_NET_RING_FULL);
		return NULL;
	}
	if (bytes > room - (p->prefixed ? 2 : 0)) {
		r = -1;
	} else if (bytes > 0) {
		/* 6.1 does not learn from a comparison with 0 that a number is 1 at least, and the barriers keep the
		 * compiler from reasoning bounds away before the verifier sees them. */
		bytes--;
		asm volatile("" : "+r"(bytes));
		bytes = (bytes & 0x1ffff) + 1;
		asm volatile("" : "+r"(bytes));
		if (p->prefixed && bytes <= room - 2) {
			e->payload[0] = p->prefix >> 8;
			e->payload[1] = p->prefix;
			r = bpf_skb_load_bytes(skb, p->from, e->payload + 2, bytes);
		} else if (bytes <= room) {
			r = bpf_skb_load_bytes(skb, p->from, e->payload, bytes);
		}
	}
	if (r < 0) {
		bpf_ringbuf_discard(e, 0);
		zw_count_drop(ZW_DROP_NET_HEADERS);
		return NULL;
	}
	fill_packet(skb, p, e, room);
	return e;
}

__noinline int zw_packet_emit(struct __sk_buff *skb, struct packet *p)
{
	struct zw_wire_packet *e;
	__u32 room;

	if (!p)
		return 0;
	room = zw_packet_room(p->bytes + (p->prefixed ? 2 : 0));
	if (room == ZW_PACKET_ROOM_0)
		e = take(skb, p, ZW_PACKET_ROOM_0);
	else if (room == ZW_PACKET_ROOM_1)
		e = take(skb, p, ZW_PACKET_ROOM_1);
	else if (room == ZW_PACKET_ROOM_2)
		e = take(skb, p, ZW_PACKET_ROOM_2);
	else if (room == ZW_PACKET_ROOM_3)
		e = take(skb, p, ZW_PACKET_ROOM_3);
	else
		e = take(skb, p, ZW_PACKET_ROOM_4);
	if (!e)
		return 0;
	fill_sender(skb, p, e);
	fill_receiver(skb, p, e);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* --- the query lane ----------------------------------------------------------------------------------- */

static __always_inline struct zw_traffic *traffic(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&zw_traffic, &zero);
}

/* Counts a message that is not counted as a plain query or answer in zw_query_cells. The masks are no bounds, they tell the verifier of them. */
static __always_inline void count_message(
	struct zw_traffic *t, __u8 direction, __u8 tcp, __u64 look, __u32 bytes, bool control)
{
	__u32 class = LOOK_CLASS(look);

	/* Or the compiler compares what the class was cut from, and the verifier does not see it. */
	asm volatile("" : "+r"(class));
	direction &= 3;
	tcp &= 1;
	t->bytes[direction][tcp] += bytes;
	if (control)
		t->control[direction][tcp]++;
	else if (LOOK_FLAGS(look) & DNS_QR)
		t->response[direction][tcp][LOOK_FLAGS(look) & 0xf]++;
	else if (class < _ZW_QUERY_MAX)
		t->query[direction][tcp][class]++;
}
