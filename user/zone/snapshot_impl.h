/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of snapshots and of their builder. Private to zone/. */
#pragma once

#include "dns/name.h"
#include "zone/snapshot.h"
#include "zone/pool.h"

/* Rdata of up to 4 octets (every A record) stands in the record itself. */
#define ZW_RDATA_INLINE_MAX 4
#define ZW_RDATA_IS_TEXT 0xffff

struct zw_rec {
	uint32_t owner; /* text offset: equal exactly for equal names in a snapshot and its heirs */
	union {
		uint32_t text;
		uint8_t bytes[ZW_RDATA_INLINE_MAX]; /* the unused ones are 0 */
	} rdata;
	uint32_t ttl;
	uint16_t type;
	uint16_t rdata_len; /* of inline rdata, else ZW_RDATA_IS_TEXT */
};
_Static_assert(sizeof(struct zw_rec) == 16, "the memory budget counts on 16 bytes a record");

/* Sum modulo 2^128 over the records of two independent keyed hashes. */
struct zw_digest {
	uint64_t a, b;
};

struct zw_snapshot {
	unsigned int refs; /* atomic */
	uint32_t count;
	uint32_t order_len;
	uint32_t soa; /* index of the apex SOA, UINT32_MAX: none */
	struct zw_rec *recs;
	uint32_t *order; /* n-th record read -> index into recs */
	struct zw_pool text;
	size_t dead; /* at most so many octets of text are no longer used */
	struct zw_hash_key key;
	struct zw_digest digest;
	uint8_t origin_len;
	uint8_t origin[];
};

static inline const uint8_t *zw_rec_rdata(
	const struct zw_pool *text, const struct zw_rec *rec, uint16_t *ret_len)
{
	if (rec->rdata_len == ZW_RDATA_IS_TEXT)
		return zw_pool_rdata(text, rec->rdata.text, ret_len);
	*ret_len = rec->rdata_len;
	return rec->rdata.bytes;
}

static inline const uint8_t *zw_rec_owner(
	const struct zw_pool *text, const struct zw_rec *rec, size_t *ret_len)
{
	return zw_pool_name(text, rec->owner, ret_len);
}

/* Octets of @rec in the text, as if it shared none. */
size_t zw_rec_text_size(const struct zw_pool *text, const struct zw_rec *rec);

/* Order of two records by type and rdata, owner and TTL aside. */
int zw_rec_cmp_data(const struct zw_pool *text, const struct zw_rec *a, const struct zw_rec *b);

/* A record to look for: canonical, rdata in any memory. */
struct zw_rec_key {
	const uint8_t *owner;
	const uint8_t *rdata;
	uint16_t type;
	uint16_t rdata_len;
};

/* First index whose record is not before @key. */
uint32_t zw_snapshot_lower_bound(const struct zw_snapshot *s, const struct zw_rec_key *key);

/* Adds (or with @sign -1 takes away) the hash of a record. */
void zw_digest_add(struct zw_digest *d, const struct zw_hash_key *key, const struct zw_pool *text,
	const struct zw_rec *rec, int sign);

/* True for records whose RRset has one TTL; signatures have that of the RRset they cover (RFC 4034
 * section 3). */
bool zw_type_has_common_ttl(uint16_t type);

/* A snapshot without records, with one reference, origin and key set. NULL: no memory. */
struct zw_snapshot *zw_snapshot_alloc(const struct zw_hash_key *key, const uint8_t *origin);
/* Finds the apex SOA. */
void zw_snapshot_find_soa(struct zw_snapshot *s);
