/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process a socket belongs to, for those that have to do with a port of interest: the last one that was seen
 * sending through it; before anybody did, the one that connected, bound or made it. Lives as long as the socket itself,
 * packets under way included, so it outlives the process.
 */
#pragma once

#include "zw_kernel.h"

#include <zw_wire.h>

/* BPF_F_CLONE: a connection that is accepted belongs to who listens. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct zw_wire_owner);
} zw_owners SEC(".maps");

/* Fields are read in place where the verifier lets them be: a call for each would take ten times as long. */
static __always_inline void zw_owner_fill(struct zw_wire_owner *o, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	const struct cred *cred = task->real_cred;
	struct mm_struct *mm = task->mm;
	struct file *file = mm ? mm->exe_file : NULL;
	struct inode *exe = file ? file->f_inode : NULL;

	o->start_ns = leader->start_boottime;
	o->exe_dev = exe ? zw_inode_dev(exe) : 0;
	o->exe_ino = exe ? exe->i_ino : 0;
	o->tgid = task->tgid;
	o->uid = cred->uid.val;
	o->euid = cred->euid.val;
	o->loginuid = zw_task_loginuid(task);
	o->session = zw_task_sessionid(task);
	o->made = 0;
	BPF_CORE_READ_INTO(&o->comm, leader, comm);
}

/* The current task if it is what sends, and no thread of the kernel's; NULL otherwise. */
static __always_inline struct task_struct *zw_sender(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (BPF_CORE_READ(task, flags) & ZW_PF_KTHREAD)
		return NULL;
	return zw_in_syscall(task) ? task : NULL;
}
