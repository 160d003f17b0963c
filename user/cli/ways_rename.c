/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways that put another file where the zone's name points. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/ways_internal.h"

/* DIR/@name */
static int path_in(const char *dir, const char *name, char buf[static PATH_MAX])
{
	int n = snprintf(buf, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int zw_way_run_rename(struct zw_way_ctx *ctx)
{
	char path[PATH_MAX];
	int r;

	r = path_in(ctx->zone_dir, ".zone.db.tmp", path);
	if (r == 0)
		r = zw_way_put_new(ctx, path);
	if (r < 0)
		return r;
	return rename(path, ctx->file) < 0 ? -errno : 0;
}

int zw_way_run_rename_other(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	if (r < 0)
		return r;
	return rename(ctx->spare, ctx->file) < 0 ? -errno : 0;
}

int zw_way_run_exchange(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	if (r < 0)
		return r;
	return renameat2(AT_FDCWD, ctx->spare, AT_FDCWD, ctx->file, RENAME_EXCHANGE) < 0
		       ? zw_way_refused(ctx, errno, "file system without RENAME_EXCHANGE")
		       : 0;
}

/* DIR/@dirs[0], DIR/@dirs[0]/@dirs[1], .. and the new zone.db in the last. */
static int make_tree(const struct zw_way_ctx *ctx, const char *const *dirs)
{
	char path[PATH_MAX], below[PATH_MAX];
	int r;

	r = path_in(ctx->dir, "", path);
	for (; r == 0 && *dirs; dirs++) {
		strcpy(below, path);
		r = path_in(below, *dirs, path);
		if (r == 0 && mkdir(path, 0755) < 0)
			r = -errno;
	}
	if (r < 0)
		return r;
	strcpy(below, path);
	r = path_in(below, "zone.db", path);
	return r < 0 ? r : zw_way_put_new(ctx, path);
}

/* DIR/NAME becomes DIR/NAME.away, then DIR/NAME.new becomes DIR/NAME. */
static int replace_dir(
	const struct zw_way_ctx *ctx, const char *now, const char *next, const char *away)
{
	char now_path[PATH_MAX], next_path[PATH_MAX], away_path[PATH_MAX];
	int r;

	r = path_in(ctx->dir, now, now_path);
	if (r == 0)
		r = path_in(ctx->dir, next, next_path);
	if (r == 0)
		r = path_in(ctx->dir, away, away_path);
	if (r < 0)
		return r;
	if (rename(now_path, away_path) < 0)
		return -errno;
	return rename(next_path, now_path) < 0 ? -errno : 0;
}

int zw_way_run_rename_parent(struct zw_way_ctx *ctx)
{
	int r = make_tree(ctx, (const char *const[]){"zones.new", NULL});

	return r < 0 ? r : replace_dir(ctx, "zones", "zones.new", "zones.away");
}

int zw_way_run_rename_grandparent(struct zw_way_ctx *ctx)
{
	int r = make_tree(ctx, (const char *const[]){"tree.new", "zones", NULL});

	return r < 0 ? r : replace_dir(ctx, "tree", "tree.new", "tree.away");
}

int zw_way_run_exchange_parent(struct zw_way_ctx *ctx)
{
	char path[PATH_MAX];
	int r;

	r = make_tree(ctx, (const char *const[]){"zones.new", NULL});
	if (r == 0)
		r = path_in(ctx->dir, "zones.new", path);
	if (r < 0)
		return r;
	return renameat2(AT_FDCWD, path, AT_FDCWD, ctx->zone_dir, RENAME_EXCHANGE) < 0
		       ? zw_way_refused(ctx, errno, "file system without RENAME_EXCHANGE")
		       : 0;
}

int zw_way_run_link_into(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	if (r < 0)
		return r;
	if (unlink(ctx->file) < 0)
		return -errno;
	return link(ctx->spare, ctx->file) < 0 ? -errno : 0;
}

int zw_way_run_symlink(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	if (r < 0)
		return r;
	if (unlink(ctx->file) < 0)
		return -errno;
	return symlink(ctx->spare, ctx->file) < 0 ? -errno : 0;
}

/* Replaces the symbolic link @path by one to @target, in one step. */
static int swap_link(const struct zw_way_ctx *ctx, const char *target, const char *path)
{
	char tmp[PATH_MAX];
	int r;

	r = path_in(ctx->scratch, "link.new", tmp);
	if (r < 0)
		return r;
	if (symlink(target, tmp) < 0)
		return -errno;
	return rename(tmp, path) < 0 ? -errno : 0;
}

int zw_way_run_symlink_swap(struct zw_way_ctx *ctx)
{
	int r = zw_way_put_new(ctx, ctx->spare);

	return r < 0 ? r : swap_link(ctx, ctx->spare, ctx->zone_path);
}

int zw_way_run_symlink_dir_swap(struct zw_way_ctx *ctx)
{
	char path[PATH_MAX];
	int r;

	r = make_tree(ctx, (const char *const[]){"zones.new", NULL});
	if (r == 0)
		r = path_in(ctx->dir, "current", path);
	return r < 0 ? r : swap_link(ctx, "zones.new", path);
}

int zw_way_run_tmpfile(struct zw_way_ctx *ctx)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	_zw_close_ int fd = -1;
	int r;

	fd = open(ctx->zone_dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return zw_way_refused(ctx, errno, "file system without O_TMPFILE");
	r = zw_way_write_all(fd, ctx->new_text.data, ctx->new_text.len);
	if (r < 0)
		return r;
	if (unlink(ctx->file) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, ctx->file, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* The alias exists before the observer starts: it can learn of it from the inode alone. */
int zw_way_prepare_hardlink(struct zw_way_ctx *ctx)
{
	return link(ctx->file, ctx->spare) < 0 ? -errno : 0;
}

int zw_way_run_hardlink(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	int r;

	r = zw_way_open(ctx->spare, O_WRONLY, &fd);
	return r < 0 ? r : zw_way_write_span(ctx, fd);
}
