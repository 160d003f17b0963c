// SPDX-License-Identifier: GPL-2.0-or-later
/* Hooks that see zone files change, in three tiers. All are off when loading; user/probe/plan.c turns on what
 * is wanted and works. A wrapper only says which body runs: see zw_file.h. */
#include "zw_notify.h"

/* --- tier tracepoint --------------------------------------------------------------------------------- */

/* Fires in the writing task for write, mmap store, truncate, fallocate, O_DIRECT, copy_file_range, sendfile,
 * splice and io_uring, on every filesystem (fs/fs-writeback.c, __mark_inode_dirty). Only a page made dirty passes
 * the pages bit alone; mark_inode_dirty() passes all bits, for a chmod too, and says nothing about data. */
SEC("tp_btf/writeback_mark_inode_dirty")
int BPF_PROG(zw_tp_dirty, struct inode *inode, int flags)
{
	bool data = (__u32)flags == zw_dirty_pages_bit();

	/* ext4 tells of writes to files beside a zone's in hooks of its own. */
	return on_inode(inode, data ? ZW_FOP_WRITE : ZW_FOP_ATTR, ZW_HOOK_TP_DIRTY,
		data && inode->i_sb->s_magic != ZW_EXT4_MAGIC);
}

/* Directory changes and link counts (fs/ext4/inode.c, __ext4_mark_inode_dirty), before 6.13. Writeback by kernel
 * threads passes here long after the write and is nobody's act. */
SEC("tp_btf/ext4_mark_inode_dirty")
int BPF_PROG(zw_tp_ext4_meta, struct inode *inode, unsigned long ip)
{
	struct task_struct *task = bpf_get_current_task_btf();

	struct node n;

	if (task->flags & ZW_PF_KTHREAD)
		return 0;
	node_of(inode, &n);
	on_arrival(inode, &n, ZW_HOOK_TP_EXT4_META);
	return on_inode(inode, ZW_FOP_ATTR, ZW_HOOK_TP_EXT4_META, false);
}

/* The dirty tracepoint is silent when a page that is dirty already is written again without a new size or
 * time; these two fire for every write. */
SEC("tp_btf/ext4_da_write_begin")
int BPF_PROG(zw_tp_ext4_da_write, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_DA_WRITE, true);
}

SEC("tp_btf/ext4_write_begin")
int BPF_PROG(zw_tp_ext4_write, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_WRITE, true);
}

SEC("tp_btf/ext4_fallocate_enter")
int BPF_PROG(zw_tp_ext4_fallocate, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_FALLOCATE, true);
}

SEC("tp_btf/ext4_punch_hole")
int BPF_PROG(zw_tp_ext4_punch, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_PUNCH, true);
}

SEC("tp_btf/ext4_zero_range")
int BPF_PROG(zw_tp_ext4_zero, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_ZERO, true);
}

SEC("tp_btf/ext4_collapse_range")
int BPF_PROG(zw_tp_ext4_collapse, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_COLLAPSE, true);
}

SEC("tp_btf/ext4_insert_range")
int BPF_PROG(zw_tp_ext4_insert, struct inode *inode)
{
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_INSERT, true);
}

/* Also runs when the last reader of an unlinked file lets go of it: not a write then. */
SEC("tp_btf/ext4_truncate_enter")
int BPF_PROG(zw_tp_ext4_truncate, struct inode *inode)
{
	if (inode->i_nlink == 0)
		return 0;
	return on_inode(inode, ZW_FOP_WRITE, ZW_HOOK_TP_EXT4_TRUNCATE, true);
}

/* O_DIRECT over blocks that are there already changes no size and, within a clock tick, no time. */
SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(zw_tp_iomap_dio, struct kiocb *iocb, struct iov_iter *iter)
{
	if (!iter->data_source)
		return 0;
	return on_inode(iocb->ki_filp->f_inode, ZW_FOP_WRITE, ZW_HOOK_TP_IOMAP_DIO, true);
}

SEC("tp_btf/ext4_unlink_enter")
int BPF_PROG(zw_tp_ext4_unlink, struct inode *dir, struct dentry *dentry)
{
	return on_entry(dir, dentry, dentry->d_inode, ZW_FOP_UNLINK, ZW_HOOK_TP_EXT4_UNLINK);
}

/* Change times, since Linux 6.13 (fs/inode.c): which of the three fires depends on whether somebody asked for the time
 * before, and whether the clock has moved since. */
SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(zw_tp_ctime, struct inode *inode)
{
	return on_ctime(inode, ZW_HOOK_TP_CTIME);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(zw_tp_ctime_skip, struct inode *inode)
{
	return on_ctime(inode, ZW_HOOK_TP_CTIME_SKIP);
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(zw_tp_ctime_set, struct inode *inode)
{
	return on_ctime(inode, ZW_HOOK_TP_CTIME_SET);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(zw_tp_notify, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	return on_notified(sig, info, task);
}

/* XFS sets the times of what is renamed, but not of two files that are exchanged. An exchange it is when the entry that
 * is left gets a type (fs/xfs/xfs_iops.c, xfs_vn_rename). */
SEC("tp_btf/xfs_rename")
int BPF_PROG(zw_tp_xfs_rename, struct xfs_inode *from, struct xfs_inode *to,
	struct xfs_name *from_name, struct xfs_name *to_name)
{
	if (!from_name->type)
		return 0;
	on_named_entry(&from->i_vnode, from_name->name, ZW_HOOK_TP_XFS_RENAME);
	return on_named_entry(&to->i_vnode, to_name->name, ZW_HOOK_TP_XFS_RENAME);
}

/* Where mount.bpf.c does not run. Only success counts. */
struct sys_exit_args {
	__u64 common;
	long nr;
	long ret;
};

#define MOUNT_HOOK(name, call, hook_id)                      \
	SEC("tracepoint/syscalls/sys_exit_" #call)           \
	int name(struct sys_exit_args *ctx)                  \
	{                                                    \
		return ctx->ret < 0 ? 0 : on_mount(hook_id); \
	}

MOUNT_HOOK(zw_tp_mount, mount, ZW_HOOK_TP_SYS_MOUNT)
MOUNT_HOOK(zw_tp_umount, umount, ZW_HOOK_TP_SYS_UMOUNT)
MOUNT_HOOK(zw_tp_move_mount, move_mount, ZW_HOOK_TP_SYS_MOVE_MOUNT)
MOUNT_HOOK(zw_tp_pivot_root, pivot_root, ZW_HOOK_TP_SYS_PIVOT_ROOT)

/* --- tiers lsm and fentry: the same functions of security/security.c ---------------------------------- */

/* An LSM program returns the verdict it was given: 0 unless an earlier one refused. A refused operation is
 * not reported. fentry programs run before the verdict is known. */
#define LSM_HOOK(name, hook, params, call)           \
	SEC("lsm/" #hook)                            \
	int BPF_PROG(zw_lsm_##name, params, int ret) \
	{                                            \
		if (ret == 0)                        \
			call;                        \
		return ret;                          \
	}

#define FENTRY_HOOK(name, hook, params, call)  \
	SEC("fentry/security_" #hook)          \
	int BPF_PROG(zw_fentry_##name, params) \
	{                                      \
		call;                          \
		return 0;                      \
	}

#define PARAMS(...) __VA_ARGS__

LSM_HOOK(file_permission, file_permission, PARAMS(struct file *file, int mask),
	on_permission(file, mask, ZW_HOOK_LSM_FILE_PERMISSION))
FENTRY_HOOK(file_permission, file_permission, PARAMS(struct file *file, int mask),
	on_permission(file, mask, ZW_HOOK_FENTRY_FILE_PERMISSION))

LSM_HOOK(file_open, file_open, PARAMS(struct file *file), on_open(file, ZW_HOOK_LSM_FILE_OPEN))
FENTRY_HOOK(
	file_open, file_open, PARAMS(struct file *file), on_open(file, ZW_HOOK_FENTRY_FILE_OPEN))

LSM_HOOK(mmap_file, mmap_file,
	PARAMS(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags),
	on_mmap(file, prot, flags, ZW_HOOK_LSM_MMAP_FILE))
FENTRY_HOOK(mmap_file, mmap_file,
	PARAMS(struct file *file, unsigned long prot, unsigned long flags),
	on_mmap(file, prot, flags, ZW_HOOK_FENTRY_MMAP_FILE))

LSM_HOOK(file_mprotect, file_mprotect,
	PARAMS(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot),
	on_mprotect(vma, prot, ZW_HOOK_LSM_FILE_MPROTECT))
FENTRY_HOOK(file_mprotect, file_mprotect,
	PARAMS(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot),
	on_mprotect(vma, prot, ZW_HOOK_FENTRY_FILE_MPROTECT))

/* 6.1 asks path_truncate for ftruncate(2) and O_TRUNC too; from 6.2 on they ask file_truncate. */
LSM_HOOK(path_truncate, path_truncate, PARAMS(struct path *path),
	on_inode(path->dentry->d_inode, ZW_FOP_WRITE, ZW_HOOK_LSM_PATH_TRUNCATE, true))
FENTRY_HOOK(path_truncate, path_truncate, PARAMS(struct path *path),
	on_inode(path->dentry->d_inode, ZW_FOP_WRITE, ZW_HOOK_FENTRY_PATH_TRUNCATE, true))
LSM_HOOK(file_truncate, file_truncate, PARAMS(struct file *file),
	on_inode(file->f_inode, ZW_FOP_WRITE, ZW_HOOK_LSM_FILE_TRUNCATE, true))
FENTRY_HOOK(file_truncate, file_truncate, PARAMS(struct file *file),
	on_inode(file->f_inode, ZW_FOP_WRITE, ZW_HOOK_FENTRY_FILE_TRUNCATE, true))

LSM_HOOK(inode_create, inode_create, PARAMS(struct inode *dir, struct dentry *dentry, int mode),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_LSM_INODE_CREATE))
FENTRY_HOOK(inode_create, inode_create, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_FENTRY_INODE_CREATE))

LSM_HOOK(inode_symlink, inode_symlink,
	PARAMS(struct inode *dir, struct dentry *dentry, const char *target),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_LSM_INODE_SYMLINK))
FENTRY_HOOK(inode_symlink, inode_symlink, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_FENTRY_INODE_SYMLINK))

/* Sockets, pipes and devices. */
LSM_HOOK(inode_mknod, inode_mknod,
	PARAMS(struct inode *dir, struct dentry *dentry, int mode, unsigned int dev),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_LSM_INODE_MKNOD))
FENTRY_HOOK(inode_mknod, inode_mknod, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_FENTRY_INODE_MKNOD))

LSM_HOOK(inode_mkdir, inode_mkdir, PARAMS(struct inode *dir, struct dentry *dentry, int mode),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_LSM_INODE_MKDIR))
FENTRY_HOOK(inode_mkdir, inode_mkdir, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, NULL, ZW_FOP_CREATE, ZW_HOOK_FENTRY_INODE_MKDIR))

LSM_HOOK(inode_rmdir, inode_rmdir, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, dentry->d_inode, ZW_FOP_UNLINK, ZW_HOOK_LSM_INODE_RMDIR))
FENTRY_HOOK(inode_rmdir, inode_rmdir, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, dentry->d_inode, ZW_FOP_UNLINK, ZW_HOOK_FENTRY_INODE_RMDIR))

LSM_HOOK(inode_link, inode_link,
	PARAMS(struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry),
	on_entry(dir, new_dentry, old_dentry->d_inode, ZW_FOP_LINK, ZW_HOOK_LSM_INODE_LINK))
FENTRY_HOOK(inode_link, inode_link,
	PARAMS(struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry),
	on_entry(dir, new_dentry, old_dentry->d_inode, ZW_FOP_LINK, ZW_HOOK_FENTRY_INODE_LINK))

LSM_HOOK(inode_unlink, inode_unlink, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, dentry->d_inode, ZW_FOP_UNLINK, ZW_HOOK_LSM_INODE_UNLINK))
FENTRY_HOOK(inode_unlink, inode_unlink, PARAMS(struct inode *dir, struct dentry *dentry),
	on_entry(dir, dentry, dentry->d_inode, ZW_FOP_UNLINK, ZW_HOOK_FENTRY_INODE_UNLINK))

LSM_HOOK(inode_rename, inode_rename,
	PARAMS(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
		struct dentry *new_dentry),
	on_rename(old_dir, old_dentry, new_dir, new_dentry, ZW_HOOK_LSM_INODE_RENAME))
FENTRY_HOOK(inode_rename, inode_rename,
	PARAMS(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
		struct dentry *new_dentry),
	on_rename(old_dir, old_dentry, new_dir, new_dentry, ZW_HOOK_FENTRY_INODE_RENAME))

LSM_HOOK(sb_mount, sb_mount,
	PARAMS(const char *dev_name, struct path *path, const char *type, unsigned long flags,
		void *data),
	on_mount(ZW_HOOK_LSM_SB_MOUNT))
FENTRY_HOOK(sb_mount, sb_mount, PARAMS(const char *dev_name), on_mount(ZW_HOOK_FENTRY_SB_MOUNT))

LSM_HOOK(sb_umount, sb_umount, PARAMS(struct vfsmount *mnt, int flags),
	on_mount(ZW_HOOK_LSM_SB_UMOUNT))
FENTRY_HOOK(sb_umount, sb_umount, PARAMS(struct vfsmount *mnt), on_mount(ZW_HOOK_FENTRY_SB_UMOUNT))

LSM_HOOK(move_mount, move_mount, PARAMS(struct path *from, struct path *to),
	on_mount(ZW_HOOK_LSM_MOVE_MOUNT))
FENTRY_HOOK(move_mount, move_mount, PARAMS(struct path *from), on_mount(ZW_HOOK_FENTRY_MOVE_MOUNT))
