/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history_writer*.c. */
#pragma once

#include <pthread.h>

#include "sink/history_pending.h"
#include "sink/history_prune.h"
#include "sink/history_record.h"
#include "sink/history_replay.h"
#include "sink/history_watch.h"
#include "sink/history_writer.h"

struct zw_writer_item {
	struct zw_writer_item *next;
	uint64_t number;
	struct zw_str frame; /* @head octets, then the record */
	size_t head;
	struct zw_snapshot *snapshot;
	bool is_event;
};

struct zw_writer_queue {
	struct zw_writer_item *first, **last;
	size_t items, bytes;
};

/* What the history was, with what an earlier writer left, while it can be read and not be written. */
struct zw_writer_past {
	struct zw_history *history; /* NULL: the one that is open */
	struct zw_replay_book *book;
	int64_t id; /* of the history that states were taken from; 0: none were */
};

struct zw_writer {
	struct zw_writer_options options; /* path is owned */
	pthread_t thread;
	bool running;

	/* Held for as long as the disk takes, for what follows. */
	pthread_mutex_t disk;
	struct zw_history *history; /* NULL: it is not open */
	uint64_t dev, ino;          /* of its file */
	int64_t id;                 /* of the history; 0: not known */
	struct zw_replay_book *book;
	struct zw_writer_past past;
	struct zw_watch watch;
	bool unasked;          /* a zone was asked for while nothing could be read */
	ZW_VEC(int64_t) known; /* histories that zones were asked of, or told to */
	bool failed;           /* the last attempt */
	bool ending;           /* it is the last one */
	bool unchecked;        /* something was stored since the last checkpoint */
	uint64_t prune_ns;     /* CLOCK_BOOTTIME: when to look for what is too old */
	uint64_t watch_ns;     /* CLOCK_BOOTTIME: when to store that zones are still watched */
	uint64_t
		told_ns; /* what was told until then, CLOCK_REALTIME, is in the history, with the batch at hand */

	/* Held for moments, for what follows. */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	struct zw_writer_queue queue;
	size_t taken;                  /* items that the thread has at the moment */
	struct zw_pending *pending;    /* NULL: there can be none */
	struct zw_pending_position at; /* of the first item that is not in memory */
	struct zw_pending_position left,
		left_end; /* what an earlier writer left there and is not stored */
	bool is_left;     /* there is some of that */
	bool spilled;     /* what comes goes to the file alone, until the thread has read it */
	size_t in_file;   /* items there that are not in memory */
	bool begun;       /* the file is of this history */
	uint64_t number;  /* of the last item */
	uint64_t stored_number;
	bool is_new, stop;
	bool strange; /* nobody asked the history that is open for its zones: nothing is stored yet */
	uint64_t
		alive_ns; /* CLOCK_REALTIME: what came about until then was told; 0: it was not said yet */
	struct zw_writer_facts facts;
};

void zw_writer_item_free(struct zw_writer_item *item);
void zw_writer_push(struct zw_writer_queue *queue, struct zw_writer_item *item);
void zw_writer_queue_done(struct zw_writer_queue *queue);
/* With @lock held, but for the first time: opens the file of what is pending. A failure is said. */
void zw_writer_open_pending(struct zw_writer *writer);
/* The thread: until @stop is set, and all is stored or cannot be. */
void *zw_writer_run(void *writer);
/* With @lock held: what waits. */
size_t zw_writer_waiting(const struct zw_writer *writer);
/* The same: begins the file anew when nothing in it is needed: it is of another history, or of one that was not open
 * then. */
void zw_writer_begin_file(struct zw_writer *writer);
/* Ends a transaction, which went well when @r is 0: all up to number @number is stored then. 0, or -errno and nothing was
 * stored. */
int zw_writer_commit(struct zw_writer *writer, int r, uint64_t number);
/* Says what is wrong (@r < 0) when that is new, and when nothing is any more. @sentence may be NULL. */
void zw_writer_tell(struct zw_writer *writer, int r, const char *sentence);

/* history_writer_disk.c, with @disk held: */

/* Opens the history if need be, after looking whether its file is still the one that is open. 0 or -errno, with a
 * sentence in @error. */
int zw_writer_attach(struct zw_writer *writer, struct zw_str *error);
void zw_writer_detach(struct zw_writer *writer);
/* Takes the damaged history out of the way. */
void zw_writer_set_aside(struct zw_writer *writer);
/* Stores what is in the file from an earlier writer. 0 or -errno. */
int zw_writer_replay(struct zw_writer *writer);
/* @a is nearer to the beginning of the file. */
bool zw_writer_is_before(const struct zw_pending_position *a, const struct zw_pending_position *b);

/* history_writer_past.c, with @disk held: */

/* As zw_writer_load_zone(), from a history that nothing can be stored in at the moment. */
int zw_writer_load_past(struct zw_writer *writer, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns, uint64_t *ret_watched_ns);
void zw_writer_past_done(struct zw_writer *writer);
