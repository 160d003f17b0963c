/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/cmd_log.c and cli/log_*.c. */
#pragma once

#include "cli/history_cmd.h"
#include "dns/name.h"
#include "sink/history_query.h"

struct zw_log_options {
	struct zw_history_cmd common;
	struct zw_log_filter filter;
	uint64_t limit; /* 0: none */
	bool limited;   /* -n was given */
	bool follow, stat, check, journal, no_pager;
	const char *journal_path;  /* NULL: the live one */
	const char *since, *until; /* understood when all options are */
	bool colour;
	/* what the filter points to */
	struct zw_log_range address, peer;
	char zone[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
};

/* Exit code, or -1 to go on. */
int zw_log_parse(int argc, char **argv, struct zw_log_options *o);

/* What was shown. */
struct zw_log_totals {
	uint64_t shown;
	bool alarming; /* an unauthorized or unattributed change that nobody acknowledged is among them */
	struct zw_log_row last;
	char last_id[ZW_ULID_LEN + 1]; /* of the one stored last; empty: none */
};

/* Prints all that matches, newest first. 0 or -errno, logged. -EPIPE: nobody reads any more. */
int zw_log_show(
	const struct zw_log_options *o, struct zw_reader *reader, struct zw_log_totals *totals);
/* The last ones, oldest first, then what comes, until a signal. Exit code. */
int zw_log_follow(const struct zw_log_options *o);
/* Totals of all that matches. 0 or -errno, logged. */
int zw_log_stat(
	const struct zw_log_options *o, struct zw_reader *reader, struct zw_log_totals *totals);

/* Whether a row needs a person, and none has said anything yet. */
bool zw_log_is_alarming(const struct zw_log_row *row);

/* One event as a line, or as its JSON object with "history" added. Failures stick to @s. */
void zw_log_line(struct zw_str *s, const struct zw_log_options *o, const struct zw_log_row *row,
	const struct zw_reader_event *event, unsigned int id_len);
