/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's journal of a zone: what changed since the zone file was written (lib/dns/journal.c of BIND 9.18). All
 * integers are big-endian:
 *
 *	16 octets ";BIND LOG V9.2\n" (or ";BIND LOG V9\n"), u32 serial and u32 offset of the first transaction, the
 *	same of where the next one will come, u32 index size, u32 source serial, u8 flags, zeros up to 64 octets
 *	index size times { u32 serial, u32 offset }: hints for a search, which are not needed to read all of it
 *	transactions: u32 size, u32 count, u32 serial before, u32 serial after, then records of that size in all,
 *		each { u32 length, owner, u16 type, u16 class, u32 ttl, u16 rdata length, rdata }, uncompressed
 *
 * The first record of a transaction is the SOA before it; what follows was deleted, up to the SOA after it, which
 * begins what was added. Under the older magic a transaction may also begin with u32 size, u32 serial before, u32
 * serial after, and perhaps a u32 of zero. Whatever stands behind the offset of the next transaction was never
 * committed. The offsets have 32 bits: a journal ends at 4 GiB. */
#pragma once

#include "dns/record.h"

/* A parsed header; the data stays the caller's and must outlive it. */
struct zw_journal {
	const uint8_t *data;
	size_t end; /* of the last transaction; 0 when there is none */
	bool old;   /* the older magic */
	bool has_source_serial;
	uint32_t
		source_serial; /* of inline signing: what of the unsigned zone is in the signed one */
	uint32_t begin_serial, end_serial;
	uint32_t begin_offset;
};

/* Where in a journal a state of the zone is: before the transaction at @offset. */
struct zw_journal_position {
	uint32_t serial;
	uint32_t offset;
};

struct zw_journal_transaction {
	uint32_t serial_before, serial_after;
	struct zw_journal_position next;
	const uint8_t *records;
	size_t len;
};

/* @add: the record was added, else it was deleted. Non-zero stops the reader, which returns that value. */
typedef int (*zw_journal_fn)(void *ctx, bool add, const struct zw_record *record);

/* Reads the header. A journal without transactions, as BIND makes them beforehand, has equal serials and positions
 * of 0. 0, or -EBADMSG with *ret_error filled. */
int zw_journal_parse(const void *data, size_t len, struct zw_journal *ret_journal,
	struct zw_zone_error *ret_error);

struct zw_journal_position zw_journal_begin(const struct zw_journal *j);

/* The transaction at *pos, which moves behind it. 1; 0 at the end; -EBADMSG with *ret_error filled. */
int zw_journal_next(const struct zw_journal *j, struct zw_journal_position *pos,
	struct zw_journal_transaction *ret_transaction, struct zw_zone_error *ret_error);

/* Calls @fn for each record of a transaction in the order of the journal, both SOA records among them. Records are in
 * canonical form, of class IN and within @origin. 0, -EBADMSG with *ret_error filled, or what @fn returned. */
int zw_journal_records(const struct zw_journal_transaction *t, const uint8_t *origin,
	zw_journal_fn fn, void *ctx, struct zw_zone_error *ret_error);
