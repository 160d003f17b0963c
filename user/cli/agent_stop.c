/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end: what was seen is told, as well as that can be done in the second that a stop may take. */
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "cli/agent_source.h"
#include "cli/agent_traffic.h"
#include "sink/notify.h"

/* What is half-written all the time does not keep the agent from stopping. */
#define STOP_MAX_NS (3 * ZW_NSEC_PER_SEC)
/* So long after it was asked to stop it goes on as ever: what it is at is mostly done by then. The rest of the second that
 * a stop may take is for telling of it. */
#define HURRY_NS (200 * ZW_NSEC_PER_MSEC)
/* And so long it tells of what is left of too much, where there is no history for the next agent to find it by. */
#define REST_NS (400 * ZW_NSEC_PER_MSEC)

/* The loop reads signals between two looks, and a look at what thousands of updates left may take seconds. */
static bool is_asked_to_stop(const struct zw_agent *a)
{
	sigset_t set;

	return a->stopping || (sigpending(&set) == 0 && (sigismember(&set, SIGTERM) > 0 ||
								sigismember(&set, SIGINT) > 0));
}

void zw_agent_hold(struct zw_agent *a)
{
	/* What there is no memory for stays in the rings, and is counted there when it is lost. */
	if (a->probe)
		(void)zw_probe_hold(a->probe);
}

bool zw_agent_is_hurried(struct zw_agent *a)
{
	uint64_t now;

	if (!is_asked_to_stop(a))
		return false;
	now = zw_boottime_ns();
	a->stopping = true;
	if (!a->stopping_ns)
		a->stopping_ns = now;
	return now - a->stopping_ns > HURRY_NS;
}

bool zw_agent_leave_rest(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r,
	const struct zw_explained *explained, size_t from)
{
	struct zw_snapshot *state;

	zw_agent_hold(a);
	if (!zw_agent_is_hurried(a))
		return false;
	if (zw_agent_history_cut(a, z, explained, from, r->snapshot, &state) < 0)
		return false;
	zw_snapshot_unref(r->snapshot);
	r->snapshot = state;
	r->journal_at = (struct zw_journal_position){};
	r->cut = true;
	if (a->trail)
		zw_trail_break(a->trail, z->number);
	/* The next look is not to take the same bytes for the same state. */
	ZW_VEC_FOREACH(f, &r->files)
		f->digest = 0;
	a->changes -= explained->more.len - from;
	return true;
}

static void report_stopped(struct zw_agent *a)
{
	struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_AGENT_STOPPED, NULL);

	if (!report)
		return;
	report->count[report->counts++] = (struct zw_report_count){"changes", a->changes};
	report->count[report->counts++] = (struct zw_report_count){"events", a->events};
	zw_agent_guard_stopping(a, report);
	report->counts += zw_agent_answers_list(a, report->count + report->counts);
	zw_agent_deliver(a, report);
}

/* Whether there is time for the rest of what there was too much of. */
static bool has_time_for_rest(const struct zw_agent *a)
{
	return !a->history && zw_boottime_ns() - a->stopping_ns < REST_NS;
}

/* What was read after the end was asked for is told; what is written to it from then on is for the next agent, and so is the
 * rest of what there was too much of. */
static void leave_settled(struct zw_agent *a, uint64_t since_ns)
{
	bool rest = has_time_for_rest(a);

	for (size_t i = a->due.len; i-- > 0;) {
		struct zw_agent_zone *z = a->due.items[i];

		if (z->state == ZW_ZONE_GOOD && z->good_ns >= since_ns && !(z->cut && rest))
			zw_agent_unschedule(a, z);
	}
}

/* Looks at what was waiting, without the second looks of quieter times. */
static void settle_for_good(struct zw_agent *a)
{
	uint64_t since = zw_boottime_ns(), until = since + STOP_MAX_NS;

	a->stopping = true;
	if (!a->stopping_ns)
		a->stopping_ns = since;
	while (a->due.len && zw_boottime_ns() < until) {
		struct timespec pause = {.tv_nsec = (long)a->conf->settle_ns};

		ZW_VEC_FOREACH(z, &a->due)
			(*z)->due_ns = 1;
		(void)zw_agent_run_due(a);
		leave_settled(a, since);
		if (a->due.len)
			nanosleep(&pause, NULL);
	}
}

void zw_agent_stop(struct zw_agent *a)
{
	(void)zw_notify_stopping();
	/* What was seen is told, also what was waiting to settle. */
	(void)zw_agent_drain(a);
	settle_for_good(a);
	zw_agent_refusals_expire(a, zw_boottime_ns(), true);
	zw_agent_reads_run(a, zw_boottime_ns(), true);
	zw_agent_traffic_stop(a);
	zw_agent_answers_tick(a, zw_boottime_ns(), true);
	zw_agent_history_tick(a);
	zw_agent_expectations_save(a);
	report_stopped(a);
}
