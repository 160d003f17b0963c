/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/served_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/name.h"

#define PROC_ROOT "/proc"
/* For a job: some tens of microseconds a zone, and a busy server. */
#define JOB_TIMEOUT_MS 10000
/* Jobs take a tenth of the time at most, but a change never waits longer than this for the next one. */
#define IDLE_FACTOR 9
#define IDLE_MAX_NS (5 * ZW_NSEC_PER_SEC)
/* Marks of Knot do not see what changed under the same serial, as a forced transfer may: all zones are read whole with
 * every so many reconciliations. Knot logs a line for each. */
#define WHOLE_PERIODS 60
/* A server that cannot be asked is asked again so much later. */
#define FAILED_NS (5 * ZW_NSEC_PER_SEC)
/* Two changes that both show are told apart when so much lies between them. */
#define SLACK_NS (100 * ZW_NSEC_PER_MSEC)

void zw_served_zone_free(struct zw_served_zone *v)
{
	if (!v)
		return;
	zw_snapshot_unref(v->snapshot);
	free(v->error);
	free(v);
}

const zw_paths *zw_served_files(const struct zw_served *served)
{
	return &served->target.watch;
}

bool zw_served_is_awaited(const struct zw_agent_zone *z)
{
	return z->served && !z->served->told_ns && z->server->served && z->server->pid;
}

void zw_served_want(struct zw_agent *a, struct zw_agent_zone *z)
{
	(void)a;
	if (!z->server->served)
		return;
	if (!z->served->wanted_ns)
		z->served->wanted_ns = zw_boottime_ns();
	z->server->served->wanted = z->server->served->some = true;
}

void zw_served_forget(struct zw_agent_zone *z)
{
	struct zw_served *s = z->server->served;

	if (!s || !z->served)
		return;
	for (size_t i = 0; i < s->asked.len; i++)
		if (s->asked.items[i] == z)
			s->asked.items[i] = NULL;
}

/* --- what a job says ------------------------------------------------------------------------------------- */

/* The zone is to be looked at, for the first time or because its server says something new. */
static void look_soon(struct zw_agent *a, struct zw_agent_zone *z, bool first, uint64_t begin_ns)
{
	int r;

	if (first) {
		r = zw_agent_begin_zone(a, z);
		if (r < 0)
			zw_error("cannot look at zone '%s': %s", z->name, strerror(-r));
		return;
	}
	if (!z->first_ns)
		z->first_ns = begin_ns;
	z->digest_wanted = true;
	zw_agent_schedule(a, z, zw_boottime_ns());
}

static bool same_content(const struct zw_snapshot *a, const struct zw_snapshot *b)
{
	return a == b || (a && b && zw_snapshot_equal(a, b));
}

/* What is known of @z is all that there is to know by now. */
static void tell_nothing(
	struct zw_agent *a, const struct zw_served *s, struct zw_agent_zone *z, bool first)
{
	struct zw_served_zone *v = z->served;
	bool wanted = v->wanted_ns != 0;

	v->answer_ns = s->begin_ns;
	v->end_ns = zw_boottime_ns();
	v->wanted_ns = 0;
	if (first || wanted)
		look_soon(a, z, first, s->begin_ns);
}

/* Zone @z is what its server said the last time; @marked: by its mark. */
static void tell_same(struct zw_agent *a, struct zw_served *s, struct zw_agent_zone *z, bool marked)
{
	struct zw_served_zone *v = z->served;
	bool first = !v->told_ns;
	uint64_t settled;

	/* What is about to show was written lately. */
	settled = s->begin_ns > s->event_ns + ZW_SERVED_SETTLED_NS
			  ? s->begin_ns
			  : s->begin_ns - ZW_SERVED_SETTLED_NS;
	if (marked && zw_served_marks_may_miss(s) && settled > s->open_ns - ZW_SERVED_SETTLED_NS)
		settled = s->open_ns - ZW_SERVED_SETTLED_NS;
	if (first || settled > v->told_ns)
		v->told_ns = settled;
	v->same_ns = s->begin_ns;
	tell_nothing(a, s, z, first);
}

/* What a job said of a zone; owned by whoever has it. */
struct saying {
	uint64_t mark;
	struct zw_snapshot *snapshot;
	char *error;
	bool empty;
};

/* The server says something of @z that may be new. */
static void tell(
	struct zw_agent *a, struct zw_served *s, struct zw_agent_zone *z, struct saying said)
{
	struct zw_served_zone *v = z->served;
	bool first = !v->told_ns;

	v->mark = said.mark;
	if (!first && same_content(said.snapshot, v->snapshot)) {
		zw_snapshot_unref(said.snapshot);
		free(said.error);
		tell_same(a, s, z, false);
		return;
	}
	/* What changed did so since the reading before, or since the one that the zone was last looked at with. */
	if (zw_source_server_is_taken(z)) {
		v->from_ns = v->told_ns > SLACK_NS ? v->told_ns - SLACK_NS : 0;
		v->old_ns = v->same_ns;
	}
	v->told_ns = v->begin_ns = v->answer_ns = v->same_ns = s->begin_ns;
	v->end_ns = v->shown_ns = zw_boottime_ns();
	v->wanted_ns = 0;
	zw_snapshot_unref(v->snapshot);
	v->snapshot = said.snapshot;
	free(v->error);
	v->error = said.error;
	v->was_empty = v->empty;
	v->empty = said.empty;
	look_soon(a, z, first, s->begin_ns);
}

struct listening {
	struct zw_agent *a;
	struct zw_served *s;
};

static void drop_builder(struct zw_served *s)
{
	zw_builder_free(s->builder);
	s->builder = NULL;
}

static int on_record(void *ctx, size_t i, const struct zw_record *record)
{
	struct listening *l = ctx;
	struct zw_served *s = l->s;
	struct zw_agent_zone *z = s->asked.items[i];
	int r = 0;

	if (!z)
		return 0;
	if (s->builder && s->building != i)
		drop_builder(s);
	if (!s->builder) {
		s->building = i;
		r = zw_builder_new(&l->a->key, z->origin, z->good, &s->builder);
	}
	/* The process that reads may be another's by now. */
	if (r == 0 && !zw_name_is_within(record->owner, z->origin))
		return -EPROTO;
	return r == 0 ? zw_builder_add(s->builder, record) : r;
}

static int on_done(void *ctx, size_t i, uint64_t mark, bool changed)
{
	struct listening *l = ctx;
	struct zw_served *s = l->s;
	struct zw_agent_zone *z = s->asked.items[i];
	struct zw_snapshot *snapshot = NULL;
	int r = 0;

	if (changed && s->builder && s->building == i)
		r = zw_builder_finish(s->builder, &snapshot);
	else if (changed && z)
		r = -EPROTO;
	drop_builder(s);
	if (r < 0 || !z)
		return r;
	if (changed)
		tell(l->a, s, z, (struct saying){.mark = mark, .snapshot = snapshot});
	else
		tell_same(l->a, s, z, true);
	return 0;
}

static int on_failed(void *ctx, size_t i, int r, const struct zw_zone_error *error)
{
	struct listening *l = ctx;
	struct zw_agent_zone *z = l->s->asked.items[i];
	char *text;

	drop_builder(l->s);
	if (!z)
		return 0;
	text = strdup(error->reason);
	if (!text)
		return -ENOMEM;
	z->served->refused = r == -EACCES;
	if (z->served->refused)
		z->served->again_ns = 0;
	if (r == -EACCES && l->s->target.allow) {
		char *more = zw_asprintf("%s; allow it with \"%s\"", text, l->s->target.allow);

		free(text);
		text = more;
		if (!text)
			return -ENOMEM;
	}
	if (r == -EACCES && z->is_copy && !l->s->refused) {
		zw_warning("%s; until then zone '%s', and others like it, is what its file says",
			text, z->name);
		l->s->refused = true;
	}
	/* Gone from its server: the listing will say so, too. */
	if (r == -ENOENT)
		zw_agent_list_soon(l->a, l->s->server);
	tell(l->a, l->s, z, (struct saying){.error = text, .empty = r == -ENODATA});
	return 0;
}

static int on_unasked(void *ctx)
{
	struct listening *l = ctx;

	if (l->s->all)
		zw_agent_list_soon(l->a, l->s->server);
	return 0;
}

/* --- jobs -------------------------------------------------------------------------------------------------- */

void zw_served_end_job(struct zw_served *s)
{
	drop_builder(s);
	zw_state_job_free(ZW_TAKE(s->job));
	s->asked.len = 0;
}

/* The server could not be asked. Zones that nothing is known of make do with their files. */
static void job_failed(struct zw_agent *a, struct zw_served *s, const char *reason)
{
	uint64_t now = zw_boottime_ns();

	if (!s->failure || !zw_streq(s->failure, reason)) {
		zw_warning("%s; zone files count until it can be asked", reason);
		free(s->failure);
		s->failure = strdup(reason);
	}
	for (size_t i = 0; i < s->asked.len; i++) {
		struct zw_agent_zone *z = s->asked.items[i];
		char *error = z && !z->served->told_ns ? strdup(reason) : NULL;

		if (error)
			tell(a, s, z, (struct saying){.error = error});
		else if (z && z->served->wanted_ns)
			tell_nothing(a, s, z, false);
	}
	s->free_ns = now + FAILED_NS;
	if (s->all)
		s->due_ns = s->free_ns;
}

static void index_files(struct zw_agent *a, struct zw_served *s)
{
	s->moved_ns = 0;
	if (zw_agent_index_server(a, s->server, &s->target.watch) < 0)
		zw_error("out of memory: what %s writes may not be watched",
			zw_server_kind_to_string(s->server->kind));
}

static void job_done(struct zw_agent *a, struct zw_served *s)
{
	uint64_t now = zw_boottime_ns(), cost = now - s->begin_ns;

	free(s->failure);
	s->failure = NULL;
	s->free_ns = now + (cost * IDLE_FACTOR < IDLE_MAX_NS ? cost * IDLE_FACTOR : IDLE_MAX_NS);
	if (!s->all)
		return;
	if (s->whole)
		zw_served_note_whole(s, now);
	s->reconcile_ns = now + a->conf->reconcile_ns;
	/* Files that came have no events yet that could be missed. */
	index_files(a, s);
	/* Its event may have been told of before it shows; there may have been another meanwhile. */
	if (s->due_ns || !s->event_ns)
		return;
	if (s->tries < ZW_ARRAY_SIZE(zw_second_looks))
		s->due_ns = now + zw_second_looks[s->tries++];
	else if (zw_served_marks_may_miss(s))
		s->due_ns = now + ZW_SERVED_SETTLED_NS;
}

/* What was refused is refused again, mostly, and the server may log each time. */
static bool is_asked(const struct zw_served *s, const struct zw_agent_zone *z)
{
	const struct zw_served_zone *v = z->served;

	if (!v || (v->refused && !s->whole && !v->wanted_ns))
		return false;
	return s->all || v->wanted_ns || zw_served_is_due(z, s->begin_ns);
}

/* Which zones are asked for: all, or those that are wanted or something was heeded of. */
static int choose(struct zw_agent *a, struct zw_served *s, struct zw_state_ask **ret_asks)
{
	_zw_free_ struct zw_state_ask *asks = NULL;
	size_t n = 0;

	s->asked.len = 0;
	s->begin_ns = zw_boottime_ns();
	asks = calloc(a->zones.len ? a->zones.len : 1, sizeof(*asks));
	if (!asks)
		return -ENOMEM;
	ZW_VEC_FOREACH(it, &a->zones) {
		struct zw_agent_zone *z = *it;
		bool whole = s->whole;

		if (z->server != s->server || !is_asked(s, z))
			continue;
		if (zw_vec_push(&s->asked, z) < 0)
			return -ENOMEM;
		if (zw_served_is_due(z, s->begin_ns))
			whole |= zw_served_next(z->served, s->begin_ns);
		asks[n++] = (struct zw_state_ask){
			.origin = z->origin, .mark = whole ? 0 : z->served->mark};
	}
	s->some |= s->asked.len > 0;
	zw_served_again(a, s);
	*ret_asks = ZW_TAKE(asks);
	return 0;
}

static bool is_whole_due(const struct zw_agent *a, const struct zw_served *s, uint64_t now)
{
	return s->target.kind != ZW_STATE_PDNS &&
	       now >= s->whole_ns + WHOLE_PERIODS * a->conf->reconcile_ns;
}

static int open_netns(pid_t pid)
{
	_zw_free_ char *path = zw_asprintf(PROC_ROOT "/%d/ns/net", (int)pid);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	return fd < 0 ? path ? -errno : -ENOMEM : fd;
}

/* What it sends and gets is seen some time later. */
static void note_reader(struct zw_agent *a, const struct zw_state_job *job)
{
	a->reader[a->reader_next].pid = zw_state_job_pid(job);
	a->reader[a->reader_next].from_ns = zw_state_job_begin_ns(job);
	a->reader[a->reader_next].to_ns = zw_state_job_deadline_ns(job) + ZW_SERVED_SETTLED_NS;
	a->reader_next = (a->reader_next + 1) % ZW_ARRAY_SIZE(a->reader);
}

static int start_job(struct zw_agent *a, struct zw_served *s)
{
	struct zw_server named = {.kind = s->server->kind, .pid = s->server->pid};
	struct zw_state_request request = {.target = &s->target,
		.server = &named,
		.root_fd = s->server->root_fd,
		.key = &a->key,
		.timeout_ms = JOB_TIMEOUT_MS};
	_zw_free_ struct zw_state_ask *asks = NULL;
	struct epoll_event ev = {.events = EPOLLIN};
	_zw_close_ int netns_fd = -1;
	int r = choose(a, s, &asks);

	if (r < 0 || s->asked.len == 0)
		return r;
	if (zw_served_transfers(s)) {
		netns_fd = open_netns(s->server->pid);
		if (netns_fd < 0)
			return netns_fd;
	}
	request.netns_fd = netns_fd;
	request.asks = asks;
	request.n = s->asked.len;
	r = zw_state_job_start(&request, &s->job);
	if (r < 0)
		return r;
	note_reader(a, s->job);
	/* Without it the loop comes by with its next tick. */
	ev.data.fd = zw_state_job_fd(s->job);
	(void)epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, ev.data.fd, &ev);
	return 0;
}

/* Starts a job when one is due; returns when one will be. */
static uint64_t maybe_start(struct zw_agent *a, struct zw_served *s, uint64_t now)
{
	uint64_t due = s->wanted ? now : s->reconcile_ns;
	int r;

	if (s->due_ns && s->due_ns < due)
		due = s->due_ns;
	if (s->again_ns && s->again_ns < due)
		due = s->again_ns;
	if (due < s->free_ns)
		due = s->free_ns;
	if (due > now)
		return due;
	s->all = now >= s->reconcile_ns || (s->due_ns && now >= s->due_ns);
	s->whole = (now >= s->reconcile_ns && is_whole_due(a, s, now)) ||
		   (s->all && zw_served_is_last_look(s, now));
	s->wanted = false;
	if (s->all)
		s->due_ns = 0;
	r = start_job(a, s);
	if (r < 0)
		job_failed(a, s, strerror(-r));
	else if (!s->job && s->all)
		s->reconcile_ns = now + a->conf->reconcile_ns;
	return s->job ? UINT64_MAX : now + FAILED_NS;
}

static uint64_t run(struct zw_agent *a, struct zw_served *s)
{
	struct listening l = {a, s};
	const struct zw_state_listener listener = {.sink = {.record = on_record,
							   .done = on_done,
							   .failed = on_failed,
							   .unasked = on_unasked,
							   .ctx = &l}};
	struct zw_zone_error error = {};
	uint64_t now = zw_boottime_ns();
	int r;

	if (s->moved_ns && now >= s->moved_ns)
		index_files(a, s);
	/* A server that is down is asked when it is back. */
	if (!s->job)
		return s->server->pid ? maybe_start(a, s, now) : UINT64_MAX;
	r = zw_state_job_pump(s->job, &listener, &error);
	if (r == 0)
		return now + ZW_NSEC_PER_SEC;
	if (r < 0)
		job_failed(a, s, error.reason[0] ? error.reason : strerror(-r));
	else
		job_done(a, s);
	zw_served_end_job(s);
	return now;
}

bool zw_served_are_awaited(const struct zw_agent *a)
{
	ZW_VEC_FOREACH(z, &a->zones)
		if (zw_served_is_awaited(*z))
			return true;
	return false;
}

uint64_t zw_served_run(struct zw_agent *a)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < a->servers.len; i++) {
		struct zw_served *s = a->servers.items[i]->served;
		uint64_t at = s ? run(a, s) : UINT64_MAX;

		if (at < next)
			next = at;
	}
	return next;
}
