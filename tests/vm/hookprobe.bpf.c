// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One empty program for each hook whose support is in question. They read no arguments: the
 * question is only whether the kernel takes, attaches and calls them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u64 hits;

/*
 * Only what the prober or a child of its own does is counted: both run under this name. comm starts
 * out zeroed because bpf_get_current_comm() of 6.1 leaves the bytes behind the string as they were.
 */
static __always_inline void count(void)
{
	union {
		char text[16];
		__u64 word[2];
	} comm = {}, wanted = {.text = "hookprobe"};

	if (bpf_get_current_comm(comm.text, sizeof(comm.text)) == 0 &&
		comm.word[0] == wanted.word[0] && comm.word[1] == wanted.word[1])
		__sync_fetch_and_add(&hits, 1);
}

#define PROBE(name, section)             \
	SEC(section) int name(void *ctx) \
	{                                \
		count();                 \
		return 0;                \
	}

#define LSM(hook)                                 \
	PROBE(l_##hook, "lsm/" #hook)             \
	PROBE(e_##hook, "fentry/security_" #hook) \
	PROBE(x_##hook, "fexit/security_" #hook)
#define FUNC(func)                       \
	PROBE(e_##func, "fentry/" #func) \
	PROBE(x_##func, "fexit/" #func)
#define TP(tp) PROBE(t_##tp, "tp_btf/" #tp)

LSM(file_open)
LSM(file_post_open)
LSM(file_permission)
LSM(file_release)
LSM(file_truncate)
LSM(file_receive)
LSM(file_mprotect)
LSM(mmap_file)
LSM(inode_create)
LSM(inode_rename)
LSM(inode_link)
LSM(inode_symlink)
LSM(inode_unlink)
LSM(inode_mknod)
LSM(inode_setattr)
LSM(inode_post_setattr)
LSM(inode_post_create_tmpfile)
LSM(path_rename)
LSM(path_link)
LSM(path_unlink)
LSM(path_symlink)
LSM(path_mknod)
LSM(path_truncate)
LSM(path_chroot)
LSM(sb_mount)
LSM(sb_umount)
LSM(move_mount)
LSM(sb_pivotroot)
LSM(bprm_committed_creds)
LSM(task_alloc)
LSM(task_free)
LSM(uring_cmd)
PROBE(s_file_open, "lsm.s/file_open")
PROBE(s_file_permission, "fentry.s/security_file_permission")

FUNC(vfs_rename)
FUNC(vfs_unlink)
FUNC(vfs_link)
FUNC(vfs_create)
FUNC(vfs_symlink)
FUNC(vfs_truncate)
FUNC(vfs_fallocate)
FUNC(vfs_tmpfile)
FUNC(vfs_write)
FUNC(vfs_copy_file_range)
FUNC(do_truncate)
FUNC(notify_change)
FUNC(d_move)
FUNC(d_exchange)
FUNC(d_instantiate)
FUNC(file_update_time)
FUNC(__mark_inode_dirty)
FUNC(__fput)
FUNC(path_mount)
FUNC(path_umount)
FUNC(do_move_mount)
FUNC(attach_recursive_mnt)
FUNC(do_exit)

TP(writeback_mark_inode_dirty)
TP(writeback_dirty_inode)
TP(writeback_dirty_folio)
TP(ext4_mark_inode_dirty)
TP(ext4_da_write_begin)
TP(ext4_unlink_enter)
TP(ext4_truncate_enter)
TP(ext4_fallocate_enter)
TP(xfs_rename)
TP(xfs_create)
TP(xfs_remove)
TP(xfs_link)
TP(xfs_update_time)
TP(xfs_file_buffered_write)
TP(btrfs_inode_new)
TP(btrfs_sync_file)
TP(btrfs_reserve_extent)
TP(btrfs_transaction_commit)
TP(sched_process_fork)
TP(sched_process_exec)
TP(sched_process_exit)
TP(task_newtask)
TP(task_rename)
TP(sys_enter)
TP(sys_exit)
TP(io_uring_submit_req)
TP(io_uring_submit_sqe)
TP(inet_sock_set_state)

PROBE(r_sys_enter, "raw_tp/sys_enter")
PROBE(p_openat, "tracepoint/syscalls/sys_enter_openat")
PROBE(p_rename, "tracepoint/syscalls/sys_exit_renameat2")
PROBE(k_vfs_write, "kprobe/vfs_write")
PROBE(i_task, "iter/task")
PROBE(i_task_file, "iter/task_file")
PROBE(i_task_vma, "iter/task_vma")
PROBE(i_tcp, "iter/tcp")
PROBE(i_udp, "iter/udp")
PROBE(c_syscall, "syscall")

/* Network programs have no current task to ask for, so these are only loaded and attached. */
#define NET(name, section)               \
	SEC(section) int name(void *ctx) \
	{                                \
		return 1;                \
	}

NET(n_sockops, "sockops")
NET(n_egress, "cgroup_skb/egress")
NET(n_tc, "tc")
