/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

struct zw_transfer {
	zw_record_fn fn;
	void *ctx;
	uint8_t origin[ZW_NAME_MAX];
	uint16_t id;
	bool begun, ended;
	uint32_t serial;
	uint64_t bytes;
};

static uint8_t *put_u16(uint8_t *to, uint16_t value)
{
	*to++ = (uint8_t)(value >> 8);
	*to++ = (uint8_t)value;
	return to;
}

size_t zw_query_write(
	uint8_t to[static ZW_QUERY_MAX], uint16_t id, const uint8_t *name, uint16_t type)
{
	size_t len = zw_name_len(name);
	uint8_t *p = put_u16(to, id);

	/* No flags, opcode QUERY, one question. */
	p = put_u16(p, 0);
	p = put_u16(p, 1);
	memset(p, 0, 6);
	p = mempcpy(p + 6, name, len);
	p = put_u16(p, type);
	p = put_u16(p, ZW_CLASS_IN);
	return (size_t)(p - to);
}

static int broken(struct zw_zone_error *error, const char *why)
{
	return zw_zone_fail(error, ZW_ZERR_SERVER, 0, 0, "what it answers is %s", why);
}

/* In words, and as an error. Some say NOTAUTH to whom they do not let have a zone (RFC 5936 section 2.2.1). */
static int refusal(const struct zw_message *m, uint16_t type, struct zw_zone_error *error)
{
	const char *text = zw_rcode_to_text(m->rcode);
	bool refused = m->rcode == ZW_RCODE_REFUSED || m->rcode == ZW_RCODE_NOTAUTH;

	if (refused && type == ZW_TYPE_AXFR) {
		(void)zw_zone_fail(error, ZW_ZERR_SERVER, 0, 0, "it refuses to transfer the zone");
		return -EACCES;
	}
	(void)zw_zone_fail(
		error, ZW_ZERR_SERVER, 0, 0, "it answers %s", text ? text : "an unknown error");
	return m->rcode == ZW_RCODE_NXDOMAIN   ? -ENOENT
	       : m->rcode == ZW_RCODE_SERVFAIL ? -ENODATA
					       : -EREMOTEIO;
}

/* 0, or what keeps the message from being an answer to question @id. */
static int check_answer(const struct zw_message *m, uint16_t id, const uint8_t *name, uint16_t type,
	struct zw_zone_error *error)
{
	if (!m->is_response || m->opcode != ZW_OPCODE_QUERY || m->id != id)
		return broken(error, "no answer to what was asked");
	if (m->rcode != ZW_RCODE_NOERROR)
		return refusal(m, type, error);
	if (m->has_question && (m->question.type != type || m->question.klass != ZW_CLASS_IN ||
				       !zw_name_equal(m->question.name, name)))
		return broken(error, "about something else");
	return 0;
}

static int parse(const uint8_t *wire, size_t len, struct zw_message **ret_message,
	struct zw_zone_error *error)
{
	int r = zw_message_parse(wire, len, ret_message);

	return r == -EBADMSG ? broken(error, "no DNS message") : r;
}

int zw_soa_answer(const uint8_t *wire, size_t len, uint16_t id, const uint8_t *name,
	uint32_t *ret_serial, struct zw_zone_error *error)
{
	_zw_message_ struct zw_message *m = NULL;
	int r = parse(wire, len, &m, error);

	if (r == 0)
		r = check_answer(m, id, name, ZW_TYPE_SOA, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];

		if (rr->section == ZW_SECTION_ANSWER && rr->type == ZW_TYPE_SOA &&
			rr->klass == ZW_CLASS_IN && zw_name_equal(rr->owner, name) &&
			zw_soa_parse(rr->rdata, rr->rdata_len, ret_serial, NULL) == 0)
			return 0;
	}
	/* A referral, or a name below another zone of the server. */
	(void)zw_zone_fail(error, ZW_ZERR_SERVER, 0, 0, "it does not have the zone");
	return -ENOENT;
}

int zw_transfer_new(const uint8_t *origin, uint16_t id, zw_record_fn fn, void *ctx,
	struct zw_transfer **ret_transfer)
{
	struct zw_transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	memcpy(t->origin, origin, zw_name_len(origin));
	t->id = id;
	t->fn = fn;
	t->ctx = ctx;
	*ret_transfer = t;
	return 0;
}

void zw_transfer_free(struct zw_transfer *transfer)
{
	free(transfer);
}

uint32_t zw_transfer_serial(const struct zw_transfer *transfer)
{
	return transfer->serial;
}

/* The SOA that begins it, or the one that ends it. */
static int take_soa(
	struct zw_transfer *t, const struct zw_message_rr *rr, struct zw_zone_error *error)
{
	uint32_t serial;

	if (!zw_name_equal(rr->owner, t->origin) ||
		zw_soa_parse(rr->rdata, rr->rdata_len, &serial, NULL) < 0)
		return broken(error, "no transfer: it has a wrong SOA record");
	if (t->begun) {
		if (serial != t->serial)
			return broken(error, "two versions of the zone");
		t->ended = true;
		return 0;
	}
	t->begun = true;
	t->serial = serial;
	return 1;
}

static int take_record(
	struct zw_transfer *t, const struct zw_message_rr *rr, struct zw_zone_error *error)
{
	struct zw_record record = zw_message_rr_record(rr);
	int r = 1;

	if (t->ended)
		return broken(error, "more than a transfer");
	if (rr->klass != ZW_CLASS_IN || zw_type_is_meta(rr->type))
		return broken(error, "no transfer: it has what no zone holds");
	if (rr->type == ZW_TYPE_SOA)
		r = take_soa(t, rr, error);
	else if (!t->begun)
		return broken(error, "no transfer: it does not begin with the SOA record");
	else if (!zw_name_is_within(rr->owner, t->origin))
		r = 0;
	return r <= 0 ? r : t->fn(t->ctx, &record);
}

int zw_transfer_feed(
	struct zw_transfer *transfer, const uint8_t *wire, size_t len, struct zw_zone_error *error)
{
	_zw_message_ struct zw_message *m = NULL;
	bool any = false;
	int r;

	transfer->bytes += len;
	if (transfer->bytes > ZW_TRANSFER_MAX) {
		(void)broken(error, "larger than any zone");
		return -EFBIG;
	}
	r = parse(wire, len, &m, error);
	if (r == 0)
		r = check_answer(m, transfer->id, transfer->origin, ZW_TYPE_AXFR, error);
	for (size_t i = 0; r == 0 && i < m->rrs; i++) {
		if (m->rr[i].section != ZW_SECTION_ANSWER)
			continue;
		any = true;
		r = take_record(transfer, &m->rr[i], error);
	}
	if (r != 0)
		return r;
	/* Messages without records would never end. */
	if (!any)
		return broken(error, "no transfer: a message of it is empty");
	return transfer->ended ? 1 : 0;
}
