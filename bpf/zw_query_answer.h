/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of servers here: a fingerprint of the records that does not depend on their order or their TTLs, and whether it
 * was seen before for that name, type and port. */
#pragma once

#include "zw_query_count.h"

#define QUICK_RECORDS 4
#define DATA_WORDS 4
#define SHORT_WORDS 2
#define RR_FIXED 10 /* type, class, TTL, length: RFC 1035 4.1.3 */
#define DNS_TYPE_NS 2
#define DNS_TYPE_SOA 6
#define DNS_TYPE_OPT 41
#define DNS_TYPE_RRSIG 46
#define DNS_TC 0x0200
#define DNS_AA 0x0400
#define DNS_RD 0x0100
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3

/* What stands behind the name at @pos, 0 when it does not end. */
static __always_inline __u32 skip_name(const struct query_scratch *s, __u32 pos)
{
	for (int i = 0; i < DNS_MAX_LABELS; i++) {
		__u8 len = s->b[pos & ZW_QUERY_MASK];

		if (pos >= s->len)
			return 0;
		if (len >= 0xc0)
			return pos + 2;
		if (len == 0)
			return pos + 1;
		if (len > 63)
			return 0;
		pos += len + 1;
	}
	return 0;
}

static __always_inline __u16 load16(const struct query_scratch *s, __u32 at)
{
	at &= ZW_QUERY_MASK;
	return s->b[at] << 8 | s->b[at + 1];
}

/* Adds word @n of the @bytes from @pos on to the hash @h. The key is used again for long data, so the place of a word
 * has to matter. */
static __always_inline __u64 add_word(const struct query_scratch *s,
	const struct zw_query_control *c, __u64 h, __u32 pos, __u32 bytes, __u32 n)
{
	__u64 v = *(const __u64 *)(s->b + ((pos + n * 8) & ZW_QUERY_MASK));
	__u32 k = n * 2 & (ZW_QUERY_KEYS - 2);
	__s32 beyond = (__s32)(n * 8 + 8 - bytes);

	/* Without a branch: see query_log2(). */
	v &= ~0ULL >> ((beyond & ~(beyond >> 31)) * 8 & 63);
	return zw_query_mix(h << 7 | h >> 57, v, c->key[k], c->key[k + 1]);
}

/* The same for one of long data. */
static long data_step(__u32 i, void *ctx)
{
	struct query_scratch *s = *(struct query_scratch **)ctx;
	struct zw_query_control *c = query_control();

	if (c)
		s->data = add_word(s, c, s->data, s->data_pos, s->data_bytes, DATA_WORDS + i);
	return 0;
}

/* A hash of @bytes of the message from @pos on and of @type. */
__noinline __u64 zw_query_data(struct query_scratch *s, __u32 pos, __u32 bytes, __u32 type)
{
	struct zw_query_control *c = query_control();
	__u64 h = (__u64)type << 32 | bytes;

	if (!s || !c)
		return 0;
	for (__u32 n = 0; n < DATA_WORDS; n++) {
		if (n * 8 >= bytes)
			return zw_query_finish(h);
		h = add_word(s, c, h, pos, bytes, n);
	}
	s->data = h;
	s->data_pos = pos;
	s->data_bytes = bytes;
	if (bytes > DATA_WORDS * 8)
		bpf_loop((bytes - DATA_WORDS * 8 + 7) / 8, data_step, &s, 0);
	return zw_query_finish(s->data);
}

/* A record as nearly all answers have them: its owner is a pointer, and its data short. False: it is another. */
static __always_inline bool quick_record(struct query_scratch *s, const struct zw_query_control *c)
{
	__u32 pos = s->pos & ZW_QUERY_MASK, bytes;
	const __u8 *rr = s->b + pos;
	__u64 h;

	bytes = rr[11];
	pos += 2 + RR_FIXED;
	/* As short as no signature is. */
	if (rr[0] < 0xc0 || rr[10] != 0 || bytes > SHORT_WORDS * 8 || pos + bytes > s->len)
		return false;
	s->pos = pos + bytes;
	s->done++;
	/* As zw_query_data() has it. */
	h = (__u64)(rr[2] << 8 | rr[3]) << 32 | bytes;
	for (__u32 n = 0; n < SHORT_WORDS && n * 8 < bytes; n++)
		h = add_word(s, c, h, pos, bytes, n);
	s->sum += zw_query_finish(h);
	return true;
}

/* The records are added up. One that signs others is left out: some clients get it and some do not. Names in the data
 * are taken as they are: a server compresses them in the same way each time. */
static long answer_step(__u32 i, void *ctx)
{
	struct query_scratch *s = *(struct query_scratch **)ctx;
	__u32 pos, bytes;
	__u16 type;

	pos = query_forget(s, skip_name(s, s->pos));
	if (pos == 0 || pos + RR_FIXED > s->len)
		return 1;
	type = load16(s, pos);
	bytes = load16(s, pos + 8);
	pos += RR_FIXED;
	if (bytes > s->len - pos)
		return 1;
	s->pos = pos + bytes;
	s->done++;
	if (s->refers && type == DNS_TYPE_SOA) {
		s->denies = 1;
		return 1;
	}
	if (s->refers ? type == DNS_TYPE_NS : type != DNS_TYPE_RRSIG)
		s->sum += zw_query_data(s, pos, bytes, type);
	return 0;
}

/* A referral (RFC 1034 section 4.3.2, step 3b) is told by the name servers in its authority section. */
static __always_inline void add_referral(struct query_scratch *s)
{
	if (!s->counts[2] || s->counts[2] > ZW_QUERY_RECORDS)
		return;
	s->refers = 1;
	s->denies = 0;
	bpf_loop(s->counts[2], answer_step, &s, 0);
	if (s->denies)
		s->sum = 0;
}

/* The place of a slot in @set whose upper half is @tag, ZW_QUERY_WAYS when there is none. */
static __always_inline __u32 tag_way(const struct zw_answer_set *set, __u32 tag)
{
#pragma unroll
	for (__u32 i = 0; i < ZW_QUERY_WAYS; i++)
		if (set->slot[i] >> 32 == tag)
			return i;
	return ZW_QUERY_WAYS;
}

static __always_inline __u32 answer_index(__u64 hash, __u32 none)
{
	__u32 half = zw_answer_sets / 2;

	return (none ? half : 0) + ((__u32)(hash >> 8) & (half - 1));
}

static __always_inline bool answered_with_records(__u64 hash)
{
	__u32 at = answer_index(hash, 0);
	struct zw_answer_set *set = bpf_map_lookup_elem(&zw_query_answers, &at);

	return set && tag_way(set, hash >> 32) < ZW_QUERY_WAYS;
}

/* Those records that quick_record() leaves, and the referral that an answer without any may be. */
__noinline int zw_query_records(struct query_scratch *s)
{
	__u32 records;

	if (!s)
		return 0;
	records = s->counts[1];
	if (records == 0) {
		add_referral(s);
		/* They are no records of the answer. */
		s->done = 0;
	} else if (s->done < records) {
		bpf_loop(records - s->done, answer_step, &s, 0);
	}
	return 0;
}

/* The reasons to tell of an answer that is not known; @key: of its name, type and port. */
static __noinline int new_answer(struct query_scratch *s, struct zw_answer_set *set, __u64 key)
{
	bool changed;

	if (s->counts[1] > 0) {
		changed = tag_way(set, s->answer >> 32) < ZW_QUERY_WAYS;
		return changed ? ZW_QUERY_ANSWER_CHANGED : ZW_QUERY_ANSWER_NEW;
	}
	changed = answered_with_records(key);
	return ZW_QUERY_ANSWER_NONE | (changed ? ZW_QUERY_ANSWER_CHANGED : ZW_QUERY_ANSWER_NEW);
}

/* The reasons to tell of the answer in @s; it is remembered when it is told of, see zw_query_tell(). Of those that have no
 * records, which random names get, so many are kept apart that they cannot drive out the others. */
static __always_inline __u32 look_at_answer(struct query_scratch *s, struct zw_query_totals *t,
	const struct zw_query_control *c, __u16 port)
{
	__u32 records = s->counts[1], rcode = s->flags & 0xf, at;
	struct zw_answer_set *set;
	__u64 key, slot;

	if (s->flags & DNS_TC || (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN))
		return 0;
	if (!s->whole || records > ZW_QUERY_RECORDS) {
		if (s->bytes > ZW_QUERY_MESSAGE_BYTES || records > ZW_QUERY_RECORDS)
			t->answer_long++;
		else
			t->answer_part++;
		return 0;
	}
	s->pos = s->question_end;
	s->done = 0;
	s->sum = 0;
	s->refers = 0;
	for (int i = 0; i < QUICK_RECORDS && s->done < records; i++)
		if (!quick_record(s, c))
			break;
	if (s->done < records || (records == 0 && rcode == RCODE_NOERROR))
		zw_query_records(s);
	if (s->done != records) {
		t->answer_part++;
		return 0;
	}
	key = zw_query_finish(s->name + ((__u64)s->type << 16 | port) * 0xd6e8feb86659fd93ULL);
	slot = (key >> 32) << 32 | (__u32)((s->sum + rcode) >> 16);
	/* 0 is free. */
	slot |= slot == 0;
	s->answer = slot;
	at = s->answer_at = answer_index(key, records == 0);
	set = bpf_map_lookup_elem(&zw_query_answers, &at);
	if (!set)
		return 0;
	if (query_way(set->slot, slot) == ZW_QUERY_WAYS)
		return new_answer(s, set, key);
	t->answer_known++;
	return 0;
}
