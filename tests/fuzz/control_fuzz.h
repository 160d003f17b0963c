/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A control stream of one protocol on any bytes: no crash, no leak, what it accepts keeps what control.h says, and it
 * does not depend on how the bytes are cut. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "event/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check_control(const struct zw_control *c)
{
	require(c->command && c->command[0] && c->text);
	require(strlen(c->text) <= ZW_CONTROL_TEXT_MAX);
	for (const unsigned char *t = (const unsigned char *)c->text; *t; t++)
		require(*t >= 0x20 && *t != 0x7f);
	require(!c->body || c->body[c->body_len] == '\0');
	require(c->effect < _ZW_CONTROL_EFFECT_MAX);
}

/* Feeds pieces of @step octets and notes everything that came out. */
static void run(enum zw_control_protocol protocol, const uint8_t *data, size_t size, size_t step,
	struct zw_str *out)
{
	_zw_control_stream_ struct zw_control_stream stream = {.protocol = protocol};
	int r = 0;

	for (size_t at = 0; at < size && r >= 0; at += step) {
		size_t n = size - at < step ? size - at : step;

		require(zw_control_stream_add(&stream, data + at, n) == 0);
		for (;;) {
			_zw_control_ struct zw_control c = {};

			r = zw_control_stream_next(&stream, &c);
			if (r <= 0)
				break;
			check_control(&c);
			zw_str_addf(out, "%d %s %s %s %zu\n", c.effect, c.text,
				c.zone ? c.zone : "-", c.data ? c.data : "-", c.body_len);
		}
	}
	zw_str_addf(out, "%d", r);
	require(!out->failed);
}

static void fuzz_control(enum zw_control_protocol protocol, const uint8_t *data, size_t size)
{
	_zw_str_ struct zw_str whole = {}, pieces = {};

	run(protocol, data, size, size ? size : 1, &whole);
	run(protocol, data, size, size > 64 ? size / 7 : 1, &pieces);
	require(zw_streq(whole.buf, pieces.buf));
}
