/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/when.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

/* Databases hold times as signed numbers of 64 bits: up to 2262. */
#define SECONDS_MAX ((time_t)(INT64_MAX / (int64_t)ZW_NSEC_PER_SEC - 1))
/* ISO 8601 offsets; the largest in use is +14:00. */
#define OFFSET_MAX_HOURS 23
#define DURATION_MAX 32

struct when {
	const char *p; /* what is still to be read */
	struct tm tm;
	uint32_t ns;
};

/* Exactly @digits digits. */
static bool take_number(struct when *w, unsigned int digits, int *ret_value)
{
	int value = 0;

	for (unsigned int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)w->p[i]))
			return false;
		value = value * 10 + (w->p[i] - '0');
	}
	w->p += digits;
	*ret_value = value;
	return true;
}

static bool take_char(struct when *w, char c)
{
	if (*w->p != c)
		return false;
	w->p++;
	return true;
}

/* "2026-11-22" */
static bool take_date(struct when *w)
{
	return take_number(w, 4, &w->tm.tm_year) && take_char(w, '-') &&
	       take_number(w, 2, &w->tm.tm_mon) && take_char(w, '-') &&
	       take_number(w, 2, &w->tm.tm_mday);
}

/* ".123": up to nine digits, further ones are refused. */
static bool take_fraction(struct when *w)
{
	uint32_t unit = ZW_NSEC_PER_SEC;

	if (!isdigit((unsigned char)*w->p))
		return false;
	for (; isdigit((unsigned char)*w->p); w->p++) {
		unit /= 10;
		if (unit == 0)
			return false;
		w->ns += unit * (uint32_t)(*w->p - '0');
	}
	return true;
}

/* "10:00", "10:00:00.5" */
static bool take_clock(struct when *w)
{
	if (!take_number(w, 2, &w->tm.tm_hour) || !take_char(w, ':') ||
		!take_number(w, 2, &w->tm.tm_min))
		return false;
	if (!take_char(w, ':'))
		return true;
	return take_number(w, 2, &w->tm.tm_sec) && (!take_char(w, '.') || take_fraction(w));
}

/* "Z", "+01:00", "+0100", "+01"; nothing leaves *ret_has as it is. */
static bool take_offset(struct when *w, bool *ret_has, int *ret_seconds)
{
	bool west = *w->p == '-';
	int hours, minutes = 0;

	if (*w->p == '\0')
		return true;
	*ret_has = true;
	if (take_char(w, 'Z') || take_char(w, 'z'))
		return true;
	if (!west && *w->p != '+')
		return false;
	w->p++;
	if (!take_number(w, 2, &hours) || hours > OFFSET_MAX_HOURS)
		return false;
	if (*w->p && ((void)take_char(w, ':'), !take_number(w, 2, &minutes) || minutes > 59))
		return false;
	*ret_seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

static int finish(time_t seconds, uint32_t ns, uint64_t *ret_ns)
{
	if (seconds < 0 || seconds > SECONDS_MAX)
		return -ERANGE;
	*ret_ns = (uint64_t)seconds * ZW_NSEC_PER_SEC + ns;
	return 0;
}

/* timegm(3) normalises; a date that comes out another was none. */
static bool is_date(const struct tm *tm)
{
	struct tm copy = *tm;

	return timegm(&copy) != -1 && copy.tm_mday == tm->tm_mday && copy.tm_mon == tm->tm_mon &&
	       copy.tm_year == tm->tm_year && tm->tm_hour < 24 && tm->tm_min < 60 &&
	       tm->tm_sec < 60;
}

/* The local time @tm, by the rule for those that come twice or never: mktime(3) may take either. */
static time_t from_local(const struct tm *tm)
{
	struct tm first = *tm, second = *tm;
	time_t a, b;

	first.tm_isdst = 1;
	second.tm_isdst = 0;
	a = mktime(&first);
	b = mktime(&second);
	/* Each is right where the time that was asked for came out, with its own idea of daylight saving. */
	if (first.tm_isdst == 1 && first.tm_hour == tm->tm_hour && first.tm_min == tm->tm_min)
		return a;
	return b;
}

static time_t to_seconds(const struct tm *tm, bool utc)
{
	struct tm copy = *tm;

	return utc ? timegm(&copy) : from_local(tm);
}

/* The day of @now_ns, its time 0:00. */
static void set_day(struct when *w, uint64_t now_ns, bool utc)
{
	time_t seconds = (time_t)(now_ns / ZW_NSEC_PER_SEC);

	if (utc)
		gmtime_r(&seconds, &w->tm);
	else
		localtime_r(&seconds, &w->tm);
	w->tm.tm_hour = w->tm.tm_min = w->tm.tm_sec = 0;
}

static int parse_calendar(const char *text, uint64_t now_ns, bool utc, uint64_t *ret_ns)
{
	struct when w = {.p = text};
	bool has_offset = false;
	int offset = 0;

	if (text[strspn(text, "0123456789")] == ':') {
		set_day(&w, now_ns, utc);
		if (!take_clock(&w) || *w.p)
			return -EINVAL;
	} else {
		if (!take_date(&w))
			return -EINVAL;
		w.tm.tm_year -= 1900;
		w.tm.tm_mon--;
		if (take_char(&w, 'T') || take_char(&w, 't') || take_char(&w, ' ')) {
			if (!take_clock(&w) || !take_offset(&w, &has_offset, &offset))
				return -EINVAL;
		}
		if (*w.p)
			return -EINVAL;
	}
	if (!is_date(&w.tm))
		return -ERANGE;
	return finish(to_seconds(&w.tm, utc || has_offset) - offset, w.ns, ret_ns);
}

/* "2h", of which "-" before or " ago" behind is gone. */
static int parse_ago(const char *text, size_t len, uint64_t now_ns, uint64_t *ret_ns)
{
	char duration[DURATION_MAX];
	uint64_t ns;
	int r;

	if (len == 0 || len >= sizeof(duration))
		return -EINVAL;
	memcpy(duration, text, len);
	duration[len] = '\0';
	r = zw_parse_duration(duration, &ns);
	if (r < 0)
		return r;
	if (ns > now_ns)
		return -ERANGE;
	*ret_ns = now_ns - ns;
	return 0;
}

/* "1795306282.5" */
static int parse_seconds(const char *text, uint64_t *ret_ns)
{
	struct when w = {.p = text};
	time_t seconds = 0;

	if (!isdigit((unsigned char)*w.p))
		return -EINVAL;
	for (; isdigit((unsigned char)*w.p); w.p++) {
		seconds = seconds * 10 + (*w.p - '0');
		if (seconds > SECONDS_MAX)
			return -ERANGE;
	}
	if (take_char(&w, '.') && !take_fraction(&w))
		return -EINVAL;
	return *w.p ? -EINVAL : finish(seconds, w.ns, ret_ns);
}

int zw_parse_when(const char *text, uint64_t now_ns, bool utc, uint64_t *ret_ns)
{
	size_t len = strlen(text);
	struct when w = {};

	if (strcasecmp(text, "now") == 0) {
		*ret_ns = now_ns;
		return 0;
	}
	if (strcasecmp(text, "today") == 0 || strcasecmp(text, "yesterday") == 0) {
		set_day(&w, now_ns, utc);
		w.tm.tm_mday -= tolower((unsigned char)text[0]) == 'y';
		/* Normalises the date, where it was the first of a month. */
		(void)timegm(&w.tm);
		return finish(to_seconds(&w.tm, utc), 0, ret_ns);
	}
	if (text[0] == '@')
		return parse_seconds(text + 1, ret_ns);
	if (text[0] == '-')
		return parse_ago(text + 1, len - 1, now_ns, ret_ns);
	if (zw_endswith(text, " ago")) {
		for (len -= strlen(" ago"); len > 0 && text[len - 1] == ' '; len--)
			;
		return parse_ago(text, len, now_ns, ret_ns);
	}
	return parse_calendar(text, now_ns, utc, ret_ns);
}
