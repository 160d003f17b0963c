/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/netlink.h"
#include "base/str.h"

/* include/net/tcp_states.h */
#define TCPF_LISTEN (1U << 10)

bool zw_sockdiag_reaches(const char *proc_root, pid_t pid)
{
	_zw_free_ char *theirs = zw_asprintf("%s/%d/ns/net", proc_root, (int)pid);
	struct stat a, b;

	/* Of another /proc the pids are others', too. */
	return theirs && zw_streq(proc_root, "/proc") && stat(theirs, &a) == 0 &&
	       stat("/proc/self/ns/net", &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int ask(int fd, int family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 want;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.want = {.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = TCPF_LISTEN},
	};

	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

struct listing {
	zw_sockdiag_fn fn;
	void *ctx;
};

static int tell(void *ctx, const struct nlmsghdr *head)
{
	const struct listing *l = ctx;
	struct inet_diag_msg found;
	uint32_t addr[4];

	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		head->nlmsg_len < NLMSG_LENGTH(sizeof(found)))
		return -EBADMSG;
	memcpy(&found, NLMSG_DATA(head), sizeof(found));
	memcpy(addr, found.id.idiag_src, sizeof(addr));
	return l->fn(
		l->ctx, found.idiag_family, addr, ntohs(found.id.idiag_sport), found.idiag_inode);
}

int zw_sockdiag_listening(int family, zw_sockdiag_fn fn, void *ctx)
{
	_zw_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct listing listing = {fn, ctx};
	bool changed = false;
	union {
		struct nlmsghdr head;
		char bytes[32768];
	} answer;
	int r;

	if (fd < 0)
		return -errno;
	r = ask(fd, family);
	while (r == 0) {
		ssize_t n = recv(fd, &answer, sizeof(answer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0    ? -errno
		    : n == 0 ? -EBADMSG
			     : zw_netlink_walk(&answer, (size_t)n, tell, &listing, &changed);
		if (changed)
			return -EINTR;
	}
	return r == 1 ? 0 : r;
}
