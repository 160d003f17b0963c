/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom programs of this host ask for names, and who gets zones from servers here. Pure; times come in.
 *
 * Servers that are asked are learned during a warm-up, whoever asks them; after it a server that nobody here asked before is
 * new. A program that asks very many is a resolver: whom it asks is up to those who ask it. Who gets zones is known when a server
 * here notifies it (RFC 1996), when it is on this host, or when it was told of. All that is known can be saved, and taken
 * back by a later run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/baseline.h"
#include "engine/request.h"

enum zw_outbound_step {
	ZW_OUTBOUND_KNOWN = 0,
	ZW_OUTBOUND_LEARNED,  /* new, but this is the warm-up */
	ZW_OUTBOUND_RESOLVER, /* new, of a program that asks many */
	ZW_OUTBOUND_NEW,      /* to be told */
	ZW_OUTBOUND_COUNTED,  /* the same, but there are too many */
};

/* Told one by one in an hour, of each kind; the others are counted. */
#define ZW_OUTBOUND_TOLD 20
/* Servers, and clients of each kind, kept in mind; what comes beyond is counted. Whom resolvers ask takes no more than half of
 * it. */
#define ZW_OUTBOUND_MAX 16384
/* Of them, so many are taken back at most, so that there is room for new ones. */
#define ZW_OUTBOUND_LOADED_MAX (ZW_OUTBOUND_MAX / 4 * 3)

/* So many different servers make a program a resolver. */
struct zw_outbound_limits {
	uint64_t warm_up_ns;
	uint64_t resolver;
};

struct zw_outbound_book;

int zw_outbound_book_new(uint64_t now_ns, struct zw_outbound_book **ret_book);
void zw_outbound_book_free(struct zw_outbound_book *book);
ZW_DEFINE_CLEANUP(struct zw_outbound_book *, zw_outbound_book_free);
#define _zw_outbound_book_ _zw_cleanup_(zw_outbound_book_freep)

/* A program, known by its executable, asks a server; the port does not count. */
enum zw_outbound_step zw_outbound_asked(struct zw_outbound_book *book,
	const struct zw_outbound_limits *limits, const struct zw_request_process *program,
	const struct zw_endpoint *server, uint64_t now_ns);
/* A server here says that a zone changed: whom it says that to is to get it. */
void zw_outbound_notified(struct zw_outbound_book *book, const struct zw_endpoint *client);
/* Somebody elsewhere got a zone, or asked for one in vain: once for each client and zone (wire form, lower case). */
enum zw_outbound_step zw_outbound_transferred(struct zw_outbound_book *book,
	const struct zw_endpoint *client, const uint8_t *zone, bool refused, uint64_t now_ns);
/* How many were counted. */
uint64_t zw_outbound_counted(const struct zw_outbound_book *book);

/* What is saved, beside what engine/baseline.h saves. */
enum zw_outbound_class {
	ZW_OUTBOUND_CLASS_FIRST = 16,
	ZW_OUTBOUND_CLASS_PROGRAM = ZW_OUTBOUND_CLASS_FIRST,
	ZW_OUTBOUND_CLASS_LEARNED, /* for how long; key "" */
	ZW_OUTBOUND_CLASS_KNOWN,   /* the first of several */
	ZW_OUTBOUND_CLASS_LAST = ZW_OUTBOUND_CLASS_KNOWN + 3,
};

/* As zw_baselines_save(): what is new since it was saved last. */
size_t zw_outbound_save(struct zw_outbound_book *book, uint64_t now_ns, size_t max,
	zw_baseline_save_fn fn, void *ctx);
/* Everything is to be saved again, as if it were new. */
void zw_outbound_renew(struct zw_outbound_book *book);
/* Takes back what was saved; the latest should come first. -EBADMSG; -ENOSPC; -ENOMEM. */
int zw_outbound_load(
	struct zw_outbound_book *book, unsigned int class, const void *data, size_t len);
