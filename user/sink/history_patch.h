/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: the difference of two states of a zone as bytes, so that one changed record of a million
 * does not rewrite the million. A patch lists the RRsets that changed, each as it is afterwards:
 *
 *	u8 owner length, owner (wire form), u16 type, u32 count,
 *	count times { u32 ttl, u16 length, rdata }; count 0: the RRset is gone
 *
 * Little-endian; the CRC-32 of it all follows as u32. */
#pragma once

#include <stddef.h>

#include "base/str.h"
#include "base/vec.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

/* Appends to @out. 0 or -ENOMEM. */
int zw_patch_encode(const struct zw_diff *diff, struct zw_str *out);

/* What a list of patches makes of a snapshot. The bytes stay the caller's until the end. */
struct zw_patch_item {
	const uint8_t *owner, *records;
	size_t len; /* of the records with their headers */
	uint32_t count;
	uint32_t order; /* of two for one RRset, the one with the higher number holds */
	uint16_t type;
};

struct zw_patch_list {
	ZW_VEC(struct zw_patch_item) items;
};

/* -EBADMSG, -ENOMEM. */
int zw_patch_decode(struct zw_patch_list *list, const void *data, size_t len);
void zw_patch_list_done(struct zw_patch_list *list);

/* Sorts @list. */
int zw_patch_apply(const struct zw_hash_key *key, struct zw_snapshot *base,
	struct zw_patch_list *list, struct zw_snapshot **ret_snapshot);
