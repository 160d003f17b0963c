/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PowerDNS Authoritative with the bind backend, where "bind-config" names a file in the syntax of named.conf, and the
 * gsqlite3 backend, where "gsqlite3-database" names a database. Of other backends the server itself says what zones they
 * have, and lets a loopback address have them; but for those of gsqlite3 beside them. */
#include <errno.h>
#include <string.h>

#include "server/axfr.h"
#include "server/namedconf.h"
#include "server/pdns_control.h"
#include "server/pdnsconf.h"

#define RUNDIR_DEFAULT "/var/run/pdns"
/* Of "default-ttl". */
#define TTL_DEFAULT 3600
#define LIST_TIMEOUT_MS 5000
/* Of "lmdb-filename" and "lmdb-shards"; more shards are not watched one by one. */
#define LMDB_DEFAULT "/var/lib/powerdns/pdns.lmdb"
#define LMDB_SHARDS_DEFAULT 64
#define LMDB_SHARDS_MAX 64

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

/* The control socket as the server sees it (pdns/dynlistener.cc): named after the program, which --config-name
 * renames, and not in the usual place once its root was changed. */
static char *socket_path(const struct zw_server *server, const struct zw_pdnsconf *s)
{
	const char *dir = zw_pdnsconf_get(s, "socket-dir"),
		   *name = zw_pdnsconf_get(s, "config-name");
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
	const struct zw_pdnsconf *s, zw_server_zones *zones, struct zw_str *why)
{
	_zw_free_ char *path = socket_path(server, s);
	int r = path ? zw_pdns_list_running(roots, path, zones) : -ENOMEM;

	if (r == -ETIME)
		zw_str_addf(why, "its control socket \"%s\" does not answer", path);
	return r == -ENOMEM || r == -ETIME ? r : 0;
}

/* Whether some backend is launched that nobody but the server can read. */
static bool has_opaque_backend(const struct zw_pdnsconf *s)
{
	static const char *const readable[] = {"bind", "gsqlite3"};
	const char *launch = zw_pdnsconf_get(s, "launch");
	size_t known = 0, words = 0;

	for (const char *at = launch ? launch : ""; *(at += strspn(at, ", \t"));) {
		size_t len = strcspn(at, ", \t"), name = strcspn(at, ":, \t");

		words++;
		for (size_t i = 0; i < ZW_ARRAY_SIZE(readable); i++)
			known += strlen(readable[i]) == name && memcmp(at, readable[i], name) == 0;
		at += len;
	}
	return words > known;
}

static int first_value(void *ctx, const char *value)
{
	char **to = ctx;

	if (!*to)
		*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

/* Where the database is; NULL when there is none. The first instance counts. */
static int find_database(
	const struct zw_server *server, const struct zw_pdnsconf *s, struct zw_state_target *target)
{
	const char *ttl = zw_pdnsconf_get(s, "default-ttl");
	_zw_free_ char *value = NULL;
	int r = zw_pdnsconf_each(s, "gsqlite3", "database", first_value, &value);

	if (r < 0 || !value)
		return r;
	target->kind = ZW_STATE_PDNS;
	target->default_ttl = TTL_DEFAULT;
	if (ttl)
		(void)zw_parse_u32(ttl, &target->default_ttl);
	target->path = zw_path_join(server->cwd, value);
	return target->path ? 0 : -ENOMEM;
}

/* Takes @path over. */
static int add_watch(struct zw_state_target *target, char *path)
{
	int r = path ? zw_vec_push(&target->watch, path) : -ENOMEM;

	if (r < 0)
		free(path);
	return r;
}

/* Every transaction writes to one of these. */
static int watch_database(struct zw_state_target *target)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(suffixes); i++)
		r = add_watch(target, zw_asprintf("%s%s", target->path, suffixes[i]));
	return r;
}

/* Where the lmdb backend has its databases: a main one, and shards beside it that hold the records (pdns,
 * modules/lmdbbackend). */
static int watch_shards(
	const struct zw_server *server, const struct zw_pdnsconf *s, struct zw_state_target *target)
{
	_zw_free_ char *value = NULL, *path = NULL;
	const char *text = zw_pdnsconf_get(s, "lmdb-shards");
	uint32_t shards = LMDB_SHARDS_DEFAULT;
	int r = zw_pdnsconf_each(s, "lmdb", "filename", first_value, &value);

	if (r < 0 || !zw_pdnsconf_launches(s, "lmdb"))
		return r;
	path = zw_path_join(server->cwd, value ? value : LMDB_DEFAULT);
	if (!path)
		return -ENOMEM;
	if (text)
		(void)zw_parse_u32(text, &shards);
	r = add_watch(target, strdup(path));
	for (uint32_t i = 0; r == 0 && i < shards && i < LMDB_SHARDS_MAX; i++)
		r = add_watch(target, zw_asprintf("%s-%u", path, i));
	return r;
}

static int find_opaque(
	const struct zw_server *server, const struct zw_pdnsconf *s, struct zw_state_target *target)
{
	int r = has_opaque_backend(s)
			? zw_axfr_target(server, "allow-axfr-ips=127.0.0.0/8,::1", target)
			: -ENOTSUP;

	return r == 0 ? watch_shards(server, s, target) : r;
}

struct list_ctx {
	const struct zw_server *server;
	const struct zw_server_roots *roots;
	zw_server_zones *zones;
	struct zw_str *why;
};

static int list_config(void *ctx, const char *value)
{
	struct list_ctx *l = ctx;

	return list_backend(l->server, l->roots, value, l->zones, l->why);
}

static int add_database_zone(void *ctx, const char *name, bool secondary)
{
	struct list_ctx *l = ctx;

	return zw_server_zones_add(
		l->zones, name, "_default", NULL, secondary ? ZW_ZONE_SECONDARY : ZW_ZONE_PRIMARY);
}

/* SQLite's files are the server's, and may be an attacker's: another process reads them. */
static int list_database(struct list_ctx *l, const struct zw_state_target *target)
{
	const struct zw_state_listener listener = {.zone = add_database_zone, .sink.ctx = l};
	const struct zw_hash_key key = {};
	_zw_state_job_ struct zw_state_job *job = NULL;
	struct zw_zone_error error = {};
	struct zw_state_request request = {.target = target,
		.root_fd = l->roots->own,
		.netns_fd = -1,
		.key = &key,
		.list = true,
		.timeout_ms = LIST_TIMEOUT_MS};
	size_t before = l->zones->len;
	int r = zw_state_job_start(&request, &job);

	if (r == 0)
		r = zw_state_job_wait(job, &listener, &error);
	if (r < 0)
		zw_str_add(l->why, error.reason[0] ? error.reason : strerror(-r));
	for (size_t i = before; r == 0 && i < l->zones->len; i++) {
		l->zones->items[i].file = strdup(target->path);
		r = l->zones->items[i].file ? 0 : -ENOMEM;
		l->zones->items[i].source = ZW_ZONE_SOURCE_SERVER;
	}
	return r;
}

/* What no other backend has. A server that cannot be asked just now keeps what it had. */
static int add_opaque(struct list_ctx *l, const struct zw_pdnsconf *s)
{
	_zw_cleanup_(zw_state_target_done) struct zw_state_target target = {};
	_zw_free_ char *path = socket_path(l->server, s);
	size_t before = l->zones->len;
	int r = path ? watch_shards(l->server, s, &target) : -ENOMEM;

	if (r == 0)
		r = zw_pdns_list_all(l->roots, path, l->zones);
	if (r < 0 && r != -ENOMEM)
		zw_str_addf(l->why, "its control socket \"%s\" does not say which zones it has: %s",
			path, strerror(-r));
	for (size_t i = before; r == 0 && i < l->zones->len; i++) {
		struct zw_server_zone *zone = &l->zones->items[i];

		zone->source = ZW_ZONE_SOURCE_SERVER;
		if (target.watch.len && !(zone->file = strdup(target.watch.items[0])))
			r = -ENOMEM;
	}
	return r;
}

static int list(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	_zw_str_ struct zw_str why = {};
	_zw_pdnsconf_ struct zw_pdnsconf s = {.error = &why};
	_zw_cleanup_(zw_state_target_done) struct zw_state_target target = {};
	struct list_ctx l = {server, roots, zones, &why};
	int r = zw_pdnsconf_load(&s, server, roots, proc_root);

	if (r == 0)
		r = zw_pdnsconf_each(&s, "bind", "config", list_config, &l);
	if (r == 0 && zw_pdnsconf_launches(&s, "bind"))
		r = add_running(server, roots, &s, zones, &why);
	if (r == 0)
		r = find_database(server, &s, &target);
	if (r == 0 && target.path)
		r = list_database(&l, &target);
	else if (r == 0 && has_opaque_backend(&s))
		r = add_opaque(&l, &s);
	if (r < 0 && r != -ENOMEM)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	return r;
}

static int state(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, struct zw_state_target *target, struct zw_str *error)
{
	_zw_str_ struct zw_str why = {};
	_zw_pdnsconf_ struct zw_pdnsconf s = {.error = &why};
	int r = zw_pdnsconf_load(&s, server, roots, proc_root);

	if (r == 0)
		r = find_database(server, &s, target);
	if (r < 0 && r != -ENOMEM)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	if (r < 0)
		return r;
	return target->path ? watch_database(target) : find_opaque(server, &s, target);
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
	.state = state,
};
