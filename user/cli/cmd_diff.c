/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record difference between two states of a zone: of two moments, or of two files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/diff_text.h"
#include "cli/moment.h"
#include "cli/zone_file.h"
#include "dns/name.h"

static const char usage[] =
	"usage: zonewitness diff [OPTIONS] ZONE [FROM [TO]]\n"
	"       zonewitness diff [OPTIONS] FILE FILE\n"
	"\n"
	"The record difference of a zone between two moments, of its last change when none is given, up to\n"
	"now when one is; or of two zone files: records that went with \"-\", records that came with \"+\".\n"
	"\n" ZW_MOMENT_HELP "\n"
	"  --zone NAME    the zone that the files are of, where they do not say it\n"
	"  --stat         how many RRsets and records differ, by type, instead of the records\n" ZW_ZONE_HELP
		ZW_HISTORY_HELP "  -h, --help     this text\n";

enum {
	OPT_ZONE = 256,
	OPT_STAT,
};

static const struct option long_options[] = {
	{"zone", required_argument, NULL, OPT_ZONE},
	{"stat", no_argument, NULL, OPT_STAT},
	ZW_ZONE_OPTIONS,
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

struct diff_options {
	struct zw_history_cmd common;
	const char *zone;
	bool stat;
};

static int print(const struct diff_options *o, struct zw_diff_print *p)
{
	int r;

	p->cmd = &o->common;
	if (o->common.json)
		r = zw_diff_print_json(p);
	else if (o->stat)
		r = zw_diff_print_stat(p);
	else
		r = zw_diff_print_text(p);
	if (r == 0)
		return zw_history_flush(ZW_EXIT_OK);
	zw_error("out of memory");
	return ZW_EXIT_FAILED;
}

static int load_file(const struct zw_hash_key *key, const char *path, const uint8_t *origin,
	struct zw_snapshot **ret_snapshot)
{
	_zw_str_ struct zw_str error = {};
	int r = zw_zone_file_load(key, path, origin, ret_snapshot, &error);

	if (r < 0)
		zw_error("%s", error.buf ? error.buf : strerror(-r));
	return r;
}

static int diff_files(const struct diff_options *o, const char *const path[2])
{
	_zw_snapshot_ struct zw_snapshot *from = NULL, *to = NULL;
	_zw_diff_ struct zw_diff *diff = NULL;
	uint8_t given[ZW_NAME_MAX], *origin = NULL;
	char zone[ZW_NAME_TEXT_MAX];
	struct zw_hash_key key;
	size_t len;

	if (o->zone) {
		if (zw_name_from_text(o->zone, given, &len) < 0) {
			zw_error("--zone '%s' is no domain name", o->zone);
			return ZW_EXIT_USAGE;
		}
		zw_name_lower(given, len);
		origin = given;
	}
	zw_hash_key_init(&key);
	if (load_file(&key, path[0], origin, &from) < 0 ||
		load_file(&key, path[1], origin, &to) < 0)
		return ZW_EXIT_FAILED;
	if (!zw_name_equal(zw_snapshot_origin(from), zw_snapshot_origin(to))) {
		zw_error("'%s' and '%s' are of different zones; name one with --zone", path[0],
			path[1]);
		return ZW_EXIT_FAILED;
	}
	if (zw_diff_new(from, to, &diff) < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	zw_name_to_text(zw_snapshot_origin(from), zone);
	return print(o, &(struct zw_diff_print){
				.diff = diff,
				.zone = zone,
				.from.file = path[0],
				.to.file = path[1],
			});
}

static int show_diff(const struct diff_options *o, const struct zw_reader_zone *zone,
	const struct zw_diff *diff, const struct zw_diff_side *from, const struct zw_diff_side *to)
{
	return print(o, &(struct zw_diff_print){
				.diff = diff,
				.zone = zone->zone,
				.server = zone->server,
				.view = zone->view,
				.from = *from,
				.to = *to,
			});
}

/* The last change is an event, with its difference. */
static int diff_last(
	const struct diff_options *o, struct zw_reader *reader, const struct zw_reader_zone *zone)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	struct zw_diff_side from = {}, to = {};
	uint64_t seq;
	int r = zw_reader_last_change(reader, zone->id, &seq);

	if (r == -ENOENT) {
		zw_error("zone '%s' has not changed since the history of it began", zone->zone);
		return ZW_EXIT_FAILED;
	}
	if (r == 0)
		r = zw_reader_event(reader, seq, &event);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the last change", r);
	to.id = event.report->id;
	to.time_ns = event.report->time_ns;
	return show_diff(o, zone, event.report->diff, &from, &to);
}

static int read_side(struct zw_reader *reader, const struct zw_reader_state *state,
	char ret_id[static ZW_ULID_LEN + 1], struct zw_diff_side *ret_side)
{
	int r = state->seq ? zw_reader_id(reader, state->seq, ret_id) : -ENOENT;

	/* It may have been pruned: its state is there still. */
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_side = (struct zw_diff_side){.id = r == 0 ? ret_id : NULL, .time_ns = state->time_ns};
	return 0;
}

static int diff_states(const struct diff_options *o, struct zw_reader *reader,
	const struct zw_reader_zone *zone, const struct zw_reader_state state[2])
{
	_zw_diff_ struct zw_diff *diff = NULL;
	char id[2][ZW_ULID_LEN + 1];
	struct zw_diff_side side[2];
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++)
		r = read_side(reader, &state[i], id[i], &side[i]);
	if (r == 0)
		r = zw_diff_new(state[0].snapshot, state[1].snapshot, &diff);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the zone", r);
	return show_diff(o, zone, diff, &side[0], &side[1]);
}

/* FROM and TO as they were written, and what they say; NULL: the newest state. */
struct moments {
	const char *text[2];
	struct zw_moment at[2];
	int64_t zone_id; /* of the first change among them; 0: there is none */
};

static int parse_moments(
	const struct diff_options *o, struct zw_reader *reader, struct moments *moments)
{
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0; i++) {
		_zw_reader_event_ struct zw_reader_event event = {};
		struct zw_moment *at = &moments->at[i];

		if (!moments->text[i])
			continue;
		r = zw_moment_parse(&o->common, reader, moments->text[i], at);
		if (r < 0 || moments->zone_id ||
			(at->kind != ZW_MOMENT_AFTER && at->kind != ZW_MOMENT_BEFORE))
			continue;
		r = zw_reader_event(reader, at->seq, &event);
		if (r < 0)
			zw_history_cmd_failed(reader, "the change", r);
		else
			moments->zone_id = event.zone_id;
	}
	return r;
}

static int diff_moments(const struct diff_options *o, struct zw_reader *reader,
	const struct zw_reader_zone *zone, const struct moments *moments)
{
	struct zw_reader_state state[2] = {};
	int code = -1, r;

	for (size_t i = 0; i < 2 && code < 0; i++) {
		const char *text = moments->text[i];

		r = zw_reader_state(reader, zone->id, &moments->at[i], &state[i]);
		if (r < 0)
			code = zw_moment_refuse(reader, zone->zone, text ? text : "now", r);
	}
	if (code < 0)
		code = diff_states(o, reader, zone, state);
	zw_reader_state_done(&state[0]);
	zw_reader_state_done(&state[1]);
	return code;
}

/* @args: ZONE, FROM, TO; the last two may be NULL. */
static int diff_zone(const struct diff_options *o, const char *const args[3])
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_reader_zone_ struct zw_reader_zone zone = {};
	struct moments moments = {.text = {args[1], args[2]}};
	int code, r = zw_history_cmd_open(&o->common, &reader);

	if (r < 0)
		return ZW_EXIT_FAILED;
	r = zw_reader_begin(reader);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the history", r);
	if (parse_moments(o, reader, &moments) < 0)
		return ZW_EXIT_FAILED;
	if (zw_history_cmd_zone(&o->common, reader, args[0], moments.zone_id, &zone) < 0)
		return ZW_EXIT_FAILED;
	code = args[1] ? diff_moments(o, reader, &zone, &moments) : diff_last(o, reader, &zone);
	zw_reader_end(reader);
	return code;
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct diff_options *o)
{
	int c, code;

	while ((c = zw_history_getopt(&o->common, argc, argv, long_options, usage, &code)) >= 0) {
		switch (c) {
		case OPT_ZONE:
			o->zone = optarg;
			break;
		case OPT_STAT:
			o->stat = true;
			break;
		}
	}
	if (code >= 0)
		return code;
	return -1;
}

static bool is_file(const char *path)
{
	struct stat st;

	return strchr(path, '/') || (stat(path, &st) == 0 && S_ISREG(st.st_mode));
}

int zw_cmd_diff(int argc, char **argv)
{
	const char *args[3] = {};
	struct diff_options o = {};
	int code, n;

	if (zw_moment_shield(argc, argv) < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	code = parse_options(argc, argv, &o);
	if (code >= 0)
		return code;
	n = argc - optind;
	if (n < 1 || n > 3) {
		zw_error("diff takes a zone and up to two moments, or two files");
		return ZW_EXIT_USAGE;
	}
	for (int i = 0; i < n; i++)
		args[i] = argv[optind + i];
	if (n == 2 && is_file(args[0]) && is_file(args[1]))
		return diff_files(&o, args);
	return diff_zone(&o, args);
}
