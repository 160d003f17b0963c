/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One change goes through all rules of records. */
#include "engine/rule_record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dns/rr.h"
#include "engine/rule_impl.h"
#include "zone/changes.h"

bool zw_rule_is_on(const struct zw_rule_scene *s, const char *rule)
{
	return zw_rules_enabled(s->in->conf, rule);
}

uint64_t zw_rule_knob(const struct zw_rule_scene *s, const char *rule, const char *knob)
{
	return zw_rules_knob(s->in->conf, rule, knob);
}

bool zw_rule_is_entitled(const struct zw_rule_scene *s)
{
	return s->report->verdict == ZW_VERDICT_AUTHORIZED ||
	       s->report->verdict == ZW_VERDICT_AUTOMATIC;
}

/* The hit that this one is told with; NULL: it has a place of its own. */
static struct zw_rule_hit *same_hit(struct zw_rule_scene *s, const char *rule, uint64_t group)
{
	struct zw_rule_hit *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->hits; i++) {
		if (!zw_streq(s->hit[i].rule, rule))
			continue;
		last = &s->hit[i];
		if (group && last->group == group)
			return last;
		n++;
	}
	return n < ZW_RULE_HITS_EACH && s->hits < ZW_RULE_HITS_MAX ? NULL : last;
}

bool zw_rule_found_again(struct zw_rule_scene *s, const char *rule, uint64_t group)
{
	struct zw_rule_hit *hit = same_hit(s, rule, group);

	if (hit)
		hit->more++;
	return hit;
}

void zw_rule_found(struct zw_rule_scene *s, const char *rule, uint64_t group, const char *subject,
	const char *fmt, ...)
{
	struct zw_rule_hit *hit;
	va_list ap;

	if (!zw_rule_is_on(s, rule) || zw_rule_found_again(s, rule, group))
		return;
	/* Each rule has fewer than its share, so there is always a place. */
	hit = &s->hit[s->hits];
	*hit = (struct zw_rule_hit){.rule = rule, .group = group};
	hit->subject = subject ? strdup(subject) : NULL;
	va_start(ap, fmt);
	hit->sentence = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (!hit->sentence || (subject && !hit->subject)) {
		free(hit->sentence);
		free(hit->subject);
		s->failed = -ENOMEM;
		return;
	}
	s->hits++;
}

static int tell(struct zw_rule_scene *s, const struct zw_rule_hit *hit)
{
	const struct zw_rules_conf *conf = s->in->conf;

	if (hit->more == 0)
		return zw_rules_add_finding(
			conf, s->report, hit->rule, hit->subject, "%s", hit->sentence);
	return zw_rules_add_finding(conf, s->report, hit->rule, hit->subject, "%s; and %llu more",
		hit->sentence, (unsigned long long)hit->more);
}

static void scene_done(struct zw_rule_scene *s)
{
	for (size_t i = 0; i < s->hits; i++) {
		free(s->hit[i].subject);
		free(s->hit[i].sentence);
	}
}

/* In this order: who comes later looks at what the earlier ones remembered. */
static void (*const each[])(struct zw_rule_scene *s, const struct zw_diff_entry *e) = {
	zw_rule_redirect,
	zw_rule_mail_and_login,
	zw_rule_servers,
	zw_rule_glue,
	zw_rule_ttl,
	zw_rule_flip,
	zw_rule_types,
	zw_rule_dnssec,
	zw_rule_certificate,
	zw_rule_feeds,
};

static void (*const whole[])(struct zw_rule_scene *s) = {
	zw_rule_burst,
	zw_rule_ttl_done,
	zw_rule_serial,
	zw_rule_mass,
	zw_rule_actor,
};

static int scene_init(struct zw_rule_scene *s, const struct zw_rule_input *in,
	struct zw_rule_memory *memory, struct zw_report *report)
{
	*s = (struct zw_rule_scene){
		.in = in,
		.memory = memory,
		.zone = zw_rule_memory_zone(memory, in->zone_id),
		.report = report,
		.diff = report->diff,
		.now_ns = report->time_ns,
	};
	s->prefix4 = (uint8_t)zw_rule_knob(s, "redirect-outside", "prefix4");
	s->prefix6 = (uint8_t)zw_rule_knob(s, "redirect-outside", "prefix6");
	if (in->before)
		(void)zw_snapshot_lookup(in->before, in->origin, ZW_TYPE_NS, &s->apex_before);
	if (in->after)
		(void)zw_snapshot_lookup(in->after, in->origin, ZW_TYPE_NS, &s->apex_after);
	return s->zone ? 0 : -ENOMEM;
}

int zw_rules_judge_records(
	const struct zw_rule_input *in, struct zw_rule_memory *memory, struct zw_report *report)
{
	_zw_cleanup_(scene_done) struct zw_rule_scene s = {};

	if (!report->diff || report->diff->len == 0)
		return 0;
	if (scene_init(&s, in, memory, report) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s.diff->len; i++)
		for (size_t rule = 0; rule < ZW_ARRAY_SIZE(each); rule++)
			each[rule](&s, &s.diff->entries[i]);
	for (size_t rule = 0; rule < ZW_ARRAY_SIZE(whole); rule++)
		whole[rule](&s);
	for (size_t i = 0; i < s.hits; i++)
		if (tell(&s, &s.hit[i]) < 0)
			s.failed = -ENOMEM;
	return s.failed;
}

static bool is_redirect(const struct zw_report_finding *finding)
{
	static const char *const rules[] = {
		"redirect-outside", "new-subdomain-outside", "new-alias-outside"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(rules); i++)
		if (finding->subject && zw_streq(finding->rule, rules[i]))
			return true;
	return false;
}

/* Whether the data is, or names, what was found then. */
static bool leads_to(uint16_t type, const uint8_t *rdata, size_t len, const char *subject)
{
	const uint8_t *name = zw_rule_target_name(type, rdata, len);
	char text[ZW_NAME_TEXT_MAX];
	struct zw_net address = {};

	if (name) {
		zw_name_to_text(name, text);
		return zw_streq(text, subject);
	}
	if (len != 4 && len != 16)
		return false;
	address.family = len == 4 ? AF_INET : AF_INET6;
	address.prefix = (uint8_t)(len * 8);
	memcpy(address.addr, rdata, len);
	zw_net_to_text(&address, text);
	return zw_streq(text, subject);
}

static void recall_redirect(struct zw_rule_scene *s, const char *subject)
{
	if (zw_rule_recall_subject(s, subject, s->now_ns) < 0)
		s->failed = -ENOMEM;
	for (size_t i = 0; i < s->diff->len; i++) {
		const struct zw_diff_entry *e = &s->diff->entries[i];

		for (size_t k = 0; zw_rule_leads(e->type) && k < e->after.count; k++) {
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&e->after, k, &len);

			if (!zw_rrset_has(&e->before, rdata, len) &&
				leads_to(e->type, rdata, len, subject))
				zw_rule_redirected_recall(s, e);
		}
	}
}

int zw_rules_recall(const struct zw_rule_input *in, struct zw_rule_memory *memory,
	const struct zw_report *report)
{
	struct zw_rule_scene s;

	if (report->action != ZW_ACTION_RECORD_CHANGE || !report->diff || report->diff->len == 0)
		return 0;
	/* Nothing writes to the report when it is recalled. */
	if (scene_init(&s, in, memory, (struct zw_report *)report) < 0)
		return -ENOMEM;
	if (!zw_rule_is_entitled(&s))
		for (size_t i = 0; i < report->findings; i++)
			if (is_redirect(&report->finding[i]))
				recall_redirect(&s, report->finding[i].subject);
	for (size_t i = 0; i < s.diff->len; i++) {
		zw_rule_flip_recall(&s, &s.diff->entries[i]);
		zw_rule_certificate_recall(&s, &s.diff->entries[i]);
	}
	zw_rule_actor_recall(&s);
	return s.failed;
}
