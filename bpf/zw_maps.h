/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps every object has: its ring and the counters of what did not fit into it. */
#pragma once

#include "zw_kernel.h"

#include <zw_wire.h>

/* Sized by the agent before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} zw_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, _ZW_DROP_MAX);
	__type(key, __u32);
	__type(value, __u64);
} zw_drops SEC(".maps");

static __always_inline void zw_count_drop(__u32 reason)
{
	__u64 *n = bpf_map_lookup_elem(&zw_drops, &reason);

	if (n)
		*n += 1;
}

char LICENSE[] SEC("license") = "GPL";
