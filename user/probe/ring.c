/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/ring.h"

#include <errno.h>
#include <linux/bpf.h>
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

static bool is_far_enough(const struct zw_ring *ring, unsigned long pos)
{
	return (long)(pos - ring->until) >= 0;
}

static int on_sample(void *ctx, void *data, size_t len)
{
	const struct zw_ring *ring = ctx;
	/* While it is handed out it is not consumed yet. A record is a header and data, in units of 8 bytes
	 * (kernel/bpf/ringbuf.c). */
	unsigned long end = *ring->pos[0] + ((len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL);

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
	ring->probe = probe;
	ring->buffer = ring_buffer__new(map, on_sample, ring, NULL);
	return ring->buffer ? map_positions(map, ring->pos) : -errno;
}

void zw_ring_close(struct zw_ring *ring)
{
	for (int i = 0; i < 2; i++)
		if (ring->pos[i])
			munmap((void *)(uintptr_t)ring->pos[i], (size_t)sysconf(_SC_PAGESIZE));
	ring_buffer__free(ring->buffer);
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

int zw_ring_drain(struct zw_ring *ring)
{
	const struct timespec pause = {.tv_nsec = DRAIN_WAIT_NS};

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
