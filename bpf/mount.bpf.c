// SPDX-License-Identifier: GPL-2.0-or-later
/* Mounting has no tracepoint of its own. But whoever mounts must be able to (fs/namespace.c, may_mount), and when that is
 * found so, what the call came to can be looked at when it is done. The tracepoints of system calls tell the same
 * (file.bpf.c), and make every call of every process take longer. An object by itself: not every kernel has what it
 * calls, nor in this form. */
#include "zw_actor.h"
#include "zw_maps.h"

/* The agent itself. */
__u32 zw_self_tgid = 0;

/* By thread: what is done at the end of its system call. */
struct mount_work {
	struct bpf_task_work work;
	__u64 begin_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct mount_work);
} zw_mounts SEC(".maps");

typedef int (*task_work_fn)(struct bpf_map *map, void *key, void *value);
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
	void *map, task_work_fn fn, void *aux) __ksym;

/* Which zones it concerns is found by looking, so every one counts; but only success does. */
static int on_done(struct bpf_map *map, void *key, void *value)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct zw_wire_file *e;

	if ((long)BPF_CORE_READ(regs, ax) < 0)
		return 0;
	e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e), 0);
	if (!e) {
		zw_count_drop(ZW_DROP_FILE_RING_FULL);
		return 0;
	}
	__builtin_memset(e, 0, offsetof(struct zw_wire_file, actor));
	zw_hdr_fill(&e->hdr, sizeof(*e), ZW_WIRE_FILE, ZW_HOOK_TP_MOUNT);
	e->op = ZW_FOP_MOUNT;
	e->ctime_ns = ((struct mount_work *)value)->begin_ns;
	zw_actor_fill(&e->actor);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tp_btf/cap_capable")
int BPF_PROG(zw_tp_capable, const void *cred, void *target, const void *ns, int cap, int ret)
{
	struct task_struct *task;
	struct pt_regs___kernel *regs;
	struct mount_work fresh = {}, *w;
	__u64 thread, begin_ns;
	long call;

	if (cap != ZW_CAP_SYS_ADMIN || ret != 0)
		return 0;
	task = bpf_get_current_task_btf();
	regs = (void *)bpf_task_pt_regs(task);
	call = BPF_CORE_READ(regs, orig_ax);
	if (call != ZW_NR_MOUNT && call != ZW_NR_UMOUNT && call != ZW_NR_MOVE_MOUNT &&
		call != ZW_NR_PIVOT_ROOT)
		return 0;
	begin_ns = bpf_ktime_get_boot_ns();
	thread = bpf_get_current_pid_tgid();
	if (thread >> 32 == zw_self_tgid)
		return 0;
	w = bpf_map_lookup_elem(&zw_mounts, &thread);
	if (!w) {
		bpf_map_update_elem(&zw_mounts, &thread, &fresh, BPF_NOEXIST);
		w = bpf_map_lookup_elem(&zw_mounts, &thread);
	}
	/* Refused where it is under way already: a call may ask more than once. */
	if (w && bpf_task_work_schedule_resume_impl(task, &w->work, &zw_mounts, on_done, NULL) == 0)
		w->begin_ns = begin_ns;
	return 0;
}
