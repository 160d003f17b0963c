/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports of interest, set by the agent. */
#pragma once

#include "zw_kernel.h"

#include <zw_wire.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct zw_ports);
} zw_ports SEC(".maps");

/* What @port is served for. */
static __always_inline __u8 zw_port_flags(const struct zw_ports *ports, __u32 port)
{
	/* 6.1 does not know what is left of a number after a swap of bytes. */
	asm volatile("" : "+r"(port));
	port &= 0xffff;
	if (!(ports->bit[port / 64] >> (port % 64) & 1))
		return 0;
	return ports->flags[port];
}
