/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: a bounded queue of messages for a receiver that is away. The newest are in memory, what
 * no longer fits goes to a file, and what is in the file is always older: first in, first out over both. The
 * file outlives the agent, and an agent that ends puts what it has in memory there as well.
 *
 * File: "ZWSPOOL1", u64 offset of the first message not yet sent, then messages as u32 length, u32 CRC-32
 * (zlib) of the content, content. Little-endian. It is not synced: what matters outlives the process; a
 * machine that loses power loses the end of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zw_spool;

struct zw_spool_limits {
	size_t memory_items;
	size_t memory_bytes;
	uint64_t file_bytes;
};

/* @path NULL: memory only. -EMEDIUMTYPE when the file is there and no spool, -errno. @ret_damaged is the
 * number of messages that cannot be told any more: 1 when the file ends in the middle of one. */
int zw_spool_new(const char *path, const struct zw_spool_limits *limits,
	struct zw_spool **ret_spool, unsigned int *ret_damaged);
/* Writes what is in memory to the file. */
void zw_spool_free(struct zw_spool *spool);
ZW_DEFINE_CLEANUP(struct zw_spool *, zw_spool_free);
#define _zw_spool_free_ _zw_cleanup_(zw_spool_freep)

/* Messages that wait. */
size_t zw_spool_len(const struct zw_spool *spool);
/* Appends a copy. -ENOSPC when memory and file are full, -EFBIG for more than either could hold, -ENOMEM. */
int zw_spool_put(struct zw_spool *spool, const void *data, size_t len);

/* 0: sent. -EBADMSG: never to be sent, the message is dropped. Other errors: not now. */
typedef int (*zw_spool_send_fn)(void *ctx, const void *data, size_t len);

struct zw_spool_result {
	size_t sent, dropped;
};

/* Hands messages over, oldest first, until none is left, @send says not now (which is then returned), or
 * @max_ns have gone by (0 is returned). */
int zw_spool_drain(struct zw_spool *spool, zw_spool_send_fn send, void *ctx, uint64_t max_ns,
	struct zw_spool_result *ret_result);
