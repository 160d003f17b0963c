/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "sink/clean.h"

static int notify(const char *state)
{
	int r = sd_notify(0, state);

	return r < 0 ? r : 0;
}

int zw_notify_ready(void)
{
	return notify("READY=1");
}

int zw_notify_status(const char *text)
{
	_zw_str_ struct zw_str state = {};

	zw_str_add(&state, "STATUS=");
	zw_clean_add(&state, text);
	return state.failed ? -ENOMEM : notify(state.buf);
}

int zw_notify_watchdog(void)
{
	return notify("WATCHDOG=1");
}

int zw_notify_reloading(void)
{
	_zw_str_ struct zw_str state = {};
	struct timespec ts;
	uint64_t usec;

	/* Type=notify-reload (systemd 253) wants the time; older ones ignore it. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	usec = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / ZW_NSEC_PER_USEC;
	zw_str_addf(&state, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, usec);
	return state.failed ? -ENOMEM : notify(state.buf);
}

int zw_notify_stopping(void)
{
	return notify("STOPPING=1");
}

int zw_notify_watchdog_interval(uint64_t *ret_ns)
{
	uint64_t usec = 0;
	int r;

	r = sd_watchdog_enabled(0, &usec);
	if (r < 0)
		return r;
	*ret_ns = r > 0 ? usec * ZW_NSEC_PER_USEC / 2 : 0;
	return 0;
}
