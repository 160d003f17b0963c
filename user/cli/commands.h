/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of the program. Each gets its own name as argv[0] and returns an exit code. */
#pragma once

enum zw_exit {
	ZW_EXIT_OK = 0,
	ZW_EXIT_FAILED = 1,
	ZW_EXIT_USAGE = 2,
	ZW_EXIT_FINDINGS = 3,
};

/* Where the configuration is when nothing else is said. */
#define ZW_CONF_DEFAULT_PATH "/etc/zonewitness/zonewitness.yaml"

int zw_cmd_run(int argc, char **argv);
int zw_cmd_watch(int argc, char **argv);
int zw_cmd_status(int argc, char **argv);
int zw_cmd_selftest(int argc, char **argv);
int zw_cmd_log(int argc, char **argv);
int zw_cmd_show(int argc, char **argv);
int zw_cmd_blame(int argc, char **argv);
int zw_cmd_diff(int argc, char **argv);
int zw_cmd_revert(int argc, char **argv);
int zw_cmd_ack(int argc, char **argv);
int zw_cmd_expect(int argc, char **argv);
int zw_cmd_triage(int argc, char **argv);
int zw_cmd_traffic(int argc, char **argv);
int zw_cmd_top(int argc, char **argv);
int zw_cmd_check(int argc, char **argv);
