/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of `zonewitness log`. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/log.h"
#include "dns/name.h"
#include "dns/rr.h"

static const char usage[] =
	"usage: zonewitness log [OPTIONS] [NAME]\n"
	"\n"
	"Changes and other events of the history, newest first, one a line. All conditions given hold for what\n"
	"is shown; NAME stands for --name NAME --subtree.\n"
	"\n"
	"Which zone and records:\n"
	"  --zone NAME          events of this zone\n"
	"  --server TEXT        of this server: bind, bind:/etc/bind/named.conf\n"
	"  --view NAME          in this view\n"
	"  --name NAME          changes of records of this name\n"
	"  --subtree            and of all names below it\n"
	"  --type TYPE          of records of this type\n"
	"  --address ADDRESS    with this address, or one of a network (192.0.2.0/24), in the data before or after\n"
	"Who had a part in it, one and the same all that is given:\n"
	"  --user NAME, --uid N    user: that of the login session, else who it was before sudo, su, doas\n"
	"  --login NAME, --login-uid N  user of the login session\n"
	"  --pid N              process\n"
	"  --exe PATH           executable; a name without '/' stands for any path that ends so\n"
	"  --key NAME           TSIG key\n"
	"  --peer ADDRESS       address, or one of a network, of the request, or where the login came from\n"
	"How it came and was judged; several separated by commas:\n"
	"  --verdict, --attribution, --channel, --action WORD[,WORD]...\n"
	"  --rule NAME          with a finding of this rule\n"
	"  --unacknowledged     that nobody acknowledged yet\n"
	"When:\n"
	"  --since, --until TIME  " ZW_WHEN_FORMS "\n"
	"Output:\n"
	"  -n, --limit N        so many at most\n"
	"  -f, --follow         the last 10 (or N), oldest first, then what comes\n"
	"  --stat               totals by actor, zone and verdict\n"
	"  --check              exit code 3 when an unauthorized or unattributed change that nobody acknowledged\n"
	"                       is among what is shown\n"
	"  --journal[=PATH]     read the journal, or exported or copied journal files, instead of the history\n"
	"  --no-pager           not through $PAGER (less)\n" ZW_HISTORY_HELP
	"  -h, --help           this text\n";

enum {
	OPT_ZONE = 256,
	OPT_NAME,
	OPT_SUBTREE,
	OPT_TYPE,
	OPT_ADDRESS,
	OPT_USER,
	OPT_UID,
	OPT_LOGIN,
	OPT_LOGIN_UID,
	OPT_PID,
	OPT_EXE,
	OPT_KEY,
	OPT_PEER,
	OPT_VERDICT,
	OPT_ATTRIBUTION,
	OPT_CHANNEL,
	OPT_ACTION,
	OPT_RULE,
	OPT_UNACKNOWLEDGED,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_STAT,
	OPT_CHECK,
	OPT_JOURNAL,
	OPT_NO_PAGER,
};

static const struct option long_options[] = {
	{"zone", required_argument, NULL, OPT_ZONE},
	{"name", required_argument, NULL, OPT_NAME},
	{"subtree", no_argument, NULL, OPT_SUBTREE},
	{"type", required_argument, NULL, OPT_TYPE},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"user", required_argument, NULL, OPT_USER},
	{"uid", required_argument, NULL, OPT_UID},
	{"login", required_argument, NULL, OPT_LOGIN},
	{"login-uid", required_argument, NULL, OPT_LOGIN_UID},
	{"pid", required_argument, NULL, OPT_PID},
	{"exe", required_argument, NULL, OPT_EXE},
	{"key", required_argument, NULL, OPT_KEY},
	{"peer", required_argument, NULL, OPT_PEER},
	{"verdict", required_argument, NULL, OPT_VERDICT},
	{"attribution", required_argument, NULL, OPT_ATTRIBUTION},
	{"channel", required_argument, NULL, OPT_CHANNEL},
	{"action", required_argument, NULL, OPT_ACTION},
	{"rule", required_argument, NULL, OPT_RULE},
	{"unacknowledged", no_argument, NULL, OPT_UNACKNOWLEDGED},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"limit", required_argument, NULL, 'n'},
	{"follow", no_argument, NULL, 'f'},
	{"stat", no_argument, NULL, OPT_STAT},
	{"check", no_argument, NULL, OPT_CHECK},
	{"journal", optional_argument, NULL, OPT_JOURNAL},
	{"no-pager", no_argument, NULL, OPT_NO_PAGER},
	ZW_HISTORY_OPTIONS,
	ZW_ZONE_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

static int take_zone(struct zw_log_options *o, const char *arg)
{
	uint8_t wire[ZW_NAME_MAX];
	size_t len;

	if (zw_name_from_text(arg, wire, &len) < 0)
		return -EINVAL;
	zw_name_lower(wire, len);
	zw_name_to_text(wire, o->zone);
	o->filter.zone = o->zone;
	return 0;
}

static int take_name(struct zw_log_options *o, const char *arg)
{
	o->filter.name = o->name;
	return zw_name_from_text(arg, o->name, NULL);
}

static int take_type(struct zw_log_options *o, const char *arg)
{
	int r = zw_type_from_text(arg, &o->filter.type);

	return r == 0 && o->filter.type == 0 ? -EINVAL : r;
}

static int take_address(struct zw_log_options *o, const char *arg)
{
	o->filter.address = &o->address;
	return zw_log_range_parse(arg, &o->address);
}

static int take_peer(struct zw_log_options *o, const char *arg)
{
	o->filter.peer = &o->peer;
	return zw_log_range_parse(arg, &o->peer);
}

static int take_number(const char *arg, int64_t *ret_value)
{
	uint32_t value;
	int r = zw_parse_u32(arg, &value);

	if (r == 0)
		*ret_value = value;
	return r;
}

static int take_uid(struct zw_log_options *o, const char *arg)
{
	return take_number(arg, &o->filter.uid);
}

static int take_login_uid(struct zw_log_options *o, const char *arg)
{
	return take_number(arg, &o->filter.login_uid);
}

static int take_pid(struct zw_log_options *o, const char *arg)
{
	return take_number(arg, &o->filter.pid);
}

/* Each word of a list separated by commas as its bit. */
static int take_words(
	const char *arg, int (*bit_of)(const char *word, unsigned int *ret_bit), uint32_t *mask)
{
	_zw_free_ char *copy = strdup(arg);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, ","));) {
		unsigned int bit = 0;

		if (bit_of(word, &bit) < 0)
			return -EINVAL;
		*mask |= 1U << bit;
	}
	return 0;
}

#define DEFINE_TAKE_WORDS(what, member)                                   \
	static int what##_bit(const char *word, unsigned int *ret_bit)    \
	{                                                                 \
		enum zw_##what value;                                     \
		int r = zw_##what##_from_string(word, &value);            \
                                                                          \
		if (r == 0)                                               \
			*ret_bit = (unsigned int)value;                   \
		return r;                                                 \
	}                                                                 \
                                                                          \
	static int take_##what(struct zw_log_options *o, const char *arg) \
	{                                                                 \
		return take_words(arg, what##_bit, &o->filter.member);    \
	}

DEFINE_TAKE_WORDS(verdict, verdicts)
DEFINE_TAKE_WORDS(attribution, attributions)
DEFINE_TAKE_WORDS(channel, channels)
DEFINE_TAKE_WORDS(action, actions)

static_assert(_ZW_ACTION_MAX <= 32 && _ZW_CHANNEL_MAX <= 32, "a bit for every word");

static int take_limit(struct zw_log_options *o, const char *arg)
{
	int r = zw_parse_u64(arg, &o->limit);

	o->limited = true;
	return r == 0 && o->limit == 0 ? -EINVAL : r;
}

/* Options whose argument is understood at once, and what one is told that has no sense. */
static const struct {
	int option;
	const char *name, *expects;
	int (*take)(struct zw_log_options *o, const char *arg);
} values[] = {
	{OPT_ZONE, "--zone", "a domain name", take_zone},
	{OPT_NAME, "--name", "a domain name", take_name},
	{OPT_TYPE, "--type", "a type of records, as AAAA or TYPE65", take_type},
	{OPT_ADDRESS, "--address", "an address or a network, as 192.0.2.0/24", take_address},
	{OPT_PEER, "--peer", "an address or a network, as 192.0.2.0/24", take_peer},
	{OPT_UID, "--uid", "a number", take_uid},
	{OPT_LOGIN_UID, "--login-uid", "a number", take_login_uid},
	{OPT_PID, "--pid", "a number", take_pid},
	{OPT_VERDICT, "--verdict",
		"authorized, unauthorized, automatic, unattributed, unjudged, or several with commas",
		take_verdict},
	{OPT_ATTRIBUTION, "--attribution",
		"certain, probable, ambiguous, none, or several with commas", take_attribution},
	{OPT_CHANNEL, "--channel",
		"file, update, transfer, control, api, database, signing, unknown, or several with commas",
		take_channel},
	{OPT_ACTION, "--action",
		"an action, as record-change or update-refused, or several with commas",
		take_action},
	{'n', "-n", "a number above 0", take_limit},
};

/* -1: done; 0: it is none of them; else an exit code. */
static int take_value(struct zw_log_options *o, int c, const char *arg)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(values); i++) {
		if (values[i].option != c)
			continue;
		if (values[i].take(o, arg) == 0)
			return -1;
		zw_error("%s '%s' is not %s", values[i].name, arg, values[i].expects);
		return ZW_EXIT_USAGE;
	}
	return 0;
}

/* -1: done; else an exit code. */
static int take_other(struct zw_log_options *o, int c, const char *arg)
{
	switch (c) {
	case OPT_SUBTREE:
		o->filter.subtree = true;
		return -1;
	case OPT_USER:
		o->filter.user = arg;
		return -1;
	case OPT_LOGIN:
		o->filter.login = arg;
		return -1;
	case OPT_EXE:
		o->filter.exe = arg;
		return -1;
	case OPT_KEY:
		o->filter.tsig_key = arg;
		return -1;
	case OPT_RULE:
		o->filter.rule = arg;
		return -1;
	case OPT_UNACKNOWLEDGED:
		o->filter.unacknowledged = true;
		return -1;
	case OPT_SINCE:
		o->since = arg;
		return -1;
	case OPT_UNTIL:
		o->until = arg;
		return -1;
	case 'f':
		o->follow = true;
		return -1;
	case OPT_STAT:
		o->stat = true;
		return -1;
	case OPT_CHECK:
		o->check = true;
		return -1;
	case OPT_JOURNAL:
		o->journal = true;
		o->journal_path = arg;
		return -1;
	case OPT_NO_PAGER:
		o->no_pager = true;
		return -1;
	case 'h':
		fputs(usage, stdout);
		return ZW_EXIT_OK;
	default:
		fputs("'zonewitness log --help' lists the options\n", stderr);
		return ZW_EXIT_USAGE;
	}
}

/* With --utc known. */
static int take_time(const struct zw_log_options *o, const char *name, const char *arg,
	uint64_t now_ns, uint64_t *ret_ns)
{
	int r = arg ? zw_parse_when(arg, now_ns, o->common.utc, ret_ns) : 0;

	if (r < 0)
		zw_error("%s '%s' is no time%s; write " ZW_WHEN_FORMS, name, arg,
			r == -ERANGE ? " there is" : "");
	return r;
}

/* What only makes sense together. */
static int finish(struct zw_log_options *o, int argc, char **argv)
{
	uint64_t now_ns = zw_realtime_ns();

	if (take_time(o, "--since", o->since, now_ns, &o->filter.since_ns) < 0 ||
		take_time(o, "--until", o->until, now_ns, &o->filter.until_ns) < 0)
		return ZW_EXIT_USAGE;
	if (optind < argc) {
		if (optind + 1 < argc || o->filter.name || take_name(o, argv[optind]) < 0) {
			zw_error("'%s' is not the one domain name that log takes",
				argv[optind + (optind + 1 < argc)]);
			return ZW_EXIT_USAGE;
		}
		o->filter.subtree = true;
	}
	if (o->filter.subtree && !o->filter.name) {
		zw_error("--subtree belongs to --name");
		return ZW_EXIT_USAGE;
	}
	if (o->follow && (o->stat || o->check || o->journal)) {
		zw_error("--follow does not go with --stat, --check or --journal");
		return ZW_EXIT_USAGE;
	}
	o->filter.server = o->common.server;
	o->filter.view = o->common.view;
	return -1;
}

int zw_log_parse(int argc, char **argv, struct zw_log_options *o)
{
	int c, code;

	while ((c = getopt_long(argc, argv, "hfn:", long_options, NULL)) >= 0) {
		code = zw_history_option(&o->common, c, optarg);
		if (code == 0)
			code = take_value(o, c, optarg);
		if (code == 0)
			code = take_other(o, c, optarg);
		if (code >= 0)
			return code;
	}
	return finish(o, argc, argv);
}
