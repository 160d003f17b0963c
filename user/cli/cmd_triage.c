/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions of an incident, answered for a period, with what is to be done next. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/log_journal.h"
#include "cli/status.h"
#include "cli/triage.h"
#include "conf/conf.h"
#include "dns/name.h"
#include "engine/triage_nft.h"

#define PERIOD_NS (24 * 3600 * ZW_NSEC_PER_SEC)
#define ANSWER_SECONDS 5

static const char usage[] =
	"usage: zonewitness triage [OPTIONS]\n"
	"\n"
	"Answers for a period: were records altered without authority, is there an unusual spike in the\n"
	"traffic, do new records lead to unknown addresses, do security feeds flag any of it; each with the\n"
	"events that show it, and 'unknown' where something was not watched. Then whether to escalate and why,\n"
	"whom to ask, what to examine, and what undoes and blocks it, as commands to be read and pasted.\n"
	"Nothing is changed.\n"
	"\n"
	"  --since, --until TIME  " ZW_WHEN_FORMS "\n"
	"                         (default: the last 24 hours)\n"
	"  --zone NAME            events of this zone, and those of none\n"
	"  --journal[=PATH]       read the journal, or exported or copied journal files, instead of the history\n"
	"  --markdown             for a ticket\n"
	"  --nft                  nothing but the addresses to block, for nft -f\n"
	"  --socket PATH          where the agent answers (default " ZW_STATUS_SOCKET
	")\n" ZW_HISTORY_HELP "  -h, --help             this text\n"
	"\n"
	"Exit code 3 when escalation is due.\n";

enum {
	OPT_SINCE = 256,
	OPT_UNTIL,
	OPT_ZONE,
	OPT_JOURNAL,
	OPT_MARKDOWN,
	OPT_NFT,
	OPT_SOCKET,
};

static const struct option long_options[] = {
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"zone", required_argument, NULL, OPT_ZONE},
	{"journal", optional_argument, NULL, OPT_JOURNAL},
	{"markdown", no_argument, NULL, OPT_MARKDOWN},
	{"nft", no_argument, NULL, OPT_NFT},
	{"socket", required_argument, NULL, OPT_SOCKET},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

/* Whether the agent whose history is read runs. Of a copy, and of the journal, nobody can say: what they have is taken
 * for all there is. */
static bool is_running(const struct zw_triage_options *o, uint64_t until_ns, uint64_t now_ns)
{
	_zw_close_ int fd = -1;
	int r;

	if (o->db || o->journal || until_ns < now_ns)
		return true;
	r = zw_status_connect(o->socket, ANSWER_SECONDS, false, &fd);
	return r == 0 || r == -EACCES;
}

static int print(const struct zw_triage_options *o, const struct zw_triage_view *view)
{
	_zw_str_ struct zw_str s = {};

	if (o->nft)
		zw_triage_nft(&s, view->t);
	else if (o->common.json)
		zw_triage_json(&s, view);
	else if (o->markdown)
		zw_triage_markdown(&s, view);
	else
		zw_triage_text(&s, view, zw_history_colour(&o->common));
	if (s.failed)
		return -ENOMEM;
	fwrite(s.buf, 1, s.len, stdout);
	return 0;
}

static int read_all(struct zw_triage_view *view, struct zw_reader *reader)
{
	int r = zw_reader_begin(reader);

	if (r < 0)
		return r;
	r = zw_triage_read(view, reader);
	if (r == 0)
		r = zw_triage_read_states(view, reader);
	zw_reader_end(reader);
	return r;
}

static int triage(const struct zw_triage_options *o, const struct zw_triage_input *in)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_triage_view_ struct zw_triage_view view = {.o = o};
	int code, r = zw_history_cmd_open(&o->common, &reader);

	if (r < 0)
		return ZW_EXIT_FAILED;
	view.path = o->journal ? o->journal_path ? o->journal_path : "the journal"
			       : zw_reader_path(reader);
	r = zw_triage_new(in, &view.t);
	if (r == 0)
		r = read_all(&view, reader);
	if (r == 0)
		r = print(o, &view);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the period", r);
	code = zw_history_flush(ZW_EXIT_OK);
	return code == ZW_EXIT_OK && view.t->escalate ? ZW_EXIT_FINDINGS : code;
}

/* Of the configuration as far as there is one: a copy of a history is read where the networks are not known. */
static void load_conf(const struct zw_triage_options *o, struct zw_conf **ret_conf)
{
	_zw_str_ struct zw_str error = {};

	if (!o->db || o->common.config)
		(void)zw_conf_load(o->common.config ? o->common.config : ZW_CONF_DEFAULT_PATH,
			ret_conf, &error);
}

static int take_zone(struct zw_triage_options *o)
{
	uint8_t wire[ZW_NAME_MAX];
	size_t len;

	if (!o->zone)
		return 0;
	if (zw_name_from_text(o->zone, wire, &len) < 0) {
		zw_error("--zone '%s' is no domain name", o->zone);
		return -EINVAL;
	}
	zw_name_lower(wire, len);
	zw_name_to_text(wire, o->zone_text);
	return 0;
}

static int take_time(const struct zw_triage_options *o, const char *name, const char *arg,
	uint64_t now_ns, uint64_t *ret_ns)
{
	int r = arg ? zw_parse_when(arg, now_ns, o->common.utc, ret_ns) : 0;

	if (r < 0)
		zw_error("%s '%s' is no time%s; write " ZW_WHEN_FORMS, name, arg,
			r == -ERANGE ? " there is" : "");
	return r;
}

static int take_period(const struct zw_triage_options *o, struct zw_triage_input *in)
{
	uint64_t now_ns = zw_realtime_ns();
	int r;

	in->until_ns = now_ns;
	r = take_time(o, "--until", o->until, now_ns, &in->until_ns);
	if (r < 0)
		return r;
	in->since_ns = in->until_ns > PERIOD_NS ? in->until_ns - PERIOD_NS : 0;
	r = take_time(o, "--since", o->since, now_ns, &in->since_ns);
	if (r == 0 && in->since_ns >= in->until_ns) {
		zw_error("the period ends before it begins");
		r = -EINVAL;
	}
	in->running = is_running(o, in->until_ns, now_ns);
	return r;
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct zw_triage_options *o)
{
	int c, code;

	while ((c = zw_history_getopt(&o->common, argc, argv, long_options, usage, &code)) >= 0) {
		if (c == OPT_SINCE)
			o->since = optarg;
		else if (c == OPT_UNTIL)
			o->until = optarg;
		else if (c == OPT_ZONE)
			o->zone = optarg;
		else if (c == OPT_MARKDOWN)
			o->markdown = true;
		else if (c == OPT_NFT)
			o->nft = true;
		else if (c == OPT_SOCKET)
			o->socket = optarg;
		else if (c == OPT_JOURNAL) {
			o->journal = true;
			o->journal_path = optarg;
		}
	}
	if (code >= 0)
		return code;
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	if (o->common.json + o->markdown + o->nft > 1) {
		zw_error("one of --json, --markdown and --nft at a time");
		return ZW_EXIT_USAGE;
	}
	o->db = o->common.db;
	return -1;
}

int zw_cmd_triage(int argc, char **argv)
{
	struct zw_triage_options o = {.socket = ZW_STATUS_SOCKET};
	_zw_log_journal_ struct zw_log_journal journal = {};
	_zw_conf_free_ struct zw_conf *conf = NULL;
	struct zw_triage_input in = {};
	struct zw_rules_conf rules;
	int code = parse_options(argc, argv, &o);

	if (code >= 0)
		return code;
	if (take_zone(&o) < 0 || take_period(&o, &in) < 0)
		return ZW_EXIT_USAGE;
	load_conf(&o, &conf);
	zw_rules_conf_init(&rules);
	zw_triage_take_limits(&in, conf ? &conf->rules : &rules);
	in.one_zone = o.zone != NULL;
	if (conf) {
		in.network = conf->familiar;
		in.networks = conf->familiars;
	}
	if (o.journal) {
		if (zw_log_journal_load(o.journal_path, &journal) < 0)
			return ZW_EXIT_FAILED;
		o.common.db = journal.path;
	}
	return triage(&o, &in);
}
