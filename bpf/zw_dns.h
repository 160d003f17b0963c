/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a DNS message is about, by its header and the type in its question (RFC 1035 4.1, RFC 2136 2.2): enough to
 * tell what can change a zone from what cannot. Everything else about a message is decided in user space.
 */
#pragma once

#include "zw_kernel.h"

#include <zw_wire.h>

#define DNS_HEADER 12
#define DNS_OPCODE_NOTIFY 4
#define DNS_OPCODE_UPDATE 5
#define DNS_TYPE_TKEY 249
#define DNS_TYPE_IXFR 251
#define DNS_TYPE_AXFR 252

/* Bytes of a message that are looked at in one piece; nine names in ten end in them. */
#define DNS_HEAD 96
#define DNS_QUESTION (DNS_HEAD - DNS_HEADER)
/* Labels that are walked in it, then one by one: a name has 127 at most. */
#define DNS_FAST_LABELS 12
#define DNS_MAX_LABELS 128

enum message_kind {
	MESSAGE_PLAIN = 0, /* counted only */
	MESSAGE_CONTROL,   /* copied whole */
	MESSAGE_TRANSFER,  /* an answer to AXFR or IXFR, or one that could be: it has no question */
	MESSAGE_SHORT,     /* its question is not all there */
};

/* What zw_dns_look() found, in one register: global functions return nothing larger. */
#define LOOK(kind, class, flags, id) \
	((__u64)(kind) | (__u64)(class) << 8 | (__u64)(flags) << 16 | (__u64)(id) << 32)
#define LOOK_KIND(look) ((__u8)(look))
#define LOOK_CLASS(look) ((__u8)((look) >> 8))
#define LOOK_FLAGS(look) ((__u16)((look) >> 16)) /* as in the header: QR 0x8000, rcode 0x000f */
#define LOOK_ID(look) ((__u16)((look) >> 32))
#define DNS_QR 0x8000

#define NAME_TOO_LONG (-1)
#define NAME_BROKEN (-2)
#define NAME_CUT (-3)

/* Where the name that begins at @off ends, label by label. */
struct name_walk {
	struct __sk_buff *skb;
	__u32 off, end;
	int result;
};

static long name_step(__u32 i, void *ctx)
{
	struct name_walk *w = ctx;
	__u8 len;

	w->result = NAME_CUT;
	if (w->off >= w->end || bpf_skb_load_bytes(w->skb, w->off, &len, 1) < 0)
		return 1;
	if (len == 0 || len >= 0xc0) {
		w->result = 0;
		w->off += len ? 2 : 1;
		return 1;
	}
	w->result = NAME_BROKEN;
	if (len > 63)
		return 1;
	w->off += len + 1;
	return 0;
}

/* The type in a question whose name begins at @off and which ends before @end; NAME_BROKEN, NAME_CUT. */
__noinline int zw_dns_long_name(struct __sk_buff *skb, __u32 off, __u32 end)
{
	struct name_walk w = {.skb = skb, .off = off, .end = end, .result = NAME_BROKEN};
	__be16 type;

	bpf_loop(DNS_MAX_LABELS, name_step, &w, 0);
	if (w.result < 0)
		return w.result;
	if (w.off + 2 > w.end || bpf_skb_load_bytes(skb, w.off, &type, sizeof(type)) < 0)
		return NAME_CUT;
	return bpf_ntohs(type);
}

/* The same over @len bytes at @q, which has room for DNS_QUESTION; NAME_TOO_LONG when it takes longer. A
 * compression pointer ends the name: servers follow one that points into the header. */
static __always_inline int question_type(const __u8 *q, __u32 len)
{
	__u32 pos = 0;

	for (int i = 0; i < DNS_FAST_LABELS; i++) {
		__u8 label;

		if (pos > DNS_QUESTION - 4)
			return NAME_TOO_LONG;
		label = q[pos];
		if (label == 0 || label >= 0xc0) {
			pos += label ? 2 : 1;
			if (pos + 2 > len)
				return NAME_CUT;
			return q[pos] << 8 | q[pos + 1];
		}
		if (label > 63)
			return NAME_BROKEN;
		pos += label + 1;
	}
	return NAME_TOO_LONG;
}

static __always_inline __u8 query_class(int type)
{
	switch (type) {
	case 1:
		return ZW_QUERY_A;
	case 2:
		return ZW_QUERY_NS;
	case 6:
		return ZW_QUERY_SOA;
	case 12:
		return ZW_QUERY_PTR;
	case 15:
		return ZW_QUERY_MX;
	case 16:
		return ZW_QUERY_TXT;
	case 28:
		return ZW_QUERY_AAAA;
	case 33:
		return ZW_QUERY_SRV;
	case 43:
		return ZW_QUERY_DS;
	case 48:
		return ZW_QUERY_DNSKEY;
	case 65:
		return ZW_QUERY_HTTPS;
	case 255:
		return ZW_QUERY_ANY;
	default:
		return ZW_QUERY_OTHER;
	}
}

/* Looks at the message at @off of which @avail bytes, one at least, are in @skb; LOOK(). */
__noinline __u64 zw_dns_look(struct __sk_buff *skb, __u32 off, __u32 avail)
{
	struct {
		__be16 id, flags, questions, counts[3];
		__u8 question[DNS_QUESTION];
	} m = {};
	__u32 len = avail;
	__u16 flags, opcode, id;
	int type;

	if (len > sizeof(m))
		len = sizeof(m);
	/* The barriers keep the compiler from reasoning a bound away, or two into one, before the verifier sees them. */
	asm volatile("" : "+r"(len));
	if (len < DNS_HEADER)
		return LOOK(MESSAGE_SHORT, ZW_QUERY_BROKEN, 0, 0);
	asm volatile("" : "+r"(len));
	if (len > sizeof(m) || bpf_skb_load_bytes(skb, off, &m, len) < 0)
		return LOOK(MESSAGE_SHORT, ZW_QUERY_BROKEN, 0, 0);
	id = bpf_ntohs(m.id);
	flags = bpf_ntohs(m.flags);
	opcode = flags >> 11 & 0xf;
	if (opcode == DNS_OPCODE_UPDATE || opcode == DNS_OPCODE_NOTIFY)
		return LOOK(MESSAGE_CONTROL, ZW_QUERY_OTHER, flags, id);
	if (opcode != 0)
		return LOOK(MESSAGE_PLAIN, ZW_QUERY_OTHER, flags, id);
	if (m.questions == 0)
		return LOOK(flags & DNS_QR ? MESSAGE_TRANSFER : MESSAGE_PLAIN, ZW_QUERY_BROKEN,
			flags, id);
	type = question_type(m.question, len - DNS_HEADER);
	if (type == NAME_TOO_LONG || (type == NAME_CUT && avail > len))
		type = zw_dns_long_name(skb, off + DNS_HEADER, off + avail);
	if (type == NAME_CUT)
		return LOOK(MESSAGE_SHORT, ZW_QUERY_BROKEN, flags, id);
	if (type < 0)
		return LOOK(MESSAGE_PLAIN, ZW_QUERY_BROKEN, flags, id);
	if (type == DNS_TYPE_AXFR || type == DNS_TYPE_IXFR)
		return LOOK(flags & DNS_QR ? MESSAGE_TRANSFER : MESSAGE_CONTROL, ZW_QUERY_OTHER,
			flags, id);
	if (type == DNS_TYPE_TKEY)
		return LOOK(MESSAGE_CONTROL, ZW_QUERY_OTHER, flags, id);
	return LOOK(MESSAGE_PLAIN, query_class(type), flags, id);
}
