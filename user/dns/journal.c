/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/journal.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "dns/name.h"
#include "dns/rr.h"

#define MAGIC_LEN 16
#define HEADER_LEN 64
#define INDEX_ENTRY_LEN 8
/* Of a transaction: size, count, two serials; the oldest have no count. */
#define TRANSACTION_LEN 16
#define TRANSACTION_SHORT_LEN 12
/* Type, class, TTL and rdata length, between the owner and the rdata. */
#define RR_FIXED 10
#define FLAG_SOURCE_SERIAL 0x01

static const char magics[][MAGIC_LEN] = {";BIND LOG V9.2\n", ";BIND LOG V9\n"};

static uint32_t u16_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t u32_at(const uint8_t *p)
{
	return u16_at(p) << 16 | u16_at(p + 2);
}

static int damaged(struct zw_zone_error *error, const char *reason)
{
	return zw_zone_fail(error, ZW_ZERR_JOURNAL, 0, 0, "damaged journal: %s", reason);
}

int zw_journal_parse(const void *data, size_t len, struct zw_journal *ret_journal,
	struct zw_zone_error *ret_error)
{
	const uint8_t *p = data;
	struct zw_journal j = {.data = p};
	uint64_t first;

	if (len < HEADER_LEN)
		return damaged(ret_error, "shorter than its header");
	j.old = memcmp(p, magics[1], MAGIC_LEN) == 0;
	if (!j.old && memcmp(p, magics[0], MAGIC_LEN) != 0)
		return damaged(ret_error, "it does not begin as one");
	j.begin_serial = u32_at(p + 16);
	j.begin_offset = u32_at(p + 20);
	j.end_serial = u32_at(p + 24);
	j.end = u32_at(p + 28);
	first = HEADER_LEN + (uint64_t)u32_at(p + 32) * INDEX_ENTRY_LEN;
	j.source_serial = u32_at(p + 36);
	j.has_source_serial = p[40] & FLAG_SOURCE_SERIAL;
	if (first > len)
		return damaged(ret_error, "shorter than its index");
	if (j.begin_offset == j.end) {
		j.begin_serial = j.end_serial = 0;
		j.begin_offset = 0;
		j.end = 0;
	} else if (j.begin_offset < first || j.begin_offset > j.end || j.end > len) {
		return damaged(ret_error, "its transactions are outside of it");
	}
	*ret_journal = j;
	return 0;
}

struct zw_journal_position zw_journal_begin(const struct zw_journal *j)
{
	return (struct zw_journal_position){j->begin_serial, j->begin_offset};
}

/* Reads the header of the transaction at @p, of which @avail octets are there. Returns its length; 0: none of those
 * it can have continues from @serial. No header can be taken for another: of the long one the third number is
 * @serial, of the short one it is after that. */
static size_t read_header(
	const uint8_t *p, size_t avail, uint32_t serial, bool old, struct zw_journal_transaction *t)
{
	if (avail >= TRANSACTION_LEN && u32_at(p + 8) == serial &&
		zw_serial_after(u32_at(p + 12), serial)) {
		t->serial_after = u32_at(p + 12);
		return TRANSACTION_LEN;
	}
	if (!old || avail < TRANSACTION_SHORT_LEN || u32_at(p + 4) != serial ||
		!zw_serial_after(u32_at(p + 8), serial))
		return 0;
	t->serial_after = u32_at(p + 8);
	/* No record has a length of zero. */
	return avail >= TRANSACTION_LEN && u32_at(p + 12) == 0 ? TRANSACTION_LEN
							       : TRANSACTION_SHORT_LEN;
}

int zw_journal_next(const struct zw_journal *j, struct zw_journal_position *pos,
	struct zw_journal_transaction *ret_transaction, struct zw_zone_error *ret_error)
{
	struct zw_journal_transaction t = {.serial_before = pos->serial};
	size_t avail, header;

	if (pos->offset == j->end)
		return pos->serial == j->end_serial
			       ? 0
			       : damaged(ret_error, "it ends at another serial than it says");
	if (pos->offset > j->end)
		return damaged(ret_error, "a position outside of it");
	avail = j->end - pos->offset;
	header = read_header(j->data + pos->offset, avail, pos->serial, j->old, &t);
	if (header == 0)
		return damaged(ret_error, "a transaction does not continue from the one before it");
	t.len = u32_at(j->data + pos->offset);
	if (t.len == 0 || t.len > avail - header)
		return damaged(ret_error, "a transaction has an impossible size");
	t.records = j->data + pos->offset + header;
	t.next = (struct zw_journal_position){
		t.serial_after, (uint32_t)(pos->offset + header + t.len)};
	*pos = t.next;
	*ret_transaction = t;
	return 1;
}

struct reader {
	const struct zw_journal_transaction *t;
	uint8_t origin[ZW_NAME_MAX]; /* lower case */
	size_t origin_len;
	unsigned int soas;
	struct zw_zone_error *error;
	uint8_t owner[ZW_NAME_MAX];
	uint8_t rdata[UINT16_MAX];
};

/* The record in exactly @len octets at @p. */
static int read_record(struct reader *r, const uint8_t *p, size_t len, struct zw_record *ret)
{
	size_t n;

	if (zw_name_check(p, len, &n) < 0 || len - n < RR_FIXED ||
		u16_at(p + n + 8) != len - n - RR_FIXED)
		return damaged(r->error, "a malformed record");
	memcpy(r->owner, p, n);
	zw_name_lower(r->owner, n);
	p += n;
	*ret = (struct zw_record){
		.owner = r->owner,
		.owner_len = (uint8_t)n,
		.type = (uint16_t)u16_at(p),
		.klass = (uint16_t)u16_at(p + 2),
		.ttl = u32_at(p + 4),
		.rdata = r->rdata,
		.rdata_len = (uint16_t)u16_at(p + 8),
	};
	memcpy(r->rdata, p + RR_FIXED, ret->rdata_len);
	zw_rdata_lower(ret->type, r->rdata, ret->rdata_len);
	return 0;
}

/* Of the two SOA records each begins one half. */
static int check_soa(struct reader *r, const struct zw_record *record)
{
	uint32_t serial;

	if (record->owner_len != r->origin_len)
		return damaged(r->error, "an SOA record below the zone apex");
	if (zw_soa_parse(record->rdata, record->rdata_len, &serial, NULL) < 0)
		return damaged(r->error, "a malformed SOA record");
	if (++r->soas > 2)
		return damaged(r->error, "more than two SOA records in a transaction");
	if (serial != (r->soas == 1 ? r->t->serial_before : r->t->serial_after))
		return damaged(r->error, "an SOA record has another serial than its transaction");
	return 0;
}

static int check_record(struct reader *r, const struct zw_record *record)
{
	const uint8_t *tail = record->owner;
	size_t len = record->owner_len;

	for (; len > r->origin_len; len -= 1U + *tail, tail += 1U + *tail)
		;
	if (len != r->origin_len || memcmp(tail, r->origin, len) != 0)
		return damaged(r->error, "a record outside the zone");
	if (record->klass != ZW_CLASS_IN)
		return damaged(r->error, "a record of another class than IN");
	if (zw_type_is_meta(record->type))
		return damaged(r->error, "a record of a type that no zone holds");
	if (record->type == ZW_TYPE_SOA)
		return check_soa(r, record);
	return r->soas ? 0 : damaged(r->error, "a transaction does not begin with an SOA record");
}

int zw_journal_records(const struct zw_journal_transaction *t, const uint8_t *origin,
	zw_journal_fn fn, void *ctx, struct zw_zone_error *ret_error)
{
	struct reader r; /* large: not zeroed for nothing */
	size_t left = t->len;

	r.t = t;
	r.origin_len = zw_name_len(origin);
	memcpy(r.origin, origin, r.origin_len);
	zw_name_lower(r.origin, r.origin_len);
	r.soas = 0;
	r.error = ret_error;
	for (const uint8_t *p = t->records; left > 0;) {
		struct zw_record record;
		size_t len;
		int rc;

		if (left < 4)
			return damaged(ret_error, "a transaction ends inside a record");
		len = u32_at(p);
		if (len > left - 4)
			return damaged(ret_error, "a record longer than its transaction");
		rc = read_record(&r, p + 4, len, &record);
		if (rc == 0)
			rc = check_record(&r, &record);
		if (rc == 0)
			rc = fn(ctx, r.soas == 2, &record);
		if (rc != 0)
			return rc;
		p += 4 + len;
		left -= 4 + len;
	}
	return r.soas == 2 ? 0 : damaged(ret_error, "a transaction without its second SOA record");
}
