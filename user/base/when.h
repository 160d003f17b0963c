/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in time as people write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What zw_parse_when() takes, for help texts. */
#define ZW_WHEN_FORMS "2026-11-22T10:00, 2026-11-22, yesterday, -2h, '2h ago', @SECONDS"

/* @text as a moment, CLOCK_REALTIME:
 *
 *	2026-11-22T10:00[:00[.123456789]][Z|+01:00|-0500]	also with a blank, or t, in place of the T
 *	2026-11-22						its beginning
 *	10:00[:00]						of the current day
 *	now, today, yesterday					the last two: their beginning
 *	-2h, 2h ago						before @now_ns; units as in zw_parse_duration()
 *	@1795306282[.123456789]					seconds since 1970
 *
 * Without an offset, a time is one of the local zone (tzset(3)), or of UTC where @utc is set. Of a local time that
 * comes twice when clocks are set back, it is the first; one that is left out when they are set forward is as much
 * later as they are set. 0; -EINVAL; -ERANGE before 1970, after 2262, or where there is no such date. */
int zw_parse_when(const char *text, uint64_t now_ns, bool utc, uint64_t *ret_ns);
