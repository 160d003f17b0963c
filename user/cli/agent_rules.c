/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of records go through the rules before they are told. */
#include "cli/agent_feeds.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "dns/name.h"
#include "engine/rule_record.h"
#include "sink/history_query.h"
#include "sink/history_read.h"

struct zw_agent_rules {
	struct zw_rule_memory *memory;
	struct zw_map *origins; /* of all zones, wire form -> how many have it */
};

int zw_agent_rules_open(struct zw_agent *a)
{
	int r;

	a->rules = calloc(1, sizeof(*a->rules));
	if (!a->rules)
		return -ENOMEM;
	r = zw_rule_memory_new(&a->rules->memory);
	return r < 0 ? r : zw_map_new(&a->rules->origins);
}

void zw_agent_rules_free(struct zw_agent_rules *rules)
{
	if (!rules)
		return;
	zw_rule_memory_free(rules->memory);
	zw_map_free(rules->origins);
	free(rules);
}

void zw_agent_rules_zone(struct zw_agent *a, const struct zw_agent_zone *z, bool came)
{
	struct zw_map *origins = a->rules->origins;
	size_t len = zw_name_len(z->origin);
	uintptr_t n = (uintptr_t)zw_map_get(origins, z->origin, len);

	if (came)
		n++;
	else if (n > 0)
		n--;
	/* Without memory for it, what leads there is unfamiliar, which is the safe side. */
	if (n > 0)
		(void)zw_map_put(origins, z->origin, len, (void *)n, NULL);
	else
		(void)zw_map_remove(origins, z->origin, len);
}

/* A zone of the root or of a top-level domain is no reason to trust what is below it. */
static bool serves(void *ctx, const uint8_t *name)
{
	const struct zw_agent *a = ctx;
	uint8_t lower[ZW_NAME_MAX];

	memcpy(lower, name, zw_name_len(name));
	zw_name_lower(lower, zw_name_len(name));
	for (const uint8_t *above = lower; zw_name_labels(above) > 1; above = zw_name_parent(above))
		if (zw_map_get(a->rules->origins, above, zw_name_len(above)))
			return true;
	return false;
}

static char *zone_id(const char *server, const char *view, const char *zone)
{
	return zw_asprintf("%s %s %s", server, view, zone);
}

static struct zw_rule_input input_of(
	const struct zw_agent *a, const char *id, const uint8_t *origin)
{
	struct zw_rule_input in = {
		.conf = &a->conf->rules,
		.policy = &a->conf->policy,
		.familiar = a->conf->familiar,
		.familiars = a->conf->familiars,
		.zone_id = id,
		.origin = origin,
		.feeds = zw_agent_feeds_list(a->feeds),
		.serves = serves,
		.ctx = (void *)a,
	};

	in.critical = zw_conf_critical(a->conf, &in.criticals);
	return in;
}

void zw_agent_rules_judge(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_snapshot *after, struct zw_report *report, struct zw_explained *explained)
{
	_zw_free_ char *id = zone_id(report->server, z->view, z->name);
	struct zw_rule_input in = input_of(a, id, z->origin);
	int r = id ? 0 : -ENOMEM;

	in.before = z->good;
	in.after = after;
	if (r == 0)
		r = zw_rules_judge_records(&in, a->rules->memory, report);
	ZW_VEC_FOREACH(more, &explained->more)
		if (r == 0)
			r = zw_rules_judge_records(&in, a->rules->memory, *more);
	if (r < 0)
		zw_error("out of memory: not all rules have looked at event %s", report->id);
}

/* --- what was remembered before a restart --------------------------------------------------------------- */

/* Findings say which networks are new to a zone for "settled", 7 days at first; what was changed, and back, and
 * certificates are looked for within a day. */
#define RECALL_FINDINGS_NS (7 * 86400 * ZW_NSEC_PER_SEC)
#define RECALL_CHANGES_NS (86400 * ZW_NSEC_PER_SEC)
/* A start does not wait longer than this for what may be left out: changes can be of millions of records. */
#define RECALL_MAX_NS (2 * ZW_NSEC_PER_SEC)
#define RECALL_EVENTS 5000

typedef ZW_VEC(uint64_t) seq_list;

static int collect(struct zw_reader *reader, const char *rule, uint64_t since_ns, seq_list *list)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r;

	filter.actions = 1U << ZW_ACTION_RECORD_CHANGE;
	filter.rule = rule;
	filter.since_ns = since_ns;
	r = zw_log_query_new(reader, &filter, &query);
	for (size_t n = 0; r == 0 && n < RECALL_EVENTS; n++) {
		r = zw_log_query_next(query, &row);
		if (r <= 0)
			return r;
		r = zw_vec_push(list, row.seq);
	}
	return r;
}

static int by_seq(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int recall_event(struct zw_agent *a, struct zw_reader *reader, uint64_t seq)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_reader_zone_ struct zw_reader_zone zone = {};
	_zw_free_ char *id = NULL;
	uint8_t origin[ZW_NAME_MAX];
	struct zw_rule_input in;
	int r = zw_reader_event(reader, seq, &event);

	if (r == 0)
		r = zw_reader_zone(reader, event.zone_id, &zone);
	if (r < 0)
		return r;
	id = zone_id(zone.server, zone.view, zone.zone);
	if (!id)
		return -ENOMEM;
	if (zw_name_from_text(zone.zone, origin, NULL) < 0)
		return -EUCLEAN;
	zw_name_lower(origin, zw_name_len(origin));
	in = input_of(a, id, origin);
	return zw_rules_recall(&in, a->rules->memory, event.report);
}

static int recall(struct zw_agent *a, struct zw_reader *reader, size_t *ret_left)
{
	static const char *const rules[] = {
		"redirect-outside", "new-subdomain-outside", "new-alias-outside"};
	uint64_t now = zw_realtime_ns(), until = zw_boottime_ns() + RECALL_MAX_NS;
	seq_list list = {};
	int r = collect(reader, NULL, now - RECALL_CHANGES_NS, &list);

	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(rules); i++)
		r = collect(reader, rules[i], now - RECALL_FINDINGS_NS, &list);
	if (r == 0 && list.len > 0)
		qsort(list.items, list.len, sizeof(*list.items), by_seq);
	for (size_t i = 0; r == 0 && i < list.len; i++) {
		if (i > 0 && list.items[i] == list.items[i - 1])
			continue;
		if (zw_boottime_ns() >= until) {
			*ret_left = list.len - i;
			break;
		}
		r = recall_event(a, reader, list.items[i]);
	}
	zw_vec_free(&list);
	return r;
}

void zw_agent_rules_recall(struct zw_agent *a)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_str_ struct zw_str error = {};
	size_t left = 0;
	int r = zw_reader_open(a->conf->history.file, &reader, &error);

	/* There is none yet, or that it cannot be used was said already. */
	if (r < 0)
		return;
	r = zw_reader_begin(reader);
	if (r == 0)
		r = recall(a, reader, &left);
	zw_reader_end(reader);
	if (r < 0)
		zw_warning("the rules do not remember all that was before the start: %s",
			strerror(-r));
	else if (left > 0)
		zw_notice(
			"the rules do not remember the last %zu changes before the start, for which there "
			"was no time",
			left);
}
