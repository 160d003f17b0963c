/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rule_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

struct scale {
	uint64_t unit;
	const char *name;
};

/* The largest unit that the value is a whole number of. */
static void add_scaled(
	const struct scale *scale, uint64_t value, char ret_text[static ZW_KNOB_TEXT_MAX])
{
	while (scale->unit > 1 && (value == 0 || value % scale->unit))
		scale++;
	snprintf(ret_text, ZW_KNOB_TEXT_MAX, "%" PRIu64 "%s", value / scale->unit, scale->name);
}

const char *zw_knob_to_text(
	enum zw_knob_unit unit, uint64_t value, char ret_text[static ZW_KNOB_TEXT_MAX])
{
	static const struct scale durations[] = {
		{86400 * ZW_NSEC_PER_SEC, "d"},
		{3600 * ZW_NSEC_PER_SEC, "h"},
		{60 * ZW_NSEC_PER_SEC, "m"},
		{ZW_NSEC_PER_SEC, "s"},
		{ZW_NSEC_PER_MSEC, "ms"},
		{1, "ns"},
	};
	static const struct scale sizes[] = {
		{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}};
	static const struct scale numbers[] = {{1, ""}};

	if (unit == ZW_KNOB_DURATION && value == 0)
		snprintf(ret_text, ZW_KNOB_TEXT_MAX, "0s");
	else
		add_scaled(unit == ZW_KNOB_DURATION ? durations
			   : unit == ZW_KNOB_BYTES  ? sizes
						    : numbers,
			value, ret_text);
	return ret_text;
}

void zw_rules_to_text(const struct zw_rules_conf *conf, struct zw_str *out)
{
	char text[ZW_KNOB_TEXT_MAX];

	for (size_t i = 0; i < zw_rules_count(); i++) {
		const struct zw_rule *rule = zw_rule_at(i);
		const struct zw_rule_setting *setting = &conf->rule[i];

		zw_str_addf(out, "%-28s %-8s %-8s severity %3" PRIu64 "%s  %s\n", rule->id,
			setting->enabled ? "enabled" : "disabled",
			zw_rule_kind_to_string(rule->kind), setting->severity,
			rule->escalates && setting->severity >= ZW_RULE_ESCALATES ? ", escalates"
										  : "           ",
			rule->title);
		for (size_t k = 0; rule->knob && rule->knob[k].name; k++)
			zw_str_addf(out, "    %-14s %s\n", rule->knob[k].name,
				zw_knob_to_text(rule->knob[k].unit, setting->knob[k], text));
	}
}

/* --- the manual --------------------------------------------------------------------------------------- */

static const char manual_begin[] =
	".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
	".\\\" Made of the table in user/engine by `make man`; change it there.\n"
	".TH ZONEWITNESS-RULES 7 \"\" \"zonewitness\" \"zonewitness\"\n"
	".SH NAME\n"
	"zonewitness-rules \\- what zonewitness finds unusual, and when it calls somebody\n"
	".SH DESCRIPTION\n"
	"Beside the verdict, which says whether who made a change may make it,\n"
	"every change of records is looked at by rules, whoever made it; other rules look at the\n"
	"traffic and at this host. What a rule finds is in the list\n"
	".B findings\n"
	"of the event (or is an event of its own, with the action\n"
	".BR finding ),\n"
	"with the rule, its severity and a sentence.\n"
	".PP\n"
	"A finding\n"
	".I escalates\n"
	"the event when its rule may escalate, its severity is 73 or more, and the verdict of the\n"
	"event is neither\n"
	".B authorized\n"
	"nor\n"
	".BR automatic .\n"
	"The severity of the event becomes that of its worst finding; findings beside these two\n"
	"verdicts raise it to 47 at most. Findings that are alike are told as one, with a count.\n"
	".PP\n"
	"Severities are 21 (low: ordinary days bring it), 47 (medium: worth a look when something\n"
	"else points there), 73 (high) and 99 (critical: ordinary days do not bring it).\n"
	".SH WHAT IS REMEMBERED\n"
	"Some rules compare a change with earlier ones. What they need is kept in memory, bounded,\n"
	"and is read from the history again when the agent starts: of the last 7 days, the networks\n"
	"and domains that were found unfamiliar, the redirects, the record sets and certificates that\n"
	"changed, and the keys of updates. A restart forgets the counts of\n"
	".B random-subdomains\n"
	"and\n"
	".BR shared-address ,\n"
	"and without a history all of it: what is in a zone when its first change is seen is familiar then.\n"
	".SH CONFIGURATION\n"
	"In\n"
	".BR zonewitness.yaml (5),\n"
	"for each rule that is to be otherwise:\n"
	".PP\n"
	".EX\n"
	"    familiar_networks: [192.0.2.0/24, 2001:db8::/32]\n"
	"    critical_names: [mail, vpn, portal.example.com]\n"
	"    rules:\n"
	"      outside-hours: {enabled: no}\n"
	"      ns-change: {severity: 73}\n"
	"      mass-change: {share: 50, least: 100}\n"
	".EE\n"
	".PP\n"
	".B zonewitness check --rules\n"
	"shows what is in force.\n";

static const char manual_end[] = ".SH SEE ALSO\n"
				 ".BR zonewitness (8),\n"
				 ".BR zonewitness.yaml (5),\n"
				 ".BR zonewitness-log (8)\n";

/* Text of the table: nothing in it may become a request, and a hyphen is one that can be copied. */
static void add_roff(struct zw_str *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (p == text && (*p == '.' || *p == '\''))
			zw_str_add(out, "\\&");
		if (*p == '-')
			zw_str_add(out, "\\-");
		else if (*p == '\\')
			zw_str_add(out, "\\e");
		else
			zw_str_add_char(out, *p);
	}
}

/* What the table has in lower case, at the beginning of a sentence. */
static void add_sentence(struct zw_str *out, const char *text)
{
	char first[2] = {(char)toupper((unsigned char)text[0])};

	add_roff(out, first);
	add_roff(out, text + 1);
	zw_str_add(out, ".\n");
}

static void add_knob(struct zw_str *out, const struct zw_rule_knob *knob)
{
	char initial[ZW_KNOB_TEXT_MAX], min[ZW_KNOB_TEXT_MAX], max[ZW_KNOB_TEXT_MAX];

	zw_str_add(out, ".TP\n.B ");
	add_roff(out, knob->name);
	zw_str_addf(out, "\n%s, from %s to %s; %s unless it is set.\n",
		zw_knob_unit_to_string(knob->unit), zw_knob_to_text(knob->unit, knob->min, min),
		zw_knob_to_text(knob->unit, knob->max, max),
		zw_knob_to_text(knob->unit, knob->initial, initial));
	add_sentence(out, knob->help);
}

static void add_rule(struct zw_str *out, const struct zw_rule *rule)
{
	zw_str_add(out, ".SS ");
	add_roff(out, rule->id);
	zw_str_add(out, "\n");
	add_sentence(out, rule->title);
	zw_str_addf(out, "Severity %u%s", rule->severity,
		rule->escalates && rule->severity >= ZW_RULE_ESCALATES ? ", escalates"
		: rule->escalates ? ", escalates when it is set to 73 or more"
				  : "");
	if (rule->technique)
		zw_str_addf(out, "; MITRE ATT&CK %s", rule->technique);
	zw_str_add(out, ".\n.PP\nWhy: ");
	add_roff(out, rule->indicator);
	zw_str_add(out, ".\n");
	if (rule->quiet) {
		zw_str_add(out, ".PP\n");
		add_roff(out, rule->quiet);
		zw_str_add(out, "\n");
	}
	for (size_t k = 0; rule->knob && rule->knob[k].name; k++)
		add_knob(out, &rule->knob[k]);
}

void zw_rules_to_manual(struct zw_str *out)
{
	static const char *const titles[] = {
		[ZW_RULE_RECORD] = "RULES OF RECORDS",
		[ZW_RULE_TRAFFIC] = "RULES OF TRAFFIC",
		[ZW_RULE_HOST] = "RULES OF THE HOST",
	};

	zw_str_add(out, manual_begin);
	for (size_t kind = 0; kind < _ZW_RULE_KIND_MAX; kind++) {
		bool any = false;

		for (size_t i = 0; i < zw_rules_count(); i++) {
			const struct zw_rule *rule = zw_rule_at(i);

			if (rule->kind != kind)
				continue;
			if (!any)
				zw_str_addf(out, ".SH %s\n", titles[kind]);
			any = true;
			add_rule(out, rule);
		}
	}
	zw_str_add(out, manual_end);
}
