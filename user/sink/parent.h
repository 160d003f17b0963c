/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: the directory of a file that is about to be made. systemd makes it beforehand
 * (StateDirectory=, LogsDirectory=); who starts the agent by hand should not have to. */
#pragma once

#include <sys/types.h>

/* Makes the last directory of @path unless it is there; not those above it. 0 or -errno. */
int zw_make_parent(const char *path, mode_t mode);
