/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel events, validated and owned: what struct zw_wire_* becomes before anything else looks at it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zw_wire.h>

#include "base/cleanup.h"
#include "base/vec.h"

/* The acting process at the moment of the event, as the kernel saw it. */
struct zw_proc_facts {
	uint64_t start_ns; /* CLOCK_BOOTTIME; with tgid the identity of the process */
	uint32_t tgid, tid;
	uint32_t uid, euid, gid, egid;
	uint32_t loginuid, session; /* ZW_ID_UNSET if never set */
	uint32_t mntns, pidns, netns;
	uint32_t flags; /* enum zw_actor_flags */
	uint64_t exe_dev, exe_ino, cgroup_id;
	char comm[ZW_COMM_LEN];
	char tty[ZW_TTY_LEN];
	char *exe; /* absolute path in the process' own root; NULL when the kernel could not say */
	char *cwd; /* the same */
	char **argv; /* NULL-terminated, empty when the arguments were not readable */
	size_t argc;
	struct zw_wire_ancestor ancestor[ZW_ANCESTORS]; /* nearest first, comm NUL-terminated */
	size_t ancestors;
};

struct zw_file_facts {
	enum zw_fop op;
	uint64_t dev, ino, dir_ino, old_dir_ino, ino2, size_bytes, ctime_ns;
	uint32_t mode, nlink, owner_uid, watch, coalesced, generation;
	char name[ZW_NAME_LEN];
};

/* A packet, or a run of bytes of a TCP stream: see struct zw_wire_packet. */
struct zw_packet_facts {
	struct zw_wire_owner sender, receiver; /* tgid 0: none known; comm NUL-terminated */
	uint64_t cookie;
	uint8_t saddr[16], daddr[16]; /* network order; IPv4 in the first four, the rest 0 */
	uint32_t netns, ifindex;
	uint32_t seq, ack, boundary; /* TCP; 0 otherwise */
	uint32_t payload_bytes, omitted;
	uint16_t sport, dport;
	uint16_t
		segment_bytes; /* UDP: the payload is datagrams of this size, the last may be shorter; 0: one */
	uint16_t flags; /* enum zw_packet_flags */
	uint8_t family, proto, tcp_flags;
	uint8_t port_flags; /* enum zw_port_flags, one at least */
	enum zw_direction direction;
	bool to_server;
	uint8_t *payload; /* owned; NULL when nothing was captured */
	size_t captured;
};

/* A socket and the port it was bound to; who did it is zw_event.proc. */
struct zw_bind_facts {
	uint64_t cookie;
	uint8_t addr[16]; /* as above; all zero: any address */
	uint32_t netns;
	uint16_t port;
	uint8_t family, proto;
};

/* Bytes sent over a connection to a watched unix socket: see struct zw_wire_unix. Who sent them is zw_event.proc; with a
 * start_ns of 0, it is gone, and nothing else of it is known. */
struct zw_unix_facts {
	uint64_t dev, ino;   /* of the path the server listens on */
	uint64_t connection; /* the same both ways; 0: not known */
	uint64_t offset;     /* of the first byte of @payload, or of those omitted */
	uint32_t sent_bytes, omitted;
	uint32_t peer_tgid, peer_uid, peer_gid; /* who connected */
	bool reply;                             /* sent by the server */
	bool made; /* zw_event.proc connected; who sent this, perhaps a child that inherited it, was not seen */
	bool given;       /* with made: somebody else had the connection by then */
	uint8_t *payload; /* owned; NULL when nothing was captured */
	size_t captured;
};

/* A plain query or answer that is told of: see struct zw_wire_query. */
struct zw_query_facts {
	struct zw_wire_owner
		process;     /* tgid 0: none known, or not of this host; comm NUL-terminated */
	uint64_t name, zone; /* hashes; 0: none */
	uint8_t saddr[16], daddr[16];
	uint32_t netns;
	uint32_t message_bytes;
	uint16_t sport, dport;
	uint16_t why; /* enum zw_query_why, one at least */
	uint8_t family, proto;
	enum zw_direction direction;
	bool ran;
	uint8_t *message; /* owned; NULL when nothing was captured */
	size_t captured;  /* less than message_bytes: cut */
};

struct zw_event {
	enum zw_wire_type type;
	enum zw_hook hook;
	uint64_t time_ns;              /* CLOCK_BOOTTIME */
	struct zw_file_facts file;     /* ZW_WIRE_FILE */
	struct zw_proc_facts proc;     /* ZW_WIRE_FILE, EXEC, BIND and CONTROL */
	struct zw_packet_facts packet; /* ZW_WIRE_PACKET */
	struct zw_bind_facts bind;     /* ZW_WIRE_BIND */
	struct zw_unix_facts control;  /* ZW_WIRE_UNIX */
	struct zw_query_facts query;   /* ZW_WIRE_QUERY */
	struct {
		uint64_t parent_start_ns, child_start_ns;
		uint32_t parent_tgid, child_tgid;
	} fork; /* ZW_WIRE_FORK and ZW_WIRE_EXIT */
};

/* Decodes @len bytes of @data. 0; -EBADMSG when it is not a well-formed event of this version (nothing is
 * believed: lengths, enumerators and terminators are all checked); -ENOMEM. Free with zw_event_done(). */
int zw_event_decode(const void *data, size_t len, struct zw_event *ret_event);
void zw_event_done(struct zw_event *event);
void zw_proc_facts_done(struct zw_proc_facts *proc);

#define _zw_event_ _zw_cleanup_(zw_event_done)

const char *zw_fop_to_string(enum zw_fop op); /* "write", "rename", ...; static */
/* Whether a FILE event of @hook comes before what it tells of is done, so that a reading just after it may be too
 * early. */
bool zw_hook_is_early(enum zw_hook hook);
/* Whether @hook is one of those for the change time of an inode. */
bool zw_hook_is_ctime(enum zw_hook hook);
/* Whether @hook tells of a mount, or the end of one, that succeeded. */
bool zw_hook_is_mounted(enum zw_hook hook);
const char *zw_hook_to_string(
	enum zw_hook hook); /* "tp_btf/writeback_mark_inode_dirty", ...; static */
const char *zw_direction_to_string(enum zw_direction direction);       /* "in", ...; static */
const char *zw_query_class_to_string(enum zw_query_class query_class); /* "aaaa", ...; static */
