/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t zw_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t zw_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t zw_boot_to_real_offset_ns(void)
{
	return (int64_t)(zw_realtime_ns() - zw_boottime_ns());
}

void zw_time_iso(uint64_t realtime_ns, char buf[static ZW_TIME_ISO_MAX])
{
	time_t sec = (time_t)(realtime_ns / ZW_NSEC_PER_SEC);
	struct tm tm;
	size_t n;

	gmtime_r(&sec, &tm);
	n = strftime(buf, ZW_TIME_ISO_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, ZW_TIME_ISO_MAX - n, ".%09uZ",
		(unsigned int)(realtime_ns % ZW_NSEC_PER_SEC));
}

int zw_time_from_iso(const char *text, uint64_t *ret_ns)
{
	char again[ZW_TIME_ISO_MAX];
	unsigned int ns;
	struct tm tm = {};
	time_t sec;

	/* Widths keep the numbers small; what else sscanf(3) lets pass does not come out the same again. */
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%9uZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ns) != 7)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	sec = timegm(&tm);
	if (sec < 0 || (uint64_t)sec >= UINT64_MAX / ZW_NSEC_PER_SEC)
		return -EINVAL;
	zw_time_iso((uint64_t)sec * ZW_NSEC_PER_SEC + ns, again);
	if (strcmp(again, text) != 0)
		return -EINVAL;
	*ret_ns = (uint64_t)sec * ZW_NSEC_PER_SEC + ns;
	return 0;
}

int zw_parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} units[] = {
		{"", ZW_NSEC_PER_SEC},
		{"ms", ZW_NSEC_PER_MSEC},
		{"s", ZW_NSEC_PER_SEC},
		{"m", 60 * ZW_NSEC_PER_SEC},
		{"h", 3600 * ZW_NSEC_PER_SEC},
		{"d", 86400 * ZW_NSEC_PER_SEC},
		{"w", 7 * 86400 * ZW_NSEC_PER_SEC},
	};
	unsigned long long v;
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].suffix) != 0)
			continue;
		if (v > UINT64_MAX / units[i].ns)
			return -ERANGE;
		*ret_ns = v * units[i].ns;
		return 0;
	}
	return -EINVAL;
}
