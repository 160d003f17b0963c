/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The difference of two states of a zone as people and programs read it. Every octet that is no printable ASCII stands
 * escaped, as in master files. */
#pragma once

#include <stdbool.h>

#include "cli/history_cmd.h"
#include "zone/diff.h"

/* Appends one RRset: the records that went with "-", those that came with "+", in presentation form and in canonical
 * order; records that are on both sides are left out. Failures stick to @s. */
void zw_diff_entry_text(struct zw_str *s, bool colour, const struct zw_diff_entry *entry);

/* What one of the two states is. */
struct zw_diff_side {
	const char *file; /* the file it was read from; NULL: it is of the history */
	const char *id;   /* event that made it; NULL: none is known */
	uint64_t time_ns; /* since when it was so; 0: not known */
};

struct zw_diff_print {
	const struct zw_history_cmd *cmd;
	const struct zw_diff *diff;
	const char *zone;
	const char *server, *view; /* NULL: of files */
	struct zw_diff_side from, to;
};

/* To standard output. A zone diff with two lines ahead that say what is compared; a table of how many RRsets and
 * records differ, by type; one JSON object. 0 or -ENOMEM. */
int zw_diff_print_text(const struct zw_diff_print *p);
int zw_diff_print_stat(const struct zw_diff_print *p);
int zw_diff_print_json(const struct zw_diff_print *p);
