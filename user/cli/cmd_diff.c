/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record difference between two states of a zone: of two moments, or of two files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/diff_text.h"
#include "cli/zone_file.h"
#include "dns/name.h"

static const char usage[] =
	"usage: zonewitness diff [OPTIONS] FILE FILE\n"
	"\n"
	"The record difference of two zone files: records that went with \"-\", records that came with \"+\".\n"
	"\n"
	"  --zone NAME    the zone that the files are of, where they do not say it\n"
	"  --stat         how many RRsets and records differ, by type, instead of the records\n" ZW_HISTORY_HELP
	"  -h, --help     this text\n";

enum {
	OPT_ZONE = 256,
	OPT_STAT,
};

static const struct option long_options[] = {
	{"zone", required_argument, NULL, OPT_ZONE},
	{"stat", no_argument, NULL, OPT_STAT},
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

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct diff_options *o)
{
	int c, code;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		code = zw_history_option(&o->common, c, optarg);
		if (code > 0)
			return code;
		if (code < 0)
			continue;
		switch (c) {
		case OPT_ZONE:
			o->zone = optarg;
			break;
		case OPT_STAT:
			o->stat = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return ZW_EXIT_OK;
		default:
			fputs("'zonewitness diff --help' lists the options\n", stderr);
			return ZW_EXIT_USAGE;
		}
	}
	return -1;
}

int zw_cmd_diff(int argc, char **argv)
{
	struct diff_options o = {};
	int code = parse_options(argc, argv, &o);

	if (code >= 0)
		return code;
	if (argc - optind != 2) {
		zw_error("diff takes two files, not %d", argc - optind);
		return ZW_EXIT_USAGE;
	}
	return diff_files(&o, (const char *const *)argv + optind);
}
