/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/parent.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int zw_make_parent(const char *path, mode_t mode)
{
	_zw_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	if (mkdir(dirname(copy), mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}
