/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/spool.c: the part of the spool that is on disk. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zw_spool_file {
	int fd;             /* -1: there is none */
	uint64_t head, end; /* offsets: of the oldest message, behind the newest */
	uint64_t max_bytes;
	size_t len; /* messages */
};

/* Opens or creates the file and counts what is in it. A message that does not check out and everything behind
 * it is cut off; *ret_damaged says whether there was one. -EMEDIUMTYPE when it is no spool, -errno. */
int zw_spool_file_open(struct zw_spool_file *file, const char *path, uint64_t max_bytes,
	unsigned int *ret_damaged);
void zw_spool_file_close(struct zw_spool_file *file);
/* -ENOSPC at the limit or at the end of the disk, -errno; the file is then as before. */
int zw_spool_file_append(struct zw_spool_file *file, const void *data, size_t len);
/* The oldest message, which the caller frees. -ENOENT when there is none, -EBADMSG when the file was changed
 * under us. */
int zw_spool_file_peek(struct zw_spool_file *file, void **ret_data, size_t *ret_len);
/* Forgets the message of that length, in the file as well, so that no restart sends it again. */
int zw_spool_file_pop(struct zw_spool_file *file, size_t len);
/* Forgets all of them. */
int zw_spool_file_clear(struct zw_spool_file *file);
