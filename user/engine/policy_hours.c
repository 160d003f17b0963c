/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

#define DAYS 7
#define MINUTES_PER_DAY (24 * 60)

static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static_assert(ZW_ARRAY_SIZE(day_names) == DAYS, "a name for every bit of zw_hours.days");

static int parse_day(const char **p, unsigned int *ret_day)
{
	for (unsigned int i = 0; i < DAYS; i++) {
		if (strncasecmp(*p, day_names[i], 3) != 0)
			continue;
		*p += 3;
		*ret_day = i;
		return 0;
	}
	return -EINVAL;
}

/* "Mon", "Mon-Fri", "Fri-Mon" (over the weekend), and lists of these with commas. */
static int parse_days(const char **p, uint8_t *ret_days)
{
	unsigned int first, last;
	uint8_t days = 0;

	for (;;) {
		if (parse_day(p, &first) < 0)
			return -EINVAL;
		last = first;
		if (**p == '-') {
			(*p)++;
			if (parse_day(p, &last) < 0)
				return -EINVAL;
		}
		for (unsigned int day = first;; day = (day + 1) % DAYS) {
			days |= (uint8_t)(1U << day);
			if (day == last)
				break;
		}
		if (**p != ',')
			break;
		(*p)++;
	}
	*ret_days = days;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HH:MM" up to and with 24:00. */
static int parse_minute(const char **p, uint16_t *ret_min)
{
	const char *s = *p;
	unsigned int hour, minute;

	if (!is_digit(s[0]) || !is_digit(s[1]) || s[2] != ':' || !is_digit(s[3]) || !is_digit(s[4]))
		return -EINVAL;
	hour = (unsigned int)(s[0] - '0') * 10 + (unsigned int)(s[1] - '0');
	minute = (unsigned int)(s[3] - '0') * 10 + (unsigned int)(s[4] - '0');
	if (minute > 59 || hour * 60 + minute > MINUTES_PER_DAY)
		return -EINVAL;
	*ret_min = (uint16_t)(hour * 60 + minute);
	*p += 5;
	return 0;
}

int zw_hours_parse(const char *text, struct zw_hours *ret_hours)
{
	struct zw_hours hours = {};
	const char *p = text;

	if (parse_days(&p, &hours.days) < 0 || *p++ != ' ' ||
		parse_minute(&p, &hours.from_min) < 0 || *p++ != '-' ||
		parse_minute(&p, &hours.to_min) < 0 || *p != '\0')
		return -EINVAL;
	/* Equal times could mean nothing or a whole day: the latter is written 00:00-24:00. */
	if (hours.from_min == hours.to_min || hours.from_min == MINUTES_PER_DAY)
		return -EINVAL;
	*ret_hours = hours;
	return 0;
}

bool zw_hours_contain(const struct zw_hours *hours, uint64_t realtime_ns)
{
	time_t sec = (time_t)(realtime_ns / ZW_NSEC_PER_SEC);
	unsigned int minute, today, yesterday;
	struct tm tm;

	if (!localtime_r(&sec, &tm))
		return false;
	minute = (unsigned int)(tm.tm_hour * 60 + tm.tm_min);
	today = (unsigned int)(tm.tm_wday + DAYS - 1) % DAYS; /* tm_wday counts from Sunday */
	yesterday = (today + DAYS - 1) % DAYS;
	if (hours->from_min < hours->to_min)
		return hours->days >> today & 1 && minute >= hours->from_min &&
		       minute < hours->to_min;
	return (hours->days >> today & 1 && minute >= hours->from_min) ||
	       (hours->days >> yesterday & 1 && minute < hours->to_min);
}

void zw_hours_to_text(const struct zw_hours *hours, char ret_text[static ZW_HOURS_TEXT_MAX])
{
	size_t n = 0;

	for (unsigned int day = 0; day < DAYS; day++) {
		unsigned int last = day;

		if (!(hours->days >> day & 1))
			continue;
		while (last + 1 < DAYS && hours->days >> (last + 1) & 1)
			last++;
		n += (size_t)snprintf(
			ret_text + n, ZW_HOURS_TEXT_MAX - n, "%s%s", n ? "," : "", day_names[day]);
		if (last > day)
			n += (size_t)snprintf(
				ret_text + n, ZW_HOURS_TEXT_MAX - n, "-%s", day_names[last]);
		day = last;
	}
	snprintf(ret_text + n, ZW_HOURS_TEXT_MAX - n, " %02u:%02u-%02u:%02u", hours->from_min / 60,
		hours->from_min % 60, hours->to_min / 60, hours->to_min % 60);
}
