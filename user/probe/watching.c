/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which inodes the hooks tell of, and which of the two hooks for changes of directories does. */
#include "probe/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#include "file.skel.h"

static int find_dev(const struct zw_probe *p, uint64_t dev)
{
	for (int i = 0; i < (int)ZW_ARRAY_SIZE(p->devs); i++)
		if (p->dev_watches[i] && p->devs[i] == dev)
			return i;
	return -1;
}

/* The first compare every dirtied inode meets. A device is let in before its first watch and shut out after
 * its last, so that no moment is missed. */
static void count_dev(struct zw_probe *p, uint64_t dev, int by)
{
	int i = find_dev(p, dev);

	for (int k = 0; i < 0 && by > 0 && k < (int)ZW_ARRAY_SIZE(p->devs); k++)
		if (!p->dev_watches[k])
			i = k;
	if (i < 0) {
		p->other_watches += (uint32_t)by;
		p->file->bss->zw_all_devs = p->other_watches > 0;
		return;
	}
	p->devs[i] = dev;
	p->dev_watches[i] += (uint32_t)by;
	p->file->bss->zw_devs[i] = p->dev_watches[i] ? dev : 0;
}

/* The filter by inode number alone, in the same order as the devices. */
static void count_maybe(struct zw_probe *p, uint64_t ino, int by)
{
	uint32_t bit = zw_maybe_bit(ino);
	__u64 mask = 1ULL << (bit % 64);

	p->maybe[bit] += (uint32_t)by;
	if (p->maybe[bit])
		p->file->bss->zw_maybe[bit / 64] |= mask;
	else
		p->file->bss->zw_maybe[bit / 64] &= ~mask;
}

/* --- directories -------------------------------------------------------------------------------------- */

static struct zw_hook_status *hook_of(const struct zw_probe *p, enum zw_hook hook, size_t *ret_i)
{
	size_t i = 0;

	while (p->hook[i].program->hook != hook)
		i++;
	*ret_i = i;
	return &p->hook[i];
}

static void set_hook(struct zw_hook_status *h, enum zw_hook_state state, const char *reason, int r)
{
	h->state = state;
	snprintf(h->reason, sizeof(h->reason), "%s%s", reason, r < 0 ? strerror(-r) : "");
}

/* Half of the descriptors the agent may have; the rest is for all else it does. */
static size_t descriptors(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur / 2 : 0;
}

/* Makes a change of a directory and looks whether both signals passed. */
static int prove(struct zw_probe *p)
{
	uint32_t before = p->file->bss->zw_notified;
	int r = zw_notify_try(p->scratch);

	if (r < 0)
		return r;
	return p->file->bss->zw_notified >= before + 2 ? 0 : -ENOMSG;
}

void zw_probe_watch_begin(struct zw_probe *p)
{
	size_t n, s;
	struct zw_hook_status *notify = hook_of(p, ZW_HOOK_TP_NOTIFY, &n), *stead;
	int r;

	if (!p->link[n] || notify->state != ZW_STATE_ON)
		return;
	stead = hook_of(p, notify->program->stands_for, &s);
	if (!p->link[s])
		return;
	r = prove(p);
	if (r == 0)
		r = zw_notify_open(descriptors(), &p->notify);
	if (r < 0) {
		bpf_link__destroy(p->link[n]);
		p->link[n] = NULL;
		set_hook(notify, ZW_STATE_FAILED, "directories do not notify: ", r);
		return;
	}
	bpf_link__destroy(p->link[s]);
	p->link[s] = NULL;
	set_hook(stead, ZW_STATE_OFF, "each directory that is watched notifies", 0);
}

/* What the kernel says of directory @ino that it will not notify: the other hook is on when this returns. */
static int do_without(struct zw_probe *p, uint64_t dev, uint64_t ino, int why)
{
	size_t n, s;
	const struct zw_hook_status *notify = hook_of(p, ZW_HOOK_TP_NOTIFY, &n);
	struct zw_hook_status *stead = hook_of(p, notify->program->stands_for, &s);
	int r;

	if (p->link[s])
		return 0;
	r = zw_attach_program(stead->program, p->file->obj, &p->link[s]);
	if (r < 0) {
		set_hook(stead, ZW_STATE_FAILED, "cannot attach: ", r);
		return r;
	}
	stead->state = ZW_STATE_ON;
	snprintf(stead->reason, sizeof(stead->reason),
		"directory %llu of device %llu:%llu does not notify: %s", (unsigned long long)ino,
		(unsigned long long)(dev >> 20), (unsigned long long)(dev & 0xfffff),
		strerror(-why));
	return 0;
}

static void do_with(struct zw_probe *p)
{
	size_t n, s;
	const struct zw_hook_status *notify = hook_of(p, ZW_HOOK_TP_NOTIFY, &n);
	struct zw_hook_status *stead = hook_of(p, notify->program->stands_for, &s);

	if (!p->link[s] || zw_notify_deaf(p->notify))
		return;
	bpf_link__destroy(p->link[s]);
	p->link[s] = NULL;
	set_hook(stead, ZW_STATE_OFF, "each directory that is watched notifies", 0);
}

static uint64_t dir_ctime_ns(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

/* A file's times move with a clock that ticks, at 100 Hz on the slowest kernels. */
#define TICK_NS (10 * ZW_NSEC_PER_MSEC)

/* Whether inode @ino is a directory that came a moment ago. */
static bool arrived(
	const struct zw_probe *p, uint64_t dev, uint64_t ino, struct zw_arrival *ret_arrival)
{
	const struct zw_inode_key key = {.dev = dev, .ino = ino};
	int map = bpf_map__fd(p->file->maps.zw_arrived);

	return bpf_map_lookup_elem(map, &key, ret_arrival) == 0 &&
	       zw_boottime_ns() < ret_arrival->since_ns + ZW_ARRIVAL_NS;
}

/* The same of one of the directories above @fd, as far up as the hooks look. */
#define LEVELS 8

static bool is_below_arrived(
	const struct zw_probe *p, uint64_t dev, int fd, struct zw_arrival *ret_arrival)
{
	_zw_close_ int up = -1;

	for (int i = 0; i < LEVELS; i++) {
		int next = openat(up >= 0 ? up : fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct stat st;

		zw_closep(&up);
		up = next;
		if (up < 0 || fstat(up, &st) < 0)
			return false;
		if (arrived(p, dev, st.st_ino, ret_arrival))
			return true;
	}
	return false;
}

/* Whether the directory may have changed unseen since it came, or one came that it is in. */
static bool changed_unseen(struct zw_probe *p, uint64_t dev, uint64_t ino)
{
	int fd = zw_notify_fd(p->notify, dev, ino);
	struct zw_arrival arrival;
	struct zw_inode_state state;
	struct stat st;

	if (fd < 0 || zw_boottime_ns() >= p->file->bss->zw_arrived_until)
		return false;
	if (arrived(p, dev, ino, &arrival))
		return zw_probe_inode_state(p, fd, &state) < 0 || state.version != arrival.version;
	/* What nobody was in of late is not known. It has a new time if it changed. */
	return is_below_arrived(p, dev, fd, &arrival) &&
	       (fstat(fd, &st) < 0 ||
		       dir_ctime_ns(&st) + TICK_NS + zw_boottime_ns() - arrival.since_ns >=
			       zw_realtime_ns());
}

static int watch_directory(struct zw_probe *p, uint64_t dev, uint64_t ino)
{
	int r = zw_notify_add(p->notify, dev, ino);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return do_without(p, dev, ino, r);
	return changed_unseen(p, dev, ino);
}

int zw_probe_watch(struct zw_probe *p, uint64_t dev, uint64_t ino, uint32_t flags)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	int map = bpf_map__fd(p->file->maps.zw_watch);
	uint32_t old;
	int r;

	if (bpf_map_lookup_elem(map, &key, &old) == 0) {
		r = bpf_map_update_elem(map, &key, &flags, BPF_EXIST);
	} else {
		count_dev(p, dev, 1);
		count_maybe(p, ino, 1);
		r = bpf_map_update_elem(map, &key, &flags, BPF_NOEXIST);
		if (r < 0) {
			count_maybe(p, ino, -1);
			count_dev(p, dev, -1);
		}
	}
	if (r == 0 && p->notify && flags & (ZW_WATCH_DIR | ZW_WATCH_PATH))
		r = watch_directory(p, dev, ino);
	return r;
}

int zw_probe_unwatch(struct zw_probe *p, uint64_t dev, uint64_t ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	int r = bpf_map_delete_elem(bpf_map__fd(p->file->maps.zw_watch), &key);

	if (r == 0) {
		count_maybe(p, ino, -1);
		count_dev(p, dev, -1);
	}
	if (p->notify) {
		zw_notify_remove(p->notify, dev, ino);
		do_with(p);
	}
	return r;
}
