/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories of a test's own, and their end. */
#pragma once

#include <ftw.h>
#include <stdio.h>

static inline int temp_dir_remove_one(
	const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* With all that is in it; 0 or -1. Nothing is followed out of it. */
static inline int temp_dir_remove(const char *dir)
{
	return nftw(dir, temp_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
