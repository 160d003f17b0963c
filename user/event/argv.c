/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/argv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void zw_argv_free(char **argv)
{
	if (!argv)
		return;
	for (char **arg = argv; *arg; arg++)
		free(*arg);
	free(argv);
}

static size_t without_padding(const char *bytes, size_t len)
{
	size_t end = len;

	while (end > 0 && bytes[end - 1] == '\0')
		end--;
	/* "a\0" ends an argument, "a\0\0" has an empty one after it, more than that is padding. */
	return len - end > 2 ? end : len;
}

int zw_argv_split(const char *bytes, size_t len, char ***ret_argv, size_t *ret_argc)
{
	_zw_argv_free_ char **argv = NULL;
	size_t argc = 0, n = 0;

	len = without_padding(bytes, len);
	for (size_t i = 0; i < len; i++)
		argc += bytes[i] == '\0' || i + 1 == len;
	argv = calloc(argc + 1, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t at = 0; at < len;) {
		size_t arg_len = strnlen(bytes + at, len - at);

		argv[n] = strndup(bytes + at, arg_len);
		if (!argv[n++])
			return -ENOMEM;
		at += arg_len + 1;
	}
	*ret_argv = ZW_TAKE(argv);
	*ret_argc = argc;
	return 0;
}

int zw_argv_copy(char *const *argv, size_t argc, char ***ret_argv)
{
	_zw_argv_free_ char **copy = calloc(argc + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < argc; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i])
			return -ENOMEM;
	}
	*ret_argv = ZW_TAKE(copy);
	return 0;
}
