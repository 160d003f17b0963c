/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/agent.h"
#include "cli/commands.h"

static const char usage[] =
	"usage: zonewitness watch [OPTIONS]\n"
	"\n"
	"Discovers servers and zones and prints changes live. Needs no configuration and stores nothing.\n"
	"\n"
	"  --zone NAME=FILE  watch this file as zone NAME; repeatable. Servers are not looked for then,\n"
	"                    unless --discover is given too\n"
	"  --discover        look for servers besides the zones given\n"
	"  --json            one JSON object per line\n"
	"  --for TIME        end after this time: 30s, 5m, 2h\n"
	"  --db FILE         keep changes and the states of zones in FILE: what changed between two runs is found\n"
	"  --config FILE     take policy and timing from this configuration\n"
	"  --socket PATH     where it answers 'zonewitness status --socket PATH'; without it, nowhere\n"
	"  --no-color        no colours, as without a terminal or with NO_COLOR set\n"
	"  -h, --help        this text\n";

struct watch_options {
	struct zw_agent_options agent;
	const char *config, *db;
	ZW_VEC(const char *) zones;
	bool json, no_colour, discover;
};

enum {
	OPT_ZONE = 256,
	OPT_DISCOVER,
	OPT_JSON,
	OPT_FOR,
	OPT_DB,
	OPT_CONFIG,
	OPT_SOCKET,
	OPT_NO_COLOR,
};

static const struct option long_options[] = {
	{"zone", required_argument, NULL, OPT_ZONE},
	{"discover", no_argument, NULL, OPT_DISCOVER},
	{"json", no_argument, NULL, OPT_JSON},
	{"for", required_argument, NULL, OPT_FOR},
	{"db", required_argument, NULL, OPT_DB},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"no-color", no_argument, NULL, OPT_NO_COLOR},
	{"help", no_argument, NULL, 'h'},
	{},
};

static bool is_zone_spec(const char *spec)
{
	const char *eq = strchr(spec, '=');

	return eq && eq > spec && eq[1];
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct watch_options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		switch (c) {
		case OPT_ZONE:
			if (!is_zone_spec(optarg)) {
				zw_error("--zone '%s' is not NAME=FILE", optarg);
				return ZW_EXIT_USAGE;
			}
			if (zw_vec_push(&o->zones, (const char *)optarg) < 0)
				return ZW_EXIT_FAILED;
			break;
		case OPT_DISCOVER:
			o->discover = true;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_FOR:
			if (zw_parse_duration(optarg, &o->agent.for_ns) < 0 || !o->agent.for_ns) {
				zw_error("--for '%s' is no time; write 30s, 5m or 2h", optarg);
				return ZW_EXIT_USAGE;
			}
			break;
		case OPT_DB:
			o->db = optarg;
			break;
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_SOCKET:
			o->agent.status_socket = optarg;
			break;
		case OPT_NO_COLOR:
			o->no_colour = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness watch --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'; zones are given as --zone NAME=FILE",
			argv[optind]);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

/* "NAME=FILE" becomes a configured zone; the file is made absolute without resolving links. */
static int add_zone(struct zw_conf *conf, const char *spec)
{
	const char *eq = strchr(spec, '=');
	struct zw_conf_zone *grown, z = {};
	char cwd[PATH_MAX];

	if (eq[1] != '/' && !getcwd(cwd, sizeof(cwd)))
		return -errno;
	z.name = strndup(spec, (size_t)(eq - spec));
	z.file = eq[1] == '/' ? strdup(eq + 1) : zw_asprintf("%s/%s", cwd, eq + 1);
	grown = reallocarray(conf->zone, conf->zones + 1, sizeof(*grown));
	if (grown)
		conf->zone = grown;
	if (!grown || !z.name || !z.file) {
		free(z.name);
		free(z.file);
		return -ENOMEM;
	}
	conf->zone[conf->zones++] = z;
	return 0;
}

static int make_conf(const struct watch_options *o, struct zw_conf **ret_conf)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	int r = o->config ? zw_conf_load(o->config, &conf, &error) : zw_conf_defaults(&conf);

	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return r;
	}
	ZW_VEC_FOREACH(spec, &o->zones) {
		r = add_zone(conf, *spec);
		if (r < 0)
			return r;
	}
	if (o->db) {
		char *copy = strdup(o->db);

		if (!copy)
			return -ENOMEM;
		free(conf->history.file);
		conf->history.file = copy;
	}
	*ret_conf = ZW_TAKE(conf);
	return 0;
}

static int watch(struct watch_options *o)
{
	_zw_agent_free_ struct zw_agent *agent = NULL;
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	struct zw_sink *sink;
	bool colour = !o->no_colour && !getenv("NO_COLOR") && isatty(STDOUT_FILENO);
	int r = make_conf(o, &conf);

	if (r < 0)
		return ZW_EXIT_FAILED;
	o->agent.conf = conf;
	o->agent.discover = o->discover || conf->zones == 0;
	o->agent.history = o->agent.need_history = o->db != NULL;
	r = zw_agent_new(&o->agent, &agent, &error);
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return ZW_EXIT_FAILED;
	}
	ZW_TAKE(conf);
	r = zw_sink_stream_new(stdout, o->json, colour, zw_agent_host(agent), &sink);
	if (r == 0)
		r = zw_agent_add_sink(agent, sink);
	if (r == 0)
		r = zw_agent_run(agent);
	if (r < 0)
		zw_error("stopped: %s", strerror(-r));
	return r < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK;
}

int zw_cmd_watch(int argc, char **argv)
{
	struct watch_options o = {};
	int code = parse_options(argc, argv, &o);

	if (code < 0)
		code = watch(&o);
	zw_vec_free(&o.zones);
	return code;
}
