/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "server/driver.h"
#include "server/state_frame.h"

/* Taken at once: some milliseconds of work. */
#define PUMP_BYTES (1024 * 1024)
#define BUFFER_BYTES (256 * 1024)
/* How long after its deadline the process is waited for: what it has read in time is still taken. */
#define GRACE_NS (2 * ZW_NSEC_PER_SEC)
/* One that is done ends in that time, or is killed. */
#define REAP_NS (100 * ZW_NSEC_PER_MSEC)
/* One that is killed is gone as soon as it would run; when a disk that does not answer holds it, it is left to itself. */
#define KILLED_NS (5 * ZW_NSEC_PER_SEC)
#define REAP_STEP_NS ZW_NSEC_PER_MSEC

static_assert(ZW_STATE_FRAME_MAX + sizeof(uint32_t) < BUFFER_BYTES, "a frame fits");

struct zw_state_job {
	pid_t pid; /* 0: reaped */
	int fd;
	uint64_t begin_ns, deadline_ns;
	size_t n;
	char server[32]; /* "knot (pid 411): " */
	size_t len;
	uint8_t buffer[BUFFER_BYTES];
};

void zw_state_target_done(struct zw_state_target *target)
{
	free(target->path);
	target->path = NULL;
	zw_paths_done(&target->watch);
}

int zw_state_target_find(const struct zw_server *server, const char *proc_root,
	struct zw_state_target *ret_target, struct zw_str *error)
{
	_zw_cleanup_(zw_state_target_done) struct zw_state_target target = {};
	_zw_server_roots_ struct zw_server_roots roots = {-1, -1};
	const struct zw_server_driver *driver = zw_server_driver(server->kind);
	int r;

	if (!driver || !driver->state)
		return -ENOTSUP;
	r = zw_server_roots_open(server, proc_root, &roots);
	if (r < 0)
		return zw_server_fail(
			server, error, r, "its root directory cannot be opened: %s", strerror(-r));
	r = driver->state(server, &roots, proc_root, &target, error);
	if (r == 0) {
		*ret_target = target;
		target = (struct zw_state_target){};
	}
	return r == -ENOMEM ? zw_server_fail(server, error, r, "out of memory") : r;
}

/* --- starting ------------------------------------------------------------------------------------------ */

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static bool has_netns(const struct zw_state_request *request)
{
	return request->target->kind == ZW_STATE_AXFR && request->netns_fd >= 0;
}

static int write_request(const struct zw_state_request *request, uint64_t deadline_ns, int *ret_fd)
{
	struct zw_state_header header = {
		.kind = request->target->kind,
		.list = request->list,
		.netns = has_netns(request),
		.default_ttl = request->target->default_ttl,
		.path_len = (uint32_t)strlen(request->target->path),
		.n = request->n,
		.deadline_ns = deadline_ns,
		.key = *request->key,
	};
	_zw_close_ int fd = memfd_create("zonewitness-state", MFD_CLOEXEC);
	_zw_str_ struct zw_str text = {};
	int r;

	if (fd < 0)
		return -errno;
	zw_state_put_value(&text, header);
	zw_state_put(&text, request->target->path, header.path_len);
	for (size_t i = 0; i < request->n; i++) {
		uint8_t len = (uint8_t)zw_name_len(request->asks[i].origin);

		zw_state_put_value(&text, request->asks[i].mark);
		zw_state_put_value(&text, len);
		zw_state_put(&text, request->asks[i].origin, len);
	}
	r = text.failed ? -ENOMEM : write_all(fd, text.buf, text.len);
	if (r == 0)
		*ret_fd = ZW_TAKE_FD(fd);
	return r;
}

/* No signal of ours is blocked or ignored there. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawnattr_setsigmask(attr, &none) != 0 ||
		posix_spawnattr_setsigdefault(attr, &all) != 0 ||
		posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) != 0)
		return -EINVAL;
	return 0;
}

/* Becomes descriptors 0, 1, ZW_STATE_ROOT_FD and, unless it is -1, ZW_STATE_NETNS_FD; all others close by themselves. */
static int spawn(int request_fd, int answer_fd, int root_fd, int netns_fd, pid_t *ret_pid)
{
	char *const argv[] = {(char *)"zonewitness", (char *)ZW_STATE_COMMAND, NULL};
	char *const env[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/sbin:/usr/bin", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = set_signals(&attr);
	if (r == 0 &&
		(posix_spawn_file_actions_adddup2(&actions, request_fd, STDIN_FILENO) != 0 ||
			posix_spawn_file_actions_adddup2(&actions, answer_fd, STDOUT_FILENO) != 0 ||
			posix_spawn_file_actions_adddup2(&actions, root_fd, ZW_STATE_ROOT_FD) != 0))
		r = -ENOMEM;
	if (r == 0 && netns_fd >= 0 &&
		posix_spawn_file_actions_adddup2(&actions, netns_fd, ZW_STATE_NETNS_FD) != 0)
		r = -ENOMEM;
	if (r == 0)
		r = -posix_spawn(ret_pid, "/proc/self/exe", &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int zw_state_job_start(const struct zw_state_request *request, struct zw_state_job **ret_job)
{
	_zw_close_ int request_fd = -1, answer_fd = -1, netns_fd = -1;
	_zw_state_job_ struct zw_state_job *job = calloc(1, sizeof(*job));
	int fds[2], r;

	if (!job)
		return -ENOMEM;
	job->fd = -1;
	job->n = request->n;
	job->begin_ns = zw_boottime_ns();
	job->deadline_ns = job->begin_ns + request->timeout_ms * ZW_NSEC_PER_MSEC;
	if (request->server)
		snprintf(job->server, sizeof(job->server),
			"%s (pid %d): ", zw_server_kind_to_string(request->server->kind),
			(int)request->server->pid);
	r = write_request(request, job->deadline_ns, &request_fd);
	if (r < 0)
		return r;
	/* Out of the way of those the process gets. */
	if (has_netns(request) &&
		(netns_fd = fcntl(request->netns_fd, F_DUPFD_CLOEXEC, ZW_STATE_NETNS_FD + 1)) < 0)
		return -errno;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	job->fd = fds[0];
	answer_fd = fds[1];
	/* More than a page at a time; the limit for users does not matter. */
	(void)fcntl(job->fd, F_SETPIPE_SZ, PUMP_BYTES);
	if (fcntl(job->fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = spawn(request_fd, answer_fd, request->root_fd, netns_fd, &job->pid);
	if (r < 0) {
		job->pid = 0;
		return r;
	}
	*ret_job = ZW_TAKE(job);
	return 0;
}

/* --- ending -------------------------------------------------------------------------------------------- */

/* The exit status; -1 when it was killed, or has to be. */
static int reap(struct zw_state_job *job, bool killed)
{
	const struct timespec pause = {.tv_nsec = REAP_STEP_NS};
	uint64_t until = zw_boottime_ns() + (killed ? KILLED_NS : REAP_NS);
	pid_t pid = job->pid;
	int status = -1;

	job->pid = 0;
	for (;;) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended != 0 && !(ended < 0 && errno == EINTR))
			return killed ? -1 : status;
		if (zw_boottime_ns() >= until) {
			if (killed)
				return -1;
			kill(pid, SIGKILL);
			killed = true;
			until += KILLED_NS;
		}
		nanosleep(&pause, NULL);
	}
}

void zw_state_job_free(struct zw_state_job *job)
{
	if (!job)
		return;
	if (job->pid > 0) {
		kill(job->pid, SIGKILL);
		(void)reap(job, true);
	}
	zw_closep(&job->fd);
	free(job);
}

int zw_state_job_fd(const struct zw_state_job *job)
{
	return job->fd;
}

pid_t zw_state_job_pid(const struct zw_state_job *job)
{
	return job->pid;
}

uint64_t zw_state_job_begin_ns(const struct zw_state_job *job)
{
	return job->begin_ns;
}

uint64_t zw_state_job_deadline_ns(const struct zw_state_job *job)
{
	return job->deadline_ns;
}

/* --- taking: the process may have been taken over by what it read, so nothing it says is believed ----------- */

static int fail(const struct zw_state_job *job, struct zw_zone_error *error, int r, const char *why)
{
	return zw_state_fail(error, r, "%s%s", job->server, why);
}

static int nonsense(const struct zw_state_job *job, struct zw_zone_error *error)
{
	return fail(job, error, -EPROTO, "the reader of its state says nonsense");
}

static int take_record(const struct zw_state_job *job, struct zw_state_input *in,
	const struct zw_state_sink *sink, struct zw_zone_error *error)
{
	struct zw_record rec = {.klass = ZW_CLASS_IN};
	uint8_t owner[ZW_NAME_MAX];
	uint32_t i;
	size_t len;

	zw_state_get(in, &i, sizeof(i));
	zw_state_get(in, &rec.type, sizeof(rec.type));
	zw_state_get(in, &rec.ttl, sizeof(rec.ttl));
	zw_state_get(in, &rec.owner_len, sizeof(rec.owner_len));
	if (in->failed || rec.owner_len > zw_state_left(in) || i >= job->n ||
		zw_name_check(in->p, rec.owner_len, &len) < 0 || len != rec.owner_len)
		return nonsense(job, error);
	zw_state_get(in, owner, len);
	zw_name_lower(owner, len);
	if (zw_state_left(in) > UINT16_MAX || zw_type_is_meta(rec.type))
		return nonsense(job, error);
	rec.owner = owner;
	rec.rdata = in->p;
	rec.rdata_len = (uint16_t)zw_state_left(in);
	return sink->record(sink->ctx, i, &rec);
}

static int take_done(const struct zw_state_job *job, struct zw_state_input *in,
	const struct zw_state_sink *sink, struct zw_zone_error *error)
{
	uint64_t mark;
	uint32_t i;
	uint8_t changed;

	zw_state_get(in, &i, sizeof(i));
	zw_state_get(in, &mark, sizeof(mark));
	zw_state_get(in, &changed, sizeof(changed));
	if (in->failed || i >= job->n || mark == 0)
		return nonsense(job, error);
	return sink->done(sink->ctx, i, mark, changed != 0);
}

/* The error and its text, which is brought to one line of printable characters again. */
static bool take_error(struct zw_state_input *in, int *ret_r, struct zw_zone_error *ret_error)
{
	uint32_t kind;
	int32_t r;

	zw_state_get(in, &r, sizeof(r));
	zw_state_get(in, &kind, sizeof(kind));
	if (in->failed || kind >= _ZW_ZERR_MAX)
		return false;
	(void)zw_zone_fail(ret_error, kind, 0, 0, "%.*s", (int)zw_state_left(in), in->p);
	*ret_r = r;
	return true;
}

static int take_failed(const struct zw_state_job *job, struct zw_state_input *in,
	const struct zw_state_sink *sink, struct zw_zone_error *error)
{
	struct zw_zone_error zone = {}, named = {};
	uint32_t i;
	int r;

	zw_state_get(in, &i, sizeof(i));
	if (!take_error(in, &r, &zone) || i >= job->n || r >= 0)
		return nonsense(job, error);
	(void)zw_zone_fail(&named, zone.kind, 0, 0, "%s%s", job->server, zone.reason);
	return sink->failed(sink->ctx, i, r, &named);
}

static int take_zone(const struct zw_state_job *job, struct zw_state_input *in,
	const struct zw_state_listener *l, struct zw_zone_error *error)
{
	char name[ZW_NAME_TEXT_MAX];
	uint8_t secondary;
	size_t len;

	zw_state_get(in, &secondary, sizeof(secondary));
	len = zw_state_left(in);
	if (in->failed || len >= sizeof(name) || memchr(in->p, '\0', len))
		return nonsense(job, error);
	memcpy(name, in->p, len);
	name[len] = '\0';
	return l->zone ? l->zone(l->sink.ctx, name, secondary != 0) : 0;
}

static int take_end(
	struct zw_state_job *job, struct zw_state_input *in, struct zw_zone_error *error)
{
	struct zw_zone_error end = {};
	int r;

	if (!take_error(in, &r, &end) || r > 0)
		return nonsense(job, error);
	(void)reap(job, false);
	return r < 0 ? fail(job, error, r, end.reason) : 1;
}

static int take_frame(struct zw_state_job *job, struct zw_state_input *in,
	const struct zw_state_listener *l, struct zw_zone_error *error)
{
	uint8_t kind;

	zw_state_get(in, &kind, sizeof(kind));
	switch (in->failed ? 0 : kind) {
	case ZW_STATE_RECORD:
		return take_record(job, in, &l->sink, error);
	case ZW_STATE_DONE:
		return take_done(job, in, &l->sink, error);
	case ZW_STATE_FAILED:
		return take_failed(job, in, &l->sink, error);
	case ZW_STATE_UNASKED:
		return l->sink.unasked ? l->sink.unasked(l->sink.ctx) : 0;
	case ZW_STATE_ZONE:
		return take_zone(job, in, l, error);
	case ZW_STATE_END:
		return take_end(job, in, error);
	default:
		return nonsense(job, error);
	}
}

/* Takes the whole frames of the buffer. */
static int take_frames(
	struct zw_state_job *job, const struct zw_state_listener *l, struct zw_zone_error *error)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && job->len - at >= sizeof(uint32_t)) {
		struct zw_state_input in = {.p = job->buffer + at + sizeof(uint32_t)};
		uint32_t len;

		memcpy(&len, job->buffer + at, sizeof(len));
		if (len > ZW_STATE_FRAME_MAX)
			return nonsense(job, error);
		if (job->len - at - sizeof(len) < len)
			break;
		in.end = in.p + len;
		at += sizeof(len) + len;
		r = take_frame(job, &in, l, error);
	}
	memmove(job->buffer, job->buffer + at, job->len - at);
	job->len -= at;
	return r;
}

/* The pipe ended without an end. */
static int died(struct zw_state_job *job, struct zw_zone_error *error)
{
	int status = reap(job, false);

	if (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return fail(
			job, error, -ETIME, "it does not answer in time; it is busy or stopped");
	return fail(job, error, -EPIPE, "the reader of its state ended before it was done");
}

int zw_state_job_pump(struct zw_state_job *job, const struct zw_state_listener *listener,
	struct zw_zone_error *ret_error)
{
	struct zw_zone_error error = {};
	size_t taken = 0;
	int r = 0;

	while (r == 0 && taken < PUMP_BYTES) {
		ssize_t n = read(job->fd, job->buffer + job->len, sizeof(job->buffer) - job->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (zw_boottime_ns() > job->deadline_ns + GRACE_NS)
				r = fail(job, &error, -ETIME,
					"it does not answer in time; it is busy or stopped");
			break;
		}
		if (n < 0) {
			r = fail(job, &error, -errno, strerror(errno));
		} else if (n == 0) {
			r = died(job, &error);
		} else {
			taken += (size_t)n;
			job->len += (size_t)n;
			r = take_frames(job, listener, &error);
		}
	}
	if (r < 0 && ret_error)
		*ret_error = error;
	return r;
}

int zw_state_job_wait(struct zw_state_job *job, const struct zw_state_listener *listener,
	struct zw_zone_error *ret_error)
{
	for (;;) {
		struct pollfd p = {.fd = job->fd, .events = POLLIN};
		int r = zw_state_job_pump(job, listener, ret_error);

		if (r != 0)
			return r < 0 ? r : 0;
		if (poll(&p, 1, zw_state_left_ms(job->deadline_ns + GRACE_NS) + 1) < 0 &&
			errno != EINTR)
			return -errno;
	}
}
