/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/agent_traffic*.c. */
#pragma once

#include "cli/agent_traffic.h"
#include "engine/traffic_watch.h"
#include "probe/query.h"

struct zw_agent_traffic {
	struct zw_traffic_book *book;
	struct zw_baselines *baselines;
	struct zw_watch *watch;
	struct zw_query_book reading;
	uint64_t read_ns;        /* CLOCK_BOOTTIME: when to read next */
	uint64_t save_ns;        /* when to store what is usual */
	bool loaded;             /* what was usual before */
	bool deaf;               /* the kernel counts nothing: that was said */
	uint64_t failed, unkept; /* readings that failed; minutes that were not stored */
	uint64_t evictions;      /* of the kernel's tables, whose counts are with the others */
};

/* agent_traffic_report.c: tells of a finding; as zw_alarm_fn, with the agent. */
void zw_agent_traffic_alarm(void *ctx, struct zw_alarm *alarm, bool ended);
