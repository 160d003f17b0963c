/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NSD 4 (nsd.conf(5), "FILE FORMAT"). It reads its configuration, then changes its root and goes to zonesdir,
 * its cwd; zones added with nsd-control are in zone.list with the name of their pattern. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "server/axfr.h"

#define INCLUDE_DEPTH_MAX 16
#define ZONE_LIST_DEFAULT "/var/lib/nsd/zone.list"

static const char *const exes[] = {"nsd", NULL};
static const char *const tool_longs[] = {NULL};
static const char *const configs[] = {
	"/etc/nsd/nsd.conf", "/usr/local/etc/nsd/nsd.conf", "/etc/nsd.conf", NULL};
static const char *const state_files[] = {ZONE_LIST_DEFAULT, NULL};
static const struct zw_needle needles[] = {
	{"include:", ZW_NEEDLE_INCLUDE},
	{"zonelistfile:", ZW_NEEDLE_STATE},
	{NULL},
};
static const char shorts[] = "46a:c:df:hi:I:l:N:n:P:p:s:u:t:X:V:v";

enum section { SECTION_OTHER, SECTION_SERVER, SECTION_PATTERN, SECTION_ZONE };

/* A pattern, or a zone, which is a pattern with a name of its own. */
struct pattern {
	char *name, *file;
	bool secondary;
};

struct parser {
	const struct zw_server *server;
	int root_fd;
	enum section section;
	struct pattern *open; /* the pattern or zone whose attributes follow */
	ZW_VEC(struct pattern *) zones;
	struct zw_map *patterns; /* by name; values owned */
	char *zone_list;
	struct zw_str *error;
};

static void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->file);
	free(p);
}

static void parser_done(struct parser *p)
{
	void *value;

	ZW_VEC_FOREACH(z, &p->zones)
		pattern_free(*z);
	zw_vec_free(&p->zones);
	for (size_t it = 0; p->patterns && zw_map_next(p->patterns, &it, NULL, NULL, &value);)
		pattern_free(value);
	if (p->patterns)
		zw_map_free(p->patterns);
	if (p->section == SECTION_PATTERN)
		pattern_free(p->open);
	free(p->zone_list);
}

/* The next word: quoted, or up to a blank; comments are skipped. NULL at the end. */
static char *next_word(char **at, bool *ret_quoted)
{
	char *c = *at, *word;

	for (;;) {
		c += strspn(c, " \t\r\n");
		if (*c != '#')
			break;
		c += strcspn(c, "\n");
	}
	if (*c == '\0')
		return NULL;
	*ret_quoted = *c == '"' || *c == '\'';
	if (*ret_quoted) {
		char quote[] = {*c, '\n', '\0'};

		word = ++c;
		c += strcspn(c, quote);
	} else {
		word = c;
		c += strcspn(c, " \t\r\n");
	}
	if (*c)
		*c++ = '\0';
	*at = c;
	return word;
}

/* A pattern counts from where it ends. */
static int close_pattern(struct parser *p)
{
	struct pattern *done = p->open;
	void *old = NULL;
	int r;

	p->open = NULL;
	if (p->section != SECTION_PATTERN || !done)
		return 0;
	r = done->name ? zw_map_put(p->patterns, done->name, strlen(done->name), done, &old)
		       : -EBADMSG;
	if (r < 0) {
		pattern_free(done);
		return r == -EBADMSG ? 0 : r;
	}
	pattern_free(old);
	return 0;
}

static int open_section(struct parser *p, enum section section)
{
	int r = close_pattern(p);

	p->section = section;
	if (r < 0 || (section != SECTION_PATTERN && section != SECTION_ZONE))
		return r;
	p->open = calloc(1, sizeof(*p->open));
	if (!p->open)
		return -ENOMEM;
	if (section == SECTION_PATTERN)
		return 0;
	r = zw_vec_push(&p->zones, p->open);
	if (r < 0) {
		free(p->open);
		p->open = NULL;
	}
	return r;
}

/* What the included pattern sets overrides what was set before (NSD options.c). */
static int apply_pattern(struct parser *p, struct pattern *to, const char *name)
{
	const struct pattern *from = zw_map_get(p->patterns, name, strlen(name));

	if (!from)
		return 0;
	to->secondary = to->secondary || from->secondary;
	return from->file ? zw_text_set(&to->file, from->file) : 0;
}

static int attribute(struct parser *p, const char *key, const char *value)
{
	if (p->section == SECTION_SERVER && zw_streq(key, "zonelistfile:"))
		return zw_text_set(&p->zone_list, value);
	if (!p->open)
		return 0;
	if (zw_streq(key, "name:"))
		return zw_text_set(&p->open->name, value);
	if (zw_streq(key, "zonefile:"))
		return zw_text_set(&p->open->file, value);
	if (zw_streq(key, "include-pattern:"))
		return apply_pattern(p, p->open, value);
	if (zw_streq(key, "request-xfr:"))
		p->open->secondary = true;
	return 0;
}

static int read_file(struct parser *p, const char *path, unsigned int depth);

static int include(struct parser *p, const char *from, const char *pattern, unsigned int depth)
{
	_zw_free_ char *here = zw_path_dir(from);
	const char *const bases[] = {p->server->cwd, here};
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!here)
		return -ENOMEM;
	r = zw_source_include(p->root_fd, bases, ZW_ARRAY_SIZE(bases), pattern, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = read_file(p, paths.items[i], depth + 1);
	return r;
}

static int read_file(struct parser *p, const char *path, unsigned int depth)
{
	static const struct {
		const char *key;
		enum section section;
	} sections[] = {
		{"server:", SECTION_SERVER},
		{"pattern:", SECTION_PATTERN},
		{"zone:", SECTION_ZONE},
		{"key:", SECTION_OTHER},
		{"tls-auth:", SECTION_OTHER},
		{"remote-control:", SECTION_OTHER},
		{"verify:", SECTION_OTHER},
		{"dnstap:", SECTION_OTHER},
	};
	static const char *const keys[] = {
		"zonelistfile:", "name:", "zonefile:", "include-pattern:", "request-xfr:"};
	_zw_free_ char *text = NULL;
	char *at, *word;
	bool quoted;
	size_t len;
	int r = depth < INCLUDE_DEPTH_MAX ? zw_source_read(p->root_fd, path, &text, &len) : -ELOOP;

	if (r < 0 && r != -ENOMEM)
		zw_str_addf(p->error, "cannot read \"%s\": %s", path, strerror(-r));
	for (at = text; r == 0 && (word = next_word(&at, &quoted)) != NULL;) {
		if (quoted)
			continue;
		for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(sections); i++)
			if (zw_streq(word, sections[i].key))
				r = open_section(p, sections[i].section);
		if (r == 0 && zw_streq(word, "include:") &&
			(word = next_word(&at, &quoted)) != NULL)
			r = include(p, path, word, depth);
		for (size_t i = 0; r == 0 && word && i < ZW_ARRAY_SIZE(keys); i++) {
			if (!zw_streq(word, keys[i]))
				continue;
			word = next_word(&at, &quoted);
			r = word ? attribute(p, keys[i], word) : 0;
			break;
		}
	}
	return r;
}

/* The @n-th label of @name from the right, 1 being the last, in lower case; "." when there is none. */
static void add_label(struct zw_str *out, const char *name, int n)
{
	const char *end = name + strlen(name), *start;

	if (end > name && end[-1] == '.')
		end--;
	for (;;) {
		for (start = end; start > name && start[-1] != '.';)
			start--;
		if (--n == 0 || start == name)
			break;
		end = start - 1;
	}
	if (n > 0 || start == end) {
		zw_str_add_char(out, '.');
		return;
	}
	for (const char *c = start; c < end; c++)
		zw_str_add_char(out, (char)tolower((unsigned char)*c));
}

/* nsd.conf(5), "zonefile"; the name is used as it is written. */
static int make_file(const struct zw_server *server, const struct pattern *zone, char **ret_path)
{
	_zw_str_ struct zw_str out = {};
	_zw_free_ char *text = NULL;
	size_t n = strlen(zone->name);
	int r;

	for (const char *c = zone->file; *c; c++) {
		if (c[0] != '%' || !strchr("s123zyx", c[1]) || c[1] == '\0') {
			zw_str_add_char(&out, *c);
			continue;
		}
		c++;
		if (*c == 's')
			zw_str_add(&out, zone->name);
		else if (*c >= '1' && *c <= '3')
			zw_str_add_char(&out, (size_t)(*c - '0') <= n ? zone->name[*c - '1'] : '.');
		else
			add_label(&out, zone->name, 'z' - *c + 1);
	}
	r = zw_str_done(&out, &text);
	if (r < 0)
		return r;
	/* Absolute paths are written with the directory that becomes the root. */
	*ret_path = zw_path_join(server->cwd, zw_path_inside(server->chroot, text));
	return *ret_path ? 0 : -ENOMEM;
}

/* What was transferred it answers from at once, and writes to a file on a tick of its own, if ever. */
static int add_zone(struct parser *p, const struct pattern *zone, zw_server_zones *zones)
{
	_zw_free_ char *file = NULL;
	int r = 0;

	if (!zone->name)
		return 0;
	if (zone->file && zone->file[0])
		r = make_file(p->server, zone, &file);
	if (r < 0)
		return r;
	r = zw_server_zones_add(zones, zone->name, "_default", file,
		zone->secondary ? ZW_ZONE_SECONDARY : ZW_ZONE_PRIMARY);
	if (r == 0 && zone->secondary)
		zones->items[zones->len - 1].source =
			file ? ZW_ZONE_SOURCE_COPY : ZW_ZONE_SOURCE_SERVER;
	return r;
}

/* Lines "add ZONE PATTERN"; deleted ones are overwritten with "del". */
static int read_zone_list(struct parser *p, int root_fd, zw_server_zones *zones)
{
	const char *listed = p->zone_list ? p->zone_list : ZONE_LIST_DEFAULT;
	_zw_free_ char *path =
		zw_path_join(p->server->cwd, zw_path_inside(p->server->chroot, listed));
	_zw_free_ char *text = NULL;
	char *line, *rest;
	size_t len;
	int r;

	if (!path)
		return -ENOMEM;
	r = zw_source_read(root_fd, path, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		zw_str_addf(p->error, "cannot read \"%s\": %s", path, strerror(-r));
		return r;
	}
	for (rest = text; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		char *word = strsep(&line, " "), *name = strsep(&line, " ");
		const struct pattern *from;

		if (!name || !line || !zw_streq(word, "add"))
			continue;
		from = zw_map_get(p->patterns, line, strlen(line));
		if (from)
			r = add_zone(
				p, &(struct pattern){name, from->file, from->secondary}, zones);
	}
	return r;
}

static int list(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	_zw_str_ struct zw_str why = {};
	_zw_cleanup_(parser_done) struct parser p = {
		.server = server, .root_fd = roots->config, .error = &why};
	int r;

	(void)proc_root;
	if (!server->config)
		return zw_server_fail(server, error, -ENOENT,
			"no nsd.conf found; name it in the configuration under servers");
	r = zw_map_new(&p.patterns);
	if (r == 0)
		r = read_file(&p, server->config, 0);
	if (r == 0)
		r = close_pattern(&p);
	for (size_t i = 0; r == 0 && i < p.zones.len; i++)
		r = add_zone(&p, p.zones.items[i], zones);
	if (r == 0)
		r = read_zone_list(&p, roots->own, zones);
	if (r < 0 && r != -ENOMEM)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	return r;
}

static int state(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, struct zw_state_target *target, struct zw_str *error)
{
	(void)roots;
	(void)proc_root;
	(void)error;
	return zw_axfr_target(server, "provide-xfr: 127.0.0.1 NOKEY", target);
}

static int config_of(const struct zw_args *args, char **ret_path)
{
	const char *path = zw_args_option(args, shorts, 'c', NULL);

	if (!path)
		return 0;
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

const struct zw_server_driver zw_driver_nsd = {
	.exes = exes,
	.shorts = shorts,
	.tool_shorts = "hv",
	.tool_longs = tool_longs,
	.config_of = config_of,
	.configs = configs,
	.config_before_chroot = true,
	.needles = needles,
	.state_files = state_files,
	.list = list,
	.state = state,
};
