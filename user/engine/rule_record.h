/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of records: what changed in a zone, looked at with what the zone was before and what happened lately. Pure: the
 * zone before and after, the configuration and the time come in.
 *
 * Costs are linear in what changed. Two things are linear in the zone: what a zone is used to (its networks, domains and
 * types) is learned once, when the first change asks for it; and a change of so many records that it may be most of the zone
 * has the records counted that it is most of. */
#pragma once

#include "engine/feed.h"
#include "engine/policy.h"
#include "engine/report.h"
#include "engine/rule.h"

/* What is remembered between changes. Bounded, whatever the changes are: at most ZW_RULE_ZONES_MAX zones and
 * ZW_RULE_NETWORKS_MAX networks and domains in all of them, those least recently changed are forgotten first and learned
 * anew; 32,768 record sets that changed and 4,096 addresses that were new; of each zone 64 redirects, 64 certificates, 32
 * keys and 32 addresses of unsigned updates. 4 MiB and what the zones take; not thread-safe. */
struct zw_rule_memory;

#define ZW_RULE_ZONES_MAX 16384
#define ZW_RULE_NETWORKS_MAX 1000000

int zw_rule_memory_new(struct zw_rule_memory **ret_memory);
void zw_rule_memory_free(struct zw_rule_memory *memory);
ZW_DEFINE_CLEANUP(struct zw_rule_memory *, zw_rule_memory_free);
#define _zw_rule_memory_free_ _zw_cleanup_(zw_rule_memory_freep)

/* Everything is borrowed. */
struct zw_rule_input {
	const struct zw_rules_conf *conf;
	const struct zw_policy *policy;
	const struct zw_net
		*familiar; /* networks; with none of them a zone's own past says what is familiar */
	size_t familiars;
	const char *const *critical; /* labels, and names with the final dot, in lower case */
	size_t criticals;
	const struct zw_feeds *feeds; /* NULL: there are none */
	const char *zone_id;          /* tells zones apart, over restarts: server, view and name */
	const uint8_t *origin;        /* wire form, lower case */
	/* The whole zone; NULL: no records. The report may be a part of what changed between them. */
	const struct zw_snapshot *before, *after;
	/* Whether the host serves a zone that @name is in; NULL: it does not. */
	bool (*serves)(void *ctx, const uint8_t *name);
	void *ctx;
};

/* Adds findings to @report, which is judged already and has a diff, and remembers it. 0 or -ENOMEM; what was found until
 * then is in the report. */
int zw_rules_judge_records(
	const struct zw_rule_input *in, struct zw_rule_memory *memory, struct zw_report *report);

/* Remembers an older change, as the history has it: which networks and domains were new with it, what was redirected, which
 * record sets and certificates changed, and with which keys. Oldest first. Of @in, conf, policy, zone_id and origin are
 * used. 0 or -ENOMEM. */
int zw_rules_recall(const struct zw_rule_input *in, struct zw_rule_memory *memory,
	const struct zw_report *report);
