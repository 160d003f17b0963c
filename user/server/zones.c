/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lists that discovery returns, and what all drivers share in filling them. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "server/driver.h"

static const char *const kind_names[] = {
	[ZW_SERVER_NONE] = "none",
	[ZW_SERVER_BIND] = "bind",
	[ZW_SERVER_KNOT] = "knot",
	[ZW_SERVER_NSD] = "nsd",
	[ZW_SERVER_PDNS] = "pdns",
};
static_assert(ZW_ARRAY_SIZE(kind_names) == _ZW_SERVER_KIND_MAX, "a kind has no name");

static const struct zw_server_driver *const drivers[] = {
	[ZW_SERVER_BIND] = &zw_driver_bind,
	[ZW_SERVER_KNOT] = &zw_driver_knot,
	[ZW_SERVER_NSD] = &zw_driver_nsd,
	[ZW_SERVER_PDNS] = &zw_driver_pdns,
};
static_assert(ZW_ARRAY_SIZE(drivers) == _ZW_SERVER_KIND_MAX, "a kind has no driver");

const char *zw_server_kind_to_string(enum zw_server_kind kind)
{
	return (unsigned int)kind < _ZW_SERVER_KIND_MAX ? kind_names[kind] : "unknown";
}

int zw_server_kind_from_string(const char *text, enum zw_server_kind *ret_kind)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(kind_names); i++) {
		if (!zw_streq(text, kind_names[i]))
			continue;
		*ret_kind = (enum zw_server_kind)i;
		return 0;
	}
	return -EINVAL;
}

const struct zw_server_driver *zw_server_driver(enum zw_server_kind kind)
{
	return (unsigned int)kind < _ZW_SERVER_KIND_MAX ? drivers[kind] : NULL;
}

void zw_server_done(struct zw_server *server)
{
	free(server->config);
	free(server->control);
	free(server->cwd);
	free(server->chroot);
	ZW_VEC_FOREACH(l, &server->listens)
		free(*l);
	zw_vec_free(&server->listens);
	ZW_VEC_FOREACH(c, &server->controls)
		free(c->path);
	zw_vec_free(&server->controls);
}

void zw_servers_done(zw_servers *servers)
{
	ZW_VEC_FOREACH(s, servers)
		zw_server_done(s);
	zw_vec_free(servers);
}

void zw_server_zones_done(zw_server_zones *zones)
{
	ZW_VEC_FOREACH(z, zones) {
		free(z->name);
		free(z->view);
		free(z->file);
		free(z->journal);
		free(z->unsigned_file);
	}
	zw_vec_free(zones);
}

/* Lower case with the final dot. An escaped dot at the end is no final dot. */
static char *normal_name(const char *name)
{
	size_t n = strlen(name), escapes = 0;
	char *text = malloc(n + 2);

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	while (escapes + 2 <= n && name[n - 1] == '.' && name[n - 2 - escapes] == '\\')
		escapes++;
	if (n == 0 || name[n - 1] != '.' || escapes % 2 == 1)
		text[n++] = '.';
	text[n] = '\0';
	return text;
}

int zw_server_zones_add(zw_server_zones *zones, const char *name, const char *view,
	const char *file, enum zw_zone_role role)
{
	struct zw_server_zone zone = {.role = role};
	int r = -ENOMEM;

	zone.name = normal_name(name);
	zone.view = strdup(view);
	zone.file = file ? strdup(file) : NULL;
	if (zone.name && zone.view && (zone.file || !file))
		r = zw_vec_push(zones, zone);
	if (r < 0) {
		free(zone.name);
		free(zone.view);
		free(zone.file);
	}
	return r;
}

int zw_server_fail(
	const struct zw_server *server, struct zw_str *error, int r, const char *fmt, ...)
{
	_zw_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (error)
		zw_str_addf(error, "%s (pid %d): %s", zw_server_kind_to_string(server->kind),
			(int)server->pid, text ? text : "out of memory");
	return r;
}

void zw_server_roots_done(struct zw_server_roots *roots)
{
	if (roots->config != roots->own)
		zw_closep(&roots->config);
	zw_closep(&roots->own);
	roots->own = roots->config = -1;
}

int zw_server_list_zones(const struct zw_server *server, const char *proc_root,
	zw_server_zones *ret_zones, struct zw_str *error)
{
	_zw_cleanup_(zw_server_zones_done) zw_server_zones zones = {};
	_zw_server_roots_ struct zw_server_roots roots = {-1, -1};
	const struct zw_server_driver *driver = zw_server_driver(server->kind);
	int r;

	if (!driver)
		return zw_server_fail(server, error, -EINVAL, "has no zones of its own");
	r = zw_server_roots_open(server, proc_root, &roots);
	if (r < 0)
		return zw_server_fail(server, error, r, "its root directory cannot be opened: %s%s",
			strerror(-r), r == -EACCES || r == -EPERM ? "; run as root" : "");
	r = driver->list(server, &roots, proc_root, &zones, error);
	if (r == -ENOMEM)
		return zw_server_fail(server, error, r, "out of memory");
	if (r < 0)
		return r;
	ret_zones->items = ZW_TAKE(zones.items);
	ret_zones->len = zones.len;
	ret_zones->cap = zones.cap;
	zones.len = 0;
	return 0;
}
