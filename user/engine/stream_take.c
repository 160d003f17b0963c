/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/stream_impl.h"

void zw_stream_hand_on(struct zw_streams *s, const struct zw_flow *f, enum zw_stream_what what,
	const uint8_t *data, size_t len, size_t whole)
{
	const struct zw_stream_item item = {
		.key = &f->key,
		.segment = s->segment,
		.what = what,
		.time_ns = s->now_ns,
		.offset = f->next - f->origin,
		.data = data,
		.len = len,
		.whole = whole,
	};

	s->fn(s->ctx, &item);
}

static void advance(struct zw_flow *f, uint64_t to)
{
	f->next = to;
	zw_pieces_drop_before(&f->pieces, to);
}

void zw_stream_count_loss(struct zw_streams *s, uint64_t bytes)
{
	s->stats.lost++;
	s->stats.lost_bytes += bytes;
}

static size_t get_u16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Whether a message over TCP can begin here: a sensible length and header, and a question that is one. */
static bool can_begin(const uint8_t *p, size_t len)
{
	struct zw_message_head head;
	size_t message = get_u16(p), records;

	p += ZW_STREAM_PREFIX;
	len -= ZW_STREAM_PREFIX;
	if (message < ZW_MESSAGE_HEADER || get_u16(p + 4) > 1 || (p[3] & 0x40))
		return false;
	records = get_u16(p + 6) + get_u16(p + 8) + get_u16(p + 10);
	if (records * 11 > message - ZW_MESSAGE_HEADER)
		return false;
	switch (p[2] >> 3 & 0xf) {
	case ZW_OPCODE_QUERY:
	case ZW_OPCODE_NOTIFY:
	case ZW_OPCODE_UPDATE:
		break;
	default:
		return false;
	}
	/* With less than the whole, the question may be cut. */
	return len < message || zw_message_head_parse(p, message, &head) == 0;
}

/* Looks for a message at the beginning of the first piece, then of the next. */
static void find_message(struct zw_streams *s, struct zw_flow *f)
{
	while (f->pieces.len > 0) {
		const struct zw_piece *piece = &f->pieces.items[0];
		size_t known;

		if (piece->at > f->next)
			zw_stream_count_loss(s, piece->at - f->next);
		f->next = piece->at;
		if (piece->data) {
			zw_pieces_run(&f->pieces, f->next, &known);
			if (known < ZW_STREAM_PREFIX + ZW_MESSAGE_HEADER && f->pieces.len == 1)
				return;
			if (known > sizeof(s->message))
				known = sizeof(s->message);
			if (known >= ZW_STREAM_PREFIX + ZW_MESSAGE_HEADER &&
				can_begin(zw_pieces_get(&f->pieces, f->next, known, s->message),
					known)) {
				f->synced = true;
				s->stats.resyncs++;
				return;
			}
			zw_stream_count_loss(s, piece->len);
		}
		advance(f, piece->at + piece->len);
	}
}

/* One message, if there is a whole one or as much as there will be. */
static bool take_message(struct zw_streams *s, struct zw_flow *f)
{
	uint8_t prefix[ZW_STREAM_PREFIX];
	size_t known, run = zw_pieces_run(&f->pieces, f->next, &known), len, there;

	if (known < ZW_STREAM_PREFIX) {
		if (run == known)
			return false;
		f->synced = false; /* the length is what is missing */
		return true;
	}
	len = get_u16(zw_pieces_get(&f->pieces, f->next, ZW_STREAM_PREFIX, prefix));
	there = known - ZW_STREAM_PREFIX < len ? known - ZW_STREAM_PREFIX : len;
	if (there < len && run == known)
		return false;
	s->stats.cut += there < len;
	if (len > 0) {
		s->stats.messages++;
		zw_stream_hand_on(s, f, ZW_STREAM_DATA,
			zw_pieces_get(&f->pieces, f->next + ZW_STREAM_PREFIX, there, s->message),
			there, len);
	} else {
		s->stats.empty++;
	}
	advance(f, f->next + ZW_STREAM_PREFIX + len);
	return true;
}

static void take_messages(struct zw_streams *s, struct zw_flow *f)
{
	for (;;) {
		if (!f->synced)
			find_message(s, f);
		if (!f->synced || !take_message(s, f))
			return;
	}
}

static void take_bytes(struct zw_streams *s, struct zw_flow *f)
{
	while (f->pieces.len > 0 && f->pieces.items[0].at == f->next) {
		const struct zw_piece *piece = &f->pieces.items[0];

		if (piece->data)
			zw_stream_hand_on(
				s, f, ZW_STREAM_DATA, piece->data, piece->len, piece->len);
		else
			zw_stream_hand_on(s, f, ZW_STREAM_GAP, NULL, 0, piece->len);
		advance(f, f->next + piece->len);
	}
}

void zw_stream_take(struct zw_streams *s, struct zw_flow *f)
{
	if (s->o.framing == ZW_STREAM_DNS)
		take_messages(s, f);
	else
		take_bytes(s, f);
}

void zw_stream_fill(struct zw_streams *s, struct zw_flow *f, uint64_t to)
{
	size_t len = (size_t)(to - f->next), same = 0;

	if (zw_pieces_add(&f->pieces, f->next, NULL, len, &same, NULL) < 0) {
		/* No memory even for that: what is held goes with it. */
		f->synced = s->o.framing == ZW_STREAM_RAW;
		advance(f, to);
	}
	zw_stream_count_loss(s, len - same);
	zw_stream_take(s, f);
}
