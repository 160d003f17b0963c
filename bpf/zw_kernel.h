/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the programs read the kernel's types. All drift between kernels is dealt with in this file and in zw_types.h; each
 * entry says why.
 */
#pragma once

#include "zw_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Since 6.2: makes a pointer that came from anywhere one that is read through in place, where BPF_CORE_READ() calls into
 * the kernel for each field. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define ZW_CAN_CAST (bpf_rdonly_cast != NULL)
#define ZW_CAST(type, p) ((type *)bpf_rdonly_cast(p, bpf_core_type_id_kernel(type)))

/* What these were as macros. */
#define ZW_I_NEW_6_13 (1 << 0)
#define ZW_I_DIRTY_PAGES_6_12 (1 << 5)
#define ZW_I_DIRTY_PAGES_OLD (1 << 2)

static __always_inline __u32 zw_dirty_pages_bit(void)
{
	if (bpf_core_enum_value_exists(enum inode_state_flags_t, I_DIRTY_PAGES))
		return bpf_core_enum_value(enum inode_state_flags_t, I_DIRTY_PAGES);
	if (bpf_core_field_size(((struct inode *)0)->i_state) == sizeof(__u32))
		return ZW_I_DIRTY_PAGES_6_12;
	return ZW_I_DIRTY_PAGES_OLD;
}

/* Whether @inode is being made or read from the disk. Asked only by programs for tracepoints that came with 6.13. */
static __always_inline bool zw_inode_is_new(struct inode *inode)
{
	struct inode___6_19 *late = (void *)inode;
	struct inode___6_17 *mid = (void *)inode;
	__u32 bit = ZW_I_NEW_6_13;

	if (bpf_core_enum_value_exists(enum inode_state_flags_t, I_NEW))
		bit = bpf_core_enum_value(enum inode_state_flags_t, I_NEW);
	if (bpf_core_field_exists(late->i_state.__state))
		return BPF_CORE_READ(late, i_state.__state) & bit;
	if (bpf_core_field_exists(mid->i_state))
		return BPF_CORE_READ(mid, i_state) & bit;
	return BPF_CORE_READ(inode, i_state) & bit;
}

/* Constants of the user API that are macros in every kernel and never change. */
#define ZW_EXT4_MAGIC 0xef53 /* include/uapi/linux/magic.h */
#define ZW_BTRFS_MAGIC 0x9123683e
#define ZW_OVERLAY_MAGIC 0x794c7630
#define ZW_PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define ZW_PF_IO_WORKER 0x00000010
#define ZW_POLL_MSG 3       /* include/uapi/asm-generic/siginfo.h */
#define ZW_FMODE_WRITE 0x2  /* include/linux/fs.h */
#define ZW_CAP_SYS_ADMIN 21 /* include/uapi/linux/capability.h */
/* arch/x86/entry/syscalls/syscall_64.tbl: whatever changes a mount table */
#define ZW_NR_PIVOT_ROOT 155
#define ZW_NR_MOUNT 165
#define ZW_NR_UMOUNT 166
#define ZW_NR_MOVE_MOUNT 429
#define ZW_MAY_WRITE 0x2  /* include/linux/fs.h */
#define ZW_PROT_WRITE 0x2 /* include/uapi/asm-generic/mman-common.h */
#define ZW_MAP_TYPE 0xf
#define ZW_MAP_SHARED 0x1
#define ZW_MAP_SHARED_VALIDATE 0x3
#define ZW_VM_SHARED 0x8 /* include/linux/mm.h */
#define ZW_VM_MAYWRITE 0x20
#define ZW_S_IFMT 0170000
#define ZW_S_IFREG 0100000
#define ZW_S_IFDIR 0040000
#define ZW_S_IFLNK 0120000
#define ZW_ENOENT 2
#define ZW_EBADF 9

/* Since 6.13 the top bit says that somebody asked for the time (I_CTIME_QUERIED, include/linux/fs.h). */
#define ZW_CTIME_NSEC 0x7fffffffU

/* The change time: two fields since 6.11, a private one in 6.6 to 6.10, a plain one before. */
static __always_inline __u64 zw_inode_ctime_ns(struct inode *inode)
{
	struct inode___6_6 *mid = (void *)inode;
	struct inode___old *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ULL +
		       (BPF_CORE_READ(inode, i_ctime_nsec) & ZW_CTIME_NSEC);
	if (bpf_core_field_exists(mid->__i_ctime))
		return BPF_CORE_READ(mid, __i_ctime.tv_sec) * 1000000000ULL +
		       BPF_CORE_READ(mid, __i_ctime.tv_nsec);
	return BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ULL +
	       BPF_CORE_READ(old, i_ctime.tv_nsec);
}

/* task_struct.loginuid and sessionid exist only with CONFIG_AUDIT. */
static __always_inline __u32 zw_task_loginuid(struct task_struct *task)
{
	if (bpf_core_field_exists(task->loginuid))
		return BPF_CORE_READ(task, loginuid.val);
	return (__u32)-1;
}

static __always_inline __u32 zw_task_sessionid(struct task_struct *task)
{
	if (bpf_core_field_exists(task->sessionid))
		return BPF_CORE_READ(task, sessionid);
	return (__u32)-1;
}

/* The device as stat(2) has it. Every subvolume of btrfs has one of its own (fs/btrfs/inode.c, btrfs_getattr), and
 * inode numbers of its own, so that the superblock's device would not do. */
static __always_inline __u64 zw_btrfs_dev(struct inode *inode)
{
	struct btrfs_inode *b =
		(void *)inode - bpf_core_field_offset(struct btrfs_inode, vfs_inode);

	return BPF_CORE_READ(b, root, anon_dev);
}

static __always_inline __u64 zw_inode_dev(struct inode *inode)
{
	__u64 dev = 0;

	if (bpf_core_type_exists(struct btrfs_inode) &&
		BPF_CORE_READ(inode, i_sb, s_magic) == ZW_BTRFS_MAGIC)
		dev = zw_btrfs_dev(inode);
	return dev ? dev : BPF_CORE_READ(inode, i_sb, s_dev);
}

/* What holds the data and entries of an inode of an overlay: the inode of the upper layer, else the first one below
 * (fs/overlayfs/ovl_entry.h). */
static __always_inline struct inode *zw_overlay_below(struct inode *inode)
{
	struct ovl_inode *o = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
	struct ovl_inode___6_4 *old = (void *)o;
	struct dentry *d = BPF_CORE_READ(o, __upperdentry);

	if (!d && bpf_core_field_exists(o->oe)) {
		struct ovl_entry *oe = BPF_CORE_READ(o, oe);

		if (oe && BPF_CORE_READ(oe, __numlower))
			d = BPF_CORE_READ(oe, __lowerstack[0].dentry);
	} else if (!d && bpf_core_field_exists(old->lowerpath)) {
		d = BPF_CORE_READ(old, lowerpath.dentry);
	}
	return d ? BPF_CORE_READ(d, d_inode) : NULL;
}

/* Overlays nest twice at most (FILESYSTEM_MAX_STACK_DEPTH, include/linux/fs.h). */
#define ZW_OVERLAYS 2

/* The inode that is changed when @inode is: itself, but for one of an overlay. */
static __always_inline struct inode *zw_real_inode(struct inode *inode)
{
	for (int i = 0; inode && i < ZW_OVERLAYS; i++) {
		struct inode *below;

		if (!bpf_core_type_exists(struct ovl_inode) ||
			BPF_CORE_READ(inode, i_sb, s_magic) != ZW_OVERLAY_MAGIC)
			break;
		below = zw_overlay_below(inode);
		if (!below)
			break;
		inode = below;
	}
	return inode;
}

/* Moves with every change of the entries of a directory of ext4. The lowest bit says whether somebody asked
 * (include/linux/iversion.h). */
static __always_inline __u64 zw_inode_version(struct inode *inode)
{
	return (__u64)BPF_CORE_READ(inode, i_version.counter) >> 1;
}

/* Descriptor @fd of @task; NULL: none. */
static __always_inline struct file *zw_file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd), *file = NULL;

	if (fd < BPF_CORE_READ(fdt, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	return file;
}

/* What the kernel calls struct pt_regs; that of the user API has other names for its fields. */
struct pt_regs___kernel {
	unsigned long r10, dx, si, di, ax, orig_ax;
	unsigned short cs;
} __attribute__((preserve_access_index));

/* Whether the current task's own system call does what happens here, rather than an interrupt that borrowed the
 * processor. The counter that says so (preempt_count) is no symbol that every kernel has, but the stacks tell it as
 * well (arch/x86/include/asm/irq_stack.h, arch/x86/entry/entry_64.S): interrupts and the soft ones they end in run
 * on a stack of their own, unless they hit user space. Then they begin where a system call would, but have no
 * number of one. That soft interrupts are held off, as they are around every packet that is sent, does not matter.
 * @task is the current one. */
static __always_inline bool zw_in_syscall(struct task_struct *task)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);
	__u64 top = (__u64)regs, bottom = (__u64)BPF_CORE_READ(task, stack), here = 0;
	void *volatile local = (void *)&local;

	/* Read back, the address of a local variable is a number for the verifier, too. */
	bpf_probe_read_kernel(&here, sizeof(here), (const void *)&local);
	return here >= bottom && here < top && (long)BPF_CORE_READ(regs, orig_ax) >= 0;
}

/* Whether writing @inode of an overlay makes another inode below it. */
static __always_inline bool zw_inode_is_lower(struct inode *inode)
{
	struct ovl_inode *o;

	if (!bpf_core_type_exists(struct ovl_inode) ||
		BPF_CORE_READ(inode, i_sb, s_magic) != ZW_OVERLAY_MAGIC)
		return false;
	o = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
	return !BPF_CORE_READ(o, __upperdentry);
}
