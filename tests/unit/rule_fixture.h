/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone that changes, and what the rules of records say to it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/rule_record.h"
#include "report_sample.h"

#define SECOND ZW_NSEC_PER_SEC
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct rule_world {
	struct zw_rules_conf conf;
	struct zw_policy policy;
	struct zw_rule_memory *memory;
	struct zw_rule_input in;
	struct zw_hash_key key;
	uint8_t origin[ZW_NAME_MAX];
	struct zw_snapshot *zone; /* as it is now */
	uint32_t serial;
	uint64_t now_ns;
	/* of the changes to come */
	enum zw_verdict verdict;
	enum zw_channel channel;
	const char *tsig_key, *peer;
	struct zw_report *last; /* what the last change became */
};

/* What every zone has; its NS records are in @records. */
static inline struct zw_snapshot *rule_snapshot(struct rule_world *w, const char *records)
{
	struct zw_zone_input input = {.key = &w->key};
	struct zw_zone_error error = {};
	struct zw_snapshot *snapshot = NULL;
	_zw_str_ struct zw_str text = {};

	zw_str_addf(&text, "$TTL 3600\n@ IN SOA ns1 admin %u 7200 3600 1209600 300\n", w->serial);
	zw_str_add(&text, records);
	input.master.origin = w->origin;
	input.data = sample_checked(text.buf);
	input.len = text.len;
	if (zw_zone_load(&input, NULL, &snapshot, &error) < 0)
		fail_msg("line %llu: %s\n%s", (unsigned long long)error.line, error.reason,
			text.buf);
	return snapshot;
}

/* Another zone, with the same memory. */
static inline void rule_zone(struct rule_world *w, const char *name, const char *records)
{
	zw_snapshot_unref(w->zone);
	assert_int_equal(zw_name_from_text(name, w->origin, NULL), 0);
	w->in.zone_id = name;
	w->in.origin = w->origin;
	w->zone = rule_snapshot(w, records);
}

static inline struct rule_world *rule_world_new(const char *records)
{
	struct rule_world *w = sample_checked(calloc(1, sizeof(*w)));

	zw_rules_conf_init(&w->conf);
	w->key = (struct zw_hash_key){1, 2};
	w->serial = 1;
	w->now_ns = SAMPLE_TIME_NS;
	w->channel = ZW_CHANNEL_FILE;
	assert_int_equal(zw_rule_memory_new(&w->memory), 0);
	w->in.conf = &w->conf;
	w->in.policy = &w->policy;
	rule_zone(w, "example.com.", records);
	return w;
}

static inline void rule_world_free(struct rule_world *w)
{
	zw_report_free(w->last);
	zw_snapshot_unref(w->zone);
	zw_rule_memory_free(w->memory);
	free(w);
}

static inline void rule_world_freep(struct rule_world **w)
{
	rule_world_free(*w);
}
#define _rule_world_ __attribute__((cleanup(rule_world_freep)))

static inline struct zw_report *rule_report(struct rule_world *w, struct zw_snapshot *after)
{
	struct zw_report *report = sample_report(ZW_ACTION_RECORD_CHANGE, 1);

	assert_int_equal(zw_diff_new(w->zone, after, &report->diff), 0);
	report->time_ns = w->now_ns;
	report->verdict = w->verdict;
	report->channel = w->channel;
	report->zone = sample_text("example.com.");
	report->has_serial_before = report->diff->has_serial_before;
	report->has_serial_after = report->diff->has_serial_after;
	report->serial_before = report->diff->serial_before;
	report->serial_after = report->diff->serial_after;
	if (w->tsig_key || w->peer) {
		report->has_principal = true;
		sample_cause(report, ZW_ROLE_PEER, ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT, NULL);
		report->cause[0].channel = w->channel;
		report->cause[0].tsig_key = sample_text(w->tsig_key);
		report->cause[0].peer = sample_text(w->peer);
	}
	return report;
}

/* The zone becomes @records, by the serial @serial, @later after the change before. */
static inline void rule_change_to(
	struct rule_world *w, uint64_t later, uint32_t serial, const char *records)
{
	struct zw_snapshot *after;

	w->serial = serial;
	w->now_ns += later;
	after = rule_snapshot(w, records);
	zw_report_free(w->last);
	w->last = rule_report(w, after);
	w->in.before = w->zone;
	w->in.after = after;
	assert_int_equal(zw_rules_judge_records(&w->in, w->memory, w->last), 0);
	zw_snapshot_unref(w->zone);
	w->zone = after;
}

static inline void rule_change(struct rule_world *w, uint64_t later, const char *records)
{
	rule_change_to(w, later, w->serial + 1, records);
}

/* NULL: it found nothing. */
static inline const struct zw_report_finding *rule_finding(
	const struct rule_world *w, const char *rule)
{
	for (size_t i = 0; i < w->last->findings; i++)
		if (zw_streq(w->last->finding[i].rule, rule))
			return &w->last->finding[i];
	return NULL;
}

/* Exactly these rules, in any order; "" for none. */
static inline void assert_rules(const struct rule_world *w, const char *expected)
{
	_zw_str_ struct zw_str found = {};
	size_t wanted = expected[0] != '\0';

	for (const char *p = expected; *p; p++)
		wanted += *p == ' ';
	for (size_t i = 0; i < w->last->findings; i++)
		zw_str_addf(
			&found, "%s: %s\n", w->last->finding[i].rule, w->last->finding[i].reason);
	for (size_t i = 0; i < w->last->findings; i++)
		if (!strstr(expected, w->last->finding[i].rule))
			fail_msg("only %s were expected, found was\n%s", expected, found.buf);
	for (size_t i = 0, n; expected[i]; i += n + (expected[i + n] == ' ')) {
		char rule[64];

		n = strcspn(expected + i, " ");
		snprintf(rule, sizeof(rule), "%.*s", (int)n, expected + i);
		if (!rule_finding(w, rule))
			fail_msg("%s found nothing; found was\n%s", rule,
				found.buf ? found.buf : "-");
	}
}
