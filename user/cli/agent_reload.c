/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIGHUP: another configuration comes into force, whole or not at all. What can fail is opened first. */
#include "cli/agent_feeds.h"
#include "cli/geo.h"
#include "cli/agent_traffic.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "sink/notify.h"

struct next {
	struct zw_conf *conf;
	struct zw_agent_sinks sinks;
	struct zw_writer *history; /* NULL: it stays where it is */
};

static void next_done(struct next *next)
{
	zw_agent_sinks_done(&next->sinks);
	zw_writer_close(next->history);
	zw_conf_free(next->conf);
}
#define _next_ _zw_cleanup_(next_done)

static int prepare(struct zw_agent *a, struct next *next, struct zw_str *error)
{
	int r = zw_conf_load(a->conf_path, &next->conf, error);

	if (r == 0)
		r = zw_agent_sinks_prepare(a, next->conf, &next->sinks, error);
	if (r == 0 && a->history && !zw_streq(next->conf->history.file, a->conf->history.file))
		r = zw_agent_history_open(next->conf, true, &next->history, error);
	if (r == 0)
		r = zw_agent_sinks_open(a, &next->sinks);
	return r;
}

static void replace_history(struct zw_agent *a, struct next *next)
{
	if (a->history)
		zw_writer_set_limits(a->history, next->conf->history.keep_ns,
			next->conf->history.traffic_ns, next->conf->history.max_bytes);
	if (!next->history)
		return;
	zw_agent_history_tick(a);
	zw_writer_close(a->history);
	a->history = ZW_TAKE(next->history);
	ZW_VEC_FOREACH(z, &a->zones)
		(*z)->unsaved = true;
}

/* Zones that came or went are told of by events of their own. */
static void follow(struct zw_agent *a)
{
	_zw_str_ struct zw_str error = {};
	int r;

	if (zw_agent_feeds_follow(a->feeds, a->conf) < 0 || zw_geo_follow(a->geo, a->conf) < 0)
		zw_error(
			"out of memory: not all feeds and databases of the configuration are followed");
	zw_agent_unwanted_servers(a);
	a->discover_ns = 0;
	r = zw_agent_configured_zones(a, &error);
	if (error.len)
		zw_error("%s", error.buf);
	else if (r < 0)
		zw_error("cannot follow the zones of the configuration: %s", strerror(-r));
}

static void take_over(struct zw_agent *a, struct next *next)
{
	struct zw_conf *old = a->conf;
	struct zw_report *report;

	/* The history is named after its file in messages. */
	replace_history(a, next);
	a->conf = ZW_TAKE(next->conf);
	report = zw_agent_report_new(a, ZW_ACTION_CONFIG_CHANGE, NULL);
	if (report) {
		zw_agent_report_means(a, report);
		zw_agent_deliver(a, report);
	}
	zw_agent_sinks_close(a, &next->sinks);
	if (old->ring_bytes != a->conf->ring_bytes || old->spool_bytes != a->conf->spool_bytes)
		zw_notice("sizes of buffers count from the next start of the agent");
	zw_conf_free(old);
	zw_agent_traffic_configure(a);
	follow(a);
}

void zw_agent_reload(struct zw_agent *a)
{
	_next_ struct next next = {};
	_zw_str_ struct zw_str error = {};
	int r;

	a->reload = false;
	if (!a->conf_path)
		return;
	(void)zw_notify_reloading();
	r = prepare(a, &next, &error);
	if (r < 0)
		zw_error("the old configuration stays in force: %s",
			error.len ? error.buf : strerror(-r));
	else
		take_over(a, &next);
	(void)zw_notify_ready();
}
