/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Containers by the names their managers give to cgroups. */
#pragma once

/* The id or name of the outermost container on cgroup path @path; NULL when it is in none. What is deeper could be
 * made up by the container itself. 0 or -ENOMEM. */
int zw_container_of(const char *path, char **ret_id);
