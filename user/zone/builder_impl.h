/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two ways to a snapshot: from nothing (full), and from the difference to the previous one
 * (delta), which gives up in favour of the first when too little matches. Private to zone/. */
#pragma once

#include "base/vec.h"
#include "zone/snapshot_impl.h"

/* Indexes and positions are 32 bits with one bit to spare for telling old records from new ones. */
#define ZW_RECORDS_MAX 0x7fffffffU

/* Each distinct owner and rdata interned; records as they came. */
struct zw_full {
	struct zw_pool text;
	struct zw_intern owner_ids, rdatas;
	ZW_VEC(uint32_t) owners;    /* text offsets, by owner id */
	ZW_VEC(struct zw_rec) recs; /* in file order; .owner is the owner id */
};

struct zw_delta_rec {
	struct zw_rec rec;
	uint32_t pos;   /* in the file */
	uint32_t index; /* among the new records, in file order */
};

struct zw_delta {
	struct zw_pool text;              /* the old one's, then what is new */
	struct zw_intern owners, rdatas;  /* of what is new */
	ZW_VEC(struct zw_delta_rec) news; /* not in the old snapshot */
	ZW_VEC(uint32_t)
	order;         /* by file position: index of an old record, or count + index of a new one */
	uint32_t *pos; /* by old record: 1 + position of its first appearance, 0: not seen */
	uint32_t *ttl; /* by old record: TTL as read; NULL while all are as before */
	uint32_t *inverse; /* by old record: its position in the old order; NULL until needed */
	uint32_t cursor;   /* position in the old order of the record expected next */
	uint32_t misses;   /* records that were searched for */
	bool in_order;     /* every record so far was the expected one */
};

struct zw_builder {
	struct zw_hash_key key;
	struct zw_snapshot *old; /* NULL: full from the start, or after giving up */
	struct zw_full full;
	struct zw_delta delta;
	uint8_t origin_len;
	uint8_t origin[ZW_NAME_MAX];
};

int zw_full_add(struct zw_builder *b, const struct zw_record *record);
int zw_full_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot);
void zw_full_free(struct zw_full *f);

int zw_delta_init(struct zw_builder *b);
/* -EAGAIN: gives up, zw_delta_replay() comes next. */
int zw_delta_add(struct zw_builder *b, const struct zw_record *record);
/* Takes a record that is not in the old snapshot, or whose like there does not stay; @near: where it would stand there. */
int zw_delta_take_new(struct zw_builder *b, const struct zw_record *record, uint32_t near);
/* Feeds everything taken so far to zw_full_add(). */
int zw_delta_replay(struct zw_builder *b);
int zw_delta_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot);
void zw_delta_free(struct zw_delta *d);

/* Stores @record's rdata in @rec, as text only when it is not small nor there already. */
int zw_intern_rdata(const struct zw_hash_key *key, struct zw_pool *text, struct zw_intern *in,
	const struct zw_record *record, struct zw_rec *rec);
bool zw_builder_holds(const struct zw_builder *b, const struct zw_record *record);
