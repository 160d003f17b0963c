/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that say what a zone is in no file and no database one could read: asked as a secondary would, by a transfer
 * over TCP from a loopback address. It has no TSIG, so the server must let that address have the zone.
 *
 * Which zone changed the serial tells, a question of some 50 us a zone; whoever knows better asks without a mark. */
#pragma once

#include "server/state.h"

/* Asks the server at @where, "127.0.0.1@53" or "::1@53", which the calling process can reach. The mark of a zone is
 * made of its serial. 0 also when single zones failed (-EACCES: a transfer was refused); else -errno with *ret_error:
 * -ETIME past @deadline_ns, -ECONNREFUSED, ... or what a callback returned. */
int zw_state_read_axfr(const char *where, const struct zw_state_ask *asks, size_t n,
	uint64_t deadline_ns, const struct zw_state_sink *sink, struct zw_zone_error *ret_error);
