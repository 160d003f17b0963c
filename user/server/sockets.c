/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/sockdiag.h"
#include "server/source.h"

/* include/net/tcp_states.h; an unconnected UDP socket shows as closed. */
enum { TCP_LISTEN_STATE = 10, UDP_UNCONNECTED_STATE = 7 };

struct listener {
	int family;
	bool tcp;
	uint32_t addr[4]; /* network order */
	uint16_t port;
};
typedef ZW_VEC(struct listener) listeners;

static int compare_inodes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int zw_sockets_of(const char *proc_root, pid_t pid, zw_inodes *inodes)
{
	_zw_free_ char *path = zw_asprintf("%s/%d/fd", proc_root, (int)pid);
	_zw_closedir_ DIR *dir = NULL;
	struct dirent *de;

	if (!path)
		return -ENOMEM;
	dir = opendir(path);
	while (dir && (de = readdir(dir)) != NULL) {
		char target[64];
		uint64_t ino;
		ssize_t n = readlinkat(dirfd(dir), de->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &ino) == 1 &&
			zw_vec_push(inodes, ino) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* One line of /proc/net/{tcp,udp}{,6} (proc_net_tcp.txt): words of the address are printed as host-order
 * numbers of network-order words. */
static bool parse_line(
	const char *line, bool tcp, bool six, struct listener *ret, uint64_t *ret_ino)
{
	struct listener l = {.family = six ? AF_INET6 : AF_INET, .tcp = tcp};
	char local[33], remote[33];
	unsigned int lport, rport, state;

	if (sscanf(line,
		    " %*u: %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x %*s %*s %*s %*u %*u %" SCNu64,
		    local, &lport, remote, &rport, &state, ret_ino) != 6)
		return false;
	if (state != (tcp ? TCP_LISTEN_STATE : UDP_UNCONNECTED_STATE) || rport != 0 || lport == 0)
		return false;
	if (strlen(local) != (six ? 32 : 8))
		return false;
	for (size_t i = 0; i < (six ? 4 : 1); i++) {
		unsigned int word;

		if (sscanf(local + 8 * i, "%8x", &word) != 1)
			return false;
		l.addr[i] = word;
	}
	l.port = (uint16_t)lport;
	*ret = l;
	return true;
}

struct collected {
	const zw_inodes *inodes;
	listeners *all;
};

static int collect(struct collected *c, struct listener l, uint64_t ino)
{
	if (!bsearch(&ino, c->inodes->items, c->inodes->len, sizeof(ino), compare_inodes))
		return 0;
	return zw_vec_push(c->all, l);
}

static int read_table(const char *proc_root, pid_t pid, const char *name, struct collected *c)
{
	_zw_free_ char *path = zw_asprintf("%s/%d/net/%s", proc_root, (int)pid, name);
	_zw_free_ char *line = NULL;
	_zw_fclose_ FILE *f = NULL;
	size_t cap = 0;
	int r = 0;

	if (!path)
		return -ENOMEM;
	f = fopen(path, "re");
	while (r == 0 && f && getline(&line, &cap, f) >= 0) {
		struct listener l;
		uint64_t ino;

		if (parse_line(line, name[0] == 't', zw_endswith(name, "6"), &l, &ino))
			r = collect(c, l, ino);
	}
	return r;
}

static int on_tcp(void *ctx, int family, const uint32_t addr[4], uint16_t port, uint64_t ino)
{
	struct listener l = {.family = family, .tcp = true, .port = port};

	memcpy(l.addr, addr, sizeof(l.addr));
	return collect(ctx, l, ino);
}

/* The same from /proc, where the kernel cannot be asked. What was listed by then is listed once more, which counts once. */
static int read_tcp(const char *proc_root, pid_t pid, struct collected *c)
{
	int r = -EXDEV;

	if (zw_sockdiag_reaches(proc_root, pid)) {
		r = zw_sockdiag_listening(AF_INET, on_tcp, c);
		if (r == 0)
			r = zw_sockdiag_listening(AF_INET6, on_tcp, c);
	}
	if (r == 0 || r == -ENOMEM)
		return r;
	r = read_table(proc_root, pid, "tcp", c);
	return r < 0 ? r : read_table(proc_root, pid, "tcp6", c);
}

static bool has_tcp(const listeners *all, uint16_t port)
{
	for (size_t i = 0; i < all->len; i++)
		if (all->items[i].tcp && all->items[i].port == port)
			return true;
	return false;
}

/* An unconnected UDP socket either serves or sends queries of its own from a random port. Serving sockets
 * have a TCP one on the same port, unless TCP is switched off altogether. */
static bool serves(const listeners *all, const struct listener *l, bool any_pair)
{
	return l->tcp || !any_pair || has_tcp(all, l->port);
}

static int add_listen(struct zw_server *server, const struct listener *l)
{
	char addr[INET6_ADDRSTRLEN];
	char *text;
	int r;

	if (!inet_ntop(l->family, l->addr, addr, sizeof(addr)))
		return -errno;
	text = zw_asprintf(l->family == AF_INET6 ? "[%s]:%u/%s" : "%s:%u/%s", addr, l->port,
		l->tcp ? "tcp" : "udp");
	if (!text)
		return -ENOMEM;
	/* One socket per worker thread listens on the same address. */
	ZW_VEC_FOREACH(known, &server->listens) {
		if (zw_streq(*known, text)) {
			free(text);
			return 0;
		}
	}
	r = zw_vec_push(&server->listens, text);
	if (r < 0)
		free(text);
	return r;
}

static bool has_udp(const listeners *all, uint16_t port)
{
	for (size_t i = 0; i < all->len; i++)
		if (!all->items[i].tcp && all->items[i].port == port)
			return true;
	return false;
}

/* What a kind of server says over TCP where it serves no plain DNS. */
static const struct {
	enum zw_control_protocol protocol;
	bool unix_socket, encrypted;
} channels[_ZW_SERVER_KIND_MAX] = {
	[ZW_SERVER_BIND] = {ZW_CONTROL_RNDC, false, false},
	[ZW_SERVER_KNOT] = {ZW_CONTROL_KNOT, true, true},
	[ZW_SERVER_NSD] = {ZW_CONTROL_NSD, true, true},
	[ZW_SERVER_PDNS] = {ZW_CONTROL_HTTP, true, false},
};

/* DNS over TLS (RFC 7858) and over HTTPS (RFC 8484), whatever else a server does. */
static bool is_tls_port(uint16_t port)
{
	return port == 853 || port == 443;
}

static int add_control(struct zw_server *server, struct zw_server_control control)
{
	int r;

	ZW_VEC_FOREACH(c, &server->controls) {
		bool same = control.path ? c->path && zw_streq(c->path, control.path)
					 : !c->path && c->port == control.port;

		if (same) {
			free(control.path);
			return 0;
		}
	}
	r = zw_vec_push(&server->controls, control);
	if (r < 0)
		free(control.path);
	return r;
}

static int add_ports(struct zw_server *server, const listeners *all)
{
	ZW_VEC_FOREACH(l, all) {
		bool tls = is_tls_port(l->port);
		int r;

		if (!l->tcp || (has_udp(all, l->port) && !tls))
			continue;
		r = add_control(server,
			(struct zw_server_control){.protocol = channels[server->kind].protocol,
				.port = l->port,
				.encrypted = tls || channels[server->kind].encrypted});
		if (r < 0)
			return r;
	}
	return 0;
}

/* One line of /proc/net/unix (net/unix/af_unix.c, unix_seq_show): a listening stream socket has the flag
 * __SO_ACCEPTCON; the path is what was given to bind(2), "@..." without a file. */
#define UNIX_LISTENS 0x10000
#define UNIX_STREAM 1

static bool parse_unix(char *line, uint64_t *ret_ino, const char **ret_path)
{
	unsigned int flags, type;
	int at = 0;

	if (sscanf(line, "%*x: %*x %*x %x %x %*x %" SCNu64 " %n", &flags, &type, ret_ino, &at) !=
			3 ||
		at == 0 || !(flags & UNIX_LISTENS) || type != UNIX_STREAM)
		return false;
	line[strcspn(line, "\n")] = '\0';
	*ret_path = line + at;
	return line[at] != '\0' && line[at] != '@';
}

/* The path as it was given leads there in the root the server had then, which may not be the one it has now. */
static int add_unix(struct zw_server *server, const char *given)
{
	_zw_free_ char *path = zw_path_join(server->cwd ? server->cwd : "/", given);
	struct zw_server_control control = {.protocol = channels[server->kind].protocol};

	if (!path)
		return -ENOMEM;
	if (server->kind == ZW_SERVER_PDNS)
		control.protocol = ZW_CONTROL_PDNS;
	control.path = strdup(server->chroot ? zw_path_inside(server->chroot, path) : path);
	return control.path ? add_control(server, control) : -ENOMEM;
}

static int read_unix(const char *proc_root, const zw_inodes *inodes, struct zw_server *server)
{
	_zw_free_ char *path = zw_asprintf("%s/%d/net/unix", proc_root, (int)server->pid);
	_zw_free_ char *line = NULL;
	_zw_fclose_ FILE *f = NULL;
	size_t cap = 0;
	int r = 0;

	if (!path)
		return -ENOMEM;
	f = channels[server->kind].unix_socket ? fopen(path, "re") : NULL;
	while (r == 0 && f && getline(&line, &cap, f) >= 0) {
		const char *given;
		uint64_t ino;

		if (parse_unix(line, &ino, &given) &&
			bsearch(&ino, inodes->items, inodes->len, sizeof(ino), compare_inodes))
			r = add_unix(server, given);
	}
	return r;
}

int zw_sockets_listening(const char *proc_root, zw_inodes *inodes, struct zw_server *server)
{
	listeners all = {};
	struct collected c = {.inodes = inodes, .all = &all};
	bool any_pair = false;
	int r;

	if (inodes->len == 0)
		return 0;
	qsort(inodes->items, inodes->len, sizeof(*inodes->items), compare_inodes);
	r = read_table(proc_root, server->pid, "udp", &c);
	if (r == 0)
		r = read_table(proc_root, server->pid, "udp6", &c);
	if (r == 0)
		r = read_tcp(proc_root, server->pid, &c);
	ZW_VEC_FOREACH(l, &all)
		any_pair = any_pair || (!l->tcp && has_tcp(&all, l->port));
	ZW_VEC_FOREACH(l, &all) {
		if (r == 0 && serves(&all, l, any_pair))
			r = add_listen(server, l);
	}
	if (r == 0)
		r = add_ports(server, &all);
	if (r == 0)
		r = read_unix(proc_root, inodes, server);
	zw_vec_free(&all);
	return r;
}
