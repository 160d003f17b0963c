/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which inodes are watched. The way out for one that is not is short: one bit of a filter. */
#pragma once

#include "zw_kernel.h"
#include "zw_maps.h"

/* Filled by the agent; sized before loading. Not preallocated: 100,000 zones are possible, ten usual. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 10);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct zw_inode_key);
	__type(value, __u32); /* enum zw_watch_flags */
} zw_watch SEC(".maps");

/* Devices that hold anything watched. More than ZW_DEVS: zw_all_devs is set and the map decides. */
#define ZW_DEVS 8
__u64 zw_devs[ZW_DEVS] = {};
__u32 zw_all_devs = 0;

/* See zw_maybe_bit(). Kept by the agent: set before the watch, cleared after the last one. */
__u64 zw_maybe[ZW_MAYBE_BITS / 64] = {};

/* An inode and what it is watched by. Of an overlay it is the inode below, so that an act is told of in the same way
 * whichever of the two a hook is called for. */
struct node {
	struct inode *inode; /* NULL: none */
	__u64 dev;
	__u64 ino;
	__u16 type;
};

static __always_inline bool device_watched(__u64 dev)
{
	for (int i = 0; i < ZW_DEVS; i++)
		if (zw_devs[i] == dev)
			return true;
	return zw_all_devs;
}

static __always_inline bool maybe_watched(__u64 ino)
{
	__u32 bit = zw_maybe_bit(ino);

	return zw_maybe[bit / 64] >> (bit % 64) & 1;
}

static __always_inline void node_of(struct inode *inode, struct node *n)
{
	struct super_block *sb;

	n->inode = inode;
	n->dev = n->ino = n->type = 0;
	if (!inode)
		return;
	sb = inode->i_sb;
	if (sb->s_magic != ZW_OVERLAY_MAGIC && sb->s_magic != ZW_BTRFS_MAGIC) {
		n->dev = sb->s_dev;
		n->ino = inode->i_ino;
		n->type = inode->i_mode & ZW_S_IFMT;
		return;
	}
	inode = zw_real_inode(inode);
	n->inode = inode;
	n->dev = zw_inode_dev(inode);
	n->ino = BPF_CORE_READ(inode, i_ino);
	n->type = BPF_CORE_READ(inode, i_mode) & ZW_S_IFMT;
}

static __always_inline __u32 watch_of_ino(__u64 dev, __u64 ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	__u32 *flags;

	if (!maybe_watched(ino))
		return 0;
	flags = bpf_map_lookup_elem(&zw_watch, &key);
	return flags ? *flags : 0;
}

/* The name that @node of an inode's list of them is of; NULL after the last. */
static __always_inline struct dentry *alias_at(struct hlist_node *node)
{
	return node ? (void *)node - bpf_core_field_offset(struct dentry, d_u.d_alias) : NULL;
}

/* Any name will do: an inode with several is watched itself if one of them is a zone file. */
static __always_inline struct dentry *alias_of(struct inode *inode)
{
	return alias_at(ZW_CAN_CAST ? ZW_CAST(struct inode, inode)->i_dentry.first
				    : BPF_CORE_READ(inode, i_dentry.first));
}

static __always_inline struct dentry *next_alias(struct dentry *alias)
{
	return alias_at(BPF_CORE_READ(alias, d_u.d_alias.next));
}

/* The directory @alias is in. */
static __always_inline struct inode *dir_of(struct dentry *alias)
{
	return ZW_CAN_CAST ? ZW_CAST(struct dentry, alias)->d_parent->d_inode
			   : BPF_CORE_READ(alias, d_parent, d_inode);
}

static __always_inline __u64 ino_of(struct inode *inode)
{
	return ZW_CAN_CAST ? ZW_CAST(struct inode, inode)->i_ino : BPF_CORE_READ(inode, i_ino);
}
