/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that keeps its transactions one by one says what each of them changed: only who asked for it is left to
 * find. */
#include "engine/explain_impl.h"

#include <errno.h>

#include "zone/update.h"

typedef ZW_VEC(size_t) indexes;

/* Whether it asks for all of it, and it alone. */
static bool covers(const struct explanation *x, const struct ask *ask)
{
	const struct zw_message *m = ask->request->message;
	bool any = false;

	ZW_VEC_FOREACH(p, &x->pieces) {
		if (p->kind != PIECE_RECORDS)
			continue;
		if (!zw_update_touches(m, p->entry->owner, p->entry->type))
			return false;
		any = true;
	}
	return any;
}

/* 1 when it leads from one state to the other. */
static int leads(const struct explanation *x, size_t index, struct zw_snapshot *before,
	struct zw_snapshot *after)
{
	struct replay replay = {.x = x, .ask = &index, .len = 1};
	name_list list = {};
	int r = zw_explain_names(x, &index, 1, &list);

	if (r == 0)
		r = zw_explain_cut(x, before, &list, &replay.before);
	if (r == 0)
		r = zw_explain_cut(x, after, &list, &replay.after);
	if (r == 0)
		r = zw_explain_arrives(&replay);
	zw_vec_free(&list);
	zw_snapshot_unref(replay.before);
	zw_snapshot_unref(replay.after);
	return r;
}

/* 1 when the request would have changed nothing in one of the states: it may have had its turn there. */
static int was_idle(
	const struct explanation *x, size_t index, struct zw_snapshot *const *state, size_t states)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < states; i++)
		r = leads(x, index, state[i], state[i]);
	return r;
}

/* Takes those out that came after one that must have made this step itself. */
static int drop_later(
	const struct explanation *x, struct zw_snapshot *const *state, size_t states, indexes *list)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct ask *a = &x->asks->items[list->items[i]];
		size_t keep = i + 1;
		int idle;

		if (a->request->rcode != ZW_RCODE_NOERROR || !a->request->answered_ns ||
			a->start_ns < x->in->from_end_ns)
			continue;
		idle = was_idle(x, list->items[i], state, states);
		if (idle < 0)
			return idle;
		for (size_t k = i + 1; !idle && k < list->len; k++)
			if (!zw_explain_precedes(a, &x->asks->items[list->items[k]]))
				list->items[keep++] = list->items[k];
		if (!idle)
			list->len = keep;
	}
	return 0;
}

static bool all_same(const struct explanation *x, const indexes *list)
{
	for (size_t i = 1; i < list->len; i++)
		if (x->asks->items[list->items[i]].who != x->asks->items[list->items[0]].who)
			return false;
	return true;
}

static int make_part(struct explanation *x, const indexes *list)
{
	bool same = all_same(x, list);
	zw_requests by = {};
	struct part *part = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < (same ? 1 : list->len); i++)
		r = zw_vec_push(&by, x->asks->items[list->items[i]].request);
	if (r == 0)
		part = zw_explain_part(x, PART_CONTENT,
			same ? ZW_ATTRIBUTION_CERTAIN : ZW_ATTRIBUTION_AMBIGUOUS, by.items, by.len);
	zw_vec_free(&by);
	if (!part)
		return -ENOMEM;
	/* Of several, any may have its turn later. */
	x->asks->items[list->items[0]].used = list->len == 1;
	ZW_VEC_FOREACH(p, &x->pieces)
		if (r == 0) {
			p->done = true;
			r = zw_vec_push(&part->changes, change_of(p->entry));
		}
	return r < 0 ? r : 1;
}

int zw_explain_step(struct explanation *x, struct zw_snapshot *const *state, size_t states)
{
	indexes list = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->asks->len; i++) {
		if (x->asks->items[i].used || !covers(x, &x->asks->items[i]))
			continue;
		r = leads(x, i, x->before, x->after);
		if (r > 0)
			r = zw_vec_push(&list, i);
	}
	if (r == 0 && !all_same(x, &list))
		r = drop_later(x, state, states, &list);
	if (r == 0 && list.len)
		r = make_part(x, &list);
	zw_vec_free(&list);
	return r;
}
