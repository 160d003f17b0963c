/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP sockets that listen, by NETLINK_SOCK_DIAG (sock_diag(7)). /proc/net/tcp has them too, but to say that there are no more
 * the kernel walks its whole table of connections: a quarter of a million buckets on a large machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* @addr: network order, four words, of which AF_INET takes the first; @port: host order. What it returns other than 0 ends
 * the listing. */
typedef int (*zw_sockdiag_fn)(
	void *ctx, int family, const uint32_t addr[4], uint16_t port, uint64_t ino);

/* Whether @pid is in this process's network namespace, which is the one that can be asked about. */
bool zw_sockdiag_reaches(const char *proc_root, pid_t pid);

/* Calls @fn for each of @family (AF_INET, AF_INET6). 0, what @fn returned, or -errno: the kernel has no such socket
 * (-ENOENT, -EPROTONOSUPPORT), or the list changed while it was read (-EINTR). */
int zw_sockdiag_listening(int family, zw_sockdiag_fn fn, void *ctx);
