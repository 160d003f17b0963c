/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/net_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/netlink.h"
#include "base/str.h"

/* More than the kernel puts into one datagram of a dump (NLMSG_GOODSIZE and, for dumps, 32 KiB). */
#define BUFFER_BYTES 65536

static int open_netlink(uint32_t groups, int flags)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
	_zw_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return ZW_TAKE_FD(fd);
}

int zw_rtnl_open(void)
{
	return open_netlink(RTMGRP_LINK, SOCK_NONBLOCK);
}

int zw_rtnl_ask_links(int fd)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg i;
	} request = {
		.n = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.i = {.ifi_family = AF_UNSPEC},
	};

	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

static void copy_text(char *dst, size_t size, const struct rtattr *a)
{
	snprintf(dst, size, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
}

static void parse_info(const struct rtattr *info, struct zw_link *link)
{
	int len = (int)RTA_PAYLOAD(info);

	for (const struct rtattr *a = RTA_DATA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_INFO_KIND)
			copy_text(link->kind, sizeof(link->kind), a);
		else if (a->rta_type == IFLA_INFO_SLAVE_KIND)
			copy_text(link->slave_kind, sizeof(link->slave_kind), a);
	}
}

static bool parse_link(const struct nlmsghdr *n, struct zw_link *ret_link)
{
	const struct ifinfomsg *i = NLMSG_DATA(n);
	int len = (int)IFLA_PAYLOAD(n);
	struct zw_link link = {.gone = n->nlmsg_type == RTM_DELLINK};

	/* Bridges tell of their ports in messages of their own, which say little else. */
	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*i)) || i->ifi_family != AF_UNSPEC)
		return false;
	link.ifindex = i->ifi_index;
	link.type = i->ifi_type;
	for (const struct rtattr *a = IFLA_RTA(i); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			copy_text(link.name, sizeof(link.name), a);
		else if (a->rta_type == IFLA_LINK && RTA_PAYLOAD(a) >= sizeof(int))
			memcpy(&link.lower, RTA_DATA(a), sizeof(int));
		else if (a->rta_type == IFLA_LINKINFO)
			parse_info(a, &link);
	}
	*ret_link = link;
	return true;
}

struct links {
	zw_link_fn fn;
	void *ctx;
};

static int take_link(void *ctx, const struct nlmsghdr *n)
{
	const struct links *links = ctx;
	struct zw_link link;

	if ((n->nlmsg_type == RTM_NEWLINK || n->nlmsg_type == RTM_DELLINK) && parse_link(n, &link))
		links->fn(links->ctx, &link);
	return 0;
}

int zw_rtnl_read(int fd, zw_link_fn fn, void *ctx, bool *ret_done)
{
	_zw_free_ char *buf = malloc(BUFFER_BYTES);
	struct links links = {fn, ctx};

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = recv(fd, buf, BUFFER_BYTES, 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		r = zw_netlink_walk(buf, (size_t)n, take_link, &links, NULL);
		if (r < 0)
			return r;
		if (r > 0)
			*ret_done = true;
	}
}

static void parse_options(const struct rtattr *options, struct zw_filter *filter)
{
	int len = (int)RTA_PAYLOAD(options);

	for (const struct rtattr *a = RTA_DATA(options); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == TCA_BPF_NAME)
			copy_text(filter->name, sizeof(filter->name), a);
		else if (a->rta_type == TCA_BPF_ID && RTA_PAYLOAD(a) >= sizeof(uint32_t))
			memcpy(&filter->program, RTA_DATA(a), sizeof(uint32_t));
	}
}

/* Whether @n is a filter of type bpf. One of another type is counted; the head of a priority, without a handle, is
 * neither. */
static bool parse_filter(
	const struct nlmsghdr *n, struct zw_filter *ret_filter, unsigned int *ret_others)
{
	const struct tcmsg *t = NLMSG_DATA(n);
	int len = (int)(n->nlmsg_len - NLMSG_LENGTH(sizeof(*t)));
	struct zw_filter filter = {};
	bool bpf = false;

	if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*t)))
		return false;
	filter.handle = t->tcm_handle;
	filter.priority = t->tcm_info >> 16;
	for (const struct rtattr *a = TCA_RTA(t); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == TCA_KIND)
			bpf = zw_streq(RTA_DATA(a), "bpf");
		else if (a->rta_type == TCA_OPTIONS && bpf)
			parse_options(a, &filter);
	}
	if (!bpf)
		*ret_others += 1;
	*ret_filter = filter;
	return bpf && filter.handle;
}

struct filters {
	zw_filter_fn fn;
	void *ctx;
	unsigned int *others;
};

static int take_filter(void *ctx, const struct nlmsghdr *n)
{
	const struct filters *filters = ctx;
	struct zw_filter filter;

	if (n->nlmsg_type == RTM_NEWTFILTER && parse_filter(n, &filter, filters->others))
		filters->fn(filters->ctx, &filter);
	return 0;
}

int zw_rtnl_filters(
	int ifindex, uint32_t parent, zw_filter_fn fn, void *ctx, unsigned int *ret_others)
{
	struct {
		struct nlmsghdr n;
		struct tcmsg t;
	} request = {
		.n = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETTFILTER,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.t = {.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent},
	};
	struct filters filters = {fn, ctx, ret_others};
	_zw_free_ char *buf = malloc(BUFFER_BYTES);
	_zw_close_ int fd = open_netlink(0, 0);
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, buf, BUFFER_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : zw_netlink_walk(buf, (size_t)n, take_filter, &filters, NULL);
	}
	return r == 1 ? 0 : r;
}
