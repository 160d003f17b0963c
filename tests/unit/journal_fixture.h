/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journals of tests/data/journals. */
#pragma once

#include <stdlib.h>

#include "unit/zone_support.h"

#define DATA_MAX 8192

static inline size_t read_fixture(const char *name, uint8_t data[static DATA_MAX])
{
	_zw_free_ char *path = zw_asprintf("tests/data/journals/%s.jnl", name);
	_zw_fclose_ FILE *f = fopen(path, "re");
	size_t len;

	assert_non_null(f);
	len = fread(data, 1, DATA_MAX, f);
	assert_true(len < DATA_MAX);
	return len;
}
