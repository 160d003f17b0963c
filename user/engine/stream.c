/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/stream_impl.h"

#include <errno.h>
#include <stdlib.h>

/* A segment further than this from where the stream is belongs to another connection, or to nobody: far more than
 * the window of a connection that carries DNS. */
#define WINDOW (1U << 20)
/* Each costs a look at every segment; somebody who sends every other octet is not waited for. */
#define PIECES_MAX 256
/* Positions are sequence numbers with 32 more bits in front, so that none is negative. */
#define FIRST_POSITION (1ULL << 32)

int zw_streams_new(const struct zw_stream_options *options, zw_stream_fn fn, void *ctx,
	struct zw_streams **ret_streams)
{
	_zw_streams_ struct zw_streams *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	zw_list_init(&s->lru);
	zw_list_init(&s->waiting);
	r = zw_map_new(&s->flows);
	if (r < 0)
		return r;
	s->o = *options;
	s->fn = fn;
	s->ctx = ctx;
	*ret_streams = ZW_TAKE(s);
	return 0;
}

static void flow_free(struct zw_flow *f)
{
	zw_list_del(&f->lru);
	zw_list_del(&f->waiting);
	zw_pieces_free(&f->pieces);
	free(f);
}

void zw_streams_free(struct zw_streams *streams)
{
	if (!streams)
		return;
	while (!zw_list_empty(&streams->lru))
		flow_free(ZW_CONTAINER_OF(streams->lru.next, struct zw_flow, lru));
	zw_map_free(streams->flows);
	free(streams);
}

/* Ends the flow, which stays for a while so that what comes late is not taken for another one. */
static void close_flow(struct zw_streams *s, struct zw_flow *f)
{
	if (f->closed)
		return;
	f->closed = true;
	zw_pieces_free(&f->pieces);
	s->bytes -= f->counted;
	f->counted = 0;
	f->hole_ns = 0;
	zw_list_del(&f->waiting);
	zw_stream_hand_on(s, f, ZW_STREAM_END, NULL, 0, 0);
}

static void forget(struct zw_streams *s, struct zw_flow *f)
{
	if (f->pieces.len > 0)
		zw_stream_count_loss(s, f->pieces.bytes);
	close_flow(s, f);
	zw_map_remove(s->flows, &f->key, sizeof(f->key));
	flow_free(f);
}

/* Where the octets are to come that are waited for: what is behind them is there, or the end is known. */
static bool find_hole(
	const struct zw_streams *s, const struct zw_flow *f, uint64_t *ret_begin, uint64_t *ret_end)
{
	size_t known;

	if (zw_pieces_gap(&f->pieces, f->next, ret_begin, ret_end))
		return true;
	*ret_begin = f->next + zw_pieces_run(&f->pieces, f->next, &known);
	*ret_end = f->fin;
	return *ret_begin < f->fin && (f->pieces.len > 0 || s->o.framing == ZW_STREAM_RAW);
}

/* Ends the flow if all has come up to its end, or all that will. */
static void close_if_done(struct zw_streams *s, struct zw_flow *f)
{
	uint64_t begin, end;

	if (f->closed || f->fin == 0 || find_hole(s, f, &begin, &end))
		return;
	if (f->pieces.len > 0) {
		s->stats.unfinished++;
		f->next = f->fin;
	}
	close_flow(s, f);
}

static void give_up(struct zw_streams *s, struct zw_flow *f)
{
	uint64_t begin, end;

	if (find_hole(s, f, &begin, &end))
		zw_stream_fill(s, f, end);
	close_if_done(s, f);
}

/* Keeps what was borrowed, and the books. */
static int settle(struct zw_streams *s, struct zw_flow *f)
{
	int r = zw_pieces_settle(&f->pieces);
	uint64_t begin, end;

	s->bytes += f->pieces.bytes - f->counted;
	f->counted = f->pieces.bytes;
	if (f->closed || !find_hole(s, f, &begin, &end)) {
		f->hole_ns = 0;
		zw_list_del(&f->waiting);
	} else if (f->hole_ns == 0 || f->hole_at != begin) {
		f->hole_ns = s->now_ns;
		f->hole_at = begin;
		zw_list_del(&f->waiting);
		zw_list_add_tail(&s->waiting, &f->waiting);
	}
	return r;
}

static void keep_bounds(struct zw_streams *s, struct zw_flow *f)
{
	uint64_t begin, end;

	while ((f->pieces.bytes > s->o.flow_bytes || f->pieces.len > PIECES_MAX) &&
		find_hole(s, f, &begin, &end)) {
		give_up(s, f);
		settle(s, f);
	}
	s->segment = NULL; /* which has nothing to do with the others */
	while ((s->bytes > s->o.bytes_max || zw_map_len(s->flows) > s->o.flows_max) &&
		!zw_list_empty(&s->lru)) {
		s->stats.evicted++;
		forget(s, ZW_CONTAINER_OF(s->lru.next, struct zw_flow, lru));
	}
}

static void begin_at(const struct zw_streams *s, struct zw_flow *f, uint64_t position, bool synced)
{
	f->closed = false;
	f->fin = f->stray = 0;
	f->next = f->origin = position;
	f->synced = synced || s->o.framing == ZW_STREAM_RAW;
}

static int get_flow(struct zw_streams *s, const struct zw_flow_key *key, struct zw_flow **ret_flow)
{
	struct zw_flow *f = zw_map_get(s->flows, key, sizeof(*key));
	int r;

	if (f) {
		*ret_flow = f;
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	zw_list_init(&f->lru);
	zw_list_init(&f->waiting);
	f->key = *key;
	r = zw_map_put(s->flows, key, sizeof(*key), f, NULL);
	if (r < 0) {
		free(f);
		return r;
	}
	begin_at(s, f, FIRST_POSITION + s->segment->seq, false);
	*ret_flow = f;
	return 0;
}

static uint64_t position(const struct zw_flow *f, uint32_t seq)
{
	return f->next + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)f->next);
}

/* Another connection between the same ends, unless it is the SYN of this one again. */
static void take_syn(struct zw_streams *s, struct zw_flow *f)
{
	uint64_t start = position(f, s->segment->seq + 1);

	if (f->start != 0 && (uint32_t)f->start == (uint32_t)start)
		return;
	if (f->pieces.len > 0)
		zw_stream_count_loss(s, f->pieces.bytes);
	if (f->last_ns > 0)
		close_flow(s, f);
	f->start = FIRST_POSITION + (uint32_t)start;
	begin_at(s, f, f->start, true);
}

/* What the capturing side knows of where messages begin. */
static void take_boundary(struct zw_streams *s, struct zw_flow *f)
{
	uint64_t boundary = position(f, s->segment->boundary);

	if (boundary == f->next && f->synced)
		return;
	if (boundary < f->next && boundary + WINDOW >= f->next)
		return; /* a segment that came again */
	if (boundary < f->next && f->pieces.len > 0)
		zw_stream_count_loss(
			s, f->pieces.bytes); /* another connection between the same ends */
	else if (f->synced && f->pieces.len > 0)
		zw_stream_fill(s, f, boundary);
	if (boundary < f->next)
		zw_pieces_free(&f->pieces);
	/* Also when a message seems to reach further: whoever followed the stream saw more of it. */
	f->next = boundary;
	zw_pieces_drop_before(&f->pieces, boundary);
	f->synced = true;
}

/* Far away: ignored, until a second one continues there. */
static bool is_stray(struct zw_streams *s, struct zw_flow *f, uint64_t at, uint64_t end)
{
	if (at <= f->next + WINDOW && end + WINDOW >= f->next) {
		f->stray = 0;
		return false;
	}
	if (f->stray != 0 && f->stray == at) {
		if (f->pieces.len > 0)
			zw_stream_count_loss(s, f->pieces.bytes);
		zw_pieces_free(&f->pieces);
		begin_at(s, f, at, false);
		return false;
	}
	f->stray = end;
	s->stats.stray++;
	return true;
}

static uint64_t data_position(const struct zw_streams *s, const struct zw_flow *f)
{
	return position(f, s->segment->seq + !!(s->segment->flags & ZW_TCP_SYN));
}

/* A segment after the end: what came before comes late, else somebody goes on, or begins anew. */
static bool is_late(const struct zw_streams *s, struct zw_flow *f)
{
	uint64_t at = data_position(s, f), end = at + s->segment->len + s->segment->cut;

	if (!f->closed)
		return false;
	if (end == at || (end <= f->next && end + WINDOW >= f->next))
		return true;
	begin_at(s, f, at, at == f->next);
	return false;
}

static int take_data(struct zw_streams *s, struct zw_flow *f)
{
	const struct zw_segment *seg = s->segment;
	uint64_t at = data_position(s, f), from = at;
	uint64_t end = at + seg->len + seg->cut;
	bool differ = false;
	size_t same = 0, skip;
	int r = 0;

	if (seg->omitted > 0)
		from = at - seg->omitted > f->next ? at - seg->omitted : f->next;
	if (is_stray(s, f, from < at ? from : at, end))
		return 0;
	if (from < at)
		r = zw_pieces_add(&f->pieces, from, NULL, (size_t)(at - from), NULL, NULL);
	skip = at < f->next ? (size_t)(f->next - at) : 0;
	if (r == 0 && skip < seg->len)
		r = zw_pieces_add(
			&f->pieces, at + skip, seg->data + skip, seg->len - skip, &same, &differ);
	skip = at + seg->len < f->next ? (size_t)(f->next - at - seg->len) : 0;
	if (r == 0 && skip < seg->cut)
		r = zw_pieces_add(
			&f->pieces, at + seg->len + skip, NULL, seg->cut - skip, NULL, NULL);
	s->stats.retransmitted += seg->len > 0 && (at < f->next || same > 0);
	s->stats.conflicts += differ;
	if (seg->flags & ZW_TCP_FIN && f->fin == 0)
		f->fin = end;
	return r;
}

int zw_streams_feed(
	struct zw_streams *streams, const struct zw_flow_key *key, const struct zw_segment *segment)
{
	struct zw_streams *s = streams;
	struct zw_flow *f;
	int r, q;

	s->segment = segment;
	s->now_ns = segment->time_ns;
	s->stats.segments++;
	r = get_flow(s, key, &f);
	if (r < 0)
		goto out;
	zw_list_del(&f->lru);
	zw_list_add_tail(&s->lru, &f->lru);
	if (segment->flags & ZW_TCP_SYN)
		take_syn(s, f);
	f->last_ns = segment->time_ns;
	if (is_late(s, f))
		goto out;
	if (segment->has_boundary && s->o.framing == ZW_STREAM_DNS)
		take_boundary(s, f);
	r = take_data(s, f);
	zw_stream_take(s, f);
	if (segment->flags & ZW_TCP_RST)
		close_flow(s, f);
	close_if_done(s, f);
	q = settle(s, f);
	r = r < 0 ? r : q;
	keep_bounds(s, f);
out:
	s->segment = NULL;
	return r;
}

void zw_streams_expire(struct zw_streams *streams, uint64_t now_ns)
{
	struct zw_streams *s = streams;

	s->now_ns = now_ns;
	while (zw_streams_due_ns(s) <= now_ns) {
		struct zw_flow *f = ZW_CONTAINER_OF(s->waiting.next, struct zw_flow, waiting);

		give_up(s, f);
		settle(s, f);
	}
	while (!zw_list_empty(&s->lru)) {
		struct zw_flow *f = ZW_CONTAINER_OF(s->lru.next, struct zw_flow, lru);

		if (f->last_ns + s->o.idle_ns > now_ns)
			return;
		forget(s, f);
	}
}

uint64_t zw_streams_due_ns(const struct zw_streams *streams)
{
	const struct zw_flow *f;

	if (zw_list_empty(&streams->waiting))
		return UINT64_MAX;
	f = ZW_CONTAINER_OF(streams->waiting.next, const struct zw_flow, waiting);
	return f->hole_ns + streams->o.hole_ns;
}

const struct zw_stream_stats *zw_streams_stats(const struct zw_streams *streams)
{
	return &streams->stats;
}

size_t zw_streams_flows(const struct zw_streams *streams)
{
	return zw_map_len(streams->flows);
}

size_t zw_streams_bytes(const struct zw_streams *streams)
{
	return streams->bytes;
}
