/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live traffic: of the running agent, or counted here when none runs. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/status.h"
#include "cli/top.h"

static const char usage[] =
	"usage: zonewitness top [OPTIONS]\n"
	"\n"
	"Live DNS traffic of the servers here: sources, names, zones, rcodes, types, with their rates. Asks the\n"
	"running agent; when none runs, counts by itself and stores nothing. h lists the keys.\n"
	"\n"
	"  --by KIND      begin with source, name, zone, rcode or type (default source; --batch: all)\n"
	"  --sort COLUMN  rate, queries, nxdomain, servfail, refused, bytes or key (default rate)\n"
	"  --filter TEXT  only keys with TEXT in them\n"
	"  --batch        one plain table instead of the live view, as without a terminal\n"
	"  -n, --limit N  rows of a table with --batch (default 10)\n"
	"  --for TIME     end after this time: 30s, 5m; with --batch count for so long first (default 2s)\n"
	"  --interval TIME  between two looks (default 1s)\n"
	"  --socket PATH  where the agent answers (default " ZW_STATUS_SOCKET ")\n"
	"  -h, --help     this text\n";

#define BATCH_NS (2 * ZW_NSEC_PER_SEC)
#define INTERVAL_MIN_NS (100 * ZW_NSEC_PER_MSEC)
#define INTERVAL_MAX_NS (3600 * ZW_NSEC_PER_SEC)

enum {
	OPT_BY = 256,
	OPT_SORT,
	OPT_FILTER,
	OPT_BATCH,
	OPT_FOR,
	OPT_INTERVAL,
	OPT_SOCKET,
};

static const struct option long_options[] = {
	{"by", required_argument, NULL, OPT_BY},
	{"sort", required_argument, NULL, OPT_SORT},
	{"filter", required_argument, NULL, OPT_FILTER},
	{"batch", no_argument, NULL, OPT_BATCH},
	{"limit", required_argument, NULL, 'n'},
	{"for", required_argument, NULL, OPT_FOR},
	{"interval", required_argument, NULL, OPT_INTERVAL},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"help", no_argument, NULL, 'h'},
	{},
};

struct top_options {
	struct zw_top_view view;
	const char *socket;
	uint64_t for_ns, limit;
	bool batch, by;
};

/* -1 to go on, 0 when it is no time. */
static int take_time(int c, const char *arg, struct top_options *o)
{
	uint64_t ns;

	if (zw_parse_duration(arg, &ns) < 0 || !ns)
		return 0;
	if (c == OPT_FOR) {
		o->for_ns = ns;
		return -1;
	}
	if (ns < INTERVAL_MIN_NS || ns > INTERVAL_MAX_NS)
		return 0;
	o->view.interval_ns = ns;
	return -1;
}

/* -1 to go on, 0 when @arg is not what the option takes. */
static int take_option(int c, const char *arg, struct top_options *o)
{
	switch (c) {
	case OPT_BY:
		o->by = true;
		return zw_traffic_by_from_string(arg, &o->view.by) == 0 ? -1 : 0;
	case OPT_SORT:
		return zw_top_sort_from_string(arg, &o->view.sort) == 0 ? -1 : 0;
	case OPT_FILTER:
		if (strlen(arg) >= sizeof(o->view.filter))
			return 0;
		strcpy(o->view.filter, arg);
		return -1;
	case OPT_BATCH:
		o->batch = true;
		return -1;
	case 'n':
		return zw_parse_u64(arg, &o->limit) == 0 && o->limit ? -1 : 0;
	case OPT_SOCKET:
		o->socket = arg;
		return -1;
	default:
		return take_time(c, arg, o);
	}
}

static void print_batch(const struct top_options *o, struct zw_top_model *model)
{
	_zw_str_ struct zw_str s = {};

	zw_top_model_arrange(model, o->view.sort, o->view.filter);
	zw_top_head(&s, model, false);
	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX; by++) {
		if (o->by && by != o->view.by)
			continue;
		zw_str_add_char(&s, '\n');
		zw_top_table(&s, model, by, o->limit);
	}
	if (s.buf)
		fputs(s.buf, stdout);
}

static int batch(const struct top_options *o, struct zw_top_source *source)
{
	_zw_top_model_ struct zw_top_model model = {};
	uint64_t ns = o->for_ns ? o->for_ns : BATCH_NS;
	struct timespec left = {
		.tv_sec = (time_t)(ns / ZW_NSEC_PER_SEC), .tv_nsec = (long)(ns % ZW_NSEC_PER_SEC)};
	json_t *traffic = NULL;
	int r = 0;

	/* An agent of our own begins to count when it answers for the first time. */
	if (source->child)
		r = zw_top_source_read(source, true, &traffic);
	json_decref(traffic);
	traffic = NULL;
	if (r == 0 && (source->child || o->for_ns))
		nanosleep(&left, NULL);
	if (r == 0)
		r = zw_top_source_read(source, true, &traffic);
	if (r < 0)
		return ZW_EXIT_FAILED;
	r = zw_top_model_take(traffic, &model);
	json_decref(traffic);
	if (r < 0) {
		zw_status_log_failure(source->socket, r);
		return ZW_EXIT_FAILED;
	}
	print_batch(o, &model);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ZW_EXIT_OK;
	zw_error("cannot write to standard output: %s", strerror(errno));
	return ZW_EXIT_FAILED;
}

static int top(struct top_options *o)
{
	_zw_top_source_ struct zw_top_source source = {};
	bool live = !o->batch && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);

	if (zw_top_source_open(o->socket, &source) < 0)
		return ZW_EXIT_FAILED;
	if (!live)
		return batch(o, &source);
	if (o->for_ns)
		o->view.until_ns = zw_boottime_ns() + o->for_ns;
	return zw_top_screen(&source, &o->view);
}

int zw_cmd_top(int argc, char **argv)
{
	struct top_options o = {
		.socket = ZW_STATUS_SOCKET, .limit = 10, .view.interval_ns = ZW_NSEC_PER_SEC};
	int c;

	while ((c = getopt_long(argc, argv, "hn:", long_options, NULL)) >= 0) {
		if (c == 'h') {
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		}
		if (c != '?' && take_option(c, optarg, &o) < 0)
			continue;
		if (c != '?')
			zw_error("'%s' is not what this option takes", optarg);
		fputs("'zonewitness top --help' lists the options\n", stderr);
		return ZW_EXIT_USAGE;
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	return top(&o);
}
