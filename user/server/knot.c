/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Knot DNS (knotd(8), knotc(8)). What it serves is its running configuration, which conf-set changes without
 * a trace in any file, so that is asked for first, with knotc of this host over the server's control socket.
 * Its configuration text is the second choice, and the first one for very many zones. */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "server/knotconf.h"
#include "server/run.h"

#define RUNDIR_DEFAULT "/run/knot"
#define SOCKET_DEFAULT "knot.sock"
#define DATABASE_DEFAULT "/var/lib/knot"
#define JOURNAL_DEFAULT "journal"
/* The running configuration comes one item a message, 25 us each: above this many zones a listing would take
 * longer than anybody can wait, and the text counts. */
#define RUNNING_ZONES_MAX 20000
#define CONFDB_DEFAULT "/var/lib/knot/confdb"

static const char *const exes[] = {"knotd", NULL};
static const char *const tool_longs[] = {"help", "version", NULL};
/* knotd prefers the database when both exist. */
static const char *const configs[] = {CONFDB_DEFAULT, "/etc/knot/knot.conf",
	"/usr/local/etc/knot/knot.conf", "/etc/knot-dns/knot.conf", NULL};
static const char *const state_files[] = {NULL};
static const struct zw_needle needles[] = {
	{"include:", ZW_NEEDLE_INCLUDE},
	{NULL},
};
static const char shorts[] = "c:C:m:s:dvhV";

static int config_of(const struct zw_args *args, char **ret_path)
{
	const char *path = zw_args_option(args, shorts, 'c', "config");

	if (!path)
		path = zw_args_option(args, shorts, 'C', "confdb");
	if (!path)
		return 0;
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

/* The control socket as the server sees it. */
static char *socket_path(const struct zw_server *server, const struct zw_knotconf *conf)
{
	const char *rundir = conf->rundir ? conf->rundir : RUNDIR_DEFAULT;
	_zw_free_ char *base = NULL;

	if (server->control)
		return strdup(server->control);
	base = zw_path_join(server->cwd, rundir);
	return base ? zw_path_join(
			      base, conf->control_listen ? conf->control_listen : SOCKET_DEFAULT)
		    : NULL;
}

/* Asks for one section of the running configuration. */
static int ask(const char *socket, const char *section, struct zw_knotconf *conf)
{
	const char *const argv[] = {"knotc", "-t", "3", "-s", socket, "conf-read", section, NULL};
	_zw_free_ char *text = NULL;
	size_t len;
	int r = zw_run(&(struct zw_run){.argv = argv, .input_fd = -1}, &text, &len);

	return r < 0 ? r : zw_knotconf_parse_export(conf, text);
}

static int list_running(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, const struct zw_knotconf *text, zw_server_zones *zones)
{
	_zw_knotconf_ struct zw_knotconf conf = {};
	_zw_free_ char *path = socket_path(server, text);
	_zw_free_ char *reached = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	if (!zw_source_exists(roots->own, path))
		return -ENOENT;
	reached = zw_asprintf("%s/%d/root%s", proc_root, (int)server->pid, path);
	if (!reached)
		return -ENOMEM;
	if (strlen(reached) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return -ENAMETOOLONG;
	r = zw_knotconf_init(&conf, roots->own, server->cwd);
	if (r == 0)
		r = ask(reached, "template", &conf);
	if (r == 0)
		r = ask(reached, "zone", &conf);
	return r < 0 ? r : zw_knotconf_zones(&conf, zones);
}

static bool is_directory(int root_fd, const char *path)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};

	return zw_walk_path(root_fd, path, true, &walk) == 0 && walk.result == -EISDIR;
}

static int list_any(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	_zw_knotconf_ struct zw_knotconf text = {};
	_zw_str_ struct zw_str why = {};
	bool database = server->config && is_directory(roots->own, server->config);
	int r = zw_knotconf_init(&text, roots->own, server->cwd), read = -ENOENT;

	if (r < 0)
		return r;
	if (server->config && !database) {
		read = zw_knotconf_read(&text, server->config, &why);
		if (read == -ENOMEM)
			return read;
	}
	if (read == 0 && text.zones.len > RUNNING_ZONES_MAX)
		return zw_knotconf_zones(&text, zones);
	r = list_running(server, roots, proc_root, &text, zones);
	if (r == 0 || r == -ENOMEM)
		return r;
	if (read == 0)
		return zw_knotconf_zones(&text, zones);
	if (r == -ENOENT && database)
		return zw_server_fail(server, error, r,
			"its configuration database needs knotc and its control socket; install knot");
	return zw_server_fail(server, error, r, "its control socket does not answer (%s), and %s",
		strerror(-r), why.buf ? why.buf : "no knot.conf was found");
}

static int list(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, zw_server_zones *zones, struct zw_str *error)
{
	int r = list_any(server, roots, proc_root, zones, error);

	ZW_VEC_FOREACH(z, zones)
		z->source = ZW_ZONE_SOURCE_BOTH;
	return r;
}

/* Takes @path over. */
static int add_watch(struct zw_state_target *target, char *path)
{
	int r = path ? zw_vec_push(&target->watch, path) : -ENOMEM;

	if (r < 0)
		free(path);
	return r;
}

/* knot.conf(5), section "database": one journal for all zones. */
static int watch_journal(struct zw_state_target *target, const struct zw_server *server,
	const struct zw_knotconf *conf)
{
	const char *storage = conf->database_storage ? conf->database_storage : DATABASE_DEFAULT;
	_zw_free_ char *base = zw_path_join(server->cwd, storage), *dir = NULL;

	if (base)
		dir = zw_path_join(base, conf->journal_db ? conf->journal_db : JOURNAL_DEFAULT);
	return dir ? add_watch(target, zw_path_join(dir, "data.mdb")) : -ENOMEM;
}

/* The socket is where the text says; a database says it too, but needs the socket to be read. */
static int state(const struct zw_server *server, const struct zw_server_roots *roots,
	const char *proc_root, struct zw_state_target *target, struct zw_str *error)
{
	_zw_knotconf_ struct zw_knotconf text = {};
	_zw_str_ struct zw_str why = {};
	int r = zw_knotconf_init(&text, roots->own, server->cwd);

	(void)proc_root;
	if (r == 0 && server->config && !is_directory(roots->own, server->config))
		r = zw_knotconf_read(&text, server->config, &why);
	if (r < 0 && r != -ENOMEM)
		return zw_server_fail(server, error, r, "%s", why.buf ? why.buf : strerror(-r));
	if (r < 0)
		return r;
	target->kind = ZW_STATE_KNOT;
	target->path = socket_path(server, &text);
	return target->path ? watch_journal(target, server, &text) : -ENOMEM;
}

const struct zw_server_driver zw_driver_knot = {
	.exes = exes,
	.shorts = shorts,
	.tool_shorts = "hV",
	.tool_longs = tool_longs,
	.config_of = config_of,
	.control_letter = 's',
	.control_long = "socket",
	.configs = configs,
	.needles = needles,
	.state_files = state_files,
	.list = list,
	.state = state,
};
