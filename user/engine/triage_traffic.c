/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Was there an unusual spike? The stored minutes are gone through as the agent did, from some days before the period on: each
 * is compared with what was usual until then, and learned. So the answer does not hang on what the rules told of at the
 * time, and can be had of a copy. */
#include "engine/triage_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
/* A minute in which some second was not watched teaches nothing. */
#define WHOLE_SECONDS 59
/* A minute is stored when it is over; an agent that is busy is late. */
#define SLACK_NS (3 * MINUTE_NS)
/* Minutes no further apart are of one spike. */
#define APART_NS (10 * MINUTE_NS)
#define SPIKES_MAX 100
/* What was acknowledged began when the spike did, about. */
#define ACKNOWLEDGED_NS (60 * MINUTE_NS)
/* A zone that is none of the largest of a minute is in none of its rows: what the least of those has, as usual, is kept
 * among the sources, which have nothing else here. */
#define LEAST_KEY "least"

int zw_triage_watch_zone(struct zw_triage *t, const char *zone)
{
	return zw_map_put(t->traffic.zones, zone, strlen(zone), t, NULL);
}

static int open_baselines(struct zw_triage *t)
{
	return t->traffic.baselines ? 0 : zw_baselines_new(&t->traffic.baselines);
}

/* --- one minute ---------------------------------------------------------------------------------------- */

/* Minutes of one spike are one. @zone NULL: all together. */
static int add_spike(struct zw_triage *t, uint64_t time_ns, const char *zone, uint64_t queries,
	const struct zw_baseline_usual *usual)
{
	struct zw_triage_spike spike = {.from_ns = time_ns,
		.to_ns = time_ns,
		.peak_ns = time_ns,
		.queries = queries,
		.minutes = 1,
		.usual = *usual};
	int r;

	for (size_t i = t->traffic.spikes.len; i-- > 0;) {
		struct zw_triage_spike *s = &t->traffic.spikes.items[i];

		if (!s->zone != !zone || (zone && !zw_streq(s->zone, zone)) ||
			time_ns - s->to_ns > APART_NS)
			continue;
		s->to_ns = time_ns;
		s->minutes++;
		if (queries > s->queries) {
			s->queries = queries;
			s->peak_ns = time_ns;
		}
		return 0;
	}
	if (t->traffic.spikes.len == SPIKES_MAX) {
		t->traffic.unkept++;
		return 0;
	}
	if (zone && !(spike.zone = strdup(zone)))
		return -ENOMEM;
	r = zw_vec_push(&t->traffic.spikes, spike);
	if (r < 0)
		free(spike.zone);
	return r;
}

/* So many that it could be a spike, but what is usual is not known. */
static int add_unknown(struct zw_triage *t, uint64_t time_ns, const char *zone, uint64_t queries)
{
	if (!t->traffic.unknown_from_ns)
		t->traffic.unknown_from_ns = time_ns;
	t->traffic.unknown_to_ns = time_ns + MINUTE_NS;
	if (queries <= t->traffic.unknown_queries)
		return 0;
	t->traffic.unknown_queries = queries;
	free(t->traffic.unknown_zone);
	t->traffic.unknown_zone = zone ? strdup(zone) : NULL;
	return zone && !t->traffic.unknown_zone ? -ENOMEM : 0;
}

/* A zone that nobody asked for while everything was watched is usually not asked for. */
static bool usual_of(const struct zw_triage *t, enum zw_baseline_class class, const char *zone,
	uint64_t time_ns, uint64_t warm_up_ns, struct zw_baseline_usual *ret_usual)
{
	const struct zw_baselines *b = t->traffic.baselines;
	struct zw_baseline_usual all;

	if (zw_baselines_usual(b, class, zone ? zone : "", time_ns, warm_up_ns, ret_usual))
		return true;
	if (!zone || !zw_baselines_usual(b, ZW_BASELINE_HOST, "", time_ns, warm_up_ns, &all))
		return false;
	if (!zw_baselines_usual(b, class, zone, time_ns, 0, ret_usual))
		*ret_usual = (struct zw_baseline_usual){.minutes = all.minutes};
	return true;
}

static int look(struct zw_triage *t, uint64_t time_ns, const char *zone, uint64_t queries)
{
	const struct zw_triage_limits *limits = zone ? &t->in.zone_spike : &t->in.spike;
	enum zw_baseline_class class = zone ? ZW_BASELINE_ZONE : ZW_BASELINE_HOST;
	struct zw_baseline_usual usual, least;

	if (!limits->enabled || queries < limits->queries)
		return 0;
	if (!usual_of(t, class, zone, time_ns, limits->warm_up_ns, &usual))
		return add_unknown(t, time_ns, zone, queries);
	if ((double)queries <
		zw_baseline_limit(&usual, limits->queries, limits->percent, limits->deviations))
		return 0;
	/* As much may have gone unlisted, as usual. */
	if (zone &&
		zw_baselines_usual(
			t->traffic.baselines, ZW_BASELINE_SOURCE, LEAST_KEY, time_ns, 0, &least) &&
		(double)queries < zw_baseline_limit(&least, limits->queries, limits->percent,
					  limits->deviations))
		return 0;
	return add_spike(t, time_ns, zone, queries, &usual);
}

static void note_peak(struct zw_triage *t, uint64_t time_ns, uint64_t queries)
{
	struct zw_triage_peak *peak = &t->traffic.peak;

	if (peak->time_ns && queries <= peak->queries)
		return;
	*peak = (struct zw_triage_peak){.time_ns = time_ns, .queries = queries};
	peak->known = zw_baselines_usual(t->traffic.baselines, ZW_BASELINE_HOST, "", time_ns,
		t->in.spike.warm_up_ns, &peak->usual);
}

static int compare(struct zw_triage *t, const struct zw_traffic_minute *m)
{
	const struct zw_traffic_rows *rows = &m->rows[ZW_TRAFFIC_ZONE];
	uint64_t all = m->total.counts.n[ZW_COUNT_QUERIES];
	int r = 0;

	t->traffic.minutes++;
	if (!t->in.one_zone) {
		note_peak(t, m->time_ns, all);
		r = look(t, m->time_ns, NULL, all);
	}
	for (size_t i = 0; i < rows->len && r == 0; i++) {
		const struct zw_traffic_row *row = &rows->items[i];

		if (zw_map_get(t->traffic.zones, row->key, strlen(row->key)))
			r = look(t, m->time_ns, row->key, row->counts.n[ZW_COUNT_QUERIES]);
	}
	return r;
}

static void learn(struct zw_triage *t, const struct zw_traffic_minute *m)
{
	const struct zw_traffic_rows *rows = &m->rows[ZW_TRAFFIC_ZONE];
	struct zw_baselines *b = t->traffic.baselines;
	uint64_t least = UINT64_MAX, others = 0;

	zw_baselines_begin(b, m->time_ns);
	zw_baselines_learn(b, ZW_BASELINE_HOST, "", m->total.counts.n[ZW_COUNT_QUERIES]);
	ZW_VEC_FOREACH(row, rows) {
		uint64_t n = row->counts.n[ZW_COUNT_QUERIES];

		if (!row->key[0])
			others = n;
		else if (n < least)
			least = n;
		if (zw_map_get(t->traffic.zones, row->key, strlen(row->key)))
			zw_baselines_learn(b, ZW_BASELINE_ZONE, row->key, n);
	}
	zw_baselines_learn(b, ZW_BASELINE_SOURCE, LEAST_KEY, others < least ? others : least);
}

/* --- minutes that are missing -------------------------------------------------------------------------- */

static int note_hole(struct zw_triage *t, uint64_t until_ns)
{
	uint64_t from_ns =
		t->traffic.seen_ns > t->in.since_ns ? t->traffic.seen_ns : t->in.since_ns;
	struct zw_triage_hole hole = {from_ns, until_ns};

	return until_ns > from_ns && until_ns - from_ns > SLACK_NS
		       ? zw_vec_push(&t->traffic.holes, hole)
		       : 0;
}

int zw_triage_add_minute(struct zw_triage *t, const struct zw_traffic_minute *m)
{
	bool within = m->time_ns + MINUTE_NS > t->in.since_ns && m->time_ns < t->in.until_ns;
	int r = open_baselines(t);

	if (r == 0 && within) {
		r = note_hole(t, m->time_ns);
		t->traffic.seen_ns = m->time_ns + MINUTE_NS;
	}
	if (r == 0 && within)
		r = compare(t, m);
	if (r == 0 && m->seconds >= WHOLE_SECONDS)
		learn(t, m);
	return r;
}

int zw_triage_end_minutes(struct zw_triage *t)
{
	return note_hole(t, t->in.until_ns);
}

/* --- conclusions --------------------------------------------------------------------------------------- */

/* Of a time that nobody watched the gap says more. */
static bool is_explained(const struct zw_triage *t, const struct zw_triage_hole *hole)
{
	ZW_VEC_FOREACH(gap, &t->gaps)
		if (gap->questions & (1U << ZW_TRIAGE_TRAFFIC) && gap->from_ns < hole->to_ns &&
			gap->to_ns > hole->from_ns)
			return true;
	return false;
}

static bool is_acknowledged(const struct zw_triage *t, const struct zw_triage_spike *s)
{
	ZW_VEC_FOREACH(e, &t->events) {
		if (!e->confirmed || !(e->questions & (1U << ZW_TRIAGE_TRAFFIC)) ||
			!e->zone != !s->zone || (s->zone && !zw_streq(e->zone, s->zone)))
			continue;
		if (e->time_ns + ACKNOWLEDGED_NS > s->from_ns &&
			e->time_ns < s->to_ns + ACKNOWLEDGED_NS)
			return true;
	}
	return false;
}

static int tell_unknown(struct zw_triage *t)
{
	const char *zone = t->traffic.unknown_zone;
	char *detail;

	if (!t->traffic.unknown_from_ns)
		return 0;
	detail = zw_asprintf("up to %" PRIu64 " queries a minute%s%s", t->traffic.unknown_queries,
		zone ? " for " : "", zone ? zone : "");
	return detail ? zw_triage_add_gap(t, ZW_TRIAGE_NO_BASELINE, t->traffic.unknown_from_ns,
				t->traffic.unknown_to_ns, detail)
		      : -ENOMEM;
}

int zw_triage_conclude_traffic(struct zw_triage *t)
{
	size_t known = t->gaps.len;
	int r = 0;

	ZW_VEC_FOREACH(hole, &t->traffic.holes) {
		if (r < 0 || is_explained(t, hole))
			continue;
		r = zw_triage_add_gap(t, ZW_TRIAGE_NO_MINUTES, hole->from_ns, hole->to_ns, NULL);
	}
	if (r == 0)
		r = tell_unknown(t);
	if (r == 0 && t->gaps.len > known)
		zw_triage_sort_gaps(t);
	ZW_VEC_FOREACH(s, &t->traffic.spikes) {
		s->confirmed = is_acknowledged(t, s);
		t->traffic.told += !s->confirmed;
	}
	return r;
}

void zw_triage_traffic_done(struct zw_triage *t)
{
	ZW_VEC_FOREACH(s, &t->traffic.spikes)
		free(s->zone);
	zw_vec_free(&t->traffic.spikes);
	zw_vec_free(&t->traffic.holes);
	free(t->traffic.unknown_zone);
	zw_map_free(t->traffic.zones);
	zw_baselines_free(t->traffic.baselines);
}
