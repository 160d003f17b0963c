/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layout, the steps around a way, and what the ways share. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cli/ways_internal.h"

/* Entries of DIR that setup and the ways make; teardown removes these and nothing else. */
static const char *const made[] = {"zones", "zones.new", "zones.away", "tree", "tree.new",
	"tree.away", "link", "current", "scratch"};

static int set_path(char buf[static PATH_MAX], const char *fmt, ...) _zw_printf_(2, 3);

static int set_path(char buf[static PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int zw_way_unsupported(struct zw_way_ctx *ctx, const char *reason)
{
	ctx->reason = reason;
	return -EOPNOTSUPP;
}

int zw_way_refused(struct zw_way_ctx *ctx, int err, const char *reason)
{
	switch (err) {
	case ENOSYS:
	case EOPNOTSUPP:
	case EINVAL:
	case EPERM:
	case EACCES:
		return zw_way_unsupported(ctx, reason);
	default:
		return -err;
	}
}

int zw_way_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_text(const char *path, const struct zw_way_text *text)
{
	_zw_close_ int fd = -1;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	return zw_way_write_all(fd, text->data, text->len);
}

int zw_way_put_new(const struct zw_way_ctx *ctx, const char *path)
{
	return put_text(path, &ctx->new_text);
}

int zw_way_open(const char *path, int flags, int *ret_fd)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

void zw_way_span(const struct zw_way_ctx *ctx, size_t *ret_off, size_t *ret_len)
{
	const char *a = ctx->old_text.data, *b = ctx->new_text.data;
	size_t first = 0, end = ctx->new_text.len;

	while (first < end && a[first] == b[first])
		first++;
	while (end > first && a[end - 1] == b[end - 1])
		end--;
	*ret_off = first;
	*ret_len = end - first;
}

int zw_way_write_span(const struct zw_way_ctx *ctx, int fd)
{
	size_t off, len;
	ssize_t n;

	zw_way_span(ctx, &off, &len);
	n = pwrite(fd, ctx->new_text.data + off, len, (off_t)off);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Waits until the parent closes its end, so that the announcement comes before any write. */
static int child_main(struct zw_way_ctx *ctx, int gate, int (*fn)(struct zw_way_ctx *ctx))
{
	char c;

	while (read(gate, &c, 1) < 0)
		if (errno != EINTR)
			return -errno;
	return fn(ctx);
}

int zw_way_in_child(
	struct zw_way_ctx *ctx, unsigned long clone_flags, int (*fn)(struct zw_way_ctx *ctx))
{
	_zw_close_ int gate_read = -1, gate_write = -1;
	int gate[2], status;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	gate_read = gate[0];
	gate_write = gate[1];
	pid = (pid_t)syscall(SYS_clone, clone_flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return clone_flags != 0 ? zw_way_refused(ctx, errno, "clone(2): no new namespace")
					: -errno;
	if (pid == 0) {
		close(gate_write);
		_exit(-child_main(ctx, gate_read, fn));
	}
	if (ctx->announce)
		ctx->announce(ctx, pid, getuid());
	close(ZW_TAKE_FD(gate_write));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	/* An errno fits into the eight bits of an exit status. */
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int set_layout(struct zw_way_ctx *ctx)
{
	const char *below = ctx->way->layout == ZW_WAY_DEEP ? "tree/" : "";
	int r;

	r = set_path(ctx->zone_dir, "%s/%szones", ctx->dir, below);
	if (r < 0)
		return r;
	r = set_path(ctx->file, "%s/zone.db", ctx->zone_dir);
	if (r < 0)
		return r;
	r = set_path(ctx->scratch, "%s/scratch", ctx->dir);
	if (r < 0)
		return r;
	r = set_path(ctx->spare, "%s/zone.new", ctx->scratch);
	if (r < 0)
		return r;
	switch (ctx->way->layout) {
	case ZW_WAY_PLAIN:
	case ZW_WAY_DEEP:
		return set_path(ctx->zone_path, "%s", ctx->file);
	case ZW_WAY_SYMLINK:
		return set_path(ctx->zone_path, "%s/link", ctx->dir);
	case ZW_WAY_DIRLINK:
		return set_path(ctx->zone_path, "%s/current/zone.db", ctx->dir);
	}
	return -EINVAL;
}

int zw_way_attach(struct zw_way_ctx *ctx, const char *dir, const struct zw_way *way)
{
	int r;

	if (dir[0] != '/')
		return -EINVAL;
	ctx->way = way;
	r = set_path(ctx->dir, "%s", dir);
	if (r < 0)
		return r;
	r = set_layout(ctx);
	if (r < 0)
		return r;
	if (!ctx->address)
		ctx->address = ZW_WAY_NEW_ADDRESS;
	if (!ctx->origin) {
		r = snprintf(
			ctx->default_origin, sizeof(ctx->default_origin), "%s.test", way->name);
		if (r < 0 || (size_t)r >= sizeof(ctx->default_origin))
			return -ENAMETOOLONG;
		ctx->origin = ctx->default_origin;
	}
	return zw_way_texts(ctx);
}

static int make_dir(const struct zw_way_ctx *ctx, const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (geteuid() == 0 && chown(path, ctx->uid, ctx->gid) < 0)
		return -errno;
	return 0;
}

static int make_links(const struct zw_way_ctx *ctx)
{
	char path[PATH_MAX];
	int r = 0;

	if (ctx->way->layout == ZW_WAY_SYMLINK) {
		if (symlink("zones/zone.db", ctx->zone_path) < 0)
			return -errno;
	} else if (ctx->way->layout == ZW_WAY_DIRLINK) {
		r = set_path(path, "%s/current", ctx->dir);
		if (r == 0 && symlink("zones", path) < 0)
			r = -errno;
	}
	return r;
}

int zw_way_setup(struct zw_way_ctx *ctx, const char *dir, const struct zw_way *way)
{
	char path[PATH_MAX];
	int r;

	r = zw_way_attach(ctx, dir, way);
	if (r < 0)
		return r;
	r = make_dir(ctx, ctx->dir);
	if (r < 0)
		return r;
	if (way->layout == ZW_WAY_DEEP) {
		r = set_path(path, "%s/tree", ctx->dir);
		if (r == 0)
			r = make_dir(ctx, path);
		if (r < 0)
			return r;
	}
	r = make_dir(ctx, ctx->zone_dir);
	if (r == 0)
		r = make_dir(ctx, ctx->scratch);
	if (r == 0)
		r = put_text(ctx->file, &ctx->old_text);
	if (r < 0)
		return r;
	if (geteuid() == 0 && chown(ctx->file, ctx->uid, ctx->gid) < 0)
		return -errno;
	return make_links(ctx);
}

int zw_way_prepare(struct zw_way_ctx *ctx)
{
	return ctx->way->prepare ? ctx->way->prepare(ctx) : 0;
}

int zw_way_run(struct zw_way_ctx *ctx)
{
	if (ctx->announce && !(ctx->way->flags & ZW_WAY_CHILD))
		ctx->announce(ctx, getpid(), getuid());
	return ctx->way->run(ctx);
}

int zw_way_verify(const struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	_zw_free_ char *buf = NULL;
	size_t len = 0, size = ctx->new_text.len + 1;
	ssize_t n;

	fd = open(ctx->zone_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	while (len < size && (n = read(fd, buf + len, size - len)) != 0) {
		if (n < 0)
			return -errno;
		len += (size_t)n;
	}
	return len == ctx->new_text.len && memcmp(buf, ctx->new_text.data, len) == 0 ? 0 : -EBADMSG;
}

void zw_way_release(struct zw_way_ctx *ctx)
{
	if (ctx->map)
		munmap(ctx->map, ctx->map_len);
	ctx->map = NULL;
	zw_closep(&ctx->fd);
	ctx->fd = -1;
	free(ctx->old_text.data);
	free(ctx->new_text.data);
	ctx->old_text = ctx->new_text = (struct zw_way_text){};
}

/* Everything that may be stacked on @path, so that the tree below can be removed. */
static int unmount_all(const char *path)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	/* EINVAL: not (or no longer) a mount point. */
	return errno == EINVAL || errno == ENOENT ? 0 : -errno;
}

static int remove_one(const char *path, const struct stat *st _zw_unused_, int type _zw_unused_,
	struct FTW *ftw _zw_unused_)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int zw_way_teardown(struct zw_way_ctx *ctx)
{
	const char *const mounts[] = {ctx->file, ctx->zone_dir, ctx->spare};
	char path[PATH_MAX];
	int r = 0, q;

	for (size_t i = 0; ctx->way->flags & ZW_WAY_MOUNT && i < ZW_ARRAY_SIZE(mounts); i++) {
		q = unmount_all(mounts[i]);
		if (r == 0)
			r = q;
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(made); i++) {
		q = set_path(path, "%s/%s", ctx->dir, made[i]);
		/* FTW_MOUNT: what could not be unmounted is not ours to empty. */
		if (q == 0 && nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
			q = errno == ENOENT ? 0 : -errno;
		if (r == 0)
			r = q;
	}
	zw_way_release(ctx);
	return r;
}
