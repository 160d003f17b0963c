/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody vouches for a change. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/note_cmd.h"
#include "cli/status.h"

static const char usage[] =
	"usage: zonewitness ack ID... [--by NAME] [--ticket TEXT] [--reason TEXT] [OPTIONS]\n"
	"\n"
	"Confirms events, such as changes that nobody was entitled to by the configuration. The event and its\n"
	"judgement stay as they are; who ran this, from which session, is recorded with it. The beginning of\n"
	"an ID is enough.\n"
	"\n"
	"  --by NAME      whose word it is (default: whoever runs this)\n"
	"  --ticket TEXT  the ticket it belongs to\n"
	"  --reason TEXT  why; this or a ticket is needed\n"
	"  --socket PATH  of the agent (default " ZW_STATUS_SOCKET ")\n"
	"  --db FILE      the history to write to, without asking an agent\n"
	"  --config FILE  where that is looked up when no agent runs\n"
	"  --json         one JSON object\n"
	"  -h, --help     this text\n";

enum {
	OPT_BY = 256,
	OPT_TICKET,
	OPT_REASON,
	OPT_SOCKET,
};

static const struct option long_options[] = {
	{"by", required_argument, NULL, OPT_BY},
	{"ticket", required_argument, NULL, OPT_TICKET},
	{"reason", required_argument, NULL, OPT_REASON},
	{"socket", required_argument, NULL, OPT_SOCKET},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

static int set(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

static void print(const json_t *answer)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "acknowledged"), i, item) {
		const char *zone = json_string_value(json_object_get(item, "zone"));

		printf("acknowledged %s%s%s\n", json_string_value(json_object_get(item, "id")),
			zone ? " of " : "", zone ? zone : "");
	}
}

static int ack(struct zw_note_cmd *cmd, struct zw_note *note)
{
	json_t *answer = NULL;
	int r = zw_note_send(cmd, note, &answer);

	if (r < 0)
		return ZW_EXIT_FAILED;
	if (cmd->common.json)
		r = zw_note_print_json(answer);
	else
		print(answer);
	json_decref(answer);
	return zw_history_flush(r < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK);
}

/* Exit code, or -1 to go on. */
static int parse(int argc, char **argv, struct zw_note_cmd *cmd, struct zw_note *note)
{
	int c, code, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		code = zw_history_option(&cmd->common, c, optarg);
		if (code > 0)
			return code;
		if (code < 0)
			continue;
		switch (c) {
		case OPT_BY:
			r = set(&note->by, optarg);
			break;
		case OPT_TICKET:
			r = set(&note->ticket, optarg);
			break;
		case OPT_REASON:
			r = set(&note->reason, optarg);
			break;
		case OPT_SOCKET:
			cmd->socket = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness ack --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	for (; r == 0 && optind < argc; optind++) {
		char *id = strdup(argv[optind]);

		r = id ? zw_vec_push(&note->ids, id) : -ENOMEM;
		if (r < 0)
			free(id);
	}
	if (r < 0)
		zw_error("out of memory");
	return r < 0 ? ZW_EXIT_FAILED : -1;
}

int zw_cmd_ack(int argc, char **argv)
{
	struct zw_note_cmd cmd = {.socket = ZW_STATUS_SOCKET};
	_zw_note_ struct zw_note note = {.kind = ZW_NOTE_ACKNOWLEDGE};
	int code = parse(argc, argv, &cmd, &note);

	if (code >= 0)
		return code;
	if (!note.ids.len) {
		zw_error("which event? 'zonewitness log' has the IDs");
		return ZW_EXIT_USAGE;
	}
	return ack(&cmd, &note);
}
