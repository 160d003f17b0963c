/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/internal.h"
#include "probe/net_internal.h"

#include "net.skel.h"
#include "sock.skel.h"

/* The control lane. A request and its answer take about a kilobyte, so this is some seconds of the most that servers
 * take. */
#define RING_BYTES (8U << 20)

/* Every object has these maps; the socket object's count. */
static int share_with_sockets(const struct zw_net *net, struct zw_net_bpf *skel)
{
	const struct {
		struct bpf_map *map;
		const struct bpf_map *of;
	} shared[] = {
		{skel->maps.zw_ring, net->sock->maps.zw_ring},
		{skel->maps.zw_drops, net->sock->maps.zw_drops},
		{skel->maps.zw_ports, net->sock->maps.zw_ports},
		{skel->maps.zw_owners, net->sock->maps.zw_owners},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(shared); i++)
		r = bpf_map__reuse_fd(shared[i].map, bpf_map__fd(shared[i].of));
	return r;
}

/* And these are the first copy's. */
static int share_with_first(const struct zw_net *net, struct zw_net_bpf *skel)
{
#define OF_FIRST(map)                                \
	{                                            \
		skel->maps.map, net->first->maps.map \
	}
	const struct {
		struct bpf_map *map;
		const struct bpf_map *of;
	} shared[] = {
		OF_FIRST(zw_flows),
		OF_FIRST(zw_traffic),
		OF_FIRST(zw_below_vlan),
		OF_FIRST(zw_query_control),
		OF_FIRST(zw_query_cells),
		OF_FIRST(zw_query_totals),
		OF_FIRST(zw_query_heads),
		OF_FIRST(zw_query_pairs),
		OF_FIRST(zw_query_names),
		OF_FIRST(zw_query_zones),
		OF_FIRST(zw_query_pending),
		OF_FIRST(zw_query_answers),
		OF_FIRST(zw_query_scratch),
		OF_FIRST(zw_query_known),
		OF_FIRST(zw_query_served),
		OF_FIRST(zw_query_ring),
		OF_FIRST(zw_outbound),
	};
#undef OF_FIRST
	int r = 0;

	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(shared); i++)
		r = bpf_map__reuse_fd(shared[i].map, bpf_map__fd(shared[i].of));
	return r;
}

struct zw_net_bpf *zw_net_copy(const struct zw_net *net, uint32_t inum)
{
	struct zw_net_bpf *skel = zw_net_bpf__open();
	int r;

	if (!skel)
		return NULL;
	skel->rodata->zw_netns = inum;
	r = share_with_sockets(net, skel);
	if (r == 0)
		r = net->first ? share_with_first(net, skel) : zw_query_size(skel);
	zw_query_tell_sizes(skel);
	if (r == 0)
		r = zw_net_bpf__load(skel);
	if (r < 0) {
		zw_net_bpf__destroy(skel);
		errno = -r;
		return NULL;
	}
	return skel;
}

static int load_sockets(struct zw_net *net, uint64_t ring_bytes)
{
	int r;

	net->sock = zw_sock_bpf__open();
	if (!net->sock)
		return -errno;
	r = bpf_map__set_max_entries(
		net->sock->maps.zw_ring, (uint32_t)(ring_bytes ? ring_bytes : RING_BYTES));
	return r < 0 ? r : zw_sock_bpf__load(net->sock);
}

static int map_ports(struct zw_net *net)
{
	void *p = mmap(NULL, sizeof(*net->ports), PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_map__fd(net->sock->maps.zw_ports), 0);

	if (p == MAP_FAILED)
		return -errno;
	net->ports = p;
	return 0;
}

static int open_rings(struct zw_net *net, struct zw_probe *p)
{
	int r = zw_ring_open(&net->ring, bpf_map__fd(net->sock->maps.zw_ring), p);

	if (r == 0)
		r = zw_ring_open(&net->query_ring, bpf_map__fd(net->first->maps.zw_query_ring), p);
	if (r < 0)
		return r;
	net->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (net->epoll < 0)
		return -errno;
	r = zw_ring_wake(&net->ring, net->epoll);
	return r < 0 ? r : zw_ring_wake(&net->query_ring, net->epoll);
}

int zw_net_open(struct zw_probe *p, const struct zw_probe_options *o, struct zw_net **ret_net)
{
	struct zw_net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return -ENOMEM;
	net->epoll = -1;
	net->tcx = !o->no_tcx;
	r = load_sockets(net, o->net_ring_bytes);
	if (r == 0) {
		net->first = zw_net_copy(net, 0);
		r = net->first ? 0 : -errno;
	}
	if (r == 0)
		r = map_ports(net);
	if (r == 0)
		r = zw_query_open(&net->lane, net->first);
	if (r == 0)
		r = open_rings(net, p);
	if (r < 0) {
		zw_net_close(net);
		return r;
	}
	*ret_net = net;
	return 0;
}

void zw_net_close(struct zw_net *net)
{
	if (!net)
		return;
	zw_net_unfollow_all(net);
	zw_ring_close(&net->ring);
	zw_ring_close(&net->query_ring);
	if (net->epoll >= 0)
		close(net->epoll);
	zw_query_close(&net->lane);
	if (net->ports)
		munmap(net->ports, sizeof(*net->ports));
	zw_net_bpf__destroy(net->first);
	zw_sock_bpf__destroy(net->sock);
	free(net);
}

struct bpf_object *zw_net_object(const struct zw_net *net, enum zw_object object)
{
	if (!net)
		return NULL;
	return object == ZW_OBJ_SOCK  ? net->sock->obj
	       : object == ZW_OBJ_NET ? net->first->obj
				      : NULL;
}

int zw_net_prove(struct zw_net *net)
{
	return zw_net_exercise(net->first, net->tcx, &net->tcx);
}

int zw_net_drops_map(const struct zw_net *net)
{
	return bpf_map__fd(net->sock->maps.zw_drops);
}

int zw_probe_net_ports(struct zw_probe *p, const struct zw_net_port *ports, size_t n)
{
	struct zw_ports *map = p->net ? p->net->ports : NULL;
	_zw_free_ struct zw_ports *fresh = calloc(1, sizeof(*fresh));

	if (!map)
		return -EOPNOTSUPP;
	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		fresh->flags[ports[i].port] |= ports[i].flags;
		if (fresh->flags[ports[i].port])
			fresh->bit[ports[i].port / 64] |= 1ULL << ports[i].port % 64;
	}
	/* Flags first, and off last: a port whose bit is set always has some. Programs that run see either. */
	for (size_t i = 0; i < ZW_ARRAY_SIZE(map->flags); i++)
		if (fresh->flags[i])
			__atomic_store_n(&map->flags[i], fresh->flags[i], __ATOMIC_RELEASE);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(map->bit); i++)
		__atomic_store_n(&map->bit[i], fresh->bit[i], __ATOMIC_RELEASE);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(map->flags); i++)
		if (!fresh->flags[i])
			__atomic_store_n(&map->flags[i], 0, __ATOMIC_RELEASE);
	return 0;
}

int zw_probe_net_follow(struct zw_probe *p, int netns, uint32_t *ret_inum)
{
	return p->net ? zw_net_follow(p->net, netns, ret_inum) : -EOPNOTSUPP;
}

int zw_probe_net_unfollow(struct zw_probe *p, uint32_t inum)
{
	return p->net ? zw_net_unfollow(p->net, inum) : -EOPNOTSUPP;
}

int zw_probe_net_fd(const struct zw_probe *p)
{
	return p->net ? p->net->epoll : -EOPNOTSUPP;
}

int zw_probe_net_drain(struct zw_probe *p, zw_probe_fn fn, void *ctx)
{
	int devices, r;

	if (!p->net)
		return -EOPNOTSUPP;
	/* Trouble with a device is no reason to leave packets in the ring. */
	devices = zw_net_devices(p->net);
	/* As in zw_probe_drain(). */
	zw_ring_mark(&p->net->ring);
	zw_ring_mark(&p->net->query_ring);
	zw_ring_mark(&p->proc_ring);
	p->fn = fn;
	p->fn_ctx = ctx;
	r = zw_ring_drain(&p->proc_ring);
	if (r == 0)
		r = zw_ring_drain(&p->net->ring);
	if (r == 0)
		r = zw_ring_drain(&p->net->query_ring);
	p->fn = NULL;
	return r < 0 ? r : devices;
}

int zw_net_hold(struct zw_net *net)
{
	int r = zw_ring_hold(&net->ring), q = zw_ring_hold(&net->query_ring);

	return r < 0 ? r : q;
}

static void ignore(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
}

int zw_probe_net_sockets(struct zw_probe *p, zw_probe_fn fn, void *ctx)
{
	for (size_t i = 0; p->net && i < p->programs; i++)
		if (p->hook[i].program->hook == ZW_HOOK_ITER_SOCKET && p->link[i])
			return zw_run_iterator(
				p->link[i], sizeof(struct zw_wire_socket), fn ? fn : ignore, ctx);
	return -EOPNOTSUPP;
}

int zw_probe_net_traffic(struct zw_probe *p, struct zw_traffic *ret_traffic)
{
	_zw_free_ struct zw_traffic *each = NULL;
	int cpus = libbpf_num_possible_cpus(), r;
	struct zw_traffic sum = {};
	uint32_t zero = 0;

	if (!p->net)
		return -EOPNOTSUPP;
	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	r = bpf_map_lookup_elem(bpf_map__fd(p->net->first->maps.zw_traffic), &zero, each);
	if (r < 0)
		return r;
	for (int c = 0; c < cpus; c++) {
		const uint64_t *from = (const uint64_t *)&each[c];
		uint64_t *to = (uint64_t *)&sum;

		for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
			to[i] += from[i];
	}
	zw_query_add_traffic(&p->net->lane, &sum);
	*ret_traffic = sum;
	return 0;
}

int zw_probe_net_check(struct zw_probe *p, struct zw_net_loss *ret_loss)
{
	return p->net ? zw_net_check(p->net, ret_loss) : -EOPNOTSUPP;
}

int zw_probe_net_status(const struct zw_probe *p, struct zw_net_status *ret_status)
{
	struct zw_net_status s = {};

	if (!p->net)
		return -EOPNOTSUPP;
	s.namespaces = p->net->namespaces.len;
	ZW_VEC_FOREACH(ns, &p->net->namespaces)
		ZW_VEC_FOREACH(d, &(*ns)->devices)
			s.devices += d->attached;
	s.refused = p->net->refused;
	s.last_errno = p->net->last_errno;
	s.tcx = p->net->tcx;
	snprintf(s.refused_name, sizeof(s.refused_name), "%s", p->net->refused_name);
	*ret_status = s;
	return 0;
}
