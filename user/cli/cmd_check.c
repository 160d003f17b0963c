/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"

static const char usage[] =
	"usage: zonewitness check [FILE]\n"
	"       zonewitness check --keys\n"
	"\n"
	"Validates a configuration file (" ZW_CONF_DEFAULT_PATH ").\n"
	"\n"
	"  -k, --keys    print every key with its type, range, default and meaning, separated by tabs\n"
	"  -h, --help    print this\n";

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

static int check_file(const char *path)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {}, shown = {};

	/* Messages go out as they are, one a line, in the form editors jump to: FILE:LINE:COLUMN: text. */
	if (zw_conf_load(path, &conf, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf ? error.buf : "out of memory");
		return ZW_EXIT_FAILED;
	}
	zw_str_add_escaped(&shown, path, strlen(path));
	printf("%s: ok\n", shown.buf ? shown.buf : "");
	return ZW_EXIT_OK;
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
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;

	optind = 0; /* afresh, whatever was parsed before */
	while ((c = getopt_long(argc, argv, "kh", options, NULL)) >= 0) {
		switch (c) {
		case 'k':
			return flushed(print_keys());
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
	return flushed(check_file(optind < argc ? argv[optind] : ZW_CONF_DEFAULT_PATH));
}
