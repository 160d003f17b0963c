/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices of network namespaces. Everything that depends on the namespace of the thread is done by a thread made for
 * it, so that the agent itself never leaves its own. */
#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probe/net_internal.h"

#include "net.skel.h"

/* For the answer of the kernel about devices it has; it needs milliseconds. */
#define LIST_TIMEOUT_MS 5000

/* --- another namespace -------------------------------------------------------------------------------- */

struct visit {
	int fd; /* of the namespace; -1: a new one */
	int (*fn)(void *arg);
	void *arg;
	int r;
};

static void *visit_thread(void *arg)
{
	struct visit *v = arg;

	if (v->fd >= 0 ? setns(v->fd, CLONE_NEWNET) < 0 : unshare(CLONE_NEWNET) < 0)
		v->r = -errno;
	else
		v->r = v->fn(v->arg);
	return NULL;
}

/* Runs @fn in a thread of its own in that namespace. */
static int visit(int fd, int (*fn)(void *arg), void *arg)
{
	struct visit v = {.fd = fd, .fn = fn, .arg = arg};
	sigset_t all, old;
	pthread_t thread;
	int r;

	/* Signals are for the agent's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, NULL, visit_thread, &v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return -r;
	r = pthread_join(thread, NULL);
	return r != 0 ? -r : v.r;
}

/* --- devices ------------------------------------------------------------------------------------------ */

/* Which programs a device takes. Of what is part of a bridge or bond, the whole is followed: the same packets pass
 * there, those that are for this host. False: none. */
static bool programs_for(const struct zw_net_bpf *skel, const struct zw_link *link,
	int ret_program[_ZW_NET_SIDE_MAX])
{
	ret_program[ZW_NET_INGRESS] = ret_program[ZW_NET_EGRESS] = -1;
	if (zw_streq(link->slave_kind, "bridge") || zw_streq(link->slave_kind, "bond") ||
		zw_streq(link->slave_kind, "team"))
		return false;
	switch (link->type) {
	case ARPHRD_LOOPBACK:
		ret_program[ZW_NET_EGRESS] = bpf_program__fd(skel->progs.zw_net_local);
		return true;
	case ARPHRD_ETHER:
		ret_program[ZW_NET_INGRESS] = bpf_program__fd(skel->progs.zw_net_in);
		ret_program[ZW_NET_EGRESS] = bpf_program__fd(skel->progs.zw_net_out);
		return true;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
		ret_program[ZW_NET_INGRESS] = bpf_program__fd(skel->progs.zw_net_in_l3);
		ret_program[ZW_NET_EGRESS] = bpf_program__fd(skel->progs.zw_net_out_l3);
		return true;
	default:
		return false;
	}
}

struct work {
	struct zw_net *net;
	struct zw_net_ns *ns;
	bool end; /* detach everything */
	int r;
};

static void attach_device(struct zw_net *net, struct zw_net_ns *ns, struct zw_net_device *d)
{
	int program[_ZW_NET_SIDE_MAX], r;

	if (!programs_for(ns->skel, &d->link, program))
		return;
	r = zw_net_attach(d->link.ifindex, program, net->tcx, &d->hooks);
	d->attached = r == 0;
	/* One that is gone again is no loss. */
	if (r == 0 || r == -ENODEV)
		return;
	net->refused++;
	net->last_errno = -r;
	snprintf(net->refused_name, sizeof(net->refused_name), "%s", d->link.name);
}

/* In the namespace: brings what is attached in line with what is known of the devices. */
static int settle(void *arg)
{
	struct work *w = arg;

	ZW_VEC_FOREACH(d, &w->ns->devices) {
		int program[_ZW_NET_SIDE_MAX];
		bool wanted =
			!w->end && !d->link.gone && programs_for(w->ns->skel, &d->link, program);

		if (d->attached && !wanted) {
			zw_net_detach(d->link.ifindex, &d->hooks);
			d->attached = false;
		} else if (!d->attached && wanted) {
			attach_device(w->net, w->ns, d);
		}
	}
	return 0;
}

static void on_link(void *ctx, const struct zw_link *link)
{
	struct work *w = ctx;
	struct zw_net_device fresh = {.link = *link, .hooks = {.link = {-1, -1}}, .told = true};

	ZW_VEC_FOREACH(d, &w->ns->devices)
		if (d->link.ifindex == link->ifindex) {
			/* Another device may get the index at once. */
			if (link->gone && d->attached) {
				zw_net_forget(&d->hooks);
				d->attached = false;
			}
			d->link = *link;
			d->told = true;
			return;
		}
	if (!link->gone && w->r == 0)
		w->r = zw_vec_push(&w->ns->devices, fresh);
}

/* Tells the programs which devices have VLAN devices above them. */
static int mark_below(struct zw_net *net, struct zw_net_ns *ns)
{
	int map = bpf_map__fd(net->first->maps.zw_below_vlan);

	ZW_VEC_FOREACH(d, &ns->devices) {
		uint64_t key = (uint64_t)ns->inum << 32 | (uint32_t)d->link.ifindex;
		uint32_t above = 0;
		int r;

		ZW_VEC_FOREACH(other, &ns->devices)
			above += !other->link.gone && zw_streq(other->link.kind, "vlan") &&
				 other->link.lower == d->link.ifindex;
		if (above)
			r = bpf_map_update_elem(map, &key, &above, BPF_ANY);
		else
			r = bpf_map_delete_elem(map, &key);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static void forget_gone(struct zw_net_ns *ns)
{
	for (size_t i = ns->devices.len; i-- > 0;)
		if (ns->devices.items[i].link.gone)
			zw_vec_remove_unordered(&ns->devices, i);
}

/* Asks for all devices and waits until they have been told of; one that is not, is gone. */
static int list_devices(struct zw_net_ns *ns, struct work *w)
{
	bool done = false;
	int r;

	ZW_VEC_FOREACH(d, &ns->devices)
		d->told = false;
	r = zw_rtnl_ask_links(ns->rtnl);
	while (r == 0 && !done) {
		struct pollfd p = {.fd = ns->rtnl, .events = POLLIN};

		r = poll(&p, 1, LIST_TIMEOUT_MS);
		if (r < 0)
			r = errno == EINTR ? 0 : -errno;
		else if (r == 0)
			r = -ETIMEDOUT;
		else
			r = zw_rtnl_read(ns->rtnl, on_link, w, &done);
	}
	if (r < 0)
		return r;
	ZW_VEC_FOREACH(d, &ns->devices) {
		if (d->told || d->link.gone)
			continue;
		zw_net_forget(&d->hooks);
		d->attached = false;
		d->link.gone = true;
	}
	return 0;
}

/* How often a list is asked for before the next time, when news come faster than they can be read. */
#define LIST_TRIES 3

/* Reads the news of one namespace, or, with @all, all there is to know, and attaches accordingly. */
static int read_news(struct zw_net *net, struct zw_net_ns *ns, bool all)
{
	struct work w = {.net = net, .ns = ns};
	bool done = false;
	int r = all ? -ENOBUFS : zw_rtnl_read(ns->rtnl, on_link, &w, &done);

	for (int i = 0; i < LIST_TRIES && r == -ENOBUFS; i++)
		r = list_devices(ns, &w);
	if (r == 0)
		r = w.r;
	if (r == 0)
		r = mark_below(net, ns);
	if (r == 0)
		r = visit(ns->fd, settle, &w);
	if (r == 0)
		forget_gone(ns);
	return r;
}

int zw_net_devices(struct zw_net *net)
{
	int r = 0;

	ZW_VEC_FOREACH(ns, &net->namespaces) {
		struct pollfd p = {.fd = (*ns)->rtnl, .events = POLLIN};
		int q;

		if (poll(&p, 1, 0) <= 0)
			continue;
		q = read_news(net, *ns, false);
		if (q < 0)
			r = q;
	}
	return r;
}

struct check {
	struct zw_net *net;
	struct zw_net_ns *ns;
	struct zw_net_loss *loss;
};

/* In the namespace. */
static int check_devices(void *arg)
{
	struct check *c = arg;

	ZW_VEC_FOREACH(d, &c->ns->devices) {
		int r = d->attached && !d->link.gone ? zw_net_attached(d->link.ifindex, &d->hooks)
						     : 1;

		/* One that is gone by now is told of as such. */
		if (r == -ENODEV)
			continue;
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (c->loss->devices++ == 0)
			snprintf(c->loss->name, sizeof(c->loss->name), "%s", d->link.name);
		zw_net_detach(d->link.ifindex, &d->hooks);
		d->attached = false;
		attach_device(c->net, c->ns, d);
		c->loss->again += d->attached;
	}
	return 0;
}

int zw_net_check(struct zw_net *net, struct zw_net_loss *ret_loss)
{
	int r = 0;

	ZW_VEC_FOREACH(ns, &net->namespaces) {
		struct check c = {.net = net, .ns = *ns, .loss = ret_loss};

		/* Devices that went are known before they are looked at. */
		if (r == 0)
			r = read_news(net, *ns, false);
		if (r == 0)
			r = visit((*ns)->fd, check_devices, &c);
	}
	return r;
}

/* --- namespaces --------------------------------------------------------------------------------------- */

static void ns_free(struct zw_net *net, struct zw_net_ns *ns)
{
	struct work w = {.net = net, .ns = ns, .end = true};

	if (!ns)
		return;
	if (ns->devices.len > 0)
		(void)visit(ns->fd, settle, &w);
	ZW_VEC_FOREACH(d, &ns->devices) {
		uint64_t key = (uint64_t)ns->inum << 32 | (uint32_t)d->link.ifindex;

		(void)bpf_map_delete_elem(bpf_map__fd(net->first->maps.zw_below_vlan), &key);
	}
	zw_vec_free(&ns->devices);
	zw_net_bpf__destroy(ns->skel);
	if (ns->rtnl >= 0)
		close(ns->rtnl);
	if (ns->fd >= 0)
		close(ns->fd);
	free(ns);
}

static int open_rtnl(void *arg)
{
	return *(int *)arg = zw_rtnl_open();
}

static int ns_open(struct zw_net *net, int fd, uint32_t inum, struct zw_net_ns **ret_ns)
{
	struct zw_net_ns *ns = calloc(1, sizeof(*ns));
	struct epoll_event event = {.events = EPOLLIN};
	int r;

	if (!ns)
		return -ENOMEM;
	ns->inum = inum;
	ns->rtnl = -1;
	ns->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	r = ns->fd < 0 ? -errno : visit(ns->fd, open_rtnl, &ns->rtnl);
	if (r >= 0) {
		ns->skel = zw_net_copy(net, inum);
		r = ns->skel ? 0 : -errno;
	}
	if (r == 0)
		r = read_news(net, ns, true);
	if (r == 0 && epoll_ctl(net->epoll, EPOLL_CTL_ADD, ns->rtnl, &event) < 0)
		r = -errno;
	if (r < 0) {
		ns_free(net, ns);
		return r;
	}
	*ret_ns = ns;
	return 0;
}

int zw_net_follow(struct zw_net *net, int fd, uint32_t *ret_inum)
{
	struct zw_net_ns *ns = NULL;
	struct stat st;
	uint32_t inum;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	inum = (uint32_t)st.st_ino;
	ZW_VEC_FOREACH(known, &net->namespaces)
		if ((*known)->inum == inum) {
			*ret_inum = inum;
			return 0;
		}
	r = zw_vec_reserve(&net->namespaces, net->namespaces.len + 1);
	if (r == 0)
		r = ns_open(net, fd, inum, &ns);
	if (r < 0)
		return r;
	r = zw_vec_push(&net->namespaces, ns);
	if (r < 0) {
		ns_free(net, ns);
		return r;
	}
	*ret_inum = inum;
	return 0;
}

int zw_net_unfollow(struct zw_net *net, uint32_t inum)
{
	for (size_t i = 0; i < net->namespaces.len; i++) {
		struct zw_net_ns *ns = net->namespaces.items[i];

		if (ns->inum != inum)
			continue;
		zw_vec_remove_unordered(&net->namespaces, i);
		ns_free(net, ns);
		return 0;
	}
	return -ENOENT;
}

void zw_net_unfollow_all(struct zw_net *net)
{
	ZW_VEC_FOREACH(ns, &net->namespaces)
		ns_free(net, *ns);
	zw_vec_free(&net->namespaces);
}

/* --- proof -------------------------------------------------------------------------------------------- */

struct exercise {
	const struct zw_net_bpf *skel;
	bool tcx;
};

static int loopback_up(int fd)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK};

	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int send_one(int fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};

	return sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* Each pair of programs takes its turn on both sides of the device. */
static int exercise(void *arg)
{
	struct exercise *x = arg;
	const int pairs[][_ZW_NET_SIDE_MAX] = {
		{bpf_program__fd(x->skel->progs.zw_net_in),
			bpf_program__fd(x->skel->progs.zw_net_out)},
		{bpf_program__fd(x->skel->progs.zw_net_in_l3),
			bpf_program__fd(x->skel->progs.zw_net_out_l3)},
		{-1, bpf_program__fd(x->skel->progs.zw_net_local)},
	};
	_zw_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ifindex = 1; /* LOOPBACK_IFINDEX, include/net/flow.h */
	int r = fd < 0 ? -errno : loopback_up(fd);

	x->tcx = x->tcx && zw_net_has_tcx(ifindex, pairs[0][ZW_NET_INGRESS]);
	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(pairs); i++) {
		struct zw_net_hooks hooks;

		r = zw_net_attach(ifindex, pairs[i], x->tcx, &hooks);
		if (r < 0)
			break;
		r = send_one(fd);
		zw_net_detach(ifindex, &hooks);
	}
	return r;
}

int zw_net_exercise(const struct zw_net_bpf *skel, bool try_tcx, bool *ret_tcx)
{
	struct exercise x = {.skel = skel, .tcx = try_tcx};
	int r = visit(-1, exercise, &x);

	if (r == 0)
		*ret_tcx = x.tcx;
	return r;
}
