/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories that come into a watched one, with what is in them: for a moment all of it counts as watched. */
#pragma once

#include "zw_watch.h"

/* Directories that came to where the way to a zone may lead now, and when. Whoever is as quick as that is seen in them
 * before the agent knows of them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct zw_inode_key);
	__type(value, struct zw_arrival);
} zw_arrived SEC(".maps");

/* No directory is new after this; 0: none is. */
__u64 zw_arrived_until = 0;

/* The task that last changed an entry of a watched directory. */
__u64 zw_dirent_task = 0;

/* How far below a directory that came is looked. */
#define ARRIVED_DEPTH 8

/* An inode as a number: what a function takes that is verified once, not anew wherever it is called. */
struct arrived_arg {
	__u64 inode;
};

__noinline int zw_in_arrived(const struct arrived_arg *arg)
{
	struct inode *inode;
	struct dentry *d;
	__u64 now = bpf_ktime_get_boot_ns(), until = zw_arrived_until;

	if (!arg)
		return 0;
	if (now >= until) {
		__sync_val_compare_and_swap(&zw_arrived_until, until, 0);
		return 0;
	}
	d = alias_of((struct inode *)arg->inode);
	for (int i = 0; d && i < ARRIVED_DEPTH; i++) {
		struct dentry *up = BPF_CORE_READ(d, d_parent);
		struct zw_inode_key key = {};
		struct zw_arrival *arrival;

		inode = BPF_CORE_READ(d, d_inode);
		if (!inode)
			return 0;
		key.dev = zw_inode_dev(inode);
		key.ino = BPF_CORE_READ(inode, i_ino);
		arrival = bpf_map_lookup_elem(&zw_arrived, &key);
		if (arrival && now < arrival->since_ns + ZW_ARRIVAL_NS)
			return 1;
		d = up == d ? NULL : up;
	}
	return 0;
}

/* Whether @inode is a directory that came a moment ago, or is in or below one. */
static __always_inline bool in_arrived(struct inode *inode)
{
	const struct arrived_arg arg = {.inode = (__u64)inode};

	return zw_in_arrived(&arg);
}

/* What an inode that is not watched itself counts as where a directory came. */
static __always_inline __u32 arrived_watch(const struct node *n)
{
	if (!zw_arrived_until || !n->inode || !device_watched(n->dev) || !in_arrived(n->inode))
		return 0;
	return n->type == ZW_S_IFDIR ? ZW_WATCH_DIR | ZW_WATCH_PATH : ZW_WATCH_FILE;
}

static __always_inline __u32 watch_of(const struct node *n)
{
	__u32 watch = n->inode ? watch_of_ino(n->dev, n->ino) : 0;

	return watch ? watch : arrived_watch(n);
}

static __always_inline void note_arrival_of(const struct node *n, __u64 version)
{
	struct zw_inode_key key = {.dev = n->dev, .ino = n->ino};
	struct zw_arrival arrival = {.since_ns = bpf_ktime_get_boot_ns(), .version = version};

	bpf_map_update_elem(&zw_arrived, &key, &arrival, BPF_ANY);
	zw_arrived_until = arrival.since_ns + ZW_ARRIVAL_NS;
}

/* Directory @n comes into one that is watched. */
static __always_inline void note_arrival(const struct node *n)
{
	note_arrival_of(n, zw_inode_version(n->inode));
}

/* The same when it is there already, unless that was told just before, too: a few microseconds ago, in which nobody gets
 * through an operation in it, or, if @late, a longer while ago. */
static __always_inline void note_late_arrival(const struct node *n, bool late)
{
	struct zw_inode_key key = {.dev = n->dev, .ino = n->ino};
	struct zw_arrival *known = bpf_map_lookup_elem(&zw_arrived, &key);
	bool fresh = known && bpf_ktime_get_boot_ns() < known->since_ns + ZW_ARRIVAL_NS;

	if (fresh)
		note_arrival_of(n, known->version);
	else
		note_arrival_of(n, late ? ZW_VERSION_UNKNOWN : zw_inode_version(n->inode));
}

/* Whether the current task holds the lock under which entries of @dir are made, removed and renamed. The bits below are
 * flags (kernel/locking/rwsem.c, RWSEM_OWNER_FLAGS_MASK). */
#define RWSEM_OWNER_FLAGS 7UL

static __always_inline bool locks_entries(struct inode *dir)
{
	unsigned long owner = ZW_CAN_CAST ? ZW_CAST(struct inode, dir)->i_rwsem.owner.counter
					  : BPF_CORE_READ(dir, i_rwsem.owner.counter);

	return (owner & ~RWSEM_OWNER_FLAGS) == (unsigned long)bpf_get_current_task_btf();
}

/* The attributes of directory @inode change since it is moved: the current task holds the lock of the directory it is in,
 * and that is watched, or another one is that the same task just changed. */
static __always_inline bool is_arrival(struct inode *inode, const struct node *n)
{
	struct dentry *alias;
	struct inode *parent;

	/* One that is removed has no link left by then. */
	if (n->type != ZW_S_IFDIR || !device_watched(n->dev) || inode->i_nlink == 0)
		return false;
	alias = alias_of(inode);
	if (!alias)
		return false;
	parent = dir_of(alias);
	if (!parent || (zw_dirent_task != bpf_get_current_pid_tgid() &&
			       !watch_of_ino(n->dev, ino_of(parent))))
		return false;
	return ino_of(parent) != n->ino && locks_entries(parent);
}
