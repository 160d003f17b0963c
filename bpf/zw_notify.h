/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories told of by dnotify (fcntl(2), F_NOTIFY): the kernel sends its signal in the task that changes a directory,
 * when that is done and each time, under the lock of the directory. What the agent ignores still passes the tracepoint. So
 * that no change is missed where the change time did not move, nothing has to be asked for of all the other directories. */
#pragma once

#include "zw_file.h"

/* How often the signals came: what the agent proves the hook by. */
__u32 zw_notified = 0;

/* By thread: what a rename took from a directory, which is told of before what it brings. */
struct leaving {
	__u64 dir;     /* the inode, only to be compared and looked at with care */
	__u64 version; /* of the directory then */
	__u64 told; /* inode of an entry that was told of as brought by the same operation; 0: none */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct leaving);
} zw_leaving SEC(".maps");

/* The directory the agent's descriptor in @info is of. */
static __always_inline struct inode *notified_dir(
	struct kernel_siginfo *info, struct task_struct *task)
{
	struct file *file = zw_file_of(task, BPF_CORE_READ(info, _sifields._sigpoll._fd));

	return file ? BPF_CORE_READ(file, f_inode) : NULL;
}

static __always_inline long call_of(struct task_struct *task)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);

	return (long)BPF_CORE_READ(regs, orig_ax);
}

/* rename(2), renameat(2) and renameat2(2) of both tables (arch/x86/entry/syscalls): none of the others that have one of
 * these numbers in the other table changes a directory. */
static __always_inline bool is_rename_call(long call)
{
	return call == 82 || call == 264 || call == 316 || call == 38 || call == 302 || call == 353;
}

/* Whether the current task moves something to another directory of the file system of @dir. */
static __always_inline bool moves_across(struct inode *dir, struct task_struct *task)
{
	struct super_block *sb = BPF_CORE_READ(dir, i_sb);
	unsigned long owner = BPF_CORE_READ(sb, s_vfs_rename_mutex.owner.counter);

	return (owner & ~RWSEM_OWNER_FLAGS) == (unsigned long)task;
}

/* Whether @l is what was taken from a directory by the operation that is under way. */
static __always_inline bool is_leaving(const struct leaving *l)
{
	struct inode *dir = (void *)l->dir;

	return dir && locks_entries(dir) && zw_inode_version(dir) == l->version;
}

/* Entry @number of @dir; __d_move() of fs/dcache.c makes what it moves the first, and no other comes while the directory
 * is locked. */
static __always_inline struct dentry *child_of(struct inode *dir, bool second)
{
	struct dentry *alias = alias_of(dir);
	struct hlist_node *node = alias ? BPF_CORE_READ(alias, d_children.first) : NULL;

	if (node && second)
		node = BPF_CORE_READ(node, next);
	return node ? (void *)node - bpf_core_field_offset(struct dentry, d_sib) : NULL;
}

/* Directories below one that came, as far as somebody was in them of late: the others have changed before the last tick, so
 * that the first change since moves their times. */
#define CHILDREN 64
#define GRANDCHILDREN 16

struct below {
	struct hlist_node *node;
	__u64 dev;
	bool late;
};

/* Goes on to the next entry of the list; notes the one there is, if that is a directory, which it returns. */
static __always_inline struct dentry *note_below(struct below *b)
{
	struct hlist_node *node = b->node;
	struct dentry *d = (void *)node - bpf_core_field_offset(struct dentry, d_sib);
	struct inode *inode = BPF_CORE_READ(d, d_inode);
	struct node n = {.inode = inode, .dev = b->dev};

	b->node = BPF_CORE_READ(node, next);
	if (!inode || (BPF_CORE_READ(inode, i_mode) & ZW_S_IFMT) != ZW_S_IFDIR)
		return NULL;
	n.ino = ino_of(inode);
	note_late_arrival(&n, b->late);
	return d;
}

static long grandchild_step(__u32 i, void *ctx)
{
	struct below *b = ctx;

	if (!b->node)
		return 1;
	note_below(b);
	return 0;
}

static long child_step(__u32 i, void *ctx)
{
	struct below *b = ctx, inner = {.dev = b->dev, .late = b->late};
	struct dentry *d;

	if (!b->node)
		return 1;
	d = note_below(b);
	inner.node = d ? BPF_CORE_READ(d, d_children.first) : NULL;
	bpf_loop(GRANDCHILDREN, grandchild_step, &inner, 0);
	return 0;
}

/* If what @moved names is a directory, it came to one that is watched. At the first signal of an operation, and before anything
 * else is done, so that nobody else is as quick; @late: what was done in it meanwhile is not known. */
static __always_inline bool brings_tree(struct dentry *moved, __u64 dev, bool late)
{
	struct inode *inode = moved ? BPF_CORE_READ(moved, d_inode) : NULL;
	struct node came = {.inode = inode, .dev = dev};
	struct below below = {.dev = dev, .late = late};

	if (!inode || (BPF_CORE_READ(inode, i_mode) & ZW_S_IFMT) != ZW_S_IFDIR)
		return false;
	came.ino = ino_of(inode);
	note_late_arrival(&came, late);
	below.node = BPF_CORE_READ(moved, d_children.first);
	bpf_loop(CHILDREN, child_step, &below, 0);
	return true;
}

/* Something left @dir. By a rename to another directory, which one may not be told of. */
static __always_inline int on_left(struct inode *dir, const struct node *n, __u32 watch)
{
	struct file_op o = {.dir = dir, .op = ZW_FOP_DIRENT, .hook = ZW_HOOK_TP_NOTIFY};
	__u64 thread = bpf_get_current_pid_tgid();
	struct leaving l = {.dir = (__u64)dir, .version = zw_inode_version(dir)};
	struct leaving *known = bpf_map_lookup_elem(&zw_leaving, &thread);
	bool across = moves_across(dir, bpf_get_current_task_btf());

	/* Within the directory, and if two are exchanged there, both. */
	if (!across && is_rename_call(call_of(bpf_get_current_task_btf()))) {
		brings_tree(child_of(dir, false), n->dev, false);
		brings_tree(child_of(dir, true), n->dev, false);
	}

	/* The other half of an exchange. */
	if (known && known->dir == l.dir && known->version == l.version)
		l.told = known->told;
	if (across)
		o.old_dir = dir;
	bpf_map_update_elem(&zw_leaving, &thread, &l, BPF_ANY);
	return emit(&o, n->dev, watch);
}

/* What is left of an entry that was renamed over: no name is found by it any more, but while the rename is under way it is
 * still in the list of its directory. So is what was removed and is still open. */
#define REPLACED_MAX 128

struct replaced {
	struct hlist_node *node;
	struct dentry *moved;
	__u32 hash;
	__u32 found;
	__u64 inode; /* of the one that was found */
};

static long replaced_step(__u32 i, void *ctx)
{
	struct replaced *r = ctx;
	struct hlist_node *node = r->node;
	struct dentry *d = (void *)node - bpf_core_field_offset(struct dentry, d_sib);

	if (!node)
		return 1;
	r->node = BPF_CORE_READ(node, next);
	if (d == r->moved || BPF_CORE_READ(d, d_hash.pprev) ||
		BPF_CORE_READ(d, d_name.hash) != r->hash)
		return 0;
	r->found++;
	r->inode = (__u64)BPF_CORE_READ(d, d_inode);
	return 0;
}

/* Whether it is known for sure what had the name of @moved before: *@ret_victim, NULL if nothing. */
static __always_inline bool find_replaced(
	struct inode *dir, struct dentry *moved, struct inode **ret_victim)
{
	struct dentry *alias = alias_of(dir);
	struct replaced r = {.moved = moved, .hash = BPF_CORE_READ(moved, d_name.hash)};

	r.node = alias ? BPF_CORE_READ(alias, d_children.first) : NULL;
	bpf_loop(REPLACED_MAX, replaced_step, &r, 0);
	if (r.node || r.found != 1)
		return false;
	*ret_victim = (struct inode *)r.inode;
	return true;
}

/* A rename brought an entry to @dir. */
static __always_inline int on_brought(
	struct inode *dir, const struct node *n, __u32 watch, struct leaving *from)
{
	struct file_op o = {.dir = dir, .op = ZW_FOP_RENAME, .hook = ZW_HOOK_TP_NOTIFY};
	struct dentry *moved = child_of(dir, false);
	bool tree = brings_tree(moved, n->dev, from && from->dir != (__u64)dir);
	struct inode *inode = moved ? BPF_CORE_READ(moved, d_inode) : NULL;

	/* The other half of an exchange within one directory. */
	if (inode && from && from->told == ino_of(inode)) {
		moved = child_of(dir, true);
		tree = brings_tree(moved, n->dev, false);
		inode = moved ? BPF_CORE_READ(moved, d_inode) : NULL;
	}
	if (!inode) {
		o.op = ZW_FOP_DIRENT;
		return emit(&o, n->dev, watch);
	}
	if (from) {
		/* Of an exchange with another directory, the other half has left this one. */
		if (from->dir != (__u64)dir || !moves_across(dir, bpf_get_current_task_btf()))
			o.old_dir = (struct inode *)from->dir;
		from->told = ino_of(inode);
	}
	if (tree)
		watch |= ZW_WATCH_ARRIVED;
	o.inode = inode;
	o.dentry = moved;
	if (!find_replaced(dir, moved, &o.victim))
		watch |= ZW_WATCH_BLIND;
	return emit(&o, n->dev, watch);
}

static __always_inline int on_came(struct inode *dir, const struct node *n, __u32 watch)
{
	struct file_op o = {.dir = dir, .op = ZW_FOP_DIRENT, .hook = ZW_HOOK_TP_NOTIFY};
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 thread = bpf_get_current_pid_tgid();
	struct leaving *from = bpf_map_lookup_elem(&zw_leaving, &thread);
	bool renames = is_rename_call(call_of(task)) && locks_entries(dir);

	if (from && !is_leaving(from))
		from = NULL;
	/* These have no system call of their own. */
	if (task->flags & (ZW_PF_KTHREAD | ZW_PF_IO_WORKER))
		renames = from || moves_across(dir, task);
	return renames ? on_brought(dir, n, watch, from) : emit(&o, n->dev, watch);
}

static __always_inline int on_notified(
	int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	struct inode *dir;
	struct node n = {};
	__u32 watch;

	if (sig != ZW_SIGNAL_CAME && sig != ZW_SIGNAL_LEFT)
		return 0;
	/* No other process can give this code. */
	if ((__u32)task->tgid != zw_self_tgid || (unsigned long)info <= 1 ||
		BPF_CORE_READ(info, si_code) != ZW_POLL_MSG)
		return 0;
	__sync_fetch_and_add(&zw_notified, 1);
	dir = notified_dir(info, task);
	if (!dir)
		return 0;
	n.dev = BPF_CORE_READ(dir, i_sb, s_dev);
	n.ino = ino_of(dir);
	watch = watch_of_ino(n.dev, n.ino);
	if (!watch)
		return 0;
	zw_dirent_task = bpf_get_current_pid_tgid();
	return sig == ZW_SIGNAL_LEFT ? on_left(dir, &n, watch) : on_came(dir, &n, watch);
}
