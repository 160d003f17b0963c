/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody announces a change. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/note_cmd.h"
#include "cli/status.h"

static const char usage[] =
	"usage: zonewitness expect --user NAME|--key NAME --zone NAME --ticket TEXT\n"
	"                          [--from WHEN] --until WHEN|--for DURATION [OPTIONS]\n"
	"       zonewitness expect --list [--all] [OPTIONS]\n"
	"       zonewitness expect --cancel NUMBER [OPTIONS]\n"
	"\n"
	"Announces that one user, or whoever has one key, will change one zone. What they then do within that\n"
	"time is judged 'authorized' with the ticket as the reason, whatever the configuration says of them.\n"
	"\n"
	"  --user NAME    login user, or a numeric uid\n"
	"  --key NAME     TSIG key\n"
	"  --zone NAME    this zone alone\n"
	"  --from WHEN    not before (default: now)\n"
	"  --until WHEN   not after: " ZW_WHEN_FORMS "\n"
	"  --for DURATION the same, from the beginning on: 2h, 30m\n"
	"  --ticket TEXT  the ticket it belongs to\n"
	"  --list         what is expected; with --all also what is over\n"
	"  --cancel NUMBER  it is no longer expected\n"
	"  --socket PATH  of the agent (default " ZW_STATUS_SOCKET ")\n"
	"  --db FILE      the history to write to, without asking an agent\n"
	"  --config FILE  where that is looked up when no agent runs\n"
	"  --utc          times in UTC instead of local time\n"
	"  --json         one JSON object\n"
	"  -h, --help     this text\n";

enum {
	OPT_USER = 256,
	OPT_KEY,
	OPT_ZONE,
	OPT_FROM,
	OPT_UNTIL,
	OPT_FOR,
	OPT_TICKET,
	OPT_LIST,
	OPT_ALL,
	OPT_CANCEL,
	OPT_SOCKET,
};

static const struct option long_options[] = {
	{"user", required_argument, NULL, OPT_USER},
	{"key", required_argument, NULL, OPT_KEY},
	{"zone", required_argument, NULL, OPT_ZONE},
	{"from", required_argument, NULL, OPT_FROM},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"for", required_argument, NULL, OPT_FOR},
	{"ticket", required_argument, NULL, OPT_TICKET},
	{"list", no_argument, NULL, OPT_LIST},
	{"all", no_argument, NULL, OPT_ALL},
	{"cancel", required_argument, NULL, OPT_CANCEL},
	{"socket", required_argument, NULL, OPT_SOCKET},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

struct expect_options {
	struct zw_note_cmd cmd;
	struct zw_note note;
	const char *from, *until, *duration, *cancel;
	bool list;
};

static int set(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

/* Exit code, or -1 to go on; *@r is what taking a value failed with. */
static int take_option(struct expect_options *o, int c, int *r)
{
	struct zw_expectation *e = &o->note.expectation;

	switch (c) {
	case OPT_USER:
		*r = set(&e->user, optarg);
		break;
	case OPT_KEY:
		*r = set(&e->tsig_key, optarg);
		break;
	case OPT_ZONE:
		*r = set(&e->zone, optarg);
		break;
	case OPT_FROM:
		o->from = optarg;
		break;
	case OPT_UNTIL:
		o->until = optarg;
		break;
	case OPT_FOR:
		o->duration = optarg;
		break;
	case OPT_TICKET:
		*r = set(&o->note.ticket, optarg);
		break;
	case OPT_LIST:
		o->list = true;
		break;
	case OPT_ALL:
		o->note.all = true;
		break;
	case OPT_CANCEL:
		o->cancel = optarg;
		break;
	case OPT_SOCKET:
		o->cmd.socket = optarg;
		break;
	case 'h':
		fputs(usage, stdout);
		return ZW_EXIT_OK;
	default:
		fputs("'zonewitness expect --help' lists the options\n", stderr);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

static int parse(int argc, char **argv, struct expect_options *o)
{
	int c, code, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		code = zw_history_option(&o->cmd.common, c, optarg);
		if (code > 0)
			return code;
		if (code < 0)
			continue;
		code = take_option(o, c, &r);
		if (code >= 0)
			return code;
	}
	if (r < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

static int parse_time(
	const struct expect_options *o, const char *option, const char *text, uint64_t *ret_ns)
{
	if (zw_parse_when(text, zw_realtime_ns(), o->cmd.common.utc, ret_ns) == 0)
		return -1;
	zw_error("%s '%s' is no point in time; there are " ZW_WHEN_FORMS, option, text);
	return ZW_EXIT_USAGE;
}

static int parse_window(struct expect_options *o)
{
	struct zw_expectation *e = &o->note.expectation;
	uint64_t duration;
	int code = -1;

	if (o->until && o->duration) {
		zw_error("either --until or --for");
		return ZW_EXIT_USAGE;
	}
	if (o->from)
		code = parse_time(o, "--from", o->from, &e->from_ns);
	if (code < 0 && o->until)
		code = parse_time(o, "--until", o->until, &e->until_ns);
	if (code >= 0 || !o->duration)
		return code;
	if (zw_parse_duration(o->duration, &duration) < 0) {
		zw_error("--for '%s' is no duration, such as 30m, 2h, 1d", o->duration);
		return ZW_EXIT_USAGE;
	}
	e->until_ns = (e->from_ns ? e->from_ns : zw_realtime_ns()) + duration;
	return -1;
}

/* Which of the three it is. Exit code, or -1 to go on. */
static int choose(struct expect_options *o)
{
	const struct zw_expectation *e = &o->note.expectation;
	bool announces = e->user || e->tsig_key || e->zone || o->note.ticket || o->from ||
			 o->until || o->duration;

	if (o->list + (o->cancel != NULL) + announces != 1) {
		zw_error(announces || o->list || o->cancel
				 ? "either announce a change, or --list, or --cancel"
				 : "which change is expected? 'zonewitness expect --help'");
		return ZW_EXIT_USAGE;
	}
	if (announces) {
		o->note.kind = ZW_NOTE_EXPECT;
		return parse_window(o);
	}
	o->note.kind = o->list ? ZW_NOTE_LIST : ZW_NOTE_WITHDRAW;
	if (o->cancel && zw_parse_u64(o->cancel, &o->note.expectation.id) < 0) {
		zw_error("--cancel '%s' is no number; 'zonewitness expect --list' has them",
			o->cancel);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The agent's times are exact and in UTC. */
static const char *time_of(const struct expect_options *o, const json_t *object, const char *key,
	char buf[static ZW_HISTORY_TIME_MAX])
{
	uint64_t ns;

	if (zw_parse_when(text_of(object, key), 0, true, &ns) < 0)
		return text_of(object, key);
	return zw_history_time(&o->cmd.common, ns, buf);
}

static void print_one(const struct expect_options *o, const json_t *e)
{
	char from[ZW_HISTORY_TIME_MAX], until[ZW_HISTORY_TIME_MAX];
	bool user = json_is_string(json_object_get(e, "user"));

	printf("%" JSON_INTEGER_FORMAT
	       "  %s  %s %s  from %s until %s  ticket %s  by %s  used %" JSON_INTEGER_FORMAT "\n",
		json_integer_value(json_object_get(e, "expectation")), text_of(e, "zone"),
		user ? "user" : "key", text_of(e, user ? "user" : "tsig_key"),
		time_of(o, e, "from", from), time_of(o, e, "until", until), text_of(e, "ticket"),
		text_of(e, "by"), json_integer_value(json_object_get(e, "used")));
}

static void print(const struct expect_options *o, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "expectations"), *item;
	size_t i;

	if (json_object_get(answer, "expected"))
		print_one(o, json_object_get(answer, "expected"));
	if (json_object_get(answer, "withdrawn"))
		printf("no longer expected: %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(json_object_get(
				json_object_get(answer, "withdrawn"), "expectation")));
	json_array_foreach(list, i, item)
		print_one(o, item);
	if (json_is_array(list) && json_array_size(list) == 0)
		puts("nothing is expected");
}

static int expect(struct expect_options *o)
{
	json_t *answer = NULL;
	int r = zw_note_send(&o->cmd, &o->note, &answer);

	if (r < 0)
		return ZW_EXIT_FAILED;
	if (o->cmd.common.json)
		r = zw_note_print_json(answer);
	else
		print(o, answer);
	json_decref(answer);
	return zw_history_flush(r < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK);
}

int zw_cmd_expect(int argc, char **argv)
{
	struct expect_options o = {.cmd.socket = ZW_STATUS_SOCKET};
	int code = parse(argc, argv, &o);

	if (code < 0)
		code = choose(&o);
	if (code < 0)
		code = expect(&o);
	zw_note_done(&o.note);
	return code;
}
