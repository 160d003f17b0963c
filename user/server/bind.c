/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND 9 (named(8), named.conf(5)). Its configuration is read after the change of root (-t), and it works in
 * "directory", so that its cwd is the base of every relative path. Zones added with rndc are in VIEW.nzf, or
 * in the database VIEW.nzd of a BIND built with LMDB. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "dns/rawzone.h"
#include "server/axfr.h"
#include "server/namedconf.h"
#include "server/run.h"

static const char *const exes[] = {"named", NULL};
static const char *const tool_longs[] = {NULL};
static const char *const configs[] = {"/etc/bind/named.conf", "/etc/named.conf",
	"/usr/local/etc/named.conf", "/usr/local/etc/bind/named.conf", "/etc/namedb/named.conf",
	NULL};
static const char *const state_files[] = {"_default.nzf", "_default.nzd", NULL};
static const struct zw_needle needles[] = {
	{"include", ZW_NEEDLE_INCLUDE},
	{"view", ZW_NEEDLE_VIEW},
	{"catalog-zones", ZW_NEEDLE_CATALOG},
	{"zone-directory", ZW_NEEDLE_CATALOG},
	{NULL},
};
static const char shorts[] = "46A:c:Cd:D:E:fFgL:M:m:n:N:p:sS:t:T:U:u:vVx:X:";

static int config_of(const struct zw_args *args, char **ret_path)
{
	const char *path = zw_args_option(args, shorts, 'c', NULL);

	if (!path)
		return 0;
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

/* A private copy of a file of the server: its tools open databases for writing. */
static int copy_to_memory(const char *text, size_t len)
{
	_zw_close_ int fd = memfd_create("zonewitness-nzd", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += (size_t)n;
	}
	return ZW_TAKE_FD(fd);
}

static int read_nzd(struct zw_namedconf *conf, const char *path, const char *view, char *data,
	size_t len, struct zw_str *error)
{
	static const char *const argv[] = {"named-nzd2nzf", "/proc/self/fd/3", NULL};
	_zw_close_ int fd = copy_to_memory(data, len);
	_zw_free_ char *text = NULL;
	size_t text_len;
	int r;

	if (fd < 0)
		return fd;
	r = zw_run(&(struct zw_run){.argv = argv, .input_fd = fd, .drop = true}, &text, &text_len);
	if (r == -ENOENT) {
		zw_str_addf(
			error, "cannot read \"%s\": named-nzd2nzf is missing; install bind9", path);
		return r;
	}
	if (r < 0) {
		zw_str_addf(error, "cannot read \"%s\" with named-nzd2nzf: %s", path, strerror(-r));
		return r;
	}
	return zw_namedconf_parse(conf, text, text_len, path, view, error);
}

static int read_added_zones(
	struct zw_namedconf *conf, const char *dir, const char *view, struct zw_str *error)
{
	_zw_free_ char *nzf = zw_asprintf("%s/%s.nzf", dir, view);
	_zw_free_ char *nzd = zw_asprintf("%s/%s.nzd", dir, view);
	_zw_free_ char *text = NULL;
	size_t len;
	int r;

	/* A view whose name is no file name has its zones in a file named by a hash. */
	if (strchr(view, '/'))
		return 0;
	if (!nzf || !nzd)
		return -ENOMEM;
	r = zw_source_read(conf->root_fd, nzf, &text, &len);
	if (r == 0)
		return zw_namedconf_parse(conf, text, len, nzf, view, error);
	if (r == -ENOENT)
		r = zw_source_read(conf->root_fd, nzd, &text, &len);
	if (r == 0)
		return read_nzd(conf, nzd, view, text, len, error);
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	zw_str_addf(error, "cannot read the added zones of view \"%s\": %s", view, strerror(-r));
	return r;
}

#define CATALOG_PREFIX "__catz__"

static bool is_listed(const struct zw_namedconf *conf, const char *file)
{
	ZW_VEC_FOREACH(z, &conf->zones)
		if (z->file && zw_streq(z->file, file))
			return true;
	return false;
}

/* What zone a file in raw format is of. *ret_name NULL: it does not tell. */
static int name_inside(const struct zw_namedconf *conf, const char *path, char **ret_name)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	_zw_buffer_ struct zw_buffer head = {};
	char text[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	int r = zw_walk_path(conf->root_fd, path, true, &walk);

	*ret_name = NULL;
	if (r < 0 || walk.result < 0)
		return r;
	r = zw_file_read(walk.fd, ZW_RAWZONE_APEX, ZW_RAWZONE_APEX, &head);
	if (r == -ENOMEM)
		return r;
	if ((r < 0 && r != -EFBIG) || zw_rawzone_apex(head.data, head.len, name) < 0)
		return 0;
	zw_name_to_text(name, text);
	*ret_name = strdup(text);
	return *ret_name ? 0 : -ENOMEM;
}

/* The name of the member whose file is @path: "__catz__VIEW_CATALOG_MEMBER.db", and a hash of that where it is too long
 * or has unusual characters (lib/dns/catz.c of BIND 9.18, dns_catz_generate_masterfilepath); then its content tells.
 * *ret_name NULL: it is of another catalog, or does not tell yet. */
static int member_name(const struct zw_namedconf *conf, const struct zw_namedconf_catalog *c,
	const char *path, char **ret_name)
{
	size_t len = strlen(c->name), dot = len > 0 && c->name[len - 1] == '.';
	_zw_free_ char *prefix =
		zw_asprintf(CATALOG_PREFIX "%s_%.*s_", c->view, (int)(len - dot), c->name);
	const char *file = strrchr(path, '/') + 1;

	if (!prefix)
		return -ENOMEM;
	if (strncasecmp(file, prefix, strlen(prefix)) == 0) {
		file += strlen(prefix);
		*ret_name = strndup(file, strlen(file) - strlen(".db"));
		return *ret_name ? 0 : -ENOMEM;
	}
	*ret_name = NULL;
	if (strchr(file + strlen(CATALOG_PREFIX), '_') || is_listed(conf, path))
		return 0;
	return name_inside(conf, path, ret_name);
}

static int add_members(
	struct zw_namedconf *conf, const struct zw_namedconf_catalog *c, const char *cwd)
{
	_zw_free_ char *dir = zw_path_join(cwd, c->directory ? c->directory : "");
	_zw_free_ char *pattern = dir ? zw_path_join(dir, ZW_CATALOG_FILES) : NULL;
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!pattern)
		return -ENOMEM;
	r = zw_source_expand(conf->root_fd, pattern, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++) {
		_zw_free_ char *name = NULL;

		r = member_name(conf, c, paths.items[i], &name);
		if (r == 0 && name)
			r = zw_namedconf_add_zone(
				conf, name, c->view, paths.items[i], ZW_ZONE_SECONDARY);
	}
	/* Too many directories to search are those of a strange configuration. */
	return r == -E2BIG ? 0 : r;
}

/* The zone that named makes of zone number @i by signing it. */
static int add_signed(struct zw_namedconf *conf, size_t i)
{
	const struct zw_server_zone *from = &conf->zones.items[i];
	_zw_free_ char *file = zw_asprintf("%s.signed", from->file);
	_zw_free_ char *journal = zw_asprintf("%s.signed.jnl", from->file);
	_zw_free_ char *unsigned_file = strdup(from->file);
	struct zw_server_zone *to;
	int r;

	if (!file || !journal || !unsigned_file)
		return -ENOMEM;
	r = zw_server_zones_add(&conf->zones, from->name, from->view, file, from->role);
	if (r < 0)
		return r;
	to = &conf->zones.items[conf->zones.len - 1];
	to->journal = ZW_TAKE(journal);
	to->unsigned_file = ZW_TAKE(unsigned_file);
	return 0;
}

/* What belongs to each zone file: its journal, whether or not the zone can change now, since what is left of one is
 * loaded too; and the signed copy. The setting "journal" is for the unsigned one. */
static int add_companions(struct zw_namedconf *conf)
{
	size_t n = conf->zones.len;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct zw_server_zone *zone = &conf->zones.items[i];

		if (!zone->file || zone->role == ZW_ZONE_OTHER)
			continue;
		zone->journal = ZW_TAKE(conf->settings.items[i].journal);
		if (!zone->journal)
			zone->journal = zw_asprintf("%s.jnl", zone->file);
		r = zone->journal ? 0 : -ENOMEM;
		if (r == 0 && zw_namedconf_signs_inline(conf, i))
			r = add_signed(conf, i);
	}
	return r;
}

/* A zone without a file is in its memory. Which of several views an address is answered from is not for us to know. */
static void mark_fileless(struct zw_namedconf *conf)
{
	ZW_VEC_FOREACH(z, &conf->zones)
		if (!z->file && z->role != ZW_ZONE_OTHER && conf->views.len <= 1)
			z->source = ZW_ZONE_SOURCE_SERVER;
}

static int read_config(
	struct zw_namedconf *conf, const struct zw_server *server, struct zw_str *error)
{
	_zw_free_ char *added = NULL;
	int r = zw_namedconf_read(conf, server->config, "_default", error);

	if (r < 0)
		return r;
	added = zw_path_join(
		server->cwd, conf->new_zones_directory ? conf->new_zones_directory : "");
	if (!added)
		return -ENOMEM;
	if (conf->views.len == 0)
		r = read_added_zones(conf, added, "_default", error);
	for (size_t i = 0; r == 0 && i < conf->views.len; i++)
		r = read_added_zones(conf, added, conf->views.items[i], error);
	if (r == 0)
		r = zw_namedconf_resolve(conf, server->cwd);
	for (size_t i = 0; r == 0 && i < conf->catalogs.len; i++)
		if (!conf->catalogs.items[i].in_memory)
			r = add_members(conf, &conf->catalogs.items[i], server->cwd);
	if (r == 0)
		mark_fileless(conf);
	return r < 0 ? r : add_companions(conf);
}

static int list(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	_zw_namedconf_ struct zw_namedconf conf = {.root_fd = roots->own, .cwd = server->cwd};
	_zw_str_ struct zw_str why = {};
	int r;

	(void)proc_root;
	if (!server->config)
		return zw_server_fail(server, error, -ENOENT,
			"no named.conf found in its root; name it in the configuration under servers");
	r = read_config(&conf, server, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	*zones = conf.zones;
	conf.zones = (zw_server_zones){};
	return 0;
}

static int state(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, struct zw_state_target *target, struct zw_str *error)
{
	(void)roots;
	(void)proc_root;
	(void)error;
	return zw_axfr_target(server, "allow-transfer { localhost; };", target);
}

const struct zw_server_driver zw_driver_bind = {
	.exes = exes,
	.shorts = shorts,
	.tool_shorts = "vV",
	.tool_longs = tool_longs,
	.config_of = config_of,
	.configs = configs,
	.needles = needles,
	.state_files = state_files,
	.list = list,
	.state = state,
};
