/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent finds beside its history: the input as such a file, and as the content of one frame. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/name.h"
#include "sink/history_pending.h"
#include "sink/history_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Every octet of what is handed on can be read. */
static size_t sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i];
	return n;
}

static void try_record(const uint8_t *data, size_t size)
{
	_zw_record_ struct zw_history_record record = {};

	if (zw_record_decode(data, size, &record) < 0)
		return;
	require(record.kind >= ZW_RECORD_EVENT && record.kind <= ZW_RECORD_BASELINE);
	require(sum(record.data, record.len) <= 255 * record.len);
	if (record.kind > ZW_RECORD_CHANGE)
		return;
	require(record.event.id && record.event.action && record.event.json);
	require(sum(record.event.json, record.event.json_len) <= 255 * record.event.json_len);
	for (size_t i = 0; i < record.event.actors; i++)
		require(record.event.actor[i].role != NULL);
}

/* As far as it is whole; what comes next is written where that ends. */
static void try_file(const char *path, const uint8_t *data, size_t size)
{
	struct zw_pending_position position = {};
	_zw_pending_close_ struct zw_pending *pending = NULL;
	char name[80];
	bool damaged;
	int fd;

	snprintf(name, sizeof(name), "%s.pending", path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (zw_pending_open(path, 1 << 20, &pending, &damaged) < 0)
		return;
	for (;;) {
		struct zw_pending_frame frame;
		int r = zw_pending_next(pending, &position, &frame);

		if (r < 0) {
			require(r == -ENOENT);
			return;
		}
		try_record(frame.data, frame.len);
		free(frame.data);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], name[80];

	snprintf(path, sizeof(path), "/dev/shm/zw-fuzz-%d", (int)getpid());
	snprintf(name, sizeof(name), "%s.pending", path);
	try_record(data, size);
	try_file(path, data, size);
	unlink(name);
	return 0;
}
