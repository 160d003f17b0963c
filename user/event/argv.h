/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Argument vectors: a NULL-terminated array whose strings and itself are heap blocks of their own. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/* Splits NUL-separated bytes as in /proc/PID/cmdline; the last argument need not be terminated. A process can
 * overwrite this memory, so no content is an error: the blank padding that setproctitle(3) leaves behind (two or
 * more empty arguments at the end) is dropped. 0 or -ENOMEM. */
int zw_argv_split(const char *bytes, size_t len, char ***ret_argv, size_t *ret_argc);
int zw_argv_copy(char *const *argv, size_t argc, char ***ret_argv);
void zw_argv_free(char **argv);
ZW_DEFINE_CLEANUP(char **, zw_argv_free);
#define _zw_argv_free_ _zw_cleanup_(zw_argv_freep)
