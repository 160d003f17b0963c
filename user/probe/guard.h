/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who ends or stops the agent: signals from other processes, as the kernel writes them down when they are sent. */
#pragma once

#include <zw_guard.h>

#include "probe/probe.h"

/* What ended an earlier agent with the same pin, which did not say that it ends. False: nothing is known. */
bool zw_probe_guard_left(const struct zw_probe *probe, struct zw_guard_record *ret_record);
/* The newest signal to this agent that was not taken yet. False: none. */
bool zw_probe_guard_take(struct zw_probe *probe, struct zw_guard_record *ret_record);
/* It ends by itself: the next one has nothing to tell. */
void zw_probe_guard_clear(struct zw_probe *probe);
/* Why the next agent will not know who ended this one: 0: it will; -EOPNOTSUPP: no such hook; else what pinning failed
 * with, as -ENOENT where there is no bpffs. */
int zw_probe_guard_lack(const struct zw_probe *probe);
