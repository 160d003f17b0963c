/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways that change what is mounted where the zone's path leads, or write through another mount. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cli/ways_internal.h"

/* From <sys/mount.h>, which cannot be included beside <linux/mount.h> with glibc 2.36. */
extern int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
extern int umount2(const char *target, int flags);
#define DETACH 2

static int bind(const char *source, const char *target)
{
	return mount(source, target, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* DIR/scratch/zone.new as a directory. */
static int make_spare_dir(const struct zw_way_ctx *ctx)
{
	return mkdir(ctx->spare, 0755) < 0 ? -errno : 0;
}

static int spare_zone(const struct zw_way_ctx *ctx, char buf[static PATH_MAX])
{
	int n = snprintf(buf, PATH_MAX, "%s/zone.db", ctx->spare);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int zw_way_run_bind_alias(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = make_spare_dir(ctx);
	if (r == 0)
		r = bind(ctx->zone_dir, ctx->spare);
	if (r == 0)
		r = spare_zone(ctx, path);
	if (r == 0)
		r = zw_way_open(path, O_WRONLY, &fd);
	return r < 0 ? r : zw_way_write_span(ctx, fd);
}

int zw_way_run_bind_file(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	return r < 0 ? r : bind(ctx->spare, ctx->file);
}

int zw_way_run_bind_dir(struct zw_way_ctx *ctx)
{
	char path[PATH_MAX];
	int r;

	r = make_spare_dir(ctx);
	if (r == 0)
		r = spare_zone(ctx, path);
	if (r == 0)
		r = zw_way_put_new(ctx, path);
	return r < 0 ? r : bind(ctx->spare, ctx->zone_dir);
}

int zw_way_run_tmpfs(struct zw_way_ctx *ctx)
{
	if (mount("zones", ctx->zone_dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		return zw_way_refused(ctx, errno, "tmpfs cannot be mounted");
	return zw_way_put_new(ctx, ctx->file);
}

static int detached_tmpfs(struct zw_way_ctx *ctx, int *ret_fd)
{
	_zw_close_ int fs = -1;
	int fd;

	fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return zw_way_refused(ctx, errno, "kernel without fsopen(2), or no tmpfs");
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
		syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* No mount(2), and the file is written where no path leads. */
int zw_way_run_move_mount(struct zw_way_ctx *ctx)
{
	_zw_close_ int tree = -1, fd = -1;
	int r;

	r = detached_tmpfs(ctx, &tree);
	if (r < 0)
		return r;
	fd = openat(tree, "zone.db", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = zw_way_write_all(fd, ctx->new_text.data, ctx->new_text.len);
	if (r < 0)
		return r;
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, ctx->zone_dir, MOVE_MOUNT_F_EMPTY_PATH) <
			       0
		       ? -errno
		       : 0;
}

/* What is mounted over the directory holds OLD, what is below it NEW. */
int zw_way_prepare_umount(struct zw_way_ctx *ctx)
{
	_zw_close_ int below = -1, over = -1;
	char path[PATH_MAX];
	int r;

	r = zw_way_open(ctx->file, O_WRONLY, &below);
	if (r == 0)
		r = make_spare_dir(ctx);
	if (r == 0)
		r = spare_zone(ctx, path);
	if (r == 0)
		r = zw_way_open(path, O_WRONLY | O_CREAT | O_EXCL, &over);
	if (r == 0)
		r = zw_way_write_all(over, ctx->old_text.data, ctx->old_text.len);
	if (r == 0)
		r = bind(ctx->spare, ctx->zone_dir);
	return r < 0 ? r : zw_way_write_span(ctx, below);
}

int zw_way_run_umount(struct zw_way_ctx *ctx)
{
	/* Detached, because an observer that has the directory open would make it busy. */
	return umount2(ctx->zone_dir, DETACH) < 0 ? -errno : 0;
}
