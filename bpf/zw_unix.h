/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sends what over the unix sockets that servers take commands on: one body for the hooks of all tiers.
 *
 * All hooks run after a send, in the task that sends. The bytes are read from that task's memory again, where the
 * arguments of its system call say: they were copied a moment ago, so the pages are there. Reading them from the
 * receiver's queue instead would race with the receiver. A thread of the sender that writes over its buffer at that
 * moment can deceive; so can one that writes to the memory of its own process in other ways.
 */
#pragma once

#include "zw_actor.h"
#include "zw_maps.h"

#define ZW_AF_UNIX 1 /* include/linux/socket.h */

/* System calls that send (arch/x86/entry/syscalls/syscall_64.tbl). A call of a 32-bit program has other numbers, and
 * its code segment tells it apart (arch/x86/include/asm/segment.h). */
#define ZW_NR_WRITE 1
#define ZW_NR_WRITEV 20
#define ZW_NR_SENDTO 44
#define ZW_NR_SENDMSG 46
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

/* Bytes this end of a connection has sent. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} zw_sent SEC(".maps");

/* The agent itself: asking a server must not look like commanding it. */
__u32 zw_self_tgid = 0;

struct user_iovec {
	__u64 base;
	__u64 len;
};

/* struct user_msghdr of include/linux/socket.h. */
struct user_msghdr {
	__u64 name;
	__u64 namelen;
	__u64 iov;
	__u64 iovlen;
};

/* One send: what all its events share, and what is still to be told. */
struct send {
	__u64 dev, ino, cookie, offset;
	__u64 iov; /* the rest of the vector, in user memory */
	__u64 iov_left;
	__u64 buf; /* the rest of its current element */
	__u64 buf_left;
	__u32 left; /* bytes */
	__u32 sent;
	__u32 peer_tgid, peer_uid, peer_gid;
	__u32 flags;
	__u32 hook;
};

/* Tells of @n bytes at s->buf, and of @omitted ones that follow. */
static __always_inline void tell(struct send *s, __u32 n, __u32 omitted, __u32 room)
{
	__u32 size = sizeof(struct zw_wire_unix) + room;
	struct zw_wire_unix *e = bpf_ringbuf_reserve(&zw_ring, size, 0);

	if (!e) {
		zw_count_drop(ZW_DROP_CONTROL_RING_FULL);
		return;
	}
	zw_hdr_fill(&e->hdr, size, ZW_WIRE_UNIX, s->hook);
	e->dev = s->dev;
	e->ino = s->ino;
	e->cookie = s->cookie;
	e->offset = s->offset;
	e->sent_bytes = s->sent;
	e->captured = 0;
	e->peer_tgid = s->peer_tgid;
	e->peer_uid = s->peer_uid;
	e->peer_gid = s->peer_gid;
	e->flags = s->flags;
	e->reserved = 0;
	zw_actor_fill(&e->actor);
	/* The barrier keeps the compiler from reasoning the bound away before the verifier sees it. */
	asm volatile("" : "+r"(n));
	if (n <= room && n > 0 && bpf_probe_read_user(e->payload, n, (void *)s->buf) == 0)
		e->captured = n;
	else
		omitted += n;
	e->omitted = omitted;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void tell_any(struct send *s, __u32 n, __u32 omitted)
{
	if (n <= ZW_UNIX_ROOM_0)
		tell(s, n, omitted, ZW_UNIX_ROOM_0);
	else
		tell(s, n, omitted, ZW_UNIX_ROOM_1);
}

static __always_inline bool next_buffer(struct send *s)
{
	struct user_iovec v;

	if (s->buf_left > 0)
		return true;
	if (s->iov_left == 0 || bpf_probe_read_user(&v, sizeof(v), (void *)s->iov) != 0)
		return false;
	s->iov += sizeof(v);
	s->iov_left--;
	s->buf = v.base;
	s->buf_left = v.len;
	return true;
}

static long send_step(__u32 i, void *ctx)
{
	struct send *s = ctx;
	__u64 n;

	if (s->left == 0 || !next_buffer(s))
		return 1;
	n = s->buf_left < s->left ? s->buf_left : s->left;
	if (n > ZW_UNIX_ROOM_1)
		n = ZW_UNIX_ROOM_1;
	/* What the server says is only wanted in so far as it tells success from failure. */
	if ((s->flags & ZW_UNIX_REPLY) && n > ZW_UNIX_ROOM_0)
		n = ZW_UNIX_ROOM_0;
	if (n == 0)
		return 0;
	tell_any(s, n, s->flags & ZW_UNIX_REPLY ? s->left - n : 0);
	s->buf += n;
	s->buf_left -= n;
	s->offset += n;
	s->left = s->flags & ZW_UNIX_REPLY ? 0 : s->left - n;
	return 0;
}

/* Whether descriptor @fd of the current task is this socket. */
static __always_inline bool is_socket(struct task_struct *task, __u64 fd, struct sock *sk)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd);
	struct file *file = NULL;
	struct socket *sock;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return false;
	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	sock = file ? BPF_CORE_READ(file, private_data) : NULL;
	return sock && BPF_CORE_READ(sock, sk) == sk;
}

/* Finds the bytes by the arguments of the system call; without any, when it is not one that is known. */
static __always_inline void find_bytes(struct send *s, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);
	__u64 nr = BPF_CORE_READ(regs, orig_ax);
	struct user_msghdr msg;

	if (BPF_CORE_READ(regs, cs) == ZW_USER32_CS ||
		(long)BPF_CORE_READ(regs, ax) != -ZW_ENOSYS ||
		!is_socket(task, (__u32)BPF_CORE_READ(regs, di), sk))
		return;
	if (nr == ZW_NR_WRITE || nr == ZW_NR_SENDTO) {
		s->buf = BPF_CORE_READ(regs, si);
		s->buf_left = BPF_CORE_READ(regs, dx);
	} else if (nr == ZW_NR_WRITEV || nr == ZW_NR_PWRITEV2) {
		s->iov = BPF_CORE_READ(regs, si);
		s->iov_left = BPF_CORE_READ(regs, dx);
	} else if (nr == ZW_NR_SENDMSG) {
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)BPF_CORE_READ(regs, si)) != 0)
			return;
		s->iov = msg.iov;
		s->iov_left = msg.iovlen;
	}
}

/* Whether @us was accepted by a server that listens on a watched path: it has the path of the listener. */
static __always_inline bool is_watched(struct unix_sock *us, struct zw_inode_key *ret_key)
{
	struct dentry *dentry = us->path.dentry;
	struct inode *inode;
	__u64 magic;

	if (!dentry)
		return false;
	inode = dentry->d_inode;
	if (!inode)
		return false;
	ret_key->dev = inode->i_sb->s_dev;
	ret_key->ino = inode->i_ino;
	magic = inode->i_sb->s_magic;
	/* As the agent names inodes; see zw_file.h. */
	if (magic == ZW_OVERLAY_MAGIC || magic == ZW_BTRFS_MAGIC) {
		inode = zw_real_inode(inode);
		ret_key->dev = zw_inode_dev(inode);
		ret_key->ino = BPF_CORE_READ(inode, i_ino);
	}
	return bpf_map_lookup_elem(&zw_sockets, ret_key) != NULL;
}

/* Tells of @sent bytes that @sk sent over a connection that @server accepted. */
static __always_inline void on_watched(struct sock *sk, int sent, struct unix_sock *server,
	const struct zw_inode_key *key, __u64 cookie, __u32 flags, __u8 hook)
{
	struct send s = {.dev = key->dev,
		.ino = key->ino,
		.cookie = cookie,
		.flags = flags,
		.hook = hook,
		.sent = sent,
		.left = sent};
	__u64 *before;

	s.peer_tgid = BPF_CORE_READ(server, sk.sk_peer_pid, numbers[0].nr);
	if (s.peer_tgid == zw_self_tgid)
		return;
	s.peer_uid = BPF_CORE_READ(server, sk.sk_peer_cred, uid.val);
	s.peer_gid = BPF_CORE_READ(server, sk.sk_peer_cred, gid.val);
	before = bpf_sk_storage_get(&zw_sent, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (before)
		s.offset = __sync_fetch_and_add(before, sent);
	find_bytes(&s, sk);
	bpf_loop(ZW_UNIX_STEPS, send_step, &s, 0);
	if (s.left > 0)
		tell(&s, 0, s.left, ZW_UNIX_ROOM_0);
}

/* Everything that is sent on the machine may pass here, so the way out is short. */
static __always_inline int on_sent(struct sock *sk, int sent, __u8 hook)
{
	struct unix_sock *us, *peer = NULL;
	struct zw_inode_key key = {};
	struct sock *other;

	if (sk->__sk_common.skc_family != ZW_AF_UNIX || sent <= 0)
		return 0;
	us = bpf_skc_to_unix_sock(sk);
	if (!us)
		return 0;
	other = us->peer;
	if (other)
		peer = bpf_skc_to_unix_sock(other);
	if (peer && is_watched(peer, &key))
		on_watched(sk, sent, peer, &key, bpf_get_socket_cookie(sk), 0, hook);
	else if (is_watched(us, &key))
		/* On another processor the answer may come here before what it answers does. */
		on_watched(sk, sent, us, &key, peer ? bpf_get_socket_cookie(peer) : 0,
			ZW_UNIX_REPLY, hook);
	return 0;
}
