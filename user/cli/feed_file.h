/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feed from its file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "engine/feed.h"

/* A list of a million domains has 25 MB, all of URLhaus' exports together 500. */
#define ZW_FEED_FILE_MAX (512U << 20)

/* Which content a file has; equal when nobody wrote to it or put another in its place. All zero: none. */
struct zw_feed_file_id {
	uint64_t dev, ino, size_bytes;
	uint64_t mtime_ns, ctime_ns; /* CLOCK_REALTIME */
};

bool zw_feed_file_id_equal(const struct zw_feed_file_id *a, const struct zw_feed_file_id *b);
/* Of the file that @path leads to now. 0 or -errno. */
int zw_feed_file_look(const char *path, struct zw_feed_file_id *ret_id);

/* Reads the list whole. 0 only when it has entries; -EAGAIN when it was written to meanwhile; other -errno with a sentence in
 * @error. *@ret_id is what was read or tried, all zero where nothing could be opened. */
int zw_feed_file_load(const struct zw_conf_feed *conf, struct zw_feed **ret_feed,
	struct zw_feed_file_id *ret_id, struct zw_str *error);

/* "3 of its lines cannot be read: line 4: ..., line 7: ...", the first of them. Nothing where there are none. */
void zw_feed_file_bad_lines(const struct zw_feed_stats *stats, struct zw_str *out);
