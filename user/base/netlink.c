/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/netlink.h"

#include <linux/netlink.h>

/* 0 for an acknowledgement, and for what is too short to say. */
static int error_of(const struct nlmsghdr *n)
{
	const struct nlmsgerr *e = NLMSG_DATA(n);

	return n->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? 0 : e->error;
}

int zw_netlink_walk(const void *data, size_t len, zw_netlink_fn fn, void *ctx, bool *ret_changed)
{
	int r = 0;

	for (const struct nlmsghdr *n = data; r == 0 && NLMSG_OK(n, len); n = NLMSG_NEXT(n, len)) {
		if (ret_changed && n->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_changed = true;
		if (n->nlmsg_type == NLMSG_DONE)
			return 1;
		r = n->nlmsg_type == NLMSG_ERROR ? error_of(n) : fn(ctx, n);
	}
	return r;
}
