/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: what an agent that ended suddenly had told and not stored. It leads to a state only where
 * the history has the state that it began with; else it is stored as an event, and what became of the zone is found by
 * looking at it. */
#pragma once

#include "sink/history_record.h"

struct zw_replay_book;

int zw_replay_book_new(struct zw_history *history, struct zw_replay_book **ret_book);
void zw_replay_book_free(struct zw_replay_book *book);
ZW_DEFINE_CLEANUP(struct zw_replay_book *, zw_replay_book_free);
#define _zw_replay_book_ _zw_cleanup_(zw_replay_book_freep)

/* As zw_record_store(); -EBADMSG for what can never be stored. */
int zw_replay_store(struct zw_replay_book *book, struct zw_history_record *record);

/* The same, but for storing it, for a history that cannot be written: what would become of the zone is in the book. What
 * is in the history already is to be left out, unless it is an event. */
int zw_replay_note(struct zw_replay_book *book, const struct zw_history_record *record);
/* As zw_history_load_zone(), with what was noted. */
int zw_replay_state(struct zw_replay_book *book, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns);
