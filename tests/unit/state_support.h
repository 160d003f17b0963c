/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of server/state_*: takes what a reader says, as text. */
#pragma once

#include "unit/zone_support.h"

#include <unistd.h>

#include "base/clock.h"
#include "server/state.h"

#define TAKEN_MAX 16

struct taken_zone {
	struct zw_builder *builder;
	bool done, changed;
	int result;
	uint64_t mark;
	struct zw_zone_error error;
};

struct taken {
	struct taken_zone zone[TAKEN_MAX];
	size_t zones; /* of which anything was said */
	int refuse;   /* said to the first record */
	bool unasked;
	struct zw_zone_error error;
};

/* Wire form; static, of few names. */
static inline const uint8_t *wire(const char *name)
{
	static uint8_t names[64][ZW_NAME_MAX];
	static size_t n;
	uint8_t *to = names[n++ % ZW_ARRAY_SIZE(names)];

	assert_int_equal(zw_name_from_text(name, to, NULL), 0);
	return to;
}

static inline struct taken_zone *taken_zone(struct taken *t, size_t i)
{
	assert_in_range(i, 0, TAKEN_MAX - 1);
	assert_false(t->zone[i].done);
	if (i >= t->zones)
		t->zones = i + 1;
	return &t->zone[i];
}

static inline int take_record(void *ctx, size_t i, const struct zw_record *record)
{
	struct taken *t = ctx;
	struct taken_zone *z = taken_zone(t, i);

	if (t->refuse)
		return t->refuse;
	if (!z->builder)
		assert_int_equal(zw_builder_new(&test_key, wire("."), NULL, &z->builder), 0);
	assert_int_equal(zw_builder_add(z->builder, record), 0);
	return 0;
}

static inline int take_done(void *ctx, size_t i, uint64_t mark, bool changed)
{
	struct taken_zone *z = taken_zone(ctx, i);

	z->done = true;
	z->mark = mark;
	z->changed = changed;
	return 0;
}

static inline int take_failed(void *ctx, size_t i, int r, const struct zw_zone_error *error)
{
	struct taken_zone *z = taken_zone(ctx, i);

	z->done = true;
	z->result = r;
	z->error = *error;
	return 0;
}

static inline int take_unasked(void *ctx)
{
	struct taken *t = ctx;

	assert_false(t->unasked);
	t->unasked = true;
	return 0;
}

static inline struct zw_state_sink taken_sink(struct taken *t)
{
	return (struct zw_state_sink){.record = take_record,
		.done = take_done,
		.failed = take_failed,
		.unasked = take_unasked,
		.ctx = t};
}

static inline void taken_done(struct taken *t)
{
	for (size_t i = 0; i < t->zones; i++)
		zw_builder_free(t->zone[i].builder);
	*t = (struct taken){};
}

/* Zone @i was said to be complete, with these records. */
static inline void expect_zone(struct taken *t, size_t i, bool changed, const char *want)
{
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_free_ char *dump = NULL;
	struct taken_zone *z = &t->zone[i];

	assert_true(z->done);
	assert_int_equal(z->result, 0);
	assert_int_equal(z->changed, changed);
	if (!z->builder) {
		assert_string_equal(want, "");
		return;
	}
	assert_int_equal(zw_builder_finish(z->builder, &s), 0);
	dump = test_dump(s);
	assert_string_equal(dump, want);
}
