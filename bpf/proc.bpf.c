// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes: exec, fork and exit, so that an actor's ancestry can be told after it is gone. */
#include "zw_actor.h"
#include "zw_maps.h"

/* The agent looks at this ring before each file event and a few times a second; waking it for every fork of
 * a busy machine would cost more than the fork's event. A ring that fills up does wake it. */
static __always_inline __u64 submit_flags(void)
{
	__u64 size = bpf_ringbuf_query(&zw_ring, BPF_RB_RING_SIZE);
	__u64 data = bpf_ringbuf_query(&zw_ring, BPF_RB_AVAIL_DATA);

	return data > size / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(zw_tp_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct zw_wire_exec *e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e), 0);

	if (!e) {
		zw_count_drop(ZW_DROP_PROC_RING_FULL);
		return 0;
	}
	zw_hdr_fill(&e->hdr, sizeof(*e), ZW_WIRE_EXEC, ZW_HOOK_TP_EXEC);
	zw_actor_fill(&e->actor);
	bpf_ringbuf_submit(e, submit_flags());
	return 0;
}

static __always_inline int tree_event(
	__u8 type, __u8 hook, struct task_struct *parent, struct task_struct *child)
{
	struct zw_wire_fork *e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e), 0);

	if (!e) {
		zw_count_drop(ZW_DROP_PROC_RING_FULL);
		return 0;
	}
	zw_hdr_fill(&e->hdr, sizeof(*e), type, hook);
	e->parent_tgid = parent->tgid;
	e->parent_start_ns = parent->group_leader->start_boottime;
	e->child_tgid = child->tgid;
	e->child_start_ns = child->group_leader->start_boottime;
	bpf_ringbuf_submit(e, submit_flags());
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(zw_tp_fork, struct task_struct *parent, struct task_struct *child)
{
	/* Threads come and go within a process; only processes are nodes of the tree. */
	if (child->pid != child->tgid)
		return 0;
	return tree_event(ZW_WIRE_FORK, ZW_HOOK_TP_FORK, parent, child);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(zw_tp_exit, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	/* A process ends with the last of its threads, whichever that is: only then does it do nothing more. Of two that go
	 * at the same time both may see that nobody is left, so that it can end twice. */
	if (task->signal->live.counter > 0)
		return 0;
	return tree_event(ZW_WIRE_EXIT, ZW_HOOK_TP_EXIT, leader->real_parent, leader);
}
