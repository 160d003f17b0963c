/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways that store into a shared mapping. The kernel sees only the first store into a clean page, as a
 * page fault that comes before the store; until the page is written back, later ones are silent. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cli/ways_internal.h"

/* How long the dirty page is left before the silent store: many times what an observer needs to react
 * to the fault, and well below the writeback interval of 5 s that would clean the page. */
#define LATE_NSEC (100 * 1000 * 1000)
#define RW (PROT_READ | PROT_WRITE)

static int map_zone(struct zw_way_ctx *ctx, int prot)
{
	void *map;
	int r;

	r = zw_way_open(ctx->file, O_RDWR, &ctx->fd);
	if (r < 0)
		return r;
	map = mmap(NULL, ctx->old_text.len, prot, MAP_SHARED, ctx->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ctx->map = map;
	ctx->map_len = ctx->old_text.len;
	return 0;
}

static int map_and_close(struct zw_way_ctx *ctx, int prot)
{
	int r = map_zone(ctx, prot);

	if (r < 0)
		return r;
	return close(ZW_TAKE_FD(ctx->fd)) < 0 ? -errno : 0;
}

static int store(struct zw_way_ctx *ctx)
{
	size_t off, len;

	zw_way_span(ctx, &off, &len);
	memcpy((char *)ctx->map + off, ctx->new_text.data + off, len);
	return 0;
}

/* Dirties the page by storing the byte that is there already. */
static void touch(struct zw_way_ctx *ctx)
{
	volatile char *last = (volatile char *)ctx->map + ctx->map_len - 1;

	*last = *last;
}

int zw_way_run_mmap(struct zw_way_ctx *ctx)
{
	int r = map_zone(ctx, RW);

	return r < 0 ? r : store(ctx);
}

int zw_way_run_mmap_closed(struct zw_way_ctx *ctx)
{
	int r = map_and_close(ctx, RW);

	return r < 0 ? r : store(ctx);
}

int zw_way_run_mmap_late(struct zw_way_ctx *ctx)
{
	struct timespec left = {.tv_nsec = LATE_NSEC};
	int r;

	r = map_and_close(ctx, RW);
	if (r < 0)
		return r;
	touch(ctx);
	while (nanosleep(&left, &left) < 0)
		if (errno != EINTR)
			return -errno;
	return store(ctx);
}

/* The kernel itself stores, on behalf of read(2). */
int zw_way_run_mmap_read(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	ssize_t n;
	int r;

	r = zw_way_put_new(ctx, ctx->spare);
	if (r == 0)
		r = zw_way_open(ctx->spare, O_RDONLY, &fd);
	if (r == 0)
		r = map_and_close(ctx, RW);
	if (r < 0)
		return r;
	n = read(fd, ctx->map, ctx->map_len);
	if (n < 0)
		return -errno;
	return (size_t)n == ctx->map_len ? 0 : -EIO;
}

int zw_way_run_mmap_child(struct zw_way_ctx *ctx)
{
	int r = map_and_close(ctx, RW);

	return r < 0 ? r : zw_way_in_child(ctx, 0, store);
}

/* What the mapping was made for does not say that it will be written to. */
int zw_way_run_mmap_protect(struct zw_way_ctx *ctx)
{
	int r = map_and_close(ctx, PROT_READ);

	if (r < 0)
		return r;
	if (mprotect(ctx->map, ctx->map_len, RW) < 0)
		return -errno;
	return store(ctx);
}

int zw_way_prepare_mmap(struct zw_way_ctx *ctx)
{
	return map_and_close(ctx, RW);
}

int zw_way_prepare_mmap_dirty(struct zw_way_ctx *ctx)
{
	int r = map_and_close(ctx, RW);

	if (r < 0)
		return r;
	touch(ctx);
	return 0;
}

int zw_way_run_mmap_prepared(struct zw_way_ctx *ctx)
{
	return store(ctx);
}
