/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

int zw_state_fail(struct zw_zone_error *error, int r, const char *fmt, ...)
{
	char text[sizeof(error->reason)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)zw_zone_fail(error, ZW_ZERR_SERVER, 0, 0, "%s", text);
	return r;
}

int zw_state_left_ms(uint64_t deadline_ns)
{
	uint64_t now = zw_boottime_ns(), ms;

	if (now >= deadline_ns)
		return 0;
	/* Up, so that a wait does not end just before the deadline. */
	ms = (deadline_ns - now + ZW_NSEC_PER_MSEC - 1) / ZW_NSEC_PER_MSEC;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
