/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state book on disk: the last snapshot of every zone, so that a change made while the agent was down is
 * found at the next start. SQLite, WAL, one writer. */
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

struct zw_history;

/* Opens or creates @path (0600; its directory 0700 when made). A file that is no database of ours, or of a later
 * schema, is refused with a sentence in @error and -EMEDIUMTYPE; a corrupted one with -EUCLEAN. */
int zw_history_open(const char *path, struct zw_history **ret_history, struct zw_str *error);
void zw_history_close(struct zw_history *history);
ZW_DEFINE_CLEANUP(struct zw_history *, zw_history_close);
#define _zw_history_close_ _zw_cleanup_(zw_history_closep)

/* The zone is named by these three, all NUL-terminated: "bind", "_default", "example.com.". */
struct zw_history_zone {
	const char *server, *view, *zone;
};

/* @ret_time_ns: CLOCK_REALTIME when the state was stored. -ENOENT when there is none; -EUCLEAN when what is
 * stored does not check out (it is then dropped, so that the next store starts afresh). */
int zw_history_load_zone(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns);
/* Replaces the state by @snapshot. */
int zw_history_store_zone(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns);
/* Several stores in one transaction: between begin and commit. */
int zw_history_begin(struct zw_history *history);
int zw_history_commit(struct zw_history *history);
int zw_history_forget_zone(struct zw_history *history, const struct zw_history_zone *zone);
