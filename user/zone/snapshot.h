/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of a zone at one moment: immutable, canonical, shared by reference.
 *
 * Records are kept sorted by owner (RFC 4034 section 6.1), type and rdata (section 6.3) without
 * duplicates, 16 bytes each, plus 4 bytes per record in the file for the order they were read in;
 * names and rdata are text in refcounted chunks, each distinct text once, which successive
 * snapshots of a zone share. All TTLs of an RRset are that of its first record in the file, as BIND
 * loads it (RFC 2181 section 5.2 forbids different ones), RRSIGs excepted. References may be taken
 * and dropped by any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "dns/record.h"

struct zw_snapshot;

struct zw_snapshot *zw_snapshot_ref(struct zw_snapshot *s);
/* NULL is allowed. */
void zw_snapshot_unref(struct zw_snapshot *s);
ZW_DEFINE_CLEANUP(struct zw_snapshot *, zw_snapshot_unref);
#define _zw_snapshot_ _zw_cleanup_(zw_snapshot_unrefp)

/* One RRset of a snapshot; borrowed, valid while the snapshot is referenced. */
struct zw_rrset {
	const struct zw_snapshot *snapshot;
	const uint8_t *owner; /* lower-case wire form */
	uint32_t first;       /* index of its first record in the snapshot */
	uint32_t count;       /* records, at least 1 in an RRset that exists */
	uint32_t ttl;
	uint16_t type;
};

const uint8_t *zw_snapshot_origin(const struct zw_snapshot *s);
/* Distinct records. */
size_t zw_snapshot_count(const struct zw_snapshot *s);
/* False when there is no SOA at the apex (partial states); zw_zone_load() never makes such a one.
 * */
bool zw_snapshot_serial(const struct zw_snapshot *s, uint32_t *ret_serial);
bool zw_snapshot_soa(const struct zw_snapshot *s, struct zw_rrset *ret_rrset);
/* Bytes held; text shared with other snapshots counts in each of them. */
size_t zw_snapshot_memory(const struct zw_snapshot *s);

/* Iterates in canonical order: start with *it = 0; false at the end. */
bool zw_snapshot_next(const struct zw_snapshot *s, size_t *it, struct zw_rrset *ret_rrset);
/* False when absent. @owner in any case. */
bool zw_snapshot_lookup(const struct zw_snapshot *s, const uint8_t *owner, uint16_t type,
	struct zw_rrset *ret_rrset);
/* Position for zw_snapshot_next() of the first RRset whose owner is not before @owner: begins an
 * iteration over all types of a name, or over a subtree. */
size_t zw_snapshot_seek(const struct zw_snapshot *s, const uint8_t *owner);
/* Rdata number @i (< count) of an RRset. */
const uint8_t *zw_rrset_rdata(const struct zw_rrset *rrset, size_t i, uint16_t *ret_len);
/* Whether one of them is this. */
bool zw_rrset_has(const struct zw_rrset *rrset, const uint8_t *rdata, size_t len);
/* Its TTL. Only in an RRset of signatures, whose TTLs are those of what they cover, may it differ
 * from @rrset->ttl, which is that of the first. */
uint32_t zw_rrset_ttl(const struct zw_rrset *rrset, size_t i);
/* Same TTLs and same rdatas (owner and type are not compared). */
bool zw_rrset_equal(const struct zw_rrset *a, const struct zw_rrset *b);

/* Same records and TTLs in whatever file order. By a 128-bit keyed multiset hash (Clarke et al.,
 * "Incremental Multiset Hash Functions", 2003) where both were made under the same key, else record
 * by record. */
bool zw_snapshot_equal(const struct zw_snapshot *a, const struct zw_snapshot *b);

/* Bytes for the history store: versioned, checksummed, a function of the content alone.
 * 0 or -ENOMEM, -EFBIG. Caller frees. */
int zw_snapshot_save(const struct zw_snapshot *s, uint8_t **ret_data, size_t *ret_len);
/* -EBADMSG for anything zw_snapshot_save() did not write, -EPROTONOSUPPORT for a later version. */
int zw_snapshot_load(const struct zw_hash_key *key, const void *data, size_t len,
	struct zw_snapshot **ret_snapshot);

/* Collects records in file order. With @old (may be NULL; same origin), each record is first
 * compared with the one that followed in the previous file, so a re-read costs what changed:
 * unchanged records and text are shared, and when nothing changed the result is @old itself,
 * referenced once more. */
struct zw_builder;

/* @key: one per process, kept by the caller until the builder is freed; with @old its key is used.
 * */
int zw_builder_new(const struct zw_hash_key *key, const uint8_t *origin, struct zw_snapshot *old,
	struct zw_builder **ret_builder);
void zw_builder_free(struct zw_builder *b);
ZW_DEFINE_CLEANUP(struct zw_builder *, zw_builder_free);
#define _zw_builder_ _zw_cleanup_(zw_builder_freep)

/* Takes records in canonical form (struct zw_record). 0, -ENOMEM, -EFBIG past 2^32 records or 4 GiB
 * of text. After an error the builder can only be freed. */
int zw_builder_add(struct zw_builder *b, const struct zw_record *record);
/* The same with the signature of zw_record_fn; @ctx is the builder. */
int zw_builder_add_fn(void *ctx, const struct zw_record *record);
/* At most once. */
int zw_builder_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot);
