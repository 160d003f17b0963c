/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both sides of asking a server for a zone: the question, and what the messages of its answer add up to (RFC 5936).
 *
 * A transfer is a series of messages. Their answer sections, one after the other, hold the zone: its SOA, all other
 * records, the same SOA once more, which ends it. */
#pragma once

#include "dns/message.h"

/* Header, name, type and class. */
#define ZW_QUERY_MAX (ZW_MESSAGE_HEADER + 255 + 4)

/* A plain question about @name (wire form); returns its length. */
size_t zw_query_write(
	uint8_t to[static ZW_QUERY_MAX], uint16_t id, const uint8_t *name, uint16_t type);

/* What the answer to the question for an SOA says: 0 with the serial. Else -EBADMSG for what is no answer to it, or
 * what the response code stands for, see zw_transfer_feed(); @error says it in words. */
int zw_soa_answer(const uint8_t *wire, size_t len, uint16_t id, const uint8_t *name,
	uint32_t *ret_serial, struct zw_zone_error *error);

struct zw_transfer;

/* Gets the records of the zone @origin from the answers to question @id. Each is handed on once, the SOA first; what
 * does not belong into the zone is passed over, as a secondary does. */
int zw_transfer_new(const uint8_t *origin, uint16_t id, zw_record_fn fn, void *ctx,
	struct zw_transfer **ret_transfer);
void zw_transfer_free(struct zw_transfer *transfer);
ZW_DEFINE_CLEANUP(struct zw_transfer *, zw_transfer_free);
#define _zw_transfer_ _zw_cleanup_(zw_transfer_freep)

/* Takes the next message. 1: the zone is complete; 0: there are more to come; -EACCES: the server does not let us have
 * it; -ENOENT: it does not know the zone; -ENODATA: it has the zone, but no content to serve; -EREMOTEIO: another
 * response code; -EBADMSG: this is no transfer of it; -EFBIG: larger than anybody's zone; -ENOMEM; or what @fn returned.
 * After other than 0 it can only be freed. */
int zw_transfer_feed(
	struct zw_transfer *transfer, const uint8_t *wire, size_t len, struct zw_zone_error *error);
/* Of the first SOA, once there was one. */
uint32_t zw_transfer_serial(const struct zw_transfer *transfer);

/* Octets of all messages: some 40 million records. */
#define ZW_TRANSFER_MAX ((uint64_t)1 << 31)
