/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configuration files as a server sees them: read below its root, never outside, never blocking. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/vec.h"

typedef ZW_VEC(char *) zw_paths;
void zw_paths_done(zw_paths *paths);
#define _zw_paths_ _zw_cleanup_(zw_paths_done)

/* @path itself when it is absolute, else below @base; trailing and repeated slashes are left to the kernel.
 * NULL when out of memory. */
char *zw_path_join(const char *base, const char *path);
/* The directory of @path. NULL when out of memory. */
char *zw_path_dir(const char *path);
/* @path inside the root @prefix ("/jail/etc/x" in "/jail" is "/etc/x"), or @path unchanged. */
const char *zw_path_inside(const char *prefix, const char *path);

/* The whole of a regular file, NUL-terminated. -EFBIG above ZW_SOURCE_MAX, else as zw_walk_path(). */
#define ZW_SOURCE_MAX ((size_t)256 << 20)
int zw_source_read(int root_fd, const char *path, char **ret_text, size_t *ret_len);

bool zw_source_exists(int root_fd, const char *path);
/* True when it is certain that there is nothing: one system call, for paths that mostly lead nowhere. */
bool zw_source_absent(int root_fd, const char *path);

/* The files @pattern names (glob(7), in any component), sorted. A pattern without wildcards gives itself
 * whether it exists or not. 0, -ENOMEM, or -E2BIG when too many directories would have to be searched. */
int zw_source_expand(int root_fd, const char *pattern, zw_paths *ret_paths);

/* The same for an include: a relative @pattern is tried below each of the @bases (NULL ones are passed
 * over) and the first that names an existing file is taken. */
int zw_source_include(int root_fd, const char *const *bases, size_t n_bases, const char *pattern,
	zw_paths *ret_paths);
