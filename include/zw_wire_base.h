/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all events share: the header, who can see something, and how something can be lost. */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define ZW_WIRE_VERSION 1

#define ZW_ASSERT_SIZE(type, bytes) \
	_Static_assert(sizeof(type) == (bytes), #type " has hidden padding")

enum zw_wire_type {
	ZW_WIRE_NONE = 0,
	ZW_WIRE_FILE,   /* struct zw_wire_file: something that can change a zone file */
	ZW_WIRE_EXEC,   /* struct zw_wire_exec: a process runs another program */
	ZW_WIRE_FORK,   /* struct zw_wire_fork: a process was made */
	ZW_WIRE_EXIT,   /* struct zw_wire_fork: a process ended */
	ZW_WIRE_HOLDER, /* struct zw_wire_holder: an iterator found a writer of an inode */
	ZW_WIRE_PACKET, /* struct zw_wire_packet: DNS or control traffic that can change a zone */
	ZW_WIRE_BIND,   /* struct zw_wire_bind: a process bound a port of interest */
	ZW_WIRE_SOCKET, /* struct zw_wire_socket: an iterator found a socket on such a port */
	ZW_WIRE_UNIX,   /* struct zw_wire_unix: bytes on a watched unix socket */
	ZW_WIRE_QUERY, /* struct zw_wire_query: something new or changed in plain queries and answers */
	_ZW_WIRE_TYPE_MAX,
};

/* Which program saw it. The table of names, tiers and capabilities is user/probe/plan.c. */
enum zw_hook {
	ZW_HOOK_NONE = 0,
	/* tier tracepoint: data and attributes */
	ZW_HOOK_TP_DIRTY,          /* writeback_mark_inode_dirty */
	ZW_HOOK_TP_EXT4_META,      /* ext4_mark_inode_dirty */
	ZW_HOOK_TP_EXT4_DA_WRITE,  /* ext4_da_write_begin */
	ZW_HOOK_TP_EXT4_WRITE,     /* ext4_write_begin */
	ZW_HOOK_TP_EXT4_FALLOCATE, /* ext4_fallocate_enter */
	ZW_HOOK_TP_EXT4_PUNCH,     /* ext4_punch_hole */
	ZW_HOOK_TP_EXT4_ZERO,      /* ext4_zero_range */
	ZW_HOOK_TP_EXT4_COLLAPSE,  /* ext4_collapse_range */
	ZW_HOOK_TP_EXT4_INSERT,    /* ext4_insert_range */
	ZW_HOOK_TP_EXT4_TRUNCATE,  /* ext4_truncate_enter */
	ZW_HOOK_TP_IOMAP_DIO,      /* iomap_dio_rw_begin */
	ZW_HOOK_TP_EXT4_UNLINK,    /* ext4_unlink_enter */
	ZW_HOOK_TP_CTIME,          /* ctime_ns_xchg */
	ZW_HOOK_TP_CTIME_SKIP,     /* ctime_xchg_skip */
	ZW_HOOK_TP_CTIME_SET,      /* inode_set_ctime_to_ts */
	ZW_HOOK_TP_XFS_RENAME,     /* xfs_rename */
	ZW_HOOK_TP_NOTIFY,         /* signal_generate: of a directory; bpf/zw_notify.h */
	ZW_HOOK_TP_MOUNT,          /* cap_capable in one of the following, when it is done */
	ZW_HOOK_TP_SYS_MOUNT,      /* sys_exit of mount(2) */
	ZW_HOOK_TP_SYS_UMOUNT,     /* sys_exit of umount2(2) */
	ZW_HOOK_TP_SYS_MOVE_MOUNT, /* sys_exit of move_mount(2) */
	ZW_HOOK_TP_SYS_PIVOT_ROOT, /* sys_exit of pivot_root(2) */
	/* tier lsm */
	ZW_HOOK_LSM_FILE_PERMISSION,
	ZW_HOOK_LSM_FILE_OPEN,
	ZW_HOOK_LSM_MMAP_FILE,
	ZW_HOOK_LSM_FILE_MPROTECT,
	ZW_HOOK_LSM_PATH_TRUNCATE,
	ZW_HOOK_LSM_FILE_TRUNCATE,
	ZW_HOOK_LSM_INODE_CREATE,
	ZW_HOOK_LSM_INODE_LINK,
	ZW_HOOK_LSM_INODE_UNLINK,
	ZW_HOOK_LSM_INODE_SYMLINK,
	ZW_HOOK_LSM_INODE_MKNOD,
	ZW_HOOK_LSM_INODE_MKDIR,
	ZW_HOOK_LSM_INODE_RMDIR,
	ZW_HOOK_LSM_INODE_RENAME,
	ZW_HOOK_LSM_SB_MOUNT,
	ZW_HOOK_LSM_SB_UMOUNT,
	ZW_HOOK_LSM_MOVE_MOUNT,
	/* tier fentry */
	ZW_HOOK_FENTRY_FILE_PERMISSION,
	ZW_HOOK_FENTRY_FILE_OPEN,
	ZW_HOOK_FENTRY_MMAP_FILE,
	ZW_HOOK_FENTRY_FILE_MPROTECT,
	ZW_HOOK_FENTRY_PATH_TRUNCATE,
	ZW_HOOK_FENTRY_FILE_TRUNCATE,
	ZW_HOOK_FENTRY_INODE_CREATE,
	ZW_HOOK_FENTRY_INODE_LINK,
	ZW_HOOK_FENTRY_INODE_UNLINK,
	ZW_HOOK_FENTRY_INODE_SYMLINK,
	ZW_HOOK_FENTRY_INODE_MKNOD,
	ZW_HOOK_FENTRY_INODE_MKDIR,
	ZW_HOOK_FENTRY_INODE_RMDIR,
	ZW_HOOK_FENTRY_INODE_RENAME,
	ZW_HOOK_FENTRY_SB_MOUNT,
	ZW_HOOK_FENTRY_SB_UMOUNT,
	ZW_HOOK_FENTRY_MOVE_MOUNT,
	/* every tier */
	ZW_HOOK_TP_EXEC,       /* sched_process_exec */
	ZW_HOOK_TP_FORK,       /* sched_process_fork */
	ZW_HOOK_TP_EXIT,       /* sched_process_exit */
	ZW_HOOK_ITER_VMA,      /* iter/task_vma: who maps an inode shared and writable */
	ZW_HOOK_ITER_FILE,     /* iter/task_file: who has an inode open for writing */
	ZW_HOOK_SYSCALL_STATE, /* syscall program: writers and mappings of an inode */
	ZW_HOOK_TC_IN,         /* tc or tcx ingress of a device with Ethernet headers */
	ZW_HOOK_TC_OUT,        /* egress of one */
	ZW_HOOK_TC_IN_L3,      /* ingress of a device without link-layer headers, such as tun */
	ZW_HOOK_TC_OUT_L3,     /* egress of one */
	ZW_HOOK_TC_LOCAL,      /* egress of the loopback device: sent and received here */
	ZW_HOOK_CG_CONNECT4,   /* cgroup/connect4: who is about to send to a port of interest */
	ZW_HOOK_CG_CONNECT6,   /* cgroup/connect6 */
	ZW_HOOK_CG_SOCKET,     /* cgroup/sock_create: who makes a UDP socket */
	ZW_HOOK_CG_BIND4,      /* cgroup/post_bind4 */
	ZW_HOOK_CG_BIND6,      /* cgroup/post_bind6 */
	ZW_HOOK_ITER_SOCKET,   /* iter/task_file: who holds which socket */
	/* unix sockets: the better of the two */
	ZW_HOOK_FEXIT_UNIX_SEND, /* unix_stream_sendmsg */
	ZW_HOOK_FEXIT_UNIX_PAGE, /* unix_stream_sendpage */
	ZW_HOOK_TP_COPY,         /* skb_copy_datagram_iovec */
	ZW_HOOK_TP_SIGNAL,       /* signal_generate: what ends or stops the agent; zw_guard.h */
	_ZW_HOOK_MAX,
};

/* Every way an event can be lost in the kernel; the per-CPU counters of the map zw_drops, but for those the kernel counts
 * itself. */
enum zw_drop {
	ZW_DROP_FILE_RING_FULL = 0, /* file events: the ring buffer was full */
	ZW_DROP_PROC_RING_FULL,     /* exec, fork, exit: the ring buffer was full */
	ZW_DROP_COALESCED,     /* not lost: same actor, inode and operation within a millisecond */
	ZW_DROP_NET_RING_FULL, /* packets: the control ring was full */
	ZW_DROP_NET_FRAGMENT, /* an IP fragment of DNS or control traffic; only the first is told of */
	ZW_DROP_NET_HEADERS, /* more IPv6 extension headers than are followed, or headers cut short */
	ZW_DROP_NET_FLOW,    /* a TCP connection could not be remembered */
	ZW_DROP_NET_BOUND, /* a segment of a connection that has sent more than is copied of one */
	ZW_DROP_NET_TRANSFER,   /* not lost: a piece of a large transfer, followed but not copied */
	ZW_DROP_NET_SEGMENTS,   /* UDP segmentation offload of more than is copied at once */
	ZW_DROP_BIND_RING_FULL, /* sockets bound: the ring buffer was full */
	ZW_DROP_CONTROL_RING_FULL, /* bytes on unix sockets: the ring buffer was full */
	ZW_DROP_QUERY_RING_FULL, /* plain queries and answers to be told of: their ring buffer was full */
	/* The kernel does not run a program where that was interrupted on the same processor (kernel/bpf/trampoline.c,
	 * __bpf_prog_enter_recur()), and counts: */
	ZW_DROP_FILE_SKIPPED,    /* programs for files */
	ZW_DROP_PROC_SKIPPED,    /* for processes */
	ZW_DROP_CONTROL_SKIPPED, /* for unix sockets */
	_ZW_DROP_MAX,
};

struct zw_wire_hdr {
	__u32 size; /* of the whole event */
	__u8 type;  /* enum zw_wire_type */
	__u8 hook;  /* enum zw_hook */
	__u16 version;
	__u64 time_ns;
};

ZW_ASSERT_SIZE(struct zw_wire_hdr, 16);
