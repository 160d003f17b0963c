/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/decode_packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_PORT_FLAGS (ZW_PORT_DNS | ZW_PORT_CONTROL | ZW_PORT_TLS)
#define TCP_ONLY_FLAGS                                                                \
	(ZW_PACKET_BOUNDARY | ZW_PACKET_GAP | ZW_PACKET_AGAIN | ZW_PACKET_MIDSTREAM | \
		ZW_PACKET_TAIL)
#define KNOWN_FLAGS (TCP_ONLY_FLAGS | ZW_PACKET_CUT | ZW_PACKET_FRAGMENT | ZW_PACKET_RAN)
/* The two octets of a message's length that may be put in front of a run of bytes. */
#define PREFIX_BYTES 2

bool zw_event_address_ok(uint8_t family, const uint8_t addr[static 16])
{
	static const uint8_t zero[12];

	return family == AF_INET6 || (family == AF_INET && memcmp(addr + 4, zero, 12) == 0);
}

bool zw_event_proto_ok(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

bool zw_event_owner_ok(const struct zw_wire_owner *owner)
{
	static const struct zw_wire_owner none;

	if (!memchr(owner->comm, '\0', sizeof(owner->comm)))
		return false;
	return owner->tgid != 0 || memcmp(owner, &none, sizeof(none)) == 0;
}

static bool transport_ok(const struct zw_wire_packet *w)
{
	uint64_t most = w->payload_bytes;

	if (w->proto == IPPROTO_TCP)
		return w->captured <= most + PREFIX_BYTES && w->segment_bytes == 0;
	return w->proto == IPPROTO_UDP && w->captured <= most && w->seq == 0 && w->ack == 0 &&
	       w->boundary == 0 && w->omitted == 0 && w->tcp_flags == 0 &&
	       (w->flags & TCP_ONLY_FLAGS) == 0;
}

static bool packet_ok(const struct zw_wire_packet *w, size_t room)
{
	return w->captured <= room && room == zw_packet_room(w->captured) &&
	       zw_event_owner_ok(&w->sender) && zw_event_owner_ok(&w->receiver) &&
	       zw_event_address_ok(w->family, w->saddr) &&
	       zw_event_address_ok(w->family, w->daddr) && transport_ok(w) &&
	       w->direction != ZW_DIRECTION_NONE && w->direction < _ZW_DIRECTION_MAX &&
	       (w->flags & ~(unsigned int)KNOWN_FLAGS) == 0 && w->port_flags != 0 &&
	       (w->port_flags & ~(unsigned int)KNOWN_PORT_FLAGS) == 0 && w->to_server <= 1;
}

int zw_event_decode_packet(const void *data, size_t len, struct zw_event *event)
{
	struct zw_packet_facts *packet = &event->packet;
	struct zw_wire_packet wire;

	/* The bytes need not be aligned, nor stay the same while they are checked. */
	memcpy(&wire, data, sizeof(wire));
	if (!packet_ok(&wire, len - sizeof(wire)))
		return -EBADMSG;
	*packet = (struct zw_packet_facts){
		.sender = wire.sender,
		.receiver = wire.receiver,
		.cookie = wire.cookie,
		.netns = wire.netns,
		.ifindex = wire.ifindex,
		.seq = wire.seq,
		.ack = wire.ack,
		.boundary = wire.boundary,
		.payload_bytes = wire.payload_bytes,
		.omitted = wire.omitted,
		.sport = wire.sport,
		.dport = wire.dport,
		.segment_bytes = wire.segment_bytes,
		.flags = wire.flags,
		.family = wire.family,
		.proto = wire.proto,
		.tcp_flags = wire.tcp_flags,
		.port_flags = wire.port_flags,
		.direction = (enum zw_direction)wire.direction,
		.to_server = wire.to_server,
		.captured = wire.captured,
	};
	memcpy(packet->saddr, wire.saddr, sizeof(packet->saddr));
	memcpy(packet->daddr, wire.daddr, sizeof(packet->daddr));
	if (wire.captured == 0)
		return 0;
	packet->payload = malloc(wire.captured);
	if (!packet->payload)
		return -ENOMEM;
	memcpy(packet->payload, (const char *)data + sizeof(wire), wire.captured);
	return 0;
}
