/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings of traffic as events: one when they begin, one when they are over. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/agent_traffic_impl.h"

static const struct zw_agent_zone *find_zone(const struct zw_agent *a, const char *name)
{
	const struct zw_agent_zone *found = NULL;

	ZW_VEC_FOREACH(z, &a->zones) {
		if ((*z)->is_signed || !zw_streq((*z)->name, name))
			continue;
		/* Of several views none: which one was asked is the server's to know. */
		if (found)
			return NULL;
		found = *z;
	}
	return found;
}

static bool is_address(const char *text)
{
	uint8_t addr[16];

	return inet_pton(AF_INET, text, addr) == 1 || inet_pton(AF_INET6, text, addr) == 1;
}

/* An address is whoever asked; of others, who asked most. */
static int add_peer(struct zw_report *report, const struct zw_alarm *alarm)
{
	bool is_subject = is_address(alarm->subject);
	const char *peer = is_subject ? alarm->subject : alarm->source;
	int r;

	if (!peer)
		return 0;
	r = zw_report_set_cause(report, ZW_ROLE_PEER, NULL, report->time_ns);
	if (r < 0)
		return r;
	report->cause->peer = strdup(peer);
	report->attribution = is_subject ? ZW_ATTRIBUTION_CERTAIN : ZW_ATTRIBUTION_PROBABLE;
	return report->cause->peer ? 0 : -ENOMEM;
}

static void add_count(struct zw_report *report, const char *name, uint64_t value)
{
	report->count[report->counts++] = (struct zw_report_count){name, value};
}

static int tell_begin(struct zw_agent *a, const struct zw_alarm *alarm, struct zw_report *report)
{
	const char *subject = alarm->subject && alarm->subject[0] ? alarm->subject : NULL;

	add_count(report, "queries", alarm->queries);
	add_count(report, "rate", alarm->peak);
	return zw_rules_add_finding(&a->conf->rules, report, alarm->rule, subject,
		alarm->subject ? "%s" : "more of the same than are told one by one; the first: %s",
		alarm->reason);
}

/* Nobody is called for what is over. */
static int tell_end(const struct zw_alarm *alarm, struct zw_report *report)
{
	const char *subject = alarm->subject && alarm->subject[0] ? alarm->subject : NULL;
	uint64_t seconds = (alarm->last_ns - alarm->begin_ns) / ZW_NSEC_PER_SEC + 1;

	add_count(report, "queries", alarm->queries);
	add_count(report, "rate", alarm->peak);
	add_count(report, "seconds", seconds);
	add_count(report, "subjects", alarm->subjects);
	return zw_report_add_finding(report, alarm->rule, ZW_SEVERITY_LOW, subject,
		"over after %" PRIu64 " s: %s%s%s; %" PRIu64 " queries, up to %" PRIu64
		" a second; it began with event %s",
		seconds, zw_rule_find(alarm->rule)->title, subject ? ", " : "",
		subject ? subject : "", alarm->queries, alarm->peak, alarm->id);
}

void zw_agent_traffic_alarm(void *ctx, struct zw_alarm *alarm, bool ended)
{
	struct zw_agent *a = ctx;
	const struct zw_agent_zone *zone = alarm->subject ? find_zone(a, alarm->subject) : NULL;
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, zone);
	int r = report ? 0 : -ENOMEM;

	if (r == 0 && alarm->subject)
		r = add_peer(report, alarm);
	if (r == 0)
		r = ended ? tell_end(alarm, report) : tell_begin(a, alarm, report);
	if (r < 0) {
		zw_error("out of memory: the finding '%s' goes without its event", alarm->rule);
		return;
	}
	if (!ended)
		strcpy(alarm->id, report->id);
	zw_agent_deliver(a, ZW_TAKE(report));
}
