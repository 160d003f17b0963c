/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sent the agent a signal that ends or stops it. Kept in a map that is pinned, since of SIGKILL the agent itself
 * hears nothing: the next one reads it. */
#pragma once

#include <zw_wire.h>

/* The last ones; an older one is overwritten. */
#define ZW_GUARD_SLOTS 8

struct zw_guard_record {
	__u64 agent_since_ns; /* the agent it was sent to: CLOCK_BOOTTIME of its beginning */
	__u32 agent_tgid;
	__u32 signal; /* 0: the slot is empty */
	__u32 by_kernel; /* 1: not by a process; `sender` is whoever ran then, as at the end of memory */
	__u32 reserved;
	struct zw_wire_exec sender; /* time and process, in the form of an EXEC event */
};

ZW_ASSERT_SIZE(struct zw_guard_record, 24 + sizeof(struct zw_wire_exec));
