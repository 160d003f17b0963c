/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of everything that makes a finding, and what the configuration says of it.
 *
 * A finding stands beside the verdict of a change, or makes an event of its own (ZW_ACTION_FINDING). It escalates when its
 * rule may (@escalates), its severity is ZW_RULE_ESCALATES at least, and the verdict of the event is neither authorized nor
 * automatic: what an administrator was entitled to is reported with its findings, but nobody is called for it, and they
 * raise the severity of the event to ZW_SEVERITY_MEDIUM at most. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "engine/report.h"

enum zw_rule_kind {
	ZW_RULE_RECORD = 0, /* looks at records that changed */
	ZW_RULE_TRAFFIC,    /* at queries, answers and where the host asks */
	ZW_RULE_HOST,       /* at processes and files */
	_ZW_RULE_KIND_MAX,
};

enum zw_knob_unit {
	ZW_KNOB_COUNT = 0,
	ZW_KNOB_PERCENT,
	ZW_KNOB_DURATION, /* nanoseconds; written "10m" */
	ZW_KNOB_BITS,     /* of an address: a prefix length */
	ZW_KNOB_HOUR,     /* of the day, 0 to 24 */
	ZW_KNOB_RATE,     /* a second */
	ZW_KNOB_BYTES,
	_ZW_KNOB_UNIT_MAX,
};

/* A threshold. */
struct zw_rule_knob {
	const char *name; /* NULL ends the list */
	enum zw_knob_unit unit;
	uint64_t initial, min, max;
	const char *help; /* what it is, and why it is what it is; no final dot */
};

#define ZW_RULE_KNOBS_MAX 8

/* For the table: ZW_RULE_KNOBS({...}, {...}). */
/* clang-format off */
#define ZW_RULE_KNOBS(...) (const struct zw_rule_knob[]) {__VA_ARGS__, {.name = NULL}}
/* clang-format on */

/* The scale of Elastic's detection rules. */
#define ZW_SEVERITY_LOW 21
#define ZW_SEVERITY_MEDIUM 47
#define ZW_SEVERITY_HIGH 73
#define ZW_SEVERITY_CRITICAL 99
#define ZW_RULE_ESCALATES ZW_SEVERITY_HIGH

struct zw_rule {
	const char *id;    /* "redirect-outside"; what it is called everywhere */
	const char *title; /* a few words, begins in lower case */
	const char *
		indicator; /* of the incident card or the reports it rests on (INDICATORS): why it matters */
	const char *technique; /* MITRE ATT&CK; NULL: none */
	unsigned int severity; /* unless it is configured otherwise */
	bool escalates;
	enum zw_rule_kind kind;
	const struct zw_rule_knob *knob; /* NULL: none */
	const char *
		quiet; /* when it does not fire, and what is done against false alarms; NULL: nothing */
};

#define ZW_RULES_MAX 64

/* rule_table.c has those of records, rule_table_live.c all others; numbered in that order. */
struct zw_rule_rows {
	const struct zw_rule *row;
	size_t rows;
};
extern const struct zw_rule_rows zw_rule_rows_record, zw_rule_rows_live;

size_t zw_rules_count(void);
/* NULL past the end. */
const struct zw_rule *zw_rule_at(size_t i);
/* NULL: there is none. */
const struct zw_rule *zw_rule_find(const char *id);
const char *zw_rule_kind_to_string(enum zw_rule_kind kind); /* "record" */
const char *zw_knob_unit_to_string(enum zw_knob_unit unit); /* "percent" */

/* What holds for each of them, by its place in the table. A plain value: may be copied. */
struct zw_rules_conf {
	struct zw_rule_setting {
		bool enabled;
		uint64_t severity;
		uint64_t knob[ZW_RULE_KNOBS_MAX];
	} rule[ZW_RULES_MAX];
};

/* As the table has them. */
void zw_rules_conf_init(struct zw_rules_conf *conf);
/* These abort on ids and names that are in no table: who asks is the rule itself. */
bool zw_rules_enabled(const struct zw_rules_conf *conf, const char *id);
unsigned int zw_rules_severity(const struct zw_rules_conf *conf, const char *id);
uint64_t zw_rules_knob(const struct zw_rules_conf *conf, const char *id, const char *knob);

/* Adds a finding with the severity that is configured, and raises @report->escalate where that is due, for which the
 * verdict has to be there already. Nothing happens when the rule is disabled. 0 or -ENOMEM. */
int zw_rules_add_finding(const struct zw_rules_conf *conf, struct zw_report *report, const char *id,
	const char *subject, const char *fmt, ...) _zw_printf_(5, 6);
