/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of another process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/vec.h"

struct zw_args {
	char *text;
	ZW_VEC(const char *) argv; /* into text */
};

/* /proc/PID/cmdline; -ESRCH when the process is gone. */
int zw_args_read(const char *proc_root, pid_t pid, struct zw_args *ret_args);
void zw_args_done(struct zw_args *args);
#define _zw_args_ _zw_cleanup_(zw_args_done)

/* Value of the option @letter in the getopt(3) notation @shorts, or of --@name=VALUE or --@name VALUE;
 * the last one counts, as with getopt. @letter 0 or @name NULL: has no such form. "" for an option that
 * takes no value; NULL when it was not given. Valid as long as @args. */
const char *zw_args_option(
	const struct zw_args *args, const char *shorts, char letter, const char *name);
