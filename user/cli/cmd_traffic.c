/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minutes of traffic, read back from the history. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/traffic_text.h"
#include "dns/name.h"

static const char usage[] =
	"usage: zonewitness traffic [OPTIONS]\n"
	"\n"
	"DNS traffic by minute as the agent stored it: all together, or who asked for what.\n"
	"\n"
	"  --since, --until TIME  " ZW_WHEN_FORMS "\n"
	"                         (default: the last hour that is stored)\n"
	"  --by KIND              sums of the whole time by source, name, zone, rcode or type\n"
	"  --zone NAME            with --by zone this zone only, else names at or below it\n"
	"  --key TEXT             minutes of one key of --by: an address, a name, a type\n"
	"  --finding ID           the minutes around a finding, with what it is about\n"
	"  --step TIME            add up minutes: 1m, 10m, 1h (default: what makes no more than 60 lines)\n"
	"  -n, --limit N          so many keys at most (default 20; 0: all)\n" ZW_HISTORY_FILE_HELP
		ZW_HISTORY_UTC_HELP ZW_HISTORY_JSON_HELP "  -h, --help             this text\n";

/* Before and after a finding begins. */
#define BEFORE_NS (10 * 60 * ZW_NSEC_PER_SEC)
#define AFTER_NS (20 * 60 * ZW_NSEC_PER_SEC)
#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
#define HOUR_NS (60 * MINUTE_NS)

enum {
	OPT_SINCE = 256,
	OPT_UNTIL,
	OPT_BY,
	OPT_ZONE,
	OPT_KEY,
	OPT_FINDING,
	OPT_STEP,
};

static const struct option long_options[] = {
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"by", required_argument, NULL, OPT_BY},
	{"zone", required_argument, NULL, OPT_ZONE},
	{"key", required_argument, NULL, OPT_KEY},
	{"finding", required_argument, NULL, OPT_FINDING},
	{"step", required_argument, NULL, OPT_STEP},
	{"limit", required_argument, NULL, 'n'},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

static int take_by(struct zw_traffic_cmd *t, const char *arg)
{
	if (zw_traffic_by_from_string(arg, &t->query.by) < 0) {
		zw_error("--by '%s' is not source, name, zone, rcode or type", arg);
		return ZW_EXIT_USAGE;
	}
	t->query.rows = true;
	return -1;
}

static int take_zone(struct zw_traffic_cmd *t, const char *arg)
{
	uint8_t wire[ZW_NAME_MAX];
	size_t len;

	if (zw_name_from_text(arg, wire, &len) < 0) {
		zw_error("--zone '%s' is no domain name", arg);
		return ZW_EXIT_USAGE;
	}
	zw_name_lower(wire, len);
	zw_name_to_text(wire, t->zone);
	return -1;
}

static int take_option(struct zw_traffic_cmd *t, int c, const char *arg)
{
	switch (c) {
	case OPT_SINCE:
		t->since = arg;
		return -1;
	case OPT_UNTIL:
		t->until = arg;
		return -1;
	case OPT_BY:
		return take_by(t, arg);
	case OPT_ZONE:
		return take_zone(t, arg);
	case OPT_KEY:
		t->query.key = arg;
		return -1;
	case OPT_FINDING:
		t->finding = arg;
		return -1;
	case OPT_STEP:
		if (zw_parse_duration(arg, &t->step_ns) == 0 && t->step_ns >= MINUTE_NS &&
			t->step_ns % MINUTE_NS == 0)
			return -1;
		zw_error("--step '%s' is no time of whole minutes; write 1m, 10m or 1h", arg);
		return ZW_EXIT_USAGE;
	default:
		if (zw_parse_u64(arg, &t->limit) == 0)
			return -1;
		zw_error("-n '%s' is no number", arg);
		return ZW_EXIT_USAGE;
	}
}

static int take_time(
	const struct zw_traffic_cmd *t, const char *name, const char *arg, uint64_t *ret_ns)
{
	int r = arg ? zw_parse_when(arg, zw_realtime_ns(), t->common.utc, ret_ns) : 0;

	if (r < 0)
		zw_error("%s '%s' is no time%s; write " ZW_WHEN_FORMS, name, arg,
			r == -ERANGE ? " there is" : "");
	return r;
}

/* What only makes sense together. Exit code, or -1 to go on. */
static int finish(struct zw_traffic_cmd *t)
{
	bool zone_only = t->query.rows && t->query.by == ZW_TRAFFIC_ZONE;

	if (take_time(t, "--since", t->since, &t->query.since_ns) < 0 ||
		take_time(t, "--until", t->until, &t->query.until_ns) < 0)
		return ZW_EXIT_USAGE;
	if (t->query.key && !t->query.rows) {
		zw_error("--key belongs to --by");
		return ZW_EXIT_USAGE;
	}
	if (t->finding && (t->query.rows || t->zone[0])) {
		zw_error(
			"--finding does not go with --by or --zone: it says itself what it is about");
		return ZW_EXIT_USAGE;
	}
	if (!t->zone[0])
		return -1;
	if (t->query.rows && t->query.by != ZW_TRAFFIC_NAME && !zone_only) {
		zw_error("--zone goes with --by name or --by zone: of others it is not known");
		return ZW_EXIT_USAGE;
	}
	if (zone_only || !t->query.rows) {
		t->query.key = t->zone;
		t->query.by = ZW_TRAFFIC_ZONE;
		t->query.rows = true;
	} else {
		t->query.below = t->zone;
	}
	return -1;
}

/* --- which minutes ------------------------------------------------------------------------------------- */

/* The last hour that there is, unless it was said. */
static int choose_time(struct zw_traffic_cmd *t, struct zw_reader *reader)
{
	uint64_t first, last;
	int r = zw_reader_traffic_span(reader, &first, &last);

	if (r == -ENOENT) {
		zw_error(
			"no traffic is stored in the history '%s'; an agent with the query lane on stores "
			"it at the end of each minute",
			zw_reader_path(reader));
		return r;
	}
	if (r < 0) {
		zw_history_cmd_failed(reader, "traffic", r);
		return r;
	}
	if (!t->query.until_ns)
		t->query.until_ns = last + MINUTE_NS;
	if (!t->since && !t->finding)
		t->query.since_ns = t->query.until_ns > HOUR_NS ? t->query.until_ns - HOUR_NS : 0;
	t->first_ns = first;
	t->last_ns = last;
	return 0;
}

/* What a finding is about: an address, a network, or a zone. */
static void choose_subject(struct zw_traffic_cmd *t, const char *subject)
{
	t->query.rows = true;
	t->query.by = ZW_TRAFFIC_ZONE;
	snprintf(t->subject, sizeof(t->subject), "%s", subject);
	if (zw_log_range_parse(subject, &t->range) == 0) {
		t->query.by = ZW_TRAFFIC_SOURCE;
		t->ranged = true;
	} else {
		t->query.key = t->subject;
	}
}

static int choose_finding(struct zw_traffic_cmd *t, struct zw_reader *reader)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	const struct zw_report_finding *f;
	uint64_t seq, begin_ns;
	int r = zw_history_cmd_find(&t->common, reader, t->finding, &seq);

	if (r < 0)
		return r;
	r = zw_reader_event(reader, seq, &event);
	if (r < 0) {
		zw_history_cmd_failed(reader, "the finding", r);
		return r;
	}
	if (event.report->findings == 0) {
		zw_error("event %s is no finding", event.report->id);
		return -EINVAL;
	}
	f = &event.report->finding[0];
	begin_ns = event.report->time_ns;
	/* The event of its end says how long it was. */
	for (size_t i = 0; i < event.report->counts; i++)
		if (zw_streq(event.report->count[i].name, "seconds"))
			begin_ns -= event.report->count[i].value * ZW_NSEC_PER_SEC;
	t->begin_ns = begin_ns - begin_ns % MINUTE_NS;
	t->query.since_ns = t->begin_ns - BEFORE_NS;
	t->query.until_ns = t->begin_ns + AFTER_NS;
	if (f->subject)
		choose_subject(t, f->subject);
	snprintf(t->reason, sizeof(t->reason), "%s", f->reason);
	return 0;
}

static int show(struct zw_traffic_cmd *t)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	int r = zw_history_cmd_open(&t->common, &reader);

	if (r < 0)
		return ZW_EXIT_FAILED;
	r = zw_reader_begin(reader);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the history", r);
	if ((t->finding && choose_finding(t, reader) < 0) || choose_time(t, reader) < 0)
		return ZW_EXIT_FAILED;
	r = zw_traffic_print(t, reader);
	zw_reader_end(reader);
	if (r < 0)
		return zw_history_cmd_failed(reader, "traffic", r);
	return zw_history_flush(ZW_EXIT_OK);
}

int zw_cmd_traffic(int argc, char **argv)
{
	struct zw_traffic_cmd t = {.limit = 20};
	int c, code = -1;

	if (zw_moment_shield(argc, argv) < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	while (code < 0 && (c = getopt_long(argc, argv, "hn:", long_options, NULL)) >= 0) {
		if (c == 'h') {
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		}
		code = c == '?' ? ZW_EXIT_USAGE : zw_history_option(&t.common, c, optarg);
		if (c == '?')
			fputs("'zonewitness traffic --help' lists the options\n", stderr);
		else if (code == 0)
			code = take_option(&t, c, optarg);
	}
	if (code >= 0)
		return code;
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	code = finish(&t);
	return code >= 0 ? code : show(&t);
}
