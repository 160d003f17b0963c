/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the state of the hooks is told, by the agent's socket and by `status` alike. */
#pragma once

#include <jansson.h>

#include "probe/probe.h"

/* Where the agent answers `status`. */
#define ZW_STATUS_SOCKET "/run/zonewitness/status.sock"

/* {"capabilities": [{name, tier}], "hooks": [{hook, capability, tier, state, reason}]}; NULL when out of
 * memory. */
json_t *zw_status_hooks(const struct zw_probe *probe);
