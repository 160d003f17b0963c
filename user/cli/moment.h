/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments of a zone as people write them: times, serials, events. */
#pragma once

#include "cli/history_cmd.h"

#define ZW_MOMENT_HELP                                                                          \
	"A moment is a time (2026-11-22T10:00, -2h, yesterday), a serial number, the ID of a\n" \
	"change, for the zone as it was after it, or ID^, as it was before.\n"

/* 0 or -errno, logged. */
int zw_moment_parse(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *text,
	struct zw_moment *ret_moment);

/* Logs why there is no state of that moment. Returns ZW_EXIT_FAILED. */
int zw_moment_refuse(const struct zw_reader *reader, const char *zone, const char *text, int error);

/* Makes "2h ago" of each "-2h" that getopt(3) would take for an option. The texts are kept in the array that @argv
 * is, until the process ends. 0 or -ENOMEM. */
int zw_moment_shield(int argc, char **argv);
