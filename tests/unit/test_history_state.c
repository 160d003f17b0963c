/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States of zones at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "history_support.h"

static void assert_state(struct zw_reader *reader, const struct history_fixture *f,
	const struct zw_moment *moment, int expected, bool linked)
{
	_zw_reader_state_ struct zw_reader_state state = {};
	int r = zw_reader_state(reader, 1, moment, &state);

	if (expected < 0) {
		assert_int_equal(r, expected);
		return;
	}
	if (r < 0)
		fail_msg("%d: %s", r, zw_reader_error(reader));
	if (!zw_snapshot_equal(state.snapshot, f->state[expected]))
		fail_msg("moment of kind %d is not state %d", moment->kind, expected);
	assert_int_equal(state.time_ns, HISTORY_BEGIN_NS + (uint64_t)expected * HISTORY_STEP_NS);
	assert_int_equal(state.seq, linked ? expected : 0);
}

static void test_states(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {};

	history_fill(f, true);
	reader = history_open_reader(f->path);
	assert_state(reader, f, &m, HISTORY_STEPS, true);
	for (int i = 0; i <= HISTORY_STEPS; i++) {
		uint64_t at = HISTORY_BEGIN_NS + (uint64_t)i * HISTORY_STEP_NS;

		m = (struct zw_moment){.kind = ZW_MOMENT_TIME, .time_ns = at};
		assert_state(reader, f, &m, i, true);
		m.time_ns = at + HISTORY_STEP_NS - 1;
		assert_state(reader, f, &m, i, true);
		m = (struct zw_moment){.kind = ZW_MOMENT_SERIAL, .serial = 100 + (uint32_t)i};
		assert_state(reader, f, &m, i, true);
		if (i == 0)
			continue;
		m = (struct zw_moment){.kind = ZW_MOMENT_AFTER, .seq = (uint64_t)i};
		assert_state(reader, f, &m, i, true);
		m.kind = ZW_MOMENT_BEFORE;
		assert_state(reader, f, &m, i - 1, true);
	}
	m = (struct zw_moment){.kind = ZW_MOMENT_TIME, .time_ns = HISTORY_BEGIN_NS - 1};
	assert_state(reader, f, &m, -ENOENT, true);
	m = (struct zw_moment){.kind = ZW_MOMENT_SERIAL, .serial = 99};
	assert_state(reader, f, &m, -ENOENT, true);
}

/* Where states are of no event, an event still has a place among those that are. */
static void test_states_without_events(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {.kind = ZW_MOMENT_BEFORE, .seq = 2};

	history_fill(f, false);
	reader = history_open_reader(f->path);
	assert_state(reader, f, &m, 0, false);
	m.kind = ZW_MOMENT_AFTER;
	assert_state(reader, f, &m, 3, false);
	zw_reader_close(ZW_TAKE(reader));

	/* 2 and 5 are known to be made by their events; 3 and 4 by whom is not known. */
	history_run_sql(f->path,
		"UPDATE patch SET seq = 2 WHERE id = (SELECT min(id) + 1 FROM patch);"
		"UPDATE patch SET seq = 5 WHERE id = (SELECT min(id) + 3 FROM patch)");
	reader = history_open_reader(f->path);
	for (uint64_t seq = 1; seq <= 5; seq++) {
		static const int before[] = {0, 0, 1, 2, 2, 4}, after[] = {0, 1, 2, 3, 3, 5};
		_zw_reader_state_ struct zw_reader_state found = {};

		m = (struct zw_moment){.kind = ZW_MOMENT_BEFORE, .seq = seq};
		assert_int_equal(zw_reader_state(reader, 1, &m, &found), 0);
		assert_true(zw_snapshot_equal(found.snapshot, f->state[before[seq]]));
		zw_reader_state_done(&found);
		m.kind = ZW_MOMENT_AFTER;
		assert_int_equal(zw_reader_state(reader, 1, &m, &found), 0);
		assert_true(zw_snapshot_equal(found.snapshot, f->state[after[seq]]));
	}
}

/* A zone that was lost sight of has no state for a while. */
static void test_unknown_state(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {.kind = ZW_MOMENT_TIME, .time_ns = UINT64_MAX};

	history_fill(f, true);
	history = history_open_writer(f);
	assert_int_equal(zw_history_forget_zone(history, &history_zone), 0);
	reader = history_open_reader(f->path);
	assert_state(reader, f, &m, -ENODATA, true);
	m.kind = ZW_MOMENT_LAST;
	assert_state(reader, f, &m, HISTORY_STEPS, true);
	m = (struct zw_moment){.kind = ZW_MOMENT_AFTER, .seq = HISTORY_STEPS};
	assert_state(reader, f, &m, HISTORY_STEPS, true);
}

static void test_damaged_states(void **state)
{
	static const struct {
		const char *sql, *told;
	} cases[] = {
		{"UPDATE event SET delta = substr(delta, 1, 9) WHERE seq = 2", "patch"},
		{"DELETE FROM event WHERE seq = 2", "patch"},
		{"UPDATE base SET raw_len = raw_len + 1", "state 1"},
		{"UPDATE base SET raw_len = 1 << 50", "state 1"},
		{"UPDATE base SET blob = substr(blob, 1, 20)", "state 1"},
	};
	struct history_fixture *f = *state;

	history_fill(f, true);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_reader_close_ struct zw_reader *reader = NULL;
		struct zw_reader_state found = {};
		const struct zw_moment third = {.kind = ZW_MOMENT_SERIAL, .serial = 103};

		history_run_sql(f->path, cases[i].sql);
		reader = history_open_reader(f->path);
		assert_int_equal(zw_reader_state(reader, 1, &third, &found), -EUCLEAN);
		if (!strstr(zw_reader_error(reader), cases[i].told))
			fail_msg("%s: %s", cases[i].sql, zw_reader_error(reader));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(
			test_states_without_events, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(
			test_unknown_state, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(
			test_damaged_states, history_setup, history_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
