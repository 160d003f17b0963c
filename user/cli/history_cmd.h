/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands that read the history share: their common options, the database they read, how they print times
 * and in which colours. Functions that return an exit code or -errno have logged what went wrong. */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sink/history_read.h"

enum zw_colour {
	ZW_COLOUR_AUTO = 0, /* on a terminal, unless NO_COLOR is set (no-color.org) */
	ZW_COLOUR_NEVER,
	ZW_COLOUR_ALWAYS,
};

struct zw_history_cmd {
	const char *db;            /* --db; NULL: the one the configuration names */
	const char *config;        /* --config; NULL: ZW_CONF_DEFAULT_PATH */
	const char *server, *view; /* --server, --view; NULL: not given */
	bool json, utc;
	enum zw_colour when;
};

/* Values of the common options; a command's own are below. */
enum {
	ZW_OPT_DB = 1024,
	ZW_OPT_CONFIG,
	ZW_OPT_JSON,
	ZW_OPT_UTC,
	ZW_OPT_COLOR,
	ZW_OPT_NO_COLOR,
	ZW_OPT_SERVER,
	ZW_OPT_VIEW,
};

/* Entries of a command's option table. */
#define ZW_HISTORY_OPTIONS                                                                        \
	{"db", required_argument, NULL, ZW_OPT_DB},                                               \
		{"config", required_argument, NULL, ZW_OPT_CONFIG},                               \
		{"json", no_argument, NULL, ZW_OPT_JSON}, {"utc", no_argument, NULL, ZW_OPT_UTC}, \
		{"color", optional_argument, NULL, ZW_OPT_COLOR},                                 \
	{                                                                                         \
		"no-color", no_argument, NULL, ZW_OPT_NO_COLOR                                    \
	}
#define ZW_ZONE_OPTIONS                                      \
	{"server", required_argument, NULL, ZW_OPT_SERVER},  \
	{                                                    \
		"view", required_argument, NULL, ZW_OPT_VIEW \
	}

/* Their lines in a command's help. */
#define ZW_HISTORY_FILE_HELP                                                                          \
	"  --db FILE      the history to read, also a copy of one (default: what the configuration\n" \
	"                 names)\n"                                                                   \
	"  --config FILE  where that is looked up\n"
#define ZW_HISTORY_UTC_HELP "  --utc          times in UTC instead of local time\n"
#define ZW_HISTORY_JSON_HELP "  --json         one JSON object per line\n"
#define ZW_HISTORY_HELP                                               \
	ZW_HISTORY_FILE_HELP ZW_HISTORY_UTC_HELP ZW_HISTORY_JSON_HELP \
		"  --color[=WHEN] always, never or auto: on a terminal and without NO_COLOR (default)\n"
#define ZW_ZONE_HELP                                                                                 \
	"  --server TEXT  of zones of one name, the one of the server whose kind or configuration\n" \
	"                 this is: bind, bind:/etc/bind/named.conf\n"                                \
	"  --view NAME    the one in this view\n"

/* Takes a common option. -1: done; 0: it is none of them; else the exit code to end with. */
int zw_history_option(struct zw_history_cmd *cmd, int c, const char *arg);

/* The next of the options that are the command's own, whose name is argv[0]; the common ones, --help and what is no option
 * are dealt with. -1 at the end, with -1 in @ret_code to go on, else the exit code to end with. */
int zw_history_getopt(struct zw_history_cmd *cmd, int argc, char **argv,
	const struct option *options, const char *usage, int *ret_code);

bool zw_history_colour(const struct zw_history_cmd *cmd);

/* The database: that of --db, else that of the configuration, else of its defaults when there is none. 0 or -errno,
 * logged. */
int zw_history_path(const struct zw_history_cmd *cmd, char **ret_path);
/* Opens it for reading. 0 or -errno, logged. */
int zw_history_cmd_open(const struct zw_history_cmd *cmd, struct zw_reader **ret_reader);

/* The one zone of that name (any case, with or without the final dot) that --server and --view leave; of a zone and
 * what signing made of it, the former unless --server says the latter. The one of the number @meant comes before all
 * others; 0: none. Where there is none or more than one, the message says what there is. 0 or -errno, logged. */
int zw_history_cmd_zone(const struct zw_history_cmd *cmd, struct zw_reader *reader,
	const char *name, int64_t meant, struct zw_reader_zone *ret_zone);

/* The same for the closest zone that holds @name (wire form, lower-case). */
int zw_history_cmd_zone_of(const struct zw_history_cmd *cmd, struct zw_reader *reader,
	const uint8_t *name, struct zw_reader_zone *ret_zone);

/* The event of an ID or of the beginning of one. 0 or -errno, logged, with the matches when there are several. */
int zw_history_cmd_find(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *id,
	uint64_t *ret_seq);

/* Logs that reading failed and what to do. Returns ZW_EXIT_FAILED. */
int zw_history_cmd_failed(const struct zw_reader *reader, const char *what, int error);

/* "2026-11-22 00:11:22", local time or UTC; the exact form has ".123" and " +0100" or " UTC" besides. */
#define ZW_HISTORY_TIME_MAX 48
const char *zw_history_time(const struct zw_history_cmd *cmd, uint64_t realtime_ns,
	char buf[static ZW_HISTORY_TIME_MAX]);
const char *zw_history_time_exact(const struct zw_history_cmd *cmd, uint64_t realtime_ns,
	char buf[static ZW_HISTORY_TIME_MAX]);

/* Flushes standard output; @code, or ZW_EXIT_FAILED when not all of it could be written. A reader that went away, as a
 * pager that was left, is no failure. */
int zw_history_flush(int code);
