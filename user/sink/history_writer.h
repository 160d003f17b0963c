/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events and states on their way to the disk: a thread of its own, since a sync takes as long as the disk likes and
 * events do not wait. What is told goes to the file of what is pending at once (sink/history_pending.h) and into memory;
 * the thread stores as much as there is in one transaction. While the history cannot be written, memory fills, then the
 * file, then what comes is lost, and counted.
 *
 * A history that is damaged is set aside under a name with the time, and a new one begun; so is one begun when the file
 * is removed. A file of somebody else is left alone, and looked at again now and then.
 *
 * All functions are for one thread, but for what they call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/traffic.h"
#include "sink/history.h"

struct zw_writer;

struct zw_writer_options {
	const char *path;
	uint64_t keep_ns;       /* events older than that go; 0: none do */
	uint64_t traffic_ns;    /* the same for minutes of traffic */
	uint64_t max_bytes;     /* the oldest go until it is no larger; 0: no limit */
	uint64_t pending_bytes; /* what may wait in the file */
	size_t memory_bytes, memory_items;
	/* What there is to tell, one sentence; from either thread. @error: something is wrong, else it is right again. */
	void (*say)(void *ctx, bool error, const char *sentence);
	void *ctx;
};

/* Opens the history and stores what an earlier writer left pending. -errno, with a sentence in @error, when it cannot be
 * opened and @need is set; else the thread tries again. */
int zw_writer_open(const struct zw_writer_options *options, bool need,
	struct zw_writer **ret_writer, struct zw_str *error);
/* Tries once more to store what waits, and ends. */
void zw_writer_close(struct zw_writer *writer);
ZW_DEFINE_CLEANUP(struct zw_writer *, zw_writer_close);
#define _zw_writer_close_ _zw_cleanup_(zw_writer_closep)

/* As zw_history_load_zone(), also while the history can be read only; -ENODEV while it cannot be read either. The zone is
 * watched from now on; @ret_watched_ns: until when it was before, CLOCK_REALTIME, 0: not known. */
int zw_writer_load_zone(struct zw_writer *writer, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns, uint64_t *ret_watched_ns);
/* True while a history is open that has zones and is not the one that zw_writer_load_zone() was called for: it was not there,
 * or not to be read, or is another one. Nothing is stored in it until zw_writer_asked(), but by zw_writer_event_before(). */
bool zw_writer_is_strange(struct zw_writer *writer);
/* zw_writer_load_zone() was called for all zones. */
void zw_writer_asked(struct zw_writer *writer);
/* As zw_writer_event(), of what led to what was told since: it is stored now, before all that waits. -ENODEV: the history
 * is not open; -errno. What is not stored is not counted. */
int zw_writer_event_before(struct zw_writer *writer, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len);
/* The zone is watched no more, from now on. */
void zw_writer_leave_zone(struct zw_writer *writer, const struct zw_history_zone *zone);
/* All zones that shall be watched are, and what came about until now was told. To be said again and again. */
void zw_writer_alive(struct zw_writer *writer, uint64_t time_ns);

/* Calls @fn with the history, while the thread does not use it; returns what that returns. -ENODEV while the history is not
 * open. */
int zw_writer_with(
	struct zw_writer *writer, int (*fn)(struct zw_history *history, void *ctx), void *ctx);

/* An event: with @leads its difference makes the next state of the zone. 0: it will be stored; -errno: it is lost, which
 * is counted. */
int zw_writer_event(struct zw_writer *writer, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len);
/* The zone is @snapshot now, which is what the events since the last state make of that, but for @rest (NULL: nothing).
 * -errno: it is not stored, and neither may be what follows: zw_writer_state() makes good for it. */
int zw_writer_rest(struct zw_writer *writer, const struct zw_history_zone *zone,
	const struct zw_diff *rest, struct zw_snapshot *snapshot, uint64_t time_ns);
/* The zone is @snapshot now, whatever it was. @keep: shall outlive a crash from now on, where that costs little.
 * -EAGAIN: not now. */
int zw_writer_state(struct zw_writer *writer, const struct zw_history_zone *zone,
	struct zw_snapshot *snapshot, uint64_t time_ns, bool keep);
/* Traffic, which events do not wait for: it takes no more than a quarter of the memory, and is not in the file. -EAGAIN:
 * not now, it is lost; -ENOMEM. */
int zw_writer_minute(struct zw_writer *writer, const struct zw_traffic_minute *minute);
/* What zw_history_encode_baseline() wrote, which moves to the writer on success. */
int zw_writer_baselines(struct zw_writer *writer, struct zw_str *bytes);
/* True once after the history was begun anew: the state of every zone is to be told again. */
bool zw_writer_is_new(struct zw_writer *writer);

void zw_writer_set_limits(
	struct zw_writer *writer, uint64_t keep_ns, uint64_t traffic_ns, uint64_t max_bytes);

/* Waits until all is stored, so long at most. 0, -ETIMEDOUT. */
int zw_writer_flush(struct zw_writer *writer, uint64_t max_ns);

struct zw_writer_facts {
	uint64_t stored, waiting, lost; /* events, since the start; @waiting counts states too */
	uint64_t bytes, oldest_ns;      /* of the history, 0: not known */
	bool open;
	char error[200]; /* why not, or why nothing is stored; empty: nothing is wrong */
};

void zw_writer_facts(struct zw_writer *writer, struct zw_writer_facts *ret_facts);
