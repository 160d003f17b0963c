/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/agent_feeds.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "cli/feed_file.h"

/* How often files are looked at. One that is being written is waited for: it has to be the same at two looks. */
#define LOOK_NS ZW_NSEC_PER_SEC

/* One list. */
struct slot {
	struct zw_conf_feed conf;    /* strings of its own */
	struct zw_feed *feed;        /* in force; of the list of feeds. NULL: none was read yet */
	struct zw_feed_file_id seen; /* at the last look */
	struct zw_feed_file_id
		tried;       /* what was read last, with what result ever; all zero: nothing */
	bool tried_once;     /* since it is in the configuration */
	uint64_t loaded_ns;  /* CLOCK_REALTIME: when @feed was taken over */
	uint64_t written_ns; /* CLOCK_REALTIME: when its file was last written to */
	char *error;         /* why what there is now is not in force; NULL: it is. Told already */
};

/* A list that is being read. */
struct job {
	struct zw_conf_feed conf; /* strings of its own: the slot may go */
	pthread_t thread;
	atomic_bool done;
	/* what came of it, once it is done */
	int r;
	struct zw_feed *feed;
	struct zw_feed_file_id id;
	struct zw_str error;
};

struct zw_agent_feeds {
	ZW_VEC(struct slot) slots;
	struct zw_feeds *list;
	struct job *job;  /* NULL: none */
	uint64_t look_ns; /* CLOCK_BOOTTIME: when files are looked at again */
};

static void conf_done(struct zw_conf_feed *conf)
{
	free(conf->name);
	free(conf->file);
	*conf = (struct zw_conf_feed){};
}

static int conf_copy(const struct zw_conf_feed *from, struct zw_conf_feed *ret_to)
{
	struct zw_conf_feed to = *from;

	to.name = strdup(from->name);
	to.file = strdup(from->file);
	if (!to.name || !to.file) {
		conf_done(&to);
		return -ENOMEM;
	}
	*ret_to = to;
	return 0;
}

static bool conf_same(const struct zw_conf_feed *a, const struct zw_conf_feed *b)
{
	return zw_streq(a->name, b->name) && zw_streq(a->file, b->file) && a->format == b->format &&
	       a->kind == b->kind;
}

/* @feed stays in the list. */
static void slot_done(struct slot *s)
{
	conf_done(&s->conf);
	free(ZW_TAKE(s->error));
}

static void job_free(struct job *job)
{
	conf_done(&job->conf);
	zw_feed_free(job->feed);
	zw_str_free(&job->error);
	free(job);
}

static void *read_list(void *arg)
{
	struct job *job = arg;

	job->r = zw_feed_file_load(&job->conf, &job->feed, &job->id, &job->error);
	/* What reading took is much more than what is kept. */
	malloc_trim(0);
	atomic_store_explicit(&job->done, true, memory_order_release);
	return NULL;
}

static int begin(struct zw_agent_feeds *f, const struct slot *s)
{
	struct job *job = calloc(1, sizeof(*job));
	sigset_t all, old;
	int r;

	if (!job)
		return -ENOMEM;
	r = conf_copy(&s->conf, &job->conf);
	if (r < 0) {
		free(job);
		return r;
	}
	/* Signals are for the agent's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&job->thread, NULL, read_list, job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0) {
		job_free(job);
		return r;
	}
	f->job = job;
	return 0;
}

int zw_agent_feeds_new(struct zw_agent_feeds **ret_feeds)
{
	struct zw_agent_feeds *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	r = zw_feeds_new(&f->list);
	if (r < 0) {
		free(f);
		return r;
	}
	*ret_feeds = f;
	return 0;
}

void zw_agent_feeds_free(struct zw_agent_feeds *f)
{
	if (!f)
		return;
	if (f->job) {
		pthread_join(f->job->thread, NULL);
		job_free(f->job);
	}
	ZW_VEC_FOREACH(s, &f->slots)
		slot_done(s);
	zw_vec_free(&f->slots);
	zw_feeds_free(f->list);
	free(f);
}

static struct slot *find_slot(struct zw_agent_feeds *f, const struct zw_conf_feed *conf)
{
	ZW_VEC_FOREACH(s, &f->slots)
		if (conf_same(&s->conf, conf))
			return s;
	return NULL;
}

static bool is_wanted(const struct zw_conf *conf, const struct slot *s)
{
	for (size_t i = 0; i < conf->feeds; i++)
		if (conf_same(&conf->feed[i], &s->conf))
			return true;
	return false;
}

int zw_agent_feeds_follow(struct zw_agent_feeds *f, const struct zw_conf *conf)
{
	int r;

	for (size_t i = f->slots.len; i-- > 0;) {
		struct slot *s = &f->slots.items[i];

		if (is_wanted(conf, s)) {
			s->tried = (struct zw_feed_file_id){};
			continue;
		}
		if (s->feed)
			zw_feeds_drop(f->list, s->feed);
		slot_done(s);
		f->slots.len--;
		memmove(s, s + 1, (f->slots.len - i) * sizeof(*s));
	}
	for (size_t i = 0; i < conf->feeds; i++) {
		struct slot s = {};

		if (find_slot(f, &conf->feed[i]))
			continue;
		r = conf_copy(&conf->feed[i], &s.conf);
		if (r == 0)
			r = zw_vec_push(&f->slots, s);
		if (r < 0) {
			conf_done(&s.conf);
			return r;
		}
	}
	f->look_ns = 0;
	return 0;
}

/* Says it once. */
static void set_error(struct slot *s, const char *error)
{
	if (s->error && zw_streq(s->error, error))
		return;
	free(s->error);
	s->error = strdup(error);
	zw_warning("feed '%s': '%s' %s; %s", s->conf.name, s->conf.file, error,
		s->feed ? "the list before it stays in force" : "there is none in force");
}

static void told_loaded(const struct slot *s)
{
	const struct zw_feed_stats *stats = zw_feed_stats(s->feed);
	_zw_str_ struct zw_str bad = {};

	zw_info("feed '%s': %" PRIu64 " entries of '%s' are in force", s->conf.name,
		zw_feed_entries(stats), s->conf.file);
	zw_feed_file_bad_lines(stats, &bad);
	if (bad.len)
		zw_warning("feed '%s': '%s': %s", s->conf.name, s->conf.file, bad.buf);
}

static void take_over(struct zw_agent_feeds *f, struct slot *s, struct job *job)
{
	if (job->r == 0) {
		int r = zw_feeds_replace(f->list, s->feed, job->feed);

		if (r < 0) {
			set_error(s, strerror(-r));
			return;
		}
		s->feed = ZW_TAKE(job->feed);
		s->loaded_ns = zw_realtime_ns();
		s->written_ns = job->id.mtime_ns;
		free(ZW_TAKE(s->error));
		told_loaded(s);
	} else {
		set_error(s, job->error.buf ? job->error.buf : strerror(-job->r));
	}
}

static void finish(struct zw_agent_feeds *f)
{
	struct job *job = ZW_TAKE(f->job);
	struct slot *s;

	pthread_join(job->thread, NULL);
	s = find_slot(f, &job->conf);
	/* Else it is not in the configuration any more. */
	if (s) {
		s->tried_once = true;
		/* Written to meanwhile, it is read again when it is quiet. */
		if (job->r != -EAGAIN) {
			s->tried = job->id;
			take_over(f, s, job);
		}
	}
	job_free(job);
}

/* Whether its file is to be read: it is not what was tried last, and does not change any more. */
static bool is_due(struct slot *s)
{
	struct zw_feed_file_id now = {}, seen = s->seen;
	int r = zw_feed_file_look(s->conf.file, &now);

	if (r < 0) {
		_zw_free_ char *error = zw_asprintf("cannot be opened: %s", strerror(-r));

		s->tried_once = true;
		s->seen = s->tried = (struct zw_feed_file_id){};
		set_error(s, error ? error : strerror(-r));
		return false;
	}
	s->seen = now;
	if (zw_feed_file_id_equal(&now, &s->tried))
		return false;
	/* At the start there is nothing to go on with meanwhile. */
	return !s->tried_once || zw_feed_file_id_equal(&now, &seen);
}

void zw_agent_feeds_tick(struct zw_agent_feeds *f, uint64_t now_ns)
{
	int r;

	if (f->job && atomic_load_explicit(&f->job->done, memory_order_acquire)) {
		finish(f);
		f->look_ns = zw_agent_feeds_are_awaited(f) ? 0 : f->look_ns;
	}
	if (f->job || now_ns < f->look_ns)
		return;
	f->look_ns = now_ns + LOOK_NS;
	ZW_VEC_FOREACH(s, &f->slots) {
		if (f->job || !is_due(s))
			continue;
		r = begin(f, s);
		if (r < 0) {
			s->tried_once = true;
			set_error(s, strerror(-r));
		}
	}
}

bool zw_agent_feeds_are_awaited(const struct zw_agent_feeds *f)
{
	ZW_VEC_FOREACH(s, &f->slots)
		if (!s->tried_once)
			return true;
	return false;
}

const struct zw_feeds *zw_agent_feeds_list(const struct zw_agent_feeds *f)
{
	return f->list;
}

static json_t *slot_status(const struct slot *s, uint64_t now_ns)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", s->conf.name, "file",
		s->conf.file, "format", zw_feed_format_to_string(s->conf.format), "kind",
		zw_feed_kind_to_string(s->conf.kind), "error", s->error);
	const struct zw_feed_stats *stats;
	_zw_str_ struct zw_str bad = {};
	char loaded[ZW_TIME_ISO_MAX];

	if (!o || !s->feed)
		return o;
	stats = zw_feed_stats(s->feed);
	zw_time_iso(s->loaded_ns, loaded);
	json_object_set_new(o, "entries", json_integer((json_int_t)zw_feed_entries(stats)));
	json_object_set_new(o, "duplicates", json_integer((json_int_t)stats->duplicates));
	json_object_set_new(o, "skipped", json_integer((json_int_t)stats->skipped));
	json_object_set_new(o, "bad_lines", json_integer((json_int_t)stats->bad));
	json_object_set_new(o, "bytes", json_integer((json_int_t)zw_feed_memory(s->feed)));
	json_object_set_new(o, "loaded", json_string(loaded));
	json_object_set_new(o, "age_s",
		json_integer(now_ns > s->written_ns
				     ? (json_int_t)((now_ns - s->written_ns) / ZW_NSEC_PER_SEC)
				     : 0));
	zw_feed_file_bad_lines(stats, &bad);
	if (bad.len)
		json_object_set_new(o, "bad", json_string(bad.buf));
	return o;
}

json_t *zw_agent_feeds_status(const struct zw_agent_feeds *f)
{
	uint64_t now = zw_realtime_ns();
	json_t *list = json_array();

	ZW_VEC_FOREACH(s, &f->slots)
		json_array_append_new(list, slot_status(s, now));
	return list;
}
