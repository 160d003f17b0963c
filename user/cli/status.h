/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the state of the hooks is told, by the agent's socket and by `status` alike. */
#pragma once

#include <jansson.h>

#include "probe/probe.h"

/* Where the agent answers `status`, `ack` and `expect`. */
#define ZW_STATUS_SOCKET "/run/zonewitness/status.sock"

/* Connects to the agent at @path, whose answers are waited for no longer than @seconds. With @request the end has a name,
 * which tells the agent that a request comes. 0; -ENOENT: no agent runs; -ENAMETOOLONG, -EACCES, ... */
int zw_status_connect(const char *path, unsigned int seconds, bool request, int *ret_fd);

/* What the agent answers at @fd, which is closed. 0; -ETIMEDOUT when there was no answer, -EBADMSG when it was something
 * else, -errno. */
int zw_status_read(int fd, json_t **ret_answer);

/* Says what went wrong with connecting, or with the answer: -ETIMEDOUT when there was none, -EBADMSG when it was something
 * else, and what is to be done. */
void zw_status_log_failure(const char *path, int error);

/* {"capabilities": [{name, tier}], "hooks": [{hook, capability, tier, state, reason}]}; NULL when out of
 * memory. */
json_t *zw_status_hooks(const struct zw_probe *probe);
