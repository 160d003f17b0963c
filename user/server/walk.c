/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A path walked as the kernel walks it (path_resolution(7), Linux fs/namei.c), one descriptor at a time, so
 * that every directory, link and mount the result depends on is known and none can be swapped in between. */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* MAXSYMLINKS in include/linux/namei.h. */
#define LINKS_MAX 40
/* PATH_MAX of Linux: no symbolic link holds more. */
#define LINK_TEXT_MAX 4096

struct walker {
	struct zw_walk walk;
	int root_fd;
	struct zw_place root;
	int cur;              /* O_PATH descriptor of the directory reached */
	struct zw_place here; /* its identity */
	unsigned int links;
	char *text; /* the path still to be walked begins at next inside it */
	const char *next;
	zw_walk_below_fn below; /* NULL: places are as stat(2) has them */
	void *below_ctx;
	uint64_t asked_mnt; /* the mount of which on_overlay is known; 0: none */
	bool on_overlay;
};

uint64_t zw_dev_from_stat(dev_t dev)
{
	return (uint64_t)major(dev) << 20 | minor(dev);
}

void zw_walk_done(struct zw_walk *walk)
{
	zw_vec_free(&walk->places);
	/* open_final() never returns a descriptor below 3, so an all-zero walk owns none. */
	if (walk->fd > 0)
		close(walk->fd);
	*walk = (struct zw_walk){.fd = -1};
}

static void walker_done(struct walker *w)
{
	zw_walk_done(&w->walk);
	zw_closep(&w->cur);
	free(w->text);
}

/* Most paths lie on one or two mounts, so each is asked for once. */
static bool is_on_overlay(struct walker *w, int fd, uint64_t mnt_id)
{
	struct statfs fs;

	if (!mnt_id || mnt_id != w->asked_mnt) {
		w->on_overlay = fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
		w->asked_mnt = mnt_id;
	}
	return w->on_overlay;
}

/* Identity and type of what @fd refers to. */
static int identify(struct walker *w, int fd, struct zw_place *ret_place, mode_t *ret_mode)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO | STATX_MNT_ID,
		    &sx) < 0)
		return -errno;
	*ret_place = (struct zw_place){
		.dev = (uint64_t)sx.stx_dev_major << 20 | sx.stx_dev_minor,
		.ino = sx.stx_ino,
		.mnt_id = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : 0,
	};
	*ret_mode = sx.stx_mode & S_IFMT;
	if (w->below && is_on_overlay(w, fd, ret_place->mnt_id))
		(void)w->below(w->below_ctx, fd, ret_place);
	return 0;
}

static bool same_place(const struct zw_place *a, const struct zw_place *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mnt_id == b->mnt_id;
}

static int add_place(struct walker *w, const struct zw_place *place, enum zw_place_kind kind)
{
	struct zw_place copy = *place;

	copy.kind = kind;
	copy.parent = false;
	return zw_vec_push(&w->walk.places, copy);
}

/* The directory reached holds an entry the path depends on. It is always the last one added. */
static void mark_parent(struct walker *w)
{
	for (size_t i = w->walk.places.len; i-- > 0;) {
		struct zw_place *p = &w->walk.places.items[i];

		if (p->kind == ZW_PLACE_DIR) {
			p->parent = true;
			return;
		}
	}
}

/* Makes @fd the directory reached; takes the descriptor over. */
static int enter(struct walker *w, int fd, const struct zw_place *place)
{
	zw_closep(&w->cur);
	w->cur = fd;
	w->here = *place;
	return add_place(w, place, ZW_PLACE_DIR);
}

static int stop(struct walker *w, int error)
{
	mark_parent(w);
	w->walk.result = error;
	return 0;
}

static int enter_root(struct walker *w)
{
	int fd = fcntl(w->root_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return stop(w, -errno);
	return enter(w, fd, &w->root);
}

static int enter_dotdot(struct walker *w)
{
	_zw_close_ int fd = -1;
	struct zw_place place;
	mode_t mode;
	int r;

	/* The root is its own parent, as after chroot(2). */
	if (same_place(&w->here, &w->root))
		return 0;
	fd = openat(w->cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return stop(w, -errno);
	r = identify(w, fd, &place, &mode);
	if (r < 0)
		return stop(w, r);
	return enter(w, ZW_TAKE_FD(fd), &place);
}

/* Puts the text of link @fd before what is still to be walked. */
static int follow(struct walker *w, int fd, const struct zw_place *place)
{
	char target[LINK_TEXT_MAX + 1];
	ssize_t n;
	char *text;
	int r;

	mark_parent(w);
	r = add_place(w, place, ZW_PLACE_LINK);
	if (r < 0)
		return r;
	if (++w->links > LINKS_MAX)
		return stop(w, -ELOOP);
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return stop(w, -errno);
	target[n] = '\0';
	if (n == 0)
		return stop(w, -ENOENT);
	text = zw_asprintf("%s%s", target, w->next);
	if (!text)
		return -ENOMEM;
	free(w->text);
	w->text = text;
	w->next = text;
	return target[0] == '/' ? enter_root(w) : 0;
}

/* Opens the very inode that was walked to, whatever its name refers to by now. */
static int open_final(int path_fd, mode_t mode)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	char name[32];
	int fd, r;

	if (mode == S_IFDIR)
		return -EISDIR;
	/* Opening a FIFO or a device can block or act. */
	if (mode != S_IFREG)
		return -EINVAL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open(name, flags);
	if (fd < 0)
		return -errno;
	if (fd >= 3)
		return fd;
	r = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (r < 0)
		r = -errno;
	close(fd);
	return r;
}

static int finish(
	struct walker *w, int fd, const struct zw_place *place, mode_t mode, bool open_file)
{
	int r;

	mark_parent(w);
	r = add_place(w, place, ZW_PLACE_FILE);
	if (r < 0)
		return r;
	if (!open_file)
		return 0;
	r = open_final(fd, mode);
	if (r < 0)
		w->walk.result = r;
	else
		w->walk.fd = r;
	return 0;
}

/* One named component; @must_dir when a slash or another component comes after it. */
static int step(struct walker *w, const char *name, bool last, bool must_dir, bool open_file)
{
	_zw_close_ int fd = -1;
	struct zw_place place;
	mode_t mode;
	int r;

	fd = openat(w->cur, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return stop(w, -errno);
	r = identify(w, fd, &place, &mode);
	if (r < 0)
		return stop(w, r);
	place.name_hash = zw_place_name_hash(name);
	if (mode == S_IFLNK)
		return follow(w, fd, &place);
	if (must_dir && mode != S_IFDIR)
		return stop(w, -ENOTDIR);
	if (last)
		return finish(w, fd, &place, mode, open_file);
	return enter(w, ZW_TAKE_FD(fd), &place);
}

static int walk_next(struct walker *w, bool open_file, bool *ret_end)
{
	char name[LINK_TEXT_MAX];
	const char *rest;
	size_t len;
	bool slash;

	w->next += strspn(w->next, "/");
	len = strcspn(w->next, "/");
	if (len >= sizeof(name))
		return stop(w, -ENAMETOOLONG);
	memcpy(name, w->next, len);
	name[len] = '\0';
	w->next += len;
	slash = *w->next == '/';
	rest = w->next + strspn(w->next, "/");

	if (len == 0 || zw_streq(name, ".") || zw_streq(name, "..")) {
		int r = zw_streq(name, "..") ? enter_dotdot(w) : 0;

		if (r < 0 || w->walk.result < 0 || *rest)
			return r;
		/* The path names the directory reached. */
		*ret_end = true;
		return finish(w, w->cur, &w->here, S_IFDIR, open_file);
	}
	if (*rest == '\0') {
		unsigned int links = w->links;
		int r = step(w, name, true, slash, open_file);

		*ret_end = links == w->links;
		return r;
	}
	return step(w, name, false, true, open_file);
}

int zw_walk_path(int root_fd, const char *path, bool open_file, struct zw_walk *ret_walk)
{
	return zw_walk_path_below(root_fd, path, open_file, NULL, NULL, ret_walk);
}

int zw_walk_path_below(int root_fd, const char *path, bool open_file, zw_walk_below_fn below,
	void *ctx, struct zw_walk *ret_walk)
{
	_zw_cleanup_(walker_done) struct walker w = {
		.walk.fd = -1, .root_fd = root_fd, .cur = -1, .below = below, .below_ctx = ctx};
	bool end = false;
	mode_t mode;
	int r;

	w.text = strdup(path);
	if (!w.text)
		return -ENOMEM;
	w.next = w.text;
	r = identify(&w, root_fd, &w.root, &mode);
	if (r < 0)
		w.walk.result = r;
	else if (mode != S_IFDIR)
		w.walk.result = -ENOTDIR;
	else
		r = enter_root(&w);
	if (w.walk.result == 0 && *path == '\0')
		r = stop(&w, -ENOENT);
	while (w.walk.result == 0 && r >= 0 && !end)
		r = walk_next(&w, open_file, &end);
	if (r == -ENOMEM)
		return r;
	*ret_walk = w.walk;
	w.walk = (struct zw_walk){.fd = -1};
	return 0;
}

size_t zw_walk_differs_at(const struct zw_walk *a, const struct zw_walk *b)
{
	size_t n = a->places.len < b->places.len ? a->places.len : b->places.len;

	for (size_t i = 0; i < n; i++) {
		const struct zw_place *p = &a->places.items[i], *q = &b->places.items[i];

		if (p->kind != q->kind || !same_place(p, q))
			return i;
	}
	if (a->places.len != b->places.len || a->result != b->result)
		return n;
	return SIZE_MAX;
}
