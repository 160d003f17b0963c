/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways through a descriptor of the process's own, in place. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "cli/ways_internal.h"

static int open_and_write(const struct zw_way_ctx *ctx, const char *path, int flags)
{
	_zw_close_ int fd = -1;
	int r;

	r = zw_way_open(path, flags, &fd);
	if (r < 0)
		return r;
	return zw_way_write_all(fd, ctx->new_text.data, ctx->new_text.len);
}

int zw_way_run_write(struct zw_way_ctx *ctx)
{
	return open_and_write(ctx, ctx->file, O_WRONLY);
}

int zw_way_run_trunc_write(struct zw_way_ctx *ctx)
{
	return open_and_write(ctx, ctx->file, O_WRONLY | O_TRUNC);
}

int zw_way_run_pwrite(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	return r < 0 ? r : zw_way_write_span(ctx, fd);
}

int zw_way_run_pwritev(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	size_t half = ctx->new_text.len / 2;
	struct iovec iov[] = {
		{ctx->new_text.data, half},
		{ctx->new_text.data + half, ctx->new_text.len - half},
	};
	ssize_t n;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	n = pwritev2(fd, iov, 2, 0, RWF_DSYNC);
	if (n < 0)
		return -errno;
	return (size_t)n == ctx->new_text.len ? 0 : -EIO;
}

int zw_way_run_append(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	size_t old_len = ctx->old_text.len;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY | O_APPEND, &fd);
	if (r < 0)
		return r;
	return zw_way_write_all(fd, ctx->new_text.data + old_len, ctx->new_text.len - old_len);
}

int zw_way_run_truncate(struct zw_way_ctx *ctx)
{
	return truncate(ctx->file, (off_t)ctx->new_text.len) < 0 ? -errno : 0;
}

int zw_way_run_ftruncate(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	return ftruncate(fd, (off_t)ctx->new_text.len) < 0 ? -errno : 0;
}

int zw_way_run_creat(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;

	fd = creat(ctx->file, 0644);
	if (fd < 0)
		return -errno;
	return zw_way_write_all(fd, ctx->new_text.data, ctx->new_text.len);
}

int zw_way_run_openat2(struct zw_way_ctx *ctx)
{
	struct open_how how = {.flags = O_WRONLY | O_TRUNC | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	_zw_close_ int dir = -1, fd = -1;
	int r;

	r = zw_way_open(ctx->zone_dir, O_RDONLY | O_DIRECTORY, &dir);
	if (r < 0)
		return r;
	fd = (int)syscall(SYS_openat2, dir, "zone.db", &how, sizeof(how));
	if (fd < 0)
		return -errno;
	return zw_way_write_all(fd, ctx->new_text.data, ctx->new_text.len);
}

int zw_way_run_unlink(struct zw_way_ctx *ctx)
{
	if (unlink(ctx->file) < 0)
		return -errno;
	return zw_way_put_new(ctx, ctx->file);
}

/* Neither the size nor the modification time tells that something happened; the change time does. */
int zw_way_run_same_mtime(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	struct stat st;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = zw_way_write_span(ctx, fd);
	if (r < 0)
		return r;
	return futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) < 0 ? -errno : 0;
}

struct thread_arg {
	struct zw_way_ctx *ctx;
	int r;
};

static void *thread_main(void *p)
{
	struct thread_arg *arg = p;

	arg->r = zw_way_run_pwrite(arg->ctx);
	return NULL;
}

int zw_way_run_thread(struct zw_way_ctx *ctx)
{
	struct thread_arg arg = {.ctx = ctx};
	pthread_t thread;
	int r;

	r = pthread_create(&thread, NULL, thread_main, &arg);
	if (r != 0)
		return -r;
	r = pthread_join(thread, NULL);
	return r != 0 ? -r : arg.r;
}

int zw_way_run_proc_fd(struct zw_way_ctx *ctx)
{
	_zw_close_ int path_fd = -1, fd = -1;
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int r;

	r = zw_way_open(ctx->file, O_PATH, &path_fd);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	r = zw_way_open(path, O_WRONLY, &fd);
	return r < 0 ? r : zw_way_write_span(ctx, fd);
}

int zw_way_run_by_handle(struct zw_way_ctx *ctx)
{
	_zw_free_ struct file_handle *handle = NULL;
	_zw_close_ int mount_fd = -1, fd = -1;
	int mount_id, r;

	handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
	if (!handle)
		return -ENOMEM;
	handle->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, ctx->file, handle, &mount_id, 0) < 0)
		return zw_way_refused(ctx, errno, "file system without file handles");
	r = zw_way_open(ctx->dir, O_RDONLY | O_DIRECTORY, &mount_fd);
	if (r < 0)
		return r;
	fd = open_by_handle_at(mount_fd, handle, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return zw_way_refused(ctx, errno, "open_by_handle_at(2) refused");
	return zw_way_write_span(ctx, fd);
}
