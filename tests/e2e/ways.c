/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library of ways for shell scripts: one command per step, one JSON object per line. A way that
 * this system does not have exits with 77 and prints {"way":..,"skip":REASON}; one that the kernel itself says it
 * has no operation for exits with 78 and prints {"way":..,"absent":REASON}. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "cli/ways.h"

#define EXIT_USAGE 2
#define EXIT_SKIP 77
#define EXIT_ABSENT 78

static const char usage[] =
	"usage: ways COMMAND ARGUMENTS [--uid U] [--gid G] [--origin NAME] [--address IPV4]\n"
	"  list                        name, flags and meaning of each way, tab-separated\n"
	"  setup WAY DIR               makes the layout, prints what a correct observer reports\n"
	"  hold WAY DIR                prepares, prints a line, and runs after a line of input\n"
	"  run WAY DIR                 prepares and runs; prints who is about to write first\n"
	"  clean WAY DIR               unmounts and removes the layout\n"
	"  text ORIGIN SERIAL IPV4     prints the standard zone\n"
	"  put FILE ORIGIN SERIAL IPV4 overwrites a standard zone, in place, with one write(2)\n";

static int fail(const char *what, int r)
{
	fprintf(stderr, "ways: %s: %s\n", what, strerror(-r));
	return EXIT_FAILURE;
}

static int list_ways(void)
{
	size_t n;
	const struct zw_way *ways = zw_ways(&n);
	char flags[64];

	for (size_t i = 0; i < n; i++) {
		int r = zw_way_flags_text(ways[i].flags, flags, sizeof(flags));

		if (r < 0)
			return fail(ways[i].name, r);
		printf("%s\t%s\t%s\n", ways[i].name, flags, ways[i].what);
	}
	return EXIT_SUCCESS;
}

static void announce(const struct zw_way_ctx *ctx, pid_t pid, uid_t uid)
{
	printf("{\"way\":\"%s\",\"pid\":%d,\"uid\":%u}\n", ctx->way->name, pid, uid);
	fflush(stdout);
}

static void print_list(const char *key, const char *const *items)
{
	printf("\"%s\":[", key);
	for (size_t i = 0; items[i]; i++)
		printf("%s\"%s\"", i > 0 ? "," : "", items[i]);
	printf("],");
}

static int setup(struct zw_way_ctx *ctx, const struct zw_way *way, const char *dir)
{
	const struct zw_way_expect *e = &ctx->expect;
	int r = zw_way_setup(ctx, dir, way);

	if (r < 0)
		return fail(dir, r);
	printf("{\"way\":\"%s\",\"origin\":\"%s\",\"zone\":\"%s\",\"owner\":\"%s.%s.\",", way->name,
		ctx->origin, ctx->zone_path, ZW_WAY_OWNER, ctx->origin);
	print_list("before", e->before);
	print_list("after", e->after);
	printf("\"serial\":{\"before\":%u,\"after\":%u},\"gap\":%s}\n", e->serial_before,
		e->serial_after, way->flags & ZW_WAY_GAP ? "true" : "false");
	return EXIT_SUCCESS;
}

/* What needs root stays root. The process stays dumpable, as one that never changed its ids. */
static int drop_privileges(const struct zw_way_ctx *ctx)
{
	if (geteuid() != 0 || ctx->way->flags & ZW_WAY_ROOT)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(ctx->gid, ctx->gid, ctx->gid) < 0 ||
		setresuid(ctx->uid, ctx->uid, ctx->uid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		return -errno;
	return 0;
}

static int run_failed(const struct zw_way_ctx *ctx, int r)
{
	if (r != -EOPNOTSUPP)
		return fail(ctx->way->name, r);
	printf("{\"way\":\"%s\",\"%s\":\"%s\"}\n", ctx->way->name, ctx->absent ? "absent" : "skip",
		ctx->reason ? ctx->reason : "operation not supported");
	return ctx->absent ? EXIT_ABSENT : EXIT_SKIP;
}

static int run(struct zw_way_ctx *ctx, const struct zw_way *way, const char *dir, bool hold)
{
	char line[16];
	int r;

	r = zw_way_attach(ctx, dir, way);
	if (r == 0)
		r = drop_privileges(ctx);
	if (r == 0)
		r = zw_way_prepare(ctx);
	if (r < 0)
		return run_failed(ctx, r);
	if (hold) {
		printf("{\"way\":\"%s\",\"ready\":%d}\n", way->name, getpid());
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return fail("standard input", -EPIPE);
	}
	ctx->announce = announce;
	r = zw_way_run(ctx);
	if (r < 0)
		return run_failed(ctx, r);
	r = zw_way_verify(ctx);
	return r < 0 ? fail("the zone does not read as the new text", r) : EXIT_SUCCESS;
}

static int clean(struct zw_way_ctx *ctx, const struct zw_way *way, const char *dir)
{
	int r = zw_way_attach(ctx, dir, way);

	if (r == 0)
		r = zw_way_teardown(ctx);
	return r < 0 ? fail(dir, r) : EXIT_SUCCESS;
}

static int with_way(struct zw_way_ctx *ctx, const char *command, char **args)
{
	const struct zw_way *way = zw_way_find(args[0]);
	int r;

	if (!way) {
		fprintf(stderr, "ways: no way is called '%s'\n", args[0]);
		return EXIT_USAGE;
	}
	if (strcmp(command, "setup") == 0)
		r = setup(ctx, way, args[1]);
	else if (strcmp(command, "hold") == 0)
		r = run(ctx, way, args[1], true);
	else if (strcmp(command, "run") == 0)
		r = run(ctx, way, args[1], false);
	else if (strcmp(command, "clean") == 0)
		r = clean(ctx, way, args[1]);
	else
		r = EXIT_USAGE;
	zw_way_release(ctx);
	return r;
}

/* @args: ORIGIN SERIAL IPV4; @path NULL for standard output. */
static int write_text(const char *path, char **args)
{
	_zw_close_ int fd = -1;
	_zw_free_ char *data = NULL;
	struct zw_way_text text;
	uint32_t serial;
	ssize_t n;
	int r;

	r = zw_parse_u32(args[1], &serial);
	if (r == 0)
		r = zw_way_zone_text(args[0], serial, args[2], &text);
	if (r < 0)
		return fail(args[0], r);
	data = text.data;
	fd = path ? open(path, O_WRONLY | O_CLOEXEC) : dup(STDOUT_FILENO);
	if (fd < 0)
		return fail(path ? path : "standard output", -errno);
	if (path) {
		printf("{\"pid\":%d,\"uid\":%u}\n", getpid(), getuid());
		fflush(stdout);
	}
	n = write(fd, text.data, text.len);
	if (n != (ssize_t)text.len)
		return fail(path ? path : "standard output", n < 0 ? -errno : -EIO);
	return EXIT_SUCCESS;
}

static int parse_options(struct zw_way_ctx *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{"uid", required_argument, NULL, 'u'},
		{"gid", required_argument, NULL, 'g'},
		{"origin", required_argument, NULL, 'o'},
		{"address", required_argument, NULL, 'a'},
		{},
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			r = zw_parse_u32(optarg, &ctx->uid);
			break;
		case 'g':
			r = zw_parse_u32(optarg, &ctx->gid);
			break;
		case 'o':
			ctx->origin = optarg;
			break;
		case 'a':
			ctx->address = optarg;
			break;
		default:
			r = -EINVAL;
		}
	}
	return r;
}

int main(int argc, char **argv)
{
	struct zw_way_ctx ctx = ZW_WAY_CTX_INIT;
	const char *command;
	int r = EXIT_USAGE, n;

	ctx.uid = getuid();
	ctx.gid = getgid();
	if (parse_options(&ctx, argc, argv) < 0 || optind >= argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	command = argv[optind];
	argv += optind + 1;
	n = argc - optind - 1;
	if (strcmp(command, "list") == 0 && n == 0)
		r = list_ways();
	else if (strcmp(command, "text") == 0 && n == 3)
		r = write_text(NULL, argv);
	else if (strcmp(command, "put") == 0 && n == 4)
		r = write_text(argv[0], argv + 1);
	else if (n == 2)
		r = with_way(&ctx, command, argv);
	if (r == EXIT_USAGE)
		fputs(usage, stderr);
	return r;
}
