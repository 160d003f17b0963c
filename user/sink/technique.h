/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: the MITRE ATT&CK techniques a report is a sign of, the same in every sink. */
#pragma once

#include "base/str.h"
#include "engine/rule.h"

/* More than any table has; the first ones are told. */
#define ZW_TECHNIQUES_MAX 8

static inline size_t zw_technique_add(const char *id, const char *list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (zw_streq(list[i], id))
			return n;
	if (n < ZW_TECHNIQUES_MAX)
		list[n++] = id;
	return n;
}

/* Without duplicates; returns how many. */
static inline size_t zw_report_techniques(
	const struct zw_report *report, const char *ret_list[static ZW_TECHNIQUES_MAX])
{
	size_t n = 0;

	/* "Compromise Infrastructure: DNS Server" */
	if (report->action == ZW_ACTION_RECORD_CHANGE && report->escalate)
		n = zw_technique_add("T1584.002", ret_list, n);
	for (size_t i = 0; i < report->findings; i++) {
		const struct zw_rule *rule = zw_rule_find(report->finding[i].rule);

		if (rule && rule->technique)
			n = zw_technique_add(rule->technique, ret_list, n);
	}
	return n;
}
