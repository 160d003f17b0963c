/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_rules.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "engine/rule_text.h"

/* "enabled", "severity" and the thresholds. */
#define KEYS_EACH (2 + ZW_RULE_KNOBS_MAX)

struct zw_conf_rules {
	struct zw_conf_key root;
	struct zw_conf_key rule[ZW_RULES_MAX];
	struct zw_conf_key key[ZW_RULES_MAX][KEYS_EACH];
	struct {
		char min[ZW_KNOB_TEXT_MAX], max[ZW_KNOB_TEXT_MAX], initial[ZW_KNOB_TEXT_MAX];
	} text[ZW_RULES_MAX][KEYS_EACH];
};

static enum zw_conf_type type_of(enum zw_knob_unit unit)
{
	switch (unit) {
	case ZW_KNOB_DURATION:
		return ZW_CONF_DURATION;
	case ZW_KNOB_BYTES:
		return ZW_CONF_SIZE;
	default:
		return ZW_CONF_NUMBER;
	}
}

static size_t offset_of(size_t rule)
{
	return offsetof(struct zw_conf, rules.rule) + rule * sizeof(struct zw_rule_setting);
}

static void add_key(
	struct zw_conf_rules *rules, size_t rule, const struct zw_rule_knob *knob, size_t offset)
{
	size_t n = rules->rule[rule].n_keys++;
	__auto_type text = &rules->text[rule][n];

	zw_knob_to_text(knob->unit, knob->min, text->min);
	zw_knob_to_text(knob->unit, knob->max, text->max);
	zw_knob_to_text(knob->unit, knob->initial, text->initial);
	rules->key[rule][n] = (struct zw_conf_key){
		.name = knob->name,
		.type = type_of(knob->unit),
		.offset = offset,
		.min = text->min,
		.max = text->max,
		.initial = text->initial,
		.help = knob->help,
	};
}

static void add_rule(struct zw_conf_rules *rules, size_t i)
{
	const struct zw_rule *rule = zw_rule_at(i);
	const struct zw_rule_knob severity = {.name = "severity",
		.initial = rule->severity,
		.max = 100,
		.help = "of its findings"};

	rules->key[i][0] = (struct zw_conf_key){
		.name = "enabled",
		.type = ZW_CONF_BOOL,
		.offset = offset_of(i) + offsetof(struct zw_rule_setting, enabled),
		.initial = "true",
		.help = "whether it looks at all",
	};
	rules->rule[i] = (struct zw_conf_key){
		.name = rule->id,
		.type = ZW_CONF_MAP,
		.keys = rules->key[i],
		.n_keys = 1,
		.help = rule->title,
	};
	add_key(rules, i, &severity, offset_of(i) + offsetof(struct zw_rule_setting, severity));
	for (size_t k = 0; rule->knob && rule->knob[k].name; k++)
		add_key(rules, i, &rule->knob[k],
			offset_of(i) + offsetof(struct zw_rule_setting, knob) +
				k * sizeof(uint64_t));
}

int zw_conf_rules_new(struct zw_conf_rules **ret_rules)
{
	struct zw_conf_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < zw_rules_count(); i++)
		add_rule(rules, i);
	rules->root = (struct zw_conf_key){
		.name = "rules",
		.type = ZW_CONF_MAP,
		.keys = rules->rule,
		.n_keys = zw_rules_count(),
	};
	*ret_rules = rules;
	return 0;
}

void zw_conf_rules_free(struct zw_conf_rules *rules)
{
	free(rules);
}

const struct zw_conf_key *zw_conf_rules_map(const struct zw_conf_rules *rules)
{
	return &rules->root;
}
