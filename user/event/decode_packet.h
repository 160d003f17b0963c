/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder only. */
#pragma once

#include "event/event.h"

/* Checks and copies a struct zw_wire_packet of @len bytes, which are at least its fixed part. -EBADMSG, -ENOMEM. */
int zw_event_decode_packet(const void *data, size_t len, struct zw_event *event);

/* The same for a struct zw_wire_query. */
int zw_event_decode_query(const void *data, size_t len, struct zw_event *event);

/* All zero without a process, or terminated. */
bool zw_event_owner_ok(const struct zw_wire_owner *owner);
/* AF_INET with nothing behind the first four bytes, or AF_INET6. */
bool zw_event_address_ok(uint8_t family, const uint8_t addr[static 16]);
/* TCP or UDP. */
bool zw_event_proto_ok(uint8_t proto);
