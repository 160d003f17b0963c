/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process of a state job: takes what it is asked, goes where the server is, reads, says what it read. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "server/state_axfr.h"
#include "server/state_frame.h"
#include "server/state_knot.h"
#include "server/state_pdns.h"

/* What is written at once, and what is kept while the other side is slow: a server must not wait for it. */
#define FLUSH_BYTES 65536
#define KEEP_MAX ((size_t)256 << 20)
/* Time to hand over what was read in time. */
#define GRACE_NS (2 * ZW_NSEC_PER_SEC)
#define REQUEST_MAX ((size_t)256 << 20)
/* The overflow user of the kernel (kernel/sys.c), nobody on every distribution. */
#define NOBODY 65534

struct child {
	struct zw_state_header header;
	char *path;
	struct zw_state_ask *asks; /* names are in @request */
	struct zw_buffer request;
	struct zw_str out;
	size_t sent; /* of @out */
};

/* --- what is said -------------------------------------------------------------------------------------- */

/* Writes what the pipe takes; all of it when @wait. */
static int flush(struct child *c, bool wait)
{
	while (c->sent < c->out.len) {
		ssize_t n = write(STDOUT_FILENO, c->out.buf + c->sent, c->out.len - c->sent);

		if (n >= 0) {
			c->sent += (size_t)n;
		} else if (errno == EAGAIN && !wait) {
			return 0;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	c->sent = c->out.len = 0;
	return 0;
}

static int end_frame(struct child *c, size_t at)
{
	zw_state_frame_end(&c->out, at);
	if (c->out.failed)
		return -ENOMEM;
	if (c->out.len - c->sent < FLUSH_BYTES)
		return 0;
	return flush(c, c->out.len > KEEP_MAX);
}

static int say_record(void *ctx, size_t i, const struct zw_record *record)
{
	struct child *c = ctx;
	uint32_t number = (uint32_t)i;
	size_t at;

	zw_state_frame_begin(&c->out, ZW_STATE_RECORD, &at);
	zw_state_put_value(&c->out, number);
	zw_state_put_value(&c->out, record->type);
	zw_state_put_value(&c->out, record->ttl);
	zw_state_put_value(&c->out, record->owner_len);
	zw_state_put(&c->out, record->owner, record->owner_len);
	zw_state_put(&c->out, record->rdata, record->rdata_len);
	return end_frame(c, at);
}

static int say_done(void *ctx, size_t i, uint64_t mark, bool changed)
{
	struct child *c = ctx;
	uint32_t number = (uint32_t)i;
	uint8_t flag = changed;
	size_t at;

	zw_state_frame_begin(&c->out, ZW_STATE_DONE, &at);
	zw_state_put_value(&c->out, number);
	zw_state_put_value(&c->out, mark);
	zw_state_put_value(&c->out, flag);
	return end_frame(c, at);
}

static void put_error(struct zw_str *out, int r, const struct zw_zone_error *error)
{
	int32_t code = r;
	uint32_t kind = error->kind;

	zw_state_put_value(out, code);
	zw_state_put_value(out, kind);
	zw_state_put(out, error->reason, strlen(error->reason));
}

static int say_failed(void *ctx, size_t i, int r, const struct zw_zone_error *error)
{
	struct child *c = ctx;
	uint32_t number = (uint32_t)i;
	size_t at;

	zw_state_frame_begin(&c->out, ZW_STATE_FAILED, &at);
	zw_state_put_value(&c->out, number);
	put_error(&c->out, r, error);
	return end_frame(c, at);
}

static int say_unasked(void *ctx)
{
	struct child *c = ctx;
	size_t at;

	zw_state_frame_begin(&c->out, ZW_STATE_UNASKED, &at);
	return end_frame(c, at);
}

static int say_zone(void *ctx, const char *name, bool secondary)
{
	struct child *c = ctx;
	uint8_t flag = secondary;
	size_t at;

	zw_state_frame_begin(&c->out, ZW_STATE_ZONE, &at);
	zw_state_put_value(&c->out, flag);
	zw_state_put(&c->out, name, strlen(name));
	return end_frame(c, at);
}

static int say_end(struct child *c, int r, const struct zw_zone_error *error)
{
	size_t at;

	/* What was kept may be what there was no memory for. */
	c->out.failed = false;
	zw_state_frame_begin(&c->out, ZW_STATE_END, &at);
	put_error(&c->out, r, error);
	zw_state_frame_end(&c->out, at);
	return c->out.failed ? -ENOMEM : flush(c, true);
}

/* --- what is asked ------------------------------------------------------------------------------------- */

static int read_request(struct child *c)
{
	struct zw_state_input in;
	int r = zw_file_read(STDIN_FILENO, 0, REQUEST_MAX, &c->request);

	if (r < 0)
		return r;
	in = (struct zw_state_input){.p = (const uint8_t *)c->request.data,
		.end = (const uint8_t *)c->request.data + c->request.len};
	zw_state_get(&in, &c->header, sizeof(c->header));
	if (in.failed || c->header.path_len > zw_state_left(&in) ||
		c->header.n > zw_state_left(&in) || c->header.kind >= _ZW_STATE_KIND_MAX)
		return -EINVAL;
	c->path = strndup((const char *)in.p, c->header.path_len);
	c->asks = calloc(c->header.n ? c->header.n : 1, sizeof(*c->asks));
	if (!c->path || !c->asks)
		return -ENOMEM;
	in.p += c->header.path_len;
	for (size_t i = 0; i < c->header.n; i++) {
		uint8_t len;

		zw_state_get(&in, &c->asks[i].mark, sizeof(c->asks[i].mark));
		zw_state_get(&in, &len, sizeof(len));
		if (in.failed || len > zw_state_left(&in))
			return -EINVAL;
		c->asks[i].origin = in.p;
		in.p += len;
	}
	return 0;
}

/* --- where it is asked --------------------------------------------------------------------------------- */

/* The root of the server becomes ours, with what is mounted for it. Where that may not be, its own directory will do if it
 * is ours: a server of the host. */
static int enter_root(void)
{
	struct stat own, server;
	int r;

	if (fchdir(ZW_STATE_ROOT_FD) == 0 && chroot(".") == 0)
		return chdir("/") < 0 ? -errno : 0;
	r = -errno;
	if (fstat(ZW_STATE_ROOT_FD, &server) < 0 || stat("/", &own) < 0)
		return -errno;
	if (own.st_dev != server.st_dev || own.st_ino != server.st_ino)
		return r;
	return chdir("/") < 0 ? -errno : 0;
}

/* Becomes @uid for good. */
static int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* The user whom the socket or database belongs to can do what is to be done. */
static int become_owner(const char *path)
{
	struct stat st;

	if (geteuid() != 0 || stat(path, &st) < 0 || st.st_uid == 0)
		return 0;
	return become(st.st_uid, st.st_gid);
}

/* For a question over the network it takes no file and no user. */
static int enter_netns(const struct child *c)
{
	if (c->header.netns && setns(ZW_STATE_NETNS_FD, CLONE_NEWNET) < 0)
		return -errno;
	return geteuid() == 0 ? become(NOBODY, NOBODY) : 0;
}

static int prepare(const struct child *c)
{
	uint64_t now = zw_boottime_ns(), until = c->header.deadline_ns + GRACE_NS;
	uint64_t left = until > now ? until - now : 1;
	struct itimerval end = {
		.it_value = {.tv_sec = (time_t)(left / ZW_NSEC_PER_SEC),
			.tv_usec = (suseconds_t)(left % ZW_NSEC_PER_SEC / ZW_NSEC_PER_USEC) + 1}};
	struct rlimit no_core = {0, 0};
	int flags = fcntl(STDOUT_FILENO, F_GETFL), r;

	if (end.it_value.tv_usec >= 1000000)
		end.it_value.tv_usec = 999999;
	if (setitimer(ITIMER_REAL, &end, NULL) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
		flags < 0 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	if (c->header.kind == ZW_STATE_AXFR)
		r = enter_netns(c);
	else
		r = enter_root();
	if (r == 0 && c->header.kind != ZW_STATE_AXFR)
		r = become_owner(c->path);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	/* The change of user resets it. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	return r;
}

static int answer(struct child *c, struct zw_zone_error *error)
{
	const struct zw_state_sink sink = {.record = say_record,
		.done = say_done,
		.failed = say_failed,
		.unasked = say_unasked,
		.ctx = c};
	struct zw_state_pdns db = {};
	int r = read_request(c);

	if (r == 0)
		r = prepare(c);
	if (r < 0)
		return zw_state_fail(error, r, "cannot go to where it is: %s%s", strerror(-r),
			r == -EPERM ? "; run as root" : "");
	if (c->header.kind == ZW_STATE_KNOT)
		return zw_state_read_knot(
			c->path, c->asks, c->header.n, c->header.deadline_ns, &sink, error);
	if (c->header.kind == ZW_STATE_AXFR)
		return zw_state_read_axfr(
			c->path, c->asks, c->header.n, c->header.deadline_ns, &sink, error);
	db.path = c->path;
	db.default_ttl = c->header.default_ttl;
	db.key = &c->header.key;
	db.deadline_ns = c->header.deadline_ns;
	if (c->header.list)
		return zw_state_list_pdns(&db, say_zone, c, error);
	return zw_state_read_pdns(&db, c->asks, c->header.n, &sink, error);
}

int zw_state_child(void)
{
	struct zw_zone_error error = {};
	struct child c = {};
	int r = answer(&c, &error);

	r = say_end(&c, r, &error);
	/* The end frees the rest. */
	_exit(r < 0 ? 1 : 0);
}
