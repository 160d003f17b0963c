/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random histories of one directory, and one beside it that nobody watches. */
#include "unit/correlate_random.h"

static void random_op(struct machine *m, int who)
{
	static const char *const words[] = {"write", "write", "write zone for", "create", "unlink",
		"rename to zone", "rename to zone", "rename", "exchange", "chmod", "read", "evict",
		"link", "link"};
	int a = (int)roll(MACHINE_NAMES), b = (int)roll(MACHINE_NAMES);
	uint32_t op = roll(ZW_ARRAY_SIZE(words));

	random_pause(m);
	if (is_told())
		print_message("%10llu P%d %s %s %s\n", (unsigned long long)m->now, who, words[op],
			machine_name[a], machine_name[b]);
	switch (op) {
	case 0:
	case 1:
		op_write(m, who, a);
		break;
	case 2:
		op_write(m, who, ZONE);
		break;
	case 3:
		op_create(m, who, a);
		break;
	case 4:
		op_unlink(m, who, a);
		break;
	case 5:
	case 6:
		op_rename(m, who, a, ZONE);
		break;
	case 7:
		op_rename(m, who, a, b);
		break;
	case 8:
		op_exchange(m, who, a, b);
		break;
	case 9:
		op_chmod(m, who, a);
		break;
	case 10:
		op_read(m, who, a);
		break;
	case 12:
	case 13:
		op_link(m, who, a, b);
		break;
	case 11:
		op_evict(m, who, (int)roll((uint32_t)m->inodes));
		break;
	}
}

/* Whether the zone reads otherwise than before. The truth about a file that came back is who wrote it meanwhile. */
static bool differs(struct machine *m, int before)
{
	int after = m->entry[ZONE];

	if (before == NOBODY || after != before)
		return after != before;
	m->authors = m->inode[after].late_writers;
	m->last_author = m->inode[after].last_writer;
	return m->authors;
}

static const char *history_fault(const struct machine *m, const struct zw_report *r)
{
	unsigned int others = m->authors & ~B(m->last_author), writers = 0, late_writers = 0;
	int author = m->last_author;

	if (m->entry[ZONE] != NOBODY) {
		writers = m->inode[m->entry[ZONE]].writers;
		late_writers = m->inode[m->entry[ZONE]].late_writers;
	}
	if (r->attribution == NONE)
		return "somebody was seen";
	/* By marks alone, that somebody moved the same file away and back, or placed an empty one, may go unnoticed
	 * beside the one who wrote all of it, or put it there. */
	for (size_t i = 0; i < (r->attribution == CERTAIN ? 1 : r->causes); i++)
		if (m->dialect != NAMED && writers == B(r->cause[i].actor->tgid - 100))
			return NULL;
	if (m->dialect != NAMED && m->put_by != NOBODY && !report_lists(r, m->actor[author]))
		author = m->put_by;
	if (!report_lists(r, m->actor[author]))
		return "the last author is not listed";
	if (r->attribution != CERTAIN)
		return NULL;
	if (!zw_actor_same_process(r->cause[0].actor, m->actor[author]))
		return "certain of the wrong one";
	/* Nor that somebody who only prepared what is there before wrote to what was there meanwhile. */
	if (m->dialect != NAMED)
		others &= late_writers;
	return others ? "certain though there are several authors" : NULL;
}

/* The hooks of the upper tiers come before the operation: it may have been told of when the zone is read, and be done only
 * then. */
static void random_overdue(struct machine *m, uint32_t actors)
{
	int a = (int)roll(MACHINE_NAMES), who = (int)roll(actors);
	uint32_t op = roll(5);

	random_pause(m);
	if (is_told())
		print_message("%10llu P%d overdue %u %s\n", (unsigned long long)m->now, who, op,
			machine_name[a]);
	switch (op) {
	case 0:
		op_rename(m, who, a, ZONE);
		break;
	case 1:
		op_exchange(m, who, a, ZONE);
		break;
	case 2:
		op_exchange(m, who, ZONE, a);
		break;
	case 3:
		op_unlink(m, who, ZONE);
		break;
	case 4:
		op_link(m, who, a, ZONE);
		break;
	}
	m->now += 10 * US;
}

static bool run_history(uint64_t seed, struct tally *tally)
{
	_zw_report_free_ struct zw_report *r = NULL;
	struct machine_state before;
	struct machine m;
	uint32_t actors, ops;
	uint64_t from;
	bool good = true;
	int zone;

	roll_from(seed);
	machine_setup(&m, roll(DIALECTS));
	m.told_once = roll(2);
	m.stall = roll(3) ? 0 : 2 * MS;
	m.dir_first = roll(2);
	m.blind = m.told_once;
	m.late = roll(2) ? 0 : (1 + roll(150)) * US;
	actors = 1 + roll(MACHINE_ACTORS - 1);
	for (uint32_t i = roll(8); i > 0; i--)
		random_op(&m, (int)roll(actors));
	/* Whatever the zone is by now is what is watched. */
	for (size_t i = 0; i < m.inodes; i++)
		m.inode[i].watched = m.entry[ZONE] == (int)i;
	random_pause(&m);
	machine_begin(&m, &before);
	zone = m.entry[ZONE];
	if (m.dialect == NAMED && roll(3) == 0)
		random_overdue(&m, actors);
	from = m.now;
	if (is_told())
		print_message("%10llu reading\n", (unsigned long long)from);
	ops = 1 + roll(6);
	for (uint32_t i = 0; i < ops; i++)
		random_op(&m, (int)roll(actors));
	m.now += 2 * MS;
	machine_notices(&m);
	if (differs(&m, zone)) {
		r = machine_explain(&m, &before, from, (struct zw_correlate_input){});
		good = tally_up(tally, &m, r, actors == 1, seed, history_fault(&m, r));
	}
	machine_done(&m);
	return good;
}

static void test_histories(void **state)
{
	(void)state;
	check_histories(run_history, 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests_name("correlate-random", tests, NULL, NULL);
}
