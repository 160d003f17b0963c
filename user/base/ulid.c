/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ulid.h"

#include <sys/random.h>

#include "base/clock.h"

static void fresh_random(struct zw_ulid_state *state)
{
	/* Identifiers need to be unique, not secret: before the pool is ready the clock will do. */
	if (getrandom(state->random, sizeof(state->random), GRND_NONBLOCK) !=
		(ssize_t)sizeof(state->random)) {
		uint64_t now = zw_boottime_ns();

		for (size_t i = 0; i < sizeof(state->random); i++)
			state->random[i] = (uint8_t)(now >> (i % 8 * 8));
	}
	/* Headroom so that incrementing within a millisecond cannot overflow. */
	state->random[0] &= 0x7f;
}

static void increment(struct zw_ulid_state *state)
{
	for (int i = (int)sizeof(state->random) - 1; i >= 0; i--)
		if (++state->random[i] != 0)
			return;
}

void zw_ulid(struct zw_ulid_state *state, uint64_t realtime_ns, char out[static ZW_ULID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t ms = realtime_ns / ZW_NSEC_PER_MSEC;
	unsigned int acc = 0, bits = 0;
	int pos = 10;

	/* A clock set back must not break the order of identifiers already given out. */
	if (ms <= state->last_ms) {
		ms = state->last_ms;
		increment(state);
	} else {
		state->last_ms = ms;
		fresh_random(state);
	}
	for (int i = 9; i >= 0; i--) {
		out[i] = digits[ms & 31];
		ms >>= 5;
	}
	for (size_t i = 0; i < sizeof(state->random); i++) {
		acc = acc << 8 | state->random[i];
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			out[pos++] = digits[acc >> bits & 31];
		}
	}
	out[ZW_ULID_LEN] = '\0';
}
