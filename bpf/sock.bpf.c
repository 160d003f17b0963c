// SPDX-License-Identifier: GPL-2.0-or-later
/* Who binds a port of interest or connects to one, who makes sockets for datagrams, and who held such sockets before the
 * agent came. Connections that have to do with no such port are passed over: others make many of them. */
#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "zw_actor.h"
#include "zw_maps.h"
#include "zw_owner.h"
#include "zw_ports.h"

#define ZW_TCP_LISTEN 10     /* include/net/tcp_states.h */
#define ZW_IPPROTO_MPTCP 262 /* include/uapi/linux/in.h */
#define ZW_AF_INET 2
#define ZW_AF_INET6 10

/* Returned by all programs below: go on. */
#define ALLOW 1

/* MPTCP looks like TCP from outside. */
static __always_inline __u8 transport_of(__u32 protocol)
{
	return protocol == ZW_IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
}

static __always_inline bool bound_of_interest(__u16 port, __u8 proto)
{
	__u32 zero = 0;
	struct zw_ports *ports = bpf_map_lookup_elem(&zw_ports, &zero);

	return ports && (proto == IPPROTO_UDP || proto == IPPROTO_TCP) && port &&
	       zw_port_flags(ports, port);
}

/* What leaves through this socket later, when nobody runs for it, is the current task's. */
static __always_inline int on_send(struct bpf_sock_addr *ctx)
{
	__u32 zero = 0, port = bpf_ntohs((__be16)ctx->user_port);
	struct zw_ports *ports = bpf_map_lookup_elem(&zw_ports, &zero);
	struct bpf_sock *sk = ctx->sk;
	struct task_struct *task;
	struct zw_wire_owner *o;

	if (!ports || !zw_port_flags(ports, port) || !sk)
		return ALLOW;
	o = bpf_sk_storage_get(&zw_owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	task = bpf_get_current_task_btf();
	/* The same process once more, unless it has another program by now. */
	if (o && (o->made || o->tgid != (__u32)task->tgid ||
			 o->start_ns != task->group_leader->start_boottime))
		zw_owner_fill(o, task);
	return ALLOW;
}

SEC("cgroup/connect4")
int zw_cg_connect4(struct bpf_sock_addr *ctx)
{
	return on_send(ctx);
}

SEC("cgroup/connect6")
int zw_cg_connect6(struct bpf_sock_addr *ctx)
{
	return on_send(ctx);
}

/* A datagram may go anywhere without a connection. A hook at each would take the lock of the socket each time, a
 * tenth of what a server takes for an answer; most leave while their sender runs, and for those that wait for a
 * neighbour's address the maker of the socket is known. */
SEC("cgroup/sock_create")
int zw_cg_socket(struct bpf_sock *ctx)
{
	struct zw_wire_owner *o;

	if (ctx->protocol != IPPROTO_UDP)
		return ALLOW;
	o = bpf_sk_storage_get(&zw_owners, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (o) {
		zw_owner_fill(o, bpf_get_current_task_btf());
		o->made = 1;
	}
	return ALLOW;
}

static __always_inline struct zw_wire_bind *on_bind(
	struct bpf_sock *ctx, __u16 port, __u8 proto, __u8 family, __u8 hook)
{
	struct zw_wire_owner *o;
	struct zw_wire_bind *e;

	if (!bound_of_interest(port, proto))
		return NULL;
	o = bpf_sk_storage_get(&zw_owners, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (o)
		zw_owner_fill(o, bpf_get_current_task_btf());
	e = bpf_ringbuf_reserve(&zw_ring, sizeof(*e), 0);
	if (!e) {
		zw_count_drop(ZW_DROP_BIND_RING_FULL);
		return NULL;
	}
	zw_hdr_fill(&e->hdr, sizeof(*e), ZW_WIRE_BIND, hook);
	__builtin_memset(e->addr, 0, sizeof(e->addr));
	e->cookie = 0;
	e->port = port;
	e->proto = proto;
	e->family = family;
	zw_actor_fill(&e->actor);
	e->netns = e->actor.netns;
	return e;
}

/* After it succeeded. */
SEC("cgroup/post_bind4")
int zw_cg_bind4(struct bpf_sock *ctx)
{
	__u32 addr = ctx->src_ip4;
	struct zw_wire_bind *e = on_bind(
		ctx, ctx->src_port, transport_of(ctx->protocol), ZW_AF_INET, ZW_HOOK_CG_BIND4);

	if (!e)
		return ALLOW;
	__builtin_memcpy(e->addr, &addr, sizeof(addr));
	bpf_ringbuf_submit(e, 0);
	return ALLOW;
}

SEC("cgroup/post_bind6")
int zw_cg_bind6(struct bpf_sock *ctx)
{
	__u32 addr[4] = {ctx->src_ip6[0], ctx->src_ip6[1], ctx->src_ip6[2], ctx->src_ip6[3]};
	struct zw_wire_bind *e = on_bind(
		ctx, ctx->src_port, transport_of(ctx->protocol), ZW_AF_INET6, ZW_HOOK_CG_BIND6);

	if (!e)
		return ALLOW;
	__builtin_memcpy(e->addr, addr, sizeof(addr));
	bpf_ringbuf_submit(e, 0);
	return ALLOW;
}

/* Sockets that were bound or connected before. One that several processes hold belongs to the first of them: processes come in the
 * order of their numbers, and who made it comes before those that inherited it. */
SEC("iter/task_file")
int zw_iter_socket(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct zw_wire_socket s = {};
	struct zw_wire_owner *o;
	struct socket *sock;
	struct sock *sk;
	bool bound;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	s.family = sk->__sk_common.skc_family;
	if (s.family != ZW_AF_INET && s.family != ZW_AF_INET6)
		return 0;
	s.proto = transport_of(sk->sk_protocol);
	s.port = sk->__sk_common.skc_num;
	bound = bound_of_interest(s.port, s.proto);
	if (!bound && !bound_of_interest(bpf_ntohs(sk->__sk_common.skc_dport), s.proto) &&
		(s.proto != IPPROTO_UDP || sk->__sk_common.skc_dport))
		return 0;
	zw_owner_fill(&s.owner, task);
	s.owner.made = !bound && !sk->__sk_common.skc_dport;
	if (!bpf_sk_storage_get(&zw_owners, sk, NULL, 0)) {
		o = bpf_sk_storage_get(&zw_owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		if (o)
			*o = s.owner;
	}
	if (!bound || (s.proto == IPPROTO_TCP && sk->__sk_common.skc_state != ZW_TCP_LISTEN))
		return 0;
	zw_hdr_fill(&s.hdr, sizeof(s), ZW_WIRE_SOCKET, ZW_HOOK_ITER_SOCKET);
	s.cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	s.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (s.family == ZW_AF_INET)
		BPF_CORE_READ_INTO((__u32 *)s.addr, sk, __sk_common.skc_rcv_saddr);
	else
		BPF_CORE_READ_INTO(&s.addr, sk, __sk_common.skc_v6_rcv_saddr);
	bpf_seq_write(ctx->meta->seq, &s, sizeof(s));
	return 0;
}
