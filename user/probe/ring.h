/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ring that the kernel writes, taken up to where it was when that was asked for: events that come faster than they are
 * taken do not keep the agent from everything else. Internal to this folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct ring_buffer;
struct zw_probe;

struct zw_ring {
	struct ring_buffer *buffer;
	const volatile unsigned long *pos[2]; /* consumed, produced: bytes ever */
	unsigned long until;                  /* where it was last marked */
	unsigned long bytes;                  /* that fit in */
	ZW_VEC(uint8_t) held;                 /* taken out and not handed on: as in the ring */
	bool holding;                         /* what comes now is to be held */
	struct zw_probe *probe;               /* whose fn takes the events */
};

/* Opens the ring that is the map behind @map. After a failure @ring is to be closed too. 0 or -errno. */
int zw_ring_open(struct zw_ring *ring, int map, struct zw_probe *probe);
/* One that was never opened, and is all zero, is allowed. */
void zw_ring_close(struct zw_ring *ring);
/* Has what comes to @ring wake @epoll. 0 or -errno. */
int zw_ring_wake(const struct zw_ring *ring, int epoll);
/* What is reserved from now on is for the next time. */
void zw_ring_mark(struct zw_ring *ring);
/* Takes out what is there into memory, when it is so much that more may soon find no room. The next drain hands it on. 0 or
 * -errno; what could not be taken is still in the ring. */
int zw_ring_hold(struct zw_ring *ring);
/* Hands all that was reserved when @ring was marked to @ring->probe->fn. 0 or -errno. */
int zw_ring_drain(struct zw_ring *ring);
