/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone file and the journal beside it to the snapshot that BIND serves. */
#pragma once

#include "dns/journal.h"
#include "zone/snapshot.h"

/* Where in the journal the state @s is, by its serial. 1; 0 when @s is newer than the journal, as a file that was
 * edited: BIND removes such a journal when it loads the file; -EBADMSG with *ret_error filled when it is
 * no journal of this file, which BIND refuses to load. */
int zw_replay_find(const struct zw_journal *j, const struct zw_snapshot *s,
	struct zw_journal_position *ret_position, struct zw_zone_error *ret_error);

/* Applies the transactions from *pos on to @s, which is the state there; *pos moves to the end. Exact as BIND is: what
 * a transaction deletes must be there, what it adds must not. 0 (the result is @s itself when there were none),
 * -EBADMSG with *ret_error filled, -ENOMEM. */
int zw_replay(const struct zw_journal *j, struct zw_journal_position *pos, struct zw_snapshot *s,
	struct zw_snapshot **ret_snapshot, struct zw_zone_error *ret_error);
