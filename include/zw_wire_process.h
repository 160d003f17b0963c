/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who did it: processes as programs find them at that moment, and the events of which the agent keeps a table of them
 * (user/actor/). Source: struct task_struct, include/linux/sched.h; credentials, include/linux/cred.h. */
#pragma once

#include <zw_wire_base.h>

#define ZW_COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define ZW_TTY_LEN 16
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

struct zw_wire_exec {
	struct zw_wire_hdr hdr;
	struct zw_wire_actor actor;
};

/* Fork and exit: enough to keep a tree. For an exit, the child is the process that ended. */
struct zw_wire_fork {
	struct zw_wire_hdr hdr;
	__u64 parent_start_ns;
	__u64 child_start_ns;
	__u32 parent_tgid;
	__u32 child_tgid;
};

ZW_ASSERT_SIZE(struct zw_wire_ancestor, 56);
ZW_ASSERT_SIZE(
	struct zw_wire_actor, 88 + 2 * 16 + ZW_ARGV_LEN + 2 * ZW_PATH_LEN + 56 * ZW_ANCESTORS);
ZW_ASSERT_SIZE(struct zw_wire_owner, 48 + ZW_COMM_LEN);
ZW_ASSERT_SIZE(struct zw_wire_exec, 16 + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_fork, 40);
