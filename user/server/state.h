/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server serves, asked of the server itself or of its database rather than of a zone file.
 *
 * The readers (state_knot.h, state_pdns.h, state_axfr.h) block, with a deadline, and take paths and addresses as the
 * calling process sees them. The agent runs them in a process of its own in the server's root and network namespace
 * (state_job.h), so that a slow or hostile server costs it nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/record.h"

/* One zone that is asked for. */
struct zw_state_ask {
	const uint8_t *origin; /* lower-case wire form */
	/* What zw_state_done_fn said of it last: records come only when it is another by now. 0: nothing is known, they
	 * come in any case. */
	uint64_t mark;
};

/* All readers call these; non-zero stops the reader, which returns that value. */
struct zw_state_sink {
	/* A record of asked zone @i. Those of one zone come together. */
	int (*record)(void *ctx, size_t i, const struct zw_record *record);
	/* Asked zone @i is complete. @mark stands for its content, in the terms of that reader, and is not 0. @changed:
	 * it is another than the asked one, and these were all its records; else records that came are void. */
	int (*done)(void *ctx, size_t i, uint64_t mark, bool changed);
	/* Asked zone @i cannot be had. @r is -ENOENT when the server does not have it, -EBADMSG when its content is
	 * bad; records that came before are void. */
	int (*failed)(void *ctx, size_t i, int r, const struct zw_zone_error *error);
	/* The server has a zone nobody asked for: its list of zones changed. Once a reading at most, and only where that
	 * costs nothing; may be NULL. */
	int (*unasked)(void *ctx);
	void *ctx;
};

/* Fills @error (may be NULL) with what went wrong with a server and what to do; returns @r, which is not 0. */
int zw_state_fail(struct zw_zone_error *error, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Milliseconds until @deadline_ns (CLOCK_BOOTTIME), 0 when it has passed. */
int zw_state_left_ms(uint64_t deadline_ns);
