/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service manager hears of the agent while it runs. */
#include "cli/agent.h"

#include <inttypes.h>

#include "base/log.h"
#include "sink/notify.h"

static void describe(struct zw_agent *a, struct zw_str *text)
{
	size_t servers = 0, unreadable = 0;
	uint64_t lost = zw_agent_losses(a);

	ZW_VEC_FOREACH(s, &a->servers)
		servers += (*s)->kind != ZW_SERVER_NONE && (*s)->pid;
	ZW_VEC_FOREACH(z, &a->zones)
		unreadable += (*z)->state != ZW_ZONE_GOOD || (*z)->failures;
	zw_str_addf(text, "Watching %zu zones, %zu servers run; %" PRIu64 " changes", a->zones.len,
		servers, a->changes);
	if (unreadable)
		zw_str_addf(text, "; %zu zones cannot be read", unreadable);
	if (lost)
		zw_str_addf(text, "; %" PRIu64 " events lost", lost);
}

void zw_agent_notify_status(struct zw_agent *a)
{
	_zw_str_ struct zw_str text = {};

	describe(a, &text);
	if (text.failed || (a->status_line && zw_streq(a->status_line, text.buf)))
		return;
	(void)zw_notify_status(text.buf);
	free(a->status_line);
	a->status_line = ZW_TAKE(text.buf);
}

void zw_agent_notify_alive(struct zw_agent *a, uint64_t now)
{
	uint64_t interval;

	if (now < a->watchdog_at_ns || zw_notify_watchdog_interval(&interval) < 0)
		return;
	a->watchdog_at_ns = interval ? now + interval : UINT64_MAX;
	if (interval)
		(void)zw_notify_watchdog();
}
