/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of streams: stream.c keeps the flows, stream_take.c hands on what they hold. Private to engine/. */
#pragma once

#include "actor/list.h"
#include "base/hash.h"
#include "dns/message.h"
#include "engine/pieces.h"
#include "engine/stream.h"

#define ZW_STREAM_PREFIX 2 /* octets of a message's length */

struct zw_flow {
	struct zw_list lru;     /* by last_ns */
	struct zw_list waiting; /* by hole_ns; linked while there is a hole */
	struct zw_flow_key key;
	struct zw_pieces pieces;
	uint64_t next;   /* position of the next octet to hand on */
	uint64_t origin; /* where next began */
	uint64_t start;  /* after the SYN; 0: not seen */
	uint64_t fin;    /* the end; 0: not seen */
	uint64_t stray;  /* end of the last segment if that was ignored; else 0 */
	uint64_t last_ns;
	uint64_t hole_ns, hole_at;
	size_t counted; /* octets that are in streams.bytes */
	bool synced;    /* DNS: a message begins at next */
	bool closed;    /* kept to know what comes late */
};

struct zw_streams {
	struct zw_stream_options o;
	zw_stream_fn fn;
	void *ctx;
	struct zw_map *flows;
	struct zw_list lru, waiting;
	struct zw_stream_stats stats;
	size_t bytes;
	const struct zw_segment *segment; /* being taken */
	uint64_t now_ns;
	uint8_t message[ZW_STREAM_PREFIX + ZW_MESSAGE_MAX];
};

void zw_stream_hand_on(struct zw_streams *s, const struct zw_flow *f, enum zw_stream_what what,
	const uint8_t *data, size_t len, size_t whole);
void zw_stream_count_loss(struct zw_streams *s, uint64_t bytes);
/* Hands on all that can be. */
void zw_stream_take(struct zw_streams *s, struct zw_flow *f);
/* Goes on as if [next, @to) had come as far as it will. */
void zw_stream_fill(struct zw_streams *s, struct zw_flow *f, uint64_t to);
