/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/feed_file.h"
#include "conf/conf.h"
#include "engine/rule_text.h"

static const char usage[] =
	"usage: zonewitness check [FILE]\n"
	"       zonewitness check --rules [FILE]\n"
	"       zonewitness check --keys | --manual\n"
	"\n"
	"Validates a configuration file (" ZW_CONF_DEFAULT_PATH
	"), and warns of what is wrong with its feeds.\n"
	"\n"
	"  -k, --keys    print every key with its type, range, default and meaning, separated by tabs\n"
	"  -r, --rules   print every rule with its severity and thresholds as the file sets them\n"
	"      --manual  print zonewitness-rules(7), the manual of all rules, for man(1)\n"
	"  -h, --help    print this\n";

enum {
	OPT_MANUAL = 256,
};

static int print_keys(void)
{
	_zw_str_ struct zw_str text = {};

	if (zw_conf_describe(&text) < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	fwrite(text.buf, 1, text.len, stdout);
	return ZW_EXIT_OK;
}

static int print_manual(void)
{
	_zw_str_ struct zw_str text = {};

	zw_rules_to_manual(&text);
	if (text.failed) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	fwrite(text.buf, 1, text.len, stdout);
	return ZW_EXIT_OK;
}

/* Without a file, as it is without a configuration. */
static int print_rules(const char *path)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {}, text = {};
	int r = path ? zw_conf_load(path, &conf, &error) : zw_conf_defaults(&conf);

	if (r == 0)
		zw_rules_to_text(&conf->rules, &text);
	if (r < 0 || text.failed) {
		fprintf(stderr, "%s\n", error.buf ? error.buf : "out of memory");
		return ZW_EXIT_FAILED;
	}
	fwrite(text.buf, 1, text.len, stdout);
	return ZW_EXIT_OK;
}

/* Feeds come and go by themselves: one that cannot be read now is told, and no mistake of the configuration. */
static void check_feed(const struct zw_conf_feed *conf)
{
	_zw_feed_free_ struct zw_feed *feed = NULL;
	_zw_str_ struct zw_str text = {};
	struct zw_feed_file_id id;
	int r = zw_feed_file_load(conf, &feed, &id, &text);

	if (r < 0) {
		zw_warning("feed '%s': '%s' %s", conf->name, conf->file,
			text.len ? text.buf : strerror(-r));
		return;
	}
	zw_feed_file_bad_lines(zw_feed_stats(feed), &text);
	if (text.len)
		zw_warning("feed '%s': '%s': %s", conf->name, conf->file, text.buf);
}

static int check_file(const char *path)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {}, shown = {};

	/* Messages go out as they are, one a line, in the form editors jump to: FILE:LINE:COLUMN: text. */
	if (zw_conf_load(path, &conf, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf ? error.buf : "out of memory");
		return ZW_EXIT_FAILED;
	}
	for (size_t i = 0; i < conf->feeds; i++)
		check_feed(&conf->feed[i]);
	zw_str_add_escaped(&shown, path, strlen(path));
	printf("%s: ok\n", shown.buf ? shown.buf : "");
	return ZW_EXIT_OK;
}

/* NULL: there is none. */
static const char *default_file(void)
{
	return access(ZW_CONF_DEFAULT_PATH, F_OK) == 0 ? ZW_CONF_DEFAULT_PATH : NULL;
}

/* An answer that nobody could read, as on a full disk, is a failure. */
static int flushed(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	zw_error("cannot write to standard output: %s", strerror(errno));
	return ZW_EXIT_FAILED;
}

int zw_cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"keys", no_argument, NULL, 'k'},
		{"rules", no_argument, NULL, 'r'},
		{"manual", no_argument, NULL, OPT_MANUAL},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	bool rules = false;
	int c;

	optind = 0; /* afresh, whatever was parsed before */
	while ((c = getopt_long(argc, argv, "krh", options, NULL)) >= 0) {
		switch (c) {
		case 'k':
			return flushed(print_keys());
		case 'r':
			rules = true;
			break;
		case OPT_MANUAL:
			return flushed(print_manual());
		case 'h':
			fputs(usage, stdout);
			return flushed(ZW_EXIT_OK);
		default:
			fputs(usage, stderr);
			return ZW_EXIT_USAGE;
		}
	}
	if (argc - optind > 1) {
		zw_error("check takes one file, not %d", argc - optind);
		return ZW_EXIT_USAGE;
	}
	if (rules)
		return flushed(print_rules(optind < argc ? argv[optind] : default_file()));
	return flushed(check_file(optind < argc ? argv[optind] : ZW_CONF_DEFAULT_PATH));
}
