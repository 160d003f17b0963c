/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel types the programs read, only the fields they read, relocated on load (CO-RE). All drift
 * between kernels is dealt with in this file; each entry says why.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct qstr {
	__u32 hash;
	const unsigned char *name;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct address_space {
	atomic_t i_mmap_writable;
};

struct rw_semaphore {
	struct {
		long counter;
	} owner;
};

struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	unsigned int i_nlink;
	long long i_size;
	struct hlist_head i_dentry;
	__u32 i_state;
	__u32 i_generation;
	long long i_ctime_sec;
	__u32 i_ctime_nsec;
	atomic_t i_writecount;
	struct rw_semaphore i_rwsem;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct ovl_path {
	struct dentry *dentry;
};

struct ovl_entry {
	unsigned int __numlower;
	struct ovl_path __lowerstack[];
};

struct ovl_inode {
	struct inode vfs_inode;
	struct dentry *__upperdentry;
	struct ovl_entry *oe;
};

struct btrfs_root {
	__u32 anon_dev;
};

struct xfs_inode {
	struct inode i_vnode;
};

struct xfs_name {
	const unsigned char *name;
	int type;
};

struct btrfs_inode {
	struct btrfs_root *root;
	struct inode vfs_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	unsigned int f_mode;
	void *private_data;
};

struct kiocb {
	struct file *ki_filp;
};

struct fs_struct {
	struct path root, pwd;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
};

struct cred {
	kuid_t uid, euid;
	kgid_t gid, egid;
};

struct tty_struct {
	char name[64];
};

struct signal_struct {
	struct tty_struct *tty;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
};

struct task_struct {
	void *stack;
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	__u64 start_boottime;
	const struct cred *real_cred;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	unsigned int sessionid;
	int exit_code;
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

struct socket;

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1]; /* by pid namespace; the initial one first */
};

/* Common part of every socket; the fields of include/net/sock.h that names such as sk_family stand for. */
struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num; /* local port, host order */
	unsigned short skc_family;
	unsigned char skc_state;
	struct {
		struct net *net;
	} skc_net;
	struct {
		__u8 b[16];
	} skc_v6_rcv_saddr;
	struct {
		long long counter;
	} skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	struct pid *sk_peer_pid;
	const struct cred *sk_peer_cred;
};

struct socket {
	struct sock *sk;
};

struct unix_sock {
	struct sock sk;
	struct path path;
	struct sock *peer;
};

struct msghdr;
struct page;
struct renamedata;
struct linux_binprm;

struct iov_iter {
	bool data_source;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

/* struct inode before 6.11, and before 6.6. */
struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

struct inode___6_6 {
	struct timespec64 __i_ctime;
};

struct inode___old {
	struct timespec64 i_ctime;
};

/* struct ovl_inode before 6.5. */
struct ovl_inode___6_4 {
	struct ovl_path lowerpath;
};

#pragma clang attribute pop

/* Since 6.2: makes a pointer that came from anywhere one that is read through in place, where BPF_CORE_READ() calls into
 * the kernel for each field. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define ZW_CAN_CAST (bpf_rdonly_cast != NULL)
#define ZW_CAST(type, p) ((type *)bpf_rdonly_cast(p, bpf_core_type_id_kernel(type)))

/* include/linux/fs.h: an enum since 6.17. Before, macros, which are in no BTF; 6.12 renumbered them, and in the
 * same series made i_state 32 bits wide, which is. */
enum inode_state_flags_t {
	I_NEW = 1,
	I_DIRTY_PAGES = 64,
};
#define ZW_I_NEW_6_13 (1 << 0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* i_state since 6.17, and since 6.19. */
struct inode___6_17 {
	enum inode_state_flags_t i_state;
};

struct inode_state_flags {
	enum inode_state_flags_t __state;
};

struct inode___6_19 {
	struct inode_state_flags i_state;
};

#pragma clang attribute pop
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
#define ZW_FMODE_WRITE 0x2       /* include/linux/fs.h */
#define ZW_MAY_WRITE 0x2         /* include/linux/fs.h */
#define ZW_PROT_WRITE 0x2        /* include/uapi/asm-generic/mman-common.h */
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

/* What the kernel calls struct pt_regs; that of the user API has other names for its fields. */
struct pt_regs___kernel {
	unsigned long dx, si, di, ax, orig_ax;
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
