/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: the parts of a report as a person reads it. Each function appends whole lines, indented;
 * failures stick in the zw_str. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "engine/report.h"

/* SGR parameters (ECMA-48 section 8.3.117). */
enum zw_tone {
	ZW_TONE_PLAIN = 0,
	ZW_TONE_DIM,
	ZW_TONE_BOLD,
	ZW_TONE_GOOD,
	ZW_TONE_WARN,
	ZW_TONE_BAD,
	_ZW_TONE_MAX,
};

/* Of every verdict. */
extern const enum zw_tone zw_verdict_tones[];

/* Appends @text, which is not escaped, in that tone. */
void zw_human_tone(struct zw_str *out, bool colour, enum zw_tone tone, const char *text);
/* The data of the first @max records, each cut to @text_max octets, and how many more there are. */
void zw_human_rdatas(struct zw_str *out, const struct zw_rrset *rrset, size_t max, size_t text_max);
/* The record sets that changed, at most 20 of them. */
void zw_human_changes(struct zw_str *out, bool colour, const struct zw_diff *diff);
/* "redirect-outside (73): ..." and the end of the line; what stands before it is the caller's. */
void zw_human_finding(struct zw_str *out, bool colour, const struct zw_report_finding *finding);
/* Who did it, with the way back to the login. @label: "by", "also", "perhaps". */
void zw_human_cause(
	struct zw_str *out, bool colour, const char *label, const struct zw_report_cause *cause);
