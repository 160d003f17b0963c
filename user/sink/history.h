/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of the agent on disk: every event, found by zone, name, address and actor, and the states of zones at any
 * moment. SQLite, WAL, one writer; any number of readers meanwhile (sink/history_read.h). The tables are in
 * sink/history_schema.c. */
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "engine/report.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

struct zw_history;

/* Opens or creates @path (0600; its directory 0700 when made), and brings one of an earlier version up to date. A file
 * that is no database of ours, or of a later schema, is refused with a sentence in @error and -EMEDIUMTYPE; a
 * corrupted one with -EUCLEAN. */
int zw_history_open(const char *path, struct zw_history **ret_history, struct zw_str *error);
void zw_history_close(struct zw_history *history);
ZW_DEFINE_CLEANUP(struct zw_history *, zw_history_close);
#define _zw_history_close_ _zw_cleanup_(zw_history_closep)

/* The zone is named by these three, all NUL-terminated: "bind:/etc/bind/named.conf", "_default", "example.com.". */
struct zw_history_zone {
	const char *server, *view, *zone;
};

/* Several stores in one transaction: between begin and commit. After a failed commit nothing was stored. */
int zw_history_begin(struct zw_history *history);
int zw_history_commit(struct zw_history *history);
void zw_history_rollback(struct zw_history *history);

/* Stores an event: @json is what zw_report_to_json() made of @report, whose records are those of @zone (NULL when it
 * has none). 0; -EEXIST when an event of that id is there already, after which nothing has changed; -EBADMSG when
 * @zone has no name; -ENOMEM, -ENOSPC, -EIO, ... */
int zw_history_put_event(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len);

/* The last state. @ret_time_ns: CLOCK_REALTIME from when on it was so. -ENOENT when there is none; -EUCLEAN when what
 * is stored does not check out (from then on the state is unknown, until one is stored). */
int zw_history_load_zone(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns);
/* Makes @snapshot the last state. */
int zw_history_store_zone(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns);
/* What comes after the last state is not known. */
int zw_history_forget_zone(struct zw_history *history, const struct zw_history_zone *zone);
