/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that wait for their answer. Shared by exchange.c and exchange_join.c only. */
#pragma once

#include "actor/list.h"
#include "base/hash.h"
#include "engine/exchange_impl.h"

/* Network namespaces that one request leaves: of a container, and of the host it runs on. */
#define LEFT_MAX 4

/* What a request and its answer have in common. */
struct pair_key {
	uint8_t client[16], server[16];
	uint32_t netns; /* of loopback addresses, which mean another host in each; else 0 */
	uint16_t client_port, server_port, id;
	uint8_t family, transport;
};
_Static_assert(sizeof(struct pair_key) == 44, "no padding in what is hashed");

struct answer {
	uint64_t time_ns;
	uint32_t netns;
	enum zw_passage passage;
	int rcode;
	bool has_serial, incremental;
	uint32_t serial;
	struct zw_request_process client, server;
};

struct pending {
	struct zw_list order; /* by seen_ns */
	struct pair_key key;
	uint64_t seen_ns;
	uint64_t question;    /* hash of it; 0: none */
	uint64_t content;     /* hash of the whole request */
	struct zw_list twins; /* unsigned updates that are the same but for their id */
	uint64_t body;        /* hash of them; 0: it is not one */
	uint32_t netns;
	uint32_t left[LEFT_MAX]; /* network namespaces in which the request was seen to go out */
	size_t lefts;
	struct zw_request *request; /* NULL: an answer without one */
	struct answer answer;
	bool answered;
	uint8_t *signature; /* key, time and MAC of TSIG; NULL: unsigned */
	size_t signature_len;
};

struct zw_exchange {
	struct zw_exchange_ops ops;
	void *ctx;
	struct zw_hash_key hash;
	struct zw_map *pending;      /* struct pair_key -> struct pending */
	struct zw_map *by_signature; /* -> struct pending: the last request so signed */
	struct zw_map *by_body;      /* hash -> struct pending: the last of its twins */
	struct zw_list order;
	struct zw_exchange_stats stats;
};

/* exchange_join.c: requests that a server made of those of its clients. 0 or -ENOMEM. */

/* Enters an update, and joins it with the one it was made of, or that was made of it: by the signature, which stays; an
 * unsigned one by what it asks for and by the process that passed it on. */
int zw_exchange_enter_joins(
	struct zw_exchange *x, struct pending *p, const struct zw_packet *packet);
/* Who asked is known only now. */
void zw_exchange_join_again(struct zw_exchange *x, struct pending *p);
void zw_exchange_leave_joins(struct zw_exchange *x, struct pending *p);
