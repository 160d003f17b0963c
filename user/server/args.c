/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "server/source.h"

void zw_args_done(struct zw_args *args)
{
	zw_vec_free(&args->argv);
	free(args->text);
	args->text = NULL;
}

/* MAX_ARG_STRINGS allows much, a server uses little. */
#define CMDLINE_MAX 65536

int zw_args_read(const char *proc_root, pid_t pid, struct zw_args *ret_args)
{
	_zw_args_ struct zw_args args = {};
	_zw_free_ char *path = zw_asprintf("%s/%d/cmdline", proc_root, (int)pid);
	_zw_buffer_ struct zw_buffer text = {};
	_zw_close_ int fd = -1;
	size_t len;
	int r;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = zw_file_read(fd, 0, CMDLINE_MAX, &text);
	if (r < 0 && r != -EFBIG)
		return r;
	len = text.len;
	args.text = ZW_TAKE(text.data);
	for (size_t at = 0; at < len; at += strlen(args.text + at) + 1) {
		r = zw_vec_push(&args.argv, args.text + at);
		if (r < 0)
			return r;
	}
	*ret_args = args;
	args = (struct zw_args){};
	return 0;
}

/* The options of one argument "-abc VALUE"; *@i moves on when the value is the next argument. */
static const char *scan_cluster(
	const struct zw_args *args, size_t *i, const char *shorts, char letter)
{
	const char *found = NULL;

	for (const char *c = args->argv.items[*i] + 1; *c; c++) {
		const char *spec = strchr(shorts, *c);
		const char *value;

		if (!spec || *c == ':')
			return found;
		if (spec[1] != ':') {
			if (*c == letter)
				found = "";
			continue;
		}
		value = c + 1;
		if (*value == '\0' && *i + 1 < args->argv.len)
			value = args->argv.items[++*i];
		return *c == letter ? value : found;
	}
	return found;
}

const char *zw_args_option(
	const struct zw_args *args, const char *shorts, char letter, const char *name)
{
	const char *found = NULL;

	for (size_t i = 1; i < args->argv.len; i++) {
		const char *arg = args->argv.items[i], *value = NULL;

		if (arg[0] != '-' || arg[1] == '\0')
			continue;
		if (zw_streq(arg, "--"))
			break;
		if (arg[1] != '-') {
			value = scan_cluster(args, &i, shorts, letter);
		} else if (name && zw_startswith(arg + 2, name)) {
			const char *end = arg + 2 + strlen(name);

			if (*end == '=')
				value = end + 1;
			else if (*end == '\0')
				value = i + 1 < args->argv.len ? args->argv.items[i + 1] : "";
		}
		if (value)
			found = value;
	}
	return found;
}
