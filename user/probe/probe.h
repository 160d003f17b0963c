/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel side as the agent sees it: load, watch inodes, take events, ask about inodes. The only part that
 * knows libbpf. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zw_wire.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/place.h"
#include "probe/plan.h"

struct zw_probe;

struct zw_probe_options {
	uint64_t
		ring_bytes; /* of the file ring, a power of two of pages; 0: 8 MiB. The process ring is the same */
	uint64_t net_ring_bytes; /* of the control ring for packets; 0: 8 MiB */
	bool no_tcx;             /* packets through clsact even where the kernel has tcx */
	const char
		*guard_pin; /* path on bpffs where who ended the agent outlives it; NULL: nowhere */
	uint32_t max_watches;     /* inodes that can be watched; 0: 1,048,576 */
	bool allow[_ZW_TIER_MAX]; /* tiers that may be used; all false: all */
	const char *
		scratch; /* directory for the harmless writes that prove the hooks, on the zones' filesystem */
};

/* Called for each event, in the order of the ring. @data is valid during the call only. */
typedef void (*zw_probe_fn)(void *ctx, const void *data, size_t len);

/* Tries the tiers, loads and attaches the best for each capability, and proves them by firing them. When it
 * fails nothing stays attached and @error holds one line that says what to do: -EPERM (no privilege, or the
 * kernel refuses every tier), -EOPNOTSUPP (no BTF), -ENOMEM, ... */
int zw_probe_open(
	const struct zw_probe_options *options, struct zw_probe **ret_probe, struct zw_str *error);
void zw_probe_close(struct zw_probe *probe);
ZW_DEFINE_CLEANUP(struct zw_probe *, zw_probe_close);
#define _zw_probe_close_ _zw_cleanup_(zw_probe_closep)

/* Where each program stands; valid as long as the probe. */
const struct zw_hook_status *zw_probe_hooks(const struct zw_probe *probe, size_t *ret_n);
/* The tier that serves @capability; false when none does. */
bool zw_probe_tier(
	const struct zw_probe *probe, enum zw_capability capability, enum zw_tier *ret_tier);

/* Becomes readable when there are events of files or sockets. */
int zw_probe_fd(const struct zw_probe *probe);
/* Takes what there is when it is called, process events first: an actor's exec is known before its write is looked at. */
int zw_probe_drain(struct zw_probe *probe, zw_probe_fn fn, void *ctx);
/* For who is busy with something else for longer than the rings last: takes what is in them, also those for packets, into
 * memory, up to a bound, once they are a quarter full. Costs next to nothing before that. The next drains hand it out. 0
 * or -errno; what could not be taken is still in the rings. */
int zw_probe_hold(struct zw_probe *probe);

/* Watches an inode or changes what it is watched for (enum zw_watch_flags); -E2BIG when the map is full. 1: it is a
 * directory that came a moment ago, and may have changed since without anybody being seen. */
int zw_probe_watch(struct zw_probe *probe, uint64_t dev, uint64_t ino, uint32_t flags);
int zw_probe_unwatch(struct zw_probe *probe, uint64_t dev, uint64_t ino);

/* Tells of what is sent over connections to the unix socket that listens at this inode, from now on. -EOPNOTSUPP when
 * ZW_CAP_CONTROL is not served, -E2BIG beyond 256 of them. */
int zw_probe_watch_socket(struct zw_probe *probe, uint64_t dev, uint64_t ino);
int zw_probe_unwatch_socket(struct zw_probe *probe, uint64_t dev, uint64_t ino);

/* How many have the file behind @fd open for writing and mapped shared. -errno when the kernel cannot say. */
int zw_probe_inode_state(struct zw_probe *probe, int fd, struct zw_inode_state *ret_state);
/* Fills dev, ino and lower of @place with those of the inode that hooks tell of when what is behind @fd changes: of an
 * overlay, the one below. @probe is a struct zw_probe. 0 or -errno. */
int zw_probe_below(void *probe, int fd, struct zw_place *place);
/* Calls @fn with a struct zw_wire_holder for each process that has the inode open for writing or mapped shared
 * and writable. Walks every process: for the moment of a change only. */
int zw_probe_holders(struct zw_probe *probe, uint64_t dev, uint64_t ino, zw_probe_fn fn, void *ctx);

/* Events lost or coalesced since the start, by enum zw_drop. */
int zw_probe_drops(struct zw_probe *probe, uint64_t ret_counts[static _ZW_DROP_MAX]);
