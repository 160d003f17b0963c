/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations from text: taken, or refused with what they are refused with. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "conf/conf.h"

static inline struct zw_conf *take(const char *text)
{
	_zw_str_ struct zw_str error = {};
	struct zw_conf *conf = NULL;
	int r = zw_conf_parse("t.yaml", text, strlen(text), &conf, &error);

	if (r < 0)
		print_error("refused: %s\n", error.buf);
	assert_int_equal(r, 0);
	assert_int_equal(error.len, 0);
	return conf;
}

static inline void refuse(const char *text, const char *expected)
{
	_zw_str_ struct zw_str error = {};
	struct zw_conf *conf = NULL;

	assert_int_equal(zw_conf_parse("t.yaml", text, strlen(text), &conf, &error), -EINVAL);
	assert_null(conf);
	assert_string_equal(error.buf, expected);
}

/* Where only the place and the gist matter. */
static inline void refuse_with(const char *text, const char *place, const char *gist)
{
	_zw_str_ struct zw_str error = {};
	struct zw_conf *conf = NULL;

	assert_int_equal(zw_conf_parse("t.yaml", text, strlen(text), &conf, &error), -EINVAL);
	if (!zw_startswith(error.buf, place) || !strstr(error.buf, gist))
		fail_msg("expected %s ... %s, got: %s", place, gist, error.buf);
}
