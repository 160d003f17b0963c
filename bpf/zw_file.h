/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can change a zone file: one body for the hooks of all tiers.
 *
 * Every dirtied inode of the machine passes here, so the way out for an inode nobody watches is short: one
 * compare of the device, one hash lookup, and for regular files written to one more for the parent.
 */
#pragma once

#include "zw_actor.h"
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

/* The agent itself: reading a zone must not look like touching it. */
__u32 zw_self_tgid = 0;

/* What ZW_COALESCE_NS holds for. */
struct coalesce_key {
	__u64 ino;
	__u32 dev;
	__u32 tgid;
	__u16 op;
	__u16 hook;
	__u32 nlink; /* losing a name is news even right after another event */
	__u32 name;  /* and so is having another one; 0 for inodes that are watched themselves */
	__u32 reserved;
};
struct coalesce_value {
	__u64 last_ns;
	__u32 skipped;
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct coalesce_key);
	__type(value, struct coalesce_value);
} zw_coalesce SEC(".maps");

/* What a hook knows of its event; zero where it knows nothing. */
struct file_op {
	struct inode *inode;
	struct inode *dir;
	struct inode *old_dir;
	struct inode *victim;
	struct dentry *dentry; /* names the entry in dir */
	__u16 op;
	__u8 hook;
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

static __always_inline __u32 watch_of(__u64 dev, struct inode *inode)
{
	struct zw_inode_key key = {.dev = dev};
	__u32 *flags;

	if (!inode)
		return 0;
	key.ino = inode->i_ino;
	if (!maybe_watched(key.ino))
		return 0;
	flags = bpf_map_lookup_elem(&zw_watch, &key);
	return flags ? *flags : 0;
}

/* Any name will do: an inode with several is watched itself if one of them is a zone file. */
static __always_inline struct dentry *alias_of(struct inode *inode)
{
	struct hlist_node *node = inode->i_dentry.first;

	if (!node)
		return NULL;
	return (void *)node - bpf_core_field_offset(struct dentry, d_u.d_alias);
}

/* Counts an event that was like the one just before, or lets it through. */
static __always_inline bool coalesce(struct coalesce_key *key, __u32 *ret_skipped)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct coalesce_value *seen = bpf_map_lookup_elem(&zw_coalesce, key);
	struct coalesce_value fresh = {.last_ns = now};

	if (!seen) {
		bpf_map_update_elem(&zw_coalesce, key, &fresh, BPF_ANY);
		*ret_skipped = 0;
		return false;
	}
	if (now - seen->last_ns < ZW_COALESCE_NS) {
		seen->skipped++;
		zw_count_drop(ZW_DROP_COALESCED);
		return true;
	}
	*ret_skipped = seen->skipped;
	seen->skipped = 0;
	seen->last_ns = now;
	return false;
}

static __always_inline int emit(const struct file_op *o, __u64 dev, __u32 watch)
{
	struct coalesce_key key = {.dev = dev, .op = o->op, .hook = o->hook};
	/* Locals, since BPF_CORE_READ() would relocate o->x as if it were the kernel's. */
	struct inode *inode = o->inode, *dir = o->dir, *old_dir = o->old_dir, *victim = o->victim;
	struct dentry *dentry = o->dentry;
	struct zw_wire_file *e;
	__u32 skipped = 0;

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	if (key.tgid == zw_self_tgid)
		return 0;
	/* Operations on names are few and each one matters; only writes come in floods. */
	if (o->op == ZW_FOP_WRITE || o->op == ZW_FOP_ATTR || o->op == ZW_FOP_DIRENT) {
		struct inode *of = inode ? inode : dir;

		key.ino = BPF_CORE_READ(of, i_ino);
		key.nlink = BPF_CORE_READ(of, i_nlink);
		if (dentry)
			key.name = BPF_CORE_READ(dentry, d_name.hash);
		if (coalesce(&key, &skipped))
			return 0;
	}
	e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e), 0);
	if (!e) {
		zw_count_drop(ZW_DROP_FILE_RING_FULL);
		return 0;
	}
	zw_hdr_fill(&e->hdr, sizeof(*e), ZW_WIRE_FILE, o->hook);
	e->dev = dev;
	e->ino = e->size_bytes = e->mode = e->nlink = e->owner_uid = e->generation = 0;
	e->ctime_ns = 0;
	if (inode) {
		e->ino = BPF_CORE_READ(inode, i_ino);
		e->size_bytes = BPF_CORE_READ(inode, i_size);
		e->mode = BPF_CORE_READ(inode, i_mode);
		e->nlink = BPF_CORE_READ(inode, i_nlink);
		e->owner_uid = BPF_CORE_READ(inode, i_uid.val);
		e->ctime_ns = zw_inode_ctime_ns(inode);
		e->generation = BPF_CORE_READ(inode, i_generation);
	}
	e->dir_ino = dir ? BPF_CORE_READ(dir, i_ino) : 0;
	e->old_dir_ino = old_dir ? BPF_CORE_READ(old_dir, i_ino) : 0;
	e->ino2 = victim ? BPF_CORE_READ(victim, i_ino) : 0;
	e->op = o->op;
	e->watch = watch;
	e->coalesced = skipped;
	e->name[0] = '\0';
	if (dentry)
		bpf_probe_read_kernel_str(
			e->name, sizeof(e->name), BPF_CORE_READ(dentry, d_name.name));
	zw_actor_fill(&e->actor);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Something happened to @inode itself: its data, its attributes, or, for a directory, its entries. @beside: a file
 * that is not watched, but whose directory is, counts too. */
static __always_inline int on_inode(struct inode *inode, __u16 op, __u8 hook, bool beside)
{
	__u64 dev = inode->i_sb->s_dev;
	struct file_op o = {.inode = inode, .op = op, .hook = hook};
	struct zw_inode_key key = {.dev = dev};
	struct dentry *alias;
	__u32 watch, *flags;
	__u16 type;

	if (!device_watched(dev))
		return 0;
	watch = watch_of(dev, inode);
	type = inode->i_mode & ZW_S_IFMT;
	if (watch) {
		if (type == ZW_S_IFDIR) {
			o.dir = inode;
			o.inode = NULL;
			o.op = ZW_FOP_DIRENT;
		}
		return emit(&o, dev, watch);
	}
	/* A file beside a zone file may be renamed over it next: who writes it is wanted then. */
	if (!beside || type != ZW_S_IFREG)
		return 0;
	alias = alias_of(inode);
	if (!alias)
		return 0;
	key.ino = BPF_CORE_READ(alias, d_parent, d_inode, i_ino);
	if (!maybe_watched(key.ino))
		return 0;
	flags = bpf_map_lookup_elem(&zw_watch, &key);
	if (!flags || !(*flags & ZW_WATCH_DIR))
		return 0;
	o.dir = BPF_CORE_READ(alias, d_parent, d_inode);
	o.dentry = alias;
	return emit(&o, dev, *flags);
}

/* An entry of @dir is made, removed or linked. */
static __always_inline int on_entry(
	struct inode *dir, struct dentry *dentry, struct inode *inode, __u16 op, __u8 hook)
{
	__u64 dev = dir->i_sb->s_dev;
	struct file_op o = {.inode = inode, .dir = dir, .dentry = dentry, .op = op, .hook = hook};
	__u32 watch;

	if (!device_watched(dev))
		return 0;
	watch = watch_of(dev, dir) | watch_of(dev, inode);
	return watch ? emit(&o, dev, watch) : 0;
}

static __always_inline int on_rename(struct inode *old_dir, struct dentry *old_dentry,
	struct inode *new_dir, struct dentry *new_dentry, __u8 hook)
{
	__u64 dev = new_dir->i_sb->s_dev;
	struct file_op o = {
		.inode = old_dentry->d_inode,
		.dir = new_dir,
		.old_dir = old_dir,
		.victim = new_dentry->d_inode,
		.dentry = new_dentry,
		.op = ZW_FOP_RENAME,
		.hook = hook,
	};
	__u32 watch;

	if (!device_watched(dev))
		return 0;
	watch = watch_of(dev, old_dir) | watch_of(dev, new_dir) | watch_of(dev, o.inode) |
		watch_of(dev, o.victim);
	return watch ? emit(&o, dev, watch) : 0;
}

/* The mount table changed; which zones that concerns is found by looking, so every one counts. */
static __always_inline int on_mount(__u8 hook)
{
	struct file_op o = {.op = ZW_FOP_MOUNT, .hook = hook};

	return emit(&o, 0, 0);
}

static __always_inline int on_mmap(
	struct file *file, unsigned long prot, unsigned long flags, __u8 hook)
{
	unsigned long type = flags & ZW_MAP_TYPE;

	if (!file || !(prot & ZW_PROT_WRITE) ||
		(type != ZW_MAP_SHARED && type != ZW_MAP_SHARED_VALIDATE))
		return 0;
	return on_inode(file->f_inode, ZW_FOP_MAP, hook, true);
}

static __always_inline int on_mprotect(struct vm_area_struct *vma, unsigned long prot, __u8 hook)
{
	struct file *file = vma->vm_file;

	if (!file || !(prot & ZW_PROT_WRITE) || !(vma->vm_flags & ZW_VM_SHARED))
		return 0;
	return on_inode(file->f_inode, ZW_FOP_MAP, hook, true);
}

static __always_inline int on_permission(struct file *file, int mask, __u8 hook)
{
	if (!(mask & ZW_MAY_WRITE))
		return 0;
	return on_inode(file->f_inode, ZW_FOP_WRITE, hook, true);
}

static __always_inline int on_open(struct file *file, __u8 hook)
{
	if (!(file->f_mode & ZW_FMODE_WRITE))
		return 0;
	return on_inode(file->f_inode, ZW_FOP_OPEN, hook, true);
}
