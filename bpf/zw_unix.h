/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unix sockets that servers take commands on, and how bytes that pass there become events: what is common to hooks
 * that see them sent (zw_unix_sent.h) and received (zw_unix_received.h).
 */
#pragma once

#include "zw_actor.h"
#include "zw_maps.h"

#define ZW_AF_UNIX 1 /* include/linux/socket.h */

/* System calls that send and receive (arch/x86/entry/syscalls/syscall_64.tbl). A call of a 32-bit program has other numbers,
 * and its code segment tells it apart (arch/x86/include/asm/segment.h). */
#define ZW_NR_READ 0
#define ZW_NR_WRITE 1
#define ZW_NR_READV 19
#define ZW_NR_WRITEV 20
#define ZW_NR_SENDTO 44
#define ZW_NR_RECVFROM 45
#define ZW_NR_SENDMSG 46
#define ZW_NR_RECVMSG 47
#define ZW_NR_PREADV2 327
#define ZW_NR_PWRITEV2 328
#define ZW_USER32_CS 0x23
/* In place of a result until the call is over (arch/x86/entry/entry_64.S). Work that is done on the way back to the
 * user, such as sends of io_uring, finds the result there, and its bytes are not those of the call. */
#define ZW_ENOSYS 38

/* Pieces of one send that are told of: 64 KiB where they are whole. */
#define ZW_UNIX_STEPS 16

/* Paths of listening sockets; filled by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct zw_inode_key);
	__type(value, __u32);
} zw_sockets SEC(".maps");

/* The agent itself: asking a server must not look like commanding it. */
__u32 zw_self_tgid = 0;

/* Bytes of one send: what all its events share, and what is still to be told. */
struct send {
	__u64 dev, ino, connection, offset;
	__u64 iov; /* the rest of the vector, in user memory */
	__u64 iov_left;
	__u64 buf; /* the rest of its current element, or of the packet */
	__u64 buf_left;
	__u64 sender; /* the task; 0: it is gone */
	__u32 sender_tgid;
	__u32 left; /* bytes */
	__u32 sent;
	__u32 peer_tgid, peer_uid, peer_gid;
	__u32 flags;
	__u32 hook;
};

static __always_inline bool in_own_call(const struct pt_regs___kernel *regs)
{
	return BPF_CORE_READ(regs, cs) != ZW_USER32_CS &&
	       (long)BPF_CORE_READ(regs, ax) == -ZW_ENOSYS;
}

/* The socket that is descriptor @fd of the current task; NULL: none. */
static __always_inline struct sock *socket_of(struct task_struct *task, __u32 fd)
{
	struct file *file = zw_file_of(task, fd);
	struct socket *sock = file ? BPF_CORE_READ(file, private_data) : NULL;

	return sock ? BPF_CORE_READ(sock, sk) : NULL;
}

/* Whether the socket whose path is @dentry was accepted by a server that listens on a watched path: it has the path of the
 * listener. */
static __always_inline bool is_watched(struct dentry *dentry, struct zw_inode_key *ret_key)
{
	struct super_block *sb;
	struct inode *inode;
	__u64 magic;

	if (!dentry)
		return false;
	if (ZW_CAN_CAST) {
		inode = ZW_CAST(struct dentry, dentry)->d_inode;
		if (!inode)
			return false;
		sb = inode->i_sb;
		magic = sb->s_magic;
		ret_key->dev = sb->s_dev;
		ret_key->ino = inode->i_ino;
	} else {
		inode = BPF_CORE_READ(dentry, d_inode);
		if (!inode)
			return false;
		sb = BPF_CORE_READ(inode, i_sb);
		magic = BPF_CORE_READ(sb, s_magic);
		ret_key->dev = BPF_CORE_READ(sb, s_dev);
		ret_key->ino = BPF_CORE_READ(inode, i_ino);
	}
	/* As the agent names inodes; see zw_file.h. */
	if (magic == ZW_OVERLAY_MAGIC || magic == ZW_BTRFS_MAGIC) {
		inode = zw_real_inode(inode);
		ret_key->dev = zw_inode_dev(inode);
		ret_key->ino = BPF_CORE_READ(inode, i_ino);
	}
	return bpf_map_lookup_elem(&zw_sockets, ret_key) != NULL;
}

static __always_inline struct dentry *path_of(struct sock *sk)
{
	struct unix_sock *us = (void *)sk;

	return ZW_CAN_CAST ? ZW_CAST(struct unix_sock, us)->path.dentry
			   : BPF_CORE_READ(us, path.dentry);
}

static __always_inline struct sock *peer_of(struct sock *sk)
{
	struct unix_sock *us = (void *)sk;

	return ZW_CAN_CAST ? ZW_CAST(struct unix_sock, us)->peer : BPF_CORE_READ(us, peer);
}

/* Who connected, of the end @sk that was accepted; who listened, of the other. */
static __always_inline void ask_peer(struct send *s, struct sock *sk)
{
	s->peer_tgid = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
	s->peer_uid = BPF_CORE_READ(sk, sk_peer_cred, uid.val);
	s->peer_gid = BPF_CORE_READ(sk, sk_peer_cred, gid.val);
}

/* Tells of @n bytes that s->buf leads to, and of @omitted ones that follow. How they are read: */
enum bytes_of {
	OF_CALLER, /* they are in the memory of the current task, */
	OF_KERNEL, /* in the kernel's */
	OF_PACKET, /* or at that offset of a packet. */
};
static __always_inline void tell(struct send *s, __u32 n, __u32 omitted, __u32 room,
	enum bytes_of of, const struct bpf_dynptr *packet)
{
	__u32 size = sizeof(struct zw_wire_unix) + room;
	struct zw_wire_unix *e = bpf_ringbuf_reserve(&zw_ring, size, 0);
	long r = -1;

	if (!e) {
		zw_count_drop(ZW_DROP_CONTROL_RING_FULL);
		return;
	}
	zw_hdr_fill(&e->hdr, size, ZW_WIRE_UNIX, s->hook);
	e->dev = s->dev;
	e->ino = s->ino;
	e->connection = s->connection;
	e->offset = s->offset;
	e->sent_bytes = s->sent;
	e->captured = 0;
	e->peer_tgid = s->peer_tgid;
	e->peer_uid = s->peer_uid;
	e->peer_gid = s->peer_gid;
	e->flags = s->flags;
	e->reserved = 0;
	/* Of one that is gone nothing but this is left. */
	zw_actor_fill_of(&e->actor, s->sender);
	e->actor.tgid = s->sender_tgid;
	if (of == OF_CALLER)
		zw_actor_argv(&e->actor);
	/* The barrier keeps the compiler from reasoning the bound away before the verifier sees it. */
	asm volatile("" : "+r"(n));
	if (n <= room && n > 0)
		r = of == OF_PACKET   ? bpf_dynptr_read(e->payload, n, packet, s->buf, 0)
		    : of == OF_KERNEL ? bpf_probe_read_kernel(e->payload, n, (void *)s->buf)
				      : bpf_probe_read_user(e->payload, n, (void *)s->buf);
	if (r == 0)
		e->captured = n;
	else
		omitted += n;
	e->omitted = omitted;
	bpf_ringbuf_submit(e, 0);
}

/* Tells of as much as is in the current buffer and fits into one event. */
static __always_inline void tell_piece(
	struct send *s, enum bytes_of of, const struct bpf_dynptr *packet)
{
	__u64 n = s->buf_left < s->left ? s->buf_left : s->left;
	bool reply = s->flags & ZW_UNIX_REPLY;

	/* What the server says is only wanted in so far as it tells success from failure. */
	if (n > ZW_UNIX_ROOM_1)
		n = ZW_UNIX_ROOM_1;
	if (reply && n > ZW_UNIX_ROOM_0)
		n = ZW_UNIX_ROOM_0;
	if (n == 0)
		return;
	if (n <= ZW_UNIX_ROOM_0)
		tell(s, n, reply ? s->left - n : 0, ZW_UNIX_ROOM_0, of, packet);
	else
		tell(s, n, reply ? s->left - n : 0, ZW_UNIX_ROOM_1, of, packet);
	s->buf += n;
	s->buf_left -= n;
	s->offset += n;
	s->left = reply ? 0 : s->left - n;
}
