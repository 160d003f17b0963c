/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways through io_uring, by system calls: one ring of few entries, one request at a time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "cli/ways_internal.h"

#define RING_ENTRIES 4
/* Since Linux 6.9 (include/uapi/linux/io_uring.h there), not in the headers we build with. */
#define OP_FTRUNCATE 55

struct ring {
	int fd;
	void *rings; /* both rings in one mapping, IORING_FEAT_SINGLE_MMAP */
	size_t rings_len;
	struct io_uring_sqe *sqes;
	size_t sqes_len;
	struct io_uring_params params;
};

static void ring_close(struct ring *ring)
{
	if (ring->sqes)
		munmap(ring->sqes, ring->sqes_len);
	if (ring->rings)
		munmap(ring->rings, ring->rings_len);
	zw_closep(&ring->fd);
}

#define RING_INIT        \
	{                \
		.fd = -1 \
	}
#define _ring_ _zw_cleanup_(ring_close)

static int ring_open(struct zw_way_ctx *ctx, struct ring *ring, unsigned int flags)
{
	struct io_uring_params *p = &ring->params;
	void *map;

	p->flags = flags;
	p->sq_thread_idle = 1000;
	ring->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, p);
	if (ring->fd < 0)
		return zw_way_refused(ctx, errno,
			"io_uring_setup(2) refused: not built in, or kernel.io_uring_disabled");
	if (!(p->features & IORING_FEAT_SINGLE_MMAP))
		return zw_way_unsupported(ctx, "io_uring older than Linux 5.4");
	ring->rings_len = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (p->sq_off.array + p->sq_entries * sizeof(uint32_t) > ring->rings_len)
		ring->rings_len = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	map = mmap(NULL, ring->rings_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		ring->fd, IORING_OFF_SQ_RING);
	if (map == MAP_FAILED)
		return -errno;
	ring->rings = map;
	ring->sqes_len = p->sq_entries * sizeof(struct io_uring_sqe);
	map = mmap(NULL, ring->sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		ring->fd, IORING_OFF_SQES);
	if (map == MAP_FAILED)
		return -errno;
	ring->sqes = map;
	return 0;
}

static _Atomic uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
	return (_Atomic uint32_t *)((char *)ring->rings + offset);
}

/* Puts the request into the submission ring; with SQPOLL the kernel may take it at once. */
static void ring_push(struct ring *ring, const struct io_uring_sqe *sqe)
{
	_Atomic uint32_t *tail = ring_word(ring, ring->params.sq_off.tail);
	uint32_t mask = *ring_word(ring, ring->params.sq_off.ring_mask);
	uint32_t at = atomic_load_explicit(tail, memory_order_relaxed);

	ring->sqes[at & mask] = *sqe;
	*ring_word(ring, ring->params.sq_off.array + (at & mask) * sizeof(uint32_t)) = at & mask;
	atomic_store_explicit(tail, at + 1, memory_order_release);
}

static int ring_enter(struct ring *ring)
{
	unsigned int flags = IORING_ENTER_GETEVENTS, submit = 1;

	if (ring->params.flags & IORING_SETUP_SQPOLL) {
		submit = 0;
		/* The flag is set with a full barrier; our store of the tail needs one, too. */
		atomic_thread_fence(memory_order_seq_cst);
		if (*ring_word(ring, ring->params.sq_off.flags) & IORING_SQ_NEED_WAKEUP)
			flags |= IORING_ENTER_SQ_WAKEUP;
	}
	while (syscall(SYS_io_uring_enter, ring->fd, submit, 1, flags, NULL, 0) < 0) {
		if (errno != EINTR)
			return -errno;
		submit = 0;
	}
	return 0;
}

/* Submits one request and waits for it; its result, which is -errno on failure. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *sqe)
{
	_Atomic uint32_t *head = ring_word(ring, ring->params.cq_off.head);
	const struct io_uring_cqe *cqes =
		(const void *)((char *)ring->rings + ring->params.cq_off.cqes);
	uint32_t mask, at;
	int r;

	ring_push(ring, sqe);
	r = ring_enter(ring);
	if (r < 0)
		return r;
	at = atomic_load_explicit(head, memory_order_relaxed);
	mask = *ring_word(ring, ring->params.cq_off.ring_mask);
	if (atomic_load_explicit(ring_word(ring, ring->params.cq_off.tail), memory_order_acquire) ==
		at)
		return -EIO;
	r = cqes[at & mask].res;
	atomic_store_explicit(head, at + 1, memory_order_release);
	return r;
}

/* The most operations a kernel could have: they are numbered by a byte. */
#define OPS_MAX 256

/* 1 when the kernel has the operation, 0 when it says that it has not. */
static int ring_has(const struct ring *ring, unsigned int op)
{
	_zw_free_ struct io_uring_probe *probe =
		calloc(1, sizeof(*probe) + OPS_MAX * sizeof(*probe->ops));

	if (!probe)
		return -ENOMEM;
	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PROBE, probe, OPS_MAX) < 0)
		return -errno;
	return op < probe->ops_len && probe->ops[op].flags & IO_URING_OP_SUPPORTED;
}

/* Opens a ring for the sake of one operation. A kernel that says it does not have it must refuse it, too. */
static int ring_open_for(
	struct zw_way_ctx *ctx, struct ring *ring, unsigned int op, const char *lacks)
{
	struct io_uring_sqe sqe = {.opcode = (uint8_t)op, .fd = -1};
	int r = ring_open(ctx, ring, 0);

	if (r < 0)
		return r;
	r = ring_has(ring, op);
	if (r != 0)
		return r < 0 ? zw_way_refused(ctx, -r, "IORING_REGISTER_PROBE refused") : 0;
	r = ring_do(ring, &sqe);
	if (r != -EINVAL)
		return -EBADE;
	ctx->absent = true;
	return zw_way_unsupported(ctx, lacks);
}

static int ring_write(const struct zw_way_ctx *ctx, struct ring *ring, int fd, unsigned int flags)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.flags = (uint8_t)flags,
		.fd = fd,
		.addr = (uintptr_t)ctx->new_text.data,
		.len = (uint32_t)ctx->new_text.len,
	};
	int r = ring_do(ring, &sqe);

	if (r < 0)
		return r;
	return (size_t)r == ctx->new_text.len ? 0 : -EIO;
}

static int write_with(struct zw_way_ctx *ctx, unsigned int setup_flags, unsigned int sqe_flags)
{
	_ring_ struct ring ring = RING_INIT;
	_zw_close_ int fd = -1;
	int r;

	r = ring_open(ctx, &ring, setup_flags);
	if (r == 0)
		r = zw_way_open(ctx->file, O_WRONLY, &fd);
	return r < 0 ? r : ring_write(ctx, &ring, fd, sqe_flags);
}

int zw_way_run_uring_write(struct zw_way_ctx *ctx)
{
	return write_with(ctx, 0, 0);
}

int zw_way_run_uring_async(struct zw_way_ctx *ctx)
{
	return write_with(ctx, 0, IOSQE_ASYNC);
}

int zw_way_run_uring_sqpoll(struct zw_way_ctx *ctx)
{
	return write_with(ctx, IORING_SETUP_SQPOLL, 0);
}

int zw_way_run_uring_fixed(struct zw_way_ctx *ctx)
{
	_ring_ struct ring ring = RING_INIT;
	struct iovec iov = {ctx->new_text.data, ctx->new_text.len};
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE_FIXED,
		.flags = IOSQE_FIXED_FILE,
		.addr = (uintptr_t)iov.iov_base,
		.len = (uint32_t)iov.iov_len,
	};
	int fd = -1, r;

	r = ring_open(ctx, &ring, 0);
	if (r == 0)
		r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	/* The ring holds the file from here on; no descriptor of the process points to it. */
	r = (int)syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1);
	if (r < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &iov, 1) < 0)
		return zw_way_refused(ctx, errno, "IORING_REGISTER_BUFFERS refused");
	r = ring_do(&ring, &sqe);
	if (r < 0)
		return r;
	return (size_t)r == iov.iov_len ? 0 : -EIO;
}

int zw_way_run_uring_open(struct zw_way_ctx *ctx)
{
	_ring_ struct ring ring = RING_INIT;
	_zw_close_ int fd = -1;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)ctx->file,
		.open_flags = O_WRONLY | O_TRUNC | O_CLOEXEC,
	};
	int r;

	r = ring_open(ctx, &ring, 0);
	if (r < 0)
		return r;
	fd = ring_do(&ring, &sqe);
	return fd < 0 ? fd : ring_write(ctx, &ring, fd, 0);
}

/* A request with two paths: a rename or a link. */
static int two_paths(const struct zw_way_ctx *ctx, struct ring *ring, unsigned int opcode)
{
	struct io_uring_sqe sqe = {
		.opcode = (uint8_t)opcode,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)ctx->spare,
		.len = (uint32_t)AT_FDCWD,
		.addr2 = (uintptr_t)ctx->file,
	};

	return ring_do(ring, &sqe);
}

int zw_way_run_uring_rename(struct zw_way_ctx *ctx)
{
	_ring_ struct ring ring = RING_INIT;
	int r;

	r = ring_open_for(ctx, &ring, IORING_OP_RENAMEAT, "this kernel has no IORING_OP_RENAMEAT");
	if (r == 0)
		r = zw_way_put_new(ctx, ctx->spare);
	return r < 0 ? r : two_paths(ctx, &ring, IORING_OP_RENAMEAT);
}

int zw_way_run_uring_link(struct zw_way_ctx *ctx)
{
	_ring_ struct ring ring = RING_INIT;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)ctx->file};
	int r;

	/* The later of the two: Linux 5.15, the other one 5.11. */
	r = ring_open_for(ctx, &ring, IORING_OP_LINKAT, "this kernel has no IORING_OP_LINKAT");
	if (r == 0)
		r = zw_way_put_new(ctx, ctx->spare);
	if (r == 0)
		r = ring_do(&ring, &sqe);
	return r < 0 ? r : two_paths(ctx, &ring, IORING_OP_LINKAT);
}

int zw_way_run_uring_truncate(struct zw_way_ctx *ctx)
{
	_ring_ struct ring ring = RING_INIT;
	_zw_close_ int fd = -1;
	struct io_uring_sqe sqe = {.opcode = OP_FTRUNCATE, .off = ctx->new_text.len};
	int r;

	r = ring_open_for(ctx, &ring, OP_FTRUNCATE, "this kernel has no IORING_OP_FTRUNCATE");
	if (r == 0)
		r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r < 0)
		return r;
	sqe.fd = fd;
	return ring_do(&ring, &sqe);
}
