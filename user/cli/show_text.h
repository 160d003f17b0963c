/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One event of the history and what may belong to it, for people and for programs. */
#pragma once

#include "cli/history_cmd.h"
#include "sink/history_related.h"

/* Events of one kind that may belong to it. */
struct zw_show_list {
	struct zw_reader_event *items;
	size_t len, cap;
};

struct zw_show {
	const struct zw_history_cmd *cmd;
	struct zw_reader_zone zone; /* all NULL for an event of no zone */
	struct zw_reader_event event;
	struct zw_show_list related[_ZW_RELATED_MAX];
	bool all; /* every record that changed, however many */
};

void zw_show_done(struct zw_show *show);
#define _zw_show_ _zw_cleanup_(zw_show_done)

/* Append to @s; failures stick to it. */
void zw_show_text(struct zw_str *s, const struct zw_show *show);
void zw_show_json(struct zw_str *s, const struct zw_show *show);
