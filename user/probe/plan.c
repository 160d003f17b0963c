/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/plan.h"

#include "base/cleanup.h"

#define TP(hook_id, prog, tp, cap, req, only_ext4)                                       \
	{                                                                                \
		.hook = ZW_HOOK_TP_##hook_id, .object = ZW_OBJ_FILE, .name = prog,       \
		.btf = "btf_trace_" tp, .btf_is_type = true, .tier = ZW_TIER_TRACEPOINT, \
		.capability = cap, .required = req, .ext4 = only_ext4                    \
	}
/* Beside the security hooks: those run before a mount, which may take long or fail, and no other hook tells when it
 * is there. */
#define SYS(hook_id, prog, call, req)                                                  \
	{                                                                              \
		.hook = ZW_HOOK_TP_SYS_##hook_id, .object = ZW_OBJ_FILE, .name = prog, \
		.tracepoint = "syscalls/sys_exit_" call, .tier = ZW_TIER_TRACEPOINT,   \
		.capability = ZW_CAP_MOUNT, .required = req, .beside = true,           \
		.spared_by = ZW_HOOK_TP_MOUNT                                          \
	}
/* The same function of security/security.c, once for each of the two upper tiers. */
#define SECURITY(hook_id, fn, cap, req)                                                           \
	{.hook = ZW_HOOK_LSM_##hook_id,                                                           \
		.object = ZW_OBJ_FILE,                                                            \
		.name = "zw_lsm_" fn,                                                             \
		.btf = "bpf_lsm_" fn,                                                             \
		.tier = ZW_TIER_LSM,                                                              \
		.capability = cap,                                                                \
		.required = req},                                                                 \
	{                                                                                         \
		.hook = ZW_HOOK_FENTRY_##hook_id, .object = ZW_OBJ_FILE, .name = "zw_fentry_" fn, \
		.btf = "security_" fn, .tier = ZW_TIER_FENTRY, .capability = cap, .required = req \
	}
#define ALWAYS(hook_id, obj, prog, tp, cap)                                         \
	{                                                                           \
		.hook = ZW_HOOK_##hook_id, .object = obj, .name = prog, .btf = tp,  \
		.btf_is_type = true, .tier = ZW_TIER_TRACEPOINT, .capability = cap, \
		.required = true                                                    \
	}
#define CGROUP(hook_id, prog)                                                            \
	{                                                                                \
		.hook = ZW_HOOK_CG_##hook_id, .object = ZW_OBJ_SOCK, .name = prog,       \
		.tier = ZW_TIER_TRACEPOINT, .capability = ZW_CAP_SOCKETS, .cgroup = true \
	}
/* Attached device by device: net_follow.c. */
#define DEVICE(hook_id, prog)                                                     \
	{                                                                         \
		.hook = ZW_HOOK_TC_##hook_id, .object = ZW_OBJ_NET, .name = prog, \
		.tier = ZW_TIER_TRACEPOINT, .capability = ZW_CAP_PACKETS          \
	}

#define FEXIT(hook_id, prog, fn, req)                                                            \
	{                                                                                        \
		.hook = ZW_HOOK_FEXIT_##hook_id, .object = ZW_OBJ_UNIX, .name = prog, .btf = fn, \
		.tier = ZW_TIER_FENTRY, .capability = ZW_CAP_CONTROL, .required = req            \
	}

static const struct zw_program programs[] = {
	SECURITY(FILE_PERMISSION, "file_permission", ZW_CAP_WRITE, true),
	SECURITY(PATH_TRUNCATE, "path_truncate", ZW_CAP_WRITE, true),
	SECURITY(FILE_TRUNCATE, "file_truncate", ZW_CAP_WRITE, false),
	TP(EXT4_DA_WRITE, "zw_tp_ext4_da_write", "ext4_da_write_begin", ZW_CAP_WRITE, false, true),
	TP(EXT4_WRITE, "zw_tp_ext4_write", "ext4_write_begin", ZW_CAP_WRITE, false, true),
	TP(EXT4_FALLOCATE, "zw_tp_ext4_fallocate", "ext4_fallocate_enter", ZW_CAP_WRITE, false,
		true),
	TP(EXT4_PUNCH, "zw_tp_ext4_punch", "ext4_punch_hole", ZW_CAP_WRITE, false, true),
	TP(EXT4_ZERO, "zw_tp_ext4_zero", "ext4_zero_range", ZW_CAP_WRITE, false, true),
	TP(EXT4_COLLAPSE, "zw_tp_ext4_collapse", "ext4_collapse_range", ZW_CAP_WRITE, false, true),
	TP(EXT4_INSERT, "zw_tp_ext4_insert", "ext4_insert_range", ZW_CAP_WRITE, false, true),
	TP(EXT4_TRUNCATE, "zw_tp_ext4_truncate", "ext4_truncate_enter", ZW_CAP_WRITE, false, true),
	TP(IOMAP_DIO, "zw_tp_iomap_dio", "iomap_dio_rw_begin", ZW_CAP_WRITE, false, false),
	/* Stores through a mapping call no security hook, so this one is needed whatever the tier. */
	TP(DIRTY, "zw_tp_dirty", "writeback_mark_inode_dirty", ZW_CAP_STORE, true, false),
	SECURITY(INODE_RENAME, "inode_rename", ZW_CAP_NAMES, true),
	SECURITY(INODE_LINK, "inode_link", ZW_CAP_NAMES, true),
	SECURITY(INODE_UNLINK, "inode_unlink", ZW_CAP_NAMES, true),
	SECURITY(INODE_CREATE, "inode_create", ZW_CAP_NAMES, true),
	SECURITY(INODE_SYMLINK, "inode_symlink", ZW_CAP_NAMES, true),
	SECURITY(INODE_MKNOD, "inode_mknod", ZW_CAP_NAMES, true),
	SECURITY(INODE_MKDIR, "inode_mkdir", ZW_CAP_NAMES, true),
	SECURITY(INODE_RMDIR, "inode_rmdir", ZW_CAP_NAMES, true),
	{.hook = ZW_HOOK_TP_EXT4_META,
		.object = ZW_OBJ_FILE,
		.name = "zw_tp_ext4_meta",
		.btf = "btf_trace_ext4_mark_inode_dirty",
		.btf_is_type = true,
		.tier = ZW_TIER_TRACEPOINT,
		.capability = ZW_CAP_NAMES,
		.required = true,
		.ext4 = true,
		.spared_by = ZW_HOOK_TP_CTIME},
	TP(EXT4_UNLINK, "zw_tp_ext4_unlink", "ext4_unlink_enter", ZW_CAP_NAMES, false, true),
	TP(CTIME, "zw_tp_ctime", "ctime_ns_xchg", ZW_CAP_NAMES, false, false),
	TP(CTIME_SKIP, "zw_tp_ctime_skip", "ctime_xchg_skip", ZW_CAP_NAMES, false, false),
	TP(CTIME_SET, "zw_tp_ctime_set", "inode_set_ctime_to_ts", ZW_CAP_NAMES, false, false),
	{.hook = ZW_HOOK_TP_NOTIFY,
		.object = ZW_OBJ_FILE,
		.name = "zw_tp_notify",
		.btf = "btf_trace_signal_generate",
		.btf_is_type = true,
		.tier = ZW_TIER_TRACEPOINT,
		.capability = ZW_CAP_NAMES,
		.ext4 = true,
		.stands_for = ZW_HOOK_TP_CTIME_SKIP},
	TP(XFS_RENAME, "zw_tp_xfs_rename", "xfs_rename", ZW_CAP_NAMES, false, false),
	SECURITY(SB_MOUNT, "sb_mount", ZW_CAP_MOUNT, true),
	SECURITY(SB_UMOUNT, "sb_umount", ZW_CAP_MOUNT, true),
	SECURITY(MOVE_MOUNT, "move_mount", ZW_CAP_MOUNT, false),
	{.hook = ZW_HOOK_TP_MOUNT,
		.object = ZW_OBJ_MOUNT,
		.name = "zw_tp_capable",
		.btf = "bpf_task_work_schedule_resume_impl",
		.tier = ZW_TIER_TRACEPOINT,
		.capability = ZW_CAP_MOUNT,
		.beside = true},
	SYS(MOUNT, "zw_tp_mount", "mount", true),
	SYS(UMOUNT, "zw_tp_umount", "umount", true),
	SYS(MOVE_MOUNT, "zw_tp_move_mount", "move_mount", false),
	SYS(PIVOT_ROOT, "zw_tp_pivot_root", "pivot_root", false),
	SECURITY(FILE_OPEN, "file_open", ZW_CAP_INTENT, true),
	SECURITY(MMAP_FILE, "mmap_file", ZW_CAP_INTENT, true),
	SECURITY(FILE_MPROTECT, "file_mprotect", ZW_CAP_INTENT, true),
	ALWAYS(TP_EXEC, ZW_OBJ_PROC, "zw_tp_exec", "btf_trace_sched_process_exec", ZW_CAP_PROCESS),
	ALWAYS(TP_FORK, ZW_OBJ_PROC, "zw_tp_fork", "btf_trace_sched_process_fork", ZW_CAP_PROCESS),
	ALWAYS(TP_EXIT, ZW_OBJ_PROC, "zw_tp_exit", "btf_trace_sched_process_exit", ZW_CAP_PROCESS),
	ALWAYS(SYSCALL_STATE, ZW_OBJ_INSPECT, "zw_inode_state", NULL, ZW_CAP_INSPECT),
	ALWAYS(ITER_FILE, ZW_OBJ_INSPECT, "zw_iter_file", NULL, ZW_CAP_INSPECT),
	ALWAYS(ITER_VMA, ZW_OBJ_INSPECT, "zw_iter_vma", NULL, ZW_CAP_INSPECT),
	CGROUP(CONNECT4, "zw_cg_connect4"),
	CGROUP(CONNECT6, "zw_cg_connect6"),
	CGROUP(SOCKET, "zw_cg_socket"),
	CGROUP(BIND4, "zw_cg_bind4"),
	CGROUP(BIND6, "zw_cg_bind6"),
	ALWAYS(ITER_SOCKET, ZW_OBJ_SOCK, "zw_iter_socket", NULL, ZW_CAP_SOCKETS),
	DEVICE(IN, "zw_net_in"),
	DEVICE(OUT, "zw_net_out"),
	DEVICE(IN_L3, "zw_net_in_l3"),
	DEVICE(OUT_L3, "zw_net_out_l3"),
	DEVICE(LOCAL, "zw_net_local"),
	FEXIT(UNIX_SEND, "zw_fexit_unix_send", "unix_stream_sendmsg", true),
	FEXIT(UNIX_PAGE, "zw_fexit_unix_page", "unix_stream_sendpage", false),
	ALWAYS(TP_COPY, ZW_OBJ_UNIX, "zw_tp_copy", "btf_trace_skb_copy_datagram_iovec",
		ZW_CAP_CONTROL),
	ALWAYS(TP_SIGNAL, ZW_OBJ_GUARD, "zw_tp_signal", "btf_trace_signal_generate", ZW_CAP_GUARD),
};

const struct zw_program *zw_programs(size_t *ret_n)
{
	*ret_n = ZW_ARRAY_SIZE(programs);
	return programs;
}

const char *zw_tier_to_string(enum zw_tier tier)
{
	static const char *const names[] = {"lsm", "fentry", "tracepoint"};

	_Static_assert(ZW_ARRAY_SIZE(names) == _ZW_TIER_MAX, "a tier has no name");
	return names[tier];
}

const char *zw_capability_to_string(enum zw_capability capability)
{
	static const char *const names[] = {"write", "store", "names", "mount", "intent", "process",
		"inspect", "sockets", "packets", "control", "guard"};

	_Static_assert(ZW_ARRAY_SIZE(names) == _ZW_CAP_MAX, "a capability has no name");
	return names[capability];
}

const char *zw_hook_state_to_string(enum zw_hook_state state)
{
	static const char *const names[] = {"off", "failed", "silent", "on"};

	_Static_assert(ZW_ARRAY_SIZE(names) == _ZW_STATE_MAX, "a state has no name");
	return names[state];
}
