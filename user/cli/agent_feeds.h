/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The feeds of the configuration: read by a thread of their own, one at a time, since a million lines take longer than events
 * can wait, and read again when their file is another or was written to. A list that cannot be read or is empty leaves the
 * one before it in force. All functions are for the agent's thread. */
#pragma once

#include <jansson.h>

#include "cli/agent.h"
#include "engine/feed.h"

struct zw_agent_feeds;

int zw_agent_feeds_new(struct zw_agent_feeds **ret_feeds);
/* Waits for the thread. NULL is allowed. */
void zw_agent_feeds_free(struct zw_agent_feeds *feeds);
/* Follows the lists of @conf, and no others; all of them are read again. 0 or -ENOMEM. */
int zw_agent_feeds_follow(struct zw_agent_feeds *feeds, const struct zw_conf *conf);
/* Takes over what was read and goes on; now and then. */
void zw_agent_feeds_tick(struct zw_agent_feeds *feeds, uint64_t now_ns);
/* True until each of them was tried once. */
bool zw_agent_feeds_are_awaited(const struct zw_agent_feeds *feeds);
/* Those in force: good until the next call of one of these functions. */
const struct zw_feeds *zw_agent_feeds_list(const struct zw_agent_feeds *feeds);
/* An array with an object for each. NULL: no memory. */
json_t *zw_agent_feeds_status(const struct zw_agent_feeds *feeds);
