/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings of answers. */
#include "cli/agent_answers.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "dns/rr.h"

/* Of several views it is not known which one was asked. */
static const struct zw_agent_zone *zone_of(
	const struct zw_agent *a, const struct zw_answer_doubt *d)
{
	const struct zw_answer_zones *same = zw_answers_zones(a, d->origin);

	for (size_t i = 0; same && i < same->zones.len; i++)
		if (same->zones.items[i]->server == d->server)
			return same->zones.items[i];
	return NULL;
}

static char *who_of(const struct zw_answer_doubt *d)
{
	if (d->actor)
		return zw_asprintf("%s (pid %u)", d->actor->name, d->actor->tgid);
	if (d->tgid)
		return zw_asprintf("a process that is gone (pid %u)", d->tgid);
	return strdup("somebody");
}

static int add_finding(struct zw_agent *a, struct zw_report *report,
	const struct zw_answer_doubt *d, const struct zw_answer_verdict *wrong)
{
	_zw_free_ char *who = who_of(d);
	char name[ZW_NAME_TEXT_MAX], addr[ZW_ADDRESS_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	bool is_server =
		d->tgid && zw_agent_server_is(d->server, d->tgid, d->actor ? d->actor->exe_dev : 0,
				   d->actor ? d->actor->exe_ino : 0);

	if (!who)
		return -ENOMEM;
	zw_name_to_text(wrong->name, name);
	zw_endpoint_to_text(&d->end, addr);
	zw_type_to_text(wrong->type, type);
	if (is_server)
		return zw_rules_add_finding(&a->conf->rules, report, "answer-mismatch", name,
			"%s answered \"%s\" for %s %s at %s port %u; its zone %s says \"%s\"", who,
			wrong->answered, name, type, addr, d->end.port, report->zone,
			wrong->expected);
	return zw_rules_add_finding(&a->conf->rules, report, "answer-mismatch", name,
		"%s answered \"%s\" for %s %s at %s port %u, which %s (pid %d) serves; its zone %s says"
		" \"%s\"",
		who, wrong->answered, name, type, addr, d->end.port, report->server_kind,
		(int)d->server->pid, report->zone, wrong->expected);
}

int zw_answers_tell(
	struct zw_agent *a, const struct zw_answer_doubt *d, const struct zw_answer_verdict *wrong)
{
	const struct zw_agent_zone *z = zone_of(a, d);
	_zw_report_free_ struct zw_report *report =
		z ? zw_agent_report_new(a, ZW_ACTION_FINDING, z) : NULL;
	int r;

	if (!report)
		return z ? -ENOMEM : 0;
	report->time_ns = d->time_ns + zw_boot_to_real_offset_ns();
	if (d->actor) {
		r = zw_report_set_cause(report, ZW_ROLE_SERVER, d->actor, report->time_ns);
		if (r < 0)
			return r;
	}
	r = add_finding(a, report, d, wrong);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}

int zw_answers_tell_over(
	struct zw_agent *a, const struct zw_agent_zone *z, const uint8_t *name, uint16_t type)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, z);
	char text[ZW_NAME_TEXT_MAX], type_text[ZW_TYPE_TEXT_MAX];
	int r;

	if (!report)
		return -ENOMEM;
	zw_name_to_text(name, text);
	r = zw_rules_add_finding(&a->conf->rules, report, "answer-restored", text,
		"Answers for %s %s are as zone %s says again", text,
		zw_type_to_text(type, type_text), report->zone);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}

int zw_answers_tell_more(struct zw_agent *a, uint64_t more)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, NULL);
	int r;

	if (!report)
		return -ENOMEM;
	r = zw_rules_add_finding(&a->conf->rules, report, "answer-mismatch", NULL,
		"%llu more answers within a minute differ from their zones",
		(unsigned long long)more);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}
