/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone file and the journal beside it to the snapshot that BIND serves. */
#pragma once

#include "dns/journal.h"
#include "zone/patch.h"

/* Where in the journal the state @s is, by its serial. 1; 0 when @s is newer than the journal, as a file that was
 * edited: BIND removes such a journal when it loads the file; -EBADMSG with *ret_error filled when it is
 * no journal of this file, which BIND refuses to load. */
int zw_replay_find(const struct zw_journal *j, const struct zw_snapshot *s,
	struct zw_journal_position *ret_position, struct zw_zone_error *ret_error);

/* One record of a transaction, as BIND takes it: what is deleted must be there; what is added may be there already, as
 * increments of NSD have it, which BIND writes to its journal as they come. 0, -ENOENT or as zw_patch_add(). */
int zw_replay_apply(struct zw_patch *patch, bool add, const struct zw_record *record);

/* Applies the transactions from *pos on to @s, which is the state there; *pos moves to the end. 0 (the result is @s itself when there were none),
 * -EBADMSG with *ret_error filled, -ENOMEM. */
int zw_replay(const struct zw_journal *j, struct zw_journal_position *pos, struct zw_snapshot *s,
	struct zw_snapshot **ret_snapshot, struct zw_zone_error *ret_error);
