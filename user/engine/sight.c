/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/exchange_impl.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "dns/name.h"
#include "dns/rr.h"

#define QUESTION_FIXED 4
#define RR_FIXED 10

/* A record at *@pos of a message that may be cut. */
struct record_at {
	uint16_t type;
	size_t rdata, end;
};

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static int skip_name(const struct zw_packet *p, size_t *pos)
{
	uint8_t name[ZW_NAME_MAX];

	return zw_name_decompress(p->data, p->len, pos, name, NULL);
}

static int read_record(const struct zw_packet *p, size_t *pos, struct record_at *ret)
{
	if (skip_name(p, pos) < 0 || p->len - *pos < RR_FIXED)
		return -EBADMSG;
	ret->type = get_u16(p->data + *pos);
	ret->rdata = *pos + RR_FIXED;
	ret->end = ret->rdata + get_u16(p->data + *pos + RR_FIXED - 2);
	*pos = ret->end < p->len ? ret->end : p->len;
	return 0;
}

/* The serial of a record that is an SOA, and there. */
static bool read_serial(
	const struct zw_packet *p, const struct record_at *record, uint32_t *ret_serial)
{
	uint8_t soa[64 + ZW_RDATA_GROWTH + 2 * ZW_NAME_MAX];
	uint16_t len;

	return record->type == ZW_TYPE_SOA && record->end <= p->len &&
	       record->end - record->rdata <= 2 * ZW_NAME_MAX + 20 &&
	       zw_rdata_from_wire(ZW_TYPE_SOA, p->data, record->rdata, record->end, soa, &len) ==
		       0 &&
	       zw_soa_parse(soa, len, ret_serial, NULL) == 0;
}

/* What the first records say of a transfer: the serial, and whether a second SOA, of the version that is to be
 * replaced, follows at once as in an increment (RFC 1995 section 4). Requests for one have their SOA in the authority
 * section. */
static void read_serials(const struct zw_packet *p, struct zw_sight *s)
{
	bool answer = s->what == ZW_SIGHT_ANSWER;
	struct record_at first, second;
	size_t pos = ZW_MESSAGE_HEADER;

	if (s->head.count[1] == 0 && (answer || s->head.count[2] == 0))
		return;
	if (skip_name(p, &pos) < 0 || p->len - pos < QUESTION_FIXED)
		return;
	pos += QUESTION_FIXED;
	if (read_record(p, &pos, &first) < 0)
		return;
	s->has_serial = read_serial(p, &first, &s->serial);
	if (answer && s->incremental)
		s->incremental = s->head.count[1] > 1 && read_record(p, &pos, &second) == 0 &&
				 second.type == ZW_TYPE_SOA;
}

static bool find_kind(const struct zw_message_head *h, enum zw_request_kind *ret_kind)
{
	switch (h->opcode) {
	case ZW_OPCODE_UPDATE:
		*ret_kind = ZW_REQUEST_UPDATE;
		return true;
	case ZW_OPCODE_NOTIFY:
		*ret_kind = ZW_REQUEST_NOTIFY;
		return true;
	case ZW_OPCODE_QUERY:
		break;
	default:
		return false;
	}
	if (h->type == ZW_TYPE_TKEY)
		*ret_kind = ZW_REQUEST_TKEY;
	else
		*ret_kind = ZW_REQUEST_TRANSFER;
	return h->type == ZW_TYPE_TKEY || h->type == ZW_TYPE_AXFR || h->type == ZW_TYPE_IXFR;
}

int zw_sight_read(const struct zw_packet *packet, struct zw_sight *ret_sight)
{
	struct zw_sight s = {};
	int r = zw_message_head_parse(packet->data, packet->len, &s.head);

	if (r < 0)
		return r;
	/* An answer without a question is matched by its id alone. */
	if (!find_kind(&s.head, &s.kind) && (s.head.has_question || !s.head.is_response)) {
		*ret_sight = s;
		return 0;
	}
	s.what = s.head.is_response ? ZW_SIGHT_ANSWER : ZW_SIGHT_REQUEST;
	s.incremental = s.head.type == ZW_TYPE_IXFR;
	if (s.head.has_question &&
		(s.kind == ZW_REQUEST_TRANSFER ||
			(s.kind == ZW_REQUEST_NOTIFY && s.what == ZW_SIGHT_REQUEST)))
		read_serials(packet, &s);
	*ret_sight = s;
	return 0;
}

static enum zw_channel channel_of(enum zw_request_kind kind)
{
	switch (kind) {
	case ZW_REQUEST_UPDATE:
		return ZW_CHANNEL_UPDATE;
	case ZW_REQUEST_NOTIFY:
	case ZW_REQUEST_TRANSFER:
		return ZW_CHANNEL_TRANSFER;
	default:
		return ZW_CHANNEL_UNKNOWN;
	}
}

static int set_tsig(struct zw_request *r, const struct zw_tsig *t)
{
	r->tsig_mac_len = t->mac_len < sizeof(r->tsig_mac) ? t->mac_len : sizeof(r->tsig_mac);
	if (r->tsig_mac_len > 0)
		memcpy(r->tsig_mac, t->mac, r->tsig_mac_len);
	return zw_request_set_tsig_key(r, t->key);
}

int zw_sight_request(const struct zw_packet *packet, const struct zw_sight *sight,
	struct zw_request **ret_request, bool *ret_cut)
{
	_zw_request_ struct zw_request *q = zw_request_new(sight->kind, packet->time_ns);
	_zw_message_ struct zw_message *m = NULL;
	int r;

	if (!q)
		return -ENOMEM;
	q->channel = channel_of(sight->kind);
	q->client = packet->source;
	q->server = packet->destination;
	q->client_process = packet->sender;
	q->server_process = packet->receiver;
	q->transport = packet->transport;
	q->size_bytes = packet->whole;
	q->incremental = sight->incremental;
	if (sight->kind == ZW_REQUEST_NOTIFY) {
		q->has_serial_after = sight->has_serial;
		q->serial_after = sight->serial;
	} else {
		q->has_serial_before = sight->has_serial;
		q->serial_before = sight->serial;
	}
	if (sight->head.has_question) {
		q->klass = sight->head.klass;
		if (sight->kind != ZW_REQUEST_TKEY) {
			r = zw_request_set_zone(q, sight->head.name);
			if (r < 0)
				return r;
		}
	}
	r = packet->len < packet->whole
		    ? -EBADMSG
		    : zw_message_parse_prefix(packet->data, packet->len, &m, NULL);
	if (r == -ENOMEM || (r < 0 && packet->len == packet->whole))
		return r;
	*ret_cut = !m && sight->kind == ZW_REQUEST_UPDATE;
	if (m && m->has_tsig) {
		r = set_tsig(q, &m->tsig);
		if (r < 0)
			return r;
	}
	if (m && sight->kind == ZW_REQUEST_UPDATE)
		q->message = ZW_TAKE(m);
	*ret_request = ZW_TAKE(q);
	return 0;
}

int zw_sight_rcode(const struct zw_packet *packet, const struct zw_sight *sight)
{
	_zw_message_ struct zw_message *m = NULL;

	if (packet->len == packet->whole &&
		zw_message_parse_prefix(packet->data, packet->len, &m, NULL) == 0)
		return m->rcode;
	return sight->head.rcode;
}
