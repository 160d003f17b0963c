/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/commands.h"
#include "server/state_job.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", "the agent, in the foreground, as systemd starts it", zw_cmd_run},
	{"watch", "print changes of zones live, without a configuration", zw_cmd_watch},
	{"status", "hooks and why they are on or off, servers, zones, counters, losses",
		zw_cmd_status},
	{"selftest", "write a scratch zone in every known way and print which hook saw it",
		zw_cmd_selftest},
	{"log", "changes and other events, newest first, by who, what, where and when", zw_cmd_log},
	{"show", "one change whole: records, who did it and how, what else happened", zw_cmd_show},
	{"blame", "who last set each record, when and how", zw_cmd_blame},
	{"diff", "records that differ between two moments or two zone files", zw_cmd_diff},
	{"revert", "print the exact inverse of a change", zw_cmd_revert},
	{"ack", "confirm a change: who, ticket, reason", zw_cmd_ack},
	{"expect", "announce a change beforehand, so that it is authorized", zw_cmd_expect},
	{"triage", "answer the questions of an incident for a period, and say what to do next",
		zw_cmd_triage},
	{"top", "live DNS traffic: sources, names, zones, rcodes, types", zw_cmd_top},
	{"traffic", "DNS traffic by minute: sources, names, zones, rcodes, types", zw_cmd_traffic},
	{"check", "validate the configuration", zw_cmd_check},
	{"version", "print the version", cmd_version},
	{"help", "this list", cmd_help},
};

static void list_commands(FILE *to)
{
	fputs("usage: zonewitness COMMAND [OPTIONS]\n\n", to);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'zonewitness COMMAND --help' lists the options of one.\n", to);
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	list_commands(stdout);
	return ZW_EXIT_OK;
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("zonewitness " ZW_VERSION);
	return ZW_EXIT_OK;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		list_commands(stderr);
		return ZW_EXIT_USAGE;
	}
	if (zw_streq(name, ZW_STATE_COMMAND))
		return zw_state_child();
	if (zw_streq(name, "--help") || zw_streq(name, "-h"))
		name = "help";
	if (zw_streq(name, "--version"))
		name = "version";
	for (size_t i = 0; i < ZW_ARRAY_SIZE(commands); i++)
		if (zw_streq(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "zonewitness: there is no command '%s'; 'zonewitness help' lists them\n",
		name);
	return ZW_EXIT_USAGE;
}
