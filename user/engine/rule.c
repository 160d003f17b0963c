/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/str.h"

const char *zw_rule_kind_to_string(enum zw_rule_kind kind)
{
	static const char *const names[] = {
		[ZW_RULE_RECORD] = "record",
		[ZW_RULE_TRAFFIC] = "traffic",
		[ZW_RULE_HOST] = "host",
	};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_RULE_KIND_MAX, "one name for every kind");
	return (size_t)kind < ZW_ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *zw_knob_unit_to_string(enum zw_knob_unit unit)
{
	static const char *const names[] = {
		[ZW_KNOB_COUNT] = "number",
		[ZW_KNOB_PERCENT] = "percent",
		[ZW_KNOB_DURATION] = "duration",
		[ZW_KNOB_BITS] = "bits",
		[ZW_KNOB_HOUR] = "hour of the day",
		[ZW_KNOB_RATE] = "per second",
		[ZW_KNOB_BYTES] = "bytes",
	};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_KNOB_UNIT_MAX, "one name for every unit");
	return (size_t)unit < ZW_ARRAY_SIZE(names) ? names[unit] : "unknown";
}

size_t zw_rules_count(void)
{
	return zw_rule_rows_record.rows + zw_rule_rows_live.rows;
}

const struct zw_rule *zw_rule_at(size_t i)
{
	if (i < zw_rule_rows_record.rows)
		return &zw_rule_rows_record.row[i];
	i -= zw_rule_rows_record.rows;
	return i < zw_rule_rows_live.rows ? &zw_rule_rows_live.row[i] : NULL;
}

static size_t index_of(const char *id)
{
	size_t i = 0;

	while (i < zw_rules_count() && !zw_streq(zw_rule_at(i)->id, id))
		i++;
	return i;
}

const struct zw_rule *zw_rule_find(const char *id)
{
	return zw_rule_at(index_of(id));
}

/* Of a rule that there is. */
static size_t own_index(const char *id)
{
	size_t i = index_of(id);

	if (i == zw_rules_count())
		abort();
	return i;
}

void zw_rules_conf_init(struct zw_rules_conf *conf)
{
	*conf = (struct zw_rules_conf){};
	for (size_t i = 0; i < zw_rules_count(); i++) {
		const struct zw_rule *rule = zw_rule_at(i);

		conf->rule[i].enabled = true;
		conf->rule[i].severity = rule->severity;
		for (size_t k = 0; rule->knob && rule->knob[k].name; k++)
			conf->rule[i].knob[k] = rule->knob[k].initial;
	}
}

bool zw_rules_enabled(const struct zw_rules_conf *conf, const char *id)
{
	return conf->rule[own_index(id)].enabled;
}

unsigned int zw_rules_severity(const struct zw_rules_conf *conf, const char *id)
{
	return (unsigned int)conf->rule[own_index(id)].severity;
}

uint64_t zw_rules_knob(const struct zw_rules_conf *conf, const char *id, const char *knob)
{
	size_t i = own_index(id);
	const struct zw_rule_knob *knobs = zw_rule_at(i)->knob;

	for (size_t k = 0; knobs && knobs[k].name; k++)
		if (zw_streq(knobs[k].name, knob))
			return conf->rule[i].knob[k];
	abort();
}

int zw_rules_add_finding(const struct zw_rules_conf *conf, struct zw_report *report, const char *id,
	const char *subject, const char *fmt, ...)
{
	bool entitled =
		report->verdict == ZW_VERDICT_AUTHORIZED || report->verdict == ZW_VERDICT_AUTOMATIC;
	unsigned int before = report->severity;
	size_t i = own_index(id);
	const struct zw_rule_setting *setting = &conf->rule[i];
	va_list ap;
	int r;

	if (!setting->enabled)
		return 0;
	va_start(ap, fmt);
	r = zw_report_add_finding_v(report, id, (unsigned int)setting->severity, subject, fmt, ap);
	va_end(ap);
	if (r < 0)
		return r;
	if (!entitled && zw_rule_at(i)->escalates && setting->severity >= ZW_RULE_ESCALATES)
		report->escalate = true;
	if (entitled && report->severity > ZW_SEVERITY_MEDIUM)
		report->severity = before > ZW_SEVERITY_MEDIUM ? before : ZW_SEVERITY_MEDIUM;
	return 0;
}
