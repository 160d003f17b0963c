/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actor/list.h"
#include "actor/procfs.h"
#include "base/hash.h"
#include "base/mountinfo.h"
#include "base/str.h"

/* FILEID_KERNFS, include/linux/exportfs.h: the handle is the 64-bit id of the node. */
#define FILEID_KERNFS 0xfe

struct cgroup {
	struct zw_list age;
	uint64_t id;
	char path[];
};

struct zw_cgroups {
	char *proc_root;
	size_t max;
	char *mount;  /* where cgroup2 is mounted */
	int mount_fd; /* -1 when it is not */
	bool looked_for_mount;
	struct zw_map *by_id;
	struct zw_list oldest_first;
};

int zw_cgroups_new(const char *proc_root, size_t max, struct zw_cgroups **ret_cgroups)
{
	_zw_cgroups_free_ struct zw_cgroups *cgroups = calloc(1, sizeof(*cgroups));
	int r;

	if (!cgroups)
		return -ENOMEM;
	cgroups->max = max;
	cgroups->mount_fd = -1;
	zw_list_init(&cgroups->oldest_first);
	cgroups->proc_root = strdup(proc_root);
	if (!cgroups->proc_root)
		return -ENOMEM;
	r = zw_map_new(&cgroups->by_id);
	if (r < 0)
		return r;
	*ret_cgroups = ZW_TAKE(cgroups);
	return 0;
}

static void forget(struct zw_cgroups *cgroups, struct cgroup *cgroup)
{
	zw_map_remove(cgroups->by_id, &cgroup->id, sizeof(cgroup->id));
	zw_list_del(&cgroup->age);
	free(cgroup);
}

static struct cgroup *oldest(struct zw_cgroups *cgroups)
{
	return ZW_CONTAINER_OF(cgroups->oldest_first.next, struct cgroup, age);
}

void zw_cgroups_free(struct zw_cgroups *cgroups)
{
	if (!cgroups)
		return;
	while (!zw_list_empty(&cgroups->oldest_first))
		forget(cgroups, oldest(cgroups));
	zw_map_free(cgroups->by_id);
	zw_closep(&cgroups->mount_fd);
	free(cgroups->mount);
	free(cgroups->proc_root);
	free(cgroups);
}

static int find_mount(struct zw_cgroups *cgroups)
{
	_zw_free_ char *path = zw_asprintf("%s/self/mountinfo", cgroups->proc_root);
	_zw_fclose_ FILE *f = NULL;
	_zw_free_ char *line = NULL;
	struct zw_mountinfo mount;
	size_t cap = 0;

	if (cgroups->looked_for_mount)
		return 0;
	if (!path)
		return -ENOMEM;
	cgroups->looked_for_mount = true;
	f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0) {
		if (!zw_mountinfo_parse(line, &mount) || !zw_streq(mount.type, "cgroup2"))
			continue;
		free(cgroups->mount);
		cgroups->mount = strdup(mount.point);
		if (!cgroups->mount)
			return -ENOMEM;
		cgroups->mount_fd = open(mount.point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroups->mount_fd >= 0)
			return 0;
	}
	return 0;
}

/* Opens the cgroup by its id and asks the kernel what it is called. */
static int path_by_handle(struct zw_cgroups *cgroups, uint64_t id, char **ret_path)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} u = {.handle = {.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}};
	size_t prefix = strlen(cgroups->mount);
	char link[64], target[PATH_MAX];
	_zw_close_ int fd = -1;
	const char *path;
	ssize_t n;

	memcpy(u.room + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	fd = open_by_handle_at(cgroups->mount_fd, &u.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (strncmp(target, cgroups->mount, prefix) != 0 ||
		(target[prefix] != '/' && target[prefix] != '\0'))
		return -EXDEV;
	path = target[prefix] ? target + prefix : "/";
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

/* The line "0::/path" of /proc/PID/cgroup, if the process is still the one that is meant. */
static int path_by_process(
	struct zw_cgroups *cgroups, uint32_t tgid, uint64_t start_ns, char **ret_path)
{
	_zw_fclose_ FILE *f = zw_procfs_open(cgroups->proc_root, tgid, "cgroup");
	_zw_free_ char *line = NULL, *path = NULL;
	uint64_t now_start, diff;
	size_t cap = 0;
	ssize_t n;

	while (f && !path && (n = getline(&line, &cap, f)) > 0) {
		if (!zw_startswith(line, "0::"))
			continue;
		line[strcspn(line, "\n")] = '\0';
		path = strdup(line + 3);
		if (!path)
			return -ENOMEM;
	}
	if (!path || zw_procfs_start(cgroups->proc_root, tgid, &now_start) < 0)
		return -ESRCH;
	diff = now_start > start_ns ? now_start - start_ns : start_ns - now_start;
	if (diff > zw_procfs_tick_ns())
		return -ESRCH;
	*ret_path = ZW_TAKE(path);
	return 0;
}

/* Whether the cgroup at @path has another id than @id (on 64-bit kernels the inode number is the id): a process
 * may have been moved since the event. */
static bool is_other(const struct zw_cgroups *cgroups, const char *path, uint64_t id)
{
	struct stat st;

	return fstatat(cgroups->mount_fd, path[1] ? path + 1 : ".", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       st.st_ino != id;
}

static int remember(struct zw_cgroups *cgroups, uint64_t id, const char *path)
{
	struct cgroup *cgroup = malloc(sizeof(*cgroup) + strlen(path) + 1);
	int r;

	if (!cgroup)
		return -ENOMEM;
	cgroup->id = id;
	memcpy(cgroup->path, path, strlen(path) + 1);
	r = zw_map_put(cgroups->by_id, &id, sizeof(id), cgroup, NULL);
	if (r < 0) {
		free(cgroup);
		return r;
	}
	zw_list_add_tail(&cgroups->oldest_first, &cgroup->age);
	if (zw_map_len(cgroups->by_id) > cgroups->max)
		forget(cgroups, oldest(cgroups));
	return 0;
}

static int look_up(
	struct zw_cgroups *cgroups, uint64_t id, uint32_t tgid, uint64_t start_ns, char **ret_path)
{
	_zw_free_ char *path = NULL;
	int r = find_mount(cgroups);

	if (r < 0)
		return r;
	r = -ENOENT;
	if (id && cgroups->mount_fd >= 0)
		r = path_by_handle(cgroups, id, &path);
	if (r < 0 && r != -ENOMEM) {
		r = path_by_process(cgroups, tgid, start_ns, &path);
		if (r == 0 && id && cgroups->mount_fd >= 0 && is_other(cgroups, path, id))
			r = -ESTALE;
	}
	/* Without the mount the path is only what the process is in now, and not kept under the id. */
	if (r == 0 && id && cgroups->mount_fd >= 0)
		r = remember(cgroups, id, path);
	if (r < 0)
		return r;
	*ret_path = ZW_TAKE(path);
	return 0;
}

int zw_cgroups_path(
	struct zw_cgroups *cgroups, uint64_t id, uint32_t tgid, uint64_t start_ns, char **ret_path)
{
	const struct cgroup *known = id ? zw_map_get(cgroups->by_id, &id, sizeof(id)) : NULL;
	char *path = NULL;
	int r;

	if (known) {
		path = strdup(known->path);
		if (!path)
			return -ENOMEM;
	} else {
		r = look_up(cgroups, id, tgid, start_ns, &path);
		if (r == -ENOMEM)
			return r;
	}
	*ret_path = path;
	return 0;
}
