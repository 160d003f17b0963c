/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets and sockets as the agent sees them: which ports matter, which network namespaces are followed, what came. A
 * part of the probe; where the kernel takes none of it, the functions return -EOPNOTSUPP and the states of the hooks
 * say why. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <zw_wire.h>

#include "probe/probe.h"

struct zw_net_port {
	uint16_t port;
	uint8_t flags; /* enum zw_port_flags */
};

/* Where the following of namespaces stands. */
struct zw_net_status {
	size_t namespaces;
	size_t devices; /* with programs on them */
	size_t refused; /* devices that could not be followed */
	int last_errno; /* why, of the last one; 0 */
	bool tcx;       /* else clsact */
	char refused_name[16];
};

/* Sets the ports that matter, in place of those before. Connections that are open by then are taken up midway. */
int zw_probe_net_ports(struct zw_probe *probe, const struct zw_net_port *ports, size_t n);

/* Follows all devices of the network namespace that @netns is a descriptor of, and those that come. When it returns, the
 * next packet is seen. Nothing happens when it is followed already. *ret_inum: its inode number. The namespace stays for
 * as long as it is followed, whoever else leaves it. */
int zw_probe_net_follow(struct zw_probe *probe, int netns, uint32_t *ret_inum);
/* Ends that and removes the programs. -ENOENT. */
int zw_probe_net_unfollow(struct zw_probe *probe, uint32_t inum);

/* Becomes readable when there are events, or devices come or go. */
int zw_probe_net_fd(const struct zw_probe *probe);
/* Takes what there is when it is called: processes first, then packets and bound sockets, each in the order of its ring; and attaches to
 * devices that came. */
int zw_probe_net_drain(struct zw_probe *probe, zw_probe_fn fn, void *ctx);

/* Learns the owners of the sockets that are there, once after opening, and calls @fn (unless NULL) with a struct
 * zw_wire_socket for each process and socket on a port that matters. Walks every process. */
int zw_probe_net_sockets(struct zw_probe *probe, zw_probe_fn fn, void *ctx);

/* Plain queries and answers since the start, all processors together. */
int zw_probe_net_traffic(struct zw_probe *probe, struct zw_traffic *ret_traffic);
/* What was taken away by others. */
struct zw_net_loss {
	size_t devices; /* without the programs, or one of them */
	size_t again;   /* that have them again */
	char name[16];  /* of the first one */
};
/* Looks at every device that has programs whether it still has them, and attaches them again. 0, with what was missing
 * in @ret_loss; -errno. */
int zw_probe_net_check(struct zw_probe *probe, struct zw_net_loss *ret_loss);
int zw_probe_net_status(const struct zw_probe *probe, struct zw_net_status *ret_status);
