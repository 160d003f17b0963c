/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP put together again, each direction by itself: segments in any order to DNS messages (RFC 1035 section 4.2.2)
 * or to the bytes of other protocols. Pure: times come in with the segments.
 *
 * Segments may come twice, overlap (what came first stays; that it differed is counted), or not at all. What stays
 * away is waited for a while, then counted as lost, and the stream goes on behind it: at the end of the message it
 * lay in if that is known, else where something that can be a message begins. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum zw_stream_framing {
	ZW_STREAM_DNS, /* messages, each behind its length in two octets */
	ZW_STREAM_RAW, /* bytes as they come */
};

/* One direction of a connection. Compared octet by octet: what is not used is 0. */
struct zw_flow_key {
	uint8_t source[16], destination[16]; /* network order; IPv4 in the first four */
	uint32_t netns;
	uint16_t source_port, destination_port;
	uint8_t family;
	uint8_t unused[3];
};
_Static_assert(sizeof(struct zw_flow_key) == 44, "no padding in what is hashed");

/* As in the TCP header (RFC 9293 section 3.1). */
enum {
	ZW_TCP_FIN = 1,
	ZW_TCP_SYN = 2,
	ZW_TCP_RST = 4,
};

struct zw_segment {
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	uint32_t seq;     /* of the first octet of data; of a SYN its own, which data comes after */
	uint8_t flags;
	const uint8_t *data;
	size_t len;
	size_t omitted; /* octets just before seq that were left out on purpose and will not come */
	size_t cut;     /* the same, just after the data */
	/* A message begins at sequence number boundary, and what is missing before it will not come: whoever
	 * captured it followed the stream, and left out what was of no interest. */
	bool has_boundary;
	uint32_t boundary;
	const void *tag; /* the caller's */
};

enum zw_stream_what {
	ZW_STREAM_DATA, /* a message, or bytes */
	ZW_STREAM_GAP,  /* raw: so many bytes are missing here */
	ZW_STREAM_END,  /* the connection ended, or is no longer followed */
};

struct zw_stream_item {
	const struct zw_flow_key *key;
	/* The one that completed it; NULL when it was time that passed. Borrowed. */
	const struct zw_segment *segment;
	enum zw_stream_what what;
	uint64_t time_ns;
	const uint8_t *data; /* borrowed */
	size_t len;
	uint64_t
		offset; /* of what this is about, in octets since the first that was seen or could have been */
	size_t whole; /* DNS: length of the message, of which len octets are there; GAP: octets missing */
};

/* Must not call back into the streams. */
typedef void (*zw_stream_fn)(void *ctx, const struct zw_stream_item *item);

struct zw_stream_options {
	enum zw_stream_framing framing;
	size_t flows_max;  /* beyond these the one that was silent longest is no longer followed */
	size_t flow_bytes; /* held of one flow at most; beyond it is waited for nothing */
	size_t bytes_max;  /* held of all */
	uint64_t hole_ns;  /* so long is waited for what is missing */
	uint64_t idle_ns;  /* after so long without a segment a flow is forgotten */
};

struct zw_stream_stats {
	uint64_t segments, messages;
	uint64_t lost;       /* holes that were given up, and flows that were with something held */
	uint64_t lost_bytes; /* as far as their number is known */
	uint64_t cut;        /* messages of which only the beginning was handed on */
	uint64_t empty;      /* messages of length zero */
	uint64_t unfinished; /* messages that their sender did not end */
	uint64_t retransmitted; /* segments with octets that were there before */
	uint64_t conflicts;     /* of these, with others than before */
	uint64_t resyncs;       /* beginnings of messages that were guessed */
	uint64_t stray;         /* segments far from where the stream is, ignored */
	uint64_t evicted;       /* flows given up for want of room */
};

struct zw_streams;

int zw_streams_new(const struct zw_stream_options *options, zw_stream_fn fn, void *ctx,
	struct zw_streams **ret_streams);
/* Hands on nothing more. */
void zw_streams_free(struct zw_streams *streams);
ZW_DEFINE_CLEANUP(struct zw_streams *, zw_streams_free);
#define _zw_streams_ _zw_cleanup_(zw_streams_freep)

/* Takes a segment, copies what it must keep, and hands on what it completes. 0 or -ENOMEM: it, or the rest of it, is
 * missing from then on as if it had never come. */
int zw_streams_feed(struct zw_streams *streams, const struct zw_flow_key *key,
	const struct zw_segment *segment);
/* Gives up what has been waited for long enough. */
void zw_streams_expire(struct zw_streams *streams, uint64_t now_ns);
/* When that is to be called next; UINT64_MAX: nothing is waited for. */
uint64_t zw_streams_due_ns(const struct zw_streams *streams);

const struct zw_stream_stats *zw_streams_stats(const struct zw_streams *streams);
size_t zw_streams_flows(const struct zw_streams *streams);
size_t zw_streams_bytes(const struct zw_streams *streams);
