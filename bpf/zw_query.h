/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of the query lane: see include/zw_query.h for what is counted. All are arrays, whose lookups are a few
 * instructions and no call, sized by the agent before loading and mapped by it.
 *
 * A table is written by one program at a time: packets are handled with soft interrupts off, so that nothing else that
 * counts runs on the same processor, and each has sets of its own. What all of them share (queries that wait, answers that
 * were seen, names that were) takes one word for each item and atomic operations.
 */
#pragma once

#include "zw_packet.h"

#include <zw_query.h>

#define ZW_QUERY_MASK (ZW_QUERY_MESSAGE_BYTES - 1)
/* Behind the last byte, for loads of eight. */
#define ZW_QUERY_SLACK 264

/* How the tables are laid out; powers of two for each half and processor. */
const volatile __u32 zw_query_cpus = 1;
const volatile __u32 zw_query_sets[_ZW_QUERY_TABLE_MAX] = {1, 1, 1, 1};
const volatile __u32 zw_pending_far_sets = ZW_PENDING_NEAR; /* no fewer */
const volatile __u32 zw_answer_sets = 2; /* the upper half is for answers without records */
const volatile __u32 zw_known_words = 1; /* of each filter */

#define QUERY_ARRAY(map, item)                     \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1);            \
		__type(key, __u32);                \
		__type(value, item);               \
	} map SEC(".maps")

/* One message at a time on each processor. */
struct query_scratch {
	struct packet packet;
	__u64 now_ns;  /* CLOCK_MONOTONIC, to some milliseconds unless it is timed */
	__u64 tick;    /* of the kernel's, */
	__u64 tick_ns; /* and the clock at the first message in it */
	__u64 name;    /* hash; 0: none */
	__u64 zone;    /* when it was looked for */
	__u64 client;  /* hashes of its address, */
	__u64 pair;    /* of both with the server's port, */
	__u64 wait;    /* and of all that an answer has in common with its query */
	__u32 len;     /* of the message in `b` */
	__u32 off;     /* where it begins in the packet */
	__u32 bytes;   /* of the whole message */
	__u32 cpu;
	__u32 half;       /* of the tables */
	__u32 link_bytes; /* of the header before the network's, without tags: Ethernet's, or 0 */
	__u32 question_end;
	__u32 pos;                  /* in the answer section */
	__u32 any;                  /* see query_forget() */
	__u32 left;                 /* labels from there on */
	__u32 zone_at;              /* where the zone's name begins */
	__u32 done;                 /* records of it */
	__u64 sum;                  /* of their hashes */
	__u64 answer;               /* the slot to remember when it is told of, */
	__u32 answer_at;            /* and the index of its set */
	__u64 data;                 /* the hash of one's data, */
	__u32 data_pos, data_bytes; /* and where that is */
	__u16 id, flags, type;
	__u16 counts[4];
	__u8 class;    /* enum zw_query_class */
	__u8 name_len; /* wire form */
	__u8 labels, longest;
	__u8 response, side, served;
	__u8 whole;  /* all of it is in `b` */
	__u8 refers; /* there are no answers: of the records, name servers count, */
	__u8 denies; /* unless a SOA says that there is nothing */
	/* The message, as much as fits; its beginning next to what is kept of it. */
	__u8 b[ZW_QUERY_MESSAGE_BYTES + ZW_QUERY_SLACK];
	struct zw_outbound_key outbound_key;
	struct zw_outbound outbound;
};

QUERY_ARRAY(zw_query_control, struct zw_query_control);
QUERY_ARRAY(zw_query_cells, struct zw_query_cells);
QUERY_ARRAY(zw_query_totals, struct zw_query_totals);
QUERY_ARRAY(zw_query_heads, struct zw_query_head);
QUERY_ARRAY(zw_query_pairs, struct zw_pair_set);
QUERY_ARRAY(zw_query_names, struct zw_name_set);
QUERY_ARRAY(zw_query_zones, struct zw_zone_set);
QUERY_ARRAY(zw_query_pending, struct zw_pending_set);
QUERY_ARRAY(zw_query_answers, struct zw_answer_set);
QUERY_ARRAY(zw_query_scratch, struct query_scratch);
/* Names and sources that were there: two filters of bits (Bloom 1970), the second behind the first. */
QUERY_ARRAY(zw_query_known, __u64);

/* Hashes of the names of zones that are served. The value is how often. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} zw_query_served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct zw_outbound_key);
	__type(value, struct zw_outbound);
} zw_outbound SEC(".maps");

/* Events, apart from those that tell of changes, so that they cannot take their room. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} zw_query_ring SEC(".maps");

/* @v, of which the verifier knows nothing afterwards: so it looks at what follows once, and not once for each way that
 * led here. */
static __always_inline __u32 query_forget(struct query_scratch *s, __u32 v)
{
	s->any = v;
	asm volatile("" ::: "memory");
	return s->any;
}

/* CLOCK_MONOTONIC, to some milliseconds: the coarse clock goes on once a tick, and the number of ticks is read in place
 * where the clock is two calls. */
static __always_inline __u64 query_clock(struct query_scratch *s)
{
	__u64 tick = bpf_jiffies64();

	if (s->tick != tick) {
		s->tick = tick;
		s->tick_ns = bpf_ktime_get_coarse_ns();
	}
	return s->tick_ns;
}

static __always_inline struct zw_query_control *query_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&zw_query_control, &zero);
}

static __always_inline struct zw_query_totals *query_totals(const struct query_scratch *s)
{
	__u32 cpu = s->cpu;

	return bpf_map_lookup_elem(&zw_query_totals, &cpu);
}

static __always_inline struct zw_query_head *query_head(const struct query_scratch *s)
{
	__u32 at = s->half * zw_query_cpus + s->cpu;

	return bpf_map_lookup_elem(&zw_query_heads, &at);
}

/* Which set a hash leads to. Its lowest bit is always the same. */
static __always_inline __u32 query_set(const struct query_scratch *s, __u32 table, __u64 hash)
{
	__u32 sets = zw_query_sets[table];

	return (s->half * zw_query_cpus + s->cpu) * sets + ((__u32)(hash >> 8) & (sets - 1));
}

/* The place of @key in the keys of a set, ZW_QUERY_WAYS when it is not there. */
static __always_inline __u32 query_way(const __u64 *keys, __u64 key)
{
#pragma unroll
	for (__u32 i = 0; i < ZW_QUERY_WAYS; i++)
		if (keys[i] == key)
			return i;
	return ZW_QUERY_WAYS;
}

/* The position of the highest bit of @v, which is less than 2^62; 0 for none. Without branches, for the same reason. */
static __always_inline __u32 query_log2(__u64 v)
{
	__u64 r = 0, n;

#define STEP(bits)                                       \
	n = (((1ULL << (bits)) - 1 - v) >> 63) * (bits); \
	v >>= n;                                         \
	r += n
	STEP(32);
	STEP(16);
	STEP(8);
	STEP(4);
	STEP(2);
	STEP(1);
#undef STEP
	/* 6.1 does not see that it is small. */
	asm volatile("" : "+r"(r));
	return r & 63;
}

/* A register of an estimate of distinct keys keeps the rarest pattern it saw. @n is a power of two. */
static __always_inline void query_register(__u8 *registers, __u32 n, __u64 hash)
{
	__u64 h = hash * 0xd6e8feb86659fd93ULL;
	__u32 at, rank;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	at = (__u32)(h >> 56) & (n - 1);
	/* Zeros behind the lowest bit of the others. */
	h &= (1ULL << 56) - 1;
	rank = h ? query_log2(h & -h) + 1 : 57;
	if (registers[at] < rank)
		registers[at] = rank;
}
