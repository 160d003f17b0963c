/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define GROWTH_MIN 4096

void zw_buffer_done(struct zw_buffer *b)
{
	free(b->data);
	*b = (struct zw_buffer){};
}

static int grow(struct zw_buffer *b, size_t want)
{
	char *data;

	if (want <= b->cap)
		return 0;
	data = realloc(b->data, want);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = want;
	return 0;
}

int zw_file_read(int fd, size_t expect, size_t max, struct zw_buffer *b)
{
	return zw_file_read_on(fd, 0, 0, expect, max, b);
}

int zw_file_read_on(
	int fd, size_t head, size_t from, size_t expect, size_t max, struct zw_buffer *b)
{
	size_t len = 0, want;

	b->len = 0;
	if (expect > max)
		expect = max;
	if (expect > SIZE_MAX - 2)
		return -EFBIG;
	for (;;) {
		ssize_t n;
		int r = 0;

		if (len == head && from > head)
			len = from;
		/* An octet more than foreseen shows that it grew, and the last one is for the NUL. */
		if (b->cap < expect + 2)
			r = grow(b, expect + 2);
		else if (b->cap < len + 2)
			r = grow(b, 2 * len + GROWTH_MIN);
		if (r < 0)
			return r;
		want = b->cap - len - 1;
		if (len < head && want > head - len)
			want = head - len;
		n = pread(fd, b->data + len, want, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (n > 0 && len <= max)
			continue;
		b->len = len < max ? len : max;
		b->data[b->len] = '\0';
		return len > max ? -EFBIG : 0;
	}
}

int zw_file_read_exactly(int fd, void *data, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}
