/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of rules as people read it. */
#pragma once

#include "base/str.h"
#include "engine/rule.h"

/* A number of 20 digits, a unit, the NUL. */
#define ZW_KNOB_TEXT_MAX 24

/* As the configuration has it: "7d", "30", "64K". */
const char *zw_knob_to_text(
	enum zw_knob_unit unit, uint64_t value, char ret_text[static ZW_KNOB_TEXT_MAX]);

/* One rule a line, with what @conf makes of it, and the thresholds, indented, one a line. */
void zw_rules_to_text(const struct zw_rules_conf *conf, struct zw_str *out);

/* The manual page zonewitness-rules(7), for man(1). */
void zw_rules_to_manual(struct zw_str *out);
