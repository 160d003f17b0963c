/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone is taken for when the agent ends in the middle of telling what became of it. */
#include "unit/zone_support.h"

#include "base/clock.h"
#include "cli/agent_source.h"

/* What it was, and what each change made of it: RRsets that come, go, change once and twice, and come back. */
static const char *const steps[] = {
	"@ 300 SOA ns h 1 2 3 4 500\na 60 A 192.0.2.1\nb 60 TXT x\n",
	"@ 300 SOA ns h 2 2 3 4 500\na 60 A 192.0.2.2\nb 60 TXT x\n",
	"@ 300 SOA ns h 3 2 3 4 500\na 60 A 192.0.2.2\na 60 A 192.0.2.3\nc 60 TXT y\n",
	"@ 300 SOA ns h 4 2 3 4 500\na 90 A 192.0.2.3\nc 60 TXT y\nd 60 TXT z\n",
	"@ 300 SOA ns h 5 2 3 4 500\nb 60 TXT x\nd 60 TXT z\n",
};
#define STEPS ZW_ARRAY_SIZE(steps)
/* All but the first. */
#define MORE (STEPS - 2)

struct world {
	struct zw_agent agent;
	struct zw_agent_zone zone;
	struct zw_snapshot *state[STEPS];
	struct zw_explained explained;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (size_t i = 0; i < STEPS; i++)
		w->state[i] = test_load(steps[i], NULL);
	for (size_t i = 2; i < STEPS; i++) {
		struct zw_report *report = calloc(1, sizeof(*report));

		assert_non_null(report);
		assert_int_equal(zw_diff_new(w->state[i - 1], w->state[i], &report->diff), 0);
		assert_int_equal(zw_vec_push(&w->explained.more, report), 0);
	}
	w->agent.history_leads = true;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	zw_explained_done(&w->explained);
	for (size_t i = 0; i < STEPS; i++)
		zw_snapshot_unref(w->state[i]);
	zw_snapshot_unref(w->zone.told);
	free(w);
	return 0;
}

static void assert_is(const struct zw_snapshot *s, const struct zw_snapshot *wanted)
{
	_zw_free_ char *found = test_dump(s), *expected = test_dump(wanted);

	assert_string_equal(found, expected);
	assert_true(zw_snapshot_equal(s, wanted));
}

static void test_state_after_each(void **state)
{
	struct world *w = *state;

	for (size_t from = 0; from <= MORE; from++) {
		_zw_snapshot_ struct zw_snapshot *cut = NULL;

		assert_int_equal(zw_agent_history_cut(&w->agent, &w->zone, &w->explained, from,
					 w->state[STEPS - 1], &cut),
			0);
		assert_is(cut, w->state[from + 1]);
		assert_ptr_equal(w->zone.told, cut);
	}
}

/* The history knows another state, and gets this one whole. */
static void test_history_behind(void **state)
{
	_zw_snapshot_ struct zw_snapshot *cut = NULL;
	struct world *w = *state;

	w->agent.history_leads = false;
	w->zone.told = zw_snapshot_ref(w->state[0]);
	assert_int_equal(zw_agent_history_cut(
				 &w->agent, &w->zone, &w->explained, 1, w->state[STEPS - 1], &cut),
		0);
	assert_is(cut, w->state[2]);
	assert_null(w->zone.told);
}

/* A change that has no records, such as one that only was tried, is none of the state. */
static void test_without_difference(void **state)
{
	_zw_snapshot_ struct zw_snapshot *cut = NULL;
	struct world *w = *state;
	struct zw_report *none = calloc(1, sizeof(*none));

	assert_non_null(none);
	assert_int_equal(zw_vec_push(&w->explained.more, none), 0);
	assert_int_equal(zw_agent_history_cut(
				 &w->agent, &w->zone, &w->explained, 2, w->state[STEPS - 1], &cut),
		0);
	assert_is(cut, w->state[3]);
}

static struct zw_agent_reading reading_of(struct world *w)
{
	struct zw_agent_reading r = {
		.snapshot = zw_snapshot_ref(w->state[STEPS - 1]), .journal_at = {.offset = 512}};

	assert_int_equal(
		zw_vec_push(&r.files, ((struct zw_agent_file){.walk.fd = -1, .digest = 7})), 0);
	w->agent.changes = STEPS - 1;
	return r;
}

static void test_rest_is_left(void **state)
{
	struct world *w = *state;
	struct zw_agent_reading r = reading_of(w);

	w->agent.stopping = true;
	w->agent.stopping_ns = zw_boottime_ns() - ZW_NSEC_PER_SEC;
	assert_true(zw_agent_leave_rest(&w->agent, &w->zone, &r, &w->explained, 1));
	assert_true(r.cut);
	assert_is(r.snapshot, w->state[2]);
	assert_int_equal(r.journal_at.offset, 0);
	assert_int_equal(r.files.items[0].digest, 0);
	/* That of the first, and of one more. */
	assert_int_equal(w->agent.changes, 2);
	zw_agent_reading_done(&r);
}

static void test_nothing_is_left_while_it_runs(void **state)
{
	struct world *w = *state;
	struct zw_agent_reading r = reading_of(w);

	assert_false(zw_agent_leave_rest(&w->agent, &w->zone, &r, &w->explained, 1));
	assert_false(r.cut);
	assert_ptr_equal(r.snapshot, w->state[STEPS - 1]);
	assert_int_equal(r.journal_at.offset, 512);
	assert_int_equal(r.files.items[0].digest, 7);
	assert_int_equal(w->agent.changes, STEPS - 1);
	zw_agent_reading_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_state_after_each, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_difference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_nothing_is_left_while_it_runs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
