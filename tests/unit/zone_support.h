/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of dns/ and zone/: zone text in, plain text out. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "zone/load.h"

#define SOA_LINE "@ 300 SOA ns h 1 2 3 4 500\n"

struct test_file {
	const char *path;
	const char *text;
};

static const struct zw_hash_key test_key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

static inline int test_include(
	void *ctx, const char *path, uint32_t file, const char **ret_data, size_t *ret_len)
{
	(void)file;
	for (const struct test_file *f = ctx; f && f->path; f++) {
		if (strcmp(f->path, path) != 0)
			continue;
		*ret_data = f->text;
		*ret_len = strlen(f->text);
		return 0;
	}
	return -ENOENT;
}

static inline struct zw_zone_input test_input(const void *data, size_t len, const void *files)
{
	static uint8_t origin[ZW_NAME_MAX];

	assert_int_equal(zw_name_from_text("Example.", origin, NULL), 0);
	return (struct zw_zone_input){
		.key = &test_key,
		.master = {.origin = origin, .include = test_include, .include_ctx = (void *)files},
		.data = data,
		.len = len,
	};
}

static inline struct zw_snapshot *test_load_bytes(
	const void *data, size_t len, const struct test_file *files, struct zw_snapshot *old)
{
	struct zw_zone_input in = test_input(data, len, files);
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;
	int r = zw_zone_load(&in, old, &s, &error);

	if (r < 0)
		print_error("%d: line %llu: %s: %s\n", r, (unsigned long long)error.line,
			zw_zone_errkind_to_text(error.kind), error.reason);
	assert_int_equal(r, 0);
	return s;
}

static inline struct zw_snapshot *test_load(const char *text, struct zw_snapshot *old)
{
	return test_load_bytes(text, strlen(text), NULL, old);
}

/* One line "owner ttl type rdata" a record, in canonical order. Caller frees. */
static inline char *test_dump(const struct zw_snapshot *s)
{
	struct zw_str out = {};
	struct zw_rrset set;
	char *text = NULL;
	size_t it = 0;

	zw_str_add(&out, "");
	while (zw_snapshot_next(s, &it, &set)) {
		char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

		zw_name_to_text(set.owner, owner);
		for (uint32_t i = 0; i < set.count; i++) {
			_zw_free_ char *rdata = NULL;
			uint16_t len;
			const uint8_t *wire = zw_rrset_rdata(&set, i, &len);

			assert_int_equal(zw_rdata_to_text(set.type, wire, len, &rdata), 0);
			zw_str_addf(&out, "%s %u %s %s\n", owner, zw_rrset_ttl(&set, i),
				zw_type_to_text(set.type, type), rdata);
		}
	}
	assert_int_equal(zw_str_done(&out, &text), 0);
	return text;
}
