/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_pending.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"

/* A file that has grown to this becomes the old one. As much of what is stored already can still be read, which makes
 * good for a copy of the database that is a moment older than those of the files beside it. */
#define ROTATE_BYTES (1 << 20)
/* A length beyond this is damage: an event lists 1,000 changes at most, a difference is that of one zone. */
#define FRAME_MAX (1U << 30)

struct file_header {
	char magic[8];
	uint64_t history;
};
static_assert(sizeof(struct file_header) == 16, "layout on disk");

struct frame_header {
	uint32_t len, crc;
	uint64_t number;
};
static_assert(sizeof(struct frame_header) == ZW_PENDING_HEAD, "layout on disk");

static const char magic[8] = {'Z', 'W', 'P', 'E', 'N', 'D', '0', '1'};

struct part {
	int fd; /* -1: there is none */
	uint64_t history;
	uint64_t end;  /* behind the last frame that was written whole */
	uint64_t last; /* number of it, 0: none */
};

struct zw_pending {
	char *path, *old_path;
	uint64_t max_bytes;
	uint64_t files; /* number of the newer one: what positions mean by it */
	struct part old, new;
};

static uint32_t checksum(uint64_t number, const void *data, size_t len)
{
	uint64_t le = htole64(number);
	uLong crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)&le, sizeof(le));

	return (uint32_t)(len > 0 ? crc32_z(crc, data, len) : crc);
}

/* -ENODATA at the end, -EBADMSG. */
static int read_frame(const struct part *part, uint64_t offset, struct zw_pending_frame *frame)
{
	struct frame_header header;
	_zw_free_ uint8_t *data = NULL;
	uint32_t len;
	int r;

	if (part->fd < 0 || offset >= part->end)
		return -ENODATA;
	if (part->end - offset < sizeof(header))
		return -EBADMSG;
	r = zw_file_read_exactly(part->fd, &header, sizeof(header), offset);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	len = le32toh(header.len);
	if (len > FRAME_MAX || len > part->end - offset - sizeof(header))
		return -EBADMSG;
	data = malloc(len ? len : 1);
	if (!data)
		return -ENOMEM;
	r = zw_file_read_exactly(part->fd, data, len, offset + sizeof(header));
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	frame->number = le64toh(header.number);
	if (checksum(frame->number, data, len) != le32toh(header.crc))
		return -EBADMSG;
	frame->history = part->history;
	frame->data = ZW_TAKE(data);
	frame->len = len;
	return 0;
}

/* Finds the last frame; what is behind the last whole one is overwritten by the next. */
static int part_scan(struct part *part, bool *damaged)
{
	uint64_t offset = sizeof(struct file_header);
	int r = 0;

	while (part->fd >= 0 && r == 0) {
		struct zw_pending_frame frame;

		r = read_frame(part, offset, &frame);
		if (r < 0)
			break;
		free(frame.data);
		part->last = frame.number;
		offset += sizeof(struct frame_header) + frame.len;
	}
	if (r != -ENODATA && r != -EBADMSG)
		return r;
	*damaged |= r == -EBADMSG;
	part->end = offset;
	return 0;
}

static void part_close(struct part *part)
{
	if (part->fd >= 0)
		close(part->fd);
	*part = (struct part){.fd = -1};
}

static int part_open(struct part *part, const char *path)
{
	struct file_header header = {};
	struct stat st;
	size_t len;
	int r;

	part->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (part->fd < 0 && errno == EROFS)
		part->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (part->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(part->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	len = (size_t)st.st_size < sizeof(header) ? (size_t)st.st_size : sizeof(header);
	r = zw_file_read_exactly(part->fd, &header, len, 0);
	if (r < 0)
		return r;
	if (memcmp(header.magic, magic, len < sizeof(magic) ? len : sizeof(magic)) != 0)
		return -EMEDIUMTYPE;
	part->history = le64toh(header.history);
	part->end = (uint64_t)st.st_size;
	return 0;
}

int zw_pending_open(
	const char *db_path, uint64_t max_bytes, struct zw_pending **ret_pending, bool *ret_damaged)
{
	_zw_pending_close_ struct zw_pending *pending = calloc(1, sizeof(*pending));
	bool damaged = false;
	int r;

	if (!pending)
		return -ENOMEM;
	pending->old.fd = pending->new.fd = -1;
	pending->max_bytes = max_bytes;
	pending->files = 1;
	pending->path = zw_asprintf("%s.pending", db_path);
	pending->old_path = zw_asprintf("%s.pending.old", db_path);
	if (!pending->path || !pending->old_path)
		return -ENOMEM;
	r = part_open(&pending->old, pending->old_path);
	if (r == 0)
		r = part_open(&pending->new, pending->path);
	if (r == 0)
		r = part_scan(&pending->old, &damaged);
	if (r == 0)
		r = part_scan(&pending->new, &damaged);
	if (r < 0)
		return r;
	*ret_damaged = damaged;
	*ret_pending = ZW_TAKE(pending);
	return 0;
}

bool zw_pending_is_there(const struct zw_pending *pending)
{
	struct stat named, ours;

	if (stat(pending->path, &named) < 0)
		return pending->new.fd < 0;
	return pending->new.fd >= 0 && fstat(pending->new.fd, &ours) == 0 &&
	       named.st_dev == ours.st_dev &&named.st_ino == ours.st_ino;
}

void zw_pending_close(struct zw_pending *pending)
{
	if (!pending)
		return;
	part_close(&pending->old);
	part_close(&pending->new);
	free(pending->path);
	free(pending->old_path);
	free(pending);
}

int zw_pending_next(struct zw_pending *pending, struct zw_pending_position *position,
	struct zw_pending_frame *ret_frame)
{
	for (;;) {
		bool newer = position->file >= pending->files;
		int r;

		/* A file that went since had nothing that was not stored. */
		if (position->file + 1 < pending->files)
			*position = (struct zw_pending_position){pending->files - 1, 0};
		if (position->offset == 0)
			position->offset = sizeof(struct file_header);
		r = read_frame(newer ? &pending->new : &pending->old, position->offset, ret_frame);
		if (r == 0) {
			position->offset += sizeof(struct frame_header) + ret_frame->len;
			return 0;
		}
		if (r != -ENODATA || newer)
			return r == -ENODATA ? -ENOENT : r;
		*position = (struct zw_pending_position){pending->files, 0};
	}
}

uint64_t zw_pending_last(const struct zw_pending *pending)
{
	return pending->new.last ? pending->new.last : pending->old.last;
}

struct zw_pending_position zw_pending_end(const struct zw_pending *pending)
{
	return (struct zw_pending_position){pending->files, pending->new.end};
}

/* A new file, in the place of the one that is there. */
static int make_new(struct zw_pending *pending, uint64_t history)
{
	struct file_header header = {.history = htole64(history)};
	int fd;

	memcpy(header.magic, magic, sizeof(magic));
	fd = open(pending->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, &header, sizeof(header)) != (ssize_t)sizeof(header)) {
		close(fd);
		return -ENOSPC;
	}
	pending->new = (struct part){.fd = fd, .history = history, .end = sizeof(header)};
	return 0;
}

int zw_pending_start(struct zw_pending *pending, uint64_t history)
{
	part_close(&pending->old);
	part_close(&pending->new);
	if (unlink(pending->old_path) < 0 && errno != ENOENT)
		return -errno;
	pending->files++;
	return make_new(pending, history);
}

static void rotate(struct zw_pending *pending)
{
	uint64_t history = pending->new.history;

	if (rename(pending->path, pending->old_path) < 0)
		return;
	part_close(&pending->old);
	pending->old = pending->new;
	pending->new = (struct part){.fd = -1};
	pending->files++;
	/* When this fails it is tried again by the next frame. */
	(void)make_new(pending, history);
}

int zw_pending_append(struct zw_pending *pending, uint64_t number, struct zw_str *frame)
{
	struct frame_header header = {.number = htole64(number)};
	size_t len = frame->len - sizeof(header);
	ssize_t n;
	int r;

	if (pending->new.fd < 0 && pending->old.fd >= 0) {
		r = make_new(pending, pending->old.history);
		if (r < 0)
			return r;
	}
	if (pending->new.fd < 0)
		return -EBADF;
	if (len > FRAME_MAX)
		return -EFBIG;
	if (pending->new.end + frame->len > pending->max_bytes)
		return -ENOSPC;
	header.len = htole32((uint32_t)len);
	header.crc = htole32(checksum(number, frame->buf + sizeof(header), len));
	memcpy(frame->buf, &header, sizeof(header));
	n = pwrite(pending->new.fd, frame->buf, frame->len, (off_t)pending->new.end);
	if (n != (ssize_t)frame->len) {
		r = n < 0 ? -errno : -ENOSPC;
		/* Should this fail as well, the checksum tells at the next start. */
		(void)!ftruncate(pending->new.fd, (off_t)pending->new.end);
		return r;
	}
	pending->new.end += frame->len;
	pending->new.last = number;
	return 0;
}

void zw_pending_stored(struct zw_pending *pending, uint64_t number)
{
	if (pending->new.fd >= 0 && pending->new.end > ROTATE_BYTES && pending->old.last <= number)
		rotate(pending);
}
