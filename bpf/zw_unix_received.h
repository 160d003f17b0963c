/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as they are received, where no function can be hooked: the tracepoint lies where a socket's data is copied to whoever
 * reads it, before it is. Datagrams in one piece do not pass there, so that it costs a DNS server nothing, as a hook at every
 * send would (net/core/datagram.c; net/ipv4/udp.c, copy_linear_skb()).
 *
 * What is read are the kernel's bytes, which nobody changes any more. Who sent them stands in them only if they were sent before
 * the connection was accepted (net/unix/af_unix.c, maybe_add_creds()). Afterwards it is taken to be who connected, and told when
 * that process has let go of the connection. Whether it had children that may have it, user space knows.
 */
#pragma once

#include "zw_unix.h"

#define ZW_MSG_PEEK 2     /* include/linux/socket.h */
#define ZW_PIDTYPE_TGID 1 /* include/linux/pid_types.h */
/* Descriptors that are looked through for a connection. */
#define ZW_HOLDER_FDS 4096

/* Connections to watched sockets, by the client's end. That may be another connection's later, but its inode is not. */
struct talk {
	struct zw_inode_key to;
	__u64 server_ino;
	__u64 client_ino; /* 0: closed already */
	__u64 said;       /* bytes */
	__u64 answered;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct talk);
} zw_talks SEC(".maps");

/* Since 6.12 also in tracepoints: reads a packet wherever its bytes lie. The agent tries. */
extern int bpf_dynptr_from_skb(
	struct sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym __weak;
const volatile bool zw_reads_pages = false;

/* --- the bytes ----------------------------------------------------------------------------------------- */

struct received {
	struct send send;
	struct bpf_dynptr packet;
};

static long received_step(__u32 i, void *ctx)
{
	struct received *r = ctx;

	if (r->send.left == 0 || r->send.buf_left == 0)
		return 1;
	if (zw_reads_pages)
		tell_piece(&r->send, OF_PACKET, &r->packet);
	else
		tell_piece(&r->send, OF_KERNEL, NULL);
	return 0;
}

/* --- who sent them ---------------------------------------------------------------------------------------- */

static __always_inline struct task_struct *leader_of(struct pid *pid)
{
	struct hlist_head *head = (void *)pid + bpf_core_field_offset(struct pid, tasks) +
				  ZW_PIDTYPE_TGID * bpf_core_type_size(struct hlist_head);
	struct hlist_node *node = BPF_CORE_READ(head, first);

	return node ? (void *)node - bpf_core_field_offset(struct task_struct, pid_links) -
			       ZW_PIDTYPE_TGID * bpf_core_type_size(struct hlist_node)
		    : NULL;
}

struct search {
	struct file **fds;
	struct file *file;
	__u32 n;
	bool found;
};

static long search_step(__u32 i, void *ctx)
{
	struct search *s = ctx;
	struct file *file = NULL;

	if (i >= s->n)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), s->fds + i);
	s->found = file == s->file;
	return s->found;
}

/* Whether anybody has @file; nobody does while it is being closed. */
static __always_inline bool is_open(struct file *file)
{
	struct file___6_12 *old = (void *)file;

	/* Counted from 0 (include/linux/file_ref.h). */
	if (bpf_core_field_exists(file->f_ref))
		return BPF_CORE_READ(file, f_ref.refcnt.counter) >= 0;
	return BPF_CORE_READ(old, f_count.counter) > 0;
}

/* Whether @sk is open, and not of @task. That others have it, too, does not show: whoever looks through /proc counts as one. */
static __always_inline bool is_given(struct task_struct *task, struct sock *sk)
{
	struct file *file = BPF_CORE_READ(sk, sk_socket, file);
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct search s = {.file = file};

	if (!file || !is_open(file))
		return false;
	s.fds = BPF_CORE_READ(fdt, fd);
	s.n = BPF_CORE_READ(fdt, max_fds);
	bpf_loop(ZW_HOLDER_FDS, search_step, &s, 0);
	return !s.found;
}

/* @from: the end it came from. */
static __always_inline void find_who(
	struct send *s, struct sk_buff *skb, struct sock *from, struct sock *to)
{
	struct unix_skb_parms *parms = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct pid *sender = BPF_CORE_READ(parms, pid), *maker = BPF_CORE_READ(to, sk_peer_pid);
	struct task_struct *task = leader_of(sender ? sender : maker);

	s->sender = (__u64)task;
	s->sender_tgid = BPF_CORE_READ(sender ? sender : maker, numbers[0].nr);
	if (sender || s->flags & ZW_UNIX_REPLY)
		return;
	s->flags |= ZW_UNIX_MADE;
	if (is_given(task, from))
		s->flags |= ZW_UNIX_GIVEN;
}

/* --- all together ------------------------------------------------------------------------------------------- */

/* The end that @from's packet is being read at: its peer, or, where that has closed already, what the current task reads. */
static __always_inline struct sock *reader_of(struct sock *from)
{
	struct sock *peer = peer_of(from), *sk;
	struct pt_regs___kernel *regs;
	struct task_struct *task;
	__u64 nr;

	if (peer)
		return peer;
	task = bpf_get_current_task_btf();
	regs = (void *)bpf_task_pt_regs(task);
	nr = BPF_CORE_READ(regs, orig_ax);
	if (!in_own_call(regs) || (nr != ZW_NR_READ && nr != ZW_NR_READV && nr != ZW_NR_RECVFROM &&
					  nr != ZW_NR_RECVMSG && nr != ZW_NR_PREADV2))
		return NULL;
	sk = socket_of(task, BPF_CORE_READ(regs, di));
	return sk && BPF_CORE_READ(sk, __sk_common.skc_family) == ZW_AF_UNIX ? sk : NULL;
}

/* Whether the bytes stay where they are: they will come here once more. */
static __always_inline bool only_peeks(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);
	__u64 nr = BPF_CORE_READ(regs, orig_ax);

	if (!in_own_call(regs))
		return false;
	if (nr == ZW_NR_RECVFROM)
		return BPF_CORE_READ(regs, r10) & ZW_MSG_PEEK;
	return nr == ZW_NR_RECVMSG && (BPF_CORE_READ(regs, dx) & ZW_MSG_PEEK);
}

static __always_inline __u64 ino_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

/* What @client says to @server, which was accepted at @key. */
static __always_inline struct talk *begin_talk(
	struct sock *client, struct sock *server, const struct zw_inode_key *key)
{
	__u64 end = (__u64)client;
	struct talk fresh = {
		.to = *key, .server_ino = ino_of(server), .client_ino = ino_of(client)};
	struct talk *talk = bpf_map_lookup_elem(&zw_talks, &end);

	if (talk && talk->server_ino == fresh.server_ino)
		return talk;
	bpf_map_update_elem(&zw_talks, &end, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&zw_talks, &end);
}

/* What is answered to @client; NULL when it asked nothing that is told of. */
static __always_inline struct talk *find_talk(struct sock *client)
{
	__u64 end = (__u64)client;
	struct talk *talk = bpf_map_lookup_elem(&zw_talks, &end);

	return talk && talk->client_ino == ino_of(client) ? talk : NULL;
}

static __always_inline void tell_received(struct received *r, struct sk_buff *skb,
	struct sock *from, struct sock *to, struct talk *talk)
{
	struct send *s = &r->send;
	bool reply = s->flags & ZW_UNIX_REPLY;

	s->dev = talk->to.dev;
	s->ino = talk->to.ino;
	s->connection = talk->server_ino;
	ask_peer(s, reply ? from : to);
	if (s->peer_tgid == zw_self_tgid)
		return;
	s->sent = s->left = BPF_CORE_READ(skb, len);
	s->buf_left = s->left;
	if (zw_reads_pages) {
		bpf_dynptr_from_skb(skb, 0, &r->packet);
	} else {
		s->buf = (__u64)BPF_CORE_READ(skb, data);
		s->buf_left -= BPF_CORE_READ(skb, data_len);
	}
	s->offset = __sync_fetch_and_add(reply ? &talk->answered : &talk->said, s->sent);
	find_who(s, skb, from, to);
	bpf_loop(ZW_UNIX_STEPS, received_step, r, 0);
	if (s->left > 0)
		tell(s, 0, s->left, ZW_UNIX_ROOM_0, OF_KERNEL, NULL);
}

/* Whatever is read from a TCP or unix socket may pass here, so the way out is short. A packet is told of whole when the first
 * of its bytes are read. */
static __always_inline int on_received(struct sk_buff *skb, __u8 hook)
{
	struct unix_skb_parms *parms = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct sock *from = skb->sk, *to;
	struct received r = {.send = {.hook = hook}};
	struct zw_inode_key key = {};
	struct talk *talk;

	if (!from || from->__sk_common.skc_family != ZW_AF_UNIX)
		return 0;
	to = reader_of(from);
	if (!to)
		return 0;
	if (is_watched(path_of(to), &key)) {
		talk = begin_talk(from, to, &key);
	} else {
		talk = find_talk(to);
		r.send.flags = ZW_UNIX_REPLY;
	}
	if (talk && BPF_CORE_READ(parms, consumed) == 0 && !only_peeks())
		tell_received(&r, skb, from, to, talk);
	return 0;
}
