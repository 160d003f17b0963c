// SPDX-License-Identifier: GPL-2.0-or-later
/* Hooks that see what is sent over unix sockets. */
#include "zw_unix.h"

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

/* Every send over every socket passes here, since 6.4 (net/socket.c, sock_sendmsg_nosec()). */
SEC("tp_btf/sock_send_length")
int BPF_PROG(zw_tp_sock_send, struct sock *sk, int ret, int flags)
{
	return on_sent(sk, ret, ZW_HOOK_TP_SOCK_SEND);
}
