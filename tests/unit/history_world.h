/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random histories of a zone that several clients update at the same time, and now and then somebody who is not seen:
 * the truth, which the test compares with what is told. */
#pragma once

#include "unit/request_fixture.h"

enum {
	NAMES = 3,
	VALUES = 4, /* addresses of a name */
	CLIENTS = 4,
	NOBODY = CLIENTS,
	HISTORIES = 4000,
	REQUESTS_MAX = 12,
};

static uint64_t rng;

static inline unsigned int roll(unsigned int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned int)((rng >> 20) % n);
}

/* One thing an update says. */
struct op {
	enum {
		ADD,
		REMOVE,
		REMOVE_SET,
	} verb;
	unsigned int name, value;
};

struct asked {
	struct op op[3];
	size_t ops;
	unsigned int who;
	uint64_t asked_ns, done_ns, answered_ns;
	bool refused;
};

/* Of each record: whether it is there, and who may be said to have made it so. */
struct world {
	bool there[NAMES][VALUES];
	unsigned int makers[NAMES][VALUES]; /* bit set of clients */
	struct asked asked[REQUESTS_MAX];
	size_t asks;
	bool tell, hidden;
};

/* --- the truth ---------------------------------------------------------------------------------------- */

static inline void set(
	struct world *w, unsigned int who, unsigned int name, unsigned int value, bool there)
{
	unsigned int *makers = &w->makers[name][value];

	/* Who asks for what is so already did not make it, but asked for it. */
	*makers = w->there[name][value] == there ? *makers | 1U << who : 1U << who;
	w->there[name][value] = there;
}

/* Values that an update takes away and puts back stay. */
static inline bool adds_later(
	const struct asked *a, size_t from, unsigned int name, unsigned int value)
{
	for (size_t i = from; i < a->ops; i++)
		if (a->op[i].verb == ADD && a->op[i].name == name && a->op[i].value == value)
			return true;
	return false;
}

static inline void apply(struct world *w, const struct asked *a)
{
	for (size_t i = 0; i < a->ops; i++) {
		const struct op *op = &a->op[i];

		if (op->verb != REMOVE_SET) {
			set(w, a->who, op->name, op->value, op->verb == ADD);
			continue;
		}
		for (unsigned int v = 0; v < VALUES; v++)
			if (!adds_later(a, i + 1, op->name, v))
				set(w, a->who, op->name, v, false);
	}
}

static inline char *records_of(const struct world *w)
{
	struct zw_str s = {};
	char *text;

	zw_str_add(&s, "");
	for (unsigned int n = 0; n < NAMES; n++)
		for (unsigned int v = 0; v < VALUES; v++)
			if (w->there[n][v])
				zw_str_addf(&s, "n%u 60 A 192.0.2.%u\n", n, v);
	assert_int_equal(zw_str_done(&s, &text), 0);
	return text;
}

static inline char *words_of(const struct asked *a)
{
	struct zw_str s = {};
	char *text;

	for (size_t i = 0; i < a->ops; i++) {
		const struct op *op = &a->op[i];

		zw_str_add(&s, i ? "; " : "");
		if (op->verb == REMOVE_SET)
			zw_str_addf(&s, "delete n%u A", op->name);
		else
			zw_str_addf(&s, "%s n%u 60 A 192.0.2.%u",
				op->verb == ADD ? "add" : "delete", op->name, op->value);
	}
	assert_int_equal(zw_str_done(&s, &text), 0);
	return text;
}

/* --- a history ---------------------------------------------------------------------------------------- */

static inline void random_update(struct asked *a)
{
	unsigned int name = roll(NAMES);

	switch (roll(4)) {
	case 0:
		a->op[a->ops++] = (struct op){ADD, name, roll(VALUES)};
		break;
	case 1:
		a->op[a->ops++] = (struct op){REMOVE, name, roll(VALUES)};
		break;
	case 2:
		a->op[a->ops++] = (struct op){REMOVE_SET, name, 0};
		a->op[a->ops++] = (struct op){ADD, name, roll(VALUES)};
		break;
	default:
		a->op[a->ops++] = (struct op){ADD, name, roll(VALUES)};
		a->op[a->ops++] = (struct op){ADD, roll(NAMES), roll(VALUES)};
		break;
	}
}

/* Between @from_ns and @to_ns, one after the other or several at once; done in the order of done_ns. */
static inline void random_history(
	struct world *w, uint64_t from_ns, uint64_t to_ns, unsigned int overlap)
{
	size_t n = 1 + roll(REQUESTS_MAX - 1);
	uint64_t at = from_ns;

	for (size_t i = 0; i < n; i++) {
		struct asked *a = &w->asked[w->asks];
		uint64_t slot = (to_ns - from_ns) / n, end;

		*a = (struct asked){.who = roll(CLIENTS), .asked_ns = at + roll(1000)};
		end = a->asked_ns + 2000 + (uint64_t)roll(overlap + 1) * slot;
		a->answered_ns = end;
		a->done_ns = a->asked_ns + 1 + roll((unsigned int)(end - a->asked_ns - 1));
		a->refused = roll(8) == 0;
		random_update(a);
		w->asks++;
		at += slot;
	}
}

static inline const struct asked *next_done(const struct world *w, uint64_t after_ns)
{
	const struct asked *next = NULL;

	for (size_t i = 0; i < w->asks; i++)
		if (w->asked[i].done_ns > after_ns &&
			(!next || w->asked[i].done_ns < next->done_ns))
			next = &w->asked[i];
	return next;
}

static inline void play(struct world *w, uint64_t from_ns, uint64_t to_ns)
{
	const struct asked *a;

	for (uint64_t at = from_ns; (a = next_done(w, at)) && a->done_ns <= to_ns; at = a->done_ns)
		if (!a->refused)
			apply(w, a);
}

/* Somebody changes a record that nobody else does anything with. */
static inline void act_unseen(struct world *w)
{
	unsigned int name = roll(NAMES), value = roll(VALUES);

	for (size_t i = 0; i < w->asks; i++)
		for (size_t k = 0; k < w->asked[i].ops; k++)
			if (w->asked[i].op[k].name == name)
				return;
	set(w, NOBODY, name, value, !w->there[name][value]);
	w->hidden = true;
}
