/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What directories tell of themselves: when it is done, without what was there before, and not of what has just come. */
#include <sys/stat.h>

#include "unit/correlate_fixture.h"

#define LATE (100 * US)

struct quiet {
	struct machine m;
	struct machine_state before;
	uint64_t from;
};

static void quiet_setup(struct quiet *q)
{
	machine_setup(&q->m, QUIET);
	q->m.late = LATE;
	q->m.blind = true;
}

static void quiet_read(struct quiet *q)
{
	machine_begin(&q->m, &q->before);
	q->from = q->m.now;
}

static void quiet_check(struct quiet *q, struct zw_correlate_input in, struct verdict want)
{
	_zw_report_free_ struct zw_report *r = NULL;

	q->m.now += 2 * MS;
	machine_notices(&q->m);
	r = machine_explain(&q->m, &q->before, q->from, in);
	if (!verdict_is(&q->m, r, &want))
		show(r);
	assert_true(verdict_is(&q->m, r, &want));
	machine_done(&q->m);
}

/* Where the change time has just moved, nothing else tells of the second one. */
static void test_two_in_a_tick(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	prepared_by_p1(&q.m);
	op_create(&q.m, P2, TMP2);
	op_write(&q.m, P2, TMP2);
	rest(&q.m);
	quiet_read(&q);
	op_rename(&q.m, P3, TMP1, ZONE);
	op_rename(&q.m, P2, TMP2, ZONE);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P2) | B(P3)));
}

/* A write to what was put there before that is told: after it, though the events come in the other order. */
static void test_written_before_it_is_told(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	/* What is watched itself is told of without a name. */
	op_rename(&q.m, P0, ZONE, TMP1);
	rest(&q.m);
	op_create(&q.m, P0, ZONE);
	rest(&q.m);
	quiet_read(&q);
	op_rename(&q.m, P1, TMP1, ZONE);
	op_write(&q.m, P2, ZONE);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));

	/* Under its name from before, it is what was put there that was prepared. */
	quiet_setup(&q);
	quiet_read(&q);
	op_create(&q.m, P2, TMP1);
	op_write(&q.m, P2, TMP1);
	op_rename(&q.m, P1, TMP1, ZONE);
	quiet_check(
		&q, (struct zw_correlate_input){}, (struct verdict)BY(CERTAIN, P1, B(P1) | B(P2)));
}

/* The zone was read when it was there and not told yet. */
static void test_read_before_it_is_told(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	op_create(&q.m, P1, TMP1);
	op_create(&q.m, P2, TMP2);
	rest(&q.m);
	op_rename(&q.m, P1, TMP1, ZONE);
	assert_true(q.m.notices > 0);
	quiet_read(&q);
	op_rename(&q.m, P2, TMP2, ZONE);
	quiet_check(&q, (struct zw_correlate_input){}, (struct verdict)BY(CERTAIN, P2, B(P2)));
}

/* What the last one replaced is not told, nor who made that. */
static void test_made_and_replaced(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	op_create(&q.m, P0, TMP1);
	op_unlink(&q.m, P0, ZONE);
	rest(&q.m);
	quiet_read(&q);
	op_create(&q.m, P2, ZONE);
	rest(&q.m);
	op_rename(&q.m, P1, TMP1, ZONE);
	quiet_check(
		&q, (struct zw_correlate_input){}, (struct verdict)BY(PROBABLE, P1, B(P1) | B(P2)));

	quiet_setup(&q);
	op_create(&q.m, P0, TMP1);
	op_create(&q.m, P0, TMP2);
	op_unlink(&q.m, P0, ZONE);
	rest(&q.m);
	quiet_read(&q);
	op_rename(&q.m, P2, TMP2, ZONE);
	rest(&q.m);
	op_rename(&q.m, P1, TMP1, ZONE);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* Moved to another directory, which is not told of; one of its other names is moved by somebody else, which is. */
static void test_moved_away(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	/* Both within the tick in which its change time moved last. */
	q.m.now = (q.m.now / TICK + 1) * TICK;
	op_link(&q.m, P0, ZONE, TMP1);
	q.m.now += 3 * MS / 2;
	quiet_read(&q);
	op_rename(&q.m, P1, ZONE, FAR2);
	op_rename(&q.m, P2, TMP1, OTHER);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* The old file is removed, in the tick in which its time moved last, and read by another of its names after that. What was
 * made in its place meanwhile had room: the removal itself says since when. */
static void test_removed_and_read(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	q.m.now = (q.m.now / TICK + 1) * TICK;
	op_link(&q.m, P0, ZONE, FAR2);
	q.m.now += 1100 * US;
	quiet_read(&q);
	op_unlink(&q.m, P2, ZONE);
	q.m.now += 300 * US;
	op_create(&q.m, P1, ZONE);
	q.m.now += 1500 * US;
	op_read(&q.m, P2, FAR2);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* Not an exchange, of which both sides are told: P1 renames over another name of what P2 linked to. */
static void test_renamed_over_its_alias(void **state)
{
	struct quiet q;

	(void)state;
	quiet_setup(&q);
	q.m.blind = false;
	op_create(&q.m, P0, TMP1);
	op_create(&q.m, P0, OTHER);
	op_unlink(&q.m, P0, ZONE);
	rest(&q.m);
	quiet_read(&q);
	op_link(&q.m, P2, TMP1, ZONE);
	q.m.now += 2 * MS;
	op_rename(&q.m, P1, OTHER, TMP1);
	quiet_check(&q, (struct zw_correlate_input){},
		(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* --- a directory that came ---------------------------------------------------------------------------- */

enum {
	DIR_OLD = 40,
	DIR_NEW = 41,
	FILE_OLD = 50,
	FILE_NEW = 51,
};

struct way {
	struct zw_place place[3];
	struct zw_reading reading;
};

static void way_to(struct way *w, uint64_t dir, uint64_t file, uint64_t ctime_ns)
{
	*w = (struct way){
		.place = {{.dev = DEV, .ino = ZONE_DIR, .mnt_id = 1},
			{.dev = DEV,
				.ino = dir,
				.mnt_id = 1,
				.name_hash = zw_place_name_hash("current")},
			{.kind = ZW_PLACE_FILE,
				.dev = DEV,
				.ino = file,
				.mnt_id = 1,
				.name_hash = zw_place_name_hash("zone")}},
	};
	w->reading = (struct zw_reading){
		.place = w->place, .places = 3, .present = true, .ctime_ns = ctime_ns};
}

/* @changed: when the agent looked, it was another than when it came. @moved: P2 moved something out of the directory in
 * which it came, to one that is not watched. @wrote: P1 was seen writing to the file, which P2 may have put there. */
static void check_arrival(bool changed, bool moved, bool wrote, struct verdict want)
{
	_zw_report_free_ struct zw_report *r = calloc(1, sizeof(*r));
	struct zw_file_facts came = {.op = ZW_FOP_RENAME,
		.ino = DIR_NEW,
		.mode = S_IFDIR,
		.dir_ino = ZONE_DIR,
		.watch = ZW_WATCH_PATH | ZW_WATCH_ARRIVED | ZW_WATCH_BLIND};
	struct zw_file_facts away = {
		.op = ZW_FOP_DIRENT, .dir_ino = ZONE_DIR, .old_dir_ino = ZONE_DIR};
	struct zw_file_facts write = {.op = ZW_FOP_WRITE, .ino = FILE_NEW};
	struct way before, after;
	struct machine m;
	struct zw_correlate_file f;
	struct zw_correlate_input in;

	assert_non_null(r);
	machine_setup(&m, QUIET);
	f.from_ns = in.from_ns = m.now;
	rest(&m);
	machine_tell(&m, P1, came, "current");
	m.now += 300 * US;
	if (moved)
		machine_tell(&m, P2, away, NULL);
	if (wrote)
		machine_tell(&m, P1, write, NULL);
	way_to(&before, DIR_OLD, FILE_OLD, 0);
	way_to(&after, DIR_NEW, FILE_NEW, m.now);
	f = (struct zw_correlate_file){
		.before = before.reading, .after = after.reading, .from_ns = f.from_ns};
	in = (struct zw_correlate_input){.book = m.book,
		.file = &f,
		.files = 1,
		.from_ns = f.from_ns,
		.to_ns = m.now + MS,
		.unseen_ns = changed ? m.now + MS : 0};
	assert_int_equal(zw_correlate(&in, r), 0);
	if (!verdict_is(&m, r, &want))
		show(r);
	assert_true(verdict_is(&m, r, &want));
	machine_done(&m);
}

static void test_arrival(void **state)
{
	(void)state;
	check_arrival(false, false, false, (struct verdict)BY(CERTAIN, P1, B(P1)));
	check_arrival(false, true, false, (struct verdict)BY(CERTAIN, P1, B(P1)));
	check_arrival(true, false, false, (struct verdict)BY(PROBABLE, P1, B(P1)));
	check_arrival(false, false, true, (struct verdict)BY(CERTAIN, P1, B(P1)));
	check_arrival(true, false, true, (struct verdict)BY(PROBABLE, P1, B(P1)));
	check_arrival(true, true, false, (struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_in_a_tick),
		cmocka_unit_test(test_written_before_it_is_told),
		cmocka_unit_test(test_read_before_it_is_told),
		cmocka_unit_test(test_made_and_replaced),
		cmocka_unit_test(test_moved_away),
		cmocka_unit_test(test_removed_and_read),
		cmocka_unit_test(test_renamed_over_its_alias),
		cmocka_unit_test(test_arrival),
	};

	return cmocka_run_group_tests_name("correlate_quiet", tests, NULL, NULL);
}
