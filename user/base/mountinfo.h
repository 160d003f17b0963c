/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of mountinfo (proc_pid_mountinfo(5)). */
#pragma once

#include <stdbool.h>

/* Points into the line it was taken from. */
struct zw_mountinfo {
	unsigned int major, minor;
	const char *point; /* where it is mounted, in the root of who reads it */
	const char *type;  /* of the file system */
};

/* Takes @line apart, which is written over; false when it is no line of mountinfo. */
bool zw_mountinfo_parse(char *line, struct zw_mountinfo *ret_mount);
