/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that keeps its transactions one by one says what each of them changed: only who asked for it is left to
 * find. What that costs grows with what changed and with how many asked at the same time, not with all that was asked
 * for; beyond a bound the rest is explained as a whole. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/update.h"

typedef ZW_VEC(size_t) indexes;

struct steps {
	const struct explanation *all;
	struct zw_snapshot *const *state;
	size_t states;
	/* For each state the request that made it, by itself; SIZE_MAX: none that is known. */
	size_t *maker;
	struct zw_map *changed; /* wire name -> indexes of the states before which it changed */
	/* Whoever made the last step that is explained began no sooner. */
	uint64_t since_ns;
	size_t first_ask; /* all before it are used, or were over by then */
};

static void changed_free(struct zw_map *changed)
{
	size_t it = 0;
	void *value;

	while (changed && zw_map_next(changed, &it, NULL, NULL, &value)) {
		indexes *list = value;

		zw_vec_free(list);
		free(list);
	}
	zw_map_free(changed);
}
ZW_DEFINE_CLEANUP(struct zw_map *, changed_free);

static int note_name(struct zw_map *changed, const uint8_t *owner, size_t step)
{
	indexes *list = zw_map_get(changed, owner, zw_name_len(owner));
	int r;

	if (!list) {
		list = calloc(1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		r = zw_map_put(changed, owner, zw_name_len(owner), list, NULL);
		if (r < 0) {
			free(list);
			return r;
		}
	}
	if (list->len && list->items[list->len - 1] == step)
		return 0;
	return zw_vec_push(list, step);
}

static int note_changed(const struct steps *s, const struct explanation *x, size_t step)
{
	int r = 0;

	ZW_VEC_FOREACH(p, &x->pieces)
		if (r == 0 && p->kind != PIECE_SERIAL)
			r = note_name(s->changed, p->entry->owner, step);
	return r;
}

/* Whether it asks for all of it, and it alone. */
static bool covers(const struct explanation *x, const struct ask *ask)
{
	const struct zw_message *m = ask->request->message;

	ZW_VEC_FOREACH(p, &x->pieces)
		if (p->kind == PIECE_RECORDS &&
			!zw_update_touches(m, p->entry->owner, p->entry->type))
			return false;
	return true;
}

static bool is_apex(const struct explanation *x, const uint8_t *owner)
{
	return zw_name_equal(owner, x->in->origin);
}

/* False when it cannot be the state that the request leaves behind: what the last record of an update asks for, nothing that
 * comes later in it undoes. A look that spares most of the trying. */
static bool may_leave(
	const struct explanation *x, const struct ask *ask, const struct zw_snapshot *state)
{
	const struct zw_message *m = ask->request->message;
	const struct zw_message_rr *last = NULL;
	struct zw_rrset set = {}, alias;
	bool there;

	for (size_t i = m->rrs; !last && i-- > 0;)
		if (m->rr[i].section == ZW_SECTION_UPDATE)
			last = &m->rr[i];
	/* A server may leave them as they are (RFC 2136 section 3.4.2). */
	if (!last || last->type == ZW_TYPE_ANY || last->type == ZW_TYPE_SOA ||
		last->type == ZW_TYPE_CNAME || is_apex(x, last->owner) ||
		zw_snapshot_lookup(state, last->owner, ZW_TYPE_CNAME, &alias))
		return true;
	there = zw_snapshot_lookup(state, last->owner, last->type, &set);
	if (last->klass == ZW_CLASS_ANY)
		return !there;
	there = there && zw_rrset_has(&set, last->rdata, last->rdata_len);
	return last->klass == ZW_CLASS_NONE ? !there : there;
}

/* 1 when it leads from one state to the other. */
static int leads(const struct explanation *x, size_t index, struct zw_snapshot *before,
	struct zw_snapshot *after)
{
	struct replay replay = {.x = x, .ask = &index, .len = 1};
	name_list list = {};
	int r;

	if (!may_leave(x, &x->asks->items[index], after))
		return 0;
	x->budget->tried++;
	r = zw_explain_names(x, &index, 1, &list);
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

static bool is_spent(const struct explanation *x)
{
	return x->budget->tried >= x->budget->limit;
}

/* Tries it on the states from @from on, before @step, that differ from the one before in a name it is about. */
static int try_changed(const struct steps *s, size_t index, size_t from, size_t step)
{
	const struct zw_message *m = s->all->asks->items[index].request->message;
	int r = 0;

	for (size_t i = 0; i < m->rrs && r == 0; i++) {
		const uint8_t *owner = m->rr[i].owner;
		const indexes *list = zw_map_get(s->changed, owner, zw_name_len(owner));

		for (size_t k = is_asked(&m->rr[i]) && list ? list->len : 0; k-- > 0 && r == 0;) {
			size_t at = list->items[k];

			if (at <= from)
				break;
			if (at < step)
				r = leads(s->all, index, s->state[at], s->state[at]);
		}
	}
	return r;
}

/* 1 when the request would have changed nothing in a state before step @step: it may have had its turn there. Whoever
 * was done before it was asked had his turn before it, so that the states before that are none of it. */
static int was_idle(const struct steps *s, size_t index, size_t step)
{
	struct ask *a = &s->all->asks->items[index];
	size_t from = step;
	int r = 0;

	while (from > a->scanned) {
		from--;
		if (s->maker[from] != SIZE_MAX &&
			zw_explain_precedes(&s->all->asks->items[s->maker[from]], a))
			break;
	}
	if (a->idle || from >= step)
		return a->idle;
	if (is_spent(s->all))
		return 1;
	r = leads(s->all, index, s->state[from], s->state[from]);
	if (r == 0)
		r = try_changed(s, index, from, step);
	if (r < 0)
		return r;
	a->idle = r > 0;
	a->scanned = step;
	return r;
}

/* 1 when it is not for @next yet: one of @list, which comes before it, must have made the step itself. */
static int is_later(const struct steps *s, const indexes *list, size_t next, size_t step)
{
	const struct explanation *all = s->all;
	const struct ask *n = &all->asks->items[next];
	int idle = 1;

	for (size_t i = 0; idle > 0 && i < list->len; i++) {
		const struct ask *a = &all->asks->items[list->items[i]];

		if (a->request->rcode != ZW_RCODE_NOERROR || !a->request->answered_ns ||
			a->start_ns < all->in->from_end_ns || !zw_explain_precedes(a, n))
			continue;
		idle = was_idle(s, list->items[i], step);
	}
	return idle < 0 ? idle : !idle;
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

/* Those who asked for what became of one RRset: of a record that came, who added it, else whoever asked about its name. */
static struct ask_numbers *askers(const struct explanation *x, const struct zw_diff_entry *entry)
{
	for (uint32_t i = 0; entry->type != ZW_TYPE_SOA && i < entry->after.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&entry->after, i, &len);

		if (!entry->before.count || !zw_rrset_has(&entry->before, rdata, len))
			return zw_explain_asks_for(x->index, entry->owner, entry->type, rdata, len);
	}
	return zw_explain_asks_of(x->index, entry->owner);
}

/* Those who may have made the step, by start. */
static int candidates(struct explanation *x, const struct steps *s, size_t step, indexes *list)
{
	struct ask_numbers *about = NULL;
	int r = 0;

	ZW_VEC_FOREACH(p, &x->pieces)
		if (!about && p->kind == PIECE_RECORDS) {
			about = askers(x, p->entry);
			if (!about)
				return 0;
		}
	for (size_t i = about ? zw_explain_first_unused(x->asks, about) : 0;
		about && r == 0 && i < about->len; i++) {
		size_t number = about->items[i];

		if (x->asks->items[number].used || !covers(x, &x->asks->items[number]))
			continue;
		r = is_later(s, list, number, step);
		/* So is whoever comes after. */
		if (r > 0)
			return 0;
		if (r == 0)
			r = leads(x, number, x->before, x->after);
		if (r > 0)
			r = zw_vec_push(list, number);
		if (is_spent(x))
			break;
	}
	return r;
}

/* Between which times those of @list, of whom one made a step, began and were done. */
static void span_of(const struct explanation *x, const indexes *list, uint64_t *ret_from_ns,
	uint64_t *ret_to_ns)
{
	*ret_from_ns = UINT64_MAX;
	*ret_to_ns = 0;
	ZW_VEC_FOREACH(n, list) {
		const struct ask *a = &x->asks->items[*n];

		if (a->start_ns < *ret_from_ns)
			*ret_from_ns = a->start_ns;
		if (a->end_ns > *ret_to_ns)
			*ret_to_ns = a->end_ns;
	}
}

/* Finds the request that made the step, the only one that could or one of several, and makes a part of it. 1 when there
 * is one, which takes all pieces; 0 when there is none. */
static int explain_step(struct explanation *x, struct steps *s, size_t step, uint64_t *ret_from_ns,
	uint64_t *ret_to_ns)
{
	indexes list = {};
	int r = candidates(x, s, step, &list);

	if (r == 0 && list.len && !is_spent(x)) {
		r = make_part(x, &list);
		if (list.len == 1)
			s->maker[step] = list.items[0];
		span_of(x, &list, ret_from_ns, ret_to_ns);
	}
	zw_vec_free(&list);
	return r;
}

/* What lies between two steps that are explained by themselves: of those who asked, whoever was done before the first of
 * these was asked for, or asked after the second was done, had his turn outside. */
static int explain_run(
	struct steps *s, size_t from, size_t to, uint64_t until_ns, zw_reports *reports)
{
	const ask_list *asks = s->all->asks;
	_zw_cleanup_(zw_explain_parts_done) struct explanation x =
		zw_explain_between(s->all, s->state[from], s->state[to]);

	if (x.before == x.after)
		return 0;
	while (s->first_ask < asks->len &&
		(asks->items[s->first_ask].used || asks->items[s->first_ask].end_ns < s->since_ns))
		s->first_ask++;
	x.first_ask = s->first_ask;
	x.since_ns = s->since_ns;
	x.until_ns = until_ns;
	return zw_explain_whole(&x, false, reports);
}

static int explain_each(struct steps *s, zw_reports *reports)
{
	const struct explanation *all = s->all;
	size_t done = 0; /* the state that is explained already */
	int r = 0;

	for (size_t i = 1; r >= 0 && i < s->states && !is_spent(all) && !is_hurried(all); i++) {
		_zw_cleanup_(zw_explain_parts_done) struct explanation x =
			zw_explain_between(all, s->state[i - 1], s->state[i]);
		uint64_t from_ns = 0, to_ns = UINT64_MAX;

		r = zw_explain_pieces(&x);
		if (r == 0)
			r = note_changed(s, &x, i);
		if (r == 0)
			r = explain_step(&x, s, i, &from_ns, &to_ns);
		if (r <= 0)
			continue;
		r = explain_run(s, done, i - 1, to_ns, reports);
		if (r == 0)
			r = zw_explain_reports(&x, false, reports);
		if (from_ns > s->since_ns)
			s->since_ns = from_ns;
		done = i;
	}
	return r < 0 ? r : explain_run(s, done, s->states - 1, UINT64_MAX, reports);
}

int zw_explain_steps(const struct explanation *all, zw_reports *reports)
{
	struct steps s = {.all = all, .state = all->in->step, .states = all->in->steps};
	_zw_cleanup_(changed_freep) struct zw_map *changed = NULL;
	_zw_free_ size_t *maker = calloc(s.states, sizeof(*maker));
	int r = maker ? zw_map_new(&changed) : -ENOMEM;

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.states; i++)
		maker[i] = SIZE_MAX;
	s.maker = maker;
	s.changed = changed;
	/* Each of them has an effect in one step, or in none. */
	ZW_VEC_FOREACH(a, all->asks)
		a->optional = true;
	return explain_each(&s, reports);
}
