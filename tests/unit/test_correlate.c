/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What limits a verdict. */
#include <sys/stat.h>

#include "unit/correlate_fixture.h"

struct limit {
	struct machine m;
	struct machine_state before;
	uint64_t from;
	struct zw_correlate_input in;
};

static void limit_begin(struct limit *l)
{
	*l = (struct limit){};
	machine_setup(&l->m, MARKS);
	machine_begin(&l->m, &l->before);
	l->from = l->m.now;
	rest(&l->m);
}

static void limit_check(struct limit *l, const struct verdict *want)
{
	_zw_report_free_ struct zw_report *r = machine_explain(&l->m, &l->before, l->from, l->in);

	if (!verdict_is(&l->m, r, want))
		show(r);
	assert_true(verdict_is(&l->m, r, want));
	assert_int_equal(r->reasons > 0,
		want->attribution == PROBABLE || want->attribution == AMBIGUOUS || l->in.lost);
	machine_done(&l->m);
}

static void test_losses(void **state)
{
	struct limit l;

	(void)state;
	limit_begin(&l);
	op_write(&l.m, P1, ZONE);
	l.in.lost = 1;
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
	limit_begin(&l);
	nothing_seen(&l.m);
	l.in.lost = 1;
	limit_check(&l, &(struct verdict)BY(NONE, NOBODY, 0));
}

/* The access time of a reader dirties the inode, too, and shows the size and the change time that somebody left whose
 * event was lost. */
static void test_reader_after_lost_writer(void **state)
{
	struct limit l;
	struct machine_inode *zone;

	(void)state;
	limit_begin(&l);
	zone = &l.m.inode[l.m.entry[ZONE]];
	zone->size += 7;
	zone->ctime = l.m.now;
	l.m.now += 200 * MS;
	op_read(&l.m, P2, ZONE);
	l.in.lost = 1;
	limit_check(&l, &(struct verdict)BY(NONE, NOBODY, 0));
}

static void test_forgotten_early(void **state)
{
	struct limit l;

	(void)state;
	limit_begin(&l);
	for (int i = 0; i <= ZW_CAUSES_MAX; i++) {
		l.m.now += US;
		machine_tell(&l.m, P3, (struct zw_file_facts){.op = ZW_FOP_WRITE, .ino = 9}, NULL);
	}
	op_write(&l.m, P1, ZONE);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
}

/* Where all that a process writes shows by the time it ends. */
static uint64_t p1_gone_ns;

static uint64_t gone_ns(void *ctx, const struct zw_actor *actor)
{
	const struct machine *m = ctx;

	return zw_actor_same_process(actor, m->actor[P1]) ? p1_gone_ns : 0;
}

static void test_gone(void **state)
{
	static const struct {
		bool ends, early, others;
		struct verdict want;
	} cases[] = {
		/* It ended, before it was last seen as it was, and somebody else wrote. */
		{true, true, true, BY(PROBABLE, P2, B(P2))},
		{true, false, true, BY(AMBIGUOUS, NOBODY, B(P1) | B(P2))},
		{false, false, true, BY(AMBIGUOUS, NOBODY, B(P1) | B(P2))},
		{true, true, false, BY(PROBABLE, P1, B(P1))},
		{true, false, false, BY(CERTAIN, P1, B(P1))},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_correlate_file file = {.shared = true};
		struct limit l;

		limit_begin(&l);
		l.in.file = &file;
		l.in.gone_ns = gone_ns;
		l.in.gone_ctx = &l.m;
		op_write(&l.m, P1, ZONE);
		rest(&l.m);
		p1_gone_ns = cases[i].ends ? l.m.now : 0;
		file.settled_ns = l.m.now + cases[i].early;
		rest(&l.m);
		if (cases[i].others)
			op_write(&l.m, P2, ZONE);
		limit_check(&l, &cases[i].want);
	}
}

/* What is written after it was read is none of it. */
static void test_written_after_it_showed(void **state)
{
	struct zw_correlate_file file = {.shared = true};
	struct limit l;

	(void)state;
	limit_begin(&l);
	l.in.file = &file;
	op_write(&l.m, P1, ZONE);
	rest(&l.m);
	file.shown_ns = l.m.now;
	rest(&l.m);
	op_write(&l.m, P2, ZONE);
	limit_check(&l, &(struct verdict)BY(CERTAIN, P1, B(P1)));
}

static void test_kernel_thread(void **state)
{
	struct limit l;

	(void)state;
	limit_begin(&l);
	l.m.actor[P1]->kthread = true;
	op_write(&l.m, P1, ZONE);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
}

static void test_holders(void **state)
{
	struct zw_correlate_holder holder = {};
	struct limit l;

	(void)state;
	/* Open for writing explains what nothing else does, and adds nothing to what is known. */
	limit_begin(&l);
	holder.actor = l.m.actor[P1];
	l.in.holder = &holder;
	l.in.holders = 1;
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
	limit_begin(&l);
	op_write(&l.m, P2, ZONE);
	holder.actor = l.m.actor[P1];
	l.in.holder = &holder;
	l.in.holders = 1;
	limit_check(&l, &(struct verdict)BY(CERTAIN, P2, B(P2)));
	/* A mapping always leaves a doubt, but not on its own stores. */
	limit_begin(&l);
	op_write(&l.m, P2, ZONE);
	holder = (struct zw_correlate_holder){.actor = l.m.actor[P1], .mapped = true};
	l.in.holder = &holder;
	l.in.holders = 1;
	limit_check(&l, &(struct verdict)BY(PROBABLE, P2, B(P1) | B(P2)));
	limit_begin(&l);
	op_write(&l.m, P1, ZONE);
	holder.actor = l.m.actor[P1];
	l.in.holder = &holder;
	l.in.holders = 1;
	limit_check(&l, &(struct verdict)BY(CERTAIN, P1, B(P1)));
}

/* Both hooks that show who could write are told of before anything is written. */
static void test_intent(void **state)
{
	struct limit l;

	(void)state;
	limit_begin(&l);
	machine_tell(&l.m, P1, machine_facts(&l.m, ZW_FOP_OPEN, l.m.entry[ZONE]), NULL);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
	limit_begin(&l);
	op_write(&l.m, P2, ZONE);
	machine_tell(&l.m, P1, machine_facts(&l.m, ZW_FOP_MAP, l.m.entry[ZONE]), NULL);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P2, B(P1) | B(P2)));
	limit_begin(&l);
	op_write(&l.m, P2, ZONE);
	machine_tell(&l.m, P1, machine_facts(&l.m, ZW_FOP_OPEN, l.m.entry[ZONE]), NULL);
	limit_check(&l, &(struct verdict)BY(CERTAIN, P2, B(P2)));
}

/* The event just before the reading stands for what came within the time of coalescing after it. */
static void test_coalesced_across_the_reading(void **state)
{
	struct limit l = {};

	(void)state;
	machine_setup(&l.m, MARKS);
	op_write(&l.m, P1, ZONE);
	l.m.now += 300 * US;
	machine_begin(&l.m, &l.before);
	l.from = l.m.now;
	op_write(&l.m, P1, ZONE);
	rest(&l.m);
	op_write(&l.m, P2, ZONE);
	limit_check(&l, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* An exchange is told of just before the reading and done after it. What it brought is taken away by P1, what it took by
 * P2: the zone is gone by P1's doing, and P2 moved only what was no zone any more. */
static void test_exchanged_across_the_reading(void **state)
{
	_zw_report_free_ struct zw_report *r = NULL;
	struct limit l = {};
	uint64_t from;

	(void)state;
	machine_setup(&l.m, NAMED);
	l.m.told_once = true;
	op_create(&l.m, P3, OTHER);
	rest(&l.m);
	machine_begin(&l.m, &l.before);
	op_exchange(&l.m, P3, OTHER, ZONE);
	l.m.now += 10 * US;
	from = l.m.now;
	rest(&l.m);
	op_rename(&l.m, P1, ZONE, FAR2);
	rest(&l.m);
	op_rename(&l.m, P2, OTHER, FAR1);
	rest(&l.m);
	r = machine_explain(&l.m, &l.before, from, l.in);
	assert_true(report_lists(r, l.m.actor[P1]));
	assert_int_not_equal(r->attribution, CERTAIN);
	machine_done(&l.m);
}

/* A rename is told of just before the reading and done after it. What P1 then took the place of, twice, was not what was
 * there at the reading. */
static void test_renamed_across_the_reading(void **state)
{
	struct limit l = {};

	(void)state;
	machine_setup(&l.m, NAMED);
	op_create(&l.m, P3, OTHER);
	op_create(&l.m, P0, TMP1);
	op_create(&l.m, P0, TMP2);
	rest(&l.m);
	machine_begin(&l.m, &l.before);
	op_rename(&l.m, P3, OTHER, ZONE);
	l.m.now += 10 * US;
	l.from = l.m.now;
	rest(&l.m);
	op_rename(&l.m, P1, TMP1, ZONE);
	rest(&l.m);
	op_rename(&l.m, P1, TMP2, ZONE);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
}

/* Directories that tell only what changed in them, and files their name from before. A file with two names is moved to the zone
 * by P2, which is not told of for what comes from elsewhere; then P1 moves its other name to beside the zone. */
static void test_alias_moved_beside(void **state)
{
	struct limit l = {};

	(void)state;
	machine_setup(&l.m, ENTRIES);
	op_create(&l.m, P0, FAR1);
	op_link(&l.m, P0, FAR1, FAR2);
	rest(&l.m);
	machine_begin(&l.m, &l.before);
	l.from = l.m.now;
	op_unlink(&l.m, P3, ZONE);
	rest(&l.m);
	op_rename(&l.m, P2, FAR2, ZONE);
	rest(&l.m);
	op_rename(&l.m, P1, FAR1, TMP1);
	limit_check(&l, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2) | B(P3)));
}

/* Who changed the mode did not change the zone; where the mode is what differs, it is he. */
static void test_mode(void **state)
{
	struct zw_correlate_file file = {};
	struct zw_file_facts f;
	struct limit l;

	(void)state;
	for (int wanted = 0; wanted < 2; wanted++) {
		limit_begin(&l);
		file.attributes = wanted;
		l.in.file = &file;
		op_read(&l.m, P2, ZONE);
		rest(&l.m);
		l.m.inode[l.m.entry[ZONE]].ctime = l.m.now;
		f = machine_facts(&l.m, ZW_FOP_ATTR, l.m.entry[ZONE]);
		f.mode = S_IFREG | 0600;
		machine_tell(&l.m, P1, f, NULL);
		limit_check(&l, wanted ? &(struct verdict)BY(CERTAIN, P1, B(P1))
				       : &(struct verdict)BY(NONE, NOBODY, 0));
	}
}

/* What was replaced was put there by somebody who was not seen. */
static void test_gap(void **state)
{
	struct limit l;
	int unseen;

	(void)state;
	limit_begin(&l);
	l.m.dialect = NAMED;
	unseen = machine_new_inode(&l.m, 0);
	l.m.entry[ZONE] = unseen;
	prepared_by_p1(&l.m);
	op_rename(&l.m, P1, TMP1, ZONE);
	limit_check(&l, &(struct verdict)BY(PROBABLE, P1, B(P1)));
}

static void test_server_and_time(void **state)
{
	const int64_t offset = 1000000 * (int64_t)MS;
	_zw_report_free_ struct zw_report *r = NULL;
	struct limit l;
	uint64_t wrote;

	(void)state;
	limit_begin(&l);
	/* A child of the server counts as it: the same program. */
	l.m.actor[P1]->exe_dev = DEV;
	l.m.actor[P1]->exe_ino = 77;
	wrote = l.m.now + US;
	op_write(&l.m, P1, ZONE);
	rest(&l.m);
	l.in = (struct zw_correlate_input){.server_pid = 4000,
		.server_exe_dev = DEV,
		.server_exe_ino = 77,
		.real_offset_ns = offset};
	r = machine_explain(&l.m, &l.before, l.from, l.in);
	assert_int_equal(r->attribution, CERTAIN);
	assert_int_equal(r->cause[0].role, ZW_ROLE_SERVER);
	assert_int_equal(r->channel, ZW_CHANNEL_FILE);
	assert_int_equal(r->cause[0].first_ns, wrote + (uint64_t)offset);
	assert_true(r->time_ns >= r->cause[0].first_ns && r->time_ns < l.m.now + (uint64_t)offset);
	assert_true(r->cause[0].evidence & ZW_EVIDENCE_WRITE);
	machine_done(&l.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_reader_after_lost_writer),
		cmocka_unit_test(test_forgotten_early),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_written_after_it_showed),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_holders),
		cmocka_unit_test(test_intent),
		cmocka_unit_test(test_coalesced_across_the_reading),
		cmocka_unit_test(test_exchanged_across_the_reading),
		cmocka_unit_test(test_renamed_across_the_reading),
		cmocka_unit_test(test_alias_moved_beside),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_server_and_time),
	};

	return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
