/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control channels: bytes that were sent over unix sockets that servers listen on. */
#pragma once

#include <zw_wire_process.h>

enum zw_unix_flags {
	ZW_UNIX_REPLY = 1 << 0, /* sent by the server; only the beginning is copied */
	ZW_UNIX_MADE = 1 << 1,  /* who sent it was not seen: the actor is who connected, */
	ZW_UNIX_GIVEN = 1 << 2, /* and somebody else has the connection now */
};

/* Room for bytes in a control event, for the same reason as in a packet's. */
#define ZW_UNIX_ROOM_0 256
#define ZW_UNIX_ROOM_1 4096

/* Bytes that were sent over a connection to a unix socket that is watched, and by whom. One send may take several of
 * these. */
struct zw_wire_unix {
	struct zw_wire_hdr hdr; /* hdr.size: with the room */
	__u64 dev;              /* of the path the server listens on */
	__u64 ino;
	__u64 connection; /* names it, the same both ways; 0: not known any more */
	__u64 offset;     /* of the first byte among all this end has sent since it is watched */
	__u32 sent_bytes; /* by the whole send */
	__u32 captured;   /* bytes behind this structure that count */
	__u32 omitted; /* bytes of the send that follow these and could not be copied, or were not to be */
	__u32 peer_tgid; /* who connected, as SO_PEERCRED has it, in the initial pid namespace; of a reply, it may be who
			  * listens */
	__u32 peer_uid;
	__u32 peer_gid;
	__u32 flags; /* enum zw_unix_flags */
	__u32 reserved;
	struct zw_wire_actor
		actor; /* who sent it; start_ns 0: it is gone, and only tgid is known */
	__u8 payload[];
};

ZW_ASSERT_SIZE(struct zw_wire_unix, 16 + 32 + 32 + sizeof(struct zw_wire_actor));
