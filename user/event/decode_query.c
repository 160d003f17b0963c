/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zw_query.h>

#include "event/decode_packet.h"

#define KNOWN_WHY ((1U << ZW_QUERY_WHYS) - 1)

static bool query_ok(const struct zw_wire_query *w, size_t room)
{
	return w->captured <= w->message_bytes && w->captured <= room &&
	       room == zw_packet_room(w->captured) && room <= ZW_PACKET_ROOM_3 &&
	       w->message_bytes <= UINT16_MAX && zw_event_owner_ok(&w->process) &&
	       zw_event_address_ok(w->family, w->saddr) &&
	       zw_event_address_ok(w->family, w->daddr) && zw_event_proto_ok(w->proto) &&
	       w->direction != ZW_DIRECTION_NONE && w->direction < _ZW_DIRECTION_MAX &&
	       w->ran <= 1 && w->why != 0 && (w->why & ~KNOWN_WHY) == 0;
}

int zw_event_decode_query(const void *data, size_t len, struct zw_event *event)
{
	struct zw_query_facts *query = &event->query;
	struct zw_wire_query wire;

	memcpy(&wire, data, sizeof(wire));
	if (!query_ok(&wire, len - sizeof(wire)))
		return -EBADMSG;
	*query = (struct zw_query_facts){
		.process = wire.process,
		.name = wire.name,
		.zone = wire.zone,
		.netns = wire.netns,
		.message_bytes = wire.message_bytes,
		.sport = wire.sport,
		.dport = wire.dport,
		.why = wire.why,
		.family = wire.family,
		.proto = wire.proto,
		.direction = (enum zw_direction)wire.direction,
		.ran = wire.ran,
		.captured = wire.captured,
	};
	memcpy(query->saddr, wire.saddr, sizeof(query->saddr));
	memcpy(query->daddr, wire.daddr, sizeof(query->daddr));
	if (wire.captured == 0)
		return 0;
	query->message = malloc(wire.captured);
	if (!query->message)
		return -ENOMEM;
	memcpy(query->message, (const char *)data + sizeof(wire), wire.captured);
	return 0;
}
