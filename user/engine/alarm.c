/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/alarm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"

#define HOUR_NS (3600 * ZW_NSEC_PER_SEC)

/* What began lately, of a rule. */
struct begun {
	const char *rule;
	uint64_t from_ns;
	unsigned int count;
};

struct zw_alarms {
	zw_alarm_fn fn;
	void *ctx;
	ZW_VEC(struct zw_alarm *) open; /* some dozens at most */
	ZW_VEC(struct begun) begun;     /* one for each rule that ever fired */
};

int zw_alarms_new(zw_alarm_fn fn, void *ctx, struct zw_alarms **ret_alarms)
{
	struct zw_alarms *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->fn = fn;
	x->ctx = ctx;
	*ret_alarms = x;
	return 0;
}

static void alarm_free(struct zw_alarm *a)
{
	if (!a)
		return;
	zw_map_free(a->seen);
	free(a->subject);
	free(a->source);
	free(a->reason);
	free(a);
}
ZW_DEFINE_CLEANUP(struct zw_alarm *, alarm_free);
#define _alarm_free_ _zw_cleanup_(alarm_freep)

void zw_alarms_free(struct zw_alarms *x)
{
	if (!x)
		return;
	ZW_VEC_FOREACH(a, &x->open)
		alarm_free(*a);
	zw_vec_free(&x->open);
	zw_vec_free(&x->begun);
	free(x);
}

size_t zw_alarms_len(const struct zw_alarms *x)
{
	return x->open.len;
}

/* @subject NULL: that of several. */
static struct zw_alarm *find(const struct zw_alarms *x, const char *rule, const char *subject)
{
	ZW_VEC_FOREACH(a, &x->open) {
		if (!zw_streq((*a)->rule, rule) || !(*a)->subject != !subject)
			continue;
		if (!subject || zw_streq((*a)->subject, subject))
			return *a;
	}
	return NULL;
}

/* Whether one more of this rule may be told of by itself. */
static bool may_begin(struct zw_alarms *x, const char *rule, uint64_t now_ns)
{
	struct begun *begun = NULL;
	size_t open = 0;

	ZW_VEC_FOREACH(a, &x->open)
		open += zw_streq((*a)->rule, rule) && (*a)->subject;
	if (open >= ZW_ALARM_OPEN_MAX)
		return false;
	ZW_VEC_FOREACH(b, &x->begun)
		if (zw_streq(b->rule, rule))
			begun = b;
	if (!begun) {
		if (zw_vec_push(&x->begun, (struct begun){rule, now_ns, 0}) < 0)
			return false;
		begun = &x->begun.items[x->begun.len - 1];
	}
	if (now_ns - begun->from_ns >= HOUR_NS)
		*begun = (struct begun){rule, now_ns, 0};
	return begun->count++ < ZW_ALARM_HOURLY_MAX;
}

static struct zw_alarm *begin(struct zw_alarms *x, const char *rule, const char *subject,
	const struct zw_alarm_sight *sight, const char *fmt, va_list ap)
{
	_alarm_free_ struct zw_alarm *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->rule = rule;
	a->begin_ns = sight->now_ns;
	a->subjects = 1;
	a->reason = zw_vasprintf(fmt, ap);
	if (!a->reason)
		return NULL;
	if (subject)
		a->subject = strdup(subject);
	/* Of several it would be that of the first. */
	if (subject && sight->source)
		a->source = strdup(sight->source);
	if ((subject && !a->subject) || (subject && sight->source && !a->source) ||
		(!subject && zw_map_new(&a->seen) < 0) || zw_vec_push(&x->open, a) < 0)
		return NULL;
	return ZW_TAKE(a);
}

/* Further ones are counted once each, as far as they are told apart. */
static void count_subject(struct zw_alarm *several, const char *subject)
{
	size_t len = strlen(subject);

	if (zw_map_len(several->seen) < ZW_ALARM_SUBJECTS_MAX &&
		!zw_map_get(several->seen, subject, len))
		(void)zw_map_put(several->seen, subject, len, several, NULL);
	several->subjects = zw_map_len(several->seen);
}

struct zw_alarm *zw_alarm_raise(struct zw_alarms *x, const char *rule, const char *subject,
	void *owner, const struct zw_alarm_sight *sight, const char *fmt, ...)
{
	struct zw_alarm *a = find(x, rule, subject);
	bool is_new = false;
	va_list ap;

	if (!a) {
		bool own = may_begin(x, rule, sight->now_ns);

		a = own ? NULL : find(x, rule, NULL);
		if (!a) {
			va_start(ap, fmt);
			a = begin(x, rule, own ? subject : NULL, sight, fmt, ap);
			va_end(ap);
			is_new = true;
		}
		if (!a)
			return NULL;
		if (own)
			a->owner = owner;
		/* Of a finding of its own the rest is counted by whoever owns it. */
		a->queries += sight->queries;
	} else if (!owner) {
		a->queries += sight->queries;
	}
	if (a->seen)
		count_subject(a, subject);
	a->last_ns = sight->now_ns;
	if (sight->rate > a->peak)
		a->peak = sight->rate;
	if (is_new)
		x->fn(x->ctx, a, false);
	return a;
}

void zw_alarms_expire(struct zw_alarms *x, uint64_t now_ns, bool all)
{
	for (size_t i = x->open.len; i-- > 0;) {
		struct zw_alarm *a = x->open.items[i];

		if (!all && now_ns - a->last_ns < ZW_ALARM_QUIET_NS)
			continue;
		zw_vec_remove_unordered(&x->open, i);
		x->fn(x->ctx, a, true);
		alarm_free(a);
	}
}
