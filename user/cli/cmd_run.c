/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/status.h"

static const char usage[] =
	"usage: zonewitness run [OPTIONS]\n"
	"\n"
	"The agent, in the foreground. SIGHUP reads the configuration again; a bad one leaves the old in\n"
	"force. SIGTERM ends it.\n"
	"\n"
	"  --config FILE  configuration (default " ZW_CONF_DEFAULT_PATH ")\n"
	"  --socket PATH  where it answers 'zonewitness status' (default " ZW_STATUS_SOCKET ")\n"
	"  --json         print events on standard output too\n"
	"  -h, --help     this text\n";

enum {
	OPT_CONFIG = 256,
	OPT_SOCKET,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{},
};

static int add_sinks(struct zw_agent *agent, bool json)
{
	struct zw_sink *sink;
	int r = zw_agent_open_sinks(agent);

	if (r < 0 || !json)
		return r;
	r = zw_sink_stream_new(stdout, true, false, zw_agent_host(agent), &sink);
	return r < 0 ? r : zw_agent_add_sink(agent, sink);
}

static int run(const char *config, const char *socket, bool json)
{
	_zw_agent_free_ struct zw_agent *agent = NULL;
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	struct zw_agent_options o = {
		.conf_path = config, .discover = true, .history = true, .status_socket = socket};
	int r = zw_conf_load(config, &conf, &error);

	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return ZW_EXIT_FAILED;
	}
	/* systemd makes it (RuntimeDirectory=); by hand it may be missing. */
	if (zw_streq(socket, ZW_STATUS_SOCKET))
		(void)mkdir("/run/zonewitness", 0755);
	o.conf = conf;
	r = zw_agent_new(&o, &agent, &error);
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return ZW_EXIT_FAILED;
	}
	ZW_TAKE(conf);
	r = add_sinks(agent, json);
	if (r == 0)
		r = zw_agent_run(agent);
	if (r < 0)
		zw_error("stopped: %s", strerror(-r));
	return r < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK;
}

int zw_cmd_run(int argc, char **argv)
{
	const char *config = ZW_CONF_DEFAULT_PATH, *socket = ZW_STATUS_SOCKET;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		switch (c) {
		case OPT_CONFIG:
			config = optarg;
			break;
		case OPT_SOCKET:
			socket = optarg;
			break;
		case OPT_JSON:
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness run --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	return run(config, socket, json);
}
