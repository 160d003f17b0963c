/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer's side of the file: open, gone, replaced, damaged; and what an earlier writer left beside it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "sink/history_impl.h"
#include "sink/history_writer_impl.h"

/* Records of an earlier writer that are stored in one transaction. */
#define REPLAY_STEP 512

static void say(struct zw_writer *w, bool error, const char *fmt, ...) _zw_printf_(3, 4);

static void say(struct zw_writer *w, bool error, const char *fmt, ...)
{
	_zw_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (text)
		w->options.say(w->options.ctx, error, text);
}

void zw_writer_detach(struct zw_writer *w)
{
	/* What was noted goes on from what it has. */
	zw_writer_past_done(w);
	zw_replay_book_free(ZW_TAKE(w->book));
	zw_history_close(ZW_TAKE(w->history));
	pthread_mutex_lock(&w->lock);
	w->strange = false;
	pthread_mutex_unlock(&w->lock);
}

/* The file that is open is not the one of that name any more: what is beside the name is not ours to take away. */
static void detach_gone(struct zw_writer *w)
{
	(void)sqlite3_db_config(w->history->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	zw_writer_detach(w);
}

static bool is_gone(struct zw_writer *w)
{
	struct stat st;

	if (stat(w->options.path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return st.st_dev != w->dev || st.st_ino != w->ino;
}

/* Which history it is, so that the file beside it is known to be of it. */
static int identify(struct zw_writer *w)
{
	int64_t id = 0, stored = 0;
	int r = zw_history_get_meta(w->history, "id", &id);

	if (r == -ENOENT) {
		while (id == 0) {
			if (getrandom(&id, sizeof(id), 0) != sizeof(id))
				id = (int64_t)zw_realtime_ns();
			id &= INT64_MAX;
		}
		r = zw_history_set_meta(w->history, "id", id);
	}
	if (r < 0)
		return r;
	r = zw_history_get_meta(w->history, "stored", &stored);
	if (r < 0 && r != -ENOENT)
		return r;
	w->id = id;
	pthread_mutex_lock(&w->lock);
	w->stored_number = (uint64_t)stored;
	if (w->number < (uint64_t)stored)
		w->number = (uint64_t)stored;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

/* What is beside a history that was not there at first was left by an earlier writer. What was told meanwhile is in memory. */
static void take_pending(struct zw_writer *w)
{
	pthread_mutex_lock(&w->lock);
	if (!w->in_file && !w->is_left && !(w->pending && zw_pending_is_there(w->pending))) {
		zw_pending_close(ZW_TAKE(w->pending));
		w->begun = false;
		zw_writer_open_pending(w);
	}
	pthread_mutex_unlock(&w->lock);
}

static bool is_known(const struct zw_writer *w)
{
	ZW_VEC_FOREACH(id, &w->known)
		if (*id == w->id)
			return true;
	return false;
}

static void aside_name(const char *path, const char *end, char *ret_name, size_t size)
{
	time_t now = (time_t)(zw_realtime_ns() / ZW_NSEC_PER_SEC);
	char stamp[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(ret_name, size, "%s.damaged-%s%s", path, stamp, end);
}

void zw_writer_set_aside(struct zw_writer *w)
{
	static const char *const ends[] = {"-shm", "-wal", ""};
	char from[4096], to[4096];
	int r = 0;

	if (w->history)
		detach_gone(w);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(ends); i++) {
		snprintf(from, sizeof(from), "%s%s", w->options.path, ends[i]);
		aside_name(w->options.path, ends[i], to, sizeof(to));
		r = rename(from, to) < 0 ? -errno : 0;
	}
	if (r < 0)
		say(w, true, "the history is damaged and cannot be set aside: %s", strerror(-r));
	else
		say(w, true, "the history is damaged; it is now '%s', and a new one is begun", to);
}

static int open_file(struct zw_writer *w, struct zw_str *error)
{
	struct stat st;
	int r = zw_history_open(w->options.path, &w->history, error);

	if (r == -EUCLEAN) {
		zw_writer_set_aside(w);
		error->len = 0;
		r = zw_history_open(w->options.path, &w->history, error);
	}
	if (r < 0)
		return r;
	r = stat(w->options.path, &st) < 0 ? -errno : zw_replay_book_new(w->history, &w->book);
	if (r < 0) {
		zw_writer_detach(w);
		return r;
	}
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	return 0;
}

/* What zones the history has, and whether somebody asked for them. */
static int find_zones(struct zw_writer *w, bool again)
{
	bool asked = w->past.id && w->past.id == w->id;
	bool anew = again || (w->failed && !asked), strange;
	int r = asked ? 0 : zw_watch_begin(&w->watch, w->history);

	if (r < 0)
		return r;
	strange = w->watch.last_zone > 0 && (w->unasked || anew) && !is_known(w);
	if (!strange && !is_known(w))
		r = zw_vec_push(&w->known, w->id);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	/* What the zones are is told, and not read, of one that was there before. */
	w->watch.marked |= again && !strange;
	w->is_new |= anew;
	w->strange = strange;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int zw_writer_attach(struct zw_writer *w, struct zw_str *error)
{
	bool again = w->id != 0;
	int r;

	if (w->history && is_gone(w)) {
		say(w, true, "the history '%s' was removed or replaced while it was written",
			w->options.path);
		detach_gone(w);
	}
	if (w->history)
		return 0;
	/* Two ways to the same file at once would take each other's locks. */
	zw_writer_past_done(w);
	r = open_file(w, error);
	if (r < 0)
		return r;
	if (again || w->failed)
		take_pending(w);
	r = identify(w);
	if (r < 0) {
		zw_str_addf(error, "\"%s\" cannot be written: %s", w->options.path, strerror(-r));
		zw_writer_detach(w);
		return r;
	}
	r = find_zones(w, again);
	if (r < 0)
		zw_writer_detach(w);
	return r;
}

/* What was stored by now is known by its number, if the file is of this history. */
static int replay_frame(struct zw_writer *w, const struct zw_pending_frame *frame)
{
	_zw_record_ struct zw_history_record record = {};
	int r;

	if (frame->history == (uint64_t)w->id && frame->number <= w->stored_number)
		return 0;
	r = zw_record_decode(frame->data, frame->len, &record);
	if (r == 0)
		r = zw_replay_store(w->book, &record);
	/* What can never be stored is not tried for ever. */
	if (r == -EBADMSG || r == -EINVAL) {
		pthread_mutex_lock(&w->lock);
		w->facts.lost++;
		pthread_mutex_unlock(&w->lock);
		return 0;
	}
	if (r == 0 && record.event.id) {
		pthread_mutex_lock(&w->lock);
		w->facts.stored++;
		pthread_mutex_unlock(&w->lock);
	}
	return r;
}

bool zw_writer_is_before(const struct zw_pending_position *a, const struct zw_pending_position *b)
{
	return a->file < b->file || (a->file == b->file && a->offset < b->offset);
}

/* -ENOENT when there are no more. */
static int take_left(struct zw_writer *w, struct zw_pending_frame *ret_frame)
{
	int r = -ENOENT;

	pthread_mutex_lock(&w->lock);
	if (w->is_left && zw_writer_is_before(&w->left, &w->left_end))
		r = zw_pending_next(w->pending, &w->left, ret_frame);
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* One transaction. 1: there may be more. */
static int replay_step(struct zw_writer *w)
{
	uint64_t number = 0;
	int n = 0, r = zw_history_begin(w->history);

	while (r == 0 && n < REPLAY_STEP) {
		struct zw_pending_frame frame = {};

		r = take_left(w, &frame);
		if (r < 0)
			break;
		r = replay_frame(w, &frame);
		if (r == 0 && frame.history == (uint64_t)w->id && frame.number > number)
			number = frame.number;
		free(frame.data);
		n++;
	}
	if (r == -ENOENT || r == -EBADMSG)
		r = 0;
	r = zw_writer_commit(w, r, number);
	return r < 0 ? r : n == REPLAY_STEP;
}

int zw_writer_replay(struct zw_writer *w)
{
	struct zw_pending_position from;
	int r;

	if (!w->is_left)
		return 0;
	do {
		from = w->left;
		r = replay_step(w);
	} while (r > 0);
	pthread_mutex_lock(&w->lock);
	if (r < 0)
		w->left = from;
	else
		w->is_left = false;
	pthread_mutex_unlock(&w->lock);
	if (r == 0)
		zw_writer_past_done(w);
	/* States that were read for it are not needed any more, and those of a step that failed are wrong. */
	zw_replay_book_free(ZW_TAKE(w->book));
	if (r < 0)
		(void)zw_replay_book_new(w->history, &w->book);
	return r;
}
