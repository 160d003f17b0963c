/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS traffic by minute: totals, and who asked most for what. Pure; what the query lane counted and times come in,
 * minutes go out. Memory is bounded whatever is asked: see engine/tally.h. */
#pragma once

#include "engine/query_book.h"
#include "engine/tally.h"

enum zw_traffic_by {
	ZW_TRAFFIC_SOURCE = 0, /* of a query: struct zw_traffic_source */
	ZW_TRAFFIC_NAME, /* that was asked for: wire form, lower-case; cut where the kernel cuts it */
	ZW_TRAFFIC_ZONE,  /* the served zone it is in, else its last two labels; the same */
	ZW_TRAFFIC_RCODE, /* of responses: uint8_t, of the header */
	ZW_TRAFFIC_TYPE,  /* of queries: uint8_t, enum zw_query_class */
	_ZW_TRAFFIC_BY_MAX,
};

const char *zw_traffic_by_to_string(enum zw_traffic_by v);                   /* "source" */
int zw_traffic_by_from_string(const char *text, enum zw_traffic_by *ret_by); /* 0 or -EINVAL */

/* An address, or a network, whose host bits are zero. */
struct zw_traffic_source {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix;
	uint8_t addr[16]; /* network byte order; IPv4 in the first four */
};

/* The address as it is; @family as socket(2) has it. */
struct zw_traffic_source zw_traffic_source_of(int family, const uint8_t addr[static 16]);
/* Its network, for what is usual of it: /24, or /56, a customer's usual share (RFC 6177). */
struct zw_traffic_source zw_traffic_source_net(const struct zw_traffic_source *source);

/* The text of a key: "192.0.2.7", "www.example.com.", "NXDOMAIN", "AAAA". Printable whatever the key is. */
#define ZW_TRAFFIC_KEY_MAX 1040
void zw_traffic_key_text(enum zw_traffic_by by, const void *key, size_t len,
	char ret_text[static ZW_TRAFFIC_KEY_MAX]);

#define ZW_TRAFFIC_LATENCIES ZW_QUERY_TIMES

/* Of all that was asked of servers here, exactly. */
struct zw_traffic_total {
	struct zw_counts counts;
	uint64_t ipv6;       /* queries */
	uint64_t truncated;  /* responses with TC set */
	uint64_t unanswered; /* queries */
	uint64_t untold;     /* queries for whose source, or whose name, the kernel had no room */
	uint64_t sources, names; /* distinct ones in a second, about: the most there were */
	uint64_t latency[ZW_TRAFFIC_LATENCIES]; /* answered queries by the time that took */
};

void zw_traffic_total_add(struct zw_traffic_total *to, const struct zw_traffic_total *more);

/* The time within which @percent of the answered queries were answered, as the upper bound of its slot; 0: none was. */
uint64_t zw_traffic_latency_ns(
	const uint64_t latency[static ZW_TRAFFIC_LATENCIES], unsigned int percent);

struct zw_traffic_row {
	char *key; /* as text; empty: all others together, so that the rows of a kind sum up to the total */
	struct zw_counts counts;
	double rate; /* queries a second; of zw_traffic_now() alone */
};

struct zw_traffic_rows {
	struct zw_traffic_row *items; /* as ZW_VEC(): the largest first, the others last */
	size_t len, cap;
	uint64_t missed; /* so much of each may be with the others; 0: all are exact */
};

struct zw_traffic_minute {
	uint64_t time_ns;     /* CLOCK_REALTIME of its beginning */
	unsigned int seconds; /* of it that were watched */
	struct zw_traffic_total total;
	struct zw_traffic_rows rows[_ZW_TRAFFIC_BY_MAX];
};

/* Appends a copy. 0 or -ENOMEM. */
int zw_traffic_rows_add(
	struct zw_traffic_rows *rows, const char *key, const struct zw_counts *counts, double rate);
void zw_traffic_minute_done(struct zw_traffic_minute *minute);
#define _zw_traffic_minute_ _zw_cleanup_(zw_traffic_minute_done)

struct zw_traffic_book;

/* Keys of a minute that are told by name, at most; and those that a finding is about besides. */
#define ZW_TRAFFIC_TOP 20

int zw_traffic_new(struct zw_traffic_book **ret_traffic);
void zw_traffic_free(struct zw_traffic_book *traffic);
ZW_DEFINE_CLEANUP(struct zw_traffic_book *, zw_traffic_free);
#define _zw_traffic_free_ _zw_cleanup_(zw_traffic_freep)

/* Takes a reading of about a second in, at @now_ns (CLOCK_BOOTTIME). Its rows are an interval late, so its totals wait
 * for those of the next one. */
void zw_traffic_take(
	struct zw_traffic_book *traffic, const struct zw_query_book *reading, uint64_t now_ns);

/* The same in parts. */
void zw_traffic_add(struct zw_traffic_book *traffic, enum zw_traffic_by by, const void *key,
	size_t len, const struct zw_counts *more, uint64_t now_ns);
void zw_traffic_add_total(
	struct zw_traffic_book *traffic, const struct zw_traffic_total *more, uint64_t now_ns);
/* These messages are all that sources, names and zones were added of, told by row or not: what is in no row of theirs is
 * with the others. Not quite the total, which is read a moment later. */
void zw_traffic_add_listed(struct zw_traffic_book *traffic, const struct zw_counts *more);
struct zw_counts zw_traffic_counts_of(const struct zw_query_counts *n);

/* A key that stays in the minutes however little it is, while a finding is about it. False: too many do already. */
bool zw_traffic_pin(
	struct zw_traffic_book *traffic, enum zw_traffic_by by, const void *key, size_t len);
void zw_traffic_unpin(
	struct zw_traffic_book *traffic, enum zw_traffic_by by, const void *key, size_t len);

/* Once a second. 1: a minute of the wall clock ended and is in *ret_minute; 0: none did; -ENOMEM: it is lost. @last: ends
 * it although it is not over. */
int zw_traffic_tick(struct zw_traffic_book *traffic, uint64_t now_ns, uint64_t real_ns, bool last,
	struct zw_traffic_minute *ret_minute);

/* What is going on: rates, highest first, the @n of each kind, and the counts of the running minute. */
#define ZW_TRAFFIC_SECONDS 60
struct zw_traffic_now {
	struct zw_traffic_total total; /* since the start */
	double query_rate, response_rate;
	uint32_t second[ZW_TRAFFIC_SECONDS]; /* queries of the last seconds, the latest last */
	struct zw_traffic_rows rows[_ZW_TRAFFIC_BY_MAX];
};

int zw_traffic_now(const struct zw_traffic_book *traffic, uint64_t now_ns, size_t n,
	struct zw_traffic_now *ret_now);
void zw_traffic_now_done(struct zw_traffic_now *now);
#define _zw_traffic_now_ _zw_cleanup_(zw_traffic_now_done)
