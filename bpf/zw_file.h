/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can change a zone file: one body for the hooks of all tiers.
 *
 * Every dirtied inode of the machine passes here, so the way out for an inode nobody watches is short: one bit of a
 * filter, and for regular files written to, on a device with watched directories, one more for the parent.
 */
#pragma once

#include "zw_actor.h"
#include "zw_arrival.h"
#include "zw_maps.h"

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
	__u32 name; /* and so is having another one, or coming; 0 for inodes that are watched themselves */
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
	struct dentry *dentry;     /* names the entry in dir */
	const unsigned char *name; /* the same where there is no dentry */
	__u16 op;
	__u8 hook;
};

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

/* One operation passes several of the hooks for the change time. */
static __always_inline __u16 coalesced_as(__u8 hook)
{
	return hook == ZW_HOOK_TP_CTIME_SKIP || hook == ZW_HOOK_TP_CTIME_SET ||
			       hook == ZW_HOOK_TP_NOTIFY
		       ? ZW_HOOK_TP_CTIME
		       : hook;
}

static __always_inline int emit(const struct file_op *o, __u64 dev, __u32 watch)
{
	struct coalesce_key key = {.dev = dev, .op = o->op, .hook = coalesced_as(o->hook)};
	/* Locals, since BPF_CORE_READ() would relocate o->x as if it were the kernel's. */
	struct inode *inode = o->inode, *dir = o->dir, *old_dir = o->old_dir, *victim = o->victim;
	struct dentry *dentry = o->dentry;
	const unsigned char *name = o->name;
	struct zw_wire_file *e;
	__u32 skipped = 0;

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	if (key.tgid == zw_self_tgid)
		return 0;
	/* Operations on names are few and each one matters; only writes come in floods. */
	if (o->op == ZW_FOP_WRITE || o->op == ZW_FOP_ATTR ||
		(o->op == ZW_FOP_DIRENT && !name && !old_dir)) {
		struct inode *of = inode ? inode : dir;

		key.ino = BPF_CORE_READ(of, i_ino);
		key.nlink = BPF_CORE_READ(of, i_nlink);
		if (dentry)
			key.name = BPF_CORE_READ(dentry, d_name.hash);
		else if (watch & ZW_WATCH_ARRIVED)
			key.name = 1;
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
		name = BPF_CORE_READ(dentry, d_name.name);
	if (name)
		bpf_probe_read_kernel_str(e->name, sizeof(e->name), name);
	zw_actor_fill(&e->actor);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Whether nothing can be watched where the change time of @inode is set: the way out for all the others, in as few steps as
 * can be. On ext4, files tell by their own number alone; directories may be on the move, but only while the one they are in
 * is locked for that. */
static __always_inline bool is_far(struct inode *inode)
{
	struct dentry *alias;

	if (inode->i_sb->s_magic != ZW_EXT4_MAGIC || maybe_watched(inode->i_ino) ||
		zw_arrived_until)
		return false;
	if ((inode->i_mode & ZW_S_IFMT) != ZW_S_IFDIR)
		return true;
	alias = alias_of(inode);
	return !alias || !locks_entries(dir_of(alias));
}

static __always_inline void on_arrival(struct inode *inode, const struct node *n, __u8 hook)
{
	struct file_op o = {.inode = inode, .op = ZW_FOP_ATTR, .hook = hook};

	if (!is_arrival(inode, n))
		return;
	note_arrival(n);
	emit(&o, n->dev, ZW_WATCH_PATH | ZW_WATCH_ARRIVED);
}

/* Names an inode can have in a directory and be found by. */
#define ALIASES 4

/* Names of a file that are looked at for one beside a zone; the kernel lists the last made first. */
#define NAMES 32
#define TOO_MANY_NAMES (~0ULL)

/* The name of a file with several that is in a directory with a zone: a struct dentry, or 0 if none is. */
__noinline __u64 zw_alias_beside(const struct arrived_arg *arg)
{
	struct inode *inode;
	struct dentry *alias;
	__u64 dev;

	if (!arg)
		return 0;
	inode = (struct inode *)arg->inode;
	dev = zw_inode_dev(inode);
	/* A number, which is all that may be returned. */
	alias = alias_at(BPF_CORE_READ(inode, i_dentry.first));
	for (int i = 0; alias && i < NAMES; i++) {
		if (watch_of_ino(dev, ino_of(dir_of(alias))) & ZW_WATCH_DIR)
			return (__u64)alias;
		alias = next_alias(alias);
	}
	return alias ? TOO_MANY_NAMES : 0;
}

static __always_inline bool has_aliases(struct inode *inode)
{
	return (ZW_CAN_CAST ? ZW_CAST(struct inode, inode)->i_nlink
			    : BPF_CORE_READ(inode, i_nlink)) > 1;
}

/* Something happened to @inode itself: its data, its attributes, or, for a directory, its entries. @beside: a file
 * that is not watched, but whose directory is, counts too. */
static __always_inline int on_inode(struct inode *inode, __u16 op, __u8 hook, bool beside)
{
	struct file_op o = {.op = op, .hook = hook};
	struct dentry *alias;
	struct inode *dir;
	struct node n;
	__u32 watch;

	node_of(inode, &n);
	watch = n.inode ? watch_of_ino(n.dev, n.ino) : 0;
	o.inode = n.inode;
	/* A file beside a zone file may be renamed over it next, or be its first journal: who writes it is wanted then,
	 * and its name, also where its directory seems to come just now. */
	if (!watch && beside && n.type == ZW_S_IFREG && device_watched(n.dev)) {
		alias = alias_of(n.inode);
		dir = alias ? dir_of(alias) : NULL;
		watch = dir ? watch_of_ino(n.dev, ino_of(dir)) : 0;
		if (!(watch & ZW_WATCH_DIR) && has_aliases(n.inode)) {
			const struct arrived_arg arg = {.inode = (__u64)n.inode};
			__u64 found = zw_alias_beside(&arg);

			/* Whoever makes that many does not hide what is written. */
			alias = found == TOO_MANY_NAMES ? NULL : (struct dentry *)found;
			dir = alias ? dir_of(alias) : NULL;
			watch = found ? ZW_WATCH_DIR : 0;
		}
		if (watch & ZW_WATCH_DIR) {
			o.dir = dir;
			o.dentry = alias;
			return emit(&o, n.dev, watch);
		}
		watch = 0;
	}
	if (!watch)
		watch = arrived_watch(&n);
	if (!watch)
		return 0;
	if (n.type == ZW_S_IFDIR) {
		o.dir = n.inode;
		o.inode = NULL;
		o.op = ZW_FOP_DIRENT;
		zw_dirent_task = bpf_get_current_pid_tgid();
	}
	return emit(&o, n.dev, watch);
}

/* The directory and name by which @inode is part of an operation on entries: the current task holds the lock of the
 * directory. With two names in it which one is meant is not known. */
static __always_inline bool entry_of(struct inode *inode, struct file_op *o)
{
	struct dentry *alias = alias_of(inode);
	bool found = false;

	for (int i = 0; alias && i < ALIASES; i++) {
		struct inode *dir = dir_of(alias);

		if (dir && locks_entries(dir)) {
			o->dentry = found ? NULL : alias;
			o->dir = dir;
			found = true;
		}
		alias = next_alias(alias);
	}
	return found;
}

/* The change time of @inode is set: the one thing that every filesystem does to a directory whose entries change, to
 * what comes and goes by them, and to a file that is truncated. An overlay only copies times. ext4 has set the count of
 * names by then and tells of each that is removed, which is enough; for others, what an operation on names takes
 * away or brings is told of with its name. */
static __always_inline int on_ctime(struct inode *inode, __u8 hook)
{
	struct file_op o = {.inode = inode, .op = ZW_FOP_ATTR, .hook = hook};
	struct file_op dirent = {.dir = inode, .op = ZW_FOP_DIRENT, .hook = hook};
	unsigned long magic = inode->i_sb->s_magic;
	bool ext4 = magic == ZW_EXT4_MAGIC, dir, entry;
	struct node n;
	__u32 watch;

	if (is_far(inode) || magic == ZW_OVERLAY_MAGIC)
		return 0;
	node_of(inode, &n);
	on_arrival(inode, &n, hook);
	watch = watch_of(&n);
	dir = watch && n.type == ZW_S_IFDIR;
	if (!watch) {
		struct dentry *alias = ext4 || !device_watched(n.dev) ? NULL : alias_of(inode);

		if (!alias)
			return 0;
		watch = watch_of_ino(n.dev, ino_of(dir_of(alias)));
		if (!(watch & ZW_WATCH_DIR))
			return 0;
		entry = entry_of(inode, &o);
		return entry ? emit(&o, n.dev, watch) : 0;
	}
	/* Read from the disk, by whoever looked it up. */
	if (zw_inode_is_new(inode))
		return 0;
	if (dir) {
		zw_dirent_task = bpf_get_current_pid_tgid();
		emit(&dirent, n.dev, watch);
	}
	/* Where a directory came, what is done in it may be told of by this alone. */
	entry = (!ext4 || zw_arrived_until) && entry_of(inode, &o);
	return entry || !dir ? emit(&o, n.dev, watch) : 0;
}

/* Entry @name of @dir leads elsewhere, and nothing else will be told of it. */
static __always_inline int on_named_entry(struct inode *dir, const unsigned char *name, __u8 hook)
{
	struct file_op o = {.dir = dir, .name = name, .op = ZW_FOP_DIRENT, .hook = hook};
	__u64 dev = BPF_CORE_READ(dir, i_sb, s_dev);
	__u32 watch;

	watch = watch_of_ino(dev, ino_of(dir));
	return watch ? emit(&o, dev, watch) : 0;
}

/* An entry of @dir is made, removed or linked. */
static __always_inline int on_entry(
	struct inode *dir, struct dentry *dentry, struct inode *inode, __u16 op, __u8 hook)
{
	struct file_op o = {.dentry = dentry, .op = op, .hook = hook};
	struct node d, n;
	__u32 watch;

	node_of(dir, &d);
	node_of(inode, &n);
	watch = watch_of(&d) | watch_of(&n);
	o.dir = d.inode;
	o.inode = n.inode;
	return watch ? emit(&o, d.dev, watch) : 0;
}

static __always_inline int on_rename(struct inode *old_dir, struct dentry *old_dentry,
	struct inode *new_dir, struct dentry *new_dentry, __u8 hook)
{
	struct file_op o = {.dentry = new_dentry, .op = ZW_FOP_RENAME, .hook = hook};
	struct node to, from, n, victim;
	__u32 watch, into, back;

	node_of(new_dir, &to);
	node_of(old_dir, &from);
	node_of(old_dentry->d_inode, &n);
	node_of(new_dentry->d_inode, &victim);
	into = watch_of(&to);
	back = watch_of(&from);
	watch = into | back | watch_of(&n) | watch_of(&victim);
	if (into && n.type == ZW_S_IFDIR) {
		note_arrival(&n);
		watch |= ZW_WATCH_ARRIVED;
	}
	/* Perhaps the two are exchanged. */
	if (back && victim.type == ZW_S_IFDIR) {
		note_arrival(&victim);
		watch |= ZW_WATCH_ARRIVED;
	}
	o.inode = n.inode;
	o.dir = to.inode;
	o.old_dir = from.inode;
	o.victim = victim.inode;
	return watch ? emit(&o, to.dev, watch) : 0;
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
