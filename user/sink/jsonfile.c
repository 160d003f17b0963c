/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON lines appended to a file. What a log shipper finds there is whole lines only, whatever happens:
 * every line is one write(2), what a full disk cut short is taken back, and a line that a crash left
 * unfinished is closed before the next one. */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sink/parent.h"

/* Log shippers run under another user but in the group of the directory; nobody else needs the data. */
#define FILE_MODE 0640
#define DIR_MODE 0750

struct file_sink {
	struct zw_sink sink;
	struct zw_sink_host host;
	char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	bool torn; /* the file ends inside a line */
};

static int file_open(struct file_sink *s)
{
	_zw_close_ int fd = -1;
	struct stat st;
	char last;
	int r;

	r = zw_make_parent(s->path, DIR_MODE);
	if (r < 0)
		return r;
	/* O_NONBLOCK so that a FIFO put in the place of the file cannot hold the agent. */
	fd = open(s->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		FILE_MODE);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (s->fd >= 0)
		close(s->fd);
	s->torn = st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->fd = ZW_TAKE_FD(fd);
	return 0;
}

/* Rotation renames or removes the file; the name then leads nowhere or to another one. */
static int file_follow(struct file_sink *s)
{
	struct stat st;

	if (stat(s->path, &st) < 0) {
		if (errno != ENOENT)
			return -errno;
	} else if (st.st_dev == s->dev && st.st_ino == s->ino) {
		return 0;
	}
	return file_open(s);
}

static int write_line(struct file_sink *s, const struct zw_str *line)
{
	ssize_t n;
	off_t end;

	do
		n = write(s->fd, line->buf, line->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == line->len)
		return 0;
	/* A regular file takes less than it was given only at the end of the disk, a quota or a limit.
	 * After an O_APPEND write the position is where that write ended. */
	end = lseek(s->fd, 0, SEEK_CUR);
	if (end < n || ftruncate(s->fd, end - n) < 0)
		s->torn = true;
	return -ENOSPC;
}

static int file_write(struct file_sink *s, const struct zw_report *report)
{
	_zw_str_ struct zw_str line = {};
	int r;

	r = file_follow(s);
	if (r < 0)
		return r;
	if (s->torn)
		zw_str_add_char(&line, '\n');
	r = zw_report_to_json(report, &s->host, &line);
	if (r < 0)
		return r;
	r = write_line(s, &line);
	if (r == 0)
		s->torn = false;
	return r;
}

static int file_deliver(struct zw_sink *sink, const struct zw_report *report)
{
	struct file_sink *s = ZW_CONTAINER_OF(sink, struct file_sink, sink);
	int r = file_write(s, report);

	if (r < 0)
		sink->lost++;
	else
		sink->delivered++;
	return r;
}

static void file_free(struct zw_sink *sink)
{
	struct file_sink *s = ZW_CONTAINER_OF(sink, struct file_sink, sink);

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static const struct zw_sink_ops file_ops = {
	.name = "json-file",
	.deliver = file_deliver,
	.free = file_free,
};

int zw_sink_jsonfile_new(
	const char *path, const struct zw_sink_host *host, struct zw_sink **ret_sink)
{
	_zw_sink_free_ struct zw_sink *sink = NULL;
	struct file_sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->sink.ops = &file_ops;
	s->fd = -1;
	sink = &s->sink;
	s->host = *host;
	s->path = strdup(path);
	if (!s->path)
		return -ENOMEM;
	r = file_open(s);
	if (r < 0)
		return r;
	*ret_sink = ZW_TAKE(sink);
	return 0;
}
