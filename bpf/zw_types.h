/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel types the programs read, only the fields they read, relocated on load (CO-RE). Those with a suffix are what
 * older or newer kernels have in their place. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mutex {
	struct {
		long counter;
	} owner;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	struct mutex s_vfs_rename_mutex;
};

struct bpf_map {
	__u32 max_entries;
};

/* Found by its name in the value of a map (kernel/bpf/btf.c), so it is as the kernel's own. */
struct bpf_task_work {
	__u64 __opaque;
} __attribute__((aligned(8)));

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
	struct {
		long long counter;
	} i_version;
	atomic_t i_writecount;
	struct rw_semaphore i_rwsem;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct hlist_node
		d_sib; /* since 6.8, and read where there is ctime_xchg_skip, since 6.13 */
	struct hlist_head d_children;
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

typedef struct {
	long long counter;
} atomic64_t;

struct file_ref {
	atomic64_t refcnt;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	unsigned int f_mode;
	void *private_data;
	struct file_ref f_ref;
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
	atomic_t live; /* threads that did not exit */
	struct tty_struct *tty;
};

union __sifields {
	struct {
		int _fd;
	} _sigpoll;
};

struct kernel_siginfo {
	int si_code;
	union __sifields _sifields;
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

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
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
	struct css_set *cgroups;
	struct hlist_node pid_links[1]; /* by enum pid_type */
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
	struct hlist_head tasks[1]; /* by enum pid_type */
	struct upid numbers[1];     /* by pid namespace; the initial one first */
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
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	const struct cred *sk_peer_cred;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct unix_sock {
	struct sock sk;
	struct path path;
	struct sock *peer;
};

/* In the control buffer of a packet of a unix socket. */
struct unix_skb_parms {
	struct pid *pid;
	__u32 consumed;
};

struct sk_buff {
	struct sock *sk;
	char cb[48];
	unsigned int len, data_len;
	unsigned char *data;
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

/* struct file before 6.13. */
struct file___6_12 {
	atomic64_t f_count;
};

/* struct ovl_inode before 6.5. */
struct ovl_inode___6_4 {
	struct ovl_path lowerpath;
};

/* include/linux/fs.h: an enum since 6.17. Before, macros, which are in no BTF; 6.12 renumbered them, and in the
 * same series made i_state 32 bits wide, which is. */
enum inode_state_flags_t {
	I_NEW = 1,
	I_DIRTY_PAGES = 64,
};

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
