/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/origin.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "actor/procfs.h"
#include "base/str.h"

/* Descriptors that are looked at; the connection of a login server is among its first. */
#define FDS_MAX 256
#define SOCKETS_MAX 32

/* States in /proc/net/tcp, include/net/tcp_states.h. After the peer closed it still is the peer. */
#define STATE_ESTABLISHED 0x01
#define STATE_CLOSE_WAIT 0x08
#define STATE_LISTEN 0x0a

static const char *const servers[] = {
	"/usr/sbin/sshd",
	"/usr/local/sbin/sshd",
	"/usr/lib/openssh/sshd-session",
	"/usr/libexec/openssh/sshd-session",
	"/usr/libexec/sshd-session",
	"/usr/lib/ssh/sshd-session",
	"/usr/local/libexec/sshd-session",
	"/usr/sbin/dropbear",
	"/usr/sbin/in.telnetd",
	"/usr/sbin/telnetd",
};

/* A socket of the process, by ascending descriptor. */
struct sock {
	int fd;
	uint64_t inode;
	bool found;
	unsigned int state;
	uint16_t local_port, peer_port;
	char peer_ip[INET6_ADDRSTRLEN];
};

struct socks {
	struct sock items[SOCKETS_MAX];
	size_t len;
};

bool zw_is_login_server(const char *exe)
{
	for (size_t i = 0; exe && i < ZW_ARRAY_SIZE(servers); i++)
		if (zw_streq(exe, servers[i]))
			return true;
	return false;
}

struct zw_origin *zw_origin_ref(struct zw_origin *origin)
{
	if (origin)
		origin->refs++;
	return origin;
}

void zw_origin_unref(struct zw_origin *origin)
{
	if (origin && --origin->refs == 0)
		free(origin);
}

/* /proc lists descriptors in ascending order; another file system (a test's) need not. */
static void insert_sorted(struct socks *socks, int fd, uint64_t inode)
{
	size_t at = socks->len;

	if (at == SOCKETS_MAX)
		return;
	for (; at > 0 && socks->items[at - 1].fd > fd; at--)
		socks->items[at] = socks->items[at - 1];
	socks->items[at] = (struct sock){.fd = fd, .inode = inode};
	socks->len++;
}

static int list_sockets(const char *proc_root, uint32_t tgid, struct socks *socks)
{
	_zw_free_ char *path = zw_asprintf("%s/%" PRIu32 "/fd", proc_root, tgid);
	_zw_closedir_ DIR *dir = NULL;
	struct dirent *de;

	if (!path)
		return -ENOMEM;
	dir = opendir(path);
	for (int seen = 0; dir && seen < FDS_MAX && (de = readdir(dir)); seen++) {
		char target[64];
		uint64_t inode;
		ssize_t n = readlinkat(dirfd(dir), de->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1)
			insert_sorted(socks, atoi(de->d_name), inode);
	}
	return 0;
}

/* An address as /proc/net/tcp prints it: its 32-bit words in host order. */
static bool parse_address(const char *text, char ip[static INET6_ADDRSTRLEN], uint16_t *ret_port)
{
	const char *colon = strchr(text, ':');
	size_t words = colon ? (size_t)(colon - text) / 8 : 0;
	struct in6_addr addr = {};
	unsigned int port;

	if ((words != 1 && words != 4) || sscanf(colon + 1, "%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < words; i++) {
		uint32_t word;

		if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(addr.s6_addr + 4 * i, &word, sizeof(word));
	}
	*ret_port = (uint16_t)port;
	if (words == 1)
		return inet_ntop(AF_INET, addr.s6_addr, ip, INET6_ADDRSTRLEN) != NULL;
	if (IN6_IS_ADDR_V4MAPPED(&addr))
		return inet_ntop(AF_INET, addr.s6_addr + 12, ip, INET6_ADDRSTRLEN) != NULL;
	return inet_ntop(AF_INET6, &addr, ip, INET6_ADDRSTRLEN) != NULL;
}

static void match_line(struct socks *socks, const char *line)
{
	char local[40], remote[40], local_ip[INET6_ADDRSTRLEN];
	unsigned int state;
	uint64_t inode;

	if (sscanf(line, "%*[^:]: %39s %39s %x %*s %*s %*s %*s %*s %" SCNu64, local, remote, &state,
		    &inode) != 4)
		return;
	for (size_t i = 0; i < socks->len; i++) {
		struct sock *s = &socks->items[i];

		if (s->inode != inode || s->found)
			continue;
		s->found = parse_address(local, local_ip, &s->local_port) &&
			   parse_address(remote, s->peer_ip, &s->peer_port);
		s->state = state;
	}
}

/* Of the network namespace of the process, which need not be ours. */
static void match_table(const char *proc_root, uint32_t tgid, const char *name, struct socks *socks)
{
	_zw_fclose_ FILE *f = zw_procfs_open(proc_root, tgid, name);
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		match_line(socks, line);
}

static const struct sock *connection(const struct socks *socks)
{
	for (size_t i = 0; i < socks->len; i++) {
		const struct sock *s = &socks->items[i];

		if (s->found && (s->state == STATE_ESTABLISHED || s->state == STATE_CLOSE_WAIT))
			return s;
	}
	return NULL;
}

/* A listener holds a fresh connection for a moment, on the port it listens on; a session that forwards ports listens
 * too, on others. */
static bool is_listener(const struct socks *socks, const struct sock *conn)
{
	for (size_t i = 0; i < socks->len; i++) {
		const struct sock *s = &socks->items[i];

		if (s->found && s->state == STATE_LISTEN &&
			(!conn || s->local_port == conn->local_port))
			return true;
	}
	return false;
}

int zw_origin_probe(const char *proc_root, uint32_t tgid, enum zw_login_role *ret_role,
	struct zw_origin **ret_origin)
{
	const struct sock *conn;
	struct zw_origin *origin;
	struct socks socks = {};
	int r = list_sockets(proc_root, tgid, &socks);

	if (r < 0)
		return r;
	if (socks.len > 0) {
		match_table(proc_root, tgid, "net/tcp", &socks);
		match_table(proc_root, tgid, "net/tcp6", &socks);
	}
	conn = connection(&socks);
	if (is_listener(&socks, conn)) {
		*ret_role = ZW_LOGIN_LISTENER;
		return 0;
	}
	if (!conn) {
		*ret_role = ZW_LOGIN_UNKNOWN;
		return 0;
	}
	origin = malloc(sizeof(*origin));
	if (!origin)
		return -ENOMEM;
	*origin = (struct zw_origin){.refs = 1, .port = conn->peer_port};
	memcpy(origin->ip, conn->peer_ip, sizeof(origin->ip));
	*ret_origin = origin;
	*ret_role = ZW_LOGIN_SESSION;
	return 0;
}
