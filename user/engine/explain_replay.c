/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What requests make of a state, in every order that they can have had. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"
#include "zone/update.h"

/* More that concern the same names at the same time are taken in the order they were asked. */
#define SEARCH_MAX 24
/* Updates applied in one search; each costs some microseconds. */
#define SEARCH_STEPS 4096

struct search {
	struct replay *replay;
	way_fn fn;
	void *ctx;
	unsigned int steps;
	bool done[SEARCH_MAX];
	bool shared[SEARCH_MAX][SEARCH_MAX];
	size_t path[SEARCH_MAX];
	struct zw_snapshot *state[SEARCH_MAX + 1];
};

static const struct ask *ask_at(const struct replay *replay, size_t index)
{
	return &replay->x->asks->items[index];
}

bool zw_explain_precedes(const struct ask *a, const struct ask *b)
{
	const struct zw_request *p = a->request, *q = b->request;

	/* One transaction: in the order they were put into it. */
	if (p->effect_ns && p->effect_ns == q->effect_ns)
		return p->asked_ns < q->asked_ns;
	return a->end_ns < b->start_ns;
}

bool zw_explain_touched(const struct replay *replay, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < replay->len; i++)
		if (zw_update_touches(
			    ask_at(replay, replay->ask[i])->request->message, owner, type))
			return true;
	return false;
}

static bool same_data(const struct zw_rrset *a, const struct zw_rrset *b)
{
	for (uint32_t i = 0; i < a->count && a->count == b->count; i++) {
		uint16_t a_len, b_len;
		const uint8_t *p = zw_rrset_rdata(a, i, &a_len), *q = zw_rrset_rdata(b, i, &b_len);

		if (zw_rdata_cmp(p, a_len, q, b_len) != 0)
			return false;
	}
	return a->count == b->count;
}

/* Servers differ in which of the TTLs that meet in an RRset they keep, but they make up none. */
static bool is_known_ttl(
	const struct replay *replay, const uint8_t *owner, uint16_t type, uint32_t ttl)
{
	struct zw_rrset before;

	if (replay->before && zw_snapshot_lookup(replay->before, owner, type, &before) &&
		before.ttl == ttl)
		return true;
	for (size_t i = 0; i < replay->len; i++) {
		const struct zw_message *m = ask_at(replay, replay->ask[i])->request->message;

		for (size_t k = 0; k < m->rrs; k++)
			if (m->rr[k].section == ZW_SECTION_UPDATE && m->rr[k].type == type &&
				m->rr[k].ttl == ttl && zw_name_equal(m->rr[k].owner, owner))
				return true;
	}
	return false;
}

/* @entry: from the state that a replay gave to the state after. */
static bool may_differ(const struct replay *replay, const struct zw_diff_entry *entry)
{
	uint32_t serial_before, serial_after;
	bool apex = zw_name_equal(entry->owner, replay->x->in->origin);

	if (apex && entry->type == ZW_TYPE_SOA &&
		zw_change_is_serial(entry, &serial_before, &serial_after))
		return true;
	if (!zw_explain_touched(replay, entry->owner, entry->type))
		return true;
	return entry->op == ZW_DIFF_MODIFY && same_data(&entry->before, &entry->after) &&
	       is_known_ttl(replay, entry->owner, entry->type, entry->after.ttl);
}

bool zw_explain_settled(const struct replay *replay, const struct zw_snapshot *state,
	const uint8_t *owner, uint16_t type)
{
	struct zw_diff_entry entry = {.owner = owner, .type = type};
	bool was = zw_snapshot_lookup(state, owner, type, &entry.before);
	bool is = zw_snapshot_lookup(replay->after, owner, type, &entry.after);

	if (!was || !is)
		return was == is;
	entry.op = ZW_DIFF_MODIFY;
	return zw_rrset_equal(&entry.before, &entry.after) || may_differ(replay, &entry);
}

/* 1: the same as the state after, as far as it must be. */
static int arrived(const struct replay *replay, struct zw_snapshot *state)
{
	_zw_diff_ struct zw_diff *diff = NULL;
	int r = zw_diff_new(state, replay->after, &diff);

	if (r < 0)
		return r;
	for (size_t i = 0; i < diff->len; i++)
		if (!may_differ(replay, &diff->entries[i]))
			return 0;
	return 1;
}

/* What no server takes changes nothing. */
static int apply(const struct replay *replay, struct zw_snapshot *state, size_t index,
	struct zw_snapshot **ret_state)
{
	int r = zw_update_apply(state, ask_at(replay, index)->request->message, ret_state);

	if (r != -EINVAL)
		return r;
	*ret_state = zw_snapshot_ref(state);
	return 0;
}

int zw_explain_replay_plain(
	const struct replay *replay, const size_t *ask, size_t len, struct zw_snapshot **ret_state)
{
	size_t n = 1;
	int r = 0;

	ret_state[0] = zw_snapshot_ref(replay->before);
	for (; r == 0 && n <= len; n++)
		r = apply(replay, ret_state[n - 1], ask[n - 1], &ret_state[n]);
	if (r == 0)
		return 0;
	/* The last one failed. */
	for (n--; n > 0; n--)
		zw_snapshot_unref(ZW_TAKE(ret_state[n - 1]));
	return r;
}

/* 1 when it can be that the server accepted it: what was required to be there was. */
static int may_follow(const struct replay *replay, struct zw_snapshot *state, size_t index)
{
	_zw_draft_ struct zw_draft *draft = NULL;
	int r = zw_draft_new(state, &draft);

	if (r == 0)
		r = zw_update_check(draft, ask_at(replay, index)->request->message);
	return r == -ENOMEM ? r : r == ZW_RCODE_NOERROR;
}

int zw_explain_arrives(const struct replay *replay)
{
	_zw_snapshot_ struct zw_snapshot *state = NULL;
	int r = may_follow(replay, replay->before, replay->ask[0]);

	if (r <= 0)
		return r;
	r = apply(replay, replay->before, replay->ask[0], &state);
	return r < 0 ? r : arrived(replay, state);
}

/* Whether @i may come next after @depth others. */
static bool is_next(const struct search *s, size_t depth, size_t i)
{
	const struct replay *replay = s->replay;
	const struct ask *a = ask_at(replay, replay->ask[i]);

	if (s->done[i])
		return false;
	for (size_t k = 0; k < replay->len; k++) {
		const struct ask *b = ask_at(replay, replay->ask[k]);

		if (!s->done[k] && !b->optional && zw_explain_precedes(b, a))
			return false;
		/* What was left out cannot follow. */
		if (s->done[k] && zw_explain_precedes(a, b))
			return false;
	}
	/* Of two that do not depend on each other one order is enough. */
	return depth == 0 || s->path[depth - 1] < i || s->shared[s->path[depth - 1]][i];
}

static bool all_mandatory(const struct search *s)
{
	for (size_t i = 0; i < s->replay->len; i++)
		if (!s->done[i] && !ask_at(s->replay, s->replay->ask[i])->optional)
			return false;
	return true;
}

static int tell(struct search *s, size_t depth)
{
	size_t ask[SEARCH_MAX];
	struct way way = {.ask = ask, .state = s->state, .len = depth};

	for (size_t i = 0; i < depth; i++)
		ask[i] = s->replay->ask[s->path[i]];
	return s->fn(s->ctx, &way);
}

static int search_from(struct search *s, size_t depth);

static int search_with(struct search *s, size_t depth, size_t i)
{
	size_t index = s->replay->ask[i];
	int r;

	if (s->steps++ >= SEARCH_STEPS) {
		s->replay->unsure = true;
		return 0;
	}
	r = may_follow(s->replay, s->state[depth], index);
	if (r <= 0)
		return r;
	r = apply(s->replay, s->state[depth], index, &s->state[depth + 1]);
	if (r < 0)
		return r;
	s->done[i] = true;
	s->path[depth] = i;
	r = search_from(s, depth + 1);
	s->done[i] = false;
	zw_snapshot_unref(ZW_TAKE(s->state[depth + 1]));
	return r;
}

static int search_from(struct search *s, size_t depth)
{
	int r = 0;

	if (all_mandatory(s)) {
		r = arrived(s->replay, s->state[depth]);
		if (r > 0)
			r = tell(s, depth);
	}
	/* Also after it arrived: what comes back to the same state is another way. */
	for (size_t i = 0; r == 0 && i < s->replay->len; i++)
		if (is_next(s, depth, i))
			r = search_with(s, depth, i);
	return r;
}

static int search(struct replay *replay, way_fn fn, void *ctx)
{
	struct search s = {.replay = replay, .fn = fn, .ctx = ctx};

	for (size_t i = 0; i < replay->len; i++)
		for (size_t k = 0; k < i; k++)
			s.shared[i][k] = s.shared[k][i] = zw_explain_share_names(
				ask_at(replay, replay->ask[i]), ask_at(replay, replay->ask[k]));
	s.state[0] = replay->before;
	return search_from(&s, 0);
}

/* Too many for a search: in the order they were asked, but for those at both ends that may lie outside. */
static int one_order(struct replay *replay, way_fn fn, void *ctx)
{
	struct zw_snapshot **state = calloc(replay->len + 1, sizeof(*state));
	size_t first = 0, last_mandatory = 0;
	int r = state ? 0 : -ENOMEM;

	for (size_t i = 0; i < replay->len; i++) {
		const struct ask *a = ask_at(replay, replay->ask[i]);

		if (!a->optional)
			last_mandatory = i + 1;
		/* Overlapping in time, or perhaps not between the readings: another way is possible. */
		if (a->optional)
			replay->unsure = true;
		if (i > 0 && !zw_explain_precedes(ask_at(replay, replay->ask[i - 1]), a))
			replay->unsure = true;
	}
	for (bool found = false; r == 0 && !found; first++) {
		size_t len = replay->len - first;

		r = zw_explain_replay_plain(replay, replay->ask + first, len, state);
		for (size_t n = last_mandatory > first ? last_mandatory - first : 0;
			r == 0 && !found && n <= len; n++) {
			r = arrived(replay, state[n]);
			found = r > 0;
			if (r > 0)
				r = fn(ctx, &(struct way){replay->ask + first, state, n});
		}
		for (size_t n = 0; n <= len; n++)
			zw_snapshot_unref(ZW_TAKE(state[n]));
		/* The next try leaves out one more, if it may be left out. */
		if (first == replay->len || !ask_at(replay, replay->ask[first])->optional)
			break;
	}
	free(state);
	return r;
}

int zw_explain_replay(struct replay *replay, way_fn fn, void *ctx)
{
	return replay->len <= SEARCH_MAX ? search(replay, fn, ctx) : one_order(replay, fn, ctx);
}
