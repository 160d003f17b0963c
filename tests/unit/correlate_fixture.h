/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of correlation: what is expected of the machine of engine_fixture.h, and what it said. */
#pragma once

#include "unit/engine_operations.h"

#define NONE ZW_ATTRIBUTION_NONE
#define AMBIGUOUS ZW_ATTRIBUTION_AMBIGUOUS
#define PROBABLE ZW_ATTRIBUTION_PROBABLE
#define CERTAIN ZW_ATTRIBUTION_CERTAIN

enum {
	P0, /* was there before */
	P1,
	P2,
	P3,
};

static void rest(struct machine *m)
{
	m->now += 5 * MS;
	machine_notices(m);
}

static const char *const dialect_name[] = {"marks", "named", "entries", "quiet"};
_Static_assert(ZW_ARRAY_SIZE(dialect_name) == DIALECTS, "a dialect has no name");

struct verdict {
	enum zw_attribution attribution;
	int who;             /* first cause; NOBODY: any or none */
	unsigned int listed; /* bit set of those that are to be listed; all others must not be */
};

#define BY(attr, p, ...)                                             \
	{                                                            \
		.attribution = attr, .who = p, .listed = __VA_ARGS__ \
	}
#define B(p) (1U << (p))

static inline void show(const struct zw_report *r)
{
	print_error("  %s", zw_attribution_to_string(r->attribution));
	for (size_t i = 0; i < r->causes; i++)
		print_error(", P%u (%#x)", r->cause[i].actor->tgid - 100, r->cause[i].evidence);
	print_error("\n");
}

static inline bool verdict_is(
	const struct machine *m, const struct zw_report *r, const struct verdict *v)
{
	bool good = r->attribution == v->attribution;

	if (v->who != NOBODY)
		good &= r->causes && zw_actor_same_process(r->cause[0].actor, m->actor[v->who]);
	for (int p = 0; p < MACHINE_ACTORS; p++)
		good &= report_lists(r, m->actor[p]) == ((v->listed >> p & 1) != 0);
	good &= r->has_principal == (v->attribution >= PROBABLE);
	return good;
}

static inline void prepared_by_p1(struct machine *m)
{
	op_create(m, P1, TMP1);
	op_write(m, P1, TMP1);
	rest(m);
}

static inline void nothing_seen(struct machine *m)
{
	m->entry[ZONE] = machine_new_inode(m, 0);
}
