/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One program on each side of a network device, by tcx where the kernel has it, else as filters of a clsact qdisc. All
 * of it concerns the network namespace of the calling thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum zw_net_side {
	ZW_NET_INGRESS = 0,
	ZW_NET_EGRESS,
	_ZW_NET_SIDE_MAX,
};

/* What is attached to a device. Without tcx, filters are ours by their names, and whose by their handle: the process
 * and a number. A filter whose process is gone or does not hold the program any more was left behind by a kill. */
struct zw_net_hooks {
	int link[_ZW_NET_SIDE_MAX];        /* tcx: ends with the descriptor; -1: none */
	uint32_t handle[_ZW_NET_SIDE_MAX]; /* clsact: 0: none */
	bool made_qdisc;                   /* and so to be removed once it is empty */
};

/* Whether the kernel takes @program by tcx, tried on @ifindex. */
bool zw_net_has_tcx(int ifindex, int program);

/* Attaches @program[side], -1 for none, and removes what an agent that was killed left there. On failure nothing is
 * attached. 0 or -errno. */
int zw_net_attach(int ifindex, const int program[static _ZW_NET_SIDE_MAX], bool tcx,
	struct zw_net_hooks *ret_hooks);

/* Whether all that was attached is there still. 1, 0, -errno. */
int zw_net_attached(int ifindex, const struct zw_net_hooks *hooks);

/* Detaches, and removes the qdisc if it was made here and nobody else has put anything into it. */
void zw_net_detach(int ifindex, struct zw_net_hooks *hooks);

/* The same for a device that is gone, or went to another namespace: nothing is left there to be looked at. */
void zw_net_forget(struct zw_net_hooks *hooks);
