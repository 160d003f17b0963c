/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers among the processes of /proc (proc_pid_exe(5), proc_pid_stat(5)). The executable counts, not the
 * name of the process, which anybody can set. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/driver.h"
#include "server/sockets.h"

#define ENVIRON_MAX 65536

struct process {
	enum zw_server_kind kind;
	pid_t pid, parent;
	uint64_t start_ns;
};
typedef ZW_VEC(struct process) processes;

/* Reads the link @proc_root/@pid/@name; NULL when it cannot be read. */
static char *read_link(const char *proc_root, pid_t pid, const char *name)
{
	static const char deleted[] = " (deleted)";
	_zw_free_ char *path = zw_asprintf("%s/%d/%s", proc_root, (int)pid, name);
	char target[4096 + sizeof(deleted)];
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;

	if (n < 0)
		return NULL;
	target[n] = '\0';
	/* An upgraded package leaves the old program running under this name. */
	if (zw_endswith(target, deleted))
		target[strlen(target) - strlen(deleted)] = '\0';
	return strdup(target);
}

static enum zw_server_kind kind_of(const char *exe)
{
	const char *slash = strrchr(exe, '/');
	const char *base = slash ? slash + 1 : exe;

	for (enum zw_server_kind k = ZW_SERVER_NONE + 1; k < _ZW_SERVER_KIND_MAX; k++)
		for (const char *const *e = zw_server_driver(k)->exes; *e; e++)
			if (zw_streq(base, *e))
				return k;
	return ZW_SERVER_NONE;
}

/* A run that prints something and exits, such as named -v. */
static bool is_tool_run(const struct zw_server_driver *driver, const struct zw_args *args)
{
	for (const char *c = driver->tool_shorts; *c; c++)
		if (zw_args_option(args, driver->shorts, *c, NULL))
			return true;
	for (const char *const *l = driver->tool_longs; *l; l++)
		if (zw_args_option(args, driver->shorts, 0, *l))
			return true;
	return false;
}

/* Adds process @pid to @out when it is a server. A process that has gone meanwhile is none. */
static int look_at(const char *proc_root, pid_t pid, processes *out)
{
	_zw_free_ char *exe = read_link(proc_root, pid, "exe");
	_zw_args_ struct zw_args args = {};
	struct process p = {.pid = pid};
	int r;

	if (!exe)
		return 0;
	p.kind = kind_of(exe);
	if (p.kind == ZW_SERVER_NONE)
		return 0;
	r = zw_args_read(proc_root, pid, &args);
	if (r == 0)
		r = zw_process_stat(proc_root, pid, &p.parent, &p.start_ns);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || is_tool_run(zw_server_driver(p.kind), &args))
		return 0;
	return zw_vec_push(out, p);
}

static int compare_processes(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

static int find_processes(const char *proc_root, processes *out)
{
	_zw_closedir_ DIR *dir = opendir(proc_root);
	struct dirent *de;
	uint32_t pid;

	if (!dir)
		return -errno;
	while ((de = readdir(dir)) != NULL) {
		int r;

		if (zw_parse_u32(de->d_name, &pid) < 0 || pid == 0 || pid > INT32_MAX)
			continue;
		r = look_at(proc_root, (pid_t)pid, out);
		if (r < 0)
			return r;
	}
	if (out->len > 1)
		qsort(out->items, out->len, sizeof(*out->items), compare_processes);
	return 0;
}

/* The topmost ancestor of the same kind: NSD and the PowerDNS guardian fork. */
static const struct process *leader_of(const processes *all, const struct process *p)
{
	for (size_t steps = 0; steps < all->len; steps++) {
		struct process key = {.pid = p->parent};
		const struct process *up =
			bsearch(&key, all->items, all->len, sizeof(*all->items), compare_processes);

		if (!up || up->kind != p->kind)
			break;
		p = up;
	}
	return p;
}

/* The directory the process was started in, as its shell said; NULL when it did not. */
static char *start_directory(const char *proc_root, pid_t pid)
{
	_zw_free_ char *path = zw_asprintf("%s/%d/environ", proc_root, (int)pid);
	_zw_free_ char *text = malloc(ENVIRON_MAX + 1);
	_zw_fclose_ FILE *f = path && text ? fopen(path, "re") : NULL;
	size_t n = f ? fread(text, 1, ENVIRON_MAX, f) : 0;

	if (n == 0)
		return NULL;
	text[n] = '\0';
	for (size_t at = 0; at < n; at += strlen(text + at) + 1)
		if (zw_startswith(text + at, "PWD=/"))
			return strdup(text + at + strlen("PWD="));
	return NULL;
}

/* Sets server->config: what the arguments say, else the first default place that exists. */
static int find_config(struct zw_server *server, const char *proc_root, const struct zw_args *args)
{
	const struct zw_server_driver *driver = zw_server_driver(server->kind);
	_zw_server_roots_ struct zw_server_roots roots = {-1, -1};
	_zw_free_ char *given = NULL, *start = NULL;
	int r = driver->config_of(args, &given);

	if (r < 0)
		return r;
	if (given && given[0] == '/') {
		server->config = ZW_TAKE(given);
		return 0;
	}
	r = zw_server_roots_open(server, proc_root, &roots);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (given) {
		start = start_directory(proc_root, server->pid);
		const char *const bases[] = {start, server->cwd, "/"};
		_zw_paths_ zw_paths found = {};

		r = zw_source_include(roots.config, bases, ZW_ARRAY_SIZE(bases), given, &found);
		if (r == 0 && found.len > 0 && found.items[0][0] == '/')
			server->config = ZW_TAKE(found.items[0]);
		return r;
	}
	for (const char *const *c = driver->configs; *c; c++) {
		if (!zw_source_exists(roots.config, *c))
			continue;
		server->config = strdup(*c);
		return server->config ? 0 : -ENOMEM;
	}
	return 0;
}

static int fill_control(struct zw_server *server, const struct zw_args *args)
{
	const struct zw_server_driver *driver = zw_server_driver(server->kind);
	const char *control =
		zw_args_option(args, driver->shorts, driver->control_letter, driver->control_long);

	if (!driver->control_letter || !control)
		return 0;
	server->control = zw_path_join(server->cwd, control);
	return server->control ? 0 : -ENOMEM;
}

static int fill_listens(struct zw_server *server, const char *proc_root, const processes *all)
{
	zw_inodes inodes = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->len; i++)
		if (leader_of(all, &all->items[i])->pid == server->pid)
			r = zw_sockets_of(proc_root, all->items[i].pid, &inodes);
	if (r == 0)
		r = zw_sockets_listening(proc_root, &inodes, server);
	zw_vec_free(&inodes);
	return r;
}

static int fill_server(struct zw_server *server, const char *proc_root, const processes *all)
{
	_zw_free_ char *root = read_link(proc_root, server->pid, "root");
	_zw_free_ char *cwd = read_link(proc_root, server->pid, "cwd");
	_zw_args_ struct zw_args args = {};
	int r = zw_args_read(proc_root, server->pid, &args);

	if (r < 0)
		return r;
	if (!root)
		return -ESRCH;
	server->chroot = strdup(zw_streq(root, "/") ? "" : root);
	server->cwd = strdup(cwd ? zw_path_inside(root, cwd) : "/");
	if (!server->chroot || !server->cwd)
		return -ENOMEM;
	r = find_config(server, proc_root, &args);
	if (r == 0)
		r = fill_control(server, &args);
	if (r == 0)
		r = fill_listens(server, proc_root, all);
	return r;
}

int zw_servers_discover(const char *proc_root, zw_servers *ret_servers)
{
	_zw_cleanup_(zw_servers_done) zw_servers servers = {};
	processes all = {};
	int r = find_processes(proc_root, &all);

	for (size_t i = 0; r == 0 && i < all.len; i++) {
		const struct process *p = &all.items[i];
		struct zw_server *server;

		if (leader_of(&all, p) != p)
			continue;
		r = zw_vec_push(
			&servers, (struct zw_server){
					  .kind = p->kind, .pid = p->pid, .start_ns = p->start_ns});
		if (r < 0)
			break;
		server = &servers.items[servers.len - 1];
		r = fill_server(server, proc_root, &all);
		if (r < 0 && r != -ENOMEM) {
			/* It ended while we looked. */
			zw_server_done(server);
			servers.len--;
			r = 0;
		}
	}
	zw_vec_free(&all);
	if (r < 0)
		return r;
	ret_servers->items = ZW_TAKE(servers.items);
	ret_servers->len = servers.len;
	ret_servers->cap = servers.cap;
	servers.len = 0;
	return 0;
}
