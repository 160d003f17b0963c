/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was done to files and directories, which of them are watched, and who holds one open. */
#pragma once

#include <zw_wire_process.h>

#define ZW_NAME_LEN 256 /* NAME_MAX and a NUL */

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
	/* An entry of directory (dev, dir_ino) changed; which one only the name tells. With old_dir_ino, which is the same
	 * then: it was moved to another directory. */
	ZW_FOP_DIRENT,
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
	/* Of a rename only: what had the name is not known, where ino2 is 0. */
	ZW_WATCH_BLIND = 1 << 4,
};

/* The agent looks a moment later where a way leads that was changed, and watches what is there then. */
#define ZW_ARRIVAL_NS 2000000000ULL

struct zw_inode_key {
	__u64 dev;
	__u64 ino;
};

/* The value of the map of directories that came. */
struct zw_arrival {
	__u64 since_ns; /* CLOCK_BOOTTIME */
	__u64 version;  /* as in struct zw_inode_state, when it came; ZW_VERSION_UNKNOWN */
};
#define ZW_VERSION_UNKNOWN (~0ULL)

/* The signals that a change of a directory sends to the agent, which ignores them: something came to it, or left it. */
#define ZW_SIGNAL_CAME 61
#define ZW_SIGNAL_LEFT 62

/* Bits of the filter in front of zw_watch, by inode number alone: 8 KiB that stay in the cache, where the map is
 * megabytes. A clear bit means that no such inode is watched on any device. */
#define ZW_MAYBE_BITS 65536

static inline __u32 zw_maybe_bit(__u64 ino)
{
	return (__u32)(ino ^ ino >> 16) & (ZW_MAYBE_BITS - 1);
}

/* One event for each actor, inode, operation and hook in this time. A writer of a large file dirties a page
 * at a time; 1 ms keeps the order of actors readable and the agent's wake-ups few. An event stands for all
 * that its actor did in the same way until this much later. */
#define ZW_COALESCE_NS 1000000ULL

struct zw_wire_file {
	struct zw_wire_hdr hdr;
	__u64 dev;
	__u64 ino;         /* 0 when not known */
	__u64 dir_ino;     /* 0 when not known */
	__u64 old_dir_ino; /* rename only, 0 when not known there either; and see ZW_FOP_DIRENT */
	__u64 ino2; /* rename only: the inode that had the name, 0 if none or, with ZW_WATCH_BLIND, not known */
	__u64 size_bytes; /* of the inode at that moment */
	/* CLOCK_REALTIME, of the inode at that moment; reading moves only the atime. Of a mount: CLOCK_BOOTTIME, before which
	 * the call did nothing, 0: not known. */
	__u64 ctime_ns;
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

/* Written by the iterators on request, not by a ring. */
struct zw_wire_holder {
	struct zw_wire_hdr hdr;
	__u64 dev;
	__u64 ino;
	__u64 start_ns;
	__u32 tgid;
	__u32 mapped; /* 1: shared writable mapping, 0: descriptor open for writing */
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
	__u64 version;    /* of a directory of ext4: moves whenever its entries change */
};

ZW_ASSERT_SIZE(struct zw_inode_key, 16);
ZW_ASSERT_SIZE(struct zw_wire_file, 16 + 56 + 24 + ZW_NAME_LEN + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_holder, 48);
ZW_ASSERT_SIZE(struct zw_inode_state, 48);
ZW_ASSERT_SIZE(struct zw_arrival, 16);
