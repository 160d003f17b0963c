/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: what a list of deltas (sink/history_delta.h) makes of a state. */
#pragma once

#include <stddef.h>

#include "base/str.h"
#include "base/vec.h"
#include "sink/history_delta.h"
#include "zone/snapshot.h"

/* An RRset as a delta leaves it. */
struct zw_patch_item {
	size_t owner; /* offsets in the list's text */
	size_t records;
	struct zw_delta_side after;
	uint32_t order; /* of two for one RRset, the one with the higher number holds */
	uint16_t type;
};

struct zw_patch_list {
	struct zw_str text;
	ZW_VEC(struct zw_patch_item) items;
};

/* Copies what it needs of @data. 0, -EBADMSG, -EFBIG, -ENOMEM. */
int zw_patch_add_delta(
	struct zw_patch_list *list, const uint8_t *origin, const void *data, size_t len);
void zw_patch_list_done(struct zw_patch_list *list);
#define _zw_patch_list_ _zw_cleanup_(zw_patch_list_done)

/* @base with the deltas of @list applied, in the order they were added; sorts @list. */
int zw_patch_list_apply(const struct zw_hash_key *key, struct zw_snapshot *base,
	struct zw_patch_list *list, struct zw_snapshot **ret_snapshot);
