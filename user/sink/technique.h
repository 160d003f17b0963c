/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: the MITRE ATT&CK technique a report is a sign of, the same in every sink. */
#pragma once

#include "engine/report.h"

/* NULL for none. */
static inline const char *zw_report_technique(const struct zw_report *report)
{
	/* "Compromise Infrastructure: DNS Server" */
	return report->action == ZW_ACTION_RECORD_CHANGE && report->escalate ? "T1584.002" : NULL;
}
