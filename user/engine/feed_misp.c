/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MISP's warning lists (github.com/MISP/misp-warninglists, schema.json): {"name", "description", "version", "type",
 * "list": [TEXT, ...]}. What its types mean is after MISP's own Warninglist::__evalValue(). */
#include "engine/feed_impl.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* All of them are looked for in a name, one by one. */
#define SUBSTRINGS_MAX 10000

static const struct type {
	const char *name;
	bool exact;     /* names are meant alone, not with what is below */
	bool networks;  /* entries with a slash are networks */
	bool substring; /* texts to be looked for */
} types[] = {
	{.name = "string", .exact = true, .networks = true},
	{.name = "hostname"},
	{.name = "cidr", .networks = true},
	{.name = "substring", .substring = true},
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(types); i++)
		if (zw_streq(types[i].name, name))
			return &types[i];
	return NULL;
}

/* Part of a path of a URL, a mail address, a hash: a list of strings has anything. */
static bool is_nothing_to_us(const struct zw_feed_entry *entry, const char *text)
{
	if (entry->is_net)
		return strstr(text, "://") || strchr(text, '[');
	return strchr(text, '/') || strchr(text, '@') || strchr(text, ':');
}

static int take_text(
	struct zw_feed *feed, const struct type *type, uint64_t number, const char *text)
{
	struct zw_feed_entry entry;
	const char *why;

	if (type->substring) {
		if (*text)
			return zw_feed_add_substring(feed, text);
		zw_feed_bad(feed, number, text, 0, "part of every name");
		return 0;
	}
	if (zw_feed_entry_parse(text, strlen(text), &entry, &why) < 0) {
		if (type->exact)
			feed->stats.skipped++;
		else
			zw_feed_bad(feed, number, text, strlen(text), why);
		return 0;
	}
	if (is_nothing_to_us(&entry, text) || (type->networks && !type->exact && !entry.is_net)) {
		feed->stats.skipped++;
		return 0;
	}
	return zw_feed_add(feed, &entry, type->exact ? ZW_FEED_EXACT : 0);
}

static int take_list(struct zw_feed *feed, const struct type *type, const json_t *list)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)list, i, item) {
		const char *text = json_string_value(item);

		if (text)
			r = take_text(feed, type, i + 1, text);
		else
			zw_feed_bad(feed, i + 1, "", 0, "no text");
		if (r < 0)
			return r;
	}
	return 0;
}

int zw_feed_parse_misp(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error)
{
	_zw_cleanup_(json_decrefp) json_t *root = NULL;
	const struct type *type;
	const char *type_name;
	json_error_t where;
	json_t *list;

	/* "\u0000" would end a text early: it is refused. */
	root = json_loadb(bytes, len, 0, &where);
	if (!root) {
		zw_str_addf(error, "line %d: no JSON: ", where.line);
		zw_str_add_escaped(error, where.text, strlen(where.text));
		return -EINVAL;
	}
	list = json_object_get(root, "list");
	type_name = json_string_value(json_object_get(root, "type"));
	if (!json_is_array(list) || !type_name) {
		zw_str_add(
			error, "no warning list: it must be an object with \"type\" and \"list\"");
		return -EINVAL;
	}
	type = find_type(type_name);
	if (!type) {
		zw_str_add(error, "warning lists of type \"");
		zw_str_add_escaped(error, type_name, strlen(type_name));
		zw_str_add(error, "\" are not supported: string, hostname, cidr and substring are");
		return -EINVAL;
	}
	if (type->substring && json_array_size(list) > SUBSTRINGS_MAX) {
		zw_str_addf(error,
			"%zu texts to look for in each name are too many, %d are the most",
			json_array_size(list), SUBSTRINGS_MAX);
		return -EINVAL;
	}
	return take_list(feed, type, list);
}
