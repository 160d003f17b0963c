/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS over TCP: follows where messages begin in each direction of a connection, so that plain queries and their
 * answers are passed over without copying them and everything else is copied. Whatever is not certain is copied:
 * user space puts the stream together and knows best.
 *
 * A direction is only followed by one processor at a time: the socket's lock on the way out, its receive queue on
 * the way in. Should that ever not hold, it looks like a gap, and from there on all is copied.
 */
#pragma once

#include "zw_dns.h"
#include "zw_packet.h"
#include "zw_query_message.h"

/* Directions of connections that are remembered. One that was forgotten is taken up again where a segment begins
 * like a message. */
#define FLOWS 32768
/* Messages in one segment: 64 KiB of the shortest possible, 12 octets of header and 5 of question. */
#define SEGMENT_MESSAGES 4096
/* Of a connection whose messages cannot be told apart, or that is copied whole, so much within a second. */
#define FLOW_BYTES (4U << 20)
#define FLOW_WINDOW_NS 1000000000ULL
/* A transfer is copied up to this; of its later messages only the end, where the last one has its SOA record and
 * signature. */
#define TRANSFER_BYTES (256U << 10)
#define TRANSFER_TAIL 512U

enum flow_mode {
	FLOW_IN_ORDER = 0, /* `next` is where the next byte belongs */
	FLOW_ALL,          /* lost track: all is copied */
};

enum flow_message {
	FLOW_SKIP = 0,
	FLOW_COPY,
	FLOW_TAIL,
};

struct flow {
	__u64 window_ns; /* when the current second of FLOW_BYTES began */
	__u32 copied;    /* in it */
	__u32 next;
	__u32 left;     /* octets of the current message still to come */
	__u32 boundary; /* FLOW_ALL: see struct zw_wire_packet */
	__u32 transfer; /* bytes copied of the transfer with this id */
	__u32 omitted;
	__u16 transfer_id;
	__u16 prefix; /* a length, or its first octet, that came at the end of a segment */
	__u8 held;    /* how many octets of it */
	__u8 mode;
	__u8 message;
	__u8 known; /* FLOW_ALL: boundary is known */
	__u8 midstream;
	__u8 in_transfer;
	__u8 told; /* something was copied */
	__u8 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} zw_flows SEC(".maps");

/* A run of bytes of a segment in one register. Segments are shorter than 2^24: they fit into one buffer. */
#define RUN(pos, bytes, flags) ((__u64)(pos) | (__u64)(bytes) << 24 | (__u64)(flags) << 48)
#define RUN_POS(run) ((__u32)(run)&0xffffff)
#define RUN_BYTES(run) ((__u32)((run) >> 24) & 0xffffff)
#define RUN_FLAGS(run) ((__u16)((run) >> 48))

/* One segment on its way through the tracker. */
struct segment {
	struct __sk_buff *skb;
	struct packet *p;
	struct flow *f;
	struct zw_traffic *traffic;
	__u32 seq; /* of its first byte */
	__u32 pos; /* bytes dealt with */
	__u32 len;
	__u32 reserved;
};

/* Copies @bytes from @pos of the segment that begins at @seq on, with what the packet carries of flags. */
static __always_inline void copy_run(
	struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 seq, __u32 pos, __u32 bytes)
{
	p->seq = seq + pos - (p->prefixed ? 2 : 0);
	p->from = p->payload + pos;
	p->bytes = bytes;
	p->omitted = f->omitted;
	if (f->midstream)
		p->flags |= ZW_PACKET_MIDSTREAM;
	f->omitted = 0;
	f->told = 1;
	zw_packet_emit(skb, p);
	p->flags = 0;
	p->boundary = 0;
	p->prefixed = 0;
}

/* Not more than FLOW_BYTES a second. */
static __always_inline bool within_bound(struct flow *f, __u32 bytes)
{
	__u64 now = bpf_ktime_get_boot_ns();

	if (now - f->window_ns >= FLOW_WINDOW_NS) {
		f->window_ns = now;
		f->copied = 0;
	}
	f->copied += bytes;
	return f->copied <= FLOW_BYTES;
}

/* Of a segment that begins at @seq, @bytes from @pos on as they are, in pieces that an event has room for. Global, so
 * that it is verified once. */
__noinline int zw_stream_copy(
	struct __sk_buff *skb, struct packet *p, struct flow *f, __u32 seq, __u64 run)
{
	__u32 pos = RUN_POS(run), bytes = RUN_BYTES(run);

	if (!p || !f)
		return 0;
	if (!within_bound(f, bytes)) {
		zw_count_drop(ZW_DROP_NET_BOUND);
		f->omitted += bytes;
		return 0;
	}
	for (int i = 0; i < 8 && bytes > 0; i++) {
		__u32 n = bytes < ZW_PACKET_ROOM_4 ? bytes : ZW_PACKET_ROOM_4;

		p->flags = RUN_FLAGS(run);
		if (f->known) {
			p->flags |= ZW_PACKET_BOUNDARY;
			p->boundary = f->boundary;
		}
		copy_run(skb, p, f, seq, pos, n);
		pos += n;
		bytes -= n;
	}
	return 0;
}

static __always_inline void copy_all(struct segment *s, __u32 pos, __u32 bytes, __u16 flags)
{
	zw_stream_copy(s->skb, s->p, s->f, s->seq, RUN(pos, bytes, flags));
}

/* The part of the current message that is in this segment. */
static __always_inline void message_bytes(struct segment *s)
{
	struct flow *f = s->f;
	__u32 n = s->len - s->pos, tail;

	if (n > f->left)
		n = f->left;
	if (f->message == FLOW_COPY) {
		copy_run(s->skb, s->p, f, s->seq, s->pos, n);
	} else if (f->message == FLOW_TAIL) {
		tail = n < f->left ? 0 : n < TRANSFER_TAIL ? n : TRANSFER_TAIL;
		f->omitted += n - tail;
		zw_count_drop(ZW_DROP_NET_TRANSFER);
		if (tail) {
			s->p->flags = ZW_PACKET_TAIL;
			copy_run(s->skb, s->p, f, s->seq, s->pos + n - tail, tail);
		}
	}
	f->left -= n;
	s->pos += n;
}

/* Whether an answer without a question, or one to a transfer request, is copied, by how much of its transfer was. */
static __always_inline __u8 transfer_message(struct flow *f, __u64 look, __u32 len)
{
	if (LOOK_CLASS(look) == ZW_QUERY_BROKEN &&
		(!f->in_transfer || f->transfer_id != LOOK_ID(look)))
		return FLOW_SKIP;
	if (!f->in_transfer || f->transfer_id != LOOK_ID(look)) {
		f->in_transfer = 1;
		f->transfer_id = LOOK_ID(look);
		f->transfer = 0;
	} else if (f->transfer + len > TRANSFER_BYTES) {
		return FLOW_TAIL;
	}
	f->transfer += len;
	return FLOW_COPY;
}

/* A message of @len octets begins at the current position; its length was before it, @here: in this segment. */
static __always_inline void begin_message(struct segment *s, __u32 len, bool here)
{
	__u32 avail = s->len - s->pos;
	struct flow *f = s->f;
	__u64 look;

	if (avail > len)
		avail = len;
	look = zw_dns_look(s->skb, s->p->payload + s->pos, avail);
	f->left = len;
	switch (LOOK_KIND(look)) {
	case MESSAGE_PLAIN:
		f->message = FLOW_SKIP;
		break;
	case MESSAGE_TRANSFER:
		f->message = transfer_message(f, look, len);
		break;
	case MESSAGE_SHORT:
		f->message = avail < len ? FLOW_COPY : FLOW_SKIP;
		break;
	default:
		f->message = FLOW_COPY;
	}
	if (f->message == FLOW_SKIP && zw_query_message(s->skb, s->p, s->p->payload + s->pos, avail,
					       MESSAGE_HOW(len, LOOK_CLASS(look))) >= 0)
		return;
	count_message(s->traffic, s->p->direction, 1, look, len + 2, f->message != FLOW_SKIP);
	if (f->message != FLOW_COPY)
		return;
	s->p->flags = ZW_PACKET_BOUNDARY;
	s->p->boundary = s->seq + s->pos - 2;
	if (here) {
		s->pos -= 2;
		f->left += 2;
	} else {
		s->p->prefixed = 1;
		s->p->prefix = len;
	}
}

/* One turn: the rest of the current message, or the beginning of the next. */
static long stream_step(__u32 i, void *ctx)
{
	struct segment *s = ctx;
	struct flow *f = s->f;
	__u8 octet[2];
	bool here;

	if (s->pos >= s->len)
		return 1;
	if (f->left == 0) {
		here = f->held == 0 && s->len - s->pos >= 2;
		if (here) {
			if (bpf_skb_load_bytes(s->skb, s->p->payload + s->pos, octet, 2) < 0)
				return 1;
			f->prefix = octet[0] << 8 | octet[1];
			s->pos += 2;
		} else if (f->held < 2) {
			if (bpf_skb_load_bytes(s->skb, s->p->payload + s->pos, octet, 1) < 0)
				return 1;
			f->prefix = f->prefix << 8 | octet[0];
			s->pos++;
			f->held++;
			if (f->held < 2)
				return 0;
		}
		f->held = 2;
		if (f->prefix == 0) {
			f->held = 0;
			return 0;
		}
		/* What the message is shows in what follows its length. */
		if (s->pos >= s->len)
			return 1;
		f->held = 0;
		begin_message(s, f->prefix, here);
	}
	message_bytes(s);
	return 0;
}

/* From here on nobody knows where messages begin, except perhaps for one place. */
static __always_inline void lose_track(struct flow *f, bool known)
{
	f->mode = FLOW_ALL;
	f->known = known;
	f->boundary = f->next + f->left - f->held;
}

/* Could a message begin with the segment? A length that fits and a header of an opcode in use; a stream that is
 * taken up in its middle has nothing better to go by. */
static __always_inline bool begins_like_message(struct segment *s)
{
	struct {
		__be16 len, id, flags, questions;
	} m;

	if (bpf_skb_load_bytes(s->skb, s->p->payload, &m, sizeof(m)) < 0)
		return false;
	return bpf_ntohs(m.len) >= DNS_HEADER && (bpf_ntohs(m.flags) >> 11 & 0xf) <= 6 &&
	       bpf_ntohs(m.questions) <= 1;
}

static __always_inline void follow_segment(struct segment *s)
{
	struct flow *f = s->f;
	__u32 end = s->seq + s->len;
	__s32 ahead = s->seq - f->next;

	if (f->mode == FLOW_IN_ORDER && ahead > 0)
		lose_track(f, true);
	if (f->mode == FLOW_ALL) {
		__u16 flags = ahead > 0 ? ZW_PACKET_GAP : ahead < 0 ? ZW_PACKET_AGAIN : 0;

		if (s->p->port_flags & ZW_PORT_DNS)
			query_untracked();
		copy_all(s, 0, s->len, flags);
		if ((__s32)(end - f->next) > 0)
			f->next = end;
		return;
	}
	if (ahead < 0) {
		__u32 old = -ahead;

		/* A keep-alive probe repeats the last octet. */
		if (old == 1 && s->len == 1)
			return;
		/* The same bytes once more, or so it says: the receiver may have thrown the first ones away. */
		copy_all(s, 0, old < s->len ? old : s->len, ZW_PACKET_AGAIN);
		if (old >= s->len)
			return;
		s->pos = old;
	}
	bpf_loop(SEGMENT_MESSAGES, stream_step, s, 0);
	f->next = end;
	if (s->pos < s->len) {
		f->next = s->seq + s->pos;
		lose_track(f, true);
		copy_all(s, s->pos, s->len - s->pos, 0);
		f->next = end;
	}
}

/* The state of this direction, made if there is none and the segment is a reason to. Not inline: its stack is
 * wanted back. */
static __noinline struct flow *find_flow(struct segment *s)
{
	const struct packet *p = s->p;
	struct flow *f = bpf_map_lookup_elem(&zw_flows, &p->key);
	bool syn = p->tcp_flags & TCP_SYN;
	struct flow fresh = {};

	if (f && !syn)
		return f;
	if (!syn && s->len == 0)
		return NULL;
	fresh.next = s->seq;
	fresh.midstream = !syn;
	if (p->port_flags & ZW_PORT_CONTROL || (!syn && !begins_like_message(s)))
		fresh.mode = FLOW_ALL;
	if (bpf_map_update_elem(&zw_flows, &p->key, &fresh, BPF_ANY) < 0) {
		zw_count_drop(ZW_DROP_NET_FLOW);
		return NULL;
	}
	return bpf_map_lookup_elem(&zw_flows, &p->key);
}

/* Remembers who writes to the connection, for segments that leave later. */
static __always_inline void note_sender(struct __sk_buff *skb)
{
	struct bpf_sock *sk = sender_socket(skb);
	struct task_struct *task = sk ? zw_sender() : NULL;
	struct zw_wire_owner *o;

	if (!task)
		return;
	o = bpf_sk_storage_get(&zw_owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (o && o->tgid != (__u32)BPF_CORE_READ(task, tgid))
		zw_owner_fill(o, task);
}

/* An event without bytes: a connection begins or ends. */
static __always_inline void tell_connection(struct __sk_buff *skb, struct packet *p)
{
	p->from = p->payload;
	p->bytes = 0;
	p->flags = 0;
	zw_packet_emit(skb, p);
}

#define TCP_ENDS (TCP_FIN | TCP_RST)

static __always_inline void on_tcp(struct __sk_buff *skb, struct packet *p, struct zw_traffic *t)
{
	struct segment s = {
		.skb = skb, .p = p, .traffic = t, .seq = p->seq, .len = p->payload_bytes};
	bool syn = p->tcp_flags & TCP_SYN, opens = syn && !(p->tcp_flags & TCP_ACK);
	bool whose = !(p->port_flags & ZW_PORT_DNS);

	if (p->direction != ZW_DIRECTION_IN && (syn || s.len))
		note_sender(skb);
	if (whose && opens)
		tell_connection(skb, p);
	if (opens && p->direction == ZW_DIRECTION_OUT && p->to_server &&
		p->port_flags & (ZW_PORT_DNS | ZW_PORT_TLS))
		zw_query_leaves(skb, p, 0);
	if (whose)
		t->bytes[p->direction & 3][1] += s.len;
	if (p->port_flags & ZW_PORT_TLS) {
		if (p->tcp_flags & TCP_ENDS)
			tell_connection(skb, p);
		return;
	}
	/* Bytes that come with a SYN follow it (RFC 7413). */
	if (syn)
		s.seq++;
	else if (!s.len && !(p->tcp_flags & TCP_ENDS))
		return;
	s.f = find_flow(&s);
	if (!s.f)
		return;
	if (s.len)
		follow_segment(&s);
	if (!(p->tcp_flags & TCP_ENDS))
		return;
	if (whose || s.f->told) {
		p->seq = s.seq + s.len;
		tell_connection(skb, p);
	}
	bpf_map_delete_elem(&zw_flows, &p->key);
}
