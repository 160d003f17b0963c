/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One plain query or answer: parsed once, then counted everywhere. */
#pragma once

#include "zw_query_answer.h"
#include "zw_query_waiting.h"

/* How zw_query_message() is called, beside the length of the message. */
#define MESSAGE_BYTES(how) ((how)&0xffff)
#define MESSAGE_CLASS(how) ((how) >> 16 & 0xff)
/* It is known to be plain, and of which class. Else what could be anything else is not counted. */
#define MESSAGE_SURE (1U << 31)
#define MESSAGE_HOW(bytes, class) (MESSAGE_SURE | (__u32)(class) << 16 | (bytes))
/* See query_message(). */
#define MESSAGE_TOO_LONG (-2)

/* Octets of a message that are copied without a call, and how far into the packet it may begin. */
#define COPY_WORDS 15
#define COPY_OFF 127

/* Labels of a name that are walked at a quick look: those of an IPv6 address backwards are 34 (RFC 3596 2.5). */
#define QUICK_LABELS 40

/* Copies a short message that lies in one piece: what bpf_skb_load_bytes() does at once stalls who reads it next. In the
 * words that a name is hashed by. Not 0: it is another. */
static __always_inline int copy_message(
	struct __sk_buff *skb, struct query_scratch *s, __u32 off, __u32 len)
{
	const void *end = (void *)(long)skb->data_end;
	const void *from = (void *)(long)skb->data, *last, *word;
	__u32 rest = len - DNS_HEADER;

	/* As in take(). */
	asm volatile("" : "+r"(rest), "+r"(off));
	if (off > COPY_OFF || rest > COPY_WORDS * 8)
		return -1;
	asm volatile("" : "+r"(rest), "+r"(off));
	from += off;
	last = from + DNS_HEADER - 8 + rest;
	/* What is compared is what is read. */
	asm volatile("" : "+r"(last));
	if (from + DNS_HEADER > end || last + 8 > end)
		return -1;
	*(__u64 *)(s->b + DNS_HEADER - 8 + rest) = *(const __u64 *)last;
	*(__u64 *)s->b = *(const __u64 *)from;
	*(__u32 *)(s->b + 8) = *(const __u32 *)(from + 8);
	for (__u32 at = 0; at < COPY_WORDS * 8; at += 8) {
		if (at + 8 > rest)
			break;
		word = from + DNS_HEADER + at;
		asm volatile("" : "+r"(word));
		if (word + 8 > end)
			return -1;
		*(__u64 *)(s->b + DNS_HEADER + at) = *(const __u64 *)word;
	}
	return 0;
}

static __always_inline __u16 header16(const struct query_scratch *s, __u32 at)
{
	return bpf_ntohs(*(const __be16 *)(s->b + at));
}

/* Copies what there is of the message, 12 bytes at least, and reads its header; @quick: it may well be short. False: it is not
 * there. */
static __always_inline bool load_message(struct __sk_buff *skb, struct query_scratch *s, __u32 off,
	__u32 avail, __u32 bytes, bool quick)
{
	__u32 len = avail < bytes ? avail : bytes;

	if (len > ZW_QUERY_MESSAGE_BYTES)
		len = ZW_QUERY_MESSAGE_BYTES;
	asm volatile("" : "+r"(len));
	if (len < DNS_HEADER)
		return false;
	asm volatile("" : "+r"(len));
	if (len > ZW_QUERY_MESSAGE_BYTES)
		return false;
	if ((!quick || query_forget(s, copy_message(skb, s, off, len)) != 0) &&
		bpf_skb_load_bytes(skb, off, s->b, len) < 0)
		return false;
	s->len = len;
	s->off = off;
	s->bytes = bytes;
	s->whole = len == bytes;
	s->id = header16(s, 0);
	s->flags = header16(s, 2);
	s->counts[0] = header16(s, 4);
	s->counts[1] = header16(s, 6);
	s->counts[2] = header16(s, 8);
	s->counts[3] = header16(s, 10);
	s->response = s->flags >> 15;
	s->name = 0;
	s->zone = 0;
	return true;
}

/* Finds name and type of the one question: NAME_BROKEN, NAME_CUT, NAME_TOO_LONG when it has @most labels or more, or the
 * type. A name that points elsewhere is broken here: nobody asks so. */
static __always_inline int read_question(
	struct query_scratch *s, const struct zw_query_control *c, int most)
{
	__u32 pos = DNS_HEADER, labels = 0, longest = 0, len = s->len, left;
	__u64 h, w;

	for (int i = 0; i < most; i++) {
		__u32 label;
		int more;

		if (pos >= len)
			return NAME_CUT;
		label = s->b[pos & ZW_QUERY_MASK];
		pos += label + 1;
		if (label == 0)
			break;
		if (label > 63 || pos > DNS_HEADER + 254)
			return NAME_BROKEN;
		/* The larger one, without a branch, which would double the ways the verifier looks at. */
		more = (int)(longest - label);
		more &= ~(more >> 31);
		asm volatile("" : "+r"(more));
		longest = label + more;
		labels++;
	}
	if (labels == (__u32)most)
		return NAME_TOO_LONG;
	if (pos + 4 > len)
		return NAME_CUT;
	s->question_end = pos + 4;
	s->type = load16(s, pos);
	s->labels = labels;
	s->longest = longest;
	s->name_len = pos - DNS_HEADER;
	left = query_forget(s, s->name_len);
	h = left;
#pragma unroll
	for (int i = 0; i < ZW_QUERY_KEYS / 2; i++) {
		w = *(const __u64 *)(s->b + DNS_HEADER + i * 8);
		if (left <= 8)
			w &= ~0ULL >> ((8 - left) * 8 & 63);
		h = zw_query_mix(h, zw_query_fold(w), c->key[i * 2], c->key[i * 2 + 1]);
		if (left <= 8)
			break;
		left -= 8;
	}
	s->name = zw_query_finish(h);
	return s->type;
}

/* --- totals ------------------------------------------------------------------------------------------------ */

static __always_inline void count_totals(struct zw_query_totals *t, const struct query_scratch *s,
	const struct packet *p, bool answers)
{
	__u32 size = query_log2(s->bytes >> 4), cpu = s->cpu, response = s->response & 1, at;
	struct zw_query_cells *cells = bpf_map_lookup_elem(&zw_query_cells, &cpu);
	const struct zw_query_common common = {
		.direction = p->direction,
		.tcp = p->tcp & 1,
		.six = p->family == ZW_AF_INET6,
		.response = response,
		/* AA is two bits beside RD. */
		.flag = s->flags >> (8 + 2 * response) & 1,
		.answers = answers,
		.kind = (response ? s->flags : s->class) & 15,
	};

	if (!cells)
		return;
	at = zw_query_cell_index(&common);
	asm volatile("" : "+r"(size));
	asm volatile("" : "+r"(at));
	at &= ZW_QUERY_CELLS - 1;
	cells->cell[at].messages++;
	cells->cell[at].bytes += s->bytes;
	if (size >= ZW_QUERY_SIZES)
		size = ZW_QUERY_SIZES - 1;
	if (!response) {
		t->query_size[s->side & 1][size]++;
		return;
	}
	t->response_size[s->side & 1][size]++;
	if (s->flags & DNS_TC && s->side == ZW_QUERY_SERVED)
		t->truncated++;
}

/* The OPT record of a query stands right behind the question (RFC 6891 6.1.1 lets it stand anywhere; only signatures
 * come with it, and behind it). */
static __always_inline void count_edns(struct zw_query_totals *t, const struct query_scratch *s)
{
	__u32 at = s->question_end;

	if (s->counts[1] || s->counts[2] || !s->counts[3] || at + 11 > s->len ||
		s->b[at & ZW_QUERY_MASK] != 0 || load16(s, at + 1) != DNS_TYPE_OPT)
		return;
	t->edns++;
	t->dnssec_ok += s->b[(at + 7) & ZW_QUERY_MASK] >> 7;
}

/* --- all together ------------------------------------------------------------------------------------------ */

/* What could be more than a plain message, by what is in @s. */
static __always_inline bool plain(const struct query_scratch *s, int type)
{
	__u32 opcode = s->flags >> 11 & 0xf;

	return opcode == 0 && type >= 0 && type != DNS_TYPE_AXFR && type != DNS_TYPE_IXFR &&
	       type != DNS_TYPE_TKEY;
}

/* By source, server and name. */
static __always_inline void count_by_key(struct __sk_buff *skb, struct packet *p,
	struct query_scratch *s, struct zw_query_totals *t, const struct zw_query_control *c)
{
	__u32 why;

	if (s->side != ZW_QUERY_SERVED) {
		if (!s->response && !p->tcp)
			query_outbound(skb, p, s, t, s->len);
		return;
	}
	why = query_forget(s, count_pair(s, p));
	if (!s->name) {
		t->nameless++;
	} else {
		why |= query_forget(s, count_name(s, p->tcp));
		if (s->response)
			why |= query_forget(s, look_at_answer(s, t, c, p->key.sport));
		else
			count_edns(t, s);
	}
	if (why)
		zw_query_tell(skb, p, s, why, s->len);
}

/* Counts the message at @off of the packet, of which @avail bytes are in it; @how: MESSAGE_HOW(), or its length alone.
 * @p has addresses, ports, family, transport and direction. Its class; -1 when it is not sure and may be more than a plain
 * query or answer, and MESSAGE_TOO_LONG when its name takes more than a @quick look: then nothing is counted. In one
 * piece: on processors that take care where a return leads to, one takes as long as a tenth of all this. */
static __always_inline int query_message(struct __sk_buff *skb, struct packet *p,
	struct query_scratch *s, __u32 off, __u32 avail, __u32 how, bool quick)
{
	bool sure = !quick && how & MESSAGE_SURE, answers = false;
	struct zw_query_control *c = query_control();
	struct zw_query_totals *t;
	int type = NAME_BROKEN;

	s->cpu = bpf_get_smp_processor_id();
	t = query_totals(s);
	if (!t || !c)
		return -1;
	if (!load_message(skb, s, off, avail, MESSAGE_BYTES(how), quick)) {
		if (sure)
			t->headless++;
		return -1;
	}
	if (s->counts[0] == 1 && !(s->flags & 0x7800))
		type = query_forget(s, read_question(s, c, quick ? QUICK_LABELS : DNS_MAX_LABELS));
	if (quick && type == NAME_TOO_LONG)
		return MESSAGE_TOO_LONG;
	if (!sure && !plain(s, type))
		return -1;
	s->class = sure ? MESSAGE_CLASS(how) : query_class(type);
	s->half = c->half & 1;
	s->side = p->direction == (s->response ? ZW_DIRECTION_IN : ZW_DIRECTION_OUT)
			  ? ZW_QUERY_ASKED
			  : ZW_QUERY_SERVED;
	hash_ends(s, p, c);
	s->now_ns = timed(s) ? bpf_ktime_get_ns() : query_clock(s);
	if (s->response)
		answers = end_waiting(t, s, s->wait);
	else
		begin_waiting(t, s, s->wait);
	count_totals(t, s, p, answers);
	count_by_key(skb, p, s, t, c);
	return s->class;
}

/* The same for those that nearly no message takes: verified once, whoever calls it. */
__noinline int zw_query_message(
	struct __sk_buff *skb, struct packet *p, __u32 off, __u32 avail, __u32 how)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct query_scratch *s = bpf_map_lookup_elem(&zw_query_scratch, &cpu);

	return p && s ? query_message(skb, p, s, off, avail, how, false) : -1;
}

/* A segment of DNS over TCP in which nobody can tell messages. */
static __always_inline void query_untracked(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct zw_query_totals *t = bpf_map_lookup_elem(&zw_query_totals, &cpu);

	if (t)
		t->untracked++;
}

/* A message that is no plain query, or a connection, that leaves for a server: @bytes of it. */
__noinline int zw_query_leaves(struct __sk_buff *skb, struct packet *p, __u32 bytes)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct query_scratch *s = bpf_map_lookup_elem(&zw_query_scratch, &cpu);
	struct zw_query_totals *t;

	if (!p || !s)
		return 0;
	s->cpu = cpu;
	s->now_ns = query_clock(s);
	s->name = s->zone = 0;
	s->bytes = bytes;
	t = query_totals(s);
	if (t)
		query_outbound(skb, p, s, t, 0);
	return 0;
}
