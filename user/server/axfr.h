/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that are asked for their zones by transfers (state_axfr.h). */
#pragma once

#include "server/driver.h"

/* Fills @target: @server is asked at one of the addresses it serves DNS on over TCP, one of loopback if there is any.
 * @allow: the setting of that kind of server that lets loopback addresses have a zone. 0, -ENOMEM, or -ENOTSUP when it
 * listens nowhere. */
int zw_axfr_target(
	const struct zw_server *server, const char *allow, struct zw_state_target *target);
