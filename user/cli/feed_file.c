/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/feed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

static uint64_t time_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * ZW_NSEC_PER_SEC + (uint64_t)t->tv_nsec;
}

static void identify(const struct stat *st, struct zw_feed_file_id *ret_id)
{
	*ret_id = (struct zw_feed_file_id){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size_bytes = (uint64_t)st->st_size,
		.mtime_ns = time_of(&st->st_mtim),
		.ctime_ns = time_of(&st->st_ctim),
	};
}

bool zw_feed_file_id_equal(const struct zw_feed_file_id *a, const struct zw_feed_file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size_bytes == b->size_bytes &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

int zw_feed_file_look(const char *path, struct zw_feed_file_id *ret_id)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	identify(&st, ret_id);
	return 0;
}

static int fail(struct zw_str *error, const char *what, int r)
{
	zw_str_addf(error, "cannot be %s: %s", what, strerror(-r));
	return r;
}

static int read_file(const char *path, struct zw_buffer *content, struct zw_feed_file_id *ret_id,
	struct zw_str *error)
{
	struct zw_feed_file_id after;
	_zw_close_ int fd = -1;
	struct stat st;
	int r;

	/* A pipe is opened without waiting for whoever may write to it, and refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(error, "opened", -errno);
	if (fstat(fd, &st) < 0)
		return fail(error, "examined", -errno);
	identify(&st, ret_id);
	if (!S_ISREG(st.st_mode)) {
		zw_str_add(error, "is not a regular file");
		return -EINVAL;
	}
	/* Who may write to it can have warnings ignored, and cause others. */
	if (st.st_mode & S_IWOTH) {
		zw_str_add(
			error, "may be written to by every user, so it is not used; run chmod o-w");
		return -EPERM;
	}
	r = zw_file_read(fd, (size_t)st.st_size, ZW_FEED_FILE_MAX, content);
	if (r == -EFBIG) {
		zw_str_addf(error, "is larger than %u MiB", ZW_FEED_FILE_MAX >> 20);
		return r;
	}
	if (r < 0)
		return fail(error, "read", r);
	if (fstat(fd, &st) < 0)
		return fail(error, "examined", -errno);
	identify(&st, &after);
	return zw_feed_file_id_equal(ret_id, &after) ? 0 : -EAGAIN;
}

void zw_feed_file_bad_lines(const struct zw_feed_stats *stats, struct zw_str *out)
{
	if (stats->bad == 0)
		return;
	zw_str_addf(out, "%" PRIu64 " of its lines cannot be read", stats->bad);
	for (size_t i = 0; i < ZW_FEED_BAD_TOLD && i < stats->bad; i++)
		zw_str_addf(out, "%s line %" PRIu64 ": %s", i ? "," : ":", stats->first_bad[i].line,
			stats->first_bad[i].text);
	if (stats->bad > ZW_FEED_BAD_TOLD)
		zw_str_add(out, ", ...");
}

int zw_feed_file_load(const struct zw_conf_feed *conf, struct zw_feed **ret_feed,
	struct zw_feed_file_id *ret_id, struct zw_str *error)
{
	_zw_buffer_ struct zw_buffer content = {};
	_zw_feed_free_ struct zw_feed *feed = NULL;
	int r;

	*ret_id = (struct zw_feed_file_id){};
	r = read_file(conf->file, &content, ret_id, error);
	if (r < 0)
		return r;
	r = zw_feed_parse(
		conf->name, conf->format, conf->kind, content.data, content.len, &feed, error);
	if (r < 0) {
		if (error->len == 0)
			zw_str_add(error, strerror(-r));
		return r;
	}
	if (zw_feed_entries(zw_feed_stats(feed)) == 0) {
		zw_str_add(error, "has no entries");
		if (zw_feed_stats(feed)->bad)
			zw_str_add(error, "; ");
		zw_feed_file_bad_lines(zw_feed_stats(feed), error);
		return -ENODATA;
	}
	*ret_feed = ZW_TAKE(feed);
	return 0;
}
