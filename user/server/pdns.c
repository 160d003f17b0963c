/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PowerDNS Authoritative with the bind backend (pdns.conf is KEY=VALUE; "bind-config" names a file in the
 * syntax of named.conf). Its other backends keep zones in databases, not in zone files. */
#include <errno.h>
#include <string.h>

#include "server/namedconf.h"
#include "server/pdns_control.h"

#define RUNDIR_DEFAULT "/var/run/pdns"
#define INCLUDE_DEPTH_MAX 8

static const char *const exes[] = {"pdns_server", NULL};
static const char *const tool_longs[] = {"version", "help", "list-modules", "config", NULL};
static const char *const configs[] = {
	"/etc/powerdns/pdns.conf", "/etc/pdns/pdns.conf", "/usr/local/etc/pdns.conf", NULL};
static const char *const state_files[] = {NULL};
static const struct zw_needle needles[] = {
	{"directory", ZW_NEEDLE_BASE},
	{"include-dir", ZW_NEEDLE_DIR},
	{"config", ZW_NEEDLE_INCLUDE},  /* bind-config, bind-NAME-config */
	{"include", ZW_NEEDLE_INCLUDE}, /* in the file it names */
	{NULL},
};

struct setting {
	char *key, *value;
};

struct settings {
	ZW_VEC(struct setting) list;
	struct zw_str *error;
};

static void settings_done(struct settings *s)
{
	ZW_VEC_FOREACH(i, &s->list) {
		free(i->key);
		free(i->value);
	}
	zw_vec_free(&s->list);
}

static struct setting *find_setting(const struct settings *s, const char *key)
{
	for (size_t i = 0; i < s->list.len; i++)
		if (zw_streq(s->list.items[i].key, key))
			return &s->list.items[i];
	return NULL;
}

static const char *get(const struct settings *s, const char *key)
{
	const struct setting *i = find_setting(s, key);

	return i ? i->value : NULL;
}

/* key=value replaces, key+=value adds to what was set. */
static int set(struct settings *s, const char *key, const char *value, bool append)
{
	struct setting *old = find_setting(s, key), new = {};
	char *text = append && old && old->value[0] ? zw_asprintf("%s,%s", old->value, value)
						    : strdup(value);
	int r = -ENOMEM;

	if (text && old) {
		free(old->value);
		old->value = text;
		return 0;
	}
	new.key = strdup(key);
	new.value = text;
	if (new.key &&new.value)
		r = zw_vec_push(&s->list, new);
	if (r < 0) {
		free(new.key);
		free(new.value);
	}
	return r;
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static int set_line(struct settings *s, char *line)
{
	char *comment = strchr(line, '#'), *equal;
	bool append;

	if (comment)
		*comment = '\0';
	equal = strchr(line, '=');
	if (!equal)
		return 0;
	append = equal > line && equal[-1] == '+';
	equal[append ? -1 : 0] = '\0';
	return set(s, trim(line), trim(equal + 1), append);
}

static int read_settings(
	struct settings *s, int root_fd, const char *cwd, const char *path, unsigned int depth)
{
	_zw_free_ char *text = NULL, *dir = NULL, *pattern = NULL;
	_zw_paths_ zw_paths paths = {};
	const char *include_dir;
	char *rest, *line;
	size_t len;
	int r = depth < INCLUDE_DEPTH_MAX ? zw_source_read(root_fd, path, &text, &len) : -ELOOP;

	if (r < 0 && r != -ENOMEM)
		zw_str_addf(s->error, "cannot read \"%s\": %s", path, strerror(-r));
	for (rest = text; r == 0 && (line = strsep(&rest, "\n")) != NULL;)
		r = set_line(s, line);
	include_dir = get(s, "include-dir");
	/* Files of the directory are read after the main file. */
	if (r < 0 || depth > 0 || !include_dir || !include_dir[0])
		return r;
	dir = zw_path_join(cwd, include_dir);
	pattern = dir ? zw_path_join(dir, "*.conf") : NULL;
	if (!pattern)
		return -ENOMEM;
	r = zw_source_expand(root_fd, pattern, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = read_settings(s, root_fd, cwd, paths.items[i], depth + 1);
	return r;
}

/* --key=value on the command line overrides the files. */
static int apply_args(struct settings *s, const struct zw_args *args)
{
	for (size_t i = 1; i < args->argv.len; i++) {
		const char *arg = args->argv.items[i];
		_zw_free_ char *line = NULL;
		int r;

		if (!zw_startswith(arg, "--") || !strchr(arg, '='))
			continue;
		line = strdup(arg + 2);
		r = line ? set_line(s, line) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_backend(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *config, zw_server_zones *zones, struct zw_str *why)
{
	_zw_namedconf_ struct zw_namedconf conf = {
		.root_fd = roots->own, .cwd = server->cwd, .includes_in_directory = true};
	_zw_free_ char *path = zw_path_join(server->cwd, config), *base = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = zw_namedconf_read(&conf, path, "_default", why);
	if (r < 0)
		return r;
	base = zw_path_join(server->cwd, conf.directory ? conf.directory : "");
	r = base ? zw_namedconf_resolve(&conf, base) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < conf.zones.len; i++) {
		struct zw_server_zone *zone = &conf.zones.items[i];

		r = zw_vec_push(zones, *zone);
		if (r == 0)
			*zone = (struct zw_server_zone){};
	}
	return r;
}

static bool is_bind(const char *backend)
{
	return zw_streq(backend, "bind") || zw_startswith(backend, "bind:");
}

/* The control socket as the server sees it (pdns/dynlistener.cc): named after the program, which --config-name
 * renames, and not in the usual place once its root was changed. */
static char *socket_path(const struct zw_server *server, const struct settings *s)
{
	const char *dir = get(s, "socket-dir"), *name = get(s, "config-name");
	bool jailed = server->chroot && server->chroot[0];
	_zw_free_ char *base = NULL;

	base = zw_path_join("/", dir && dir[0] ? dir : jailed ? "" : RUNDIR_DEFAULT);
	return base ? zw_asprintf("%s/pdns%s%s.controlsocket", base, name && name[0] ? "-" : "",
			      name ? name : "")
		    : NULL;
}

/* A server that cannot be asked, as one that just starts, serves what its configuration says. One that is only busy may
 * have more, which must not be taken for gone. */
static int add_running(const struct zw_server *server, const struct zw_server_roots *roots,
	const struct settings *s, zw_server_zones *zones, struct zw_str *why)
{
	_zw_free_ char *path = socket_path(server, s);
	int r = path ? zw_pdns_list_running(roots, path, zones) : -ENOMEM;

	if (r == -ETIME)
		zw_str_addf(why, "its control socket \"%s\" does not answer", path);
	return r == -ENOMEM || r == -ETIME ? r : 0;
}

/* "bind" is configured by bind-config, the instance "bind:NAME" by bind-NAME-config. */
static int list_launched(const struct zw_server *server, const struct zw_server_roots *roots,
	const struct settings *s, zw_server_zones *zones, struct zw_str *why)
{
	const char *launch = get(s, "launch");
	_zw_free_ char *backends = strdup(launch ? launch : "");
	char *rest = backends, *backend;
	int r = backends ? 0 : -ENOMEM;
	bool any = false;

	while (r == 0 && (backend = strsep(&rest, ", \t")) != NULL) {
		_zw_free_ char *key = NULL;
		const char *config;

		if (!is_bind(backend))
			continue;
		any = true;
		key = backend[4] == ':' ? zw_asprintf("bind-%s-config", backend + 5)
					: strdup("bind-config");
		if (!key)
			return -ENOMEM;
		config = get(s, key);
		if (config && config[0])
			r = list_backend(server, roots, config, zones, why);
	}
	return r == 0 && any ? add_running(server, roots, s, zones, why) : r;
}

static int list(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	_zw_str_ struct zw_str why = {};
	_zw_cleanup_(settings_done) struct settings s = {.error = &why};
	_zw_args_ struct zw_args args = {};
	int r = zw_args_read(proc_root, server->pid, &args);

	if (r == 0 && !server->config)
		zw_str_add(&why, "no pdns.conf found; name it in the configuration under servers");
	if (r == 0)
		r = server->config
			    ? read_settings(&s, roots->config, server->cwd, server->config, 0)
			    : -ENOENT;
	if (r == 0)
		r = apply_args(&s, &args);
	if (r == 0)
		r = list_launched(server, roots, &s, zones, &why);
	if (r < 0 && r != -ENOMEM)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	return r;
}

static int config_of(const struct zw_args *args, char **ret_path)
{
	const char *dir = zw_args_option(args, "", 0, "config-dir");
	const char *name = zw_args_option(args, "", 0, "config-name");

	if (!dir && !name)
		return 0;
	*ret_path = zw_asprintf("%s/pdns%s%s.conf", dir ? dir : "/etc/powerdns",
		name && name[0] ? "-" : "", name ? name : "");
	return *ret_path ? 0 : -ENOMEM;
}

const struct zw_server_driver zw_driver_pdns = {
	.exes = exes,
	.shorts = "",
	.tool_shorts = "",
	.tool_longs = tool_longs,
	.config_of = config_of,
	.configs = configs,
	.config_before_chroot = true,
	.needles = needles,
	.state_files = state_files,
	.list = list,
};
