// SPDX-License-Identifier: GPL-2.0-or-later
/* Hooks that see what is said over unix sockets. */
#include "zw_unix_received.h"
#include "zw_unix_sent.h"

/* Only sends over unix stream sockets pass here (net/unix/af_unix.c). */
SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(
	zw_fexit_unix_send, struct socket *sock, struct msghdr *msg, unsigned long len, int ret)
{
	return on_sent(sock->sk, ret, ZW_HOOK_FEXIT_UNIX_SEND);
}

/* sendfile(2) and splice(2), until 6.5 sent such pages as messages, too. */
SEC("fexit/unix_stream_sendpage")
int BPF_PROG(zw_fexit_unix_page, struct socket *sock, struct page *page, int offset,
	unsigned long size, int flags, int ret)
{
	return on_sent(sock->sk, ret, ZW_HOOK_FEXIT_UNIX_PAGE);
}

/* net/core/datagram.c, skb_copy_datagram_iter(). */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(zw_tp_copy, struct sk_buff *skb, int len)
{
	return on_received(skb, ZW_HOOK_TP_COPY);
}
