/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the running agent says about itself; without one, which hooks there would be. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/status.h"
#include "cli/status_text.h"

/* An agent that starts reads all its zones before it answers. */
#define ANSWER_SECONDS 10
/* As good as any for the proof of the hooks: the agent uses the directory of the first zone. */
#define SCRATCH_DIR "/var/tmp"

static const char usage[] =
	"usage: zonewitness status [OPTIONS]\n"
	"\n"
	"What the running agent watches, by which hooks, and what it counted. When no agent runs, the hooks\n"
	"are loaded for a moment to say which of them work here.\n"
	"\n"
	"  --socket PATH  where the agent answers (default " ZW_STATUS_SOCKET ")\n"
	"  --zones        list the zones even when there are many\n"
	"  --json         one JSON object: \"agent\" (null when none runs) and \"hooks\"\n"
	"  -h, --help     this text\n";

enum {
	OPT_SOCKET = 256,
	OPT_ZONES,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"zones", no_argument, NULL, OPT_ZONES},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{},
};

struct status_options {
	const char *socket;
	bool zones, json;
};

/* The agent's object. -ENOENT: no agent runs; -ETIMEDOUT: it does not answer; -EBADMSG: with something else. */
static int ask_agent(const char *path, json_t **ret_agent)
{
	_zw_close_ int fd = -1;
	json_t *agent = NULL;
	int r = zw_status_connect(path, ANSWER_SECONDS, false, &fd);

	if (r == 0)
		r = zw_status_read(ZW_TAKE_FD(fd), &agent);
	if (r == 0 && !json_is_object(json_object_get(agent, "hooks")))
		r = -EBADMSG;
	if (r == 0)
		*ret_agent = agent;
	else
		json_decref(agent);
	return r;
}

static int try_hooks(const char *socket_path, json_t **ret_hooks)
{
	struct zw_probe_options options = {.scratch = SCRATCH_DIR, .max_watches = 1024};
	_zw_probe_close_ struct zw_probe *probe = NULL;
	_zw_str_ struct zw_str error = {};
	int r = zw_probe_open(&options, &probe, &error);

	if (r < 0) {
		zw_error("no agent answers at '%s', and the hooks cannot be tried: %s", socket_path,
			error.buf ? error.buf : strerror(-r));
		return r;
	}
	*ret_hooks = zw_status_hooks(probe);
	return *ret_hooks ? 0 : -ENOMEM;
}

static int print_text(const struct status_options *o, const json_t *agent, const json_t *hooks)
{
	_zw_str_ struct zw_str s = {};
	_zw_free_ char *text = NULL;
	int r;

	if (agent) {
		zw_status_agent_text(&s, agent, o->zones);
		zw_str_add_char(&s, '\n');
	} else {
		zw_str_add(&s, "no agent runs (nobody answers at '");
		zw_str_add_escaped(&s, o->socket, strlen(o->socket));
		zw_str_add(&s, "'); one would have these hooks:\n\n");
	}
	zw_status_hooks_text(&s, hooks);
	r = zw_str_done(&s, &text);
	if (r == 0)
		fputs(text, stdout);
	return r;
}

static int print_json(json_t *agent, json_t *hooks)
{
	json_t *root = json_pack("{s:O?, s:O}", "agent", agent, "hooks", hooks);
	int r = root && json_dumpf(root, stdout, JSON_COMPACT) == 0 ? 0 : -ENOMEM;

	json_decref(root);
	if (r == 0)
		putchar('\n');
	return r;
}

static int status(const struct status_options *o)
{
	json_t *agent = NULL, *hooks = NULL;
	int r = ask_agent(o->socket, &agent);

	if (r == -ENOENT) {
		r = try_hooks(o->socket, &hooks);
		if (r < 0)
			return ZW_EXIT_FAILED;
	} else if (r < 0) {
		zw_status_log_failure(o->socket, r);
		return ZW_EXIT_FAILED;
	} else {
		/* In one place, whoever had them. */
		hooks = json_incref(json_object_get(agent, "hooks"));
		json_object_del(agent, "hooks");
	}
	r = o->json ? print_json(agent, hooks) : print_text(o, agent, hooks);
	json_decref(agent);
	json_decref(hooks);
	if (r < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ZW_EXIT_OK;
	zw_error("cannot write to standard output: %s", strerror(errno));
	return ZW_EXIT_FAILED;
}

int zw_cmd_status(int argc, char **argv)
{
	struct status_options o = {.socket = ZW_STATUS_SOCKET};
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		switch (c) {
		case OPT_SOCKET:
			o.socket = optarg;
			break;
		case OPT_ZONES:
			o.zones = true;
			break;
		case OPT_JSON:
			o.json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness status --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	return status(&o);
}
