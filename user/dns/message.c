/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/message.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "dns/name.h"
#include "dns/rr.h"

/* Type and class; type, class, TTL and length of the rdata. */
#define QUESTION_FIXED 4
#define RR_FIXED 10
/* time signed, fudge, MAC size; then original id, error, other length */
#define TSIG_BEFORE_MAC 10
#define TSIG_AFTER_MAC 6

static const char *const rcode_text[] = {
	[ZW_RCODE_NOERROR] = "NOERROR",
	[ZW_RCODE_FORMERR] = "FORMERR",
	[ZW_RCODE_SERVFAIL] = "SERVFAIL",
	[ZW_RCODE_NXDOMAIN] = "NXDOMAIN",
	[ZW_RCODE_NOTIMP] = "NOTIMP",
	[ZW_RCODE_REFUSED] = "REFUSED",
	[ZW_RCODE_YXDOMAIN] = "YXDOMAIN",
	[ZW_RCODE_YXRRSET] = "YXRRSET",
	[ZW_RCODE_NXRRSET] = "NXRRSET",
	[ZW_RCODE_NOTAUTH] = "NOTAUTH",
	[ZW_RCODE_NOTZONE] = "NOTZONE",
	[ZW_RCODE_BADVERS] = "BADVERS",
	[ZW_RCODE_BADKEY] = "BADKEY",
	[ZW_RCODE_BADTIME] = "BADTIME",
	[ZW_RCODE_BADMODE] = "BADMODE",
	[ZW_RCODE_BADNAME] = "BADNAME",
	[ZW_RCODE_BADALG] = "BADALG",
	[ZW_RCODE_BADTRUNC] = "BADTRUNC",
	[ZW_RCODE_BADCOOKIE] = "BADCOOKIE",
};

const char *zw_rcode_to_text(unsigned int rcode)
{
	return rcode < ZW_ARRAY_SIZE(rcode_text) ? rcode_text[rcode] : NULL;
}

const char *zw_tsig_error_to_text(unsigned int error)
{
	return error == ZW_RCODE_BADVERS ? "BADSIG" : zw_rcode_to_text(error);
}

/* Where in the text the strings of a record begin, until the text no longer moves. */
struct place {
	size_t owner, rdata;
};

struct parser {
	const uint8_t *wire;
	size_t len, pos;
	struct zw_message *m;
	ZW_VEC(uint8_t) text;
	ZW_VEC(struct zw_message_rr) rrs;
	ZW_VEC(struct place) places; /* of the records */
	size_t question;
	struct place tsig; /* key; algorithm and MAC */
};

static void parser_done(struct parser *p)
{
	zw_message_free(p->m);
	zw_vec_free(&p->text);
	zw_vec_free(&p->rrs);
	zw_vec_free(&p->places);
}
#define _parser_done_ _zw_cleanup_(parser_done)

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

/* Reads a name into the text, in lower case. */
static int take_name(struct parser *p, size_t *ret_at, size_t *ret_len)
{
	size_t at = p->text.len, len;
	int r = zw_vec_reserve(&p->text, at + ZW_NAME_MAX);

	if (r == 0)
		r = zw_name_decompress(p->wire, p->len, &p->pos, p->text.items + at, &len);
	if (r < 0)
		return r;
	zw_name_lower(p->text.items + at, len);
	p->text.len += len;
	*ret_at = at;
	*ret_len = len;
	return 0;
}

static int take_question(struct parser *p)
{
	struct zw_question *q = &p->m->question;
	size_t len;
	int r;

	r = take_name(p, &p->question, &len);
	if (r < 0)
		return r;
	if (p->len - p->pos < QUESTION_FIXED)
		return -EBADMSG;
	q->type = get_u16(p->wire + p->pos);
	q->klass = get_u16(p->wire + p->pos + 2);
	p->pos += QUESTION_FIXED;
	p->m->has_question = true;
	return 0;
}

/* The options of an OPT record are pairs of code and length with so much data (RFC 6891 section 6.1.2). */
static bool options_fit(const uint8_t *p, size_t len)
{
	while (len >= 4 && 4U + get_u16(p + 2) <= len) {
		size_t n = 4U + get_u16(p + 2);

		p += n;
		len -= n;
	}
	return len == 0;
}

static int take_opt(struct parser *p, const struct zw_message_rr *rr)
{
	struct zw_message *m = p->m;

	if (m->has_edns || rr->section != ZW_SECTION_ADDITIONAL || rr->owner_len != 1 ||
		!options_fit(p->wire + p->pos, rr->rdata_len))
		return -EBADMSG;
	m->has_edns = true;
	m->edns_size = rr->klass;
	m->rcode |= (uint16_t)(rr->ttl >> 24 << 4);
	return 0;
}

/* RFC 8945 section 4.2. The key's name is the last in the text already. */
static int take_tsig(struct parser *p, const struct zw_message_rr *rr)
{
	const uint8_t *w = p->wire + p->pos;
	struct zw_tsig *t = &p->m->tsig;
	size_t len = rr->rdata_len, name_len, rest;
	int r;

	if (rr->section != ZW_SECTION_ADDITIONAL || rr->klass != ZW_CLASS_ANY || rr->ttl != 0 ||
		zw_name_check(w, len, &name_len) < 0)
		return -EBADMSG;
	rest = len - name_len;
	if (rest < TSIG_BEFORE_MAC + TSIG_AFTER_MAC)
		return -EBADMSG;
	t->time_signed = (uint64_t)get_u16(w + name_len) << 32 | get_u32(w + name_len + 2);
	t->fudge = get_u16(w + name_len + 6);
	t->mac_len = get_u16(w + name_len + 8);
	rest -= TSIG_BEFORE_MAC + TSIG_AFTER_MAC;
	if (t->mac_len > rest)
		return -EBADMSG;
	rest -= t->mac_len;
	r = zw_vec_reserve(&p->text, p->text.len + name_len + t->mac_len);
	if (r < 0)
		return r;
	p->tsig.rdata = p->text.len;
	memcpy(p->text.items + p->text.len, w, name_len);
	zw_name_lower(p->text.items + p->text.len, name_len);
	p->text.len += name_len;
	w += name_len + TSIG_BEFORE_MAC;
	memcpy(p->text.items + p->text.len, w, t->mac_len);
	p->text.len += t->mac_len;
	w += t->mac_len;
	t->original_id = get_u16(w);
	t->error = get_u16(w + 2);
	if (get_u16(w + 4) != rest)
		return -EBADMSG;
	p->m->has_tsig = true;
	return 0;
}

/* Only an UPDATE has records without data, where only the name and the type are meant (RFC 2136 sections 2.4
 * and 2.5). */
static bool may_be_empty(const struct zw_message *m, uint16_t klass)
{
	return m->opcode == ZW_OPCODE_UPDATE && (klass == ZW_CLASS_ANY || klass == ZW_CLASS_NONE);
}

static int take_rdata(struct parser *p, struct zw_message_rr *rr, size_t *ret_at)
{
	size_t at = p->text.len, len = rr->rdata_len;
	uint8_t *out;
	int r;

	*ret_at = at;
	if (len == 0 && may_be_empty(p->m, rr->klass))
		return 0;
	r = zw_vec_reserve(&p->text, at + len + ZW_RDATA_GROWTH);
	if (r < 0)
		return r;
	out = p->text.items + at;
	r = zw_rdata_from_wire(rr->type, p->wire, p->pos, p->pos + len, out, &rr->rdata_len);
	if (r < 0)
		return r;
	zw_rdata_lower(rr->type, out, rr->rdata_len);
	p->text.len += rr->rdata_len;
	return 0;
}

static int take_rr(struct parser *p, enum zw_section section)
{
	struct zw_message_rr rr = {.section = section};
	struct place at = {};
	size_t owner_len, len;
	int r;

	if (p->m->has_tsig)
		return -EBADMSG; /* it must be the last (RFC 8945 section 5.1), and so the only one */
	r = take_name(p, &at.owner, &owner_len);
	if (r < 0)
		return r;
	if (p->len - p->pos < RR_FIXED)
		return -EBADMSG;
	rr.owner_len = (uint8_t)owner_len;
	rr.type = get_u16(p->wire + p->pos);
	rr.klass = get_u16(p->wire + p->pos + 2);
	rr.ttl = get_u32(p->wire + p->pos + 4);
	len = rr.rdata_len = get_u16(p->wire + p->pos + 8);
	p->pos += RR_FIXED;
	if (len > p->len - p->pos)
		return -EBADMSG;
	/* No record has this type (RFC 6895 section 3.1). BIND refuses it, and libknot at least its data. */
	if (rr.type == 0 && len > 0)
		return -EBADMSG;
	switch (rr.type) {
	case ZW_TYPE_OPT:
		r = take_opt(p, &rr);
		break;
	case ZW_TYPE_TSIG:
		p->tsig.owner = at.owner;
		r = take_tsig(p, &rr);
		break;
	default:
		r = take_rdata(p, &rr, &at.rdata);
		if (r == 0)
			r = zw_vec_push(&p->rrs, rr);
		if (r == 0)
			r = zw_vec_push(&p->places, at);
	}
	p->pos += len;
	return r;
}

static void weigh(struct zw_message *m)
{
	m->memory = sizeof(*m) + m->rr_cap * sizeof(*m->rr) + m->text_cap;
}

/* Gives the room back that growing took in advance. */
static uint8_t *fit(uint8_t *text, size_t len)
{
	uint8_t *fitted = len > 0 ? realloc(text, len) : NULL;

	return fitted ? fitted : text;
}

/* Moves all that was read into the message. */
static struct zw_message *complete(struct parser *p)
{
	struct zw_message *m = ZW_TAKE(p->m);
	const struct place *at = p->places.items;

	m->text_len = p->text.len;
	m->text = fit(ZW_TAKE(p->text.items), p->text.len);
	m->rrs = p->rrs.len;
	m->rr = ZW_TAKE(p->rrs.items);
	if (m->has_question)
		m->question.name = m->text + p->question;
	for (size_t i = 0; i < m->rrs; i++, at++) {
		m->rr[i].owner = m->text + at->owner;
		m->rr[i].rdata = m->text + at->rdata;
	}
	if (m->has_tsig) {
		m->tsig.key = m->text + p->tsig.owner;
		m->tsig.algorithm = m->text + p->tsig.rdata;
		m->tsig.mac = m->tsig.algorithm + zw_name_len(m->tsig.algorithm);
	}
	m->text_cap = m->text_len;
	m->rr_cap = p->rrs.cap;
	weigh(m);
	return m;
}

int zw_message_parse_prefix(
	const uint8_t *wire, size_t len, struct zw_message **ret_message, size_t *ret_used)
{
	_parser_done_ struct parser p = {.wire = wire, .len = len, .pos = ZW_MESSAGE_HEADER};
	uint32_t questions, rrs[_ZW_SECTION_MAX], sum = 0;
	int r = 0;

	if (len < ZW_MESSAGE_HEADER || len > ZW_MESSAGE_MAX)
		return -EBADMSG;
	questions = get_u16(wire + 4);
	for (int i = 0; i < _ZW_SECTION_MAX; i++)
		sum += rrs[i] = get_u16(wire + 6 + 2 * i);
	/* More than one question is nothing that anybody answers (RFC 9619). The rest: before anything is
	 * allocated for records that cannot be there, each with a name of an octet at least. */
	if (questions > 1 || sum * (1 + RR_FIXED) > len - ZW_MESSAGE_HEADER)
		return -EBADMSG;
	p.m = calloc(1, sizeof(*p.m));
	if (!p.m)
		return -ENOMEM;
	p.m->id = get_u16(wire);
	p.m->flags = get_u16(wire + 2);
	p.m->opcode = (uint8_t)(p.m->flags >> 11 & 0xf);
	p.m->rcode = p.m->flags & 0xf;
	p.m->is_response = p.m->flags & ZW_MESSAGE_FLAG_QR;
	if (questions > 0)
		r = take_question(&p);
	for (int section = 0; section < _ZW_SECTION_MAX; section++)
		for (uint32_t i = 0; r == 0 && i < rrs[section]; i++)
			r = take_rr(&p, (enum zw_section)section);
	if (r < 0)
		return r;
	if (ret_used)
		*ret_used = p.pos;
	*ret_message = complete(&p);
	return 0;
}

int zw_message_parse(const uint8_t *wire, size_t len, struct zw_message **ret_message)
{
	_zw_message_ struct zw_message *m = NULL;
	size_t used;
	int r = zw_message_parse_prefix(wire, len, &m, &used);

	if (r < 0)
		return r;
	if (used != len)
		return -EBADMSG;
	*ret_message = ZW_TAKE(m);
	return 0;
}

void zw_message_free(struct zw_message *message)
{
	if (!message)
		return;
	free(message->rr);
	free(message->text);
	free(message);
}

int zw_message_new_update(const uint8_t *zone, struct zw_message **ret_message)
{
	_zw_message_ struct zw_message *m = calloc(1, sizeof(*m));
	size_t len = zw_name_len(zone);

	if (!m)
		return -ENOMEM;
	m->text = malloc(len);
	if (!m->text)
		return -ENOMEM;
	m->text_len = m->text_cap = len;
	memcpy(m->text, zone, len);
	zw_name_lower(m->text, len);
	m->opcode = ZW_OPCODE_UPDATE;
	m->flags = ZW_OPCODE_UPDATE << 11;
	m->has_question = true;
	m->question = (struct zw_question){m->text, ZW_TYPE_SOA, ZW_CLASS_IN};
	weigh(m);
	*ret_message = ZW_TAKE(m);
	return 0;
}

/* Makes room for @more octets of text, and lets the pointers follow where it went. */
static int grow_text(struct zw_message *m, size_t more)
{
	uint8_t *old = m->text, *text = old;
	size_t cap = m->text_cap;
	int r = zw_vec_reserve_raw((void **)&text, &cap, 1, m->text_len + more);

	if (r < 0 || cap == m->text_cap)
		return r;
	m->text = text;
	m->text_cap = cap;
	m->question.name = text;
	for (size_t i = 0; i < m->rrs; i++) {
		struct zw_message_rr *rr = &m->rr[i];
		uint8_t *at = i == 0 ? text + zw_name_len(text)
				     : (uint8_t *)m->rr[i - 1].rdata + m->rr[i - 1].rdata_len;

		rr->owner = at;
		rr->rdata = at + rr->owner_len;
	}
	return 0;
}

int zw_message_add_rr(struct zw_message *m, enum zw_section section, const struct zw_record *record)
{
	struct zw_message_rr *rr;
	uint8_t *at;
	int r;

	if (m->rrs > 0 && m->rr[m->rrs - 1].section > section)
		return -EINVAL;
	r = grow_text(m, (size_t)record->owner_len + record->rdata_len);
	if (r == 0)
		r = zw_vec_reserve_raw((void **)&m->rr, &m->rr_cap, sizeof(*m->rr), m->rrs + 1);
	if (r < 0)
		return r;
	at = m->text + m->text_len;
	rr = &m->rr[m->rrs++];
	*rr = (struct zw_message_rr){
		.section = section,
		.type = record->type,
		.klass = record->klass,
		.ttl = record->ttl,
		.owner = at,
		.rdata = at + record->owner_len,
		.rdata_len = record->rdata_len,
		.owner_len = record->owner_len,
	};
	memcpy(at, record->owner, record->owner_len);
	zw_name_lower(at, record->owner_len);
	at += record->owner_len;
	if (record->rdata_len > 0)
		memcpy(at, record->rdata, record->rdata_len);
	zw_rdata_lower(rr->type, at, rr->rdata_len);
	m->text_len += (size_t)record->owner_len + record->rdata_len;
	weigh(m);
	return 0;
}

int zw_message_head_parse(const uint8_t *wire, size_t len, struct zw_message_head *ret_head)
{
	struct zw_message_head h = {};
	size_t pos = ZW_MESSAGE_HEADER, name_len;

	if (len < ZW_MESSAGE_HEADER)
		return -EBADMSG;
	h.id = get_u16(wire);
	h.flags = get_u16(wire + 2);
	h.opcode = (uint8_t)(h.flags >> 11 & 0xf);
	h.rcode = (uint8_t)(h.flags & 0xf);
	h.is_response = h.flags & ZW_MESSAGE_FLAG_QR;
	for (int i = 0; i < 4; i++)
		h.count[i] = get_u16(wire + 4 + 2 * i);
	if (h.count[0] > 0) {
		if (zw_name_decompress(wire, len, &pos, h.name, &name_len) < 0 ||
			len - pos < QUESTION_FIXED)
			return -EBADMSG;
		zw_name_lower(h.name, name_len);
		h.has_question = true;
		h.type = get_u16(wire + pos);
		h.klass = get_u16(wire + pos + 2);
	}
	*ret_head = h;
	return 0;
}
