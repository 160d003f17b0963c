/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes over a netlink(7) socket, datagram by datagram. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct nlmsghdr; /* linux/netlink.h */

/* Other than 0 ends the walk. */
typedef int (*zw_netlink_fn)(void *ctx, const struct nlmsghdr *message);

/* Calls @fn for each message of a datagram, which is aligned as struct nlmsghdr is. 1: it had the end of what was asked
 * for; 0: it had not; what @fn returned, or the error that the kernel tells. *@ret_changed (may be NULL) is set, not
 * cleared, when what is listed changed meanwhile. */
int zw_netlink_walk(const void *data, size_t len, zw_netlink_fn fn, void *ctx, bool *ret_changed);
