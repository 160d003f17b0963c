/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process runs: executable and arguments, shared by all processes that were forked without an exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "event/event.h"

struct zw_image {
	unsigned int refs;
	uint32_t exe_len;  /* 0: the path is not known */
	uint32_t argv_len; /* bytes, NUL-separated, behind the path */
	uint64_t dev, ino; /* of the executable; ino 0 when not known */
	bool exe_cut, exe_deleted, argv_cut;
	bool login_server; /* its path is that of one, see actor/origin.h */
	char text[];
};

int zw_image_new(const struct zw_proc_facts *facts, struct zw_image **ret_image);
struct zw_image *zw_image_ref(struct zw_image *image); /* NULL gives NULL */
void zw_image_unref(struct zw_image *image);
ZW_DEFINE_CLEANUP(struct zw_image *, zw_image_unref);
#define _zw_image_unref_ _zw_cleanup_(zw_image_unrefp)

/* NULL when not known, or @image is NULL. */
const char *zw_image_exe(const struct zw_image *image);
/* A copy of the arguments; an empty vector when not known. 0 or -ENOMEM. */
int zw_image_argv(const struct zw_image *image, char ***ret_argv, size_t *ret_argc);
/* Whether @image is the executable (@dev, @ino) as far as both are known. */
bool zw_image_agrees(const struct zw_image *image, uint64_t dev, uint64_t ino);

/* The last component of a path. */
const char *zw_path_base(const char *path);
