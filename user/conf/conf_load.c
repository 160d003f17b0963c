/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_load.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "conf/conf_feeds.h"
#include "conf/conf_rules.h"
#include "conf/conf_schema.h"

/* The keys of one map that were seen so far. */
struct seen {
	yaml_mark_t at[ZW_CONF_KEYS_MAX];
	bool key[ZW_CONF_KEYS_MAX];
};

static void read_map(struct zw_conf_reader *reader, const struct zw_conf_key *map, void *base);

/* Nothing, "~" or "null" after the colon. */
static bool is_null(const struct zw_conf_reader *reader)
{
	const yaml_event_t *e = &reader->event;
	const char *text = (const char *)e->data.scalar.value;

	return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (zw_streq(text, "") || zw_streq(text, "~") || zw_streq(text, "null"));
}

static void add_range(struct zw_str *s, const struct zw_conf_key *key)
{
	if (key->min && key->max)
		zw_str_addf(s, ", from %s to %s", key->min, key->max);
}

static void bad_value(struct zw_conf_reader *reader, const struct zw_conf_key *key)
{
	_zw_str_ struct zw_str allowed = {};
	char quoted[ZW_CONF_QUOTE_MAX];
	const char *text;
	size_t len;

	zw_str_add(&allowed, zw_conf_types[key->type].allowed);
	add_range(&allowed, key);
	if (allowed.failed) {
		zw_conf_no_memory(reader);
		return;
	}
	text = zw_conf_text(reader, &len);
	zw_conf_mistake(reader, reader->event.start_mark, "\"%s\" is %s, but must be %s", key->name,
		len ? zw_conf_quote(text, len, quoted) : "empty", allowed.buf);
}

static void read_scalar(struct zw_conf_reader *reader, const struct zw_conf_key *key, void *base)
{
	const char *text;
	size_t len;
	int r;

	if (reader->event.type == YAML_ALIAS_EVENT)
		return; /* refused already */
	if (reader->event.type != YAML_SCALAR_EVENT) {
		zw_conf_mistake(reader, reader->event.start_mark, "\"%s\" must be %s, not a %s",
			key->name, zw_conf_types[key->type].allowed,
			reader->event.type == YAML_SEQUENCE_START_EVENT ? "list" : "map");
		zw_conf_skip(reader);
		return;
	}
	text = zw_conf_text(reader, &len);
	/* "\0" in double quotes would end the text early. */
	r = strlen(text) == len && !is_null(reader) ? zw_conf_set(key, base, text) : -EINVAL;
	if (r == -ENOMEM)
		zw_conf_no_memory(reader);
	else if (r < 0)
		bad_value(reader, key);
}

/* The same zone twice could name two files, and only one would be watched. */
static void check_zone(
	struct zw_conf_reader *reader, const struct zw_conf_zone *zone, yaml_mark_t at)
{
	void *before;

	if (!zone->name)
		return;
	before = zw_map_get(reader->zone_names, zone->name, strlen(zone->name));
	if (before) {
		zw_conf_mistake(reader, at, "zone \"%s\" is already listed on line %zu", zone->name,
			(size_t)(uintptr_t)before);
		return;
	}
	if (zw_map_put(reader->zone_names, zone->name, strlen(zone->name),
		    (void *)(uintptr_t)zone->line, NULL) < 0)
		zw_conf_no_memory(reader);
}

static void read_map_item(struct zw_conf_reader *reader, const struct zw_conf_key *key, void *base)
{
	yaml_mark_t at = reader->event.start_mark;
	void *item;

	if (reader->event.type == YAML_ALIAS_EVENT)
		return;
	if (reader->event.type != YAML_MAPPING_START_EVENT) {
		zw_conf_mistake(
			reader, at, "an entry of \"%s\" must be keys with values", key->name);
		zw_conf_skip(reader);
		return;
	}
	if (zw_conf_list_grow(key, base, &item) < 0) {
		zw_conf_no_memory(reader);
		return;
	}
	*(unsigned int *)((char *)item + key->line) = (unsigned int)at.line + 1;
	read_map(reader, key, item);
	if (key->keys->type == ZW_CONF_ZONE)
		check_zone(reader, item, at);
	else if (key->keys->type == ZW_CONF_FEED_NAME)
		zw_conf_check_feed(reader, base, item, at);
}

static void read_items(struct zw_conf_reader *reader, const struct zw_conf_key *key, void *base)
{
	yaml_mark_t at = reader->event.start_mark;
	size_t items = 0;

	for (zw_conf_next(reader); !reader->stop && reader->event.type != YAML_SEQUENCE_END_EVENT;
		zw_conf_next(reader)) {
		if (key->type == ZW_CONF_MAP)
			read_map_item(reader, key, base);
		else
			read_scalar(reader, key, base);
		items++;
	}
	if (items == 0 && key->many == ZW_CONF_LIST_NONEMPTY)
		zw_conf_mistake(reader, at, "\"%s\" must not be empty: leave it out to allow any",
			key->name);
}

static void read_list(struct zw_conf_reader *reader, const struct zw_conf_key *key, void *base)
{
	bool *flag = (bool *)((char *)base + key->flag);
	const char *text;
	size_t len;

	if (reader->event.type == YAML_ALIAS_EVENT)
		return;
	if (reader->event.type == YAML_SEQUENCE_START_EVENT) {
		if (key->word)
			*flag = false;
		read_items(reader, key, base);
		return;
	}
	/* A heading whose entries are all commented out. */
	if (is_null(reader) && key->many == ZW_CONF_LIST && !key->word)
		return;
	if (reader->event.type == YAML_SCALAR_EVENT && key->word) {
		text = zw_conf_text(reader, &len);
		if (zw_streq(text, key->word) && len == strlen(key->word)) {
			*flag = true;
			return;
		}
	}
	zw_conf_mistake(reader, reader->event.start_mark, "\"%s\" must be %s%s%sa list%s",
		key->name, key->word ? "\"" : "", key->word ? key->word : "",
		key->word ? "\" or " : "",
		key->type == ZW_CONF_MAP ? ", each entry beginning with \"- \""
					 : " such as [first, second]");
	zw_conf_skip(reader);
}

/* The map of rules as the table of rules makes it. */
static void read_rules(struct zw_conf_reader *reader, void *base)
{
	_zw_conf_rules_ struct zw_conf_rules *rules = NULL;

	if (zw_conf_rules_new(&rules) < 0)
		zw_conf_no_memory(reader);
	else
		read_map(reader, zw_conf_rules_map(rules), base);
}

static void read_value(struct zw_conf_reader *reader, const struct zw_conf_key *key, void *base)
{
	if (key->many == ZW_CONF_LIST || key->many == ZW_CONF_LIST_NONEMPTY) {
		read_list(reader, key, base);
	} else if (key->type != ZW_CONF_MAP && key->type != ZW_CONF_RULES) {
		read_scalar(reader, key, base);
	} else if (reader->event.type == YAML_MAPPING_START_EVENT) {
		if (key->type == ZW_CONF_RULES)
			read_rules(reader, base);
		else
			read_map(reader, key, base);
	} else if (reader->event.type != YAML_ALIAS_EVENT && !is_null(reader)) {
		zw_conf_mistake(reader, reader->event.start_mark,
			"\"%s\" must be keys with values below it", key->name);
		zw_conf_skip(reader);
	}
}

static void unknown_key(struct zw_conf_reader *reader, const struct zw_conf_key *map)
{
	_zw_str_ struct zw_str known = {};
	char quoted[ZW_CONF_QUOTE_MAX];
	const char *text;
	size_t len;

	for (size_t i = 0; i < map->n_keys; i++)
		zw_str_addf(&known, "%s%s", known.len ? ", " : "", map->keys[i].name);
	if (known.failed) {
		zw_conf_no_memory(reader);
		return;
	}
	text = zw_conf_text(reader, &len);
	zw_conf_mistake(reader, reader->event.start_mark, "unknown key %s in %s; known are %s",
		zw_conf_quote(text, len, quoted), map->name, known.buf);
}

/* The key the current scalar names, unless it may not stand here; says so then. */
static const struct zw_conf_key *find_key(
	struct zw_conf_reader *reader, const struct zw_conf_key *map, struct seen *seen)
{
	size_t len, i;
	const char *text = zw_conf_text(reader, &len);

	for (i = 0; i < map->n_keys; i++)
		if (strlen(map->keys[i].name) == len && memcmp(map->keys[i].name, text, len) == 0)
			break;
	if (i == map->n_keys) {
		unknown_key(reader, map);
		return NULL;
	}
	for (size_t k = 0; k < map->n_keys; k++) {
		/* Two names of the same member ("with", "executable") are one key. Maps have no member
		 * of their own. */
		if (!seen->key[k] ||
			(k != i && (!zw_conf_types[map->keys[i].type].set ||
					   !zw_conf_types[map->keys[k].type].set ||
					   map->keys[k].offset != map->keys[i].offset)))
			continue;
		zw_conf_mistake(reader, reader->event.start_mark,
			"\"%s\" cannot be used here: \"%s\" is already set on line %zu",
			map->keys[i].name, map->keys[k].name, seen->at[k].line + 1);
		return NULL;
	}
	seen->key[i] = true;
	seen->at[i] = reader->event.start_mark;
	return &map->keys[i];
}

/* Of some keys one is enough. */
static void check_one_of(struct zw_conf_reader *reader, const struct zw_conf_key *map,
	const struct seen *seen, yaml_mark_t at)
{
	_zw_str_ struct zw_str names = {};

	for (size_t i = 0; i < map->n_keys; i++) {
		if (!map->keys[i].one_of)
			continue;
		if (seen->key[i])
			return;
		zw_str_addf(&names, "%s\"%s\"", names.len ? " or a " : "", map->keys[i].name);
	}
	if (names.failed)
		zw_conf_no_memory(reader);
	else if (names.len)
		zw_conf_mistake(
			reader, at, "this entry of \"%s\" needs a %s", map->name, names.buf);
}

static void check_required(struct zw_conf_reader *reader, const struct zw_conf_key *map,
	const struct seen *seen, yaml_mark_t at)
{
	check_one_of(reader, map, seen, at);
	for (size_t i = 0; i < map->n_keys; i++)
		if (map->keys[i].required && !seen->key[i])
			zw_conf_mistake(reader, at, "this entry of \"%s\" needs a \"%s\"",
				map->name, map->keys[i].name);
}

/* With the current event the start of the map; moves on to its end. */
static void read_map(struct zw_conf_reader *reader, const struct zw_conf_key *map, void *base)
{
	yaml_mark_t at = reader->event.start_mark;
	struct seen seen = {};

	for (zw_conf_next(reader); !reader->stop && reader->event.type != YAML_MAPPING_END_EVENT;
		zw_conf_next(reader)) {
		const struct zw_conf_key *key = NULL;

		if (reader->event.type == YAML_SCALAR_EVENT) {
			key = find_key(reader, map, &seen);
		} else if (reader->event.type != YAML_ALIAS_EVENT) {
			zw_conf_mistake(
				reader, reader->event.start_mark, "a key must be a single word");
			zw_conf_skip(reader);
		}
		zw_conf_next(reader);
		if (key)
			read_value(reader, key, base);
		else
			zw_conf_skip(reader);
	}
	check_required(reader, map, &seen, at);
}

static void read_root(struct zw_conf_reader *reader, struct zw_conf *conf)
{
	if (reader->event.type == YAML_MAPPING_START_EVENT) {
		read_map(reader, &zw_conf_root, conf);
	} else if (!is_null(reader)) {
		zw_conf_mistake(reader, reader->event.start_mark,
			"a configuration is made of lines such as \"servers: auto\"");
		zw_conf_skip(reader);
	}
}

void zw_conf_read_file(struct zw_conf_reader *reader, struct zw_conf *conf)
{
	zw_conf_next(reader); /* the start of the stream */
	zw_conf_next(reader);
	/* Only comments: as if there were no file. */
	if (reader->event.type != YAML_DOCUMENT_START_EVENT)
		return;
	zw_conf_next(reader);
	if (!reader->stop)
		read_root(reader, conf);
	zw_conf_next(reader); /* the end of the document */
	zw_conf_next(reader);
	if (reader->event.type == YAML_DOCUMENT_START_EVENT)
		zw_conf_mistake(reader, reader->event.start_mark,
			"a second document begins here, but a configuration is only one");
}
