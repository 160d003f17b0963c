/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as they are sent.
 *
 * The hooks run after a send, in the task that sends. The bytes are read from that task's memory again, where the
 * arguments of its system call say: they were copied a moment ago, so the pages are there. Reading them from the
 * receiver's queue instead would race with the receiver. A thread of the sender that writes over its buffer at that
 * moment can deceive; so can one that writes to the memory of its own process in other ways.
 */
#pragma once

#include "zw_unix.h"

/* Bytes this end of a connection has sent. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} zw_sent SEC(".maps");

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

	if (s->left == 0 || !next_buffer(s))
		return 1;
	tell_piece(s, OF_CALLER, NULL);
	return 0;
}

/* Finds the bytes by the arguments of the system call; without any, when it is not one that is known. */
static __always_inline void find_bytes(struct send *s, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);
	__u64 nr = BPF_CORE_READ(regs, orig_ax);
	struct user_msghdr msg;

	if (!in_own_call(regs) || socket_of(task, BPF_CORE_READ(regs, di)) != sk)
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

/* Tells of @sent bytes that @sk sent over a connection that @server accepted. */
static __always_inline void on_watched(struct sock *sk, int sent, struct sock *server,
	const struct zw_inode_key *key, __u64 cookie, __u32 flags, __u8 hook)
{
	struct send s = {.dev = key->dev,
		.ino = key->ino,
		.connection = cookie,
		.flags = flags,
		.hook = hook,
		.sender = bpf_get_current_task(),
		.sender_tgid = bpf_get_current_pid_tgid() >> 32,
		.sent = sent,
		.left = sent};
	__u64 *before;

	ask_peer(&s, server);
	if (s.peer_tgid == zw_self_tgid)
		return;
	before = bpf_sk_storage_get(&zw_sent, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (before)
		s.offset = __sync_fetch_and_add(before, sent);
	find_bytes(&s, sk);
	bpf_loop(ZW_UNIX_STEPS, send_step, &s, 0);
	if (s.left > 0)
		tell(&s, 0, s.left, ZW_UNIX_ROOM_0, OF_CALLER, NULL);
}

static __always_inline int on_sent(struct sock *sk, int sent, __u8 hook)
{
	struct zw_inode_key key = {};
	struct unix_sock *us;
	struct sock *peer;

	us = sent > 0 ? bpf_skc_to_unix_sock(sk) : NULL;
	if (!us)
		return 0;
	peer = us->peer;
	if (peer && is_watched(path_of(peer), &key))
		on_watched(sk, sent, peer, &key, bpf_get_socket_cookie(sk), 0, hook);
	else if (is_watched(path_of(sk), &key))
		/* On another processor the answer may come here before what it answers does. */
		on_watched(sk, sent, sk, &key, peer ? bpf_get_socket_cookie(peer) : 0,
			ZW_UNIX_REPLY, hook);
	return 0;
}
