/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Totals of a log: by whom, where, and how it was judged. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/hash.h"
#include "cli/log.h"
#include "sink/clean.h"
#include "sink/human.h"
#include "sink/json_build.h"

/* Lines of one list for people; --json has all. */
#define LINES_MAX 20

struct total {
	char *name;
	uint64_t events;
};

/* Totals by what they are of. */
struct group {
	const char *title, *member; /* for people, in JSON */
	struct zw_map *map;         /* name -> struct total */
	ZW_VEC(struct total *) items;
};

enum {
	BY_ACTOR,
	BY_ZONE,
	BY_VERDICT,
	_BY_MAX,
};

struct stat {
	struct group group[_BY_MAX];
	struct zw_reader_zones zones;
	uint64_t events, first_ns, last_ns;
};

static void stat_done(struct stat *stat)
{
	for (size_t i = 0; i < _BY_MAX; i++) {
		struct group *g = &stat->group[i];

		ZW_VEC_FOREACH(total, &g->items) {
			free((*total)->name);
			free(*total);
		}
		zw_vec_free(&g->items);
		if (g->map)
			zw_map_free(g->map);
	}
	zw_reader_zones_done(&stat->zones);
}

static int count(struct group *g, const char *name)
{
	struct total *total = zw_map_get(g->map, name, strlen(name));
	int r;

	if (!total) {
		total = calloc(1, sizeof(*total));
		if (!total)
			return -ENOMEM;
		total->name = strdup(name);
		r = total->name ? zw_vec_push(&g->items, total) : -ENOMEM;
		if (r < 0) {
			free(total->name);
			free(total);
			return r;
		}
		r = zw_map_put(g->map, name, strlen(name), total, NULL);
		if (r < 0)
			return r;
	}
	total->events++;
	return 0;
}

/* The principal, as far as the index knows it: "alice", "uid 1000", "198.51.100.9 key ddns-key". */
static int count_actor(struct stat *stat, struct zw_log_query *query, const struct zw_log_row *row)
{
	struct zw_log_who who = {.uid = -1};
	_zw_str_ struct zw_str name = {};
	int r = zw_log_query_who(query, &who);

	if (r < 0)
		return r;
	if (r == 0 || row->attribution == ZW_ATTRIBUTION_NONE)
		zw_str_add(&name, row->action == ZW_ACTION_RECORD_CHANGE ? "nobody seen" : "-");
	else if (row->attribution == ZW_ATTRIBUTION_AMBIGUOUS)
		zw_str_add(&name, "one of several");
	else if (who.user)
		zw_str_add(&name, who.user);
	else if (who.uid >= 0)
		zw_str_addf(&name, "uid %" PRId64, who.uid);
	else
		zw_str_add(&name, who.peer[0] ? who.peer : "the server");
	if (who.tsig_key)
		zw_str_addf(&name, " key %s", who.tsig_key);
	return name.failed ? -ENOMEM : count(&stat->group[BY_ACTOR], name.buf);
}

static int count_zone(struct stat *stat, const struct zw_log_row *row)
{
	const char *name = "-";

	ZW_VEC_FOREACH(zone, &stat->zones)
		if (zone->id == row->zone_id)
			name = zone->zone;
	return count(&stat->group[BY_ZONE], name);
}

static int count_row(struct stat *stat, struct zw_log_query *query, const struct zw_log_row *row)
{
	bool change = row->action == ZW_ACTION_RECORD_CHANGE;
	int r = count_actor(stat, query, row);

	if (r == 0)
		r = count_zone(stat, row);
	if (r == 0)
		r = count(&stat->group[BY_VERDICT], change ? zw_verdict_to_string(row->verdict)
							   : zw_action_to_string(row->action));
	if (stat->events++ == 0)
		stat->first_ns = stat->last_ns = row->time_ns;
	if (row->time_ns < stat->first_ns)
		stat->first_ns = row->time_ns;
	if (row->time_ns > stat->last_ns)
		stat->last_ns = row->time_ns;
	return r;
}

static int by_events(const void *a, const void *b)
{
	const struct total *x = *(struct total *const *)a, *y = *(struct total *const *)b;

	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int collect(const struct zw_log_options *o, struct zw_reader *reader, struct stat *stat,
	struct zw_log_totals *totals)
{
	_zw_log_query_ struct zw_log_query *query = NULL;
	uint64_t left = o->limit ? o->limit : UINT64_MAX;
	struct zw_log_row row;
	int r = 0;

	for (size_t i = 0; i < _BY_MAX && r == 0; i++)
		r = zw_map_new(&stat->group[i].map);
	if (r == 0)
		r = zw_reader_zones(reader, NULL, &stat->zones);
	if (r == 0)
		r = zw_log_query_new(reader, &o->filter, &query);
	while (r == 0 && left-- > 0 && (r = zw_log_query_next(query, &row)) > 0) {
		totals->alarming |= zw_log_is_alarming(&row);
		r = count_row(stat, query, &row);
	}
	for (size_t i = 0; i < _BY_MAX; i++)
		if (stat->group[i].items.len > 0)
			qsort(stat->group[i].items.items, stat->group[i].items.len,
				sizeof(struct total *), by_events);
	return r;
}

static void add_text(struct zw_str *s, const struct zw_log_options *o, const struct stat *stat)
{
	char first[ZW_HISTORY_TIME_MAX], last[ZW_HISTORY_TIME_MAX];

	zw_str_addf(s, "%" PRIu64 " event%s", stat->events, stat->events == 1 ? "" : "s");
	if (stat->events > 0)
		zw_str_addf(s, " from %s to %s", zw_history_time(&o->common, stat->first_ns, first),
			zw_history_time(&o->common, stat->last_ns, last));
	zw_str_add_char(s, '\n');
	for (size_t i = 0; i < _BY_MAX && stat->events > 0; i++) {
		const struct group *g = &stat->group[i];
		size_t shown = 0;

		zw_str_add_char(s, '\n');
		zw_human_tone(s, o->colour, ZW_TONE_BOLD, g->title);
		zw_str_add_char(s, '\n');
		ZW_VEC_FOREACH(total, &g->items) {
			if (shown++ == LINES_MAX)
				break;
			zw_str_addf(s, "%10" PRIu64 "  ", (*total)->events);
			zw_clean_add(s, (*total)->name);
			zw_str_add_char(s, '\n');
		}
		if (g->items.len > LINES_MAX)
			zw_str_addf(s, "            and %zu more\n", g->items.len - LINES_MAX);
	}
}

static void add_json(struct zw_str *s, const struct stat *stat)
{
	_zw_json_ json_t *root = json_object();
	bool failed = !root;

	zw_json_set(root, "events", zw_json_u64(stat->events), &failed);
	zw_json_set(
		root, "first", stat->events ? zw_json_time(stat->first_ns) : json_null(), &failed);
	zw_json_set(
		root, "last", stat->events ? zw_json_time(stat->last_ns) : json_null(), &failed);
	for (size_t i = 0; i < _BY_MAX; i++) {
		json_t *list = json_array();

		ZW_VEC_FOREACH(total, &stat->group[i].items) {
			json_t *item = json_object();

			zw_json_set(item, "name", zw_json_text((*total)->name), &failed);
			zw_json_set(item, "events", zw_json_u64((*total)->events), &failed);
			zw_json_append(list, item, &failed);
		}
		zw_json_set(root, stat->group[i].member, list, &failed);
	}
	if (failed || zw_json_dump(root, s) < 0)
		s->failed = true;
	zw_str_add_char(s, '\n');
}

int zw_log_stat(
	const struct zw_log_options *o, struct zw_reader *reader, struct zw_log_totals *totals)
{
	_zw_cleanup_(stat_done) struct stat stat = {.group = {
							    {"by actor", "actors"},
							    {"by zone", "zones"},
							    {"by verdict", "verdicts"},
						    }};
	_zw_str_ struct zw_str s = {};
	int r = zw_reader_begin(reader);

	if (r == 0)
		r = collect(o, reader, &stat, totals);
	zw_reader_end(reader);
	if (r == 0) {
		if (o->common.json)
			add_json(&s, &stat);
		else
			add_text(&s, o, &stat);
		r = s.failed ? -ENOMEM : 0;
	}
	if (r < 0)
		return zw_history_cmd_failed(reader, "the log", r), r;
	fwrite(s.buf, 1, s.len, stdout);
	return 0;
}
