/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Knot DNS: what it serves, over its control socket (knotc(8), zone-status and zone-read), with libknot's client.
 *
 * Its zone files lag behind: zonefile-sync may be hours, or -1 for never, and a zone that conf-set added need not have a
 * file at all. Its journal is one LMDB database for all zones, so a write to it (CHANNELS: before the answer to an
 * UPDATE, and at every transfer and transaction) says that some zone changed. Which one the serials tell: Knot raises the
 * serial with every change that does not come from a file, 7 us a zone; records, 0.5 us each, are read of zones with
 * another serial only. What is changed under the same serial comes from a zone file, which is watched itself, or from a
 * forced transfer of a zone whose primary did so: for that the caller asks without a mark now and then. */
#pragma once

#include "server/state.h"

/* Asks the server behind @socket for @n zones. The mark of a zone is made of its serial. Once @n is above a few, the
 * status of all its zones is taken in one go. 0 also when single zones failed; else -errno with *ret_error: -ETIME past
 * @deadline_ns, -ECONNREFUSED, -ENOENT, -EACCES, ... or what a callback returned. */
int zw_state_read_knot(const char *socket, const struct zw_state_ask *asks, size_t n,
	uint64_t deadline_ns, const struct zw_state_sink *sink, struct zw_zone_error *ret_error);
