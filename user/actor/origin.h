/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a login came from: the network peer of the server process that let it in (sshd and its like). */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Shared by the processes of a session. */
struct zw_origin {
	unsigned int refs;
	uint16_t port;
	char ip[INET6_ADDRSTRLEN]; /* an IPv4-mapped address as IPv4 */
};

enum zw_login_role {
	ZW_LOGIN_UNKNOWN = 0, /* not looked at, or no socket found */
	ZW_LOGIN_LISTENER,    /* waits for connections: no session of its own */
	ZW_LOGIN_SESSION,     /* serves one connection */
};

/* Whether @exe (may be NULL) is where the system keeps a login server. The caller checks that root runs it. */
bool zw_is_login_server(const char *exe);

/* Looks at the sockets of live process @tgid. *@ret_origin, owned by the caller, is set for ZW_LOGIN_SESSION only.
 * 0, also when nothing can be seen; -ENOMEM. */
int zw_origin_probe(const char *proc_root, uint32_t tgid, enum zw_login_role *ret_role,
	struct zw_origin **ret_origin);

struct zw_origin *zw_origin_ref(struct zw_origin *origin); /* NULL gives NULL */
void zw_origin_unref(struct zw_origin *origin);
ZW_DEFINE_CLEANUP(struct zw_origin *, zw_origin_unref);
#define _zw_origin_unref_ _zw_cleanup_(zw_origin_unrefp)
