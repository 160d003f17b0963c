/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Emits made-up reports through the journald sink, for tests/e2e/journald.sh. Commands on standard input, one a
 * line, each answered by one line "ok delivered=N spooled=N lost=N":
 *
 *	change N	N record changes, numbered on
 *	actions		one report of every action
 *	hostile		names, arguments and paths that try to be something else
 *	large		a change of 1,500 record sets
 *	tick		as the agent does once a second
 *	status
 *
 * Usage: zw-report SPOOL_FILE SPOOL_BYTES FIRST_NUMBER */
#include <stdio.h>

#include "report_sample.h"
#include "sink/sink.h"

struct tool {
	struct zw_sink *sink;
	uint64_t sequence;
};

static void deliver(struct tool *tool, struct zw_report *report)
{
	(void)tool->sink->ops->deliver(tool->sink, report);
	zw_report_free(report);
}

static void cmd_change(struct tool *tool, unsigned int n)
{
	while (n-- > 0)
		deliver(tool, sample_change(tool->sequence++, NULL));
}

static void cmd_actions(struct tool *tool)
{
	for (unsigned int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct zw_report *report;

		if (action == ZW_ACTION_RECORD_CHANGE) {
			deliver(tool, sample_change(tool->sequence++, NULL));
			continue;
		}
		report = sample_report(action, tool->sequence++);
		report->message = sample_text("something happened to example.com.");
		report->zone = sample_text("example.com.");
		report->error = sample_text(action == ZW_ACTION_ZONE_UNREADABLE ? "no SOA" : NULL);
		deliver(tool, report);
	}
}

static void replace(char **text, const char *by)
{
	free(*text);
	*text = sample_text(by);
}

static void cmd_hostile(struct tool *tool)
{
	static const char *const argv[] = {
		"sed\nZW_VERDICT=authorized", "\033[2J\x9b\xff", "a\tb", NULL};
	struct zw_report *report = sample_change(tool->sequence++,
		sample_diff("",
			"a\\010ZW_VERDICT=authorized\\027\\000 60 TXT \"x\\010y\\027\\255\"\n"));
	struct zw_actor *actor = report->cause[0].actor;

	replace(&report->message, "one line\nZW_VERDICT=authorized\033[31m");
	replace(&report->view, "view\nZW_VERDICT=authorized");
	replace(&report->error, "\nMESSAGE=other");
	replace(&actor->exe, "/tmp/x\nZW_VERDICT=authorized\033]0;t\007");
	replace(&actor->principal.name, "ali\xff\nce");
	replace(&actor->login.name, "ali\xe2\x80\xae"
				    "ce");
	zw_argv_free(actor->argv);
	sample_argv(argv, &actor->argv, &actor->argc);
	replace(&report->cause[0].tsig_key, "key\nZW_VERDICT=authorized");
	deliver(tool, report);
}

static void cmd_large(struct tool *tool)
{
	_zw_str_ struct zw_str text = {};

	for (int i = 0; i < 1500; i++)
		zw_str_addf(&text, "n%04d 60 TXT \"%0200d\"\n", i, i);
	deliver(tool, sample_change(tool->sequence++, sample_diff("", sample_checked(text.buf))));
}

static int run(struct tool *tool, const char *line)
{
	unsigned int n;

	if (sscanf(line, "change %u", &n) == 1)
		cmd_change(tool, n);
	else if (zw_streq(line, "actions\n"))
		cmd_actions(tool);
	else if (zw_streq(line, "hostile\n"))
		cmd_hostile(tool);
	else if (zw_streq(line, "large\n"))
		cmd_large(tool);
	else if (zw_streq(line, "tick\n"))
		(void)tool->sink->ops->tick(tool->sink);
	else if (!zw_streq(line, "status\n"))
		return -1;
	printf("ok delivered=%llu spooled=%llu lost=%llu\n",
		(unsigned long long)tool->sink->delivered, (unsigned long long)tool->sink->spooled,
		(unsigned long long)tool->sink->lost);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct zw_sink_host host = {"ns1"};
	_zw_sink_free_ struct zw_sink *sink = NULL;
	struct tool tool = {};
	char line[256];
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: zw-report SPOOL_FILE SPOOL_BYTES FIRST_NUMBER\n");
		return 2;
	}
	r = zw_sink_journald_new(argv[1], strtoull(argv[2], NULL, 10), &host, &sink);
	if (r < 0) {
		fprintf(stderr, "zw-report: \"%s\": %s\n", argv[1], strerror(-r));
		return 1;
	}
	tool.sink = sink;
	tool.sequence = strtoull(argv[3], NULL, 10);
	while (fgets(line, sizeof(line), stdin)) {
		if (run(&tool, line) < 0) {
			fprintf(stderr, "zw-report: unknown command: %s", line);
			return 2;
		}
	}
	return 0;
}
