/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The roots of a server, through the links of /proc that lead into its mount namespace. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/driver.h"

/* USER_HZ is 100 on every architecture we build for (include/asm-generic/param.h). */
#define TICK_NS 10000000ULL
/* A parent chain longer than this is no chain. */
#define ANCESTORS_MAX 64

static int open_root(const char *proc_root, const char *pid)
{
	_zw_free_ char *path = zw_asprintf("%s/%s/root", proc_root, pid);
	int fd;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* The text of a link below /proc/PID, "" when it cannot be read. */
static void link_text(
	const char *proc_root, const char *pid, const char *name, char *buf, size_t size)
{
	_zw_free_ char *path = zw_asprintf("%s/%s/%s", proc_root, pid, name);
	ssize_t n = path ? readlink(path, buf, size - 1) : -1;

	buf[n < 0 ? 0 : n] = '\0';
}

int zw_process_stat(const char *proc_root, pid_t pid, pid_t *ret_parent, uint64_t *ret_start_ns)
{
	_zw_free_ char *path = zw_asprintf("%s/%d/stat", proc_root, (int)pid);
	_zw_fclose_ FILE *f = NULL;
	char buf[1024];
	uint64_t start;
	int parent;
	char *end;
	size_t n;

	if (!path)
		return -ENOMEM;
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	/* The name in field 2 may hold blanks and parentheses. Field 4 is the parent, 22 the start. */
	end = strrchr(buf, ')');
	if (!end ||
		sscanf(end + 1,
			" %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
			"%" SCNu64,
			&parent, &start) != 2)
		return -ESRCH;
	*ret_parent = parent;
	*ret_start_ns = start * TICK_NS;
	return 0;
}

/* The root of the mount namespace of a process that has changed its own root: that of the nearest process
 * in the same namespace which has not, ourselves or an ancestor of it. -ENOENT when there is none. */
static int open_namespace_root(const char *proc_root, pid_t pid)
{
	char want[64], have[64], root[8], name[16];
	uint64_t start_ns;
	pid_t up = pid;

	snprintf(name, sizeof(name), "%d", (int)pid);
	link_text(proc_root, name, "ns/mnt", want, sizeof(want));
	strcpy(name, "self");
	for (int i = 0; want[0] && i < ANCESTORS_MAX; i++) {
		link_text(proc_root, name, "ns/mnt", have, sizeof(have));
		link_text(proc_root, name, "root", root, sizeof(root));
		if (zw_streq(have, want) && zw_streq(root, "/"))
			return open_root(proc_root, name);
		if (zw_process_stat(proc_root, up, &up, &start_ns) < 0 || up <= 0)
			break;
		snprintf(name, sizeof(name), "%d", (int)up);
	}
	return -ENOENT;
}

int zw_server_roots_open(
	const struct zw_server *server, const char *proc_root, struct zw_server_roots *ret_roots)
{
	uint64_t start_ns;
	pid_t parent;
	char name[16];
	int own, config;

	snprintf(name, sizeof(name), "%d", (int)server->pid);
	own = open_root(proc_root, name);
	if (own < 0)
		return own;
	/* The pid may belong to another process by now; looked at after the root has been opened. */
	if (server->start_ns && (zw_process_stat(proc_root, server->pid, &parent, &start_ns) < 0 ||
					start_ns != server->start_ns)) {
		close(own);
		return -ESRCH;
	}
	config = own;
	if (server->chroot && server->chroot[0] &&
		zw_server_driver(server->kind)->config_before_chroot) {
		config = open_namespace_root(proc_root, server->pid);
		if (config < 0)
			config = own;
	}
	*ret_roots = (struct zw_server_roots){.own = own, .config = config};
	return 0;
}
