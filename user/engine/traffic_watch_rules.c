/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is too much, of whom. Thresholds are in engine/rule_table_live.c. */
#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engine/traffic_watch_impl.h"

static const char *const rule_ids[] = {
	[RULE_RATE_LIMIT] = "rate-limit",
	[RULE_RATE_SOURCE] = "rate-source",
	[RULE_NXDOMAIN] = "nxdomain-rate",
	[RULE_REFUSED] = "refused-rate",
	[RULE_FLOOD] = "random-subdomain-flood",
	[RULE_TUNNEL] = "tunnelling",
	[RULE_DOMAIN_SPIKE] = "domain-spike",
	[RULE_TRAFFIC_SPIKE] = "traffic-spike",
};
static_assert(ZW_ARRAY_SIZE(rule_ids) == _WATCHED_RULE_MAX, "an id for every rule");

static void spike_knobs(
	const struct zw_rules_conf *rules, enum watched_rule rule, struct watch_knobs *knobs)
{
	const char *id = rule_ids[rule];

	knobs->spike[rule] = (struct spike_knobs){
		.queries = zw_rules_knob(rules, id, "queries"),
		.percent = zw_rules_knob(rules, id, "percent"),
		.deviations = zw_rules_knob(rules, id, "deviations"),
		.warm_up = zw_rules_knob(rules, id, "warm_up"),
	};
}

static struct failure_knobs failure_knobs(const struct zw_rules_conf *rules, enum watched_rule rule)
{
	const char *id = rule_ids[rule];

	return (struct failure_knobs){
		.answers = zw_rules_knob(rules, id, "answers"),
		.window = zw_rules_knob(rules, id, "window"),
		.percent = zw_rules_knob(rules, id, "percent"),
	};
}

void zw_watch_knobs(const struct zw_rules_conf *rules, struct watch_knobs *ret_knobs)
{
	const char *flood = rule_ids[RULE_FLOOD], *tunnel = rule_ids[RULE_TUNNEL];
	struct watch_knobs k = {
		.feed_query = zw_rules_enabled(rules, "feed-query"),
		.feed_source = zw_rules_enabled(rules, "feed-source"),
		.limit_qps = zw_rules_knob(rules, rule_ids[RULE_RATE_LIMIT], "qps"),
		.limit_window = zw_rules_knob(rules, rule_ids[RULE_RATE_LIMIT], "window"),
		.nxdomain = failure_knobs(rules, RULE_NXDOMAIN),
		.refused = failure_knobs(rules, RULE_REFUSED),
		.flood_window = zw_rules_knob(rules, flood, "window"),
		.flood_children = zw_rules_knob(rules, flood, "children"),
		.flood_qps = zw_rules_knob(rules, flood, "qps"),
		.flood_failed = zw_rules_knob(rules, flood, "failed"),
		.flood_per_child = zw_rules_knob(rules, flood, "per_child"),
		.tunnel_window = zw_rules_knob(rules, tunnel, "window"),
		.tunnel_label = zw_rules_knob(rules, tunnel, "label"),
		.tunnel_names = zw_rules_knob(rules, tunnel, "names"),
		.tunnel_failed = zw_rules_knob(rules, tunnel, "failed"),
		.tunnel_bytes = zw_rules_knob(rules, tunnel, "bytes"),
	};

	for (size_t i = 0; i < _WATCHED_RULE_MAX; i++)
		k.enabled[i] = zw_rules_enabled(rules, rule_ids[i]);
	spike_knobs(rules, RULE_RATE_SOURCE, &k);
	spike_knobs(rules, RULE_DOMAIN_SPIKE, &k);
	spike_knobs(rules, RULE_TRAFFIC_SPIKE, &k);
	*ret_knobs = k;
}

void zw_watched_text(const struct watched *e, char ret_text[static ZW_TRAFFIC_KEY_MAX])
{
	ret_text[0] = '\0';
	if (e->len)
		zw_traffic_key_text(e->class == WATCHED_ZONE ? ZW_TRAFFIC_ZONE : ZW_TRAFFIC_SOURCE,
			e->key, e->len, ret_text);
}

/* Adds to a window of that length, a new one when the last is over. */
static void window_add(
	struct window *window, uint64_t length_ns, uint64_t now_ns, const struct zw_counts *more)
{
	if (now_ns - window->from_ns >= length_ns)
		*window = (struct window){.from_ns = now_ns};
	zw_counts_add(&window->counts, more);
}

static uint64_t per_second(uint64_t n, const struct window *window, uint64_t now_ns)
{
	uint64_t seconds = (now_ns - window->from_ns) / ZW_NSEC_PER_SEC + 1;

	return n / seconds;
}

static unsigned int percent(uint64_t part, uint64_t all)
{
	return all ? (unsigned int)((double)part * 100 / (double)all) : 0;
}

/* One that has a finding of its own is counted for it from then on. */
static void keep(struct watched *e, enum watched_rule rule, struct zw_alarm *alarm)
{
	if (alarm && alarm->owner == e)
		e->alarm[rule] = alarm;
}

static struct zw_alarm_sight sight_of(
	const struct zw_watch *w, uint64_t queries, const struct window *window)
{
	return (struct zw_alarm_sight){.now_ns = w->now_ns,
		.queries = queries,
		.rate = per_second(queries, window, w->now_ns)};
}

/* --- sources ------------------------------------------------------------------------------------------- */

static void check_limit(struct zw_watch *w, struct watched *e)
{
	uint64_t n = e->burst.counts.n[ZW_COUNT_QUERIES];
	struct zw_alarm_sight sight = sight_of(w, n, &e->burst);
	char text[ZW_TRAFFIC_KEY_MAX];

	if (n < (double)w->knobs.limit_qps * (double)w->knobs.limit_window / ZW_NSEC_PER_SEC)
		return;
	zw_watched_text(e, text);
	keep(e, RULE_RATE_LIMIT,
		zw_alarm_raise(w->alarms, rule_ids[RULE_RATE_LIMIT], text, e, &sight,
			"%s asks %" PRIu64 " times a second", text, sight.rate));
}

static void check_failures(struct zw_watch *w, struct watched *e, enum watched_rule rule,
	const struct window *window, const struct failure_knobs *knobs)
{
	enum zw_count what = rule == RULE_NXDOMAIN ? ZW_COUNT_NXDOMAIN : ZW_COUNT_REFUSED;
	uint64_t n = window->counts.n[what], all = window->counts.n[ZW_COUNT_RESPONSES];
	struct zw_alarm_sight sight = sight_of(w, window->counts.n[ZW_COUNT_QUERIES], window);
	char text[ZW_TRAFFIC_KEY_MAX];

	if (n < knobs->answers || percent(n, all) < knobs->percent)
		return;
	zw_watched_text(e, text);
	keep(e, rule,
		zw_alarm_raise(w->alarms, rule_ids[rule], text, e, &sight,
			"%u %% of the answers to %s are %s: %" PRIu64 " within %" PRIu64 " s",
			percent(n, all), text, rule == RULE_NXDOMAIN ? "NXDOMAIN" : "REFUSED", n,
			(uint64_t)((w->now_ns - window->from_ns) / ZW_NSEC_PER_SEC + 1)));
}

void zw_watch_address(struct zw_watch *w, struct watched *e, const struct zw_counts *more)
{
	const struct watch_knobs *k = &w->knobs;

	if (k->enabled[RULE_RATE_LIMIT]) {
		window_add(&e->burst, k->limit_window, w->now_ns, more);
		check_limit(w, e);
	}
	if (k->enabled[RULE_NXDOMAIN]) {
		window_add(&e->nxdomain, k->nxdomain.window, w->now_ns, more);
		check_failures(w, e, RULE_NXDOMAIN, &e->nxdomain, &k->nxdomain);
	}
	if (k->enabled[RULE_REFUSED]) {
		window_add(&e->refused, k->refused.window, w->now_ns, more);
		check_failures(w, e, RULE_REFUSED, &e->refused, &k->refused);
	}
}

/* --- what is usual ------------------------------------------------------------------------------------- */

/* Queries in this minute that are too many; a minute's worth is never so many while nothing is known. */
static double limit_of(struct zw_watch *w, struct watched *e, enum zw_baseline_class class,
	const struct spike_knobs *knobs, const char *text)
{
	if (!zw_baselines_usual(
		    w->options.baselines, class, text, w->real_ns, knobs->warm_up, &e->usual))
		return 1e300;
	return zw_baseline_limit(&e->usual, knobs->queries, knobs->percent, knobs->deviations);
}

static void check_spike(struct zw_watch *w, struct watched *e, enum watched_rule rule,
	enum zw_baseline_class class, const char *what)
{
	const struct spike_knobs *knobs = &w->knobs.spike[rule];
	char text[ZW_TRAFFIC_KEY_MAX];

	if (!w->knobs.enabled[rule] || e->minute < knobs->queries)
		return;
	if (e->limit > 0 && (double)e->minute < e->limit)
		return;
	zw_watched_text(e, text);
	if (e->limit <= 0)
		e->limit = limit_of(w, e, class, knobs, text);
	if ((double)e->minute < e->limit)
		return;
	keep(e, rule,
		zw_alarm_raise(w->alarms, rule_ids[rule], text, e,
			&(struct zw_alarm_sight){
				.now_ns = w->now_ns, .queries = e->minute, .rate = e->peak},
			"%" PRIu64 " queries %s%s in this minute so far; usual%s are %.0f a minute,"
			" give or take %.0f",
			e->minute, what, text, e->usual.hourly ? " at this hour" : "",
			e->usual.mean, e->usual.deviation));
}

void zw_watch_net(struct zw_watch *w, struct watched *e, const struct zw_counts *more)
{
	(void)more;
	check_spike(w, e, RULE_RATE_SOURCE, ZW_BASELINE_SOURCE, "from ");
}

void zw_watch_host(struct zw_watch *w, const struct zw_counts *more)
{
	(void)more;
	check_spike(w, w->host, RULE_TRAFFIC_SPIKE, ZW_BASELINE_HOST, "all together");
}

/* --- zones --------------------------------------------------------------------------------------------- */

static uint64_t failures(const struct zw_counts *c)
{
	uint64_t answered = c->n[ZW_COUNT_RESPONSES], queries = c->n[ZW_COUNT_QUERIES];

	return c->n[ZW_COUNT_NXDOMAIN] + c->n[ZW_COUNT_SERVFAIL] + c->n[ZW_COUNT_REFUSED] +
	       (queries > answered ? queries - answered : 0);
}

static void check_flood(struct zw_watch *w, struct watched *e)
{
	const struct window *window = &e->names->flood;
	const struct watch_knobs *k = &w->knobs;
	uint64_t queries = window->counts.n[ZW_COUNT_QUERIES], children;
	struct zw_alarm_sight sight = sight_of(w, queries, window);
	unsigned int failed = percent(failures(&window->counts), queries);
	char text[ZW_TRAFFIC_KEY_MAX];

	if (queries < (double)k->flood_qps * (double)k->flood_window / ZW_NSEC_PER_SEC ||
		failed < k->flood_failed)
		return;
	children = zw_query_estimate(e->names->names, sizeof(e->names->names));
	if (children < k->flood_children || queries * 100 > children * k->flood_per_child)
		return;
	zw_watched_text(e, text);
	keep(e, RULE_FLOOD,
		zw_alarm_raise(w->alarms, rule_ids[RULE_FLOOD], text, e, &sight,
			"about %" PRIu64 " names below %s were asked for, %" PRIu64
			" times a second; %u %% failed",
			children, text, sight.rate, failed));
}

/* @hash: of the zone. */
static void check_tunnel(struct zw_watch *w, struct watched *e, uint64_t hash)
{
	struct watched_names *n = e->names;
	const struct watch_knobs *k = &w->knobs;
	uint64_t queries = n->long_counts.n[ZW_COUNT_QUERIES], names, bytes;
	struct zw_watch_askers askers = {};
	struct zw_alarm_sight sight;
	char text[ZW_TRAFFIC_KEY_MAX];

	if (queries < k->tunnel_names ||
		percent(failures(&n->long_counts), queries) > k->tunnel_failed)
		return;
	bytes = n->long_counts.n[ZW_COUNT_IN_BYTES] + n->long_counts.n[ZW_COUNT_OUT_BYTES];
	names = zw_query_estimate(n->long_names, sizeof(n->long_names));
	if (names < k->tunnel_names || bytes < k->tunnel_bytes)
		return;
	zw_watched_text(e, text);
	sight = sight_of(w, queries, &n->tunnel);
	if (!e->alarm[RULE_TUNNEL])
		zw_watch_who(w, hash, k->tunnel_label, w->now_ns - k->tunnel_window, &askers);
	sight.source = askers.source[0] ? askers.source : NULL;
	keep(e, RULE_TUNNEL,
		zw_alarm_raise(w->alarms, rule_ids[RULE_TUNNEL], text, e, &sight,
			"about %" PRIu64
			" names below %s with labels of up to %u octets were asked for"
			" and answered, %" PRIu64 " octets%s",
			names, text, n->longest, bytes, askers.text));
}

/* The highest that either has seen of each. */
static void merge(uint8_t *to, const uint8_t *from)
{
	for (size_t i = 0; i < ZW_QUERY_ZONE_REGISTERS; i++)
		if (from[i] > to[i])
			to[i] = from[i];
}

void zw_watch_zone(struct zw_watch *w, struct watched *e, const struct zw_query_zone *row,
	const struct zw_counts *frequent)
{
	struct zw_counts rare = zw_traffic_counts_of(&row->n);
	struct watched_names *n = e->names;

	for (size_t i = 0; i < _ZW_COUNT_MAX; i++)
		rare.n[i] -= rare.n[i] > frequent->n[i] ? frequent->n[i] : rare.n[i];

	if (w->knobs.enabled[RULE_FLOOD]) {
		if (w->now_ns - n->flood.from_ns >= w->knobs.flood_window)
			memset(n->names, 0, sizeof(n->names));
		window_add(&n->flood, w->knobs.flood_window, w->now_ns, &rare);
		merge(n->names, row->names);
		check_flood(w, e);
	}
	if (w->knobs.enabled[RULE_TUNNEL] &&
		w->now_ns - n->tunnel.from_ns >= w->knobs.tunnel_window) {
		n->tunnel = (struct window){.from_ns = w->now_ns};
		memset(n->long_names, 0, sizeof(n->long_names));
		n->long_counts = (struct zw_counts){};
		n->longest = 0;
	}
	if (n->served)
		check_spike(w, e, RULE_DOMAIN_SPIKE, ZW_BASELINE_ZONE, "for ");
}

/* As distinct names are counted in the kernel: a register keeps the rarest pattern (Flajolet et al. 2007). */
static void registers_add(uint8_t *registers, uint64_t hash)
{
	uint64_t mixed = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (mixed >> 56) % ZW_QUERY_ZONE_REGISTERS;
	uint64_t rest = mixed & ((UINT64_C(1) << 56) - 1);
	uint8_t rank = (uint8_t)(rest ? __builtin_ctzll(rest) + 1 : 57);

	if (rank > registers[at])
		registers[at] = rank;
}

void zw_watch_long_name(struct zw_watch *w, struct watched *zone, const struct zw_query_name *row)
{
	struct zw_counts more = zw_traffic_counts_of(&row->n);
	struct watched_names *n = zone->names;

	if (!w->knobs.enabled[RULE_TUNNEL] || !row->n.queries)
		return;
	registers_add(n->long_names, row->hash);
	zw_counts_add(&n->long_counts, &more);
	if (row->longest > n->longest)
		n->longest = row->longest;
	check_tunnel(w, zone, row->zone);
}
