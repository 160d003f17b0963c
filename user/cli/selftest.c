/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/selftest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/event.h"
#include "server/server.h"

/* Far more than any way takes; a way that hangs is a failure of that way. */
#define STEP_MS 10000
/* Coarse file times of kernels before 6.13 move once a jiffy; 100 Hz is the slowest. */
#define TIME_STEP_NS (10 * ZW_NSEC_PER_MSEC)

const char *zw_selftest_outcome_to_string(enum zw_selftest_outcome outcome)
{
	static const char *const names[] = {
		"seen", "wrong-process", "missed", "impossible", "failed"};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_SELFTEST_OUTCOME_MAX, "an outcome has no name");
	return names[outcome];
}

/* --- the child: prepares, waits, writes, waits ------------------------------------------------------- */

enum message_type {
	MSG_PREPARED,
	MSG_WRITER, /* this process is about to write */
	MSG_DONE,
	MSG_GO, /* from the parent */
};

/* One packet each way of a SOCK_SEQPACKET pair. */
struct message {
	enum message_type type;
	int result; /* 0 or -errno */
	pid_t pid;
	bool absent;
	char reason[120];
};

static void tell(int fd, const struct message *m)
{
	/* A parent that went away needs no answer. */
	(void)!send(fd, m, sizeof(*m), MSG_NOSIGNAL);
}

static void announce(const struct zw_way_ctx *ctx, pid_t pid, uid_t uid _zw_unused_)
{
	tell(*(const int *)ctx->userdata, &(struct message){.type = MSG_WRITER, .pid = pid});
}

static bool wait_for_go(int fd)
{
	struct message m;

	return recv(fd, &m, sizeof(m), 0) == (ssize_t)sizeof(m);
}

/* What is mounted by a way is seen by nobody else, and goes with this process. */
static int private_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

static void tell_result(int fd, enum message_type type, int r, const struct zw_way_ctx *ctx)
{
	struct message m = {.type = type, .result = r, .absent = ctx->absent};

	snprintf(m.reason, sizeof(m.reason), "%s",
		r == -EOPNOTSUPP && ctx->reason ? ctx->reason : strerror(-r));
	tell(fd, &m);
}

/* Stays alive until the parent has looked at who has the file open or mapped. */
static void child(int fd, const char *dir, const struct zw_way *way)
{
	struct zw_way_ctx ctx = ZW_WAY_CTX_INIT;
	int r = private_mounts();

	ctx.announce = announce;
	ctx.userdata = &fd;
	if (r == 0)
		r = zw_way_attach(&ctx, dir, way);
	if (r == 0)
		r = zw_way_prepare(&ctx);
	tell_result(fd, MSG_PREPARED, r, &ctx);
	if (r < 0 || !wait_for_go(fd))
		return;
	r = zw_way_run(&ctx);
	if (r == 0)
		r = zw_way_verify(&ctx);
	tell_result(fd, MSG_DONE, r, &ctx);
	(void)wait_for_go(fd);
}

/* --- the parent -------------------------------------------------------------------------------------- */

struct selftest {
	struct zw_probe *probe;
	struct zw_selftest_result *result;
	const char *dir;
	pid_t child;
	int fd, signal_fd;
	struct zw_walk walk; /* of the zone's path as the child sees it */
	size_t first;        /* place of @dir in it: what is above belongs to others */
	int error;           /* sticks: of the callbacks */
};

static int start_child(struct selftest *t)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	t->child = fork();
	if (t->child < 0) {
		int r = -errno;

		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (t->child == 0) {
		sigset_t none;

		/* Like this also a way that hangs ends with the parent. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		close(pair[0]);
		child(pair[1], t->dir, t->result->way);
		_exit(0);
	}
	close(pair[1]);
	t->fd = pair[0];
	return 0;
}

static void end_child(struct selftest *t)
{
	if (t->child <= 0)
		return;
	kill(t->child, SIGKILL);
	while (waitpid(t->child, NULL, 0) < 0 && errno == EINTR)
		;
	t->child = 0;
}

static int failed(struct selftest *t, const char *what, const char *reason)
{
	t->result->outcome = ZW_SELFTEST_FAILED;
	snprintf(t->result->reason, sizeof(t->result->reason), "%s: %s", what, reason);
	return -ECANCELED;
}

/* The next message of the child. -ECANCELED: none will come, the result says why. */
static int receive(struct selftest *t, struct message *ret_m)
{
	struct pollfd fds[] = {
		{.fd = t->fd, .events = POLLIN},
		{.fd = t->signal_fd, .events = POLLIN},
	};
	int n = poll(fds, ZW_ARRAY_SIZE(fds), STEP_MS);

	if (n < 0)
		return -errno;
	if (fds[1].revents)
		return -EINTR;
	if (n == 0)
		return failed(t, "the child", "hangs");
	if (recv(t->fd, ret_m, sizeof(*ret_m), 0) != (ssize_t)sizeof(*ret_m))
		return failed(t, "the child", "died");
	return 0;
}

/* Waits for the end of a step; who will write is noted on the way. */
static int expect(struct selftest *t, enum message_type type)
{
	struct message m;
	int r;

	do {
		r = receive(t, &m);
		if (r < 0)
			return r;
		if (m.type == MSG_WRITER)
			t->result->pid = m.pid;
	} while (m.type != type);
	m.reason[sizeof(m.reason) - 1] = '\0';
	if (m.result == -EOPNOTSUPP) {
		t->result->outcome = ZW_SELFTEST_IMPOSSIBLE;
		t->result->absent = m.absent;
		snprintf(t->result->reason, sizeof(t->result->reason), "%s", m.reason);
		return -ECANCELED;
	}
	if (m.result < 0)
		return failed(t, type == MSG_PREPARED ? "preparing" : "writing", m.reason);
	return 0;
}

/* The directory of the test as a place. */
static int dir_place(const struct selftest *t, struct zw_place *ret_place)
{
	_zw_close_ int fd = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	int r;

	if (fd < 0)
		return -errno;
	r = zw_walk_path_below(fd, "/", false, zw_probe_below, t->probe, &walk);
	if (r < 0)
		return r;
	if (!walk.places.len)
		return -ENOENT;
	*ret_place = walk.places.items[0];
	return 0;
}

static int walk_path(struct selftest *t, const char *path)
{
	char root[64];
	_zw_close_ int fd = -1;
	struct zw_place dir = {};
	int r = dir_place(t, &dir);

	if (r < 0)
		return r;
	snprintf(root, sizeof(root), "/proc/%d/root", (int)t->child);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = zw_walk_path_below(fd, path, true, zw_probe_below, t->probe, &t->walk);
	if (r < 0)
		return r;
	if (t->walk.result < 0)
		return t->walk.result;
	for (t->first = 0; t->first < t->walk.places.len; t->first++)
		if (t->walk.places.items[t->first].ino == dir.ino &&
			t->walk.places.items[t->first].dev == dir.dev)
			return 0;
	return -ENOENT;
}

/* The flags with which the agent watches such a place. */
static uint32_t watch_flags(const struct zw_place *p)
{
	if (p->kind != ZW_PLACE_DIR)
		return ZW_WATCH_FILE;
	return p->parent ? ZW_WATCH_DIR | ZW_WATCH_PATH : ZW_WATCH_PATH;
}

static void unwatch(struct selftest *t)
{
	for (size_t i = t->first; i < t->walk.places.len; i++)
		(void)zw_probe_unwatch(
			t->probe, t->walk.places.items[i].dev, t->walk.places.items[i].ino);
}

static int watch(struct selftest *t)
{
	const struct timespec tick = {.tv_nsec = TIME_STEP_NS};

	for (size_t i = t->first; i < t->walk.places.len; i++) {
		const struct zw_place *p = &t->walk.places.items[i];
		int r = zw_probe_watch(t->probe, p->dev, p->ino, watch_flags(p));

		if (r < 0)
			return r;
	}
	/* The zone is to be at rest, as zones mostly are: written back, since a store to a page that is dirty already
	 * fires no hook; and old enough that writing moves its times. */
	(void)fdatasync(t->walk.fd);
	nanosleep(&tick, NULL);
	return 0;
}

static bool is_place(const struct selftest *t, uint64_t dev, uint64_t ino)
{
	for (size_t i = t->first; i < t->walk.places.len; i++)
		if (t->walk.places.items[i].dev == dev && t->walk.places.items[i].ino == ino)
			return true;
	return false;
}

/* Whether the agent would look at the zone for this event; see zw_agent_mark(). */
static bool concerns(const struct selftest *t, const struct zw_event *e)
{
	const struct zw_file_facts *f = &e->file;

	/* Others mount things too, and where is not known. */
	if (f->op == ZW_FOP_MOUNT)
		return t->result->pid && e->proc.tgid == (uint32_t)t->result->pid;
	if (is_place(t, f->dev, f->ino) || is_place(t, f->dev, f->ino2))
		return true;
	return f->op != ZW_FOP_WRITE && f->op != ZW_FOP_ATTR &&
	       (is_place(t, f->dev, f->dir_ino) || is_place(t, f->dev, f->old_dir_ino));
}

static void add_sight(struct selftest *t, enum zw_hook hook, enum zw_fop op, uint32_t pid)
{
	struct zw_selftest_sight sight = {.hook = hook, .op = op, .pid = pid, .count = 1};

	ZW_VEC_FOREACH(s, &t->result->sights)
		if (s->hook == hook && s->pid == pid) {
			s->count++;
			return;
		}
	if (zw_vec_push(&t->result->sights, sight) < 0)
		t->error = -ENOMEM;
}

static void ignore(void *ctx _zw_unused_, const void *data _zw_unused_, size_t len _zw_unused_)
{
}

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	struct selftest *t = ctx;
	int r = zw_event_decode(data, len, &e);

	if (r < 0)
		t->error = r;
	else if (e.type == ZW_WIRE_FILE && concerns(t, &e))
		add_sight(t, e.hook, e.file.op, e.proc.tgid);
}

static void on_holder(void *ctx, const void *data, size_t len)
{
	const struct zw_wire_holder *h = data;
	struct selftest *t = ctx;

	if (len == sizeof(*h) && h->tgid != (uint32_t)getpid())
		add_sight(t, h->hdr.hook, ZW_FOP_NONE, h->tgid);
}

static void judge(struct selftest *t)
{
	struct zw_selftest_result *result = t->result;

	result->outcome = result->sights.len ? ZW_SELFTEST_WRONG : ZW_SELFTEST_MISSED;
	ZW_VEC_FOREACH(s, &result->sights)
		if (s->pid == (uint32_t)result->pid)
			result->outcome = ZW_SELFTEST_SEEN;
}

/* @ctx is set up: OLD is in place. */
static int observe(struct selftest *t, const struct zw_way_ctx *ctx)
{
	const struct zw_place *file;
	int r = start_child(t);

	if (r == 0)
		r = expect(t, MSG_PREPARED);
	if (r == 0)
		r = walk_path(t, ctx->zone_path);
	if (r == 0)
		r = watch(t);
	/* What was seen of the preparation is no sign that the write is seen. */
	if (r == 0)
		r = zw_probe_drain(t->probe, ignore, NULL);
	if (r < 0)
		return r;
	tell(t->fd, &(struct message){.type = MSG_GO});
	r = expect(t, MSG_DONE);
	if (r == 0)
		r = zw_probe_drain(t->probe, on_event, t);
	if (r == 0)
		r = t->error;
	if (r < 0)
		return r;
	judge(t);
	/* The agent's last resort: who could have written. */
	file = &t->walk.places.items[t->walk.places.len - 1];
	if (t->result->outcome != ZW_SELFTEST_SEEN) {
		r = zw_probe_holders(t->probe, file->dev, file->ino, on_holder, t);
		judge(t);
	}
	return r < 0 ? r : t->error;
}

int zw_selftest_way(struct zw_probe *probe, const char *dir, const struct zw_way *way,
	int signal_fd, struct zw_selftest_result *ret_result)
{
	_zw_selftest_result_ struct zw_selftest_result result = {.way = way};
	struct selftest t = {
		.probe = probe,
		.result = &result,
		.dir = dir,
		.fd = -1,
		.signal_fd = signal_fd,
		.walk.fd = -1,
	};
	struct zw_way_ctx ctx = ZW_WAY_CTX_INIT;
	int r = zw_way_setup(&ctx, dir, way), q;

	if (r == -EOPNOTSUPP || r == -ENOSPC || r == -EROFS)
		r = failed(&t, "making the scratch zone", strerror(-r));
	if (r == 0)
		r = observe(&t, &ctx);
	end_child(&t);
	unwatch(&t);
	zw_walk_done(&t.walk);
	zw_closep(&t.fd);
	q = zw_way_teardown(&ctx);
	if (r < 0 && r != -ECANCELED)
		return r;
	if (q < 0)
		return q;
	*ret_result = result;
	result = (struct zw_selftest_result){};
	return 0;
}

void zw_selftest_result_done(struct zw_selftest_result *result)
{
	zw_vec_free(&result->sights);
}
