/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The acting process, filled at the event while it certainly still exists: one body for every hook.
 *
 * The functions are global (not static) on purpose: the verifier then checks each once, whatever hook calls
 * it. Such a function takes a task as a number. They write straight into the reserved event; nothing is staged in
 * per-CPU memory, which a preempting program on the same CPU could overwrite.
 */
#pragma once

#include "zw_kernel.h"

#include <zw_wire.h>

/* Deepest path that is walked; one that is deeper is flagged as cut. */
#define ZW_PATH_DEPTH 32

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* State of one walk; bpf_loop() verifies its callback once, where a loop in place would be verified for
 * every turn of every program. */
struct walk {
	char *dst; /* ZW_PATH_LEN bytes */
	struct dentry *dentry;
	struct mount *mnt;
	struct dentry *root; /* of the process: the walk ends there */
	__u32 pos;
	bool whole;
};

static long walk_step(__u32 i, void *ctx)
{
	struct walk *w = ctx;
	/* Locals, since BPF_CORE_READ() would relocate w->x as if it were the kernel's. */
	struct dentry *dentry = w->dentry;
	struct mount *mnt = w->mnt;
	struct dentry *mnt_root = BPF_CORE_READ(mnt, mnt.mnt_root);
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	__u32 pos = w->pos;
	long n;

	if (dentry == w->root) {
		w->whole = true;
		return 1;
	}
	if (dentry == mnt_root || dentry == parent) {
		struct mount *up = BPF_CORE_READ(mnt, mnt_parent);

		if (dentry != mnt_root || up == mnt) {
			w->whole = true;
			return 1;
		}
		w->dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
		w->mnt = up;
		return 0;
	}
	/* Room for one more whole component is kept, so a partial name is never written. */
	if (pos >= ZW_PATH_LEN / 2)
		return 1;
	n = bpf_probe_read_kernel_str(w->dst + (pos & (ZW_PATH_LEN / 2 - 1)), ZW_PATH_LEN / 2,
		BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0)
		return 1;
	w->pos = pos + n;
	w->dentry = parent;
	return 0;
}

/* Writes the components of @dentry on @vfs from the leaf up to @dst, which has room for
 * ZW_PATH_LEN bytes; returns the length, or -1 when it was cut. Stops at @root_dentry: the root the process
 * lives in. Bounds are masked so that the verifier sees them: ZW_PATH_LEN is a power of two. */
static __always_inline int walk_path(char *dst, struct dentry *dentry, struct vfsmount *vfs,
	struct dentry *root_dentry, __u16 *ret_len)
{
	struct walk w = {.dst = dst, .dentry = dentry, .mnt = mount_of(vfs), .root = root_dentry};

	bpf_loop(ZW_PATH_DEPTH, walk_step, &w, 0);
	*ret_len = w.pos & (2 * ZW_PATH_LEN - 1);
	return w.whole ? 0 : -1;
}

__noinline int zw_actor_exe(struct zw_wire_actor *a, __u64 of)
{
	struct task_struct *task = (void *)of;
	struct file *exe;
	struct inode *inode;
	struct dentry *root;

	if (!a)
		return 0;
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (!exe)
		return 0;
	inode = BPF_CORE_READ(exe, f_inode);
	a->exe_dev = zw_inode_dev(inode);
	a->exe_ino = BPF_CORE_READ(inode, i_ino);
	if (BPF_CORE_READ(inode, i_nlink) == 0)
		a->flags |= ZW_ACTOR_EXE_DELETED;
	root = BPF_CORE_READ(task, fs, root.dentry);
	if (walk_path(a->exe, BPF_CORE_READ(exe, f_path.dentry), BPF_CORE_READ(exe, f_path.mnt),
		    root, &a->exe_len) < 0)
		a->flags |= ZW_ACTOR_EXE_CUT;
	return 0;
}

__noinline int zw_actor_cwd(struct zw_wire_actor *a, __u64 of)
{
	struct task_struct *task = (void *)of;
	struct fs_struct *fs;

	if (!a)
		return 0;
	fs = BPF_CORE_READ(task, fs);
	if (!fs)
		return 0;
	if (walk_path(a->cwd, BPF_CORE_READ(fs, pwd.dentry), BPF_CORE_READ(fs, pwd.mnt),
		    BPF_CORE_READ(fs, root.dentry), &a->cwd_len) < 0)
		a->flags |= ZW_ACTOR_CWD_CUT;
	return 0;
}

/* The argument area may be paged out or unreadable; argv_len stays 0 then and the process table,
 * which saw the exec, has it. */
__noinline int zw_actor_argv(struct zw_wire_actor *a)
{
	struct task_struct *task = bpf_get_current_task_btf();
	unsigned long start, len;

	if (!a)
		return 0;
	start = BPF_CORE_READ(task, mm, arg_start);
	len = BPF_CORE_READ(task, mm, arg_end) - start;
	if (!start)
		return 0;
	if (len > ZW_ARGV_LEN) {
		a->flags |= ZW_ACTOR_ARGV_CUT;
		len = ZW_ARGV_LEN;
	}
	/* The barrier keeps the compiler from reasoning the bound away before the verifier sees it. */
	asm volatile("" : "+r"(len));
	if (len > ZW_ARGV_LEN)
		return 0;
	if (bpf_probe_read_user(a->argv, len, (void *)start) == 0)
		a->argv_len = len;
	return 0;
}

struct climb {
	struct zw_wire_actor *a;
	struct task_struct *task;
};

static long climb_step(__u32 i, void *ctx)
{
	struct climb *c = ctx;
	struct task_struct *task = c->task;
	struct task_struct *up = BPF_CORE_READ(task, real_parent, group_leader);
	struct zw_wire_ancestor *anc;
	struct inode *inode;

	if (i >= ZW_ANCESTORS || !up || up == task || BPF_CORE_READ(up, pid) == 0)
		return 1;
	/* 6.1 forgets the bound of a spilled 32-bit value: the mask stands where it is used, and the barrier keeps
	 * the compiler from taking it away as known. */
	asm volatile("" : "+r"(i));
	anc = &c->a->ancestor[i & (ZW_ANCESTORS - 1)];
	c->task = up;
	anc->tgid = BPF_CORE_READ(up, tgid);
	anc->start_ns = BPF_CORE_READ(up, start_boottime);
	anc->uid = BPF_CORE_READ(up, real_cred, uid.val);
	anc->euid = BPF_CORE_READ(up, real_cred, euid.val);
	anc->loginuid = zw_task_loginuid(up);
	inode = BPF_CORE_READ(up, mm, exe_file, f_inode);
	anc->exe_dev = inode ? BPF_CORE_READ(inode, i_sb, s_dev) : 0;
	anc->exe_ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	BPF_CORE_READ_INTO(&anc->comm, up, comm);
	c->a->ancestors = i + 1;
	return 0;
}

__noinline int zw_actor_ancestors(struct zw_wire_actor *a, __u64 of)
{
	struct task_struct *task = (void *)of;
	struct climb c = {.a = a};

	if (!a)
		return 0;
	c.task = BPF_CORE_READ(task, group_leader);
	bpf_loop(ZW_ANCESTORS, climb_step, &c, 0);
	return 0;
}

__noinline int zw_actor_ids(struct zw_wire_actor *a, __u64 of)
{
	struct task_struct *task = (void *)of;
	struct task_struct *leader;
	const struct cred *cred;
	struct tty_struct *tty;
	struct nsproxy *ns;

	if (!a)
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	cred = BPF_CORE_READ(task, real_cred);
	a->start_ns = BPF_CORE_READ(leader, start_boottime);
	a->tgid = BPF_CORE_READ(task, tgid);
	a->tid = BPF_CORE_READ(task, pid);
	/* The objective credentials: what the process is, not what it borrows (access(2), nfsd). */
	a->uid = BPF_CORE_READ(cred, uid.val);
	a->euid = BPF_CORE_READ(cred, euid.val);
	a->gid = BPF_CORE_READ(cred, gid.val);
	a->egid = BPF_CORE_READ(cred, egid.val);
	a->loginuid = zw_task_loginuid(task);
	a->session = zw_task_sessionid(task);
	a->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	a->flags = BPF_CORE_READ(task, flags) & ZW_PF_KTHREAD ? ZW_ACTOR_KTHREAD : 0;
	a->argv_len = a->exe_len = a->cwd_len = a->ancestors = 0;
	a->exe_dev = a->exe_ino = 0;
	a->mntns = a->pidns = a->netns = 0;
	ns = BPF_CORE_READ(task, nsproxy);
	if (ns) {
		a->mntns = BPF_CORE_READ(ns, mnt_ns, ns.inum);
		a->pidns = BPF_CORE_READ(ns, pid_ns_for_children, ns.inum);
		a->netns = BPF_CORE_READ(ns, net_ns, ns.inum);
	}
	BPF_CORE_READ_INTO(&a->comm, leader, comm);
	a->tty[0] = '\0';
	tty = BPF_CORE_READ(task, signal, tty);
	if (tty)
		bpf_probe_read_kernel_str(a->tty, sizeof(a->tty), &tty->name);
	return 0;
}

/* Another task than the current one: its arguments are in its own memory, and the process table has them. */
static __always_inline void zw_actor_fill_of(struct zw_wire_actor *a, __u64 of)
{
	zw_actor_ids(a, of);
	zw_actor_exe(a, of);
	zw_actor_cwd(a, of);
	zw_actor_ancestors(a, of);
}

static __always_inline void zw_actor_fill(struct zw_wire_actor *a)
{
	zw_actor_fill_of(a, bpf_get_current_task());
	zw_actor_argv(a);
}

static __always_inline void zw_hdr_fill(struct zw_wire_hdr *h, __u32 size, __u8 type, __u8 hook)
{
	h->size = size;
	h->type = type;
	h->hook = hook;
	h->version = ZW_WIRE_VERSION;
	h->time_ns = bpf_ktime_get_boot_ns();
}
