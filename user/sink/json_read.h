/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event as it was stored or exported, read back: the inverse of zw_report_to_json(). */
#pragma once

#include <stddef.h>

#include "base/str.h"
#include "engine/report.h"

/* The object at @text, of bytes that nobody vouches for; blanks around it are allowed, members that are not known
 * are ignored. zw_report_to_json() makes the same object of *ret_report again, given the same host.
 *
 * What JSON does not have stays empty: the real uid of an actor and its boot time, TTLs of single signatures. The
 * difference is rebuilt from "changes", without the SOA that only had its serial changed beside others, though with
 * has_serial_before and has_serial_after; where the list was cut, report->changes_total says how many there were.
 *
 * 0; -EBADMSG with what is wrong appended to @error (may be NULL), printable; -ENOMEM. */
int zw_report_from_json(
	const char *text, size_t len, struct zw_report **ret_report, struct zw_str *error);
