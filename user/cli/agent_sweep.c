/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks that concern many chains at once, as when a directory high up is renamed, in slices that let events through. */
#include "cli/agent_index.h"

#include "base/clock.h"

/* Events gather for so long before the first pass. What a hook tells of may not be done then, so that more follow. */
static const uint64_t passes[] = {
	ZW_NSEC_PER_MSEC,
	20 * ZW_NSEC_PER_MSEC,
	ZW_NSEC_PER_SEC,
};
/* Walks between two looks at the clock. */
#define WALKS 16

void zw_sweep_add(struct zw_agent *a, const struct zw_inode_key *key)
{
	struct zw_agent_sweep sweep = {.key = *key, .due_ns = zw_boottime_ns() + passes[0]};

	ZW_VEC_FOREACH(s, &a->sweeps)
		if (s->key.dev == key->dev && s->key.ino == key->ino) {
			/* One that is under way is finished, and then begins anew. */
			s->passes = 0;
			s->again = s->running;
			return;
		}
	if (zw_vec_push(&a->sweeps, sweep) < 0)
		a->bad_events++;
}

static bool is_all(const struct zw_agent_sweep *sweep)
{
	return !sweep->key.dev && !sweep->key.ino;
}

/* The list the sweep is in. */
static size_t chains_of(const struct zw_agent *a, const struct zw_agent_sweep *sweep)
{
	const struct zw_agent_site *s;

	if (is_all(sweep))
		return sweep->open ? 0 : a->chains.len;
	s = zw_site_of(a, &sweep->key);
	if (!s)
		return 0;
	return sweep->open ? s->open.len : s->through.len;
}

static struct zw_agent_chain *chain_at(
	const struct zw_agent *a, const struct zw_agent_sweep *sweep, size_t i)
{
	const struct zw_agent_site *s;

	if (i >= chains_of(a, sweep))
		return NULL;
	if (is_all(sweep))
		return a->chains.items[i];
	s = zw_site_of(a, &sweep->key);
	return sweep->open ? s->open.items[i].path->chain : s->through.items[i].path->chain;
}

/* Begins a pass, or its second half. */
static void enter(const struct zw_agent *a, struct zw_agent_sweep *sweep, bool open)
{
	sweep->running = true;
	sweep->open = open;
	sweep->next = chains_of(a, sweep);
}

/* Goes on with the pass of sweep @number until @until_ns. True when the pass is done. Lists are gone through from their
 * ends: the place of a chain that leaves is taken by one that has been walked. */
static bool pass(struct zw_agent *a, size_t number, uint64_t until_ns)
{
	/* Walks may add sweeps, which moves them in memory. */
	struct zw_agent_sweep sweep = a->sweeps.items[number];
	uint64_t now = zw_boottime_ns();

	if (!sweep.running)
		enter(a, &sweep, true);
	for (size_t n = 0; now < until_ns; n++) {
		struct zw_agent_chain *c;

		if (!sweep.next && sweep.open)
			enter(a, &sweep, false);
		if (!sweep.next)
			break;
		c = chain_at(a, &sweep, --sweep.next);
		if (c)
			zw_chain_mark(a, c, now);
		if (n % WALKS == WALKS - 1)
			now = zw_boottime_ns();
	}
	/* What was noted meanwhile stays. */
	sweep.again = a->sweeps.items[number].again;
	sweep.passes = a->sweeps.items[number].passes;
	a->sweeps.items[number] = sweep;
	return !sweep.next && !sweep.open;
}

/* After a pass: whether there is another one. */
static bool next_pass(struct zw_agent_sweep *s, uint64_t now)
{
	s->running = false;
	s->passes = s->again ? 0 : s->passes + 1;
	s->again = false;
	if (s->passes == ZW_ARRAY_SIZE(passes))
		return false;
	s->due_ns = now + passes[s->passes];
	return true;
}

uint64_t zw_sweep_run(struct zw_agent *a, uint64_t until_ns)
{
	uint64_t now = zw_boottime_ns(), next = UINT64_MAX;

	for (size_t i = 0; i < a->sweeps.len;) {
		struct zw_agent_sweep *s = &a->sweeps.items[i];

		if (s->due_ns <= now && now < until_ns && pass(a, i, until_ns)) {
			now = zw_boottime_ns();
			if (!next_pass(&a->sweeps.items[i], now)) {
				zw_vec_remove_unordered(&a->sweeps, i);
				continue;
			}
		}
		s = &a->sweeps.items[i];
		if (s->due_ns < next)
			next = s->due_ns;
		i++;
	}
	return next;
}
