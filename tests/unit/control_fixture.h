/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of control channels, and what is made of them as text. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "event/control.h"

#define FIXTURES "tests/data/control/"
#define BYTES(text) (text), sizeof(text) - 1

/* Every command of the bytes, a line each: "EFFECT zone=... TEXT". What ends the stream is the last line. */
static inline void drain(struct zw_control_stream *stream, struct zw_str *out)
{
	for (;;) {
		_zw_control_ struct zw_control c = {};
		int r = zw_control_stream_next(stream, &c);

		if (r == 0)
			return;
		if (r < 0) {
			zw_str_addf(out, "error %d\n", r);
			return;
		}
		assert_non_null(c.command);
		assert_non_null(c.text);
		assert_true(strlen(c.text) <= ZW_CONTROL_TEXT_MAX);
		zw_str_addf(out, "%s zone=%s %s\n", zw_control_effect_to_string(c.effect),
			c.zone ? c.zone : "-", c.text);
	}
}

static inline void assert_decodes(
	enum zw_control_protocol protocol, const void *data, size_t len, const char *expected)
{
	/* In two pieces, cut at each place; the last time with an empty second piece. */
	for (size_t cut = 0; cut <= len; cut++) {
		_zw_control_stream_ struct zw_control_stream stream = {.protocol = protocol};
		_zw_str_ struct zw_str out = {};

		assert_int_equal(zw_control_stream_add(&stream, data, cut), 0);
		drain(&stream, &out);
		if (stream.error == 0) {
			assert_int_equal(
				zw_control_stream_add(&stream, (const char *)data + cut, len - cut),
				0);
			drain(&stream, &out);
		}
		assert_false(out.failed);
		assert_string_equal(out.buf ? out.buf : "", expected);
	}
}

static inline int decode_one(enum zw_control_protocol protocol, const void *data, size_t len,
	struct zw_control *ret_control)
{
	_zw_control_stream_ struct zw_control_stream stream = {.protocol = protocol};

	assert_int_equal(zw_control_stream_add(&stream, data, len), 0);
	return zw_control_stream_next(&stream, ret_control);
}

#define EBADMSG_LINE "error -74\n"
#define EMSGSIZE_LINE "error -90\n"
#define ENODATA_LINE "error -61\n"
