/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/reads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is opened for writing may not have been read when it is closed. */
#define READ_EVENTS (FAN_ACCESS | FAN_CLOSE_NOWRITE)
/* So many bytes of events at a time, each with a descriptor or two. */
#define EVENT_BYTES 4096

struct zw_reads {
	int fd;
};

int zw_reads_open(struct zw_reads **ret_reads)
{
	_zw_reads_close_ struct zw_reads *reads = calloc(1, sizeof(*reads));

	if (!reads)
		return -ENOMEM;
	reads->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_PIDFD,
		O_RDONLY | O_CLOEXEC);
	if (reads->fd < 0)
		return -errno;
	*ret_reads = ZW_TAKE(reads);
	return 0;
}

void zw_reads_close(struct zw_reads *reads)
{
	if (!reads)
		return;
	zw_closep(&reads->fd);
	free(reads);
}

int zw_reads_fd(const struct zw_reads *reads)
{
	return reads->fd;
}

int zw_reads_watch(struct zw_reads *reads, int fd)
{
	return fanotify_mark(reads->fd, FAN_MARK_ADD, READ_EVENTS | FAN_OPEN, fd, NULL) < 0 ? -errno
											    : 0;
}

/* The pidfd that comes behind an event; -1: the process is gone, or there is no room for another descriptor. */
static int pidfd_of(const struct fanotify_event_metadata *event)
{
	const struct fanotify_event_info_pidfd *info = (const void *)(event + 1);

	if (event->event_len < sizeof(*event) + sizeof(*info) ||
		info->hdr.info_type != FAN_EVENT_INFO_TYPE_PIDFD)
		return -1;
	return info->pidfd;
}

static void take_one(const struct fanotify_event_metadata *event,
	void (*fn)(void *ctx, const struct zw_read *read), void *ctx, unsigned int *lost)
{
	_zw_close_ int fd = event->fd;
	_zw_close_ int pidfd = pidfd_of(event);
	struct zw_read read = {
		.tgid = (uint32_t)event->pid,
		.alive = pidfd >= 0,
		.opened = !(event->mask & READ_EVENTS),
	};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		++*lost;
		return;
	}
	read.dev = st.st_dev;
	read.ino = st.st_ino;
	if (event->pid != getpid())
		fn(ctx, &read);
}

int zw_reads_take(struct zw_reads *reads, void (*fn)(void *ctx, const struct zw_read *read),
	void *ctx, unsigned int *ret_lost)
{
	char buf[EVENT_BYTES] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	unsigned int lost = 0;
	ssize_t len;

	while ((len = read(reads->fd, buf, sizeof(buf))) > 0) {
		const struct fanotify_event_metadata *event = (const void *)buf;

		for (; FAN_EVENT_OK(event, len); event = FAN_EVENT_NEXT(event, len))
			take_one(event, fn, ctx, &lost);
	}
	*ret_lost = lost;
	return len < 0 && errno != EAGAIN ? -errno : 0;
}
