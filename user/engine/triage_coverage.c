/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When was it blind, and what did it lack to judge by? As far as the events themselves tell: the history may be a copy,
 * far from the agent that wrote it. */
#include "engine/triage_impl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BIT(question) (1U << (question))
#define RECORDS (BIT(ZW_TRIAGE_ALTERED) | BIT(ZW_TRIAGE_DIVERTED) | BIT(ZW_TRIAGE_LISTED))
#define ALL (RECORDS | BIT(ZW_TRIAGE_TRAFFIC))

/* Moments of one kind that are told one by one; later ones are taken together. */
#define MOMENTS_MAX 20

static const unsigned int leaves_open[] = {
	[ZW_TRIAGE_NOT_BEGUN] = ALL,
	[ZW_TRIAGE_STOPPED] = ALL,
	[ZW_TRIAGE_KILLED] = ALL,
	[ZW_TRIAGE_LOST] = RECORDS,
	[ZW_TRIAGE_UNREADABLE] = RECORDS,
	[ZW_TRIAGE_NO_POLICY] = BIT(ZW_TRIAGE_ALTERED),
	[ZW_TRIAGE_NO_FEEDS] = BIT(ZW_TRIAGE_LISTED),
	[ZW_TRIAGE_NO_TRAFFIC] = BIT(ZW_TRIAGE_TRAFFIC),
	[ZW_TRIAGE_NO_MINUTES] = BIT(ZW_TRIAGE_TRAFFIC),
	[ZW_TRIAGE_NO_BASELINE] = BIT(ZW_TRIAGE_TRAFFIC),
};
static_assert(ZW_ARRAY_SIZE(leaves_open) == _ZW_TRIAGE_GAP_MAX, "what every gap leaves open");

/* What the agent says it had to go by, at its start and when its configuration changed. */
static const struct {
	enum zw_triage_gap_kind kind;
	const char *count;
} conditions[] = {
	{ZW_TRIAGE_NO_FEEDS, ZW_TRIAGE_COUNT_FEEDS},
	{ZW_TRIAGE_NO_TRAFFIC, ZW_TRIAGE_COUNT_TRAFFIC},
};

int zw_triage_add_gap(struct zw_triage *t, enum zw_triage_gap_kind kind, uint64_t from_ns,
	uint64_t to_ns, char *detail)
{
	_zw_free_ char *owned = detail;
	struct zw_triage_gap gap = {.kind = kind, .questions = leaves_open[kind], .detail = detail};
	int r;

	gap.from_ns = from_ns < t->in.since_ns ? t->in.since_ns : from_ns;
	gap.to_ns = to_ns > t->in.until_ns ? t->in.until_ns : to_ns;
	if (to_ns < t->in.since_ns || gap.from_ns > gap.to_ns)
		return 0;
	r = zw_vec_push(&t->gaps, gap);
	if (r == 0)
		(void)ZW_TAKE(owned);
	return r;
}

static const struct zw_report_count *find_count(const struct zw_report *report, const char *name)
{
	for (size_t i = 0; i < report->counts; i++)
		if (zw_streq(report->count[i].name, name))
			return &report->count[i];
	return NULL;
}

static int take_conditions(struct zw_triage *t, const struct zw_report *report)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(conditions); i++) {
		uint64_t *since = &t->agent.lacks[conditions[i].kind];
		const struct zw_report_count *count = find_count(report, conditions[i].count);
		int r;

		if (!count || count->value == 0) {
			if (!*since)
				*since = report->time_ns;
			continue;
		}
		r = *since ? zw_triage_add_gap(t, conditions[i].kind, *since, report->time_ns, NULL)
			   : 0;
		if (r < 0)
			return r;
		*since = 0;
	}
	return 0;
}

static int came_up(struct zw_triage *t, const struct zw_report *report)
{
	uint64_t from = 0;
	enum zw_triage_gap_kind kind = ZW_TRIAGE_NOT_BEGUN;

	if (t->agent.known) {
		kind = t->agent.up ? ZW_TRIAGE_KILLED : ZW_TRIAGE_STOPPED;
		from = t->agent.up ? t->agent.last_ns : t->agent.since_ns;
	}
	t->agent.known = t->agent.up = true;
	t->agent.since_ns = report->time_ns;
	return zw_triage_add_gap(t, kind, from, report->time_ns, NULL);
}

/* Too many moments of one kind become one stretch. */
static int add_moment(struct zw_triage *t, enum zw_triage_gap_kind kind, uint64_t time_ns,
	const struct zw_str *detail)
{
	struct zw_triage_gap *last = NULL;
	size_t n = 0;
	char *copy;

	if (detail->failed)
		return -ENOMEM;
	ZW_VEC_FOREACH(gap, &t->gaps)
		if (gap->kind == kind) {
			last = gap;
			n++;
		}
	if (n >= MOMENTS_MAX) {
		if (time_ns > last->to_ns && time_ns <= t->in.until_ns)
			last->to_ns = time_ns;
		return 0;
	}
	copy = strdup(detail->len ? detail->buf : "");
	return copy ? zw_triage_add_gap(t, kind, time_ns, time_ns, copy) : -ENOMEM;
}

static int lost(struct zw_triage *t, const struct zw_report *report)
{
	_zw_str_ struct zw_str s = {};

	for (size_t i = 0; i < report->counts; i++)
		if (report->count[i].value)
			zw_str_addf(&s, "%s%s %" PRIu64, s.len ? ", " : "", report->count[i].name,
				report->count[i].value);
	return add_moment(t, ZW_TRIAGE_LOST, report->time_ns, &s);
}

static int unreadable(struct zw_triage *t, const struct zw_report *report)
{
	_zw_str_ struct zw_str s = {};

	zw_str_addf(&s, "%s: %s", report->zone ? report->zone : "?",
		report->error ? report->error : "it cannot be read");
	return add_moment(t, ZW_TRIAGE_UNREADABLE, report->time_ns, &s);
}

int zw_triage_cover(struct zw_triage *t, const struct zw_report *report)
{
	bool within = report->time_ns >= t->in.since_ns;
	int r = 0;

	switch (report->action) {
	case ZW_ACTION_AGENT_READY:
		r = came_up(t, report);
		if (r == 0)
			r = take_conditions(t, report);
		break;
	case ZW_ACTION_AGENT_STOPPED:
		t->agent.known = true;
		t->agent.up = false;
		t->agent.since_ns = report->time_ns;
		break;
	case ZW_ACTION_CONFIG_CHANGE:
		/* The agent's own; those of servers have no such counts. */
		if (find_count(report, ZW_TRIAGE_COUNT_ADMINS))
			r = take_conditions(t, report);
		break;
	case ZW_ACTION_EVENTS_LOST:
		r = within ? lost(t, report) : 0;
		break;
	case ZW_ACTION_ZONE_UNREADABLE:
		r = within ? unreadable(t, report) : 0;
		break;
	default:
		break;
	}
	if (report->time_ns > t->agent.last_ns)
		t->agent.last_ns = report->time_ns;
	return r;
}

static int by_time(const void *a, const void *b)
{
	const struct zw_triage_gap *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

void zw_triage_sort_gaps(struct zw_triage *t)
{
	if (t->gaps.len)
		qsort(t->gaps.items, t->gaps.len, sizeof(*t->gaps.items), by_time);
}

int zw_triage_cover_end(struct zw_triage *t)
{
	uint64_t end = t->in.until_ns;
	int r = 0;

	if (!t->agent.known)
		r = zw_triage_add_gap(t, ZW_TRIAGE_NOT_BEGUN, 0, end, NULL);
	else if (!t->agent.up)
		r = zw_triage_add_gap(t, ZW_TRIAGE_STOPPED, t->agent.since_ns, end, NULL);
	else if (!t->in.running)
		r = zw_triage_add_gap(t, ZW_TRIAGE_KILLED, t->agent.last_ns, end, NULL);
	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(conditions); i++) {
		uint64_t since = t->agent.lacks[conditions[i].kind];

		if (since)
			r = zw_triage_add_gap(t, conditions[i].kind, since, end, NULL);
	}
	if (r == 0 && t->unjudged) {
		r = zw_triage_add_gap(t, ZW_TRIAGE_NO_POLICY, t->agent.first_unjudged_ns,
			t->agent.last_unjudged_ns, NULL);
		if (r == 0 && t->gaps.len)
			t->gaps.items[t->gaps.len - 1].events = t->unjudged;
	}
	zw_triage_sort_gaps(t);
	return r;
}
