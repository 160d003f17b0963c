/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and answers that were seen as messages on the wire become struct zw_request: UPDATE, NOTIFY, AXFR, IXFR and
 * TKEY; all else is passed over. Pure bookkeeping; bytes and times come in.
 *
 * One request is told of once, however often it was seen: on several devices and in several network namespaces, or
 * sent again by a client that had no answer. An answer may come before its request, as rings of several processors
 * are read. Anybody on the way to a server can send what looks like its answer: where that comes in, the request must
 * have gone out, and who sends it here must be who was asked. A request that a secondary forwards keeps its TSIG
 * (RFC 2136 section 6.1), which joins the two; an unsigned one is known by its content, and by the process that passed it
 * on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/request.h"

/* Which way it went there. */
enum zw_passage {
	ZW_PASSAGE_UNKNOWN = 0,
	ZW_PASSAGE_IN,  /* it came from elsewhere, whatever it says */
	ZW_PASSAGE_OUT, /* it left, or both ends are here */
};

/* One message, as it was seen somewhere. */
struct zw_packet {
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	uint32_t netns;
	enum zw_passage passage;
	enum zw_transport transport; /* UDP or TCP */
	struct zw_endpoint source, destination;
	struct zw_request_process sender, receiver; /* tgid 0: none on this host, or not known */
	const uint8_t *data;
	size_t len;
	size_t whole; /* of the message; more than len when it was cut */
};

struct zw_exchange_ops {
	/* Somebody asked; all is known but client_actor and the answer. In the call the client's actor is to be looked
	 * up, before it is gone, and a reference kept. Where only a later sight shows the process that asked,
	 * the request is handed on a second time, @again. 0 or -errno, which zw_exchange_feed() returns. */
	int (*asked)(void *ctx, struct zw_request *request, bool again);
	/* It was answered, or will not be: rcode is ZW_REQUEST_UNANSWERED then. Once for each request. */
	void (*answered)(void *ctx, struct zw_request *request);
};

struct zw_exchange_stats {
	uint64_t messages;
	uint64_t requests;
	uint64_t again; /* sights of a request or an answer that was known */
	uint64_t unanswered;
	uint64_t orphans; /* answers to what was never seen asked */
	/* messages that cannot be what they say: answers that came from where their request did, or from a process that was
	 * not asked, and addresses of this host from elsewhere */
	uint64_t forged;
	uint64_t
		malformed; /* messages that no server would take either, and those cut before their question */
	uint64_t cut; /* updates that were not seen whole, so it is not known what they asked for */
	uint64_t forgotten; /* requests given up early for want of room */
};

struct zw_exchange;

int zw_exchange_new(
	const struct zw_exchange_ops *ops, void *ctx, struct zw_exchange **ret_exchange);
/* Tells of nothing more. */
void zw_exchange_free(struct zw_exchange *exchange);
ZW_DEFINE_CLEANUP(struct zw_exchange *, zw_exchange_free);
#define _zw_exchange_ _zw_cleanup_(zw_exchange_freep)

/* 0; -ENOMEM: the message is lost; or what ops->asked returned. */
int zw_exchange_feed(struct zw_exchange *exchange, const struct zw_packet *packet);
/* Ends the waiting for answers that do not come within ZW_REQUEST_WAIT_NS. */
void zw_exchange_expire(struct zw_exchange *exchange, uint64_t now_ns);

/* Of requests, and of answers without one, so many are kept in mind at most; the oldest go first. */
#define ZW_EXCHANGES_MAX 16384

const struct zw_exchange_stats *zw_exchange_stats(const struct zw_exchange *exchange);
size_t zw_exchange_len(const struct zw_exchange *exchange);
