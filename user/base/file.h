/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files read whole, however their size moves meanwhile, or in parts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Content in memory that can be used again; all zero is empty. */
struct zw_buffer {
	char *data; /* with a NUL after it that @len does not count; NULL before the first use */
	size_t len;
	size_t cap;
};

void zw_buffer_done(struct zw_buffer *b);
#define _zw_buffer_ _zw_cleanup_(zw_buffer_done)

/* Reads @fd from its first octet to its end, whatever its position, in place of what @b held. @expect: how much
 * is foreseen, 0 where that is not known, as below /proc. 0; -EFBIG when there is more than @max, of which @b then
 * holds the beginning; -ENOMEM; or what pread(2) failed with. */
int zw_file_read(int fd, size_t expect, size_t max, struct zw_buffer *b);

/* The same for a file of which a part is known: reads the first @head octets and what comes from @from on, each to its
 * place in @b, and leaves what is between as it was or undefined. */
int zw_file_read_on(
	int fd, size_t head, size_t from, size_t expect, size_t max, struct zw_buffer *b);

/* Reads @len octets at @offset. 0, -ENODATA when the file is shorter, or what pread(2) failed with. */
int zw_file_read_exactly(int fd, void *data, size_t len, uint64_t offset);
