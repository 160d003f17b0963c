/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traffic in a triage: the stored minutes of the period and of the days before it, and what they come to. */
#include "cli/triage.h"

#include <inttypes.h>

#include "base/clock.h"
#include "sink/history_traffic.h"
#include "sink/json_build.h"

#define DAY_NS (24 * 3600 * ZW_NSEC_PER_SEC)
#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
/* That are told; of --json all. */
#define SPIKES_SHOWN 10
/* Around a spike, for the commands that look at it. */
#define AROUND_NS (10 * MINUTE_NS)

static struct zw_triage_limits limits_of(const struct zw_rules_conf *rules, const char *rule)
{
	return (struct zw_triage_limits){.enabled = zw_rules_enabled(rules, rule),
		.queries = zw_rules_knob(rules, rule, "queries"),
		.percent = zw_rules_knob(rules, rule, "percent"),
		.deviations = zw_rules_knob(rules, rule, "deviations"),
		.warm_up_ns = zw_rules_knob(rules, rule, "warm_up")};
}

void zw_triage_take_limits(struct zw_triage_input *in, const struct zw_rules_conf *rules)
{
	in->spike = limits_of(rules, "traffic-spike");
	in->zone_spike = limits_of(rules, "domain-spike");
}

/* --- reading ------------------------------------------------------------------------------------------- */

static int add_minute(void *ctx, const struct zw_traffic_minute *minute)
{
	return zw_triage_add_minute(ctx, minute);
}

int zw_triage_read_traffic(struct zw_triage_view *view, struct zw_reader *reader)
{
	uint64_t since_ns = view->t->in.since_ns, learn_ns = ZW_TRIAGE_LEARN_DAYS * DAY_NS;
	struct zw_traffic_query query = {.since_ns = since_ns > learn_ns ? since_ns - learn_ns : 0,
		.until_ns = view->t->in.until_ns,
		.rows = true,
		.by = ZW_TRAFFIC_ZONE};
	int r = 0;

	/* Those are no events, so the journal has none. */
	if (view->o->journal)
		return 0;
	ZW_VEC_FOREACH(zone, &view->zones) {
		if (r == 0 && (!view->o->zone || zw_streq(zone->zone, view->o->zone_text)))
			r = zw_triage_watch_zone(view->t, zone->zone);
	}
	if (r == 0)
		r = zw_reader_traffic(reader, &query, add_minute, view->t);
	/* What a copy has is taken for all there is. */
	return r == 0 && !view->o->db ? zw_triage_end_minutes(view->t) : r;
}

/* --- telling ------------------------------------------------------------------------------------------- */

static void add_usual(struct zw_str *s, const struct zw_baseline_usual *usual)
{
	zw_str_addf(s, "; usual%s are %.0f, give or take %.0f",
		usual->hourly ? " at this hour" : "", usual->mean, usual->deviation);
}

static void add_spike(struct zw_triage_page *page, const struct zw_triage_view *view,
	const struct zw_triage_spike *spike)
{
	char when[ZW_HISTORY_TIME_MAX];
	struct zw_str s = {};

	zw_str_addf(&s, "%s  %" PRIu64 " queries in this minute",
		zw_history_time(&view->o->common, spike->peak_ns, when), spike->queries);
	if (spike->zone) {
		zw_str_add(&s, " for ");
		zw_triage_add_value(&s, spike->zone);
	} else {
		zw_str_add(&s, ", all together");
	}
	add_usual(&s, &spike->usual);
	if (spike->minutes > 1)
		zw_str_addf(&s, "; %" PRIu64 " minutes beyond it", spike->minutes);
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
}

static void add_peak(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	const struct zw_triage_peak *peak = &view->t->traffic.peak;
	char when[ZW_HISTORY_TIME_MAX];
	struct zw_str s = {};

	if (!peak->time_ns)
		return;
	zw_str_addf(&s,
		"%" PRIu64 " minute%s of traffic %s stored; the most queries are %" PRIu64
		" in the minute at %s",
		view->t->traffic.minutes, view->t->traffic.minutes == 1 ? "" : "s",
		view->t->traffic.minutes == 1 ? "is" : "are", peak->queries,
		zw_history_time(&view->o->common, peak->time_ns, when));
	if (peak->known)
		add_usual(&s, &peak->usual);
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
}

void zw_triage_page_traffic(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	uint64_t shown = 0;

	ZW_VEC_FOREACH(spike, &view->t->traffic.spikes)
		if (!spike->confirmed && shown++ < SPIKES_SHOWN)
			add_spike(page, view, spike);
	if (shown > SPIKES_SHOWN)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "and %" PRIu64 " more spikes",
			shown - SPIKES_SHOWN);
	add_peak(page, view);
}

static json_t *usual_value(bool known, const struct zw_baseline_usual *usual)
{
	_zw_json_ json_t *object = NULL;
	bool failed = false;

	if (!known)
		return json_null();
	object = json_object();
	zw_json_set(object, "mean", json_real(usual->mean), &failed);
	zw_json_set(object, "deviation", json_real(usual->deviation), &failed);
	zw_json_set(object, "minutes", zw_json_u64(usual->minutes), &failed);
	zw_json_set(object, "hourly", json_boolean(usual->hourly), &failed);
	return failed || !object ? NULL : ZW_TAKE(object);
}

static json_t *spike_value(const struct zw_triage_spike *spike)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "zone", zw_json_text(spike->zone), &failed);
	zw_json_set(object, "from", zw_json_time(spike->from_ns), &failed);
	zw_json_set(object, "to", zw_json_time(spike->to_ns + MINUTE_NS), &failed);
	zw_json_set(object, "minutes", zw_json_u64(spike->minutes), &failed);
	zw_json_set(object, "peak", zw_json_time(spike->peak_ns), &failed);
	zw_json_set(object, "queries", zw_json_u64(spike->queries), &failed);
	zw_json_set(object, "usual", usual_value(true, &spike->usual), &failed);
	zw_json_set(object, "confirmed", json_boolean(spike->confirmed), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

json_t *zw_triage_traffic_value(const struct zw_triage *t)
{
	const struct zw_triage_peak *peak = &t->traffic.peak;
	_zw_json_ json_t *object = json_object();
	json_t *spikes = json_array(), *most = peak->time_ns ? json_object() : json_null();
	bool failed = !object;

	zw_json_set(object, "minutes", zw_json_u64(t->traffic.minutes), &failed);
	if (peak->time_ns) {
		zw_json_set(most, "time", zw_json_time(peak->time_ns), &failed);
		zw_json_set(most, "queries", zw_json_u64(peak->queries), &failed);
		zw_json_set(most, "usual", usual_value(peak->known, &peak->usual), &failed);
	}
	zw_json_set(object, "peak", most, &failed);
	ZW_VEC_FOREACH(spike, &t->traffic.spikes)
		zw_json_append(spikes, spike_value(spike), &failed);
	zw_json_set(object, "spikes", spikes, &failed);
	zw_json_set(object, "spikes_not_kept", zw_json_u64(t->traffic.unkept), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

/* Who asked for what, then. */
void zw_triage_add_spike_command(
	struct zw_str *s, const struct zw_triage_options *o, const struct zw_triage_spike *spike)
{
	char since[48], until[48];
	_zw_str_ struct zw_str zone = {};

	snprintf(since, sizeof(since), "--since=@%llu",
		(unsigned long long)((spike->from_ns > AROUND_NS ? spike->from_ns - AROUND_NS : 0) /
				     ZW_NSEC_PER_SEC));
	snprintf(until, sizeof(until), "--until=@%llu",
		(unsigned long long)((spike->to_ns + AROUND_NS) / ZW_NSEC_PER_SEC));
	if (!spike->zone) {
		zw_triage_command(s, o, "traffic", since, until, "--by=source");
		return;
	}
	zw_str_addf(&zone, "--zone=%s", spike->zone);
	if (zone.failed)
		s->failed = true;
	else
		zw_triage_command(s, o, "traffic", since, until, "--by=name", zone.buf);
}
