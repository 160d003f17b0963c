/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message says of a request or an answer. Private to engine/. */
#pragma once

#include "dns/message.h"
#include "engine/exchange.h"

/* Why a message is of interest, and not worth more than its head. */
enum zw_sight_kind {
	ZW_SIGHT_NONE, /* not at all */
	ZW_SIGHT_REQUEST,
	ZW_SIGHT_ANSWER,
};

struct zw_sight {
	enum zw_sight_kind what;
	enum zw_request_kind kind;
	struct zw_message_head head;
	bool incremental; /* asked for IXFR, or answered by an increment */
	/* in IXFR requests: what the client has; in notifications and transfers: what there is */
	bool has_serial;
	uint32_t serial;
};

/* 0; -EBADMSG when not even its head can be read. */
int zw_sight_read(const struct zw_packet *packet, struct zw_sight *ret_sight);
/* A request with all that the message says. *ret_cut is set when it is an UPDATE whose records are not known. 0,
 * -EBADMSG, -ENOMEM. */
int zw_sight_request(const struct zw_packet *packet, const struct zw_sight *sight,
	struct zw_request **ret_request, bool *ret_cut);
/* The rcode of an answer, with the bits of EDNS and what TSIG has to say, as far as it is there. */
int zw_sight_rcode(const struct zw_packet *packet, const struct zw_sight *sight);
