/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: until when a zone was watched, so that what is found to have changed since is known not to
 * be older. In the table "meta": "alive" is the last moment at which an agent had told all it knew; "away:ID" the one
 * since when the zone of that number is watched no more, though agents are alive.
 *
 * What it costs is one row each ZW_WATCH_NS, which is not synced: a machine that loses power loses the last ones, and the
 * time in question is the longer for it. */
#pragma once

#include "base/vec.h"
#include "sink/history.h"

#define ZW_WATCH_NS (10 * ZW_NSEC_PER_SEC)

struct zw_watch {
	uint64_t before_ns;   /* CLOCK_REALTIME: alive, when the history was opened; 0: not known */
	int64_t last_zone;    /* the zones up to this one are of that time */
	struct zw_map *away;  /* number of a zone -> since when, and whether that is stored */
	ZW_VEC(int64_t) here; /* those that were asked for */
	bool marked;          /* those that were not are away */
};

/* Reads what an earlier agent left. 0 or -errno. */
int zw_watch_begin(struct zw_watch *watch, struct zw_history *history);
void zw_watch_done(struct zw_watch *watch);

/* The zone is watched from now on. @ret_until_ns: until when it was before; 0: not known. 0 or -errno. */
int zw_watch_come(struct zw_watch *watch, struct zw_history *history,
	const struct zw_history_zone *zone, uint64_t *ret_until_ns);
/* It is watched no more. */
int zw_watch_leave(struct zw_watch *watch, struct zw_history *history,
	const struct zw_history_zone *zone, uint64_t time_ns);
/* Stores that all who came are watched, until @alive_ns at least; in a transaction of its own. */
int zw_watch_store(struct zw_watch *watch, struct zw_history *history, uint64_t alive_ns);
