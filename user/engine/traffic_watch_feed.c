/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who and what of traffic is in a feed. */
#include "engine/traffic_watch_impl.h"

/* What a list says of an entry, behind its name. */
static const char *tag_of(const struct zw_feed_match *match)
{
	return match->tag ? match->tag : "no more is said of it";
}

static void look_at_source(
	struct zw_watch *w, const struct zw_query_source *row, const struct zw_feeds *feeds)
{
	struct zw_traffic_source source = zw_traffic_source_of(row->family, row->addr);
	struct zw_alarm_sight sight = {
		.now_ns = w->now_ns, .queries = row->n.queries, .rate = row->n.queries};
	char text[ZW_TRAFFIC_KEY_MAX];
	struct zw_feed_match match;

	if (!row->n.queries || !zw_feeds_match_address(feeds, row->family, row->addr, &match))
		return;
	zw_traffic_key_text(ZW_TRAFFIC_SOURCE, &source, sizeof(source), text);
	zw_alarm_raise(w->alarms, "feed-source", text, NULL, &sight,
		"%s asks; the feed '%s' lists %s (%s)", text, match.feed, match.entry,
		tag_of(&match));
}

/* Grouped by what is listed, not by what is asked for: below a bad domain there are as many names as anybody likes. */
static void look_at_name(
	struct zw_watch *w, const struct zw_query_name *row, const struct zw_feeds *feeds)
{
	struct zw_alarm_sight sight = {
		.now_ns = w->now_ns, .queries = row->n.queries, .rate = row->n.queries};
	const struct name_asker *asker = zw_watch_asker_of(w, row->hash);
	char text[ZW_TRAFFIC_KEY_MAX], source[ZW_TRAFFIC_KEY_MAX] = "";
	struct zw_feed_match match;

	/* What is refused or does not exist anybody can ask for. */
	if (row->n.responses <= row->n.nxdomain + row->n.refused + row->n.servfail ||
		row->len > ZW_QUERY_NAME_BYTES || !zw_feeds_match_name(feeds, row->name, &match))
		return;
	zw_traffic_key_text(ZW_TRAFFIC_NAME, row->name, row->len, text);
	if (asker) {
		zw_traffic_key_text(ZW_TRAFFIC_SOURCE, &asker->first, sizeof(asker->first), source);
		sight.source = source;
	}
	zw_alarm_raise(w->alarms, "feed-query", match.entry, NULL, &sight,
		"%s was asked for%s%s; the feed '%s' lists %s (%s)", text,
		!asker          ? ""
		: asker->others ? ", first by "
				: " by ",
		source, match.feed, match.entry, tag_of(&match));
}

void zw_watch_feeds(
	struct zw_watch *w, const struct zw_query_book *reading, const struct zw_feeds *feeds)
{
	if (w->knobs.feed_source)
		ZW_VEC_FOREACH(row, &reading->sources)
			look_at_source(w, row, feeds);
	if (w->knobs.feed_query)
		ZW_VEC_FOREACH(row, &reading->names)
			look_at_name(w, row, feeds);
}
