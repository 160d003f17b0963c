// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals to the agent: whoever ends or stops it is written down, at the moment it is sent and by whoever sends it. */
#include "zw_actor.h"

#include <zw_guard.h>

#define SIGHUP 1
#define SIGKILL 9
#define SIGCHLD 17
#define SIGCONT 18
#define SIGTSTP 20
#define SIGURG 23
#define SIGWINCH 28
#define SIGSYS 31
/* include/linux/signal_types.h: "the kernel sends it" in the place of a siginfo. */
#define SEND_SIG_PRIV 1
/* include/trace/events/signal.h */
#define TRACE_SIGNAL_DELIVERED 0

/* Set by the agent before it attaches. */
const volatile __u32 zw_guard_tgid;
const volatile __u64 zw_guard_since_ns;
/* Written ever; the agent looks whether it moved. */
__u32 zw_guard_count;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZW_GUARD_SLOTS);
	__type(key, __u32);
	__type(value, struct zw_guard_record);
} zw_guard SEC(".maps");

/* What the agent is not ended or stopped by (signal(7)), or, as SIGHUP, is meant to get. */
static __always_inline bool is_harmless(int sig)
{
	return sig <= SIGHUP || sig > SIGSYS || sig == SIGCHLD || sig == SIGCONT ||
	       (sig >= SIGTSTP && sig <= SIGURG) || sig == SIGWINCH;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(zw_tp_signal, int sig, void *info, struct task_struct *task, int group, int result)
{
	__u32 self = bpf_get_current_pid_tgid() >> 32;
	struct zw_guard_record *record;
	__u32 slot;

	if ((__u32)task->tgid != zw_guard_tgid || self == zw_guard_tgid || is_harmless(sig) ||
		result != TRACE_SIGNAL_DELIVERED)
		return 0;
	slot = __sync_fetch_and_add(&zw_guard_count, 1) % ZW_GUARD_SLOTS;
	record = bpf_map_lookup_elem(&zw_guard, &slot);
	if (!record)
		return 0;
	record->signal = 0;
	record->agent_tgid = zw_guard_tgid;
	record->agent_since_ns = zw_guard_since_ns;
	/* A debugger stops by the same way. */
	record->by_kernel = (unsigned long)info == SEND_SIG_PRIV && sig == SIGKILL;
	record->reserved = 0;
	/* No process runs another program here, but an EXEC event is what says all of one. */
	zw_hdr_fill(&record->sender.hdr, sizeof(record->sender), ZW_WIRE_EXEC, ZW_HOOK_TP_EXEC);
	zw_actor_fill(&record->sender.actor);
	record->signal = sig;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
