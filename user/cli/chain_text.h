/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The causes of an event as a tree: where the login came from, the login, its processes one below the other, down to
 * what they did to the zone. What several causes have in common is there once. */
#pragma once

#include "cli/history_cmd.h"
#include "engine/report.h"

/* Appends lines indented by two; every text is escaped. Failures stick to @s. */
void zw_chain_text(
	struct zw_str *s, const struct zw_history_cmd *cmd, const struct zw_report *report);
