/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways in which the kernel moves the bytes: ranges, copies, asynchronous and direct I/O. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "cli/ways_internal.h"

static int change_range(struct zw_way_ctx *ctx, int mode, const char *reason)
{
	_zw_close_ int fd = -1;
	int r;

	r = zw_way_open(ctx->file, O_RDWR, &fd);
	if (r < 0)
		return r;
	return fallocate(fd, mode, ZW_WAY_BLOCK, ZW_WAY_BLOCK) < 0
		       ? zw_way_refused(ctx, errno, reason)
		       : 0;
}

int zw_way_run_collapse(struct zw_way_ctx *ctx)
{
	return change_range(ctx, FALLOC_FL_COLLAPSE_RANGE,
		"file system without FALLOC_FL_COLLAPSE_RANGE, or its blocks are larger than 4096");
}

int zw_way_run_punch(struct zw_way_ctx *ctx)
{
	return change_range(ctx, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		"file system without FALLOC_FL_PUNCH_HOLE");
}

int zw_way_run_zero(struct zw_way_ctx *ctx)
{
	return change_range(ctx, FALLOC_FL_ZERO_RANGE, "file system without FALLOC_FL_ZERO_RANGE");
}

/* A source file with NEW in it, and the zone. */
static int open_pair(struct zw_way_ctx *ctx, int *ret_in, int *ret_out)
{
	_zw_close_ int in = -1;
	int r;

	r = zw_way_put_new(ctx, ctx->spare);
	if (r == 0)
		r = zw_way_open(ctx->spare, O_RDONLY, &in);
	if (r == 0)
		r = zw_way_open(ctx->file, O_WRONLY, ret_out);
	if (r == 0)
		*ret_in = ZW_TAKE_FD(in);
	return r;
}

int zw_way_run_copy_range(struct zw_way_ctx *ctx)
{
	_zw_close_ int in = -1, out = -1;
	ssize_t n;
	int r;

	r = open_pair(ctx, &in, &out);
	if (r < 0)
		return r;
	n = copy_file_range(in, NULL, out, NULL, ctx->new_text.len, 0);
	if (n < 0)
		return zw_way_refused(ctx, errno, "file system without copy_file_range(2)");
	return (size_t)n == ctx->new_text.len ? 0 : -EIO;
}

int zw_way_run_sendfile(struct zw_way_ctx *ctx)
{
	_zw_close_ int in = -1, out = -1;
	ssize_t n;
	int r;

	r = open_pair(ctx, &in, &out);
	if (r < 0)
		return r;
	n = sendfile(out, in, NULL, ctx->new_text.len);
	if (n < 0)
		return -errno;
	return (size_t)n == ctx->new_text.len ? 0 : -EIO;
}

int zw_way_run_splice(struct zw_way_ctx *ctx)
{
	_zw_close_ int pipe_read = -1, pipe_write = -1, fd = -1;
	int pipe_fds[2], r;
	ssize_t n;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pipe_read = pipe_fds[0];
	pipe_write = pipe_fds[1];
	/* One block fits into any pipe. */
	r = zw_way_write_all(pipe_write, ctx->new_text.data, ctx->new_text.len);
	if (r < 0)
		return r;
	n = splice(pipe_read, NULL, fd, NULL, ctx->new_text.len, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == ctx->new_text.len ? 0 : -EIO;
}

int zw_way_run_aio(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	aio_context_t aio = 0;
	struct iocb cb, *cbs[] = {&cb};
	struct io_event event;
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	if (syscall(SYS_io_setup, 1, &aio) < 0)
		return zw_way_refused(ctx, errno, "kernel without io_submit(2)");
	cb = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)ctx->new_text.data,
		.aio_nbytes = ctx->new_text.len,
	};
	if (syscall(SYS_io_submit, aio, 1, cbs) != 1 ||
		syscall(SYS_io_getevents, aio, 1, 1, &event, NULL) != 1)
		r = -errno;
	else if (event.res != (int64_t)ctx->new_text.len)
		r = event.res < 0 ? (int)event.res : -EIO;
	syscall(SYS_io_destroy, aio);
	return r;
}

int zw_way_run_direct(struct zw_way_ctx *ctx)
{
	_zw_free_ void *aligned = NULL;
	_zw_close_ int fd = -1;
	ssize_t n;
	int r;

	r = posix_memalign(&aligned, ZW_WAY_BLOCK, ctx->new_text.len);
	if (r != 0)
		return -r;
	memcpy(aligned, ctx->new_text.data, ctx->new_text.len);
	r = zw_way_open(ctx->file, O_WRONLY | O_DIRECT, &fd);
	if (r < 0)
		return zw_way_refused(ctx, -r, "file system without O_DIRECT");
	n = pwrite(fd, aligned, ctx->new_text.len, 0);
	if (n < 0)
		return zw_way_refused(ctx, errno, "file system without O_DIRECT at 4096 bytes");
	return (size_t)n == ctx->new_text.len ? 0 : -EIO;
}
