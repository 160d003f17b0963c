/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the library of ways only. */
#pragma once

#include "base/cleanup.h"
#include "cli/ways.h"

/* Records why the way does not exist here; returns -EOPNOTSUPP. @reason is static text. */
int zw_way_unsupported(struct zw_way_ctx *ctx, const char *reason);
/* -EOPNOTSUPP with @reason when @err says that the kernel, the file system or a policy lacks the
 * call (ENOSYS, EOPNOTSUPP, EINVAL, EPERM, EACCES), else @err itself, negative. */
int zw_way_refused(struct zw_way_ctx *ctx, int err, const char *reason);

int zw_way_write_all(int fd, const char *data, size_t len);
/* Creates @path anew (O_EXCL) with NEW in it. */
int zw_way_put_new(const struct zw_way_ctx *ctx, const char *path);
/* Opens the zone for writing through @path; no truncation. */
int zw_way_open(const char *path, int flags, int *ret_fd);
/* The smallest span in which the two texts differ; both have the same length. */
void zw_way_span(const struct zw_way_ctx *ctx, size_t *ret_off, size_t *ret_len);
/* Writes that span with pwrite(2). */
int zw_way_write_span(const struct zw_way_ctx *ctx, int fd);

/* Forks with @clone_flags (CLONE_NEW*), announces the child, lets it run @fn and waits for it. @fn
 * returns 0 or -errno, which comes back; it must not allocate. */
int zw_way_in_child(
	struct zw_way_ctx *ctx, unsigned long clone_flags, int (*fn)(struct zw_way_ctx *ctx));

int zw_way_texts(struct zw_way_ctx *ctx);

typedef int zw_way_fn(struct zw_way_ctx *ctx);

/* ways_write.c */
zw_way_fn zw_way_run_write, zw_way_run_pwrite, zw_way_run_pwritev, zw_way_run_append,
	zw_way_run_trunc_write, zw_way_run_truncate, zw_way_run_ftruncate, zw_way_run_creat,
	zw_way_run_openat2, zw_way_run_unlink, zw_way_run_same_mtime, zw_way_run_thread,
	zw_way_run_proc_fd, zw_way_run_by_handle;

/* ways_rename.c */
zw_way_fn zw_way_run_rename, zw_way_run_rename_other, zw_way_run_exchange, zw_way_run_rename_parent,
	zw_way_run_exchange_parent, zw_way_run_rename_grandparent, zw_way_run_link_into,
	zw_way_run_symlink, zw_way_run_symlink_swap, zw_way_run_symlink_dir_swap,
	zw_way_run_tmpfile, zw_way_prepare_hardlink, zw_way_run_hardlink;

/* ways_mmap.c */
zw_way_fn zw_way_run_mmap, zw_way_run_mmap_closed, zw_way_run_mmap_late, zw_way_run_mmap_read,
	zw_way_run_mmap_child, zw_way_run_mmap_protect, zw_way_prepare_mmap,
	zw_way_prepare_mmap_dirty, zw_way_run_mmap_prepared;

/* ways_range.c */
zw_way_fn zw_way_run_collapse, zw_way_run_punch, zw_way_run_zero, zw_way_run_copy_range,
	zw_way_run_sendfile, zw_way_run_splice, zw_way_run_aio, zw_way_run_direct;

/* ways_uring.c */
zw_way_fn zw_way_run_uring_write, zw_way_run_uring_async, zw_way_run_uring_sqpoll,
	zw_way_run_uring_fixed, zw_way_run_uring_open, zw_way_run_uring_rename,
	zw_way_run_uring_link, zw_way_run_uring_truncate;

/* ways_process.c */
zw_way_fn zw_way_prepare_fd, zw_way_run_fd, zw_way_run_inherited, zw_way_run_exec_cat,
	zw_way_run_exec_after, zw_way_run_passed, zw_way_run_getfd, zw_way_run_userns,
	zw_way_run_pidns, zw_way_run_mountns;

/* ways_mount.c */
zw_way_fn zw_way_run_bind_alias, zw_way_run_bind_file, zw_way_run_bind_dir, zw_way_run_tmpfs,
	zw_way_run_move_mount, zw_way_prepare_umount, zw_way_run_umount;
