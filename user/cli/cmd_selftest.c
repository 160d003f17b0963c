/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/selftest.h"
#include "cli/status.h"
#include "cli/status_text.h"
#include "event/event.h"

static const char usage[] =
	"usage: zonewitness selftest [OPTIONS]\n"
	"\n"
	"Writes to a scratch zone in every way it knows and prints which hooks saw each one. Touches nothing\n"
	"else. Ends with 0 when the process that wrote was named for every way that is possible here.\n"
	"\n"
	"  --dir DIR   directory for the scratch zone (default /var/tmp); what works may depend on its file\n"
	"              system, so take one where the zones are\n"
	"  --way NAME  only this way; repeatable\n"
	"  --list      print the ways and what they do\n"
	"  --json      one JSON object a line: one for each way, one for the whole\n"
	"  -h, --help  this text\n";

enum {
	OPT_DIR = 256,
	OPT_WAY,
	OPT_LIST,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"dir", required_argument, NULL, OPT_DIR},
	{"way", required_argument, NULL, OPT_WAY},
	{"list", no_argument, NULL, OPT_LIST},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{},
};

struct options {
	const char *dir;
	ZW_VEC(const struct zw_way *) ways;
	bool json;
};

static int list_ways(void)
{
	size_t n;
	const struct zw_way *ways = zw_ways(&n);

	for (size_t i = 0; i < n; i++)
		printf("%-19s %s\n", ways[i].name, ways[i].what);
	return ZW_EXIT_OK;
}

/* The names of the hooks that saw the writer, or of those that saw somebody else. */
static json_t *hook_names(const struct zw_selftest_result *result, bool writer)
{
	json_t *names = json_array();

	ZW_VEC_FOREACH(s, &result->sights)
		if ((s->pid == (uint32_t)result->pid) == writer)
			json_array_append_new(names, json_string(zw_hook_to_string(s->hook)));
	return names;
}

static int print_text(const struct zw_selftest_result *result)
{
	_zw_str_ struct zw_str s = {};
	_zw_free_ char *text = NULL;
	json_t *names;
	int r;

	zw_str_addf(&s, "%-19s %-14s ", result->way->name,
		zw_selftest_outcome_to_string(result->outcome));
	if (result->reason[0]) {
		zw_str_add_escaped(&s, result->reason, strlen(result->reason));
		zw_str_add_char(&s, '\n');
	} else if (result->outcome == ZW_SELFTEST_MISSED) {
		zw_str_addf(&s, "no hook saw process %d\n", (int)result->pid);
	} else {
		if (result->outcome == ZW_SELFTEST_WRONG)
			zw_str_addf(&s, "process %u instead of %d: ", result->sights.items[0].pid,
				(int)result->pid);
		names = hook_names(result, result->outcome == ZW_SELFTEST_SEEN);
		zw_status_list_text(&s, names, 35);
		json_decref(names);
	}
	r = zw_str_done(&s, &text);
	if (r == 0)
		fputs(text, stdout);
	return r;
}

static json_t *sights(const struct zw_selftest_result *result)
{
	json_t *list = json_array();

	ZW_VEC_FOREACH(s, &result->sights)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:b, s:i}", "hook", zw_hook_to_string(s->hook),
				"operation", zw_fop_to_string(s->op), "pid", (int)s->pid, "writer",
				s->pid == (uint32_t)result->pid, "count", (int)s->count));
	return list;
}

static int print_object(json_t *object)
{
	int r = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 ? 0 : -ENOMEM;

	json_decref(object);
	putchar('\n');
	return r;
}

static int print_json(const struct zw_selftest_result *result)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:o, s:s*}", "way", result->way->name,
		"what", result->way->what, "result", zw_selftest_outcome_to_string(result->outcome),
		"pid", (int)result->pid, "sights", sights(result), "reason",
		result->reason[0] ? result->reason : NULL);

	if (object && result->absent)
		json_object_set_new(object, "absent", json_true());
	return print_object(object);
}

struct totals {
	unsigned int of[_ZW_SELFTEST_OUTCOME_MAX];
	bool saw[_ZW_HOOK_MAX]; /* hooks that named the right process at least once */
};

/* The names of the file hooks that are on and saw nothing of all this. */
static json_t *idle_hooks(const struct zw_probe *probe, const struct totals *totals)
{
	json_t *names = json_array();
	const struct zw_hook_status *hook;
	size_t n;

	hook = zw_probe_hooks(probe, &n);
	for (size_t i = 0; i < n; i++)
		if (hook[i].state == ZW_STATE_ON && hook[i].program->object == ZW_OBJ_FILE &&
			!totals->saw[hook[i].program->hook])
			json_array_append_new(
				names, json_string(zw_hook_to_string(hook[i].program->hook)));
	return names;
}

static int print_totals(
	const struct options *o, const struct zw_probe *probe, const struct totals *totals)
{
	const unsigned int *of = totals->of;
	_zw_str_ struct zw_str s = {};
	_zw_free_ char *text = NULL;
	json_t *idle;
	int r;

	if (o->json)
		return print_object(json_pack("{s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "seen",
			(int)of[ZW_SELFTEST_SEEN], "wrong_process", (int)of[ZW_SELFTEST_WRONG],
			"missed", (int)of[ZW_SELFTEST_MISSED], "impossible",
			(int)of[ZW_SELFTEST_IMPOSSIBLE], "failed", (int)of[ZW_SELFTEST_FAILED],
			"idle_hooks", idle_hooks(probe, totals), "hooks", zw_status_hooks(probe)));
	idle = idle_hooks(probe, totals);
	/* Of a single way, most hooks see nothing. */
	if (!o->ways.len && json_array_size(idle)) {
		zw_str_add(&s, "\nhooks that are on and saw none of it:\n  ");
		zw_status_list_text(&s, idle, 2);
	}
	json_decref(idle);
	zw_str_addf(&s,
		"\n%u seen, %u with the wrong process, %u missed, %u impossible here, %u failed\n",
		of[ZW_SELFTEST_SEEN], of[ZW_SELFTEST_WRONG], of[ZW_SELFTEST_MISSED],
		of[ZW_SELFTEST_IMPOSSIBLE], of[ZW_SELFTEST_FAILED]);
	r = zw_str_done(&s, &text);
	if (r == 0)
		fputs(text, stdout);
	return r;
}

static int test_way(const struct options *o, struct zw_probe *probe, const char *dir,
	const struct zw_way *way, int signal_fd, struct totals *totals)
{
	_zw_selftest_result_ struct zw_selftest_result result = {};
	int r = zw_selftest_way(probe, dir, way, signal_fd, &result);

	if (r < 0) {
		zw_error(r == -EINTR ? "ended by a signal at way '%s'" : "cannot do way '%s': %s",
			way->name, strerror(-r));
		return r;
	}
	totals->of[result.outcome]++;
	ZW_VEC_FOREACH(s, &result.sights)
		if (s->pid == (uint32_t)result.pid)
			totals->saw[s->hook] = true;
	return o->json ? print_json(&result) : print_text(&result);
}

static int test_ways(
	const struct options *o, struct zw_probe *probe, const char *dir, struct totals *totals)
{
	_zw_close_ int signal_fd = -1;
	const struct zw_way *ways;
	sigset_t set;
	size_t n;
	int r = 0;

	/* Whoever ends it finds nothing left behind. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return -errno;
	ways = zw_ways(&n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		bool wanted = !o->ways.len;

		ZW_VEC_FOREACH(w, &o->ways)
			wanted |= *w == &ways[i];
		if (wanted)
			r = test_way(o, probe, dir, &ways[i], signal_fd, totals);
	}
	return r;
}

static int selftest(const struct options *o)
{
	struct zw_probe_options options = {.scratch = o->dir, .max_watches = 1024};
	_zw_probe_close_ struct zw_probe *probe = NULL;
	_zw_str_ struct zw_str error = {};
	_zw_free_ char *dir = NULL;
	struct totals totals = {};
	int r = zw_probe_open(&options, &probe, &error);

	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return ZW_EXIT_FAILED;
	}
	dir = zw_asprintf("%s/zonewitness-selftest-XXXXXX", o->dir);
	if (!dir || !mkdtemp(dir)) {
		zw_error("cannot make a directory in '%s': %s", o->dir, strerror(errno));
		return ZW_EXIT_FAILED;
	}
	r = test_ways(o, probe, dir, &totals);
	if (rmdir(dir) < 0)
		zw_warning("cannot remove '%s': %s", dir, strerror(errno));
	if (r == 0)
		r = print_totals(o, probe, &totals);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		zw_error("cannot write to standard output: %s", strerror(errno));
		r = -EIO;
	}
	if (r < 0 || totals.of[ZW_SELFTEST_WRONG] || totals.of[ZW_SELFTEST_MISSED] ||
		totals.of[ZW_SELFTEST_FAILED] || !totals.of[ZW_SELFTEST_SEEN])
		return ZW_EXIT_FAILED;
	return ZW_EXIT_OK;
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	const struct zw_way *way;
	int c;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		switch (c) {
		case OPT_DIR:
			o->dir = optarg;
			break;
		case OPT_WAY:
			way = zw_way_find(optarg);
			if (!way) {
				zw_error("no way is called '%s'; --list prints them", optarg);
				return ZW_EXIT_USAGE;
			}
			if (zw_vec_push(&o->ways, way) < 0)
				return ZW_EXIT_FAILED;
			break;
		case OPT_LIST:
			return list_ways();
		case OPT_JSON:
			o->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness selftest --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		zw_error("unexpected argument '%s'; ways are given as --way NAME", argv[optind]);
		return ZW_EXIT_USAGE;
	}
	/* The ways walk the path in another process, from its root. */
	if (o->dir[0] != '/') {
		zw_error("--dir '%s' is not absolute", o->dir);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

int zw_cmd_selftest(int argc, char **argv)
{
	struct options o = {.dir = "/var/tmp"};
	int code = parse_options(argc, argv, &o);

	if (code < 0)
		code = selftest(&o);
	zw_vec_free(&o.ways);
	return code;
}
