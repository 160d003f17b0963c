/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live process as /proc shows it (proc(5)), in the shape the kernel events have. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "event/event.h"

/* Start times in /proc/PID/stat are in steps of the user-visible clock tick, rounded down. */
uint64_t zw_procfs_tick_ns(void);

/* Reads process @tgid below @root. start_ns is that of the tick, ancestors are not filled, cgroup_id is 0; what
 * may not be read is left empty. @ret_parent gets the current parent. 0; -ESRCH when there is no such process or it
 * went away meanwhile; -ENOMEM. Free with zw_proc_facts_done(). */
int zw_procfs_read(
	const char *root, uint32_t tgid, struct zw_proc_facts *ret_facts, uint32_t *ret_parent);

/* The start time alone, to tell whether @tgid still is the same process. 0 or -ESRCH. */
int zw_procfs_start(const char *root, uint32_t tgid, uint64_t *ret_start_ns);

/* Opens "@root/@tgid/@name" for reading; NULL when it cannot be. */
FILE *zw_procfs_open(const char *root, uint32_t tgid, const char *name);
