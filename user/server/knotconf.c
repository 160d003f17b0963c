/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/knotconf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INCLUDE_DEPTH_MAX 5
#define STORAGE_DEFAULT "/var/lib/knot"
#define FILE_DEFAULT "%s.zone"

/* Where the next "key: value" of a configuration text belongs. */
struct place {
	char section[32];
	struct zw_knot_item *item;
};

int zw_knotconf_init(struct zw_knotconf *conf, int root_fd, const char *cwd)
{
	int r;

	*conf = (struct zw_knotconf){.root_fd = root_fd, .cwd = cwd};
	r = zw_map_new(&conf->zone_by_id);
	return r < 0 ? r : zw_map_new(&conf->template_by_id);
}

static void item_free(struct zw_knot_item *item)
{
	free(item->id);
	free(item->template);
	free(item->storage);
	free(item->file);
	free(item);
}

void zw_knotconf_done(struct zw_knotconf *conf)
{
	ZW_VEC_FOREACH(i, &conf->zones)
		item_free(*i);
	ZW_VEC_FOREACH(i, &conf->templates)
		item_free(*i);
	zw_vec_free(&conf->zones);
	zw_vec_free(&conf->templates);
	zw_map_freep(&conf->zone_by_id);
	zw_map_freep(&conf->template_by_id);
	free(conf->rundir);
	free(conf->control_listen);
	free(conf->database_storage);
	free(conf->journal_db);
	conf->zone_by_id = conf->template_by_id = NULL;
	conf->rundir = conf->control_listen = NULL;
	conf->database_storage = conf->journal_db = NULL;
}

/* The zone or template @id, made when it is new. */
static int get_item(
	struct zw_knotconf *conf, bool zone, const char *id, struct zw_knot_item **ret_item)
{
	struct zw_map *by_id = zone ? conf->zone_by_id : conf->template_by_id;
	struct zw_knot_item *item = zw_map_get(by_id, id, strlen(id));
	int r;

	if (item) {
		*ret_item = item;
		return 0;
	}
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->id = strdup(id);
	r = !item->id ? -ENOMEM
	    : zone    ? zw_vec_push(&conf->zones, item)
		      : zw_vec_push(&conf->templates, item);
	if (r < 0) {
		item_free(item);
		return r;
	}
	*ret_item = item;
	return zw_map_put(by_id, id, strlen(id), item, NULL);
}

static int set_item(struct zw_knot_item *item, const char *key, const char *value)
{
	if (zw_streq(key, "template"))
		return zw_text_set(&item->template, value);
	if (zw_streq(key, "storage"))
		return zw_text_set(&item->storage, value);
	if (zw_streq(key, "file"))
		return zw_text_set(&item->file, value);
	if (zw_streq(key, "master"))
		item->secondary = true;
	return 0;
}

/* Cuts the comment off, undoes quotes: "a \"b\" # c" and a # c. */
static char *clean_value(char *value)
{
	char *end, *to;

	value += strspn(value, " \t");
	if (*value != '"') {
		end = value;
		while (*end &&
			!(*end == '#' && (end == value || end[-1] == ' ' || end[-1] == '\t')))
			end++;
		while (end > value && strchr(" \t\r", end[-1]))
			end--;
		*end = '\0';
		return value;
	}
	to = ++value;
	for (char *c = value; *c && *c != '"'; c++) {
		if (*c == '\\' && (c[1] == '"' || c[1] == '\\'))
			c++;
		*to++ = *c;
	}
	*to = '\0';
	return value;
}

static int read_file(struct zw_knotconf *conf, const char *path, struct place *at,
	unsigned int depth, struct zw_str *error);

static int include(struct zw_knotconf *conf, const char *from, const char *pattern,
	struct place *at, unsigned int depth, struct zw_str *error)
{
	_zw_free_ char *here = zw_path_dir(from);
	const char *const bases[] = {here};
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!here)
		return -ENOMEM;
	r = zw_source_include(conf->root_fd, bases, ZW_ARRAY_SIZE(bases), pattern, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = read_file(conf, paths.items[i], at, depth + 1, error);
	return r;
}

static int set_value(struct zw_knotconf *conf, struct place *at, const char *key, const char *value)
{
	bool zone = zw_streq(at->section, "zone");

	if (zw_streq(at->section, "server") && zw_streq(key, "rundir"))
		return zw_text_set(&conf->rundir, value);
	if (zw_streq(at->section, "control") && zw_streq(key, "listen"))
		return zw_text_set(&conf->control_listen, value);
	if (zw_streq(at->section, "database") && zw_streq(key, "storage"))
		return zw_text_set(&conf->database_storage, value);
	if (zw_streq(at->section, "database") && zw_streq(key, "journal-db"))
		return zw_text_set(&conf->journal_db, value);
	if (!zone && !zw_streq(at->section, "template"))
		return 0;
	if (zw_streq(key, zone ? "domain" : "id"))
		return get_item(conf, zone, value, &at->item);
	return at->item ? set_item(at->item, key, value) : 0;
}

/* One line: "section:", "- id: x", "key: value" or "include: path". */
static int read_line(struct zw_knotconf *conf, char *line, const char *path, struct place *at,
	unsigned int depth, struct zw_str *error)
{
	bool indented = *line == ' ' || *line == '\t';
	char *key, *colon, *value;

	key = line + strspn(line, " \t");
	if (*key == '-' && (key[1] == ' ' || key[1] == '\t')) {
		at->item = NULL;
		indented = true;
		key += 1 + strspn(key + 1, " \t");
	}
	if (*key == '#' || *key == '\0')
		return 0;
	colon = strchr(key, ':');
	if (!colon)
		return 0;
	value = clean_value(colon + 1);
	while (colon > key && strchr(" \t", colon[-1]))
		colon--;
	*colon = '\0';
	if (zw_streq(key, "include"))
		return include(conf, path, value, at, depth, error);
	if (!indented) {
		at->item = NULL;
		snprintf(at->section, sizeof(at->section), "%s", key);
		return 0;
	}
	return set_value(conf, at, key, value);
}

static int read_file(struct zw_knotconf *conf, const char *path, struct place *at,
	unsigned int depth, struct zw_str *error)
{
	_zw_free_ char *text = NULL;
	char *rest, *line;
	size_t len;
	int r = depth < INCLUDE_DEPTH_MAX ? zw_source_read(conf->root_fd, path, &text, &len)
					  : -ELOOP;

	if (r < 0 && r != -ENOMEM && error)
		zw_str_addf(error, "cannot read \"%s\": %s", path, strerror(-r));
	for (rest = text; r == 0 && (line = strsep(&rest, "\n")) != NULL;)
		r = read_line(conf, line, path, at, depth, error);
	return r;
}

int zw_knotconf_read(struct zw_knotconf *conf, const char *path, struct zw_str *error)
{
	struct place at = {};

	return read_file(conf, path, &at, 0, error);
}

/* "zone.domain = x." introduces, "zone[x.].file = y" sets. */
static int parse_export_line(struct zw_knotconf *conf, char *line)
{
	bool zone = zw_startswith(line, "zone");
	const char *id_key = zone ? "domain" : "id";
	char *at = line + (zone ? strlen("zone") : strlen("template"));
	char *value = strstr(line, " = "), *end = strstr(line, "].");
	struct zw_knot_item *item;
	int r;

	if (!value || (!zone && !zw_startswith(line, "template")))
		return 0;
	if (*at == '[' && end && end < value) {
		*value = *end = '\0';
		r = get_item(conf, zone, at + 1, &item);
		return r < 0 ? r : set_item(item, end + 2, clean_value(value + 3));
	}
	*value = '\0';
	if (*at != '.' || !zw_streq(at + 1, id_key))
		return 0;
	return get_item(conf, zone, clean_value(value + 3), &item);
}

int zw_knotconf_parse_export(struct zw_knotconf *conf, char *text)
{
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n")) != NULL)
		r = parse_export_line(conf, line);
	return r;
}

static void add_unslashed(struct zw_str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		zw_str_add_char(out, text[i] == '/' ? '_' : text[i]);
}

/* Label @n from the right, 0 being the last; nothing when there is none. An escaped dot is no border. */
static void add_label(struct zw_str *out, const char *name, unsigned int n)
{
	size_t starts[128], count = 0, len = strlen(name);

	if (len <= 1)
		return;
	starts[count++] = 0;
	for (size_t i = 0; i + 1 < len && count < ZW_ARRAY_SIZE(starts); i++) {
		if (name[i] == '\\')
			i++;
		else if (name[i] == '.')
			starts[count++] = i + 1;
	}
	if (n >= count)
		return;
	size_t from = starts[count - 1 - n];
	size_t to = n == 0 ? len : starts[count - n];

	add_unslashed(out, name + from, to - 1 - from);
}

static bool parse_index(const char **at, unsigned int *ret_from, unsigned int *ret_to)
{
	unsigned int from, to;
	int used = 0;

	if (sscanf(*at, "[%3u]%n", &from, &used) == 1 && used > 0) {
		to = from;
	} else {
		used = 0;
		if (sscanf(*at, "[%3u-%3u]%n", &from, &to, &used) != 2 || used == 0 || to < from)
			return false;
	}
	*at += used;
	*ret_from = from;
	*ret_to = to;
	return true;
}

/* knot.conf(5), zone "file"; @name in lower case with the final dot. */
static void format_file(struct zw_str *out, const char *format, const char *name)
{
	size_t len = strlen(name);
	unsigned int from, to;

	for (const char *c = format; *c;) {
		if (*c != '%') {
			zw_str_add_char(out, *c++);
			continue;
		}
		char kind = c[1];

		c += kind ? 2 : 1;
		if (kind == '%') {
			zw_str_add_char(out, '%');
		} else if (kind == 's') {
			add_unslashed(out, name, len - 1);
		} else if (kind == 'c' && parse_index(&c, &from, &to)) {
			if (from < len)
				add_unslashed(out, name + from, (to < len ? to + 1 : len) - from);
		} else if (kind == 'l' && parse_index(&c, &from, &to)) {
			add_label(out, name, from);
		}
	}
}

static int add_zone(
	const struct zw_knotconf *conf, const struct zw_knot_item *zone, zw_server_zones *zones)
{
	const char *template = zone->template ? zone->template : "default";
	const struct zw_knot_item *from =
		zw_map_get(conf->template_by_id, template, strlen(template));
	const struct zw_knot_item none = {};
	const char *format = zone->file, *storage = zone->storage;
	_zw_free_ char *base = NULL, *relative = NULL, *file = NULL;
	_zw_str_ struct zw_str out = {};
	struct zw_server_zone *added;
	int r;

	from = from ? from : &none;
	format = format ? format : from->file ? from->file : FILE_DEFAULT;
	storage = storage ? storage : from->storage ? from->storage : STORAGE_DEFAULT;
	r = zw_server_zones_add(zones, zone->id, "_default", NULL,
		zone->secondary || from->secondary ? ZW_ZONE_SECONDARY : ZW_ZONE_PRIMARY);
	if (r < 0)
		return r;
	added = &zones->items[zones->len - 1];
	format_file(&out, format, added->name);
	r = zw_str_done(&out, &relative);
	if (r < 0)
		return r;
	base = zw_path_join(conf->cwd, storage);
	file = base ? zw_path_join(base, relative) : NULL;
	added->file = ZW_TAKE(file);
	return added->file ? 0 : -ENOMEM;
}

int zw_knotconf_zones(const struct zw_knotconf *conf, zw_server_zones *zones)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->zones.len; i++)
		r = add_zone(conf, conf->zones.items[i], zones);
	return r;
}
