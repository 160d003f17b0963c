/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of the hooks and of the agent as a person reads it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

/* Both take what cli/status.h describes, as it came from the agent: members that are missing are left out, and
 * every text is escaped. Errors stick to @s. */

/* Which tier and hooks serve each capability; and the other hooks, with the reason. */
void zw_status_hooks_text(struct zw_str *s, const json_t *hooks);
/* The agent itself, its servers, zones, counters and sinks. @all_zones: list them however many there are. */
void zw_status_agent_text(struct zw_str *s, const json_t *agent, bool all_zones);

/* Appends @items (texts) separated by commas, in lines that end before column 100 and begin at @indent; the
 * cursor is there already. */
void zw_status_list_text(struct zw_str *s, const json_t *items, int indent);
