/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole difference of two states of a zone as bytes: every RRset that changed, as it was before and as it is after.
 * Events in the history have theirs so, and the states of zones are made of them.
 *
 *	u8 form: 1 plain, 2 deflated (RFC 1951) and led by the number of octets that come out
 *	content: RRsets in canonical order, then the CRC-32 of them, little-endian
 *	RRset: owner as labels relative to the zone's, ended by 0; type; side before; side after
 *	side: number of records times 2, plus 1 where their TTLs differ; TTL, unless there are none or they differ;
 *	      records: TTL where they differ, length, rdata
 *
 * Numbers as in sink/history_bytes.h. */
#pragma once

#include <stddef.h>

#include "base/str.h"
#include "sink/history_bytes.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

/* Appends to @out. Names outside @origin, which no difference of a zone has, are refused. 0, -ENOMEM, -EINVAL. */
int zw_delta_encode(const struct zw_diff *diff, struct zw_str *out);

/* Two small snapshots, of what changed alone, and their difference. @origin in wire form; @key as in zw_builder_new().
 * -EBADMSG for what zw_delta_encode() did not write, -EFBIG for more than one may reasonably be, -ENOMEM. */
int zw_delta_decode(const struct zw_hash_key *key, const uint8_t *origin, const void *data,
	size_t len, struct zw_diff **ret_diff);

/* Without snapshots: one RRset after the other. */
struct zw_delta_side {
	uint32_t count; /* 0: there was none, or is none any more */
	uint32_t ttl;   /* where they do not differ */
	bool ttls;      /* they differ */
	const uint8_t *records;
	size_t len;
};

struct zw_delta_rrset {
	uint8_t owner[256]; /* wire form, lower-case */
	uint8_t owner_len;
	uint16_t type;
	struct zw_delta_side before, after;
};

struct zw_delta_reader {
	const uint8_t *origin;
	size_t origin_len;
	uint8_t *inflated; /* owned */
	struct zw_bytes in;
};

/* @data and @origin stay the caller's until zw_delta_done(). Errors as zw_delta_decode(). */
int zw_delta_begin(
	struct zw_delta_reader *reader, const uint8_t *origin, const void *data, size_t len);
/* 1, 0 at the end, -EBADMSG. */
int zw_delta_next(struct zw_delta_reader *reader, struct zw_delta_rrset *ret_rrset);
void zw_delta_done(struct zw_delta_reader *reader);
#define _zw_delta_ _zw_cleanup_(zw_delta_done)

struct zw_delta_record {
	uint32_t ttl;
	uint16_t len;
	const uint8_t *rdata;
};

/* Begins with *@in = {@side->records, @side->len}; false at the end. */
bool zw_delta_record(
	const struct zw_delta_side *side, struct zw_bytes *in, struct zw_delta_record *ret_record);

/* For writing one without a difference: RRset by RRset into @plain, then whole to @out. */
void zw_delta_put_owner(struct zw_str *plain, const uint8_t *owner, size_t owner_len,
	size_t origin_len, uint16_t type);
int zw_delta_seal(struct zw_str *plain, struct zw_str *out);
