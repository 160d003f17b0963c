/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <zw_wire.h>

#include "base/hash.h"
#include "base/mountinfo.h"
#include "base/str.h"
#include "base/vec.h"

/* The form of a handle that is an inode number and a generation (include/linux/exportfs.h); ext4 takes 0 for any. */
#define FILEID_INO32_GEN 1

/* A file system with directories that are told of. */
struct device {
	uint64_t dev;
	int tree; /* a directory of a mount of our own, which is in no mount table; -errno: none */
	size_t dirs; /* that were added */
};

struct directory {
	int came, left; /* -1: none */
	bool deaf;
};

struct zw_notify {
	struct zw_map *dirs; /* struct zw_inode_key -> struct directory */
	ZW_VEC(struct device) devices;
	size_t max, held, deaf;
};

/* Both signals are ignored. They are sent all the same, which is all that is wanted of them. */
static int ignore_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	return sigaction(ZW_SIGNAL_CAME, &ignore, NULL) < 0 ||
			       sigaction(ZW_SIGNAL_LEFT, &ignore, NULL) < 0
		       ? -errno
		       : 0;
}

int zw_notify_open(size_t max, struct zw_notify **ret_notify)
{
	_zw_notify_close_ struct zw_notify *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->max = max;
	r = zw_map_new(&n->dirs);
	if (r == 0)
		r = ignore_signals();
	if (r < 0)
		return r;
	*ret_notify = ZW_TAKE(n);
	return 0;
}

static void directory_free(struct directory *d)
{
	zw_closep(&d->came);
	zw_closep(&d->left);
	free(d);
}
ZW_DEFINE_CLEANUP(struct directory *, directory_free);

void zw_notify_close(struct zw_notify *n)
{
	size_t it = 0;
	void *value;

	if (!n)
		return;
	while (n->dirs && zw_map_next(n->dirs, &it, NULL, NULL, &value))
		directory_free(value);
	zw_map_free(n->dirs);
	ZW_VEC_FOREACH(d, &n->devices)
		if (d->tree >= 0)
			close(d->tree);
	zw_vec_free(&n->devices);
	free(n);
}

static int tell_of(int fd, int signal, unsigned long what)
{
	if (fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETSIG, signal) < 0 ||
		fcntl(fd, F_NOTIFY, what | DN_MULTISHOT) < 0)
		return -errno;
	return 0;
}

int zw_notify_try(const char *path)
{
	_zw_close_ int came = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_zw_close_ int left = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[] = ".zonewitness-XXXXXX";
	_zw_free_ char *below = zw_asprintf("%s/%s", path, name);
	int r;

	if (came < 0 || left < 0)
		return -errno;
	if (!below)
		return -ENOMEM;
	r = ignore_signals();
	if (r == 0)
		r = tell_of(came, ZW_SIGNAL_CAME, DN_CREATE);
	if (r == 0)
		r = tell_of(left, ZW_SIGNAL_LEFT, DN_DELETE);
	if (r < 0)
		return r;
	return !mkdtemp(below) || rmdir(below) < 0 ? -errno : 0;
}

/* --- file systems ------------------------------------------------------------------------------------- */

/* A copy of the mount at @point, if that is of file system @dev and can tell. Nobody else's unmounting finds it busy. */
static int clone_mount(const char *point, uint64_t dev)
{
	_zw_close_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, point,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	_zw_close_ int fd = -1;
	struct statfs fs;
	struct stat st;

	if (tree < 0)
		return -errno;
	/* The first is good for looking only. The copy lasts as long as something of it is open. */
	fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	/* Something else may be mounted over it. */
	if (st.st_dev != makedev((unsigned int)(dev >> 20), (unsigned int)(dev & 0xfffff)))
		return -ENODEV;
	return fs.f_type == EXT4_SUPER_MAGIC ? ZW_TAKE_FD(fd) : -EOPNOTSUPP;
}

static int open_device(uint64_t dev)
{
	FILE *table = fopen("/proc/self/mountinfo", "re");
	struct zw_mountinfo mount;
	char *line = NULL;
	size_t size = 0;
	int r = -ENODEV;

	if (!table)
		return -errno;
	while (r < 0 && getline(&line, &size, table) > 0)
		/* Of the ways there may be, what was found out by the last is as good as any. */
		if (zw_mountinfo_parse(line, &mount) &&
			((uint64_t)mount.major << 20 | mount.minor) == dev)
			r = zw_streq(mount.type, "ext4") || zw_streq(mount.type, "ext3") ||
					    zw_streq(mount.type, "ext2")
				    ? clone_mount(mount.point, dev)
				    : -EOPNOTSUPP;
	free(line);
	(void)fclose(table);
	return r;
}

static struct device *find_device(struct zw_notify *n, uint64_t dev)
{
	ZW_VEC_FOREACH(d, &n->devices)
		if (d->dev == dev)
			return d;
	return NULL;
}

static int get_device(struct zw_notify *n, uint64_t dev, struct device **ret_device)
{
	*ret_device = find_device(n, dev);
	if (!*ret_device) {
		struct device fresh = {.dev = dev, .tree = open_device(dev)};
		int r = zw_vec_push(&n->devices, fresh);

		if (r < 0) {
			if (fresh.tree >= 0)
				close(fresh.tree);
			return r;
		}
		*ret_device = &n->devices.items[n->devices.len - 1];
	}
	(*ret_device)->dirs++;
	return 0;
}

static void put_device(struct zw_notify *n, uint64_t dev)
{
	struct device *d = find_device(n, dev);

	if (!d || --d->dirs)
		return;
	if (d->tree >= 0)
		close(d->tree);
	zw_vec_remove_unordered(&n->devices, (size_t)(d - n->devices.items));
}

/* --- directories -------------------------------------------------------------------------------------- */

static int open_inode(int tree, uint64_t ino)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + 2 * sizeof(uint32_t)];
	} h = {.handle = {.handle_bytes = 2 * sizeof(uint32_t), .handle_type = FILEID_INO32_GEN}};
	uint32_t id[2] = {(uint32_t)ino, 0};
	int fd;

	memcpy(h.handle.f_handle, id, sizeof(id));
	fd = open_by_handle_at(tree, &h.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int listen_to(
	struct zw_notify *n, const struct device *device, uint64_t ino, struct directory *d)
{
	if (device->tree < 0)
		return device->tree;
	if (n->held + 2 > n->max)
		return -EMFILE;
	d->came = open_inode(device->tree, ino);
	if (d->came < 0)
		return d->came == -ENOTDIR ? 0 : d->came;
	d->left = open_inode(device->tree, ino);
	if (d->left < 0)
		return d->left;
	return 0;
}

static int tell(struct directory *d)
{
	int r = tell_of(d->came, ZW_SIGNAL_CAME, DN_CREATE);

	return r < 0 ? r : tell_of(d->left, ZW_SIGNAL_LEFT, DN_DELETE);
}

int zw_notify_add(struct zw_notify *n, uint64_t dev, uint64_t ino)
{
	const struct zw_inode_key key = {.dev = dev, .ino = ino};
	_zw_cleanup_(directory_freep) struct directory *d = NULL;
	struct directory *known = zw_map_get(n->dirs, &key, sizeof(key));
	struct device *device;
	int r, q;

	if (known)
		return known->deaf ? -EALREADY : 0;
	d = malloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = (struct directory){.came = -1, .left = -1};
	q = get_device(n, dev, &device);
	if (q < 0)
		return q;
	r = listen_to(n, device, ino, d);
	if (r == 0 && d->left >= 0)
		r = tell(d);
	if (r < 0) {
		zw_closep(&d->came);
		zw_closep(&d->left);
		d->came = d->left = -1;
		d->deaf = true;
	}
	q = zw_map_put(n->dirs, &key, sizeof(key), d, NULL);
	if (q < 0) {
		put_device(n, dev);
		return q;
	}
	n->deaf += d->deaf;
	n->held += d->left >= 0 ? 2 : 0;
	ZW_TAKE(d);
	return r;
}

void zw_notify_remove(struct zw_notify *n, uint64_t dev, uint64_t ino)
{
	const struct zw_inode_key key = {.dev = dev, .ino = ino};
	struct directory *d = zw_map_remove(n->dirs, &key, sizeof(key));

	if (!d)
		return;
	n->deaf -= d->deaf;
	n->held -= d->left >= 0 ? 2 : 0;
	directory_free(d);
	put_device(n, dev);
}

size_t zw_notify_deaf(const struct zw_notify *n)
{
	return n->deaf;
}

size_t zw_notify_held(const struct zw_notify *n)
{
	return n->held;
}

int zw_notify_fd(const struct zw_notify *n, uint64_t dev, uint64_t ino)
{
	const struct zw_inode_key key = {.dev = dev, .ino = ino};
	const struct directory *d = zw_map_get(n->dirs, &key, sizeof(key));

	return d && d->came >= 0 ? d->came : -ENOENT;
}
