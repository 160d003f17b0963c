/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways into the database, and which of them leads to the fewest events. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sink/history_impl.h"
#include "sink/history_query_impl.h"
#include "sink/history_read_impl.h"

/* What a way leads to is counted up to this: beyond, one way is as good as another that is in order. */
#define COUNT_MAX 2000
/* Events looked at one by one before that many have to be sorted. */
#define LOOK_FIRST 5000
/* Sources of one condition that are still read side by side. */
#define SOURCES_MAX 64

/* Placeholders ?1 and ?2 are the bounds of seq. */
#define BOUNDS " AND seq BETWEEN ?1 AND ?2"

static struct zw_log_value number(int64_t value)
{
	return (struct zw_log_value){.number = value};
}

static struct zw_log_value blob(const void *data, size_t len)
{
	return (struct zw_log_value){.blob = data, .len = len};
}

bool zw_log_has_ids(const struct zw_log_ids *ids, int64_t id)
{
	ZW_VEC_FOREACH(one, ids)
		if (*one == id)
			return true;
	return false;
}

static int add(struct zw_log_sources *sources, const char *from, bool ordered, unsigned int values,
	struct zw_log_value a, struct zw_log_value b)
{
	return zw_vec_push(sources, (struct zw_log_source){
					    .from = from,
					    .ordered = ordered,
					    .values = values,
					    .value = {a, b},
				    });
}

static int add_one(struct zw_log_sources *sources, const char *from, struct zw_log_value value)
{
	return add(sources, from, true, 1, value, value);
}

static int add_ids(struct zw_log_sources *sources, const char *from, const struct zw_log_ids *ids)
{
	int r = 0;

	for (size_t i = 0; i < ids->len && r == 0; i++)
		r = add_one(sources, from, number(ids->items[i]));
	return r;
}

static bool is_one_address(const struct zw_log_range *range)
{
	return memcmp(range->first, range->last, sizeof(range->first)) == 0;
}

static int add_range(struct zw_log_sources *sources, const char *one, const char *many,
	const struct zw_log_range *range)
{
	struct zw_log_value first = blob(range->first, sizeof(range->first));
	struct zw_log_value last = blob(range->last, sizeof(range->last));

	return is_one_address(range) ? add_one(sources, one, first)
				     : add(sources, many, false, 2, first, last);
}

/* --- conditions ---------------------------------------------------------------------------------- */

static int zone_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_ids(sources, "event WHERE zone_id = ?3", &query->zone);
}

static int address_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	const struct zw_log_range *range = query->filter.address;

	return range ? add_range(sources, "address WHERE address = ?3",
			       "address WHERE address BETWEEN ?3 AND ?4", range)
		     : 0;
}

static int peer_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	const struct zw_log_range *range = query->filter.peer;
	int r;

	if (!range)
		return 0;
	r = add_range(sources, "actor WHERE peer = ?3",
		"actor INDEXED BY actor_peer WHERE peer BETWEEN ?3 AND ?4", range);
	return r < 0 ? r
		     : add_range(sources, "actor WHERE origin = ?3",
			       "actor INDEXED BY actor_origin WHERE origin BETWEEN ?3 AND ?4",
			       range);
}

static int user_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_ids(sources, "actor WHERE user = ?3", &query->user);
}

static int login_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_ids(sources, "actor WHERE login = ?3", &query->login);
}

static int exe_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_ids(sources, "actor WHERE exe = ?3", &query->exe);
}

static int key_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_ids(sources, "actor WHERE tsig_key = ?3", &query->tsig_key);
}

static int add_number(struct zw_log_sources *sources, const char *from, int64_t value)
{
	return value < 0 ? 0 : add_one(sources, from, number(value));
}

static int uid_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_number(sources, "actor WHERE uid = ?3", query->filter.uid);
}

static int login_uid_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_number(sources, "actor WHERE login_uid = ?3", query->filter.login_uid);
}

static int pid_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_number(sources, "actor WHERE pid = ?3", query->filter.pid);
}

static int rule_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	struct zw_log_value rule = {.text = query->filter.rule};

	return rule.text ? add_one(sources, "finding WHERE rule = ?3", rule) : 0;
}

/* A source for each bit of @mask. */
static int add_words(struct zw_log_sources *sources, const char *from, uint32_t mask,
	const char *(*to_string)(unsigned int value))
{
	int r = 0;

	for (unsigned int i = 0; i < 32 && r == 0; i++)
		if (mask & 1U << i)
			r = add_one(sources, from, (struct zw_log_value){.text = to_string(i)});
	return r;
}

static const char *verdict_text(unsigned int value)
{
	return zw_verdict_to_string((enum zw_verdict)value);
}

static const char *attribution_text(unsigned int value)
{
	return zw_attribution_to_string((enum zw_attribution)value);
}

static const char *channel_text(unsigned int value)
{
	return zw_channel_to_string((enum zw_channel)value);
}

static const char *action_text(unsigned int value)
{
	return zw_action_to_string((enum zw_action)value);
}

static int verdict_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_words(sources, "event WHERE verdict = ?3", query->filter.verdicts, verdict_text);
}

static int attribution_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_words(sources, "event WHERE attribution = ?3", query->filter.attributions,
		attribution_text);
}

static int channel_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_words(sources, "event WHERE channel = ?3", query->filter.channels, channel_text);
}

static int action_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	return add_words(sources, "event WHERE action = ?3", query->filter.actions, action_text);
}

/* Zones that begin at the name or below it: all of their events are about names there. */
static int collect_zones_within(
	struct zw_log_query *query, struct zw_log_ids *within, bool *ret_above)
{
	_zw_reader_zones_ struct zw_reader_zones zones = {};
	int r = zw_reader_zones(query->reader, NULL, &zones);

	ZW_VEC_FOREACH(zone, &zones) {
		uint8_t apex[ZW_NAME_MAX];

		if (r < 0)
			break;
		if (zw_name_from_text(zone->zone, apex, NULL) < 0)
			continue;
		if (zw_name_is_within(apex, query->filter.name))
			r = zw_vec_push(within, zone->id);
		else
			*ret_above |= zw_name_is_within(query->filter.name, apex);
	}
	return r;
}

static int add_names(struct zw_log_query *query, struct zw_log_sources *sources)
{
	struct zw_log_value first = blob(query->name.buf, query->name.len);
	struct zw_log_value end = blob(query->name_end.buf, query->name_end.len);

	/* Everything is below the root. */
	if (query->name_end.len == 0)
		return add(sources, "rrset WHERE name >= ?3", false, 1, first, first);
	return add(sources, "rrset WHERE name >= ?3 AND name < ?4", false, 2, first, end);
}

static int subtree_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	struct zw_log_ids within = {};
	bool above = false;
	int r = collect_zones_within(query, &within, &above);

	if (r == 0 && within.len < SOURCES_MAX)
		r = add_ids(sources, "event WHERE zone_id = ?3", &within);
	if (r == 0 && (above || within.len >= SOURCES_MAX))
		r = add_names(query, sources);
	query->nothing |= r == 0 && sources->len == 0;
	zw_vec_free(&within);
	return r;
}

static int name_sources(struct zw_log_query *query, struct zw_log_sources *sources)
{
	struct zw_log_value name = blob(query->name.buf, query->name.len);

	if (!query->filter.name)
		return 0;
	if (query->filter.subtree)
		return subtree_sources(query, sources);
	if (query->filter.type)
		return add(sources, "rrset WHERE name = ?3 AND type = ?4", true, 2, name,
			number(query->filter.type));
	return add(sources, "rrset WHERE name = ?3", false, 1, name, name);
}

/* --- the choice ---------------------------------------------------------------------------------- */

static int bind_value(sqlite3_stmt *stmt, int at, const struct zw_log_value *value)
{
	int code;

	if (value->text)
		code = sqlite3_bind_text(stmt, at, value->text, -1, SQLITE_STATIC);
	else if (value->blob)
		code = sqlite3_bind_blob64(stmt, at, value->blob, value->len, SQLITE_STATIC);
	else
		code = sqlite3_bind_int64(stmt, at, value->number);
	return zw_history_errno(code);
}

/* @format has one %s for what the source is. Nothing else is ever pasted into a statement. */
static int open_source(struct zw_log_query *query, const struct zw_log_source *source,
	const char *before, const char *after, sqlite3_stmt **ret_stmt)
{
	_zw_free_ char *sql = zw_asprintf("%s%s%s%s", before, source->from, BOUNDS, after);
	sqlite3_stmt *stmt = NULL;
	int r = sql ? zw_log_prepare(query, sql, &stmt) : -ENOMEM;

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, query->first);
	sqlite3_bind_int64(stmt, 2, query->last);
	for (unsigned int i = 0; i < source->values && r == 0; i++)
		r = bind_value(stmt, 3 + (int)i, &source->value[i]);
	if (r < 0) {
		sqlite3_finalize(stmt);
		return r;
	}
	*ret_stmt = stmt;
	return 0;
}

/* How many entries the sources have, COUNT_MAX at most for each. */
static int count_sources(
	struct zw_log_query *query, const struct zw_log_sources *sources, int64_t *ret_count)
{
	int64_t count = 0;

	ZW_VEC_FOREACH(source, sources) {
		sqlite3_stmt *stmt = NULL;
		int r = open_source(query, source, "SELECT count(*) FROM (SELECT 1 FROM ",
			" LIMIT 2000)", &stmt);

		static_assert(COUNT_MAX == 2000, "as in the statement");
		if (r == 0)
			r = zw_reader_step(query->reader, stmt);
		if (r > 0)
			count += sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
		if (r < 0)
			return r;
		/* Many that have to be sorted are worse than many that come in order. */
		if (!source->ordered && count >= COUNT_MAX)
			count += COUNT_MAX;
	}
	*ret_count = count;
	return 0;
}

static int open_stream(struct zw_log_query *query, const struct zw_log_source *source)
{
	struct zw_log_stream stream = {};
	int r = open_source(query, source, "SELECT seq FROM ",
		query->filter.oldest_first ? " ORDER BY seq" : " ORDER BY seq DESC", &stream.stmt);

	if (r < 0)
		return r;
	r = zw_vec_push(&query->stream, stream);
	if (r < 0) {
		sqlite3_finalize(stream.stmt);
		return r;
	}
	return 0;
}

void zw_log_leave(struct zw_log_query *query)
{
	ZW_VEC_FOREACH(stream, &query->stream)
		sqlite3_finalize(stream->stmt);
	zw_vec_free(&query->stream);
}

static int open_streams(struct zw_log_query *query, const struct zw_log_sources *sources)
{
	static const struct zw_log_source everything = {.from = "event WHERE 1", .ordered = true};
	int r = 0;

	ZW_VEC_FOREACH(source, sources) {
		r = open_stream(query, source);
		if (r < 0)
			return r;
	}
	if (sources->len == 0)
		r = open_stream(query, &everything);
	ZW_VEC_FOREACH(stream, &query->stream) {
		if (r < 0)
			return r;
		r = zw_reader_step(query->reader, stream->stmt);
		if (r > 0)
			stream->seq = sqlite3_column_int64(stream->stmt, 0);
		else
			stream->done = true;
	}
	return r < 0 ? r : 0;
}

/* The newest events of all are looked at first, where what would have to be sorted is much: there may be enough. */
static int open_newest(struct zw_log_query *query, struct zw_log_sources *sources)
{
	static const struct zw_log_sources everything;
	int64_t first = query->first;
	uint64_t last;
	int r = zw_log_last(query->reader, &last);

	if (r < 0)
		return r;
	if (query->last > (int64_t)last)
		query->last = (int64_t)last;
	if (query->last - LOOK_FIRST > query->first)
		query->first = query->last - LOOK_FIRST;
	r = open_streams(query, &everything);
	query->last = query->first - 1;
	query->first = first;
	query->later = *sources;
	*sources = (struct zw_log_sources){};
	return r;
}

int zw_log_go_on(struct zw_log_query *query)
{
	int r;

	if (query->later.len == 0 || query->first > query->last)
		return 0;
	zw_log_leave(query);
	r = open_streams(query, &query->later);
	zw_vec_free(&query->later);
	return r < 0 ? r : 1;
}

static bool is_much_to_sort(
	const struct zw_log_query *query, const struct zw_log_sources *sources, int64_t count)
{
	bool ordered = true;

	ZW_VEC_FOREACH(source, sources)
		ordered = ordered && source->ordered;
	return !ordered && count >= COUNT_MAX && !query->filter.oldest_first;
}

int zw_log_enter(struct zw_log_query *query)
{
	static int (*const conditions[])(struct zw_log_query *, struct zw_log_sources *) = {
		zone_sources, name_sources, address_sources, user_sources, login_sources,
		exe_sources, key_sources, uid_sources, login_uid_sources, pid_sources, peer_sources,
		rule_sources, verdict_sources, attribution_sources, channel_sources,
		action_sources};
	struct zw_log_sources best = {};
	int64_t fewest = INT64_MAX;
	int r = 0;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(conditions) && r == 0 && !query->nothing; i++) {
		struct zw_log_sources sources = {};
		int64_t count = INT64_MAX;

		r = conditions[i](query, &sources);
		if (r == 0 && sources.len > 0 && sources.len <= SOURCES_MAX)
			r = count_sources(query, &sources, &count);
		if (r == 0 && count < fewest) {
			fewest = count;
			zw_vec_free(&best);
			best = sources;
			sources = (struct zw_log_sources){};
		}
		zw_vec_free(&sources);
	}
	if (r == 0 && !query->nothing)
		r = is_much_to_sort(query, &best, fewest) ? open_newest(query, &best)
							  : open_streams(query, &best);
	zw_vec_free(&best);
	return r;
}
