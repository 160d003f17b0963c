/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The side of the writer that is called: what is told goes to the file and into memory, or is counted as lost. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sink/history_delta.h"
#include "sink/history_traffic.h"
#include "sink/history_writer_impl.h"

/* A state of more records is not copied to the pending file. */
#define KEPT_RECORDS_MAX 20000
/* Of the memory, what traffic may wait in: one part of so many. */
#define TRAFFIC_SHARE 4

ZW_DEFINE_CLEANUP(struct zw_writer_item *, zw_writer_item_free);
#define _zw_item_ _zw_cleanup_(zw_writer_item_freep)

static void init_locks(struct zw_writer *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->disk, NULL);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, &attr);
	pthread_cond_init(&w->idle, &attr);
	pthread_condattr_destroy(&attr);
}

static void say_pending(struct zw_writer *w, const char *what, int r)
{
	_zw_free_ char *text = zw_asprintf("'%s.pending', which keeps what the history does not "
					   "have yet, %s: %s",
		w->options.path, what, strerror(-r));

	if (text)
		w->options.say(w->options.ctx, true, text);
}

void zw_writer_open_pending(struct zw_writer *w)
{
	bool damaged = false;
	uint64_t last;
	int r = zw_pending_open(w->options.path, w->options.pending_bytes, &w->pending, &damaged);

	if (r < 0) {
		say_pending(w, "cannot be used", r);
		return;
	}
	if (damaged)
		say_pending(w, "lost its end", -EBADMSG);
	last = zw_pending_last(w->pending);
	if (w->number < last)
		w->number = last;
	w->left = (struct zw_pending_position){};
	w->left_end = zw_pending_end(w->pending);
	w->is_left = last > 0;
}

static int open_history(struct zw_writer *w, bool need, struct zw_str *error)
{
	int r = zw_writer_attach(w, error);

	w->failed = r < 0;
	if (r < 0 && need)
		return r;
	if (r == 0) {
		r = zw_writer_replay(w);
		w->failed = r < 0;
	}
	w->facts.open = w->history != NULL;
	zw_writer_tell(w, r, error->len > 0 ? error->buf : NULL);
	error->len = 0;
	pthread_mutex_lock(&w->lock);
	zw_writer_begin_file(w);
	/* Of no history yet: events have names of their own. */
	if (w->pending && !w->begun && !w->is_left)
		(void)zw_pending_start(w->pending, 0);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int zw_writer_open(const struct zw_writer_options *options, bool need,
	struct zw_writer **ret_writer, struct zw_str *error)
{
	_zw_writer_close_ struct zw_writer *w = calloc(1, sizeof(*w));
	sigset_t all, old;
	int r;

	if (!w)
		return -ENOMEM;
	init_locks(w);
	w->options = *options;
	w->options.path = strdup(options->path);
	if (!w->options.path)
		return -ENOMEM;
	zw_writer_open_pending(w);
	r = open_history(w, need, error);
	if (r < 0)
		return r;
	/* Signals are others'. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&w->thread, NULL, zw_writer_run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return r;
	w->running = true;
	*ret_writer = ZW_TAKE(w);
	return 0;
}

void zw_writer_close(struct zw_writer *w)
{
	if (!w)
		return;
	if (w->running) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
		/* Nothing in it is needed. */
		if (w->begun && zw_writer_waiting(w) == 0)
			(void)zw_pending_start(w->pending, (uint64_t)w->id);
	}
	zw_writer_detach(w);
	zw_writer_past_done(w);
	zw_watch_done(&w->watch);
	zw_vec_free(&w->known);
	zw_pending_close(w->pending);
	zw_writer_queue_done(&w->queue);
	pthread_cond_destroy(&w->wake);
	pthread_cond_destroy(&w->idle);
	pthread_mutex_destroy(&w->lock);
	pthread_mutex_destroy(&w->disk);
	free((char *)w->options.path);
	free(w);
}

int zw_writer_load_zone(struct zw_writer *w, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns, uint64_t *ret_watched_ns)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	int r;

	pthread_mutex_lock(&w->disk);
	if (w->history && !w->is_left) {
		r = zw_history_load_zone(w->history, zone, &snapshot, ret_time_ns);
		if (r == 0)
			r = zw_watch_come(&w->watch, w->history, zone, ret_watched_ns);
	} else {
		r = zw_writer_load_past(w, zone, &snapshot, ret_time_ns, ret_watched_ns);
		w->unasked |= r == -ENODEV;
	}
	pthread_mutex_unlock(&w->disk);
	if (r == 0)
		*ret_snapshot = ZW_TAKE(snapshot);
	return r;
}

void zw_writer_leave_zone(struct zw_writer *w, const struct zw_history_zone *zone)
{
	pthread_mutex_lock(&w->disk);
	/* What cannot be noted makes the time in question longer than it was, and no wrong one: the zone has no state
	 * yet, or the memory for a number is wanting. */
	if (w->history && w->watch.away)
		(void)zw_watch_leave(&w->watch, w->history, zone, zw_realtime_ns());
	w->watch_ns = 0;
	pthread_mutex_unlock(&w->disk);
}

void zw_writer_alive(struct zw_writer *w, uint64_t time_ns)
{
	pthread_mutex_lock(&w->lock);
	w->alive_ns = time_ns;
	pthread_mutex_unlock(&w->lock);
}

int zw_writer_with(struct zw_writer *w, int (*fn)(struct zw_history *history, void *ctx), void *ctx)
{
	int r = -ENODEV;

	pthread_mutex_lock(&w->disk);
	if (w->history)
		r = fn(w->history, ctx);
	pthread_mutex_unlock(&w->disk);
	return r;
}

static struct zw_writer_item *new_item(struct zw_snapshot *snapshot)
{
	static const char room[ZW_PENDING_HEAD];
	struct zw_writer_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->head = sizeof(room);
	zw_str_add_len(&item->frame, room, sizeof(room));
	if (snapshot)
		item->snapshot = zw_snapshot_ref(snapshot);
	return item;
}

static bool is_full(const struct zw_writer *w)
{
	return w->spilled || w->queue.items >= w->options.memory_items ||
	       w->queue.bytes >= w->options.memory_bytes;
}

/* With @lock held. @framed: it shall be in the file. 0; -ENOSPC when there is no room for it. */
static int put(struct zw_writer *w, struct zw_writer_item *item, bool framed)
{
	struct zw_pending_position end = {};
	bool full = is_full(w);

	if (framed) {
		item->number = ++w->number;
		if (w->pending)
			end = zw_pending_end(w->pending);
		framed = w->pending &&
			 zw_pending_append(w->pending, item->number, &item->frame) == 0;
	}
	if (full && !framed)
		return -ENOSPC;
	if (!full) {
		zw_writer_push(&w->queue, item);
	} else {
		if (!w->spilled)
			w->at = end;
		w->spilled = true;
		w->in_file++;
		zw_writer_item_free(item);
	}
	pthread_cond_signal(&w->wake);
	return 0;
}

int zw_writer_event(struct zw_writer *w, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len)
{
	_zw_item_ struct zw_writer_item *item = new_item(NULL);
	int r = item ? zw_record_put_event(&item->frame, leads, zone, report, json, len) : -ENOMEM;

	pthread_mutex_lock(&w->lock);
	if (r == 0) {
		item->is_event = true;
		r = put(w, item, true);
	}
	if (r == 0)
		ZW_TAKE(item);
	else
		w->facts.lost++;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int zw_writer_rest(struct zw_writer *w, const struct zw_history_zone *zone,
	const struct zw_diff *rest, struct zw_snapshot *snapshot, uint64_t time_ns)
{
	_zw_item_ struct zw_writer_item *item = new_item(snapshot);
	bool any = rest && rest->len > 0;
	_zw_str_ struct zw_str delta = {};
	int r = any ? zw_delta_encode(rest, &delta) : 0;

	if (r == 0)
		r = item ? zw_record_put_state(&item->frame, ZW_RECORD_PATCH, zone, time_ns,
				   delta.buf, delta.len)
			 : -ENOMEM;
	if (r < 0)
		return any ? r : 0;
	pthread_mutex_lock(&w->lock);
	r = put(w, item, any);
	if (r == 0)
		ZW_TAKE(item);
	pthread_mutex_unlock(&w->lock);
	/* Without a difference it was only to say that it may be time for a whole state. */
	return any ? r : 0;
}

int zw_writer_state(struct zw_writer *w, const struct zw_history_zone *zone,
	struct zw_snapshot *snapshot, uint64_t time_ns, bool keep)
{
	_zw_item_ struct zw_writer_item *item = new_item(snapshot);
	_zw_free_ uint8_t *saved = NULL;
	size_t len = 0;
	int r = item ? 0 : -ENOMEM;

	keep = keep && zw_snapshot_count(snapshot) <= KEPT_RECORDS_MAX;
	if (r == 0 && keep)
		r = zw_snapshot_save(snapshot, &saved, &len);
	if (r == 0)
		r = zw_record_put_state(&item->frame, ZW_RECORD_STATE, zone, time_ns, saved, len);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	r = is_full(w) ? -EAGAIN : put(w, item, keep);
	if (r == 0)
		ZW_TAKE(item);
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* Takes @item when it succeeds. */
static int put_traffic(struct zw_writer *w, struct zw_writer_item *item)
{
	int r;

	pthread_mutex_lock(&w->lock);
	if (is_full(w) || w->queue.items >= w->options.memory_items / TRAFFIC_SHARE ||
		w->queue.bytes >= w->options.memory_bytes / TRAFFIC_SHARE)
		r = -EAGAIN;
	else
		r = put(w, item, false);
	pthread_mutex_unlock(&w->lock);
	return r;
}

int zw_writer_minute(struct zw_writer *w, const struct zw_traffic_minute *minute)
{
	_zw_item_ struct zw_writer_item *item = new_item(NULL);
	int r;

	if (!item)
		return -ENOMEM;
	zw_str_add_char(&item->frame, ZW_RECORD_MINUTE);
	r = zw_history_encode_minute(minute, &item->frame);
	if (r == 0)
		r = put_traffic(w, item);
	if (r == 0)
		ZW_TAKE(item);
	return r;
}

int zw_writer_baselines(struct zw_writer *w, struct zw_str *bytes)
{
	_zw_item_ struct zw_writer_item *item = new_item(NULL);
	int r;

	if (!item)
		return -ENOMEM;
	zw_str_add_char(&item->frame, ZW_RECORD_BASELINE);
	zw_str_add_len(&item->frame, bytes->buf, bytes->len);
	r = item->frame.failed ? -ENOMEM : put_traffic(w, item);
	if (r == 0) {
		ZW_TAKE(item);
		zw_str_free(bytes);
	}
	return r;
}

bool zw_writer_is_new(struct zw_writer *w)
{
	bool is_new;

	pthread_mutex_lock(&w->lock);
	is_new = w->is_new;
	w->is_new = false;
	pthread_mutex_unlock(&w->lock);
	return is_new;
}

int zw_writer_flush(struct zw_writer *w, uint64_t max_ns)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(max_ns / ZW_NSEC_PER_SEC);
	until.tv_nsec += (long)(max_ns % ZW_NSEC_PER_SEC);
	if (until.tv_nsec >= (long)ZW_NSEC_PER_SEC) {
		until.tv_nsec -= (long)ZW_NSEC_PER_SEC;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->lock);
	pthread_cond_signal(&w->wake);
	while (zw_writer_waiting(w) > 0 && r == 0)
		r = -pthread_cond_timedwait(&w->idle, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
	return r;
}

void zw_writer_facts(struct zw_writer *w, struct zw_writer_facts *ret_facts)
{
	pthread_mutex_lock(&w->lock);
	*ret_facts = w->facts;
	ret_facts->waiting = zw_writer_waiting(w);
	pthread_mutex_unlock(&w->lock);
}

void zw_writer_set_limits(
	struct zw_writer *w, uint64_t keep_ns, uint64_t traffic_ns, uint64_t max_bytes)
{
	pthread_mutex_lock(&w->lock);
	w->options.keep_ns = keep_ns;
	w->options.traffic_ns = traffic_ns;
	w->options.max_bytes = max_bytes;
	pthread_mutex_unlock(&w->lock);
}
