/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/status_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/vec.h"

#define WIDTH 100
/* More zones are counted by state, unless asked for. */
#define ZONES_LISTED 50

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Escaped, and filled up with spaces to @width; longer texts move what follows. */
static void add_column(struct zw_str *s, const char *text, int width)
{
	size_t from = s->len;

	zw_str_add_escaped(s, text, strlen(text));
	do
		zw_str_add_char(s, ' ');
	while (!s->failed && s->len < from + (size_t)width);
}

static void add_end(struct zw_str *s, const char *text)
{
	zw_str_add_escaped(s, text, strlen(text));
	zw_str_add_char(s, '\n');
}

void zw_status_list_text(struct zw_str *s, const json_t *items, int indent)
{
	int column = indent;
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)items, i, item) {
		const char *text = json_string_value(item);
		int len = text ? (int)strlen(text) : 0;

		if (i > 0)
			zw_str_add_char(s, ',');
		if (i > 0 && column + 2 + len >= WIDTH) {
			zw_str_addf(s, "\n%*s", indent, "");
			column = indent;
		} else if (i > 0) {
			zw_str_add_char(s, ' ');
			column += 2;
		}
		zw_str_add_escaped(s, text ? text : "", (size_t)len);
		column += len;
	}
	zw_str_add_char(s, '\n');
}

/* Names of the hooks for which @key is @value and that are on or not, NULL when out of memory. */
static json_t *hook_names(
	const json_t *hooks, const char *key, const char *value, const char *reason, bool on)
{
	json_t *names = json_array(), *hook;
	size_t i;

	json_array_foreach((json_t *)hooks, i, hook)
		if (zw_streq(text_of(hook, "state"), "on") == on &&
			zw_streq(text_of(hook, key), value) &&
			(!reason || zw_streq(text_of(hook, "reason"), reason)))
			json_array_append(names, json_object_get(hook, "hook"));
	return names;
}

static void capabilities(struct zw_str *s, const json_t *list, const json_t *hooks)
{
	json_t *capability;
	size_t i;

	zw_str_add(s, "capability  tier        hooks\n");
	json_array_foreach((json_t *)list, i, capability) {
		const char *tier = text_of(capability, "tier");
		json_t *names =
			hook_names(hooks, "capability", text_of(capability, "name"), NULL, true);

		add_column(s, text_of(capability, "name"), 12);
		add_column(s, *tier ? tier : "none", 12);
		if (json_array_size(names))
			zw_status_list_text(s, names, 24);
		else
			zw_str_add(s, "-\n");
		json_decref(names);
	}
}

/* A kernel that refuses a whole tier gives the same reason a dozen times: it is told once. */
static void hooks_off(struct zw_str *s, const json_t *hooks)
{
	json_t *told = json_object(), *hook;
	size_t i;

	json_array_foreach((json_t *)hooks, i, hook) {
		const char *state = text_of(hook, "state"), *reason = text_of(hook, "reason");
		_zw_free_ char *key = zw_asprintf("%s: %s", state, *reason ? reason : "not wanted");
		json_t *names;

		if (zw_streq(state, "on") || !key || json_object_get(told, key))
			continue;
		if (!json_object_size(told))
			zw_str_add(s, "\nother hooks\n");
		json_object_set_new(told, key, json_true());
		zw_str_add(s, "  ");
		add_end(s, key);
		names = hook_names(hooks, "state", state, reason, false);
		zw_str_add(s, "      ");
		zw_status_list_text(s, names, 6);
		json_decref(names);
	}
	json_decref(told);
}

void zw_status_hooks_text(struct zw_str *s, const json_t *state)
{
	const json_t *hooks = json_object_get(state, "hooks");

	capabilities(s, json_object_get(state, "capabilities"), hooks);
	hooks_off(s, hooks);
}

static void duration(struct zw_str *s, json_int_t ms)
{
	json_int_t seconds = ms / 1000;

	if (seconds >= 86400)
		zw_str_addf(s, "%lldd ", seconds / 86400);
	if (seconds >= 3600)
		zw_str_addf(s, "%lldh ", seconds / 3600 % 24);
	if (seconds >= 60)
		zw_str_addf(s, "%lldm ", seconds / 60 % 60);
	zw_str_addf(s, "%llds", seconds % 60);
}

static void servers(struct zw_str *s, const json_t *list)
{
	json_t *server;
	size_t i;

	zw_str_addf(s, "\nservers: %zu\n", json_array_size(list));
	json_array_foreach((json_t *)list, i, server) {
		const char *error = text_of(server, "error");

		zw_str_add(s, "  ");
		add_column(s, text_of(server, "kind"), 6);
		zw_str_addf(s, "pid %-8lld ", number_of(server, "pid"));
		add_end(s, text_of(server, "config"));
		if (*error) {
			zw_str_add(s, "      its zones are not known: ");
			add_end(s, error);
		}
	}
}

static int longest(const json_t *list, const char *key, int least)
{
	json_t *item;
	size_t i;
	int width = least;

	json_array_foreach((json_t *)list, i, item) {
		int len = (int)strlen(text_of(item, key)) + 2;

		width = len > width ? len : width;
	}
	return width > WIDTH / 2 ? WIDTH / 2 : width;
}

static void zone_table(struct zw_str *s, const json_t *list)
{
	int name = longest(list, "zone", 6), view = longest(list, "view", 6);
	json_t *zone;
	size_t i;

	zw_str_add(s, "  ");
	add_column(s, "zone", name);
	add_column(s, "view", view);
	zw_str_add(s, "server  state       records      serial  file\n");
	json_array_foreach((json_t *)list, i, zone) {
		zw_str_add(s, "  ");
		add_column(s, text_of(zone, "zone"), name);
		add_column(s, text_of(zone, "view"), view);
		add_column(s, text_of(zone, "server"), 8);
		add_column(s, text_of(zone, "state"), 11);
		zw_str_addf(s, "%8lld  ", number_of(zone, "records"));
		if (json_object_get(zone, "serial"))
			zw_str_addf(s, "%10lld  ", number_of(zone, "serial"));
		else
			zw_str_addf(s, "%10s  ", "-");
		add_end(s, text_of(zone, "file"));
	}
}

static void zones(struct zw_str *s, const json_t *list, bool all)
{
	json_int_t records = 0, bytes = 0;
	size_t unreadable = 0, i;
	json_t *zone;

	json_array_foreach((json_t *)list, i, zone) {
		records += number_of(zone, "records");
		bytes += number_of(zone, "bytes");
		unreadable += !zw_streq(text_of(zone, "state"), "good");
	}
	zw_str_addf(s, "\nzones: %zu, of which %zu cannot be read; %lld records in %lld KiB\n",
		json_array_size(list), unreadable, records, bytes / 1024);
	if (!json_array_size(list))
		return;
	if (all || json_array_size(list) < ZONES_LISTED)
		zone_table(s, list);
	else
		zw_str_add(s, "  'zonewitness status --zones' lists them\n");
}

static void counters(struct zw_str *s, const json_t *c)
{
	zw_str_addf(s, "\nevents: %lld from the kernel, and %lld left out as repetitions\n",
		number_of(c, "events"), number_of(c, "coalesced"));
	zw_str_addf(s, "reports: %lld, of which %lld are changes of records\n",
		number_of(c, "reports"), number_of(c, "changes"));
	if (number_of(c, "unsettled"))
		zw_str_addf(s, "zones being looked at: %lld\n", number_of(c, "unsettled"));
	if (number_of(c, "failed_looks"))
		zw_str_addf(s, "looks at zones that failed: %lld\n", number_of(c, "failed_looks"));
}

/* By name, those that there are; what they mean is in the manual. */
static void losses(struct zw_str *s, const json_t *list)
{
	const char *name;
	json_t *value;
	bool any = false;

	zw_str_add(s, "lost:");
	json_object_foreach((json_t *)list, name, value) {
		if (!json_integer_value(value))
			continue;
		zw_str_add(s, any ? ", " : " ");
		zw_str_add_escaped(s, name, strlen(name));
		zw_str_addf(s, " %lld", json_integer_value(value));
		any = true;
	}
	zw_str_add(s, any ? "\n" : " nothing\n");
}

static void sinks(struct zw_str *s, const json_t *list)
{
	json_t *sink;
	size_t i;

	zw_str_add(s, json_array_size(list) ? "sinks:\n" : "sinks: none\n");
	json_array_foreach((json_t *)list, i, sink) {
		zw_str_add(s, "  ");
		add_column(s, text_of(sink, "name"), 10);
		zw_str_addf(s, "%lld delivered, %lld waiting, %lld lost\n",
			number_of(sink, "delivered"), number_of(sink, "spooled"),
			number_of(sink, "lost"));
	}
}

static void history(struct zw_str *s, const json_t *h)
{
	const char *error = text_of(h, "error");

	if (!h)
		return;
	zw_str_add(s, "history: ");
	zw_str_add_escaped(s, text_of(h, "file"), strlen(text_of(h, "file")));
	zw_str_addf(s, ", %lld stored, %lld waiting, %lld lost", number_of(h, "stored"),
		number_of(h, "waiting"), number_of(h, "lost"));
	if (number_of(h, "bytes"))
		zw_str_addf(s, "; %lld KiB", number_of(h, "bytes") / 1024);
	if (json_object_get(h, "oldest"))
		zw_str_addf(s, " since %s", text_of(h, "oldest"));
	zw_str_add_char(s, '\n');
	if (json_object_get(h, "error")) {
		zw_str_add(s, "  ");
		zw_str_add_escaped(s, error, strlen(error));
		zw_str_add_char(s, '\n');
	}
}

static void feed_line(struct zw_str *s, const json_t *feed, int name)
{
	zw_str_add(s, "  ");
	add_column(s, text_of(feed, "name"), name);
	add_column(s, text_of(feed, "kind"), 9);
	if (json_object_get(feed, "entries")) {
		zw_str_addf(s, "%lld entries in %lld KiB, ", number_of(feed, "entries"),
			number_of(feed, "bytes") / 1024);
		duration(s, number_of(feed, "age_s") * 1000);
		zw_str_add(s, " old");
	} else {
		zw_str_add(s, "not in force");
	}
	zw_str_add(s, "  ");
	add_end(s, text_of(feed, "file"));
	if (json_object_get(feed, "error")) {
		zw_str_add(s, "      the file ");
		add_end(s, text_of(feed, "error"));
	}
	if (json_object_get(feed, "bad")) {
		zw_str_add(s, "      ");
		add_end(s, text_of(feed, "bad"));
	}
}

static void feeds(struct zw_str *s, const json_t *list)
{
	int name = longest(list, "name", 6);
	json_t *feed;
	size_t i;

	if (!list)
		return;
	zw_str_addf(s, "feeds: %zu\n", json_array_size(list));
	json_array_foreach((json_t *)list, i, feed)
		feed_line(s, feed, name);
}

/* Databases of addresses. */
static void databases(struct zw_str *s, const json_t *list)
{
	json_t *database;
	size_t i;

	if (!list)
		return;
	zw_str_addf(s, "databases of addresses: %zu\n", json_array_size(list));
	json_array_foreach((json_t *)list, i, database) {
		const char *error = text_of(database, "error");

		zw_str_add(s, "  ");
		zw_str_add_escaped(s, text_of(database, "file"), strlen(text_of(database, "file")));
		zw_str_addf(s, ", %s%s%s",
			json_is_true(json_object_get(database, "open")) ? "of " : "not open",
			text_of(database, "written"), *error ? ": " : "");
		add_end(s, error);
	}
}

static void traffic(struct zw_str *s, const json_t *t)
{
	const json_t *total = json_object_get(t, "total");

	if (!t)
		return;
	if (!json_is_true(json_object_get(t, "counted"))) {
		zw_str_add(s, "traffic: not counted, there are no programs for packets\n");
		return;
	}
	zw_str_addf(s, "traffic: %.0f queries/s; %lld queries, %lld answers, %lld unanswered; ",
		json_number_value(json_object_get(t, "query_rate")), number_of(total, "queries"),
		number_of(total, "responses"), number_of(total, "unanswered"));
	zw_str_addf(s, "%lld findings go on\n", number_of(t, "findings"));
}

void zw_status_agent_text(struct zw_str *s, const json_t *agent, bool all_zones)
{
	zw_str_add(s, "agent ");
	zw_str_add_escaped(s, text_of(agent, "version"), strlen(text_of(agent, "version")));
	zw_str_addf(s, ", pid %lld, up ", number_of(agent, "pid"));
	duration(s, number_of(agent, "uptime_ms"));
	zw_str_add_char(s, '\n');
	servers(s, json_object_get(agent, "servers"));
	zones(s, json_object_get(agent, "zones"), all_zones);
	counters(s, json_object_get(agent, "counters"));
	losses(s, json_object_get(agent, "losses"));
	sinks(s, json_object_get(agent, "sinks"));
	history(s, json_object_get(agent, "history"));
	traffic(s, json_object_get(agent, "traffic"));
	feeds(s, json_object_get(agent, "feeds"));
	databases(s, json_object_get(agent, "maxmind"));
}
