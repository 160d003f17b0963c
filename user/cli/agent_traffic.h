/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS traffic in the agent: once a second from the kernel into minutes, what is usual, and findings. */
#pragma once

#include "cli/agent.h"

/* Rows of each kind that `top` is told of. */
#define ZW_TRAFFIC_SHOWN 100

/* Makes a->traffic. 0 or -ENOMEM. */
int zw_agent_traffic_open(struct zw_agent *a);
/* NULL is allowed. */
void zw_agent_traffic_free(struct zw_agent_traffic *traffic);

/* Names of the zone are counted for it from now on, and no more. */
void zw_agent_traffic_serve(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_traffic_unserve(struct zw_agent *a, struct zw_agent_zone *z);

/* The kernel tells of a query: who asks for a name that is new is remembered for a while. */
void zw_agent_traffic_asked(struct zw_agent *a, const struct zw_event *event);
/* Now and then; reads the kernel's counters when a second is over. */
void zw_agent_traffic_tick(struct zw_agent *a, uint64_t now_ns);
/* The last of it: what goes on is over, the minute ends, and what is usual is stored. */
void zw_agent_traffic_stop(struct zw_agent *a);
/* Another configuration is in force. */
void zw_agent_traffic_configure(struct zw_agent *a);

/* {"query_rate", "response_rate", "seconds": [...], "total": {...}, "findings", "rows": {"source": [{"key", "rate", ...}],
 * ...}}; without the rows when @rows is 0. NULL: no memory. */
json_t *zw_agent_traffic_json(const struct zw_agent *a, size_t rows);
/* Whether that is what a request on the socket asks for: {"request": "traffic"}. */
bool zw_agent_traffic_is_asked(const char *text, size_t len);
