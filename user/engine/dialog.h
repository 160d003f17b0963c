/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clients and servers say to each other on control channels: pieces of connections, as the kernel or the packets
 * show them, become requests with their answers, and Knot's transactions are held until they are committed. Pure
 * bookkeeping; bytes and times come in. */
#pragma once

#include "engine/request.h"
#include "event/control.h"

/* Bytes that one end of a connection sent. */
struct zw_dialog_piece {
	uint64_t id; /* names the connection, both ways */
	enum zw_control_protocol protocol;
	enum zw_transport transport;
	bool reply;       /* sent by the server */
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	uint64_t offset;  /* of the first byte among all this end has sent */
	const uint8_t *bytes;
	size_t len;
	uint64_t omitted;        /* bytes that follow these and were not seen */
	struct zw_actor *client; /* who sent it, unless it is a reply; borrowed; NULL: not known */
	struct zw_request_process client_process, server_process;
	struct zw_endpoint client_end, server_end; /* none for a unix socket */
};

/* What comes of it. */
struct zw_dialog_ops {
	/* A command that can have an effect: @request has all but what only the caller can tell of @control. It is
	 * completed in place when the answer comes. @control is NULL for what could not be decoded. 0 or -errno,
	 * which zw_dialogs_feed() returns. */
	int (*request)(void *ctx, struct zw_request *request, const struct zw_control *control);
	/* A transaction on this server ended: what was held for @zone (text; NULL: for all of its zones) took effect
	 * at @time_ns, or is given up. */
	void (*settle)(void *ctx, const char *zone, uint32_t server_tgid, uint64_t time_ns,
		bool committed);
};

struct zw_dialogs;

int zw_dialogs_new(const struct zw_dialog_ops *ops, void *ctx, struct zw_dialogs **ret_dialogs);
void zw_dialogs_free(struct zw_dialogs *dialogs);
ZW_DEFINE_CLEANUP(struct zw_dialogs *, zw_dialogs_free);
#define _zw_dialogs_ _zw_cleanup_(zw_dialogs_freep)

/* 0; -ENOMEM; or what ops->request returned. Bytes that are not of the protocol are no error: they give one request
 * that could not be decoded. */
int zw_dialogs_feed(struct zw_dialogs *dialogs, const struct zw_dialog_piece *piece);
/* A command known by other means than its bytes; no answer to it is seen. 0; -ENOMEM; or what ops->request
 * returned. */
int zw_dialogs_told(struct zw_dialogs *dialogs, const struct zw_dialog_piece *piece,
	const struct zw_control *control);
/* Forgets connections that nothing was heard of since @before_ns, and takes commits that were not answered until then
 * for done. */
void zw_dialogs_expire(struct zw_dialogs *dialogs, uint64_t before_ns);

/* At most so many connections and bytes of commands that are not whole yet; what was silent longest goes first. */
#define ZW_DIALOGS_MAX 1024
#define ZW_DIALOGS_BYTES_MAX (16U << 20)

struct zw_dialog_counts {
	uint64_t commands; /* decoded, those without effect too */
	uint64_t
		undecoded; /* connections of which something could not be decoded, for its form or a loss */
	uint64_t forgotten; /* connections given up for the bounds above */
};
struct zw_dialog_counts zw_dialogs_counts(const struct zw_dialogs *dialogs);
