/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/spool_file.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "sink/parent.h"

/* A length beyond this is damage, not a message: the largest that journald takes from anybody is 1 GiB, and
 * ours are bounded far below it. */
#define MESSAGE_MAX (256U << 20)

struct file_header {
	char magic[8];
	uint64_t head;
};
static_assert(sizeof(struct file_header) == 16, "layout on disk");

struct message_header {
	uint32_t len, crc;
};
static_assert(sizeof(struct message_header) == 8, "layout on disk");

static const char magic[8] = {'Z', 'W', 'S', 'P', 'O', 'O', 'L', '1'};

static uint32_t checksum(const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, len);
}

static int write_exactly(int fd, const void *data, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pwrite(fd, (const char *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int write_head(struct zw_spool_file *file, uint64_t head)
{
	struct file_header header = {.head = htole64(head)};

	memcpy(header.magic, magic, sizeof(magic));
	return write_exactly(file->fd, &header, sizeof(header), 0);
}

int zw_spool_file_clear(struct zw_spool_file *file)
{
	int r;

	/* The offset first: a crash in between leaves messages that are never read instead of an offset
	 * behind the end. */
	r = write_head(file, file->end);
	if (r < 0)
		return r;
	if (ftruncate(file->fd, sizeof(struct file_header)) < 0)
		return -errno;
	r = write_head(file, sizeof(struct file_header));
	if (r < 0)
		return r;
	file->head = file->end = sizeof(struct file_header);
	file->len = 0;
	return 0;
}

static int read_message(int fd, uint64_t offset, uint64_t size, void **ret_data, size_t *ret_len)
{
	_zw_free_ void *data = NULL;
	struct message_header header;
	uint32_t len;
	int r;

	r = zw_file_read_exactly(fd, &header, sizeof(header), offset);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	len = le32toh(header.len);
	if (len > MESSAGE_MAX || len > size - offset - sizeof(header))
		return -EBADMSG;
	data = malloc(len ? len : 1);
	if (!data)
		return -ENOMEM;
	r = zw_file_read_exactly(fd, data, len, offset + sizeof(header));
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	if (checksum(data, len) != le32toh(header.crc))
		return -EBADMSG;
	*ret_data = ZW_TAKE(data);
	*ret_len = len;
	return 0;
}

static int scan(struct zw_spool_file *file, uint64_t size, unsigned int *ret_damaged)
{
	file->end = file->head;
	while (file->end < size) {
		_zw_free_ void *data = NULL;
		size_t len;
		int r;

		r = read_message(file->fd, file->end, size, &data, &len);
		if (r == -EBADMSG) {
			*ret_damaged = 1;
			return ftruncate(file->fd, (off_t)file->end) < 0 ? -errno : 0;
		}
		if (r < 0)
			return r;
		file->end += sizeof(struct message_header) + len;
		file->len++;
	}
	return 0;
}

static int load(struct zw_spool_file *file, uint64_t size, unsigned int *ret_damaged)
{
	struct file_header header;
	size_t known = size < sizeof(magic) ? size : sizeof(magic);
	int r;

	file->end = size;
	r = zw_file_read_exactly(
		file->fd, &header, size < sizeof(header) ? size : sizeof(header), 0);
	if (r < 0)
		return r;
	if (memcmp(header.magic, magic, known) != 0)
		return -EMEDIUMTYPE;
	/* New, or the agent ended before it had written the header. */
	if (size < sizeof(header))
		return zw_spool_file_clear(file);
	file->head = le64toh(header.head);
	/* All sent; zw_spool_file_clear() may have been interrupted on either side of the truncation. */
	if (file->head == size || size == sizeof(header))
		return zw_spool_file_clear(file);
	if (file->head < sizeof(header) || file->head > size) {
		*ret_damaged = 1;
		return zw_spool_file_clear(file);
	}
	return scan(file, size, ret_damaged);
}

int zw_spool_file_open(
	struct zw_spool_file *file, const char *path, uint64_t max_bytes, unsigned int *ret_damaged)
{
	struct zw_spool_file new = {.fd = -1, .max_bytes = max_bytes};
	unsigned int damaged = 0;
	struct stat st;
	int r;

	r = zw_make_parent(path, 0700);
	if (r < 0)
		return r;
	new.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (new.fd < 0)
		return -errno;
	if (fstat(new.fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EMEDIUMTYPE;
	else
		r = load(&new, (uint64_t)st.st_size, &damaged);
	if (r < 0) {
		zw_spool_file_close(&new);
		return r;
	}
	*file = new;
	*ret_damaged = damaged;
	return 0;
}

void zw_spool_file_close(struct zw_spool_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int zw_spool_file_append(struct zw_spool_file *file, const void *data, size_t len)
{
	struct message_header header = {htole32((uint32_t)len), htole32(checksum(data, len))};
	uint64_t need = sizeof(header) + len;
	int r;

	if (len > MESSAGE_MAX)
		return -EFBIG;
	if (file->end + need > file->max_bytes)
		return -ENOSPC;
	r = write_exactly(file->fd, &header, sizeof(header), file->end);
	if (r == 0)
		r = write_exactly(file->fd, data, len, file->end + sizeof(header));
	if (r < 0) {
		/* Should this fail as well, the checksum tells at the next start. */
		(void)!ftruncate(file->fd, (off_t)file->end);
		return r;
	}
	file->end += need;
	file->len++;
	return 0;
}

int zw_spool_file_peek(struct zw_spool_file *file, void **ret_data, size_t *ret_len)
{
	if (file->len == 0)
		return -ENOENT;
	return read_message(file->fd, file->head, file->end, ret_data, ret_len);
}

int zw_spool_file_pop(struct zw_spool_file *file, size_t len)
{
	uint64_t head = file->head + sizeof(struct message_header) + len;
	int r;

	if (file->len == 1)
		return zw_spool_file_clear(file);
	r = write_head(file, head);
	if (r < 0)
		return r;
	file->head = head;
	file->len--;
	return 0;
}
