/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone while it is being changed: the names that were touched, over a snapshot that stays as it is. What a change
 * costs does not grow with the zone until a new snapshot is asked for. */
#pragma once

#include "zone/snapshot.h"

struct zw_draft;

struct zw_draft_rr {
	const uint8_t *rdata; /* canonical; of the snapshot or the draft */
	uint32_t ttl;
	uint16_t len;
};

/* An RRset; rr sorted by zw_rdata_cmp(). Empty ones stay, and are no RRsets. */
struct zw_draft_set {
	uint16_t type;
	struct zw_draft_rr *rr;
	size_t count, cap;
};

struct zw_draft_name {
	struct zw_draft_set *set; /* in the order of their types as far as they were there before */
	size_t sets, cap;
	uint32_t first, end; /* its records in the snapshot */
	uint8_t owner_len;
	uint8_t owner[]; /* wire form, lower-case */
};

/* Takes a reference to @base. 0 or -ENOMEM. */
int zw_draft_new(struct zw_snapshot *base, struct zw_draft **ret_draft);
void zw_draft_free(struct zw_draft *draft);
ZW_DEFINE_CLEANUP(struct zw_draft *, zw_draft_free);
#define _zw_draft_ _zw_cleanup_(zw_draft_freep)

struct zw_snapshot *zw_draft_base(const struct zw_draft *draft);

/* All that stands at @owner (any case) now; the node is the draft's. 0 or -ENOMEM. */
int zw_draft_open(struct zw_draft *draft, const uint8_t *owner, struct zw_draft_name **ret_name);
/* The names that were opened: start with *it = 0; false at the end. */
bool zw_draft_next(const struct zw_draft *draft, size_t *it, struct zw_draft_name **ret_name);

/* NULL when there is no such RRset. */
struct zw_draft_set *zw_draft_find(const struct zw_draft_name *name, uint16_t type);
/* Where @rdata stands in the RRset, else where it would; *ret_found says which. */
size_t zw_draft_search(
	const struct zw_draft_set *set, const uint8_t *rdata, uint16_t len, bool *ret_found);
/* Adds a record, or gives the one that is there its TTL. The rdata is copied. 0 or -ENOMEM. */
int zw_draft_put(struct zw_draft *draft, struct zw_draft_name *name, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t len);
void zw_draft_remove(struct zw_draft_set *set, size_t i);

/* Same TTLs and rdatas. Either may be NULL or empty, which are the same. */
bool zw_draft_set_equal(const struct zw_draft_set *set, const struct zw_rrset *rrset);
/* True when an RRset of @name is not as it is in @snapshot, or has one more or less. */
bool zw_draft_name_differs(const struct zw_draft_name *name, const struct zw_snapshot *snapshot);

/* The zone as it is now: the base itself, with one more reference, when nothing differs from it. The draft can be
 * changed further. 0, -ENOMEM, -EFBIG; -EINVAL when a name outside the zone was given records. */
int zw_draft_snapshot(const struct zw_draft *draft, struct zw_snapshot **ret_snapshot);
