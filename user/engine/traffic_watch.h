/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of traffic: looks at what each second brings and says what is unusual, once when it begins and once when it
 * ends. Pure; readings and times come in. Memory is bounded whatever is asked. */
#pragma once

#include "engine/alarm.h"
#include "engine/baseline.h"
#include "engine/feed.h"
#include "engine/rule.h"
#include "engine/traffic.h"

struct zw_watch;

struct zw_watch_options {
	struct zw_traffic_book
		*traffic;               /* borrowed: what a finding is about stays in its minutes */
	struct zw_baselines *baselines; /* borrowed */
	zw_alarm_fn fn;                 /* called from all functions below */
	void *ctx;
};

int zw_watch_new(const struct zw_watch_options *options, struct zw_watch **ret_watch);
/* Without telling of the end of what goes on. */
void zw_watch_free(struct zw_watch *watch);
ZW_DEFINE_CLEANUP(struct zw_watch *, zw_watch_free);
#define _zw_watch_free_ _zw_cleanup_(zw_watch_freep)

/* The thresholds from now on; until then no rule looks at anything. */
void zw_watch_configure(struct zw_watch *watch, const struct zw_rules_conf *rules);

/* What a second brought, at @now_ns (CLOCK_BOOTTIME) and @real_ns (CLOCK_REALTIME). @feeds may be NULL. */
void zw_watch_take(struct zw_watch *watch, const struct zw_query_book *reading,
	const struct zw_feeds *feeds, uint64_t now_ns, uint64_t real_ns);
/* A name of the zone with that hash was asked for that was not asked for lately; its longest label has @longest octets. Not all of
 * them need be told of: these show who asks. @family as socket(2) has it; @now_ns as above. */
void zw_watch_new_name(struct zw_watch *watch, uint64_t zone, uint8_t longest, int family,
	const uint8_t addr[static 16], uint64_t now_ns);
/* Somebody was seen to ask for the name with that hash, or to be answered: the first one goes into findings of the name. */
void zw_watch_asker(struct zw_watch *watch, uint64_t name, int family,
	const uint8_t addr[static 16], uint64_t now_ns);
/* The minute of the wall clock that began at @real_ns is over. @whole: it was watched from its beginning, so it is learned
 * from. */
void zw_watch_minute(struct zw_watch *watch, uint64_t real_ns, bool whole);
/* Ends what was not seen for a while; @all: everything. */
void zw_watch_expire(struct zw_watch *watch, uint64_t now_ns, bool all);

/* What goes on. */
size_t zw_watch_alarms(const struct zw_watch *watch);
