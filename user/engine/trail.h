/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What zones were a moment ago: of each change that was told of, what it replaced. A server of this host that has a zone from
 * another one may be at a state which that one has left since; what it has is a copy all the same. Only hashes are
 * kept, and of the latest changes only. Pure bookkeeping; times come in. */
#pragma once

#include "zone/diff.h"

struct zw_trail;

/* @key is the caller's until the trail is freed. 0 or -ENOMEM. */
int zw_trail_new(const struct zw_hash_key *key, struct zw_trail **ret_trail);
void zw_trail_free(struct zw_trail *trail);
ZW_DEFINE_CLEANUP(struct zw_trail *, zw_trail_free);
#define _zw_trail_free_ _zw_cleanup_(zw_trail_freep)

/* Zone number @zone changed by @diff next, which was known at @now_ns at the latest. */
void zw_trail_add(
	struct zw_trail *trail, uint64_t zone, uint64_t now_ns, const struct zw_diff *diff);
/* It changed in a way that is not told: what it was before that cannot be said. */
void zw_trail_break(struct zw_trail *trail, uint64_t zone);

/* Whether zone number @zone, which is @now by now (NULL: not known), was at one moment since @since_ns just what @diff made of
 * all that it is about. 1, 0 or -ENOMEM. */
int zw_trail_had(const struct zw_trail *trail, uint64_t zone, const struct zw_snapshot *now,
	uint64_t since_ns, const struct zw_diff *diff);

/* RRsets, of all zones together. */
#define ZW_TRAIL_MAX 16384
