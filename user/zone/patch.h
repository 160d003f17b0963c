/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot from another one and a list of single records that come and go, as journals and incremental transfers have
 * it: costs a copy of the record table and what changed, whatever the number of steps in between. */
#pragma once

#include "zone/snapshot.h"

struct zw_patch;

/* Begins with the records of @base, which it references. 0 or -ENOMEM. */
int zw_patch_new(struct zw_snapshot *base, struct zw_patch **ret_patch);
void zw_patch_free(struct zw_patch *p);
ZW_DEFINE_CLEANUP(struct zw_patch *, zw_patch_free);
#define _zw_patch_ _zw_cleanup_(zw_patch_freep)

/* Both take records in canonical form and are exact. As in a zone file, an RRset has the TTL of its first record: one
 * that is added to others takes theirs; one that comes to nothing, or to others added later, brings its own.
 *
 * 0; -EEXIST when it is there (whatever its TTL), after which nothing has changed; -EINVAL outside the zone; -ENOMEM;
 * -EFBIG as zw_builder_add(). */
int zw_patch_add(struct zw_patch *p, const struct zw_record *record);
/* Its TTL does not matter. 0; -ENOENT when it is not there, after which nothing has changed; -ENOMEM. */
int zw_patch_delete(struct zw_patch *p, const struct zw_record *record);

/* The result; @base itself, referenced once more, when all changes cancel out. 0, -ENOMEM, -EFBIG. Can be called
 * again, also after more changes. */
int zw_patch_finish(struct zw_patch *p, struct zw_snapshot **ret_snapshot);
