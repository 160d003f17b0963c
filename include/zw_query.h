/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The query lane: what the programs for packets count of plain queries and their answers, in memory that both sides
 * map, and the hash that names have there. See bpf/zw_query.h for who writes it and user/probe/query.h for who reads.
 *
 * All tables are arrays of sets; a set has ZW_QUERY_WAYS places, and a key can only be in the one set its hash leads
 * to. Each processor has sets of its own, so nothing is counted by two at once, and there are two halves: programs write
 * into one while the other is read and cleared. What is counted is therefore always since the last turn. When a set is full, the
 * entry with the fewest messages makes room and its counts go into the head's `other`: with those, a table always adds up to all
 * that was counted.
 */
#pragma once

#include <zw_wire.h>

#define ZW_QUERY_WAYS 8
/* Of a name, so much is kept. 255 octets are possible, nine names in ten are shorter than 40. */
#define ZW_QUERY_NAME_BYTES 128
/* Longer messages are counted, but their answers are not looked at. */
#define ZW_QUERY_MESSAGE_BYTES 4096
/* Records of an answer that are looked at; of one that has more, none. */
#define ZW_QUERY_RECORDS 64

/* Which end is this host's. */
enum zw_query_side {
	ZW_QUERY_SERVED = 0, /* a server here was asked, from here or elsewhere */
	ZW_QUERY_ASKED,      /* this host asked another */
	_ZW_QUERY_SIDE_MAX,
};

/* The tables with two halves. */
enum zw_query_table {
	ZW_QUERY_SOURCES = 0, /* struct zw_query_source */
	ZW_QUERY_SERVERS, /* struct zw_query_server; together with the sources, so with the same `other` */
	ZW_QUERY_NAMES, /* struct zw_query_name */
	ZW_QUERY_ZONES, /* struct zw_query_zone */
	_ZW_QUERY_TABLE_MAX,
};

/* Why there is an event: bits of struct zw_wire_query. */
enum zw_query_why {
	ZW_QUERY_NEW_NAME = 1 << 0,       /* not asked for lately, as far as is remembered */
	ZW_QUERY_NEW_SOURCE = 1 << 1,     /* an address that has not asked lately */
	ZW_QUERY_ANSWER_NEW = 1 << 2,     /* first answer to this name, type and port */
	ZW_QUERY_ANSWER_CHANGED = 1 << 3, /* another than those that were seen before */
	ZW_QUERY_OUTBOUND_NEW =
		1 << 4, /* a program of this host asks a server it has not asked lately */
	ZW_QUERY_ANSWER_NONE = 1 << 5, /* beside ANSWER_*: it has no records, or an error */
};
#define ZW_QUERY_WHYS 6 /* bits */

/* Of messages. Sizes are those of the DNS message, without what carries it. */
struct zw_query_counts {
	__u64 queries;
	__u64 responses;
	__u64 nxdomain; /* of the responses */
	__u64 refused;
	__u64 servfail;
	__u64 tcp; /* of the queries */
	__u64 query_bytes;
	__u64 response_bytes;
};

static inline void zw_query_counts_add(struct zw_query_counts *to, const struct zw_query_counts *n)
{
	to->queries += n->queries;
	to->responses += n->responses;
	to->nxdomain += n->nxdomain;
	to->refused += n->refused;
	to->servfail += n->servfail;
	to->tcp += n->tcp;
	to->query_bytes += n->query_bytes;
	to->response_bytes += n->response_bytes;
}

/* Who asks a server here. */
struct zw_query_source {
	__u8 addr[16]; /* network order, IPv4 in the first four bytes */
	__u32 types;   /* bits of enum zw_query_class that were asked for */
	__u8 family;
	__u8 reserved[3];
	struct zw_query_counts n;
};

/* Both ends: what the kernel counts by. A client asks few servers, so it is one lookup where two would be. */
struct zw_query_pair {
	__u8 client[16];
	__u8 server[16];
	__u32 types;
	__u16 port; /* of the server */
	__u8 family;
	__u8 reserved;
	struct zw_query_counts n;
};

/* A server here, by the address it is asked at. */
struct zw_query_server {
	__u8 addr[16];
	__u16 port;
	__u8 family;
	__u8 reserved[5];
	struct zw_query_counts n;
};

/* A name that was asked for. */
struct zw_query_name {
	__u64 hash;  /* zw_query_hash() */
	__u64 zone;  /* the same of its zone: see struct zw_query_zone */
	__u32 types; /* bits of enum zw_query_class */
	__u8 len;    /* of the whole name in wire form */
	__u8 labels;
	__u8 longest; /* octets of its longest label */
	__u8 reserved;
	struct zw_query_counts n;
	__u8 name[ZW_QUERY_NAME_BYTES]; /* wire form, lower-case; cut when `len` is more */
};

/* 2^6 registers (Flajolet et al. 2007): the standard error of an estimate is 1.04 / sqrt(64), 13 %. */
#define ZW_QUERY_ZONE_REGISTERS 64
/* Of the head: 6.5 %. */
#define ZW_QUERY_REGISTERS 256

/* A served zone, the one closest to the name; of a name in none of them, its last two labels. In the half that programs
 * write, `n` is only what those of its names had that made room for others; as read, all of it. */
struct zw_query_zone {
	__u64 hash;     /* of its name */
	__u32 inserted; /* names that got a place in the table of names, again when they had to leave */
	__u8 served;  /* 0: the last two labels */
	__u8 len;     /* of its name in wire form */
	__u8 longest; /* octets of the longest label that was asked for */
	__u8 reserved;
	struct zw_query_counts n;
	__u8 names[ZW_QUERY_ZONE_REGISTERS]; /* distinct ones */
	__u8 name[ZW_QUERY_NAME_BYTES];      /* as in struct zw_query_name */
};

/* One for each half and processor. */
struct zw_query_head {
	__u64 evictions[_ZW_QUERY_TABLE_MAX];
	struct zw_query_counts other[_ZW_QUERY_TABLE_MAX]; /* of those that had to leave */
	__u8 sources[ZW_QUERY_REGISTERS];                  /* distinct ones */
	__u8 names[ZW_QUERY_REGISTERS];
};

#define ZW_QUERY_SIZES 16 /* [i]: less than 32 << i octets, the last: all above */
#define ZW_QUERY_TIMES 24 /* [i]: less than 1024 << i ns, the last: all above */

#define ZW_QUERY_TIMED 16

/* Messages and their octets. One for each combination of what a message is counted by, and each processor, since the start:
 * so it takes one place in memory to count one. */
struct zw_query_cell {
	__u64 messages;
	__u64 bytes;
};

#define ZW_QUERY_CELLS 2048

struct zw_query_cells {
	struct zw_query_cell cell[ZW_QUERY_CELLS];
};

/* What the messages of a cell have in common; each less than 2 but where it says so. */
struct zw_query_common {
	__u32 direction; /* enum zw_direction */
	__u32 tcp;
	__u32 six; /* IPv6 */
	__u32 response;
	__u32 flag;    /* of queries: RD, of responses: AA */
	__u32 answers; /* a response to a query that waited */
	__u32 kind;    /* less than 16; of queries: enum zw_query_class, of responses: the rcode */
};

static inline __u32 zw_query_cell_index(const struct zw_query_common *c)
{
	return c->direction << 9 | c->tcp << 8 | c->six << 7 | c->response << 6 | c->flag << 5 |
	       c->answers << 4 | c->kind;
}

static inline struct zw_query_common zw_query_cell_common(__u32 index)
{
	const struct zw_query_common c = {
		.direction = index >> 9,
		.tcp = index >> 8 & 1,
		.six = index >> 7 & 1,
		.response = index >> 6 & 1,
		.flag = index >> 5 & 1,
		.answers = index >> 4 & 1,
		.kind = index & 15,
	};

	return c;
}

/* One for each processor, since the start. All numbers are exact. What is marked so is 0 there, and added from the cells
 * by who reads. */
struct zw_query_totals {
	/* [side][0: UDP, 1: TCP][0: IPv4, 1: IPv6]; from the cells down to `rcode` */
	__u64 query[_ZW_QUERY_SIDE_MAX][2][2];
	__u64 response[_ZW_QUERY_SIDE_MAX][2][2];
	__u64 query_bytes[_ZW_QUERY_SIDE_MAX];
	__u64 response_bytes[_ZW_QUERY_SIDE_MAX];
	__u64 type[_ZW_QUERY_SIDE_MAX][_ZW_QUERY_MAX]; /* of the queries */
	__u64 rcode[_ZW_QUERY_SIDE_MAX][16];           /* of the responses */
	__u64 query_size[_ZW_QUERY_SIDE_MAX][ZW_QUERY_SIZES];
	__u64 response_size[_ZW_QUERY_SIDE_MAX][ZW_QUERY_SIZES];
	/* From a query to its answer, of one query in ZW_QUERY_TIMED, which ones chance decides: to look at the clock takes as
	 * long as all the rest of it. */
	__u64 time[_ZW_QUERY_SIDE_MAX][ZW_QUERY_TIMES];
	/* query = answered + unanswered + repeated + displaced + those that wait still */
	__u64 answered[_ZW_QUERY_SIDE_MAX]; /* from the cells */
	__u64 unanswered
		[_ZW_QUERY_SIDE_MAX];        /* after ZW_QUERY_PATIENCE_NS; counted by the reader */
	__u64 repeated[_ZW_QUERY_SIDE_MAX];  /* asked again before there was an answer */
	__u64 displaced[_ZW_QUERY_SIDE_MAX]; /* too many waited: nobody knows what became of them */
	__u64 unasked[_ZW_QUERY_SIDE_MAX];   /* answers to no query that waits */
	/* Of the queries served. */
	__u64 edns;
	__u64 dnssec_ok;
	__u64 recursion; /* RD is set; from the cells */
	/* Of the responses served. */
	__u64 truncated;     /* TC is set */
	__u64 authoritative; /* from the cells */
	/* Counted above, but for a name, or an answer, that could not be read. */
	__u64 nameless;     /* served: broken, cut, no question or several */
	__u64 headless;     /* not counted above: not even the header was in one packet */
	__u64 untracked;    /* the same: segments of TCP streams that nobody can tell messages in */
	__u64 answer_long;  /* not compared: beyond ZW_QUERY_MESSAGE_BYTES or ZW_QUERY_RECORDS */
	__u64 answer_part;  /* not all in one packet */
	__u64 answer_known; /* compared: as before */
	__u64 answer_evicted;      /* answers that were forgotten to remember others */
	__u64 told[ZW_QUERY_WHYS]; /* events, by reason; one may have several */
	/* Not told of, since there were too many in this second. A name or a source is known nevertheless; an answer is not: it
	 * is told of, or counted here once more, each time it is given until then. */
	__u64 limited[ZW_QUERY_WHYS];
	__u64 ring_full[ZW_QUERY_WHYS]; /* the same, since nobody took the events */
	__u64 outbound_new;             /* pairs of program and server that were remembered */
	__u64 outbound_full;            /* queries that left and could not be remembered */
};

/* How long an answer may take. Resolvers give up after five seconds (RFC 1035 4.2.1 recommends two to five). */
#define ZW_QUERY_PATIENCE_NS 5000000000ULL

/* Whom a program of this host asks. In the map zw_outbound. */
struct zw_outbound_key {
	__u8 addr[16]; /* of the server */
	__u64 exe_dev; /* of the program that asks; 0: not known */
	__u64 exe_ino;
	__u32 netns;
	__u32 uid;
	__u16 port;
	__u8 family;
	__u8 proto;
	__u32 reserved;
};

struct zw_outbound {
	__u64 first_ns;
	__u64 last_ns;
	__u64 queries; /* over TCP or TLS: connections */
	__u64 bytes;
	struct zw_wire_owner process; /* the last one of that program */
};

/* The map zw_query_control: one, written by user space but for the buckets. */
#define ZW_QUERY_KEYS 64
#define ZW_QUERY_DEPTHS 128

struct zw_query_bucket {
	__u64 window_ns; /* when the current second began */
	__u64 taken;     /* in it */
};

struct zw_query_control {
	__u32 half;                        /* that is written */
	__u32 filter;                      /* of zw_known: the one that learns */
	__u32 limit[ZW_QUERY_WHYS];        /* events in a second, by reason */
	__u32 key[ZW_QUERY_KEYS];          /* of the hash; random */
	__u64 depth[ZW_QUERY_DEPTHS / 64]; /* bits: some served zone has so many labels */
	struct zw_query_bucket bucket[ZW_QUERY_WHYS];
};

/* --- how the tables are laid out ----------------------------------------------------------------------------- */

/* The index of a set: (half * processors + processor) * sets of one + what the hash says. Key 0: free. */
struct zw_pair_set {
	__u64 key[ZW_QUERY_WAYS];
	struct zw_query_pair e[ZW_QUERY_WAYS];
};

struct zw_name_set {
	__u64 key[ZW_QUERY_WAYS];
	struct zw_query_name e[ZW_QUERY_WAYS];
};

struct zw_zone_set {
	__u64 key[ZW_QUERY_WAYS];
	struct zw_query_zone e[ZW_QUERY_WAYS];
};

/* Queries that wait. The upper 32 bits of a slot tell them apart, below is when they came (CLOCK_MONOTONIC), in units of 256 ns but for
 * the two lowest bits: 1, and which side asked. 0: free. The first ZW_PENDING_NEAR sets are for nearly all of them, who wait for some
 * microseconds: so few that they stay in the cache of a processor. The oldest of a full one goes on to the sets behind those. */
#define ZW_PENDING_WAYS 4
#define ZW_PENDING_NEAR 512
#define ZW_PENDING_TIME_BITS 32
#define ZW_PENDING_TIME_UNIT 8
#define ZW_PENDING_TIME_MASK ((1ULL << ZW_PENDING_TIME_BITS) - 1)

struct zw_pending_set {
	__u64 slot[ZW_PENDING_WAYS];
};

/* How long the query of @slot has waited, in ns, up to 9 minutes. Nothing if it came by a clock that is ahead of the one of
 * @now_ns: one is exact, and one a few milliseconds behind. */
static inline __u64 zw_pending_age(__u64 slot, __u64 now_ns)
{
	__u32 age = (__u32)(now_ns >> ZW_PENDING_TIME_UNIT | 3) - (__u32)slot;

	return (__u64)(age & ~(__u32)((__s32)age >> 31)) << ZW_PENDING_TIME_UNIT;
}

/* Answers seen: (name, type, port) in the upper half, what was answered in the lower. 0: free. */
struct zw_answer_set {
	__u64 slot[ZW_QUERY_WAYS];
};

/* --- the hash ------------------------------------------------------------------------------------------ */

/* Eight octets of a name with their letters in lower case. The lengths of labels are below 'A'. */
static inline __u64 zw_query_fold(__u64 w)
{
	__u64 low = w & 0x7f7f7f7f7f7f7f7fULL;
	__u64 from_a = low + 0x3f3f3f3f3f3f3f3fULL; /* 0x80 - 'A' */
	__u64 past_z = low + 0x2525252525252525ULL; /* 0x7f - 'Z' */
	__u64 upper = (from_a ^ past_z) & ~w & 0x8080808080808080ULL;

	return w | upper >> 2;
}

/* NH (Black et al. 1999, UMAC): with a random key, two given names have the same hash with a probability of 2^-32,
 * whoever chose them. @k: two of the key, at twice the place of the word. */
static inline __u64 zw_query_mix(__u64 h, __u64 w, __u32 k0, __u32 k1)
{
	return h + (__u64)((__u32)w + k0) * (__u64)((__u32)(w >> 32) + k1);
}

static inline __u64 zw_query_finish(__u64 h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	h ^= h >> 29;
	/* 0 stands for none. */
	return h | 1;
}

#ifndef __bpf__
/* Of a name in wire form of @len octets, 255 at most, as the programs make it. Little-endian hosts. */
static inline __u64 zw_query_hash(
	const __u32 key[ZW_QUERY_KEYS], const void *name, unsigned int len)
{
	__u64 h = len;

	for (unsigned int at = 0; at < len; at += 8) {
		__u64 w = 0;

		__builtin_memcpy(&w, (const char *)name + at, len - at < 8 ? len - at : 8);
		h = zw_query_mix(h, zw_query_fold(w), key[at / 4], key[at / 4 + 1]);
	}
	return zw_query_finish(h);
}
#endif

ZW_ASSERT_SIZE(struct zw_query_counts, 64);
ZW_ASSERT_SIZE(struct zw_query_source, 24 + 64);
ZW_ASSERT_SIZE(struct zw_query_server, 24 + 64);
ZW_ASSERT_SIZE(struct zw_query_pair, 40 + 64);
ZW_ASSERT_SIZE(struct zw_query_name, 24 + 64 + ZW_QUERY_NAME_BYTES);
ZW_ASSERT_SIZE(struct zw_query_zone, 16 + 64 + ZW_QUERY_ZONE_REGISTERS + ZW_QUERY_NAME_BYTES);
ZW_ASSERT_SIZE(struct zw_query_head, _ZW_QUERY_TABLE_MAX *(8 + 64) + 2 * ZW_QUERY_REGISTERS);
ZW_ASSERT_SIZE(struct zw_query_cells, 16 * ZW_QUERY_CELLS);
ZW_ASSERT_SIZE(struct zw_outbound_key, 48);
ZW_ASSERT_SIZE(struct zw_outbound, 32 + sizeof(struct zw_wire_owner));
ZW_ASSERT_SIZE(struct zw_query_control,
	8 + 4 * ZW_QUERY_WHYS + 4 * ZW_QUERY_KEYS + ZW_QUERY_DEPTHS / 8 + 16 * ZW_QUERY_WHYS);
