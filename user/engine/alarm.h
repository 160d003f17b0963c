/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings that last, such as a flood: told when they begin and when they are over, however often they are seen in between.
 * Pure; times come in.
 *
 * A finding is of a rule and a subject. It is over when it was not seen for ZW_ALARM_QUIET_NS. Of a rule, so many go on at
 * a time and begin within an hour at most; further subjects are one finding together, of several, so that whoever forges
 * addresses fills no journal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/ulid.h"

/* Longer than two of the windows that rules look at: what goes on is seen once in each. */
#define ZW_ALARM_QUIET_NS (150 * ZW_NSEC_PER_SEC)
/* Of a rule. */
#define ZW_ALARM_OPEN_MAX 8
#define ZW_ALARM_HOURLY_MAX 20
/* Subjects of a finding of several that are told apart. */
#define ZW_ALARM_SUBJECTS_MAX 4096

struct zw_alarm {
	const char *rule; /* static */
	char *subject;    /* an address or a name; NULL: several */
	char *source; /* the address that most of it comes from; NULL: not known, or it is the subject */
	uint64_t begin_ns, last_ns;
	uint64_t queries; /* since it began; counted by who raises it */
	uint64_t peak;    /* the most a second */
	char *reason; /* a sentence, of when it was seen first; of several, of the first of them */
	uint64_t
		subjects; /* of several: how many, ZW_ALARM_SUBJECTS_MAX stands for at least as many; else 1 */
	struct zw_map *seen;
	char id[ZW_ULID_LEN + 1]; /* of the event that told of it; filled by who tells */
	void *owner;              /* of whom it is, for who raises it */
};

struct zw_alarms;
/* @ended: it is over, and gone afterwards. */
typedef void (*zw_alarm_fn)(void *ctx, struct zw_alarm *alarm, bool ended);

int zw_alarms_new(zw_alarm_fn fn, void *ctx, struct zw_alarms **ret_alarms);
/* Without telling of the end of what goes on. */
void zw_alarms_free(struct zw_alarms *alarms);
ZW_DEFINE_CLEANUP(struct zw_alarms *, zw_alarms_free);
#define _zw_alarms_free_ _zw_cleanup_(zw_alarms_freep)

/* What was seen. */
struct zw_alarm_sight {
	uint64_t now_ns;
	uint64_t
		queries; /* until now, for the beginning; without an owner, who would count, of each time */
	uint64_t rate;      /* of them a second */
	const char *source; /* as in struct zw_alarm; copied when it is seen first */
};

/* @subject was seen to do what @rule is about. The sentence is only made when it is needed. Returns the finding, which is the subject's own or one of several; NULL: no memory. */
struct zw_alarm *zw_alarm_raise(struct zw_alarms *alarms, const char *rule, const char *subject,
	void *owner, const struct zw_alarm_sight *sight, const char *fmt, ...) _zw_printf_(6, 7);
/* Ends what was not seen for long enough; @all: everything. */
void zw_alarms_expire(struct zw_alarms *alarms, uint64_t now_ns, bool all);
/* That go on. */
size_t zw_alarms_len(const struct zw_alarms *alarms);
