/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/pdns_control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

/* Some 300 bytes a zone. */
#define ANSWER_MAX ((size_t)256 << 20)
#define ANSWER_NS (5 * ZW_NSEC_PER_SEC)
/* A server that is busy, or no server at all, is not waited for longer at once. */
#define STALL_S 2
#define READ_CHUNK 65536

/* The socket is found inside the server's root whatever links lead there, and named by the descriptor: the path itself
 * may be longer than an address can be. */
static int connect_inside(int root_fd, const char *path, int *ret_fd)
{
	const struct timeval stall = {.tv_sec = STALL_S};
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_zw_close_ int fd = -1;
	_zw_close_ int at = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	if (at < 0)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", at);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall)) < 0 ||
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	*ret_fd = ZW_TAKE_FD(fd);
	return 0;
}

/* One question a connection; the server closes it after the answer. */
static int ask(int fd, const char *command, struct zw_str *answer)
{
	uint64_t until = zw_boottime_ns() + ANSWER_NS;
	_zw_free_ char *chunk = malloc(READ_CHUNK);

	if (!chunk)
		return -ENOMEM;
	if (send(fd, command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
		return -EIO;
	while (zw_boottime_ns() < until) {
		ssize_t n = recv(fd, chunk, READ_CHUNK, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIME : -errno;
		if (n == 0)
			return 0;
		if (answer->len + (size_t)n > ANSWER_MAX)
			return -EFBIG;
		zw_str_add_len(answer, chunk, (size_t)n);
		if (answer->failed)
			return -ENOMEM;
	}
	return -ETIME;
}

static int known_names(const zw_server_zones *zones, struct zw_map *map)
{
	ZW_VEC_FOREACH(z, zones) {
		int r = zw_map_put(map, z->name, strlen(z->name), z->name, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Adds a zone unless its name is known; only the list knows how a name is written. */
static int add(zw_server_zones *zones, const struct zw_map *known, const char *name,
	const char *file, enum zw_zone_role role)
{
	int r = zw_server_zones_add(zones, name, "_default", file, role);
	struct zw_server_zone *last;

	if (r < 0)
		return r;
	last = &zones->items[zones->len - 1];
	if (!zw_map_get(known, last->name, strlen(last->name)))
		return 0;
	free(last->name);
	free(last->view);
	free(last->file);
	zones->len--;
	return 0;
}

/* "PATH (TIME)"; a path may hold anything but a line's end. */
static void cut_time(char *file)
{
	char *time = strrchr(file, '(');

	if (time && time > file && time[-1] == ' ')
		time[-1] = '\0';
}

/* Of each zone a line "NAME: " and then lines "\t KEY: VALUE". */
int zw_pdns_parse_status(char *text, zw_server_zones *zones)
{
	static const char file_key[] = "\t On-disk file: ", kind_key[] = "\t Kind: ";
	_zw_map_free_ struct zw_map *known = NULL;
	const char *name = NULL, *file = NULL;
	char *rest = text, *line;
	int r = zw_map_new(&known);

	if (r == 0)
		r = known_names(zones, known);
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL) {
		if (zw_endswith(line, ": ") && line[0] != '\t') {
			line[strlen(line) - strlen(": ")] = '\0';
			name = line;
			file = NULL;
		} else if (zw_startswith(line, file_key)) {
			cut_time(line);
			file = line + strlen(file_key);
		} else if (name && file && zw_startswith(line, kind_key)) {
			const char *kind = line + strlen(kind_key);
			bool secondary = zw_streq(kind, "Slave") || zw_streq(kind, "Secondary");

			r = add(zones, known, name, file,
				secondary ? ZW_ZONE_SECONDARY : ZW_ZONE_PRIMARY);
			name = file = NULL;
		}
	}
	return r;
}

/* A name a line, then how many there were. */
int zw_pdns_parse_list(char *text, zw_server_zones *zones)
{
	_zw_map_free_ struct zw_map *known = NULL;
	char *rest = text, *line;
	int r = zw_map_new(&known);

	if (r == 0)
		r = known_names(zones, known);
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL)
		if (line[0] && !strchr(line, ' '))
			r = add(zones, known, line, NULL, ZW_ZONE_PRIMARY);
	return r;
}

static int list(const struct zw_server_roots *roots, const char *socket, const char *command,
	int (*parse)(char *text, zw_server_zones *zones), zw_server_zones *zones)
{
	_zw_str_ struct zw_str answer = {};
	_zw_close_ int fd = -1;
	int r = connect_inside(roots->own, socket, &fd);

	if (r == 0)
		r = ask(fd, command, &answer);
	if (r < 0)
		return r;
	if (!answer.buf || zw_startswith(answer.buf, "Unknown command"))
		return -EOPNOTSUPP;
	return parse(answer.buf, zones);
}

int zw_pdns_list_running(
	const struct zw_server_roots *roots, const char *socket, zw_server_zones *zones)
{
	return list(roots, socket, "bind-domain-extended-status\n", zw_pdns_parse_status, zones);
}

int zw_pdns_list_all(
	const struct zw_server_roots *roots, const char *socket, zw_server_zones *zones)
{
	return list(roots, socket, "list-zones\n", zw_pdns_parse_list, zones);
}
