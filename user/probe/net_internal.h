/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by net.c and net_follow.c only. */
#pragma once

#include <bpf/libbpf.h>

#include "base/vec.h"
#include "probe/net.h"
#include "probe/net_attach.h"
#include "probe/net_link.h"
#include "probe/query_internal.h"
#include "probe/ring.h"

struct zw_net_bpf;
struct zw_sock_bpf;

struct zw_net_device {
	struct zw_link link;
	struct zw_net_hooks hooks;
	bool attached;
	bool told; /* of, since all devices were asked for again */
};

/* A network namespace that is followed. */
struct zw_net_ns {
	uint32_t inum;
	int fd;                  /* keeps it alive */
	int rtnl;                /* tells of its devices */
	struct zw_net_bpf *skel; /* a copy of the programs that knows where it is */
	ZW_VEC(struct zw_net_device) devices;
};

struct zw_net {
	struct zw_sock_bpf *sock;
	struct zw_net_bpf
		*first; /* owns the maps that the copies share; attached only to be proven */
	struct zw_ports *ports; /* the map, mapped */
	struct zw_query_lane lane;
	struct zw_ring ring, query_ring; /* the lanes */
	int epoll;
	bool tcx;
	ZW_VEC(struct zw_net_ns *) namespaces;
	size_t refused;
	int last_errno;
	char refused_name[16];
};

/* net.c */

/* A copy of the programs for namespace @inum, with the maps of @net. NULL and errno. */
struct zw_net_bpf *zw_net_copy(const struct zw_net *net, uint32_t inum);

/* net_follow.c */

int zw_net_follow(struct zw_net *net, int fd, uint32_t *ret_inum);
int zw_net_unfollow(struct zw_net *net, uint32_t inum);
/* Reads what there is of news about devices, and attaches to new ones. */
int zw_net_devices(struct zw_net *net);
int zw_net_check(struct zw_net *net, struct zw_net_loss *ret_loss);
void zw_net_unfollow_all(struct zw_net *net);

/* Attaches each program of @skel to the loopback device of a network namespace of its own and sends one packet through
 * it. *ret_tcx: how it was attached; @try_tcx: whether that may be by tcx. */
int zw_net_exercise(const struct zw_net_bpf *skel, bool try_tcx, bool *ret_tcx);
