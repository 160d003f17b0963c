/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Harmless operations that make every hook fire. */
#pragma once

/* Writes, stores, truncates, renames, links and unlinks a file of its own below @dir, runs a child
 * process, and mounts and unmounts in a mount namespace of that child. Leaves nothing. 0 or -errno. */
int zw_exercise(const char *dir);
