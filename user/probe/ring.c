/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/ring.h"

#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "probe/internal.h"

/* A program that was preempted between reserving and submitting holds up everything behind it. What was
 * reserved before the mark is waited for, since a reading may depend on it; not for ever, as the task may be
 * stopped in a debugger of the kernel. */
#define DRAIN_WAIT_NS 50000
#define DRAIN_WAITS 2000

/* Ends ring_buffer__consume(), which else goes on for as long as events come. */
#define FAR_ENOUGH (-ECANCELED)

/* What is held of one ring at most: seconds of the fastest servers. Beyond that it is lost where it is counted, in the
 * kernel. */
#define HELD_MAX (64UL << 20)
/* A buffer that once was larger is not kept. */
#define HELD_KEEP (1UL << 20)

static bool is_far_enough(const struct zw_ring *ring, unsigned long pos)
{
	return (long)(pos - ring->until) >= 0;
}

/* A record is a header and data, in units of 8 bytes (kernel/bpf/ringbuf.c), also where it is held. */
static size_t record_bytes(size_t len)
{
	return (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
}

/* There is room for it. */
static void hold(struct zw_ring *ring, const void *data, size_t len)
{
	uint8_t *at = ring->held.items + ring->held.len;

	memcpy(at, &len, sizeof(len));
	memcpy(at + BPF_RINGBUF_HDR_SZ, data, len);
	ring->held.len += record_bytes(len);
}
static_assert(sizeof(size_t) <= BPF_RINGBUF_HDR_SZ, "the length is where the header was");

static int on_sample(void *ctx, void *data, size_t len)
{
	struct zw_ring *ring = ctx;
	/* While it is handed out it is not consumed yet. */
	unsigned long end = *ring->pos[0] + record_bytes(len);

	if (ring->holding)
		hold(ring, data, len);
	else
		ring->probe->fn(ring->probe->fn_ctx, data, len);
	return is_far_enough(ring, end) ? FAR_ENOUGH : 0;
}

/* The two positions, each at the beginning of a page of its map (kernel/bpf/ringbuf.c). */
static int map_positions(int map, const volatile unsigned long *ret_pos[2])
{
	long page = sysconf(_SC_PAGESIZE);

	for (int i = 0; i < 2; i++) {
		void *p = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, map, i * page);

		if (p == MAP_FAILED)
			return -errno;
		ret_pos[i] = p;
	}
	return 0;
}

int zw_ring_open(struct zw_ring *ring, int map, struct zw_probe *probe)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	ring->probe = probe;
	if (bpf_obj_get_info_by_fd(map, &info, &len) < 0)
		return -errno;
	ring->bytes = info.max_entries;
	ring->buffer = ring_buffer__new(map, on_sample, ring, NULL);
	return ring->buffer ? map_positions(map, ring->pos) : -errno;
}

void zw_ring_close(struct zw_ring *ring)
{
	for (int i = 0; i < 2; i++)
		if (ring->pos[i])
			munmap((void *)(uintptr_t)ring->pos[i], (size_t)sysconf(_SC_PAGESIZE));
	ring_buffer__free(ring->buffer);
	zw_vec_free(&ring->held);
	*ring = (struct zw_ring){};
}

int zw_ring_wake(const struct zw_ring *ring, int epoll)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, ring_buffer__epoll_fd(ring->buffer), &event) < 0
		       ? -errno
		       : 0;
}

void zw_ring_mark(struct zw_ring *ring)
{
	ring->until = *ring->pos[1];
}

int zw_ring_hold(struct zw_ring *ring)
{
	unsigned long there = ring->buffer ? *ring->pos[1] - *ring->pos[0] : 0;
	int r;

	if (there < ring->bytes / 4 || ring->held.len + there > HELD_MAX)
		return 0;
	r = zw_vec_reserve(&ring->held, ring->held.len + there);
	if (r < 0)
		return r;
	ring->until = *ring->pos[0] + there;
	ring->holding = true;
	r = ring_buffer__consume(ring->buffer);
	ring->holding = false;
	return r < 0 && r != FAR_ENOUGH ? r : 0;
}

static void hand_on(struct zw_ring *ring)
{
	for (size_t at = 0, len; at < ring->held.len; at += record_bytes(len)) {
		memcpy(&len, ring->held.items + at, sizeof(len));
		ring->probe->fn(
			ring->probe->fn_ctx, ring->held.items + at + BPF_RINGBUF_HDR_SZ, len);
	}
	ring->held.len = 0;
	if (ring->held.cap > HELD_KEEP)
		zw_vec_free(&ring->held);
}

int zw_ring_drain(struct zw_ring *ring)
{
	const struct timespec pause = {.tv_nsec = DRAIN_WAIT_NS};

	hand_on(ring);
	for (int i = 0; i < DRAIN_WAITS && !is_far_enough(ring, *ring->pos[0]); i++) {
		int r = ring_buffer__consume(ring->buffer);

		if (r < 0 && r != FAR_ENOUGH)
			return r;
		if (is_far_enough(ring, *ring->pos[0]))
			break;
		nanosleep(&pause, NULL);
	}
	return 0;
}
