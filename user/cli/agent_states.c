/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The states of zones on their way to the disk: a thread of its own, since a sync takes as long as the disk likes and
 * events do not wait. One batch at a time is handed over; what changes meanwhile goes with the next one. */
#include "cli/agent.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define RETRY_S 1

/* One zone's state, named as it was when it was handed over: the zone itself may go meanwhile. */
struct job {
	char *server, *view, *zone;
	struct zw_snapshot *snapshot;
	uint64_t time_ns;
};

struct zw_agent_states {
	struct zw_history *history; /* under @disk */
	pthread_mutex_t disk;       /* held for as long as the disk takes */
	pthread_t thread;
	pthread_mutex_t lock; /* held for moments, of what follows */
	pthread_cond_t wake;
	ZW_VEC(struct job) batch; /* the thread's own while @busy */
	bool running, busy, stop;
};

/* Which server, over its restarts. A zone and what is made of it by signing are two of the same name. */
static char *server_name(const struct zw_agent_zone *z)
{
	return zw_asprintf("%s:%s%s", zw_server_kind_to_string(z->server->kind), z->server->config,
		z->is_signed ? ":signed" : "");
}

static void job_done(struct job *j)
{
	free(j->server);
	free(j->view);
	free(j->zone);
	zw_snapshot_unref(j->snapshot);
}

static void batch_done(struct zw_agent_states *s)
{
	ZW_VEC_FOREACH(j, &s->batch)
		job_done(j);
	s->batch.len = 0;
}

/* A state that cannot be stored is left out: the next change of its zone stores all of it. */
static int write_batch(struct zw_agent_states *s)
{
	int r = zw_history_begin(s->history);

	if (r < 0)
		return r;
	ZW_VEC_FOREACH(j, &s->batch) {
		struct zw_history_zone key = {
			.server = j->server, .view = j->view, .zone = j->zone};
		int rc = zw_history_store_zone(s->history, &key, j->snapshot, j->time_ns);

		if (rc < 0)
			zw_error("the state of zone '%s' cannot be stored: %s", j->zone,
				strerror(-rc));
	}
	return zw_history_commit(s->history);
}

static void wait_to_retry(struct zw_agent_states *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_S;
	pthread_mutex_lock(&s->lock);
	while (!s->stop && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
		;
	pthread_mutex_unlock(&s->lock);
}

/* Tries until the disk takes the batch, or the agent ends. */
static void store_batch(struct zw_agent_states *s)
{
	bool told = false;

	for (;;) {
		bool last;
		int r;

		pthread_mutex_lock(&s->lock);
		last = s->stop;
		pthread_mutex_unlock(&s->lock);
		pthread_mutex_lock(&s->disk);
		r = write_batch(s);
		pthread_mutex_unlock(&s->disk);
		if (r == 0)
			return;
		if (!told || last)
			zw_error("the states of %zu zones cannot be stored in the history: %s%s",
				s->batch.len, strerror(-r), last ? "" : "; trying again");
		told = true;
		if (last)
			return;
		wait_to_retry(s);
	}
}

static void *run(void *ctx)
{
	struct zw_agent_states *s = ctx;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->busy && !s->stop)
			pthread_cond_wait(&s->wake, &s->lock);
		if (!s->busy)
			break;
		pthread_mutex_unlock(&s->lock);
		store_batch(s);
		batch_done(s);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int zw_agent_states_open(
	const char *path, struct zw_agent_states **ret_states, struct zw_str *error)
{
	struct zw_agent_states *s = calloc(1, sizeof(*s));
	sigset_t all, old;
	int r;

	if (!s)
		return -ENOMEM;
	r = zw_history_open(path, &s->history, error);
	if (r < 0) {
		free(s);
		return r;
	}
	pthread_mutex_init(&s->disk, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0) {
		zw_history_close(s->history);
		free(s);
		return r;
	}
	s->running = true;
	*ret_states = s;
	return 0;
}

/* After the batch that is on its way, which is tried once more. */
static void stop_thread(struct zw_agent_states *s)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = false;
}

void zw_agent_states_close(struct zw_agent_states *s)
{
	if (!s)
		return;
	stop_thread(s);
	zw_history_close(s->history);
	zw_vec_free(&s->batch);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->disk);
	free(s);
}

int zw_agent_states_load(struct zw_agent *a, struct zw_agent_zone *z)
{
	_zw_free_ char *server = NULL;
	struct zw_history_zone key = {.view = z->view, .zone = z->name};
	int r;

	if (!a->states)
		return -ENOENT;
	server = server_name(z);
	if (!server)
		return -ENOMEM;
	key.server = server;
	pthread_mutex_lock(&a->states->disk);
	r = zw_history_load_zone(a->states->history, &key, &z->good, &z->stored_ns);
	pthread_mutex_unlock(&a->states->disk);
	return r;
}

static int hand_over(struct zw_agent_states *s, struct zw_agent_zone *z)
{
	struct job j = {
		.server = server_name(z),
		.view = strdup(z->view),
		.zone = strdup(z->name),
		.snapshot = zw_snapshot_ref(z->good),
		.time_ns = zw_realtime_ns(),
	};

	if (j.server && j.view && j.zone && zw_vec_push(&s->batch, j) == 0)
		return 0;
	job_done(&j);
	return -ENOMEM;
}

/* What is not stored yet, as far as memory lasts: the rest goes with the next batch. */
static void collect(struct zw_agent *a)
{
	ZW_VEC_FOREACH(it, &a->zones) {
		struct zw_agent_zone *z = *it;

		if (!z->unsaved || !z->good)
			continue;
		if (hand_over(a->states, z) < 0)
			return;
		z->unsaved = false;
	}
}

void zw_agent_states_save(struct zw_agent *a)
{
	struct zw_agent_states *s = a->states;
	bool busy;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	busy = s->busy;
	pthread_mutex_unlock(&s->lock);
	if (busy)
		return;
	collect(a);
	if (!s->batch.len)
		return;
	pthread_mutex_lock(&s->lock);
	s->busy = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void zw_agent_states_finish(struct zw_agent *a)
{
	struct zw_agent_states *s = a->states;

	if (!s)
		return;
	stop_thread(s);
	collect(a);
	if (s->batch.len)
		store_batch(s);
	batch_done(s);
}
