/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sink/history_impl.h"
#include "sink/history_writer_impl.h"

/* What goes into one transaction at most, so that readers of the file see it soon. */
#define BATCH_ITEMS 1024
#define BATCH_BYTES (8 << 20)
#define RETRY_S 1
#define PRUNE_NS (10 * ZW_NSEC_PER_SEC)

void zw_writer_item_free(struct zw_writer_item *item)
{
	if (!item)
		return;
	zw_str_free(&item->frame);
	zw_snapshot_unref(item->snapshot);
	free(item);
}

void zw_writer_push(struct zw_writer_queue *queue, struct zw_writer_item *item)
{
	if (!queue->first)
		queue->last = &queue->first;
	item->next = NULL;
	*queue->last = item;
	queue->last = &item->next;
	queue->items++;
	queue->bytes += item->frame.len;
}

static struct zw_writer_item *queue_pop(struct zw_writer_queue *queue)
{
	struct zw_writer_item *item = queue->first;

	if (!item)
		return NULL;
	queue->first = item->next;
	queue->items--;
	queue->bytes -= item->frame.len;
	return item;
}

void zw_writer_queue_done(struct zw_writer_queue *queue)
{
	for (struct zw_writer_item *item; (item = queue_pop(queue));)
		zw_writer_item_free(item);
}

/* --- the thread ---------------------------------------------------------------------------------------- */

/* Items that were spilled, as far as one transaction goes. */
static void read_spilled(struct zw_writer *w, struct zw_writer_queue *batch)
{
	while (w->in_file > 0 && batch->items < BATCH_ITEMS && batch->bytes < BATCH_BYTES) {
		struct zw_writer_item *item = calloc(1, sizeof(*item));
		struct zw_pending_frame frame;
		int r = item ? zw_pending_next(w->pending, &w->at, &frame) : -ENOMEM;

		if (r < 0) {
			free(item);
			/* Somebody else's hands were in the file. */
			if (r == -ENOENT || r == -EBADMSG) {
				w->facts.lost += w->in_file;
				w->in_file = 0;
			}
			break;
		}
		w->in_file--;
		item->number = frame.number;
		item->frame = (struct zw_str){(char *)frame.data, frame.len, frame.len, false};
		item->is_event = frame.len > 0 && frame.data[0] <= ZW_RECORD_CHANGE;
		zw_writer_push(batch, item);
	}
	if (w->in_file == 0)
		w->spilled = false;
}

/* What is in memory is older than what is in the file. */
static void take_batch(struct zw_writer *w, struct zw_writer_queue *batch)
{
	while (w->queue.first && batch->items < BATCH_ITEMS && batch->bytes < BATCH_BYTES)
		zw_writer_push(batch, queue_pop(&w->queue));
	if (!batch->first && w->spilled)
		read_spilled(w, batch);
	w->taken = batch->items;
}

static int store_item(struct zw_writer *w, const struct zw_writer_item *item, bool *ret_never)
{
	_zw_record_ struct zw_history_record record = {};
	int r = zw_record_decode(
		item->frame.buf + item->head, item->frame.len - item->head, &record);

	if (r == 0)
		r = zw_record_store(w->history, &record, item->snapshot);
	*ret_never = r == -EBADMSG || r == -EINVAL || r == -EFBIG;
	return *ret_never ? 0 : r;
}

int zw_writer_commit(struct zw_writer *w, int r, uint64_t number)
{
	if (r == 0 && number > w->stored_number)
		r = zw_history_set_meta(w->history, "stored", (int64_t)number);
	if (r < 0) {
		zw_history_rollback(w->history);
		return r;
	}
	r = zw_history_commit(w->history);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	if (number > w->stored_number)
		w->stored_number = number;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

/* 0, or -errno and nothing was stored. */
static int store_batch(struct zw_writer *w, const struct zw_writer_queue *batch,
	uint64_t *ret_events, uint64_t *ret_never)
{
	uint64_t number = 0;
	int r = zw_history_begin(w->history);

	*ret_events = *ret_never = 0;
	for (struct zw_writer_item *item = batch->first; item && r == 0; item = item->next) {
		bool never = false;

		r = store_item(w, item, &never);
		if (item->number > number)
			number = item->number;
		*ret_never += never;
		*ret_events += item->is_event && !never;
	}
	return zw_writer_commit(w, r, number);
}

void zw_writer_tell(struct zw_writer *w, int r, const char *sentence)
{
	_zw_str_ struct zw_str text = {};
	char old[sizeof(w->facts.error)];

	if (r < 0 && sentence)
		zw_str_addf(&text, "the history %s", sentence);
	else if (r < 0)
		zw_str_addf(&text, "nothing can be stored in the history '%s': %s", w->options.path,
			strerror(-r));
	pthread_mutex_lock(&w->lock);
	memcpy(old, w->facts.error, sizeof(old));
	snprintf(w->facts.error, sizeof(w->facts.error), "%s", text.buf ? text.buf : "");
	pthread_mutex_unlock(&w->lock);
	if (r < 0 && !zw_streq(old, w->facts.error))
		w->options.say(w->options.ctx, true, w->facts.error);
	if (r == 0 && old[0])
		w->options.say(w->options.ctx, false, "the history is written again");
}

static void learn_facts(struct zw_writer *w)
{
	struct zw_history_facts facts = {};

	if (zw_history_facts(w->history, &facts) < 0)
		return;
	pthread_mutex_lock(&w->lock);
	w->facts.bytes = facts.bytes;
	w->facts.oldest_ns = facts.oldest_ns;
	pthread_mutex_unlock(&w->lock);
}

/* What goes with it when it fails is tried again, and no event waits for it. */
static void store_watch(struct zw_writer *w)
{
	uint64_t now = zw_boottime_ns();

	if (!w->told_ns || (now < w->watch_ns && !w->ending))
		return;
	w->watch_ns = now + ZW_WATCH_NS;
	(void)zw_watch_store(&w->watch, w->history, w->told_ns);
}

/* A few steps; what is left comes after the next batch. */
static int prune(struct zw_writer *w)
{
	uint64_t now = zw_boottime_ns(), real = zw_realtime_ns();
	struct zw_history_limits limits = {};
	int r;

	if (now < w->prune_ns)
		return 0;
	pthread_mutex_lock(&w->lock);
	limits.max_bytes = w->options.max_bytes;
	if (w->options.keep_ns && real > w->options.keep_ns)
		limits.before_ns = real - w->options.keep_ns;
	if (w->options.traffic_ns && real > w->options.traffic_ns)
		limits.traffic_before_ns = real - w->options.traffic_ns;
	pthread_mutex_unlock(&w->lock);
	r = zw_history_prune(w->history, &limits);
	if (r <= 0) {
		w->prune_ns = now + PRUNE_NS;
		/* Not for what is only there to be there again in a moment. */
		if (w->unchecked)
			zw_history_checkpoint(w->history);
		w->unchecked = false;
	}
	learn_facts(w);
	return r;
}

/* What comes first in the history is what its zones were, and what became of them until they were looked at. */
static bool is_held(struct zw_writer *w)
{
	bool held;

	pthread_mutex_lock(&w->lock);
	held = w->strange && !w->ending;
	pthread_mutex_unlock(&w->lock);
	return held;
}

static int store(struct zw_writer *w, const struct zw_writer_queue *batch, uint64_t *ret_events,
	uint64_t *ret_never)
{
	int r = batch->first ? store_batch(w, batch, ret_events, ret_never) : 0;

	if (r < 0)
		return r;
	w->unchecked |= batch->first != NULL;
	store_watch(w);
	return prune(w);
}

/* Once. 0: all of @batch is stored; -EALREADY: the history is to be asked first. */
static int attempt(struct zw_writer *w, const struct zw_writer_queue *batch, uint64_t *ret_events,
	uint64_t *ret_never)
{
	_zw_str_ struct zw_str error = {};
	bool held;
	int r;

	pthread_mutex_lock(&w->disk);
	r = zw_writer_attach(w, &error);
	if (r == 0)
		r = zw_writer_replay(w);
	held = r == 0 && is_held(w);
	if (r == 0 && !held)
		r = store(w, batch, ret_events, ret_never);
	if (r == -EUCLEAN) {
		zw_writer_set_aside(w);
		/* With a new one it goes on at once. */
		r = zw_writer_attach(w, &error);
		if (r == 0 && batch->first)
			r = store_batch(w, batch, ret_events, ret_never);
	}
	w->failed = r < 0;
	pthread_mutex_lock(&w->lock);
	w->facts.open = w->history != NULL;
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_unlock(&w->disk);
	zw_writer_tell(w, r, error.len > 0 ? error.buf : NULL);
	return held ? -EALREADY : r;
}

static void wait_for(struct zw_writer *w, unsigned int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	(void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

void zw_writer_begin_file(struct zw_writer *w)
{
	if (w->begun || !w->pending || !w->id || zw_writer_waiting(w) > 0)
		return;
	w->begun = zw_pending_start(w->pending, (uint64_t)w->id) == 0;
}

size_t zw_writer_waiting(const struct zw_writer *w)
{
	return w->queue.items + w->taken + w->in_file + w->is_left;
}

static void batch_stored(struct zw_writer *w, uint64_t events, uint64_t never)
{
	w->taken = 0;
	w->facts.stored += events;
	w->facts.lost += never;
	if (w->pending && w->begun)
		zw_pending_stored(w->pending, w->stored_number);
	zw_writer_begin_file(w);
}

/* With @lock held; ends when all is stored, or after a failure when the writer is to end. */
static void work(struct zw_writer *w)
{
	struct zw_writer_queue batch = {};

	for (;;) {
		uint64_t events = 0, never = 0;
		bool last = w->stop;
		int r;

		if (!batch.first)
			take_batch(w, &batch);
		w->ending = last;
		if (!w->queue.first && !w->spilled)
			w->told_ns = w->alive_ns;
		pthread_mutex_unlock(&w->lock);
		r = attempt(w, &batch, &events, &never);
		if (r >= 0)
			zw_writer_queue_done(&batch);
		pthread_mutex_lock(&w->lock);
		if (r >= 0) {
			batch_stored(w, events, never);
			if (zw_writer_waiting(w) == 0)
				pthread_cond_broadcast(&w->idle);
		}
		if (last && (r < 0 || zw_writer_waiting(w) == 0))
			break;
		/* Pruning has more to do when it returned 1. */
		if (!w->stop && (r < 0 || (r == 0 && zw_writer_waiting(w) == 0)))
			wait_for(w, RETRY_S);
	}
	zw_writer_queue_done(&batch);
}

void *zw_writer_run(void *ctx)
{
	struct zw_writer *w = ctx;

	pthread_mutex_lock(&w->lock);
	work(w);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
