/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The history as it would be if it could be written: an agent that starts while the disk is full, or read-only, finds what
 * changed while there was none all the same, and nothing that the one before it told. And one that could not even be read
 * then: it is asked when it is there, before anything is stored in it. */
#include <errno.h>
#include <stdlib.h>

#include "sink/history_impl.h"
#include "sink/history_writer_impl.h"

void zw_writer_past_done(struct zw_writer *w)
{
	zw_replay_book_free(ZW_TAKE(w->past.book));
	zw_history_close(ZW_TAKE(w->past.history));
}

/* What was pending, but for what the history has by its number. What can never be stored makes nothing of a zone. */
static int note_frame(
	struct zw_writer *w, const struct zw_pending_frame *frame, int64_t id, uint64_t stored)
{
	_zw_record_ struct zw_history_record record = {};
	int r;

	if (frame->history == (uint64_t)id && frame->number <= stored)
		return 0;
	r = zw_record_decode(frame->data, frame->len, &record);
	if (r == 0)
		r = zw_replay_note(w->past.book, &record);
	return r == -EBADMSG || r == -EINVAL ? 0 : r;
}

static int note_pending(struct zw_writer *w, int64_t id, uint64_t stored)
{
	struct zw_pending_position left, end;
	bool is_left;
	int r = 0;

	pthread_mutex_lock(&w->lock);
	left = w->left;
	end = w->left_end;
	is_left = w->is_left;
	pthread_mutex_unlock(&w->lock);
	while (r == 0 && is_left && zw_writer_is_before(&left, &end)) {
		struct zw_pending_frame frame = {};

		pthread_mutex_lock(&w->lock);
		r = zw_pending_next(w->pending, &left, &frame);
		pthread_mutex_unlock(&w->lock);
		if (r == 0)
			r = note_frame(w, &frame, id, stored);
		free(frame.data);
	}
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static int read_past(struct zw_writer *w)
{
	struct zw_history *history;
	int64_t id, stored = 0;
	int r = w->history ? 0 : zw_history_open_past(w->options.path, &w->past.history);

	if (r < 0)
		return r;
	history = w->history ? w->history : w->past.history;
	/* One without has no states either. */
	r = zw_history_get_meta(history, "id", &id);
	if (r == 0)
		r = zw_history_get_meta(history, "stored", &stored);
	if (r == 0 || r == -ENOENT)
		r = zw_replay_book_new(history, &w->past.book);
	if (r == 0)
		r = note_pending(w, id, (uint64_t)stored);
	if (r == 0 && w->past.history)
		r = zw_watch_begin(&w->watch, history);
	if (r == 0)
		w->past.id = id;
	return r;
}

int zw_writer_load_past(struct zw_writer *w, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns, uint64_t *ret_watched_ns)
{
	int r = w->past.book ? 0 : read_past(w);

	if (r < 0) {
		zw_writer_past_done(w);
		return -ENODEV;
	}
	r = zw_replay_state(w->past.book, zone, ret_snapshot, ret_time_ns);
	if (r < 0)
		return r;
	return zw_watch_come(
		&w->watch, w->history ? w->history : w->past.history, zone, ret_watched_ns);
}

bool zw_writer_is_strange(struct zw_writer *w)
{
	bool strange;

	pthread_mutex_lock(&w->lock);
	strange = w->strange;
	pthread_mutex_unlock(&w->lock);
	return strange;
}

void zw_writer_asked(struct zw_writer *w)
{
	pthread_mutex_lock(&w->disk);
	pthread_mutex_lock(&w->lock);
	/* One whose number cannot be kept is asked again when it goes and comes back. */
	if (w->strange)
		(void)zw_vec_push(&w->known, w->id);
	w->unasked &= !w->strange;
	w->strange = false;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_unlock(&w->disk);
}

static int store_event(struct zw_writer *w, const struct zw_history_record *record)
{
	int r = w->history ? zw_history_begin(w->history) : -ENODEV;

	if (r < 0)
		return r;
	r = zw_record_store(w->history, record, NULL);
	if (r == 0)
		return zw_history_commit(w->history);
	zw_history_rollback(w->history);
	return r;
}

int zw_writer_event_before(struct zw_writer *w, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len)
{
	_zw_record_ struct zw_history_record record = {};
	_zw_str_ struct zw_str bytes = {};
	int r = zw_record_put_event(&bytes, leads, zone, report, json, len);

	if (r == 0)
		r = zw_record_decode(bytes.buf, bytes.len, &record);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->disk);
	r = store_event(w, &record);
	pthread_mutex_unlock(&w->disk);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	w->facts.stored++;
	pthread_mutex_unlock(&w->lock);
	return 0;
}
