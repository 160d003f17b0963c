/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads certain files: no program of ours, since on kernels where LSM and fentry programs are refused nothing but every
 * system call of the machine would do, but fanotify (fs/notify/fanotify/), which is asked for single files and costs others
 * nothing. It knows the process by its pid alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct zw_reads;

struct zw_read {
	dev_t dev; /* as in struct stat */
	ino_t ino;
	uint32_t tgid; /* 0: a process of a namespace that is not seen from here */
	bool alive;    /* it still was when this was taken, so the pid is its own */
	bool opened; /* only that, as far as is known: it may be read without another event, by mapping it */
};

/* -EPERM without CAP_SYS_ADMIN, -ENOSYS where the kernel has no fanotify, -EINVAL before 5.15, -EMFILE, -ENOMEM. */
int zw_reads_open(struct zw_reads **ret_reads);
void zw_reads_close(struct zw_reads *reads);
ZW_DEFINE_CLEANUP(struct zw_reads *, zw_reads_close);
#define _zw_reads_close_ _zw_cleanup_(zw_reads_closep)

/* Readable when there is something to take. */
int zw_reads_fd(const struct zw_reads *reads);
/* Asks for the file that is open as @fd, until it is deleted; again does no harm. 0 or -errno. */
int zw_reads_watch(struct zw_reads *reads, int fd);
/* Tells of each that was opened, and of each that was read: by read(2) and its like or, when they close it, by those who could
 * only read it. Whoever opened it for writing as well, and maps it, is only told of as having opened it. This process's own are
 * left out, equal ones may come as one. Returns 0 or -errno;
 * @ret_lost is how often there was no room since the last time. */
int zw_reads_take(struct zw_reads *reads, void (*fn)(void *ctx, const struct zw_read *read),
	void *ctx, unsigned int *ret_lost);
