/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths of cgroups by id, remembered after the cgroup is gone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zw_cgroups;

/* The cgroup2 mount is looked for in @proc_root/self/mountinfo. At most @max paths are remembered. */
int zw_cgroups_new(const char *proc_root, size_t max, struct zw_cgroups **ret_cgroups);
void zw_cgroups_free(struct zw_cgroups *cgroups);
ZW_DEFINE_CLEANUP(struct zw_cgroups *, zw_cgroups_free);
#define _zw_cgroups_free_ _zw_cleanup_(zw_cgroups_freep)

/* A copy of the path below the root of the hierarchy ("/system.slice/named.service"), NULL when it cannot be told.
 * A process in the cgroup, (@tgid, @start_ns), helps where cgroups cannot be opened by id. With @id 0, which no
 * cgroup has, only the process is looked at. 0 or -ENOMEM. */
int zw_cgroups_path(
	struct zw_cgroups *cgroups, uint64_t id, uint32_t tgid, uint64_t start_ns, char **ret_path);
