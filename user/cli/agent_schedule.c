/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a zone is looked at: soon after it was quiet, and now and then whatever happens. */
#include "cli/served.h"

#include "base/clock.h"
#include "base/log.h"

void zw_agent_schedule(struct zw_agent *a, struct zw_agent_zone *z, uint64_t due_ns)
{
	bool listed = z->due_ns != 0;

	z->due_ns = due_ns;
	if (!listed && zw_vec_push(&a->due, z) < 0) {
		/* The reconciliation will come to it. */
		z->due_ns = 0;
		zw_error("out of memory: zone '%s' is looked at later", z->name);
	}
}

void zw_agent_unschedule(struct zw_agent *a, struct zw_agent_zone *z)
{
	if (!z->due_ns)
		return;
	z->due_ns = 0;
	for (size_t i = 0; i < a->due.len; i++)
		if (a->due.items[i] == z) {
			zw_vec_remove_unordered(&a->due, i);
			return;
		}
}

/* When it will have been quiet for a while; what is written to without end is looked at now and then all the same. */
static uint64_t quiet_at(const struct zw_agent *a, const struct zw_agent_zone *z)
{
	uint64_t since = z->first_ns > z->read_ns ? z->first_ns : z->read_ns;
	uint64_t quiet = z->last_ns + a->conf->settle_ns;
	uint64_t longest = since + zw_agent_busy_max(a, z) + a->conf->settle_ns;

	return quiet < longest ? quiet : longest;
}

void zw_agent_touch(struct zw_agent *a, struct zw_agent_zone *z, uint64_t time_ns)
{
	if (!z->first_ns)
		z->first_ns = time_ns;
	if (time_ns > z->last_ns)
		z->last_ns = time_ns;
	z->tries = 0;
	zw_agent_schedule(a, z, quiet_at(a, z));
}

/* Half a tick. */
#define TURN_NS (50 * ZW_NSEC_PER_MSEC)

uint64_t zw_agent_run_due(struct zw_agent *a)
{
	uint64_t next, served = zw_served_run(a), now = zw_boottime_ns();

	/* A look takes its zone off the list, and may put it and others on again, at the end. */
	while (a->due_next < a->due.len) {
		struct zw_agent_zone *z = a->due.items[a->due_next];

		if (z->due_ns > now) {
			a->due_next++;
			continue;
		}
		zw_agent_look(a, z);
		/* Signals and housekeeping wait for this, so the rest is for the next turn; it goes on from here, lest
		 * zones that are due again be looked at before others were once. */
		if (zw_boottime_ns() - now > TURN_NS)
			return now;
	}
	a->due_next = 0;
	/* After the looks, which take in new events. */
	next = zw_agent_chains_again(a);
	if (served < next)
		next = served;
	ZW_VEC_FOREACH(z, &a->due)
		if ((*z)->due_ns < next)
			next = (*z)->due_ns;
	return next;
}

/* An event waits for one slice at most: a part of what a settled write waits anyway. */
#define SLICE_NS (2 * ZW_NSEC_PER_MSEC)

void zw_agent_reconcile(struct zw_agent *a, uint64_t now_ns)
{
	uint64_t period = a->conf->reconcile_ns, until;

	if (!a->zones.len || !period)
		return;
	if (a->reconcile_next >= a->zones.len) {
		a->reconcile_all = false;
		if (now_ns - a->reconcile_from_ns >= period) {
			a->reconcile_next = 0;
			a->reconcile_from_ns = now_ns;
		}
	}
	until = a->reconcile_all ? a->zones.len
				 : (now_ns - a->reconcile_from_ns) / (period / a->zones.len);
	while (a->reconcile_next < until && a->reconcile_next < a->zones.len) {
		struct zw_agent_zone *z = a->zones.items[a->reconcile_next++];

		/* Behind, as after a mount: catch up in pieces, so that events do not wait. */
		if (zw_boottime_ns() - now_ns > SLICE_NS)
			break;
		if (z->due_ns)
			continue;
		z->digest_wanted = true;
		zw_agent_look(a, z);
	}
}

void zw_agent_reconcile_now(struct zw_agent *a)
{
	a->reconcile_all = true;
	a->reconcile_next = 0;
	a->reconcile_from_ns = zw_boottime_ns();
}

bool zw_agent_reconcile_behind(const struct zw_agent *a)
{
	return a->conf->reconcile_ns && a->reconcile_all && a->reconcile_next < a->zones.len;
}
