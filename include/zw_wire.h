/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as the kernel programs put them into a ring buffer. Both sides include this file and
 * nothing else is shared. Host byte order, fixed width, no padding the compiler chose. Of a file on an overlay, device
 * and inode are those of the file below it.
 *
 * Times are nanoseconds of CLOCK_BOOTTIME. A device number is the kernel's own dev_t (major << 20 |
 * minor, include/linux/kdev_t.h), not the one stat(2) returns: zw_dev_from_stat() converts.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define ZW_WIRE_VERSION 1

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
	ZW_HOOK_TP_SOCK_SEND,    /* sock_send_length */
	ZW_HOOK_TP_SIGNAL,       /* signal_generate: what ends or stops the agent; zw_guard.h */
	_ZW_HOOK_MAX,
};

/* What was done to the inode or directory. Hooks that run before the operation say what is asked for;
 * whether it happened shows in the state that is read afterwards. */
enum zw_fop {
	ZW_FOP_NONE = 0,
	ZW_FOP_WRITE, /* data written, truncated, punched or stored through a mapping */
	/* Only the inode's attributes are known to have changed. With dir_ino: it was in (dev, dir_ino), under that name
	 * if there is one, when an operation on entries of that directory concerned it. */
	ZW_FOP_ATTR,
	ZW_FOP_OPEN, /* opened for writing */
	ZW_FOP_MAP,  /* mapped shared and writable */
	ZW_FOP_DIRENT, /* an entry of directory (dev, dir_ino) changed; which one only the name tells */
	ZW_FOP_CREATE, /* name in (dev, dir_ino); also symlink */
	ZW_FOP_LINK,   /* inode ino got the name in (dev, dir_ino) */
	ZW_FOP_UNLINK, /* the name of inode ino in (dev, dir_ino) was removed */
	ZW_FOP_RENAME, /* inode ino moved from old_dir_ino to name in dir_ino; ino2 was there before */
	ZW_FOP_MOUNT, /* the mount table of the actor's mount namespace changed */
	_ZW_FOP_MAX,
};

/* Flags an inode is watched for: the values of the map zw_watch, keyed by struct zw_inode_key. */
enum zw_watch_flags {
	ZW_WATCH_FILE = 1 << 0, /* a zone file, an included file, or a symlink on the way to one */
	ZW_WATCH_DIR = 1 << 1,  /* a directory that holds one */
	ZW_WATCH_PATH = 1 << 2, /* a directory further up on the way to one */
	/* Of an event only: it puts the directory ino, or one of ino and ino2, into a watched one, and from now on what
	 * is done in that and below it counts for ZW_ARRIVAL_NS. */
	ZW_WATCH_ARRIVED = 1 << 3,
};

/* The agent looks a moment later where a way leads that was changed, and watches what is there then. */
#define ZW_ARRIVAL_NS 2000000000ULL

struct zw_inode_key {
	__u64 dev;
	__u64 ino;
};

/* Bits of the filter in front of zw_watch, by inode number alone: 8 KiB that stay in the cache, where the map is
 * megabytes. A clear bit means that no such inode is watched on any device. */
#define ZW_MAYBE_BITS 65536

static inline __u32 zw_maybe_bit(__u64 ino)
{
	return (__u32)(ino ^ ino >> 16) & (ZW_MAYBE_BITS - 1);
}

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

/* One event for each actor, inode, operation and hook in this time. A writer of a large file dirties a page
 * at a time; 1 ms keeps the order of actors readable and the agent's wake-ups few. An event stands for all
 * that its actor did in the same way until this much later. */
#define ZW_COALESCE_NS 1000000ULL

#define ZW_COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define ZW_TTY_LEN 16
#define ZW_NAME_LEN 256 /* NAME_MAX and a NUL */
#define ZW_PATH_LEN 512 /* bytes of a path that are kept; longer ones are flagged */
#define ZW_ARGV_LEN 512
#define ZW_ANCESTORS 16

/* A uid or session that was never set: (u32)-1, as the audit subsystem has it. */
#define ZW_ID_UNSET 0xffffffffU

enum zw_actor_flags {
	ZW_ACTOR_ARGV_CUT = 1 << 0, /* argv was longer than ZW_ARGV_LEN */
	ZW_ACTOR_EXE_CUT = 1 << 1,
	ZW_ACTOR_CWD_CUT = 1 << 2,
	ZW_ACTOR_KTHREAD = 1 << 3,     /* a kernel thread: the true actor is not known */
	ZW_ACTOR_EXE_DELETED = 1 << 4, /* the executable had no link left */
};

/* (tgid, start_ns) names a process for as long as the machine runs, whatever becomes of the pid. */
struct zw_wire_ancestor {
	__u64 start_ns;
	__u64 exe_dev;
	__u64 exe_ino;
	__u32 tgid;
	__u32 uid;
	__u32 euid;
	__u32 loginuid;
	char comm[ZW_COMM_LEN];
};

/* Paths travel as components from the leaf up, each ended by a NUL ("named\0etc\0" for /etc/named), as the
 * kernel walks them; zw_event_decode() turns them round. */
struct zw_wire_actor {
	__u64 start_ns;
	__u64 exe_dev;
	__u64 exe_ino;
	__u64 cgroup_id;
	__u32 tgid; /* in the initial pid namespace, as all pids here */
	__u32 tid;
	__u32 uid;
	__u32 euid;
	__u32 gid;
	__u32 egid;
	__u32 loginuid; /* audit login uid, ZW_ID_UNSET if never set */
	__u32 session;  /* audit session, ZW_ID_UNSET if never set */
	__u32 mntns;    /* inode numbers of the namespaces */
	__u32 pidns;
	__u32 netns;
	__u32 flags; /* enum zw_actor_flags */
	__u16 argv_len;
	__u16 exe_len;
	__u16 cwd_len;
	__u16 ancestors;        /* filled items of ancestor[], nearest first */
	char comm[ZW_COMM_LEN]; /* of the thread group leader */
	char tty[ZW_TTY_LEN];   /* "pts/2", empty without one */
	char argv[ZW_ARGV_LEN]; /* NUL-separated */
	char exe[ZW_PATH_LEN];
	char cwd[ZW_PATH_LEN];
	struct zw_wire_ancestor ancestor[ZW_ANCESTORS];
};

struct zw_wire_hdr {
	__u32 size; /* of the whole event */
	__u8 type;  /* enum zw_wire_type */
	__u8 hook;  /* enum zw_hook */
	__u16 version;
	__u64 time_ns;
};

struct zw_wire_file {
	struct zw_wire_hdr hdr;
	__u64 dev;
	__u64 ino;         /* 0 when not known */
	__u64 dir_ino;     /* 0 when not known */
	__u64 old_dir_ino; /* rename only */
	__u64 ino2;        /* rename only: the inode that had the name, 0 if none */
	__u64 size_bytes;  /* of the inode at that moment */
	__u64 ctime_ns; /* CLOCK_REALTIME, of the inode at that moment; reading moves only the atime */
	__u32 mode;
	__u32 nlink;
	__u32 owner_uid;
	__u16 op;        /* enum zw_fop */
	__u16 watch;     /* why it matched: enum zw_watch_flags */
	__u32 coalesced; /* events like this left out just before it */
	__u32 generation; /* tells a reused inode number from the inode that had it before; 0: not known */
	char name[ZW_NAME_LEN];
	struct zw_wire_actor actor;
};

struct zw_wire_exec {
	struct zw_wire_hdr hdr;
	struct zw_wire_actor actor;
};

/* Fork and exit: enough to keep a tree. For an exit, the child is the process that ended and
 * signal and sender are what ended it, 0 if it ended by itself. */
struct zw_wire_fork {
	struct zw_wire_hdr hdr;
	__u64 parent_start_ns;
	__u64 child_start_ns;
	__u32 parent_tgid;
	__u32 child_tgid;
	__u32 exit_code;
	__u32 reserved;
};

/* Written by the iterators on request, not by a ring. */
struct zw_wire_holder {
	struct zw_wire_hdr hdr;
	__u64 dev;
	__u64 ino;
	__u64 start_ns;
	__u32 tgid;
	__u32 mapped; /* 1: shared writable mapping, 0: descriptor open for writing */
};

/* What a port is served for: flags of struct zw_ports. */
enum zw_port_flags {
	ZW_PORT_DNS = 1 << 0,     /* DNS messages; over TCP behind a length of two octets */
	ZW_PORT_CONTROL = 1 << 1, /* TCP, cleartext: all bytes are copied, up to a bound */
	ZW_PORT_TLS = 1 << 2,     /* TCP, encrypted: that there is a connection, and whose */
};

/* The map zw_ports, which the agent writes into. `bit` stays in the processor's cache whatever port clients use;
 * `flags` is looked at where it is set. */
struct zw_ports {
	__u64 bit[65536 / 64];
	__u8 flags[65536]; /* enum zw_port_flags */
};

/* As this host's stack sees it. A packet is told of once for each stack it passes: on the loopback device when
 * sent, one that is only forwarded when it comes in. */
enum zw_direction {
	ZW_DIRECTION_NONE = 0,
	ZW_DIRECTION_IN,
	ZW_DIRECTION_OUT,
	ZW_DIRECTION_LOCAL, /* both ends are here */
	_ZW_DIRECTION_MAX,
};

enum zw_packet_flags {
	ZW_PACKET_BOUNDARY = 1 << 0,  /* a message begins at sequence number `boundary` */
	ZW_PACKET_CUT = 1 << 1,       /* more of this packet belongs here than was copied */
	ZW_PACKET_GAP = 1 << 2,       /* out of order: bytes before it have not been seen yet */
	ZW_PACKET_AGAIN = 1 << 3,     /* retransmitted: its bytes, or some, have been seen before */
	ZW_PACKET_MIDSTREAM = 1 << 4, /* the connection was there first: `boundary` is a guess */
	ZW_PACKET_TAIL = 1 << 5, /* the end of a message of a large transfer, without the rest */
	ZW_PACKET_FRAGMENT = 1 << 6, /* first IP fragment; the others are not told of */
	ZW_PACKET_RAN =
		1 << 7, /* the sender was running; else it is the socket's last owner known */
};

/* A process, in short: the process table knows the rest. All zero when there is none or it is not known. */
struct zw_wire_owner {
	__u64 start_ns;
	__u64 exe_dev;
	__u64 exe_ino;
	__u32 tgid;
	__u32 uid;
	__u32 euid;
	__u32 loginuid;
	__u32 session;
	__u32 made;             /* 1: it made the socket, and nobody was seen using it */
	char comm[ZW_COMM_LEN]; /* of the thread group leader */
};

/* Room for bytes in a packet event: the smallest of these that holds them, since the kernel's ring takes constant
 * sizes only. The largest: a DNS message over TCP of 65,535 octets and its length, rounded up. */
#define ZW_PACKET_ROOMS 5
#define ZW_PACKET_ROOM_0 256
#define ZW_PACKET_ROOM_1 1024
#define ZW_PACKET_ROOM_2 4096
#define ZW_PACKET_ROOM_3 16384
#define ZW_PACKET_ROOM_4 65552

static inline __u32 zw_packet_room(__u32 bytes)
{
	return bytes <= ZW_PACKET_ROOM_0   ? ZW_PACKET_ROOM_0
	       : bytes <= ZW_PACKET_ROOM_1 ? ZW_PACKET_ROOM_1
	       : bytes <= ZW_PACKET_ROOM_2 ? ZW_PACKET_ROOM_2
	       : bytes <= ZW_PACKET_ROOM_3 ? ZW_PACKET_ROOM_3
					   : ZW_PACKET_ROOM_4;
}

/* Of a TCP stream, runs of bytes: what lies between two runs was a plain query or its answer, or is still to come
 * where ZW_PACKET_GAP is set. Where a message's length came in a segment of its own, its two octets are put in front
 * of the run and `seq` counts them. Addresses in network order, IPv4 in the first four bytes; all else in the host's.
 */
struct zw_wire_packet {
	struct zw_wire_hdr hdr;        /* hdr.size: with the room, whether it is used or not */
	struct zw_wire_owner sender;   /* none: not from this host */
	struct zw_wire_owner receiver; /* of the socket it is for; none: not for this host */
	__u64 cookie; /* of the sender's socket (SO_COOKIE); 0: not from this host */
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns; /* inode number of the network namespace */
	__u32 ifindex;
	__u32 seq; /* TCP: of the first byte captured, or of the segment when there is none */
	__u32 ack;
	__u32 boundary;      /* TCP: see ZW_PACKET_BOUNDARY */
	__u32 payload_bytes; /* of the whole packet, as on the wire */
	__u32 captured;      /* bytes behind this structure that count */
	__u32 omitted; /* TCP: bytes of transfers and beyond the bound left out since the last run */
	__u16 sport;
	__u16 dport;
	__u16 segment_bytes; /* UDP: not 0 when the payload is several datagrams of this size (UDP_SEGMENT) */
	__u16 flags;     /* enum zw_packet_flags */
	__u8 family;     /* AF_INET or AF_INET6 */
	__u8 proto;      /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 direction;  /* enum zw_direction */
	__u8 tcp_flags;  /* as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	__u8 port_flags; /* enum zw_port_flags of the served end */
	__u8 to_server;  /* 1: dport is the served one, 0: sport */
	__u8 reserved[2];
	__u8 payload[];
};

/* A socket bound to a port of interest. */
struct zw_wire_socket {
	struct zw_wire_hdr hdr;
	__u64 cookie;
	__u8 addr[16]; /* as in struct zw_wire_packet; all zero: any */
	__u32 netns;
	__u16 port;
	__u8 family;
	__u8 proto;
	struct zw_wire_owner owner; /* who holds it */
};

struct zw_wire_bind {
	struct zw_wire_hdr hdr;
	__u64 cookie; /* 0: not known */
	__u8 addr[16];
	__u32 netns;
	__u16 port;
	__u8 family;
	__u8 proto;
	struct zw_wire_actor actor;
};

enum zw_unix_flags {
	ZW_UNIX_REPLY = 1 << 0, /* sent by the server; only the beginning is copied */
};

/* Room for bytes in a control event, for the same reason as in a packet's. */
#define ZW_UNIX_ROOM_0 256
#define ZW_UNIX_ROOM_1 4096

/* Bytes that were sent over a connection to a unix socket that is watched, and by whom. One send may take several of
 * these. */
struct zw_wire_unix {
	struct zw_wire_hdr hdr; /* hdr.size: with the room */
	__u64 dev;              /* of the path the server listens on */
	__u64 ino;
	__u64 cookie;     /* of the client's socket (SO_COOKIE), both ways; 0: not known any more */
	__u64 offset;     /* of the first byte among all this end has sent since it is watched */
	__u32 sent_bytes; /* by the whole send */
	__u32 captured;   /* bytes behind this structure that count */
	__u32 omitted; /* bytes of the send that follow these and could not be copied, or were not to be */
	__u32 peer_tgid; /* who connected, as SO_PEERCRED has it, in the initial pid namespace */
	__u32 peer_uid;
	__u32 peer_gid;
	__u32 flags; /* enum zw_unix_flags */
	__u32 reserved;
	struct zw_wire_actor actor; /* who sent it */
	__u8 payload[];
};

/* A plain query or answer that is told of, with its process: see enum zw_query_why in zw_query.h. The rooms are those of
 * packets but the largest. Behind it, the DNS message from its header on, over TCP without its length. */
struct zw_wire_query {
	struct zw_wire_hdr hdr;       /* hdr.size: with the room */
	struct zw_wire_owner process; /* of this host, that sent it; none: not from this host */
	__u64 name;                   /* its hash, 0: none; see zw_query_hash() */
	__u64 zone;                   /* of NEW_NAME and ANSWER_*: hash of its zone; else 0 */
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns;
	__u32 message_bytes; /* of the whole message */
	__u32 captured;      /* of it behind this structure; less: cut */
	__u16 sport;
	__u16 dport;
	__u16 why;      /* enum zw_query_why */
	__u8 family;    /* AF_INET or AF_INET6 */
	__u8 proto;     /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 direction; /* enum zw_direction */
	__u8 ran;       /* 1: the process was running; else it is the socket's last owner known */
	__u8 reserved[2];
	__u8 payload[];
};

/* What plain queries ask for. */
enum zw_query_class {
	ZW_QUERY_A = 0,
	ZW_QUERY_AAAA,
	ZW_QUERY_NS,
	ZW_QUERY_SOA,
	ZW_QUERY_PTR,
	ZW_QUERY_MX,
	ZW_QUERY_TXT,
	ZW_QUERY_SRV,
	ZW_QUERY_DS,
	ZW_QUERY_DNSKEY,
	ZW_QUERY_HTTPS,
	ZW_QUERY_ANY,
	ZW_QUERY_OTHER,  /* another type, or another opcode than QUERY */
	ZW_QUERY_BROKEN, /* too short, or no name one can walk */
	_ZW_QUERY_MAX,
};

/* The query lane, by direction: one for each processor, in the map zw_traffic. There, plain queries and answers are left
 * out: who reads adds them from struct zw_query_cells. [0] UDP, [1] TCP. */
struct zw_traffic {
	__u64 query[_ZW_DIRECTION_MAX][2][_ZW_QUERY_MAX];
	__u64 response[_ZW_DIRECTION_MAX][2][16]; /* by the rcode of the header */
	__u64 control[_ZW_DIRECTION_MAX][2];      /* packet events, lost ones too */
	__u64 bytes[_ZW_DIRECTION_MAX][2];        /* payload of all of these */
};

/* In and out of the syscall program that looks at an inode through a descriptor of the agent. */
struct zw_inode_state {
	__u32 fd;     /* in */
	__s32 result; /* out: 0 or -errno */
	__u64 dev;
	__u64 ino;
	__s32 writers;    /* open for writing, i_writecount */
	__s32 maps;       /* shared writable mappings, i_mmap_writable */
	__u32 generation; /* as in struct zw_wire_file */
	__u32 lower;      /* 1: of an overlay, and not in its upper layer */
};

#define ZW_ASSERT_SIZE(type, bytes) \
	_Static_assert(sizeof(type) == (bytes), #type " has hidden padding")

ZW_ASSERT_SIZE(struct zw_inode_key, 16);
ZW_ASSERT_SIZE(struct zw_wire_hdr, 16);
ZW_ASSERT_SIZE(struct zw_wire_ancestor, 56);
ZW_ASSERT_SIZE(
	struct zw_wire_actor, 88 + 2 * 16 + ZW_ARGV_LEN + 2 * ZW_PATH_LEN + 56 * ZW_ANCESTORS);
ZW_ASSERT_SIZE(struct zw_wire_file, 16 + 56 + 24 + ZW_NAME_LEN + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_exec, 16 + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_fork, 48);
ZW_ASSERT_SIZE(struct zw_wire_holder, 48);
ZW_ASSERT_SIZE(struct zw_inode_state, 40);
ZW_ASSERT_SIZE(struct zw_wire_owner, 48 + ZW_COMM_LEN);
ZW_ASSERT_SIZE(struct zw_wire_packet, 16 + 2 * sizeof(struct zw_wire_owner) + 8 + 32 + 32 + 8 + 8);
ZW_ASSERT_SIZE(struct zw_wire_socket, 48 + sizeof(struct zw_wire_owner));
ZW_ASSERT_SIZE(struct zw_wire_bind, 48 + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_ports, 65536 / 8 + 65536);
ZW_ASSERT_SIZE(struct zw_traffic, 8 * _ZW_DIRECTION_MAX * 2 * (_ZW_QUERY_MAX + 16 + 2));
ZW_ASSERT_SIZE(struct zw_wire_unix, 16 + 32 + 32 + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_query, 16 + sizeof(struct zw_wire_owner) + 16 + 32 + 12 + 12);
