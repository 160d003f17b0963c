/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look that failed for a reason of the agent's own, mostly for want of memory. Nothing of it is taken over: the last
 * good state stays, and the next look finds the same difference. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/policy.h"

/* The first pause, doubled by each failure: a large zone is much to read in vain. */
#define RETRY_MIN_NS ZW_NSEC_PER_SEC
#define RETRY_DOUBLINGS 5

/* The zone is not watched meanwhile, which somebody may have brought about. */
static int tell(struct zw_agent *a, const struct zw_agent_zone *z, int error)
{
	_zw_report_free_ struct zw_report *report =
		zw_agent_report_new(a, ZW_ACTION_ZONE_UNREADABLE, z);
	int r;

	if (!report)
		return -ENOMEM;
	report->error = zw_asprintf("the agent cannot read it: %s", strerror(-error));
	report->error_file = strdup(z->files.items[0].path);
	report->file.path = strdup(z->files.items[0].path);
	if (!report->error || !report->error_file || !report->file.path)
		return -ENOMEM;
	report->severity = ZW_SEVERITY_UNATTRIBUTED;
	report->escalate = true;
	r = zw_report_add_reason(report,
		"the last state that was read stays what later ones are compared with; "
		"it is read again until that succeeds");
	if (r == 0)
		zw_agent_deliver(a, ZW_TAKE(report));
	return r;
}

void zw_agent_look_failed(struct zw_agent *a, struct zw_agent_zone *z, int error)
{
	unsigned int doublings = z->failures < RETRY_DOUBLINGS ? z->failures : RETRY_DOUBLINGS;

	a->failed_looks++;
	z->failures++;
	/* What cannot even be told now is told after the next failure. */
	if (!z->failure_told) {
		zw_error("cannot look at zone '%s' (%s): %s; trying again", z->name,
			z->files.items[0].path, strerror(-error));
		z->failure_told = tell(a, z, error) == 0;
	}
	zw_agent_schedule(a, z, zw_boottime_ns() + (RETRY_MIN_NS << doublings));
}

void zw_agent_look_succeeded(struct zw_agent_zone *z)
{
	if (z->failure_told)
		zw_info("zone '%s' can be read again", z->name);
	z->failures = 0;
	z->failure_told = false;
}
