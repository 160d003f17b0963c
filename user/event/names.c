/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "event/event.h"

static const char *const fop_names[] = {
	[ZW_FOP_NONE] = "none",
	[ZW_FOP_WRITE] = "write",
	[ZW_FOP_ATTR] = "attr",
	[ZW_FOP_OPEN] = "open",
	[ZW_FOP_MAP] = "map",
	[ZW_FOP_DIRENT] = "dirent",
	[ZW_FOP_CREATE] = "create",
	[ZW_FOP_LINK] = "link",
	[ZW_FOP_UNLINK] = "unlink",
	[ZW_FOP_RENAME] = "rename",
	[ZW_FOP_MOUNT] = "mount",
};
static_assert(ZW_ARRAY_SIZE(fop_names) == _ZW_FOP_MAX, "an operation has no name");

/* The section names of the programs, as libbpf and bpftool show them. The tracepoint of umount2(2) is called
 * after the kernel's name of the call (SYSCALL_DEFINE2(umount, ...), fs/namespace.c). */
static const char *const hook_names[] = {
	[ZW_HOOK_NONE] = "none",
	[ZW_HOOK_TP_DIRTY] = "tp_btf/writeback_mark_inode_dirty",
	[ZW_HOOK_TP_EXT4_META] = "tp_btf/ext4_mark_inode_dirty",
	[ZW_HOOK_TP_EXT4_DA_WRITE] = "tp_btf/ext4_da_write_begin",
	[ZW_HOOK_TP_EXT4_WRITE] = "tp_btf/ext4_write_begin",
	[ZW_HOOK_TP_EXT4_FALLOCATE] = "tp_btf/ext4_fallocate_enter",
	[ZW_HOOK_TP_EXT4_PUNCH] = "tp_btf/ext4_punch_hole",
	[ZW_HOOK_TP_EXT4_ZERO] = "tp_btf/ext4_zero_range",
	[ZW_HOOK_TP_EXT4_COLLAPSE] = "tp_btf/ext4_collapse_range",
	[ZW_HOOK_TP_EXT4_INSERT] = "tp_btf/ext4_insert_range",
	[ZW_HOOK_TP_EXT4_TRUNCATE] = "tp_btf/ext4_truncate_enter",
	[ZW_HOOK_TP_IOMAP_DIO] = "tp_btf/iomap_dio_rw_begin",
	[ZW_HOOK_TP_EXT4_UNLINK] = "tp_btf/ext4_unlink_enter",
	[ZW_HOOK_TP_CTIME] = "tp_btf/ctime_ns_xchg",
	[ZW_HOOK_TP_CTIME_SKIP] = "tp_btf/ctime_xchg_skip",
	[ZW_HOOK_TP_CTIME_SET] = "tp_btf/inode_set_ctime_to_ts",
	[ZW_HOOK_TP_XFS_RENAME] = "tp_btf/xfs_rename",
	[ZW_HOOK_TP_NOTIFY] = "tp_btf/signal_generate-dnotify",
	[ZW_HOOK_TP_MOUNT] = "tp_btf/cap_capable",
	[ZW_HOOK_TP_SYS_MOUNT] = "tp/syscalls/sys_exit_mount",
	[ZW_HOOK_TP_SYS_UMOUNT] = "tp/syscalls/sys_exit_umount",
	[ZW_HOOK_TP_SYS_MOVE_MOUNT] = "tp/syscalls/sys_exit_move_mount",
	[ZW_HOOK_TP_SYS_PIVOT_ROOT] = "tp/syscalls/sys_exit_pivot_root",
	[ZW_HOOK_LSM_FILE_PERMISSION] = "lsm/file_permission",
	[ZW_HOOK_LSM_FILE_OPEN] = "lsm/file_open",
	[ZW_HOOK_LSM_MMAP_FILE] = "lsm/mmap_file",
	[ZW_HOOK_LSM_FILE_MPROTECT] = "lsm/file_mprotect",
	[ZW_HOOK_LSM_PATH_TRUNCATE] = "lsm/path_truncate",
	[ZW_HOOK_LSM_FILE_TRUNCATE] = "lsm/file_truncate",
	[ZW_HOOK_LSM_INODE_CREATE] = "lsm/inode_create",
	[ZW_HOOK_LSM_INODE_LINK] = "lsm/inode_link",
	[ZW_HOOK_LSM_INODE_UNLINK] = "lsm/inode_unlink",
	[ZW_HOOK_LSM_INODE_SYMLINK] = "lsm/inode_symlink",
	[ZW_HOOK_LSM_INODE_MKNOD] = "lsm/inode_mknod",
	[ZW_HOOK_LSM_INODE_MKDIR] = "lsm/inode_mkdir",
	[ZW_HOOK_LSM_INODE_RMDIR] = "lsm/inode_rmdir",
	[ZW_HOOK_LSM_INODE_RENAME] = "lsm/inode_rename",
	[ZW_HOOK_LSM_SB_MOUNT] = "lsm/sb_mount",
	[ZW_HOOK_LSM_SB_UMOUNT] = "lsm/sb_umount",
	[ZW_HOOK_LSM_MOVE_MOUNT] = "lsm/move_mount",
	[ZW_HOOK_FENTRY_FILE_PERMISSION] = "fentry/security_file_permission",
	[ZW_HOOK_FENTRY_FILE_OPEN] = "fentry/security_file_open",
	[ZW_HOOK_FENTRY_MMAP_FILE] = "fentry/security_mmap_file",
	[ZW_HOOK_FENTRY_FILE_MPROTECT] = "fentry/security_file_mprotect",
	[ZW_HOOK_FENTRY_PATH_TRUNCATE] = "fentry/security_path_truncate",
	[ZW_HOOK_FENTRY_FILE_TRUNCATE] = "fentry/security_file_truncate",
	[ZW_HOOK_FENTRY_INODE_CREATE] = "fentry/security_inode_create",
	[ZW_HOOK_FENTRY_INODE_LINK] = "fentry/security_inode_link",
	[ZW_HOOK_FENTRY_INODE_UNLINK] = "fentry/security_inode_unlink",
	[ZW_HOOK_FENTRY_INODE_SYMLINK] = "fentry/security_inode_symlink",
	[ZW_HOOK_FENTRY_INODE_MKNOD] = "fentry/security_inode_mknod",
	[ZW_HOOK_FENTRY_INODE_MKDIR] = "fentry/security_inode_mkdir",
	[ZW_HOOK_FENTRY_INODE_RMDIR] = "fentry/security_inode_rmdir",
	[ZW_HOOK_FENTRY_INODE_RENAME] = "fentry/security_inode_rename",
	[ZW_HOOK_FENTRY_SB_MOUNT] = "fentry/security_sb_mount",
	[ZW_HOOK_FENTRY_SB_UMOUNT] = "fentry/security_sb_umount",
	[ZW_HOOK_FENTRY_MOVE_MOUNT] = "fentry/security_move_mount",
	[ZW_HOOK_TP_EXEC] = "tp_btf/sched_process_exec",
	[ZW_HOOK_TP_FORK] = "tp_btf/sched_process_fork",
	[ZW_HOOK_TP_EXIT] = "tp_btf/sched_process_exit",
	[ZW_HOOK_ITER_VMA] = "iter/task_vma",
	[ZW_HOOK_ITER_FILE] = "iter/task_file",
	[ZW_HOOK_SYSCALL_STATE] = "syscall/inode_state",
	[ZW_HOOK_TC_IN] = "tc/ingress",
	[ZW_HOOK_TC_OUT] = "tc/egress",
	[ZW_HOOK_TC_IN_L3] = "tc/ingress-l3",
	[ZW_HOOK_TC_OUT_L3] = "tc/egress-l3",
	[ZW_HOOK_TC_LOCAL] = "tc/egress-lo",
	[ZW_HOOK_CG_CONNECT4] = "cgroup/connect4",
	[ZW_HOOK_CG_CONNECT6] = "cgroup/connect6",
	[ZW_HOOK_CG_SOCKET] = "cgroup/sock_create",
	[ZW_HOOK_CG_BIND4] = "cgroup/post_bind4",
	[ZW_HOOK_CG_BIND6] = "cgroup/post_bind6",
	[ZW_HOOK_ITER_SOCKET] = "iter/task_file-sockets",
	[ZW_HOOK_FEXIT_UNIX_SEND] = "fexit/unix_stream_sendmsg",
	[ZW_HOOK_FEXIT_UNIX_PAGE] = "fexit/unix_stream_sendpage",
	[ZW_HOOK_TP_COPY] = "tp_btf/skb_copy_datagram_iovec",
	[ZW_HOOK_TP_SIGNAL] = "tp_btf/signal_generate",
};
static_assert(ZW_ARRAY_SIZE(hook_names) == _ZW_HOOK_MAX, "a hook has no name");

static const char *const direction_names[] = {
	[ZW_DIRECTION_NONE] = "none",
	[ZW_DIRECTION_IN] = "in",
	[ZW_DIRECTION_OUT] = "out",
	[ZW_DIRECTION_LOCAL] = "local",
};
static_assert(ZW_ARRAY_SIZE(direction_names) == _ZW_DIRECTION_MAX, "a direction has no name");

static const char *const query_names[] = {"a", "aaaa", "ns", "soa", "ptr", "mx", "txt", "srv", "ds",
	"dnskey", "https", "any", "other", "broken"};
static_assert(ZW_ARRAY_SIZE(query_names) == _ZW_QUERY_MAX, "a class of queries has no name");

const char *zw_fop_to_string(enum zw_fop op)
{
	return (unsigned int)op < _ZW_FOP_MAX ? fop_names[op] : "unknown";
}

bool zw_hook_is_mounted(enum zw_hook hook)
{
	return hook >= ZW_HOOK_TP_MOUNT && hook <= ZW_HOOK_TP_SYS_PIVOT_ROOT;
}

bool zw_hook_is_ctime(enum zw_hook hook)
{
	return hook >= ZW_HOOK_TP_CTIME && hook <= ZW_HOOK_TP_CTIME_SET;
}

bool zw_hook_is_early(enum zw_hook hook)
{
	return hook >= ZW_HOOK_TP_EXT4_DA_WRITE && hook <= ZW_HOOK_FENTRY_MOVE_MOUNT &&
	       !zw_hook_is_mounted(hook) && hook != ZW_HOOK_TP_NOTIFY;
}

const char *zw_hook_to_string(enum zw_hook hook)
{
	return (unsigned int)hook < _ZW_HOOK_MAX ? hook_names[hook] : "unknown";
}

const char *zw_direction_to_string(enum zw_direction direction)
{
	return (unsigned int)direction < _ZW_DIRECTION_MAX ? direction_names[direction] : "unknown";
}

const char *zw_query_class_to_string(enum zw_query_class query)
{
	return (unsigned int)query < _ZW_QUERY_MAX ? query_names[query] : "unknown";
}
