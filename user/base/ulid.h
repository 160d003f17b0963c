/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event identifiers: ULID, 48 bits of milliseconds then 80 random bits in Crockford base 32, so they
 * sort by time and a unique prefix is enough to name one. */
#pragma once

#include <stdint.h>

#define ZW_ULID_LEN 26

struct zw_ulid_state {
	uint64_t last_ms;
	uint8_t random[10];
};

/* Writes a NUL-terminated ULID. Within one millisecond and state the random part is incremented, so
 * identifiers are strictly increasing. */
void zw_ulid(struct zw_ulid_state *state, uint64_t realtime_ns, char out[static ZW_ULID_LEN + 1]);
