/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenarios on the machine of engine_fixture.h, in the words of all kinds of hooks. */
#include "unit/correlate_fixture.h"

struct scenario {
	const char *name;
	void (*prepare)(struct machine *m); /* before the first reading */
	void (*act)(struct machine *m);
	struct verdict marks, named;
	struct verdict entries; /* without listed: as marks */
	struct verdict quiet;   /* the same */
};

#define SAME(...) .marks = __VA_ARGS__, .named = __VA_ARGS__

/* --- prepare ------------------------------------------------------------------------------------------ */

static void prepared_far(struct machine *m)
{
	op_create(m, P1, FAR1);
	op_write(m, P1, FAR1);
	rest(m);
}

static void both_prepared(struct machine *m)
{
	prepared_by_p1(m);
	op_create(m, P2, TMP2);
	op_write(m, P2, TMP2);
	rest(m);
}

static void no_zone(struct machine *m)
{
	op_unlink(m, P0, ZONE);
	rest(m);
}

static void nothing_but_far(struct machine *m)
{
	prepared_far(m);
	no_zone(m);
}

static void alias(struct machine *m)
{
	op_link(m, P0, ZONE, FAR2);
	rest(m);
}

/* --- act ---------------------------------------------------------------------------------------------- */

static void write_once(struct machine *m)
{
	op_write(m, P1, ZONE);
}

static void write_twice(struct machine *m)
{
	op_write(m, P1, ZONE);
	rest(m);
	op_write(m, P2, ZONE);
}

static void write_while_chmod(struct machine *m)
{
	op_write(m, P1, ZONE);
	rest(m);
	op_chmod(m, P2, ZONE);
}

static void write_while_read(struct machine *m)
{
	op_read(m, P2, ZONE);
	rest(m);
	op_write(m, P1, ZONE);
	rest(m);
	op_read(m, P2, ZONE);
}

static void chmod_only(struct machine *m)
{
	op_chmod(m, P1, ZONE);
}

static void read_only(struct machine *m)
{
	op_read(m, P1, ZONE);
}

/* Only the attribute hook of a truncation was seen. */
static void shrink(struct machine *m)
{
	m->inode[m->entry[ZONE]].size = 1;
	op_chmod(m, P1, ZONE);
	rest(m);
	op_chmod(m, P1, ZONE);
}

static void rename_over(struct machine *m)
{
	prepared_by_p1(m);
	op_rename(m, P1, TMP1, ZONE);
}

static void renamed_by_another(struct machine *m)
{
	op_rename(m, P2, TMP1, ZONE);
}

static void rename_from_far(struct machine *m)
{
	op_rename(m, P2, FAR1, ZONE);
}

static void exchange(struct machine *m)
{
	op_exchange(m, P2, TMP1, ZONE);
}

static void exchange_told_once(struct machine *m)
{
	m->told_once = true;
	op_exchange(m, P2, TMP1, ZONE);
}

static void exchange_told_from_zone(struct machine *m)
{
	m->told_once = true;
	op_exchange(m, P2, ZONE, TMP1);
}

static void unlink_and_create(struct machine *m)
{
	op_unlink(m, P1, ZONE);
	op_create(m, P1, ZONE);
	op_write(m, P1, ZONE);
}

static void unlink_and_create_by_two(struct machine *m)
{
	op_unlink(m, P1, ZONE);
	rest(m);
	op_create(m, P2, ZONE);
	op_write(m, P2, ZONE);
}

static void moved_away_and_created(struct machine *m)
{
	op_rename(m, P1, ZONE, OTHER);
	op_create(m, P1, ZONE);
	op_write(m, P1, ZONE);
}

static void link_into(struct machine *m)
{
	op_link(m, P2, FAR1, ZONE);
}

static void create_new(struct machine *m)
{
	op_create(m, P1, ZONE);
	op_write(m, P1, ZONE);
}

static void removed(struct machine *m)
{
	op_unlink(m, P1, ZONE);
}

static void moved_away(struct machine *m)
{
	op_rename(m, P1, ZONE, FAR1);
}

/* Who removes another name of the zone's inode, and writes the zone's directory, did not take the zone. */
static void moved_away_while_alias_goes(struct machine *m)
{
	op_rename(m, P1, ZONE, OTHER);
	rest(m);
	op_unlink(m, P2, FAR2);
}

static void two_renames(struct machine *m)
{
	op_rename(m, P1, TMP1, ZONE);
	rest(m);
	op_rename(m, P3, TMP2, ZONE);
}

static void two_renames_at_once(struct machine *m)
{
	op_create(m, P3, OTHER);
	op_rename(m, P1, TMP1, ZONE);
	op_rename(m, P3, TMP2, ZONE);
}

static void late_writer(struct machine *m)
{
	int i = m->entry[TMP1];

	op_rename(m, P2, TMP1, ZONE);
	rest(m);
	op_write_inode(m, P1, i, 1);
}

static void late_writer_of_new(struct machine *m)
{
	op_rename(m, P2, TMP1, ZONE);
	rest(m);
	op_write(m, P1, ZONE);
}

static void written_then_replaced(struct machine *m)
{
	op_write(m, P1, ZONE);
	rest(m);
	op_create(m, P2, OTHER);
	op_write(m, P2, OTHER);
	op_rename(m, P2, OTHER, ZONE);
}

static void noise(struct machine *m)
{
	op_create(m, P3, OTHER);
	op_write(m, P3, OTHER);
	op_unlink(m, P3, OTHER);
}

static void noisy_rename(struct machine *m)
{
	noise(m);
	rename_over(m);
	noise(m);
	rest(m);
	noise(m);
}

static void noisy_write(struct machine *m)
{
	noise(m);
	op_write(m, P1, ZONE);
	noise(m);
}

static void noisy_create(struct machine *m)
{
	noise(m);
	unlink_and_create(m);
	noise(m);
}

/* The old file lives on with a reader, which also writes to the directory and then lets go of it. */
static void reader_lets_go(struct machine *m)
{
	int old = m->entry[ZONE];

	rename_over(m);
	rest(m);
	noise(m);
	op_evict(m, P3, old);
}

/* Before P1 took the file away there was no room for what P3 did. */
static void moved_away_from_busy(struct machine *m)
{
	noise(m);
	rest(m);
	op_exchange(m, P1, TMP1, ZONE);
}

static void replaced_then_linked_from(struct machine *m)
{
	op_rename(m, P1, TMP1, ZONE);
	rest(m);
	op_link(m, P2, ZONE, OTHER);
}

static void linked_from_then_replaced(struct machine *m)
{
	op_link(m, P1, ZONE, OTHER);
	rest(m);
	op_rename(m, P2, FAR1, ZONE);
}

static void busy_rename_from_far(struct machine *m)
{
	noise(m);
	rest(m);
	op_rename(m, P2, FAR1, ZONE);
	rest(m);
	noise(m);
}

static void number_reused(struct machine *m)
{
	uint64_t ino = m->inode[m->entry[ZONE]].ino;

	op_unlink(m, P1, ZONE);
	rest(m);
	op_create(m, P2, ZONE);
	m->inode[m->entry[ZONE]].ino = ino;
	op_write(m, P2, ZONE);
}

static const struct scenario scenarios[] = {
	{"write", NULL, write_once, SAME(BY(CERTAIN, P1, B(P1)))},
	{"write by two", NULL, write_twice, SAME(BY(AMBIGUOUS, P1, B(P1) | B(P2)))},
	{"write, another changes attributes", NULL, write_while_chmod,
		SAME(BY(PROBABLE, P1, B(P1) | B(P2)))},
	{"write, another reads", NULL, write_while_read, SAME(BY(CERTAIN, P1, B(P1)))},
	{"attributes only", NULL, chmod_only, SAME(BY(PROBABLE, P1, B(P1)))},
	{"read only", NULL, read_only, SAME(BY(NONE, NOBODY, 0))},
	{"size moved", NULL, shrink, SAME(BY(CERTAIN, P1, B(P1)))},
	{"rename over", NULL, rename_over, SAME(BY(CERTAIN, P1, B(P1)))},
	{"rename over, prepared by another", prepared_by_p1, renamed_by_another,
		SAME(BY(CERTAIN, P2, B(P1) | B(P2)))},
	{"rename over from far", prepared_far, rename_from_far, SAME(BY(CERTAIN, P2, B(P2)))},
	{"exchange", prepared_by_p1, exchange, SAME(BY(CERTAIN, P2, B(P1) | B(P2)))},
	{"exchange told once", prepared_by_p1, exchange_told_once,
		SAME(BY(CERTAIN, P2, B(P1) | B(P2)))},
	{"exchange told from the zone", prepared_by_p1, exchange_told_from_zone,
		SAME(BY(CERTAIN, P2, B(P1) | B(P2)))},
	{"unlink and create", NULL, unlink_and_create, SAME(BY(CERTAIN, P1, B(P1)))},
	/* Whoever takes a file away may have put another there. */
	{"unlink and create by two", NULL, unlink_and_create_by_two, SAME(BY(CERTAIN, P2, B(P2))),
		.entries = BY(PROBABLE, P2, B(P1) | B(P2))},
	{"moved away and created", NULL, moved_away_and_created, SAME(BY(CERTAIN, P1, B(P1)))},
	{"link", nothing_but_far, link_into, SAME(BY(CERTAIN, P2, B(P2)))},
	{"created where nothing was", no_zone, create_new, SAME(BY(CERTAIN, P1, B(P1)))},
	{"renamed to where nothing was", no_zone, rename_over, SAME(BY(CERTAIN, P1, B(P1)))},
	{"removed", NULL, removed, SAME(BY(CERTAIN, P1, B(P1)))},
	{"moved away", NULL, moved_away, SAME(BY(CERTAIN, P1, B(P1)))},
	{"moved away, an alias is removed", alias, moved_away_while_alias_goes,
		SAME(BY(CERTAIN, P1, B(P1)))},
	{"two renames", both_prepared, two_renames,
		.marks = BY(PROBABLE, P1, B(P1) | B(P2) | B(P3)),
		.named = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3)),
		.entries = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3)),
		.quiet = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3))},
	{"two renames at once", both_prepared, two_renames_at_once,
		.marks = BY(PROBABLE, P1, B(P1) | B(P2) | B(P3)),
		.named = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3)),
		.entries = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3)),
		.quiet = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3))},
	{"late writer", prepared_by_p1, late_writer, SAME(BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)))},
	{"write to what was put there", prepared_by_p1, late_writer_of_new,
		SAME(BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)))},
	{"written, then replaced", NULL, written_then_replaced,
		SAME(BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)))},
	{"rename in a busy directory", NULL, noisy_rename, SAME(BY(CERTAIN, P1, B(P1)))},
	{"write in a busy directory", NULL, noisy_write, SAME(BY(CERTAIN, P1, B(P1)))},
	{"creation in a busy directory", NULL, noisy_create, SAME(BY(CERTAIN, P1, B(P1)))},
	{"a reader lets go of the old file", NULL, reader_lets_go, SAME(BY(CERTAIN, P1, B(P1)))},
	{"exchange in a busy directory", prepared_by_p1, moved_away_from_busy,
		SAME(BY(CERTAIN, P1, B(P1)))},
	/* By marks, whoever made the link may have moved it away, and back. */
	{"rename over, then a link to it is made", prepared_by_p1, replaced_then_linked_from,
		.marks = BY(PROBABLE, P1, B(P1) | B(P2)), .named = BY(CERTAIN, P1, B(P1)),
		.entries = BY(CERTAIN, P1, B(P1)), .quiet = BY(CERTAIN, P1, B(P1))},
	/* By marks, whoever made a link to the old file changed the directory and touched the file; and which of its two
	 * names it lost next, no mark says. */
	{"a link to it is made, then rename over from far", prepared_far, linked_from_then_replaced,
		.marks = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)), .named = BY(CERTAIN, P2, B(P2)),
		.entries = BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)), .quiet = BY(CERTAIN, P2, B(P2))},
	/* What came from elsewhere may have come after what was there went. */
	{"rename over from far in a busy directory", prepared_far, busy_rename_from_far,
		.marks = BY(PROBABLE, P2, B(P2) | B(P3)), .named = BY(CERTAIN, P2, B(P2)),
		.entries = BY(AMBIGUOUS, NOBODY, B(P2) | B(P3)), .quiet = BY(CERTAIN, P2, B(P2))},
	{"nothing seen", NULL, nothing_seen, SAME(BY(NONE, NOBODY, 0))},
	{"inode number reused", NULL, number_reused, SAME(BY(CERTAIN, P2, B(P2))),
		.entries = BY(PROBABLE, P2, B(P1) | B(P2))},
};

static bool run_scenario(const struct scenario *sc, enum dialect dialect)
{
	const struct verdict *want = dialect == NAMED ? &sc->named : &sc->marks;
	_zw_report_free_ struct zw_report *report = NULL;
	struct machine_state before;
	struct machine m;
	uint64_t from;
	bool good;

	if (dialect == ENTRIES && sc->entries.listed)
		want = &sc->entries;
	if (dialect == QUIET && sc->quiet.listed)
		want = &sc->quiet;
	machine_setup(&m, dialect);
	if (sc->prepare)
		sc->prepare(&m);
	rest(&m);
	machine_begin(&m, &before);
	from = m.now;
	rest(&m);
	if (sc->act)
		sc->act(&m);
	rest(&m);
	report = machine_explain(&m, &before, from, (struct zw_correlate_input){});
	good = verdict_is(&m, report, want);
	if (!good) {
		print_error("%s, %s:\n", sc->name, dialect_name[dialect]);
		show(report);
	}
	machine_done(&m);
	return good;
}

static void test_scenarios(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(scenarios); i++)
		for (int d = MARKS; d < DIALECTS; d++)
			bad += !run_scenario(&scenarios[i], d);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
	};

	return cmocka_run_group_tests_name("correlate-scenarios", tests, NULL, NULL);
}
