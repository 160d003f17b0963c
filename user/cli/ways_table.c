/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/ways_internal.h"

#define ROOT ZW_WAY_ROOT
#define MOUNT (ZW_WAY_ROOT | ZW_WAY_MOUNT)
#define URING ZW_WAY_URING
#define CHILD ZW_WAY_CHILD
#define HOLD ZW_WAY_HOLD
#define GAP ZW_WAY_GAP

/* clang-format off */
static const struct zw_way ways[] = {
	/* Through a descriptor, in place */
	{"write", "write(2) over the whole file", 0, .run = zw_way_run_write},
	{"pwrite", "pwrite(2) of the bytes that differ", 0, .run = zw_way_run_pwrite},
	{"pwritev", "pwritev2(2) in two parts", 0, .run = zw_way_run_pwritev},
	{"append", "write(2) with O_APPEND", 0,
		.content = ZW_WAY_ADD, .run = zw_way_run_append},
	{"trunc-write", "open(2) with O_TRUNC, write(2)", GAP, .run = zw_way_run_trunc_write},
	{"truncate", "truncate(2) by path, cutting off a line", 0,
		.content = ZW_WAY_CUT, .run = zw_way_run_truncate},
	{"ftruncate", "ftruncate(2), cutting off a line", 0,
		.content = ZW_WAY_CUT, .run = zw_way_run_ftruncate},
	{"creat", "creat(2), write(2)", GAP, .run = zw_way_run_creat},
	{"openat2", "openat2(2) with O_TRUNC, write(2)", GAP, .run = zw_way_run_openat2},
	{"same-mtime", "write(2) of the same size, times put back", 0, .run = zw_way_run_same_mtime},
	{"thread", "write(2) by a thread that is not the first", 0, .run = zw_way_run_thread},
	{"proc-fd", "an O_PATH descriptor reopened through /proc/self/fd", 0,
		.run = zw_way_run_proc_fd},
	{"by-handle", "open_by_handle_at(2), no path", ROOT, .run = zw_way_run_by_handle},
	{"symlink-write", "write(2) to the target of the watched symbolic link", 0,
		.layout = ZW_WAY_SYMLINK, .run = zw_way_run_write},

	/* Ranges and other kernel-side copies */
	{"fallocate-collapse", "fallocate(2), a block taken out", 0,
		.content = ZW_WAY_COLLAPSE, .run = zw_way_run_collapse},
	{"fallocate-punch", "fallocate(2), a block made a hole", 0,
		.content = ZW_WAY_BLANK, .run = zw_way_run_punch},
	{"fallocate-zero", "fallocate(2), a block zeroed", 0,
		.content = ZW_WAY_BLANK, .run = zw_way_run_zero},
	{"copy-file-range", "copy_file_range(2) from another file", 0,
		.run = zw_way_run_copy_range},
	{"sendfile", "sendfile(2) from another file", 0, .run = zw_way_run_sendfile},
	{"splice", "splice(2) from a pipe", 0, .run = zw_way_run_splice},
	{"aio", "io_submit(2)", 0, .run = zw_way_run_aio},
	{"direct", "pwrite(2) with O_DIRECT", 0, .run = zw_way_run_direct},

	/* Through memory */
	{"mmap", "store into a shared mapping", 0, .run = zw_way_run_mmap},
	{"mmap-closed", "store after the descriptor was closed", 0, .run = zw_way_run_mmap_closed},
	{"mmap-late", "second store into a page made dirty a moment before", 0,
		.run = zw_way_run_mmap_late},
	{"mmap-read", "read(2) of another file into a shared mapping", 0,
		.run = zw_way_run_mmap_read},
	{"mmap-child", "store by a child into an inherited mapping", CHILD,
		.run = zw_way_run_mmap_child},
	{"mmap-protect", "mapping made writable by mprotect(2) once the descriptor is closed", 0,
		.run = zw_way_run_mmap_protect},
	{"mmap-before", "mapping made, and descriptor closed, before the observer started", HOLD,
		.prepare = zw_way_prepare_mmap, .run = zw_way_run_mmap_prepared},
	{"mmap-dirty-before", "mapping made, and its page dirty, before the observer started", HOLD,
		.prepare = zw_way_prepare_mmap_dirty, .run = zw_way_run_mmap_prepared},

	/* Names */
	{"rename", "rename(2) over it from the same directory", 0, .run = zw_way_run_rename},
	{"rename-other-dir", "rename(2) over it from another directory", 0,
		.run = zw_way_run_rename_other},
	{"exchange", "renameat2(2) with RENAME_EXCHANGE", 0, .run = zw_way_run_exchange},
	{"rename-parent", "the directory renamed away and another put in its place", GAP,
		.run = zw_way_run_rename_parent},
	{"exchange-parent", "the directory exchanged with another", 0,
		.run = zw_way_run_exchange_parent},
	{"rename-grandparent", "the directory above renamed away and another put in its place", GAP,
		.layout = ZW_WAY_DEEP, .run = zw_way_run_rename_grandparent},
	{"hardlink-alias", "write(2) through a hard link outside the directory", HOLD,
		.prepare = zw_way_prepare_hardlink, .run = zw_way_run_hardlink},
	{"link-into", "unlink(2), link(2) from another directory", GAP, .run = zw_way_run_link_into},
	{"symlink", "unlink(2), symlink(2) to a file in another directory", GAP,
		.run = zw_way_run_symlink},
	{"symlink-swap", "the watched symbolic link replaced", 0,
		.layout = ZW_WAY_SYMLINK, .run = zw_way_run_symlink_swap},
	{"symlink-dir-swap", "the symbolic link to the directory replaced", 0,
		.layout = ZW_WAY_DIRLINK, .run = zw_way_run_symlink_dir_swap},
	{"tmpfile", "O_TMPFILE, unlink(2), linkat(2)", GAP, .run = zw_way_run_tmpfile},
	{"unlink", "unlink(2) and created anew", GAP, .run = zw_way_run_unlink},

	/* io_uring */
	{"uring-write", "write through io_uring", URING, .run = zw_way_run_uring_write},
	{"uring-async", "write by an io_uring worker thread", URING, .run = zw_way_run_uring_async},
	{"uring-sqpoll", "write by the submission thread of io_uring", URING,
		.run = zw_way_run_uring_sqpoll},
	{"uring-fixed", "write with registered buffer and file", URING,
		.run = zw_way_run_uring_fixed},
	{"uring-open", "open with O_TRUNC and write through io_uring", URING | GAP,
		.run = zw_way_run_uring_open},
	{"uring-rename", "rename through io_uring", URING, .run = zw_way_run_uring_rename},
	{"uring-link", "unlink and link through io_uring", URING | GAP,
		.run = zw_way_run_uring_link},
	{"uring-truncate", "truncation through io_uring (Linux 6.9)", URING,
		.content = ZW_WAY_CUT, .run = zw_way_run_uring_truncate},

	/* Whose descriptor, whose process */
	{"fd-before", "descriptor opened before the observer started", HOLD,
		.prepare = zw_way_prepare_fd, .run = zw_way_run_fd},
	{"fd-inherited", "descriptor inherited by a child", CHILD, .run = zw_way_run_inherited},
	{"fd-exec", "descriptor inherited by another program", CHILD, .run = zw_way_run_exec_cat},
	{"fd-passed", "descriptor passed over a unix socket", CHILD, .run = zw_way_run_passed},
	{"fd-taken", "descriptor taken from another process with pidfd_getfd(2)", 0,
		.run = zw_way_run_getfd},
	{"exec-after", "write(2), and execve(2) of another program at once", CHILD,
		.run = zw_way_run_exec_after},
	{"user-namespace", "write(2) from another user namespace", CHILD, .run = zw_way_run_userns},
	{"pid-namespace", "write(2) from another pid namespace", CHILD | ROOT,
		.run = zw_way_run_pidns},
	{"mount-namespace", "write(2) from another mount namespace", CHILD | ROOT,
		.run = zw_way_run_mountns},

	/* Mounts */
	{"bind-alias", "write(2) through a bind mount of the directory", MOUNT,
		.run = zw_way_run_bind_alias},
	{"bind-file", "a file bind-mounted over the zone", MOUNT, .run = zw_way_run_bind_file},
	{"bind-dir", "a directory bind-mounted over the directory", MOUNT,
		.run = zw_way_run_bind_dir},
	{"tmpfs", "a tmpfs mounted over the directory, then written", MOUNT | GAP,
		.run = zw_way_run_tmpfs},
	{"move-mount", "a tmpfs filled while detached, then move_mount(2)", MOUNT,
		.run = zw_way_run_move_mount},
	{"umount", "a mount over the directory taken away", MOUNT | HOLD,
		.prepare = zw_way_prepare_umount, .run = zw_way_run_umount},
};
/* clang-format on */

static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{ZW_WAY_ROOT, "root"},
	{ZW_WAY_MOUNT, "mount"},
	{ZW_WAY_URING, "uring"},
	{ZW_WAY_CHILD, "child"},
	{ZW_WAY_HOLD, "hold"},
	{ZW_WAY_GAP, "gap"},
};

const struct zw_way *zw_ways(size_t *ret_n)
{
	*ret_n = ZW_ARRAY_SIZE(ways);
	return ways;
}

const struct zw_way *zw_way_find(const char *name)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(ways); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	return NULL;
}

int zw_way_flags_text(unsigned int flags, char *buf, size_t size)
{
	size_t len = 0;
	int n;

	if (size < sizeof("-"))
		return -ENOBUFS;
	strcpy(buf, "-");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(flag_names); i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		n = snprintf(buf + len, size - len, "%s%s", len > 0 ? "," : "", flag_names[i].name);
		if (n < 0 || (size_t)n >= size - len)
			return -ENOBUFS;
		len += (size_t)n;
	}
	return 0;
}
