/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Histories that random ones led to, at their shortest: each was explained wrongly once. */
#include "unit/correlate_fixture.h"

enum word {
	END,
	WRITE,
	CREATE,
	UNLINK,
	RENAME,
	EXCHANGE,
	LINK,
	CHMOD,
	READ,
	OVERDUE, /* told of before the reading from here on, and done after it */
	READING,
};

struct step {
	enum word word;
	int who, a, b;
	uint64_t pause; /* before it */
};

#define STEPS_MAX 12

struct history {
	const char *name;
	enum dialect dialect;
	struct step step[STEPS_MAX];
	struct verdict want;
	bool told_once;
};

static const struct history histories[] = {
	{"moved elsewhere in the tick in which it changed, and written to there", QUIET,
		{{WRITE, P0, ZONE}, {READING, 0, 0, 0, 1100 * US}, {RENAME, P0, ZONE, FAR2, MS},
			{CREATE, P1, ZONE, 0, 3 * MS}, {WRITE, P0, FAR2, 0, 4 * MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1))},
	{"moved beside, and changed there", QUIET,
		{{WRITE, P0, ZONE}, {READING, 0, 0, 0, 1100 * US}, {RENAME, P0, ZONE, TMP1},
			{CREATE, P1, ZONE, 0, 4 * MS}, {CHMOD, P0, TMP1, 0, 5 * MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1))},
	{"moved beside, and moved on by another", QUIET,
		{{WRITE, P0, ZONE}, {READING, 0, 0, 0, 1100 * US}, {RENAME, P1, ZONE, TMP1},
			{CREATE, P1, ZONE, 0, 5 * MS}, {RENAME, P3, TMP1, TMP2, 4 * MS}},
		BY(AMBIGUOUS, NOBODY, B(P1) | B(P3))},
	{"moved beside, and replaced there", QUIET,
		{{CREATE, P0, FAR1}, {READING}, {RENAME, P1, ZONE, TMP1, 2 * MS},
			{CREATE, P2, ZONE, 0, MS}, {RENAME, P0, FAR1, TMP1, MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1) | B(P2))},
	{"moved elsewhere in the tick in which it changed, its alias read", QUIET,
		{{LINK, P1, ZONE, FAR2}, {READING, 0, 0, 0, 1100 * US},
			{RENAME, P2, ZONE, FAR1, 20 * US}, {RENAME, P0, FAR2, TMP1, 6 * US},
			{READ, P0, TMP1, 0, MS}},
		BY(CERTAIN, P2, B(P2))},
	{"moved elsewhere, back beside, and on", QUIET,
		{{READING}, {RENAME, P0, ZONE, FAR2, MS}, {RENAME, P1, FAR2, OTHER, 8 * MS},
			{RENAME, P1, OTHER, TMP1, 5 * MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1))},
	{"put there, removed, and linked there from its alias", QUIET,
		{{CREATE, P3, TMP2}, {READING}, {LINK, P0, TMP2, FAR1},
			{RENAME, P0, FAR1, ZONE, 300 * US}, {UNLINK, P2, ZONE, 0, 4 * MS},
			{LINK, P3, TMP2, ZONE, 300 * US}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P2) | B(P3))},
	{"what an exchange brought is moved away", NAMED,
		{{CREATE, P3, TMP2}, {OVERDUE}, {EXCHANGE, P3, ZONE, TMP2}, {READING},
			{RENAME, P1, ZONE, FAR1, 4 * MS}, {RENAME, P0, TMP2, OTHER, MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1) | B(P3)), .told_once = true},
	{"what an exchange brought is replaced, what it took is exchanged", NAMED,
		{{CREATE, P0, TMP1}, {CREATE, P0, TMP2}, {OVERDUE}, {EXCHANGE, P2, ZONE, TMP1},
			{READING}, {EXCHANGE, P3, TMP2, TMP1, MS}, {RENAME, P3, TMP1, ZONE, MS}},
		BY(PROBABLE, P3, B(P3))},
	{"exchanged for what another had put there, who exchanges that again", NAMED,
		{{CREATE, P2, FAR1}, {CREATE, P2, FAR2}, {CREATE, P2, TMP2}, {READING},
			{RENAME, P2, FAR1, ZONE}, {EXCHANGE, P0, TMP2, ZONE, MS},
			{EXCHANGE, P2, TMP2, FAR2, MS}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P2)), .told_once = true},
	{"linked there across the reading, after one who created and removed it", NAMED,
		{{UNLINK, P3, ZONE}, {CREATE, P1, ZONE}, {UNLINK, P3, ZONE}, {CREATE, P1, FAR2},
			{OVERDUE}, {LINK, P3, FAR2, ZONE}, {READING}, {CREATE, P1, TMP2},
			{RENAME, P1, TMP2, ZONE}},
		BY(PROBABLE, P1, B(P1))},
	{"what was written is replaced without a mark", MARKS,
		{{CREATE, P2, OTHER}, {READING, 0, 0, 0, 2 * MS}, {WRITE, P1, OTHER},
			{CREATE, P0, FAR1}, {RENAME, P0, FAR1, ZONE}, {WRITE, P1, ZONE, 0, 4 * MS},
			{RENAME, P0, OTHER, ZONE}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1))},
	{"put there, moved away, written to and moved back", MARKS,
		{{WRITE, P1, ZONE}, {CREATE, P2, TMP1}, {EXCHANGE, P2, ZONE, TMP1},
			{READING, 0, 0, 0, 2 * MS}, {RENAME, P1, TMP1, ZONE},
			{RENAME, P0, ZONE, FAR1, 20 * US}, {WRITE, P2, FAR1, 0, 300 * US},
			{RENAME, P2, FAR1, ZONE, 300 * US}},
		BY(PROBABLE, P1, B(P0) | B(P1) | B(P2))},
	{"what was written is replaced without a mark, by a third", MARKS,
		{{CREATE, P1, OTHER}, {WRITE, P1, OTHER}, {CREATE, P0, FAR2},
			{READING, 0, 0, 0, 2 * MS}, {RENAME, P1, FAR2, ZONE},
			{WRITE, P2, ZONE, 0, 4 * MS}, {RENAME, P0, OTHER, ZONE, 600 * US}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1) | B(P2))},
	{"made there, and moved away over what was there", NAMED,
		{{READING}, {RENAME, P2, ZONE, FAR2}, {CREATE, P0, ZONE}, {RENAME, P1, ZONE, FAR2}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1) | B(P2)), .told_once = true},
	{"moved away and replaced there", MARKS,
		{{CREATE, P3, OTHER}, {READING}, {CREATE, P2, FAR2, 0, 300 * US},
			{RENAME, P1, ZONE, FAR1, 4 * MS}, {RENAME, P0, OTHER, TMP2, 300 * US},
			{RENAME, P0, FAR2, ZONE, 20 * US}, {RENAME, P1, TMP2, FAR1, 1100 * US}},
		BY(PROBABLE, P1, B(P0) | B(P1))},
	{"one of its names is moved in the moment of the reading", ENTRIES,
		{{CREATE, P1, FAR2}, {LINK, P0, FAR2, TMP2, MS}, {RENAME, P0, FAR2, ZONE, MS},
			{CREATE, P2, FAR2}, {READING}, {RENAME, P0, ZONE, OTHER, 900 * US},
			{RENAME, P1, FAR2, OTHER, 900 * US}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P1))},
	{"an alias is put there, written to and replaced", ENTRIES,
		{{CREATE, P2, OTHER}, {LINK, P1, OTHER, TMP2}, {CREATE, P2, TMP1},
			{UNLINK, P2, ZONE}, {READING, 0, 0, 0, 2 * MS},
			{RENAME, P2, TMP2, ZONE, 4 * MS}, {WRITE, P0, ZONE, 0, 6 * MS},
			{RENAME, P2, TMP1, ZONE, 300 * US}},
		BY(AMBIGUOUS, NOBODY, B(P0) | B(P2))},
	{"removed, and put there by way of elsewhere", ENTRIES,
		{{CREATE, P3, TMP2}, {WRITE, P3, TMP2}, {READING}, {UNLINK, P2, ZONE},
			{RENAME, P3, TMP2, FAR2, 4 * MS}, {RENAME, P1, FAR2, ZONE, 5 * US}},
		BY(PROBABLE, P3, B(P1) | B(P2) | B(P3))},
};

static bool do_step(struct machine *m, const struct step *s)
{
	m->now += s->pause;
	switch (s->word) {
	case WRITE:
		return op_write(m, s->who, s->a);
	case CREATE:
		return op_create(m, s->who, s->a);
	case UNLINK:
		return op_unlink(m, s->who, s->a);
	case RENAME:
		return op_rename(m, s->who, s->a, s->b);
	case EXCHANGE:
		return op_exchange(m, s->who, s->a, s->b);
	case LINK:
		return op_link(m, s->who, s->a, s->b);
	case CHMOD:
		return op_chmod(m, s->who, s->a);
	case READ:
		return op_read(m, s->who, s->a);
	default:
		return true;
	}
}

static bool run_history(const struct history *h)
{
	_zw_report_free_ struct zw_report *r = NULL;
	struct machine_state before;
	uint64_t from = 0;
	bool begun = false, good;
	struct machine m;

	machine_setup(&m, h->dialect);
	m.told_once = h->told_once;
	m.now = (m.now / TICK + 1) * TICK;
	for (size_t i = 0; i < STEPS_MAX && h->step[i].word != END; i++) {
		assert_true(do_step(&m, &h->step[i]));
		if (h->step[i].word < OVERDUE)
			continue;
		m.now += 10 * US;
		/* Whatever the zone is by then is what is watched. */
		for (size_t k = 0; !begun && k < m.inodes; k++)
			m.inode[k].watched = m.entry[ZONE] == (int)k;
		if (!begun)
			machine_begin(&m, &before);
		begun = true;
		from = m.now;
	}
	m.now += 2 * MS;
	machine_notices(&m);
	r = machine_explain(&m, &before, from, (struct zw_correlate_input){});
	good = verdict_is(&m, r, &h->want);
	if (!good) {
		print_error("%s, %s:\n", h->name, dialect_name[h->dialect]);
		show(r);
	}
	machine_done(&m);
	return good;
}

static void test_found(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(histories); i++)
		bad += !run_history(&histories[i]);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
	};

	return cmocka_run_group_tests_name("correlate-found", tests, NULL, NULL);
}
