/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/pdnsconf.h"

#include <errno.h>
#include <string.h>

#define INCLUDE_DEPTH_MAX 8

void zw_pdnsconf_done(struct zw_pdnsconf *conf)
{
	ZW_VEC_FOREACH(i, &conf->settings) {
		free(i->key);
		free(i->value);
	}
	zw_vec_free(&conf->settings);
}

static struct zw_pdnsconf_setting *find_setting(const struct zw_pdnsconf *conf, const char *key)
{
	for (size_t i = 0; i < conf->settings.len; i++)
		if (zw_streq(conf->settings.items[i].key, key))
			return &conf->settings.items[i];
	return NULL;
}

const char *zw_pdnsconf_get(const struct zw_pdnsconf *conf, const char *key)
{
	const struct zw_pdnsconf_setting *i = find_setting(conf, key);

	return i ? i->value : NULL;
}

/* key=value replaces, key+=value adds to what was set. */
static int set(struct zw_pdnsconf *conf, const char *key, const char *value, bool append)
{
	struct zw_pdnsconf_setting *old = find_setting(conf, key), new = {};
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
		r = zw_vec_push(&conf->settings, new);
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

static int set_line(struct zw_pdnsconf *conf, char *line)
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
	return set(conf, trim(line), trim(equal + 1), append);
}

static int read_settings(struct zw_pdnsconf *conf, int root_fd, const char *cwd, const char *path,
	unsigned int depth)
{
	_zw_free_ char *text = NULL, *dir = NULL, *pattern = NULL;
	_zw_paths_ zw_paths paths = {};
	const char *include_dir;
	char *rest, *line;
	size_t len;
	int r = depth < INCLUDE_DEPTH_MAX ? zw_source_read(root_fd, path, &text, &len) : -ELOOP;

	if (r < 0 && r != -ENOMEM)
		zw_str_addf(conf->error, "cannot read \"%s\": %s", path, strerror(-r));
	for (rest = text; r == 0 && (line = strsep(&rest, "\n")) != NULL;)
		r = set_line(conf, line);
	include_dir = zw_pdnsconf_get(conf, "include-dir");
	/* Files of the directory are read after the main file. */
	if (r < 0 || depth > 0 || !include_dir || !include_dir[0])
		return r;
	dir = zw_path_join(cwd, include_dir);
	pattern = dir ? zw_path_join(dir, "*.conf") : NULL;
	if (!pattern)
		return -ENOMEM;
	r = zw_source_expand(root_fd, pattern, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = read_settings(conf, root_fd, cwd, paths.items[i], depth + 1);
	return r;
}

/* --key=value on the command line overrides the files. */
static int apply_args(struct zw_pdnsconf *conf, const struct zw_args *args)
{
	for (size_t i = 1; i < args->argv.len; i++) {
		const char *arg = args->argv.items[i];
		_zw_free_ char *line = NULL;
		int r;

		if (!zw_startswith(arg, "--") || !strchr(arg, '='))
			continue;
		line = strdup(arg + 2);
		r = line ? set_line(conf, line) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_backend(const char *launched, const char *backend)
{
	size_t n = strlen(backend);

	return strncmp(launched, backend, n) == 0 && (launched[n] == '\0' || launched[n] == ':');
}

/* *ret_value is NULL when @launched is not @backend, or has no value. Without an @option the value is @launched. */
static int backend_option(const struct zw_pdnsconf *conf, const char *launched, const char *backend,
	const char *option, const char **ret_value)
{
	size_t n = strlen(backend);
	_zw_free_ char *key = NULL;
	const char *value;

	*ret_value = NULL;
	if (!is_backend(launched, backend))
		return 0;
	if (!option) {
		*ret_value = launched;
		return 0;
	}
	key = launched[n] == ':' ? zw_asprintf("%s-%s-%s", backend, launched + n + 1, option)
				 : zw_asprintf("%s-%s", backend, option);
	if (!key)
		return -ENOMEM;
	value = zw_pdnsconf_get(conf, key);
	*ret_value = value && value[0] ? value : NULL;
	return 0;
}

int zw_pdnsconf_each(const struct zw_pdnsconf *conf, const char *backend, const char *option,
	int (*fn)(void *ctx, const char *value), void *ctx)
{
	const char *launch = zw_pdnsconf_get(conf, "launch");
	_zw_free_ char *backends = strdup(launch ? launch : "");
	char *rest = backends, *launched;
	int r = backends ? 0 : -ENOMEM;

	while (r == 0 && (launched = strsep(&rest, ", \t")) != NULL) {
		const char *value;

		r = backend_option(conf, launched, backend, option, &value);
		if (r == 0 && value)
			r = fn(ctx, value);
	}
	return r;
}

static int is_launched(void *ctx, const char *launched)
{
	(void)launched;
	*(bool *)ctx = true;
	return 0;
}

bool zw_pdnsconf_launches(const struct zw_pdnsconf *conf, const char *backend)
{
	bool launched = false;

	/* Out of memory it is not launched, and whatever comes next fails. */
	(void)zw_pdnsconf_each(conf, backend, NULL, is_launched, &launched);
	return launched;
}

int zw_pdnsconf_load(struct zw_pdnsconf *conf, const struct zw_server *server,
	const struct zw_server_roots *roots, const char *proc_root)
{
	_zw_args_ struct zw_args args = {};
	int r = zw_args_read(proc_root, server->pid, &args);

	if (r == 0 && !server->config) {
		zw_str_add(conf->error,
			"no pdns.conf found; name it in the configuration under servers");
		r = -ENOENT;
	}
	if (r == 0)
		r = read_settings(conf, roots->config, server->cwd, server->config, 0);
	return r < 0 ? r : apply_args(conf, &args);
}
