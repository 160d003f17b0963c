/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS and control traffic: packets that can change a zone, plain queries and answers that are told of, sockets on ports
 * of interest, and what is counted by direction. What the query lane counts is in zw_query.h. */
#pragma once

#include <zw_wire_process.h>

/* What a port is served for: flags of struct zw_ports. */
enum zw_port_flags {
	ZW_PORT_DNS = 1 << 0,     /* DNS messages; over TCP behind a length of two octets */
	ZW_PORT_CONTROL = 1 << 1, /* TCP, cleartext: all bytes are copied, up to a bound */
	ZW_PORT_TLS = 1 << 2,     /* TCP, encrypted: that there is a connection, and whose */
};

/* The map zw_ports, which the agent writes into. `bit` stays in the processor's cache whatever port clients use;
 * `flags` is looked at where it is set. */
struct zw_ports {
	__u64 bit[65536 / 64];
	__u8 flags[65536]; /* enum zw_port_flags */
};

/* As this host's stack sees it. A packet is told of once for each stack it passes: on the loopback device when
 * sent, one that is only forwarded when it comes in. */
enum zw_direction {
	ZW_DIRECTION_NONE = 0,
	ZW_DIRECTION_IN,
	ZW_DIRECTION_OUT,
	ZW_DIRECTION_LOCAL, /* both ends are here */
	_ZW_DIRECTION_MAX,
};

enum zw_packet_flags {
	ZW_PACKET_BOUNDARY = 1 << 0,  /* a message begins at sequence number `boundary` */
	ZW_PACKET_CUT = 1 << 1,       /* more of this packet belongs here than was copied */
	ZW_PACKET_GAP = 1 << 2,       /* out of order: bytes before it have not been seen yet */
	ZW_PACKET_AGAIN = 1 << 3,     /* retransmitted: its bytes, or some, have been seen before */
	ZW_PACKET_MIDSTREAM = 1 << 4, /* the connection was there first: `boundary` is a guess */
	ZW_PACKET_TAIL = 1 << 5, /* the end of a message of a large transfer, without the rest */
	ZW_PACKET_FRAGMENT = 1 << 6, /* first IP fragment; the others are not told of */
	ZW_PACKET_RAN =
		1 << 7, /* the sender was running; else it is the socket's last owner known */
};

/* Room for bytes in a packet event: the smallest of these that holds them, since the kernel's ring takes constant
 * sizes only. The largest: a DNS message over TCP of 65,535 octets and its length, rounded up. */
#define ZW_PACKET_ROOMS 5
#define ZW_PACKET_ROOM_0 256
#define ZW_PACKET_ROOM_1 1024
#define ZW_PACKET_ROOM_2 4096
#define ZW_PACKET_ROOM_3 16384
#define ZW_PACKET_ROOM_4 65552

static inline __u32 zw_packet_room(__u32 bytes)
{
	return bytes <= ZW_PACKET_ROOM_0   ? ZW_PACKET_ROOM_0
	       : bytes <= ZW_PACKET_ROOM_1 ? ZW_PACKET_ROOM_1
	       : bytes <= ZW_PACKET_ROOM_2 ? ZW_PACKET_ROOM_2
	       : bytes <= ZW_PACKET_ROOM_3 ? ZW_PACKET_ROOM_3
					   : ZW_PACKET_ROOM_4;
}

/* Of a TCP stream, runs of bytes: what lies between two runs was a plain query or its answer, or is still to come
 * where ZW_PACKET_GAP is set. Where a message's length came in a segment of its own, its two octets are put in front
 * of the run and `seq` counts them. Addresses in network order, IPv4 in the first four bytes; all else in the host's.
 */
struct zw_wire_packet {
	struct zw_wire_hdr hdr;        /* hdr.size: with the room, whether it is used or not */
	struct zw_wire_owner sender;   /* none: not from this host */
	struct zw_wire_owner receiver; /* of the socket it is for; none: not for this host */
	__u64 cookie; /* of the sender's socket (SO_COOKIE); 0: not from this host */
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns; /* inode number of the network namespace */
	__u32 ifindex;
	__u32 seq; /* TCP: of the first byte captured, or of the segment when there is none */
	__u32 ack;
	__u32 boundary;      /* TCP: see ZW_PACKET_BOUNDARY */
	__u32 payload_bytes; /* of the whole packet, as on the wire */
	__u32 captured;      /* bytes behind this structure that count */
	__u32 omitted; /* TCP: bytes of transfers and beyond the bound left out since the last run */
	__u16 sport;
	__u16 dport;
	__u16 segment_bytes; /* UDP: not 0 when the payload is several datagrams of this size (UDP_SEGMENT) */
	__u16 flags;     /* enum zw_packet_flags */
	__u8 family;     /* AF_INET or AF_INET6 */
	__u8 proto;      /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 direction;  /* enum zw_direction */
	__u8 tcp_flags;  /* as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	__u8 port_flags; /* enum zw_port_flags of the served end */
	__u8 to_server;  /* 1: dport is the served one, 0: sport */
	__u8 reserved[2];
	__u8 payload[];
};

/* A socket bound to a port of interest. */
struct zw_wire_socket {
	struct zw_wire_hdr hdr;
	__u64 cookie;
	__u8 addr[16]; /* as in struct zw_wire_packet; all zero: any */
	__u32 netns;
	__u16 port;
	__u8 family;
	__u8 proto;
	struct zw_wire_owner owner; /* who holds it */
};

struct zw_wire_bind {
	struct zw_wire_hdr hdr;
	__u64 cookie; /* 0: not known */
	__u8 addr[16];
	__u32 netns;
	__u16 port;
	__u8 family;
	__u8 proto;
	struct zw_wire_actor actor;
};

/* A plain query or answer that is told of, with its process: see enum zw_query_why in zw_query.h. The rooms are those of
 * packets but the largest. Behind it, the DNS message from its header on, over TCP without its length. */
struct zw_wire_query {
	struct zw_wire_hdr hdr;       /* hdr.size: with the room */
	struct zw_wire_owner process; /* of this host, that sent it; none: not from this host */
	__u64 name;                   /* its hash, 0: none; see zw_query_hash() */
	__u64 zone;                   /* of NEW_NAME and ANSWER_*: hash of its zone; else 0 */
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns;
	__u32 message_bytes; /* of the whole message */
	__u32 captured;      /* of it behind this structure; less: cut */
	__u16 sport;
	__u16 dport;
	__u16 why;      /* enum zw_query_why */
	__u8 family;    /* AF_INET or AF_INET6 */
	__u8 proto;     /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 direction; /* enum zw_direction */
	__u8 ran;       /* 1: the process was running; else it is the socket's last owner known */
	__u8 reserved[2];
	__u8 payload[];
};

/* What plain queries ask for. */
enum zw_query_class {
	ZW_QUERY_A = 0,
	ZW_QUERY_AAAA,
	ZW_QUERY_NS,
	ZW_QUERY_SOA,
	ZW_QUERY_PTR,
	ZW_QUERY_MX,
	ZW_QUERY_TXT,
	ZW_QUERY_SRV,
	ZW_QUERY_DS,
	ZW_QUERY_DNSKEY,
	ZW_QUERY_HTTPS,
	ZW_QUERY_ANY,
	ZW_QUERY_OTHER,  /* another type, or another opcode than QUERY */
	ZW_QUERY_BROKEN, /* too short, or no name one can walk */
	_ZW_QUERY_MAX,
};

/* The query lane, by direction: one for each processor, in the map zw_traffic. There, plain queries and answers are left
 * out: who reads adds them from struct zw_query_cells. [0] UDP, [1] TCP. */
struct zw_traffic {
	__u64 query[_ZW_DIRECTION_MAX][2][_ZW_QUERY_MAX];
	__u64 response[_ZW_DIRECTION_MAX][2][16]; /* by the rcode of the header */
	__u64 control[_ZW_DIRECTION_MAX][2];      /* packet events, lost ones too */
	__u64 bytes[_ZW_DIRECTION_MAX][2];        /* payload of all of these */
};

ZW_ASSERT_SIZE(struct zw_ports, 65536 / 8 + 65536);
ZW_ASSERT_SIZE(struct zw_wire_packet, 16 + 2 * sizeof(struct zw_wire_owner) + 8 + 32 + 32 + 8 + 8);
ZW_ASSERT_SIZE(struct zw_wire_socket, 48 + sizeof(struct zw_wire_owner));
ZW_ASSERT_SIZE(struct zw_wire_bind, 48 + sizeof(struct zw_wire_actor));
ZW_ASSERT_SIZE(struct zw_wire_query, 16 + sizeof(struct zw_wire_owner) + 16 + 32 + 12 + 12);
ZW_ASSERT_SIZE(struct zw_traffic, 8 * _ZW_DIRECTION_MAX * 2 * (_ZW_QUERY_MAX + 16 + 2));
