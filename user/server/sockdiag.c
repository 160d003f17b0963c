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

static int tell(const struct nlmsghdr *head, zw_sockdiag_fn fn, void *ctx)
{
	struct inet_diag_msg found;
	uint32_t addr[4];

	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(found)))
		return -EBADMSG;
	memcpy(&found, NLMSG_DATA(head), sizeof(found));
	memcpy(addr, found.id.idiag_src, sizeof(addr));
	return fn(ctx, found.idiag_family, addr, ntohs(found.id.idiag_sport), found.idiag_inode);
}

/* What came at once: 1 when that was the end of the list. */
static int take(const struct nlmsghdr *head, size_t len, zw_sockdiag_fn fn, void *ctx)
{
	int r = 0;

	for (; r == 0 && NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		if (head->nlmsg_flags & NLM_F_DUMP_INTR)
			r = -EINTR;
		else if (head->nlmsg_type == NLMSG_DONE)
			r = 1;
		else if (head->nlmsg_type == NLMSG_ERROR &&
			 head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			r = ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		else if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			r = tell(head, fn, ctx);
		else
			r = -EBADMSG;
	}
	return r;
}

int zw_sockdiag_listening(int family, zw_sockdiag_fn fn, void *ctx)
{
	_zw_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
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
		r = n < 0 ? -errno : n == 0 ? -EBADMSG : take(&answer.head, (size_t)n, fn, ctx);
	}
	return r == 1 ? 0 : r;
}
