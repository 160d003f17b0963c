/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptors by which the kernel tells the agent of changes in directories: fcntl(2), F_NOTIFY. What the signals tell,
 * bpf/zw_notify.h passes on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zw_notify;

/* @max: descriptors that may be held at most. */
int zw_notify_open(size_t max, struct zw_notify **ret_notify);
void zw_notify_close(struct zw_notify *notify);
ZW_DEFINE_CLEANUP(struct zw_notify *, zw_notify_close);
#define _zw_notify_close_ _zw_cleanup_(zw_notify_closep)

/* Changes directory @path, which is the caller's, so that both signals come. 0 or -errno: the kernel has no such
 * notification, or it is switched off. */
int zw_notify_try(const char *path);

/* From now on there are signals for the directory that is this inode. No file system is kept from being unmounted by it.
 * What is no directory counts as told of: it has no entries. 0 also where there were before; -errno where there can be none:
 * it counts as deaf then until it is removed. */
int zw_notify_add(struct zw_notify *notify, uint64_t dev, uint64_t ino);
void zw_notify_remove(struct zw_notify *notify, uint64_t dev, uint64_t ino);
/* How many directories were added without success. */
size_t zw_notify_deaf(const struct zw_notify *notify);
/* Descriptors that are held. */
size_t zw_notify_held(const struct zw_notify *notify);
/* The inode behind the descriptor of a directory that was added. 0 or -ENOENT. */
int zw_notify_fd(const struct zw_notify *notify, uint64_t dev, uint64_t ino);
