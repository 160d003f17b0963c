/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network devices and tc filters, by rtnetlink(7). Works on the network namespace of the calling thread; a socket keeps
 * the one it was opened in. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* What is said of a device. */
struct zw_link {
	int ifindex;
	int lower;           /* index of the device below it (a VLAN's), 0 if none is named */
	unsigned short type; /* ARPHRD_* */
	bool gone;
	char name[IFNAMSIZ];
	char kind[16];       /* "veth", "vlan", ...; empty for hardware */
	char slave_kind[16]; /* of what it is a part of: "bridge", "bond", ...; empty otherwise */
};

/* A filter of type bpf. */
struct zw_filter {
	uint32_t handle, priority, program; /* the last is the id of its program, 0 if not told */
	char name[64];
};

typedef void (*zw_link_fn)(void *ctx, const struct zw_link *link);
typedef void (*zw_filter_fn)(void *ctx, const struct zw_filter *filter);

/* A socket, not blocking, that tells of devices from now on. The descriptor or -errno. */
int zw_rtnl_open(void);
/* Asks for all devices; zw_rtnl_read() gives them. 0 or -errno. */
int zw_rtnl_ask_links(int fd);
/* Calls @fn for each message there is. @ret_done is set, not cleared, at the end of what was asked for. 0; -ENOBUFS when
 * messages were lost, so that one must ask for all again; -errno. */
int zw_rtnl_read(int fd, zw_link_fn fn, void *ctx, bool *ret_done);

/* Calls @fn for each filter of type bpf at @parent of a device, and counts those of other types. */
int zw_rtnl_filters(
	int ifindex, uint32_t parent, zw_filter_fn fn, void *ctx, unsigned int *ret_others);
