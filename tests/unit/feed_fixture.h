/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lists of tests/data/feeds. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/vec.h"
#include "engine/feed.h"

/* Its format by its name. */
static inline enum zw_feed_format fixture_format(const char *file)
{
	enum zw_feed_format format;
	char word[8] = "";

	memcpy(word, file, strcspn(file, "-."));
	assert_int_equal(zw_feed_format_from_string(word, &format), 0);
	return format;
}

static inline int try_feed(
	const char *file, enum zw_feed_kind kind, struct zw_feed **ret_feed, struct zw_str *error)
{
	_zw_free_ char *path = zw_asprintf("tests/data/feeds/%s", file);
	_zw_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_zw_buffer_ struct zw_buffer content = {};

	if (fd < 0)
		fail_msg("cannot open %s", path);
	assert_int_equal(zw_file_read(fd, 0, 1 << 20, &content), 0);
	return zw_feed_parse(
		file, fixture_format(file), kind, content.data, content.len, ret_feed, error);
}

static inline void add_feed(struct zw_feeds *feeds, const char *file, enum zw_feed_kind kind)
{
	_zw_str_ struct zw_str error = {};
	struct zw_feed *feed = NULL;

	if (try_feed(file, kind, &feed, &error) != 0)
		fail_msg("%s: %s", file, error.buf ? error.buf : "?");
	assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
}

/* What is listed that @text, an address or a name, matches; NULL: nothing. */
static inline const char *find(const struct zw_feeds *feeds, const char *text)
{
	static struct zw_feed_match match;
	uint8_t octets[ZW_NAME_MAX];
	bool found;

	match = (struct zw_feed_match){};
	if (inet_pton(AF_INET, text, octets) == 1) {
		found = zw_feeds_match_address(feeds, AF_INET, octets, &match);
	} else if (inet_pton(AF_INET6, text, octets) == 1) {
		found = zw_feeds_match_address(feeds, AF_INET6, octets, &match);
	} else {
		assert_int_equal(zw_name_from_text(text, octets, NULL), 0);
		found = zw_feeds_match_name(feeds, octets, &match);
	}
	return found ? match.entry : NULL;
}
