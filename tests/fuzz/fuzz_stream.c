/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams against the bytes they were made from. The first octet of the input says how:
 *
 *	0	messages, sent in segments that come out of order, again, and again with other octets: exactly the
 *		messages must come out, and nothing may count as lost
 *	1	the same for raw bytes
 *	2	messages of which a follower of the stream leaves some out, saying where the next begins: exactly
 *		the others must come out
 *	3	any segments: nothing breaks, and the bounds hold */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_MAX 20000
#define MESSAGES_MAX 64
/* How far ahead a segment may come: fewer pieces than are kept fit into it. */
#define SPREAD 500

static void require(int holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *p;
	size_t len;
};

static unsigned int take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->p++;
}

struct test {
	uint8_t stream[STREAM_MAX];
	size_t len;
	struct {
		size_t at, len; /* without the prefix */
	} message[MESSAGES_MAX];
	size_t messages;
	uint8_t out[STREAM_MAX]; /* raw: what came out; messages: these, each behind its length */
	size_t out_len;
	bool exact; /* what comes out is to be kept */
	uint32_t isn;
	uint64_t now_ns;
	struct zw_streams *streams;
};

static void on_item(void *ctx, const struct zw_stream_item *item)
{
	struct test *t = ctx;

	/* All of it must be readable. */
	for (size_t i = 0; i < item->len; i++)
		*(volatile const uint8_t *)(item->data + i);
	if (!t->exact || item->what == ZW_STREAM_END)
		return;
	require(item->what == ZW_STREAM_DATA && item->len == item->whole);
	require(item->len <= sizeof(t->out) - t->out_len);
	memcpy(t->out + t->out_len, item->data, item->len);
	t->out_len += item->len;
}

static const struct zw_flow_key key = {.family = 2, .source_port = 53};

static void feed(struct test *t, const struct zw_segment *segment)
{
	require(zw_streams_feed(t->streams, &key, segment) == 0);
	require(zw_streams_flows(t->streams) <= 8);
	require(zw_streams_bytes(t->streams) <= 400000);
}

/* [at, at + len) of the stream, with octets turned round by @flip. */
static void send(struct test *t, size_t at, size_t len, uint8_t flip)
{
	uint8_t *copy = malloc(len + 1);
	struct zw_segment segment = {
		.time_ns = ++t->now_ns, .seq = t->isn + 1 + (uint32_t)at, .data = copy, .len = len};

	require(copy != NULL);
	for (size_t i = 0; i < len; i++)
		copy[i] = t->stream[at + i] ^ flip;
	feed(t, &segment);
	free(copy);
}

static void make_stream(struct test *t, struct input *in)
{
	unsigned int messages = 1 + take(in) % MESSAGES_MAX;

	for (unsigned int i = 0; i < messages; i++) {
		size_t len = take(in);

		if (len > 200)
			len = (len - 200) * 40;
		if (t->len + 2 + len > STREAM_MAX)
			break;
		t->stream[t->len++] = (uint8_t)(len >> 8);
		t->stream[t->len++] = (uint8_t)len;
		t->message[i].at = t->len;
		t->message[i].len = len;
		t->messages++;
		for (size_t k = 0; k < len; k++)
			t->stream[t->len++] = (uint8_t)(i * 31 + k);
	}
}

/* Until all has come, a segment within reach of what is still missing: new octets, or old ones with whatever. */
static void send_all(struct test *t, struct input *in)
{
	uint8_t *sent = calloc(1, t->len + 1);
	size_t begin = 0;

	require(sent != NULL);
	while (begin < t->len) {
		size_t ahead = in->len ? take(in) * 2U % SPREAD : 0;
		size_t at = begin + ahead, len = in->len ? 1 + take(in) * 4U : t->len;
		bool old = true;

		if (at >= begin + 100 && take(in) % 4 == 0)
			at = begin > ahead ? begin - ahead : 0;
		if (at >= t->len)
			at = begin;
		if (len > t->len - at)
			len = t->len - at;
		for (size_t i = at; i < at + len; i++)
			old = old && sent[i];
		memset(sent + at, 1, len);
		send(t, at, len, old ? (uint8_t)take(in) : 0);
		while (begin < t->len && sent[begin])
			begin++;
	}
	free(sent);
}

static void whole_stream(struct test *t, struct input *in, bool raw)
{
	struct zw_segment syn = {.time_ns = ++t->now_ns, .seq = t->isn, .flags = ZW_TCP_SYN};
	size_t at = 0;

	make_stream(t, in);
	t->exact = true;
	feed(t, &syn);
	send_all(t, in);
	require(zw_streams_stats(t->streams)->lost == 0);
	require(zw_streams_bytes(t->streams) == 0);
	if (raw) {
		require(t->out_len == t->len && memcmp(t->out, t->stream, t->len) == 0);
		return;
	}
	for (size_t i = 0; i < t->messages; at += t->message[i++].len)
		require(memcmp(t->out + at, t->stream + t->message[i].at, t->message[i].len) == 0);
	require(at == t->out_len);
}

/* Whole segments are left out or sent, as their messages are. */
static void left_out(struct test *t, struct input *in)
{
	uint8_t wanted[STREAM_MAX];
	size_t wanted_len = 0, seen = 0;

	make_stream(t, in);
	t->exact = true;
	for (size_t i = 0; i < t->messages; i++) {
		size_t begin = t->message[i].at - 2, end = t->message[i].at + t->message[i].len;

		if (take(in) % 2)
			continue;
		memcpy(wanted + wanted_len, t->stream + t->message[i].at, t->message[i].len);
		wanted_len += t->message[i].len;
		for (size_t at = begin; at < end;) {
			size_t len = 1 + take(in) * 8U, early = 0;
			struct zw_segment segment = {.time_ns = ++t->now_ns};

			if (len > end - at)
				len = end - at;
			/* The run may begin within what was left out. */
			if (at == begin && take(in) % 2)
				early = begin - seen < 5 ? begin - seen : 5;
			segment.seq = t->isn + 1 + (uint32_t)(at - early);
			segment.has_boundary = at == begin;
			segment.boundary = t->isn + 1 + (uint32_t)begin;
			segment.data = t->stream + at - early;
			segment.len = len + early;
			feed(t, &segment);
			at += len;
		}
		seen = end;
	}
	require(zw_streams_stats(t->streams)->lost == 0);
	require(t->out_len == wanted_len && memcmp(t->out, wanted, wanted_len) == 0);
}

static void anything(struct test *t, struct input *in)
{
	while (in->len > 0) {
		struct zw_flow_key k = {.source_port = (uint16_t)(take(in) % 16)};
		struct zw_segment segment = {.seq = t->isn + (take(in) << 8 | take(in)) * 3};
		unsigned int how = take(in);

		t->now_ns += take(in) * 1000;
		segment.time_ns = t->now_ns;
		segment.flags = how & 7;
		segment.omitted = how & 8 ? take(in) : 0;
		segment.cut = how & 16 ? take(in) * 100U : 0;
		segment.has_boundary = how & 32;
		segment.boundary = segment.seq + take(in);
		if (how & 64)
			segment.seq += 0x7f000000;
		segment.len = take(in);
		if (segment.len > in->len)
			segment.len = in->len;
		segment.data = in->p;
		in->p += segment.len;
		in->len -= segment.len;
		require(zw_streams_feed(t->streams, &k, &segment) == 0);
		require(zw_streams_flows(t->streams) <= 8);
		require(zw_streams_bytes(t->streams) <= 400000);
		if (how & 128)
			zw_streams_expire(t->streams, t->now_ns);
	}
	zw_streams_expire(t->streams, t->now_ns + 1000000);
	require(zw_streams_flows(t->streams) == 0 && zw_streams_bytes(t->streams) == 0);
	require(zw_streams_due_ns(t->streams) == UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct test *t = calloc(1, sizeof(*t));
	unsigned int mode = take(&in) % 8;
	struct zw_stream_options options = {
		.framing = mode % 4 == 1 || mode == 7 ? ZW_STREAM_RAW : ZW_STREAM_DNS,
		.flows_max = 8,
		.flow_bytes = 131072,
		.bytes_max = 400000,
		.hole_ns = 100000,
		.idle_ns = 1000000,
	};

	require(t != NULL);
	t->isn = take(&in) << 24 | take(&in);
	require(zw_streams_new(&options, on_item, t, &t->streams) == 0);
	switch (mode % 4) {
	case 2:
		left_out(t, &in);
		break;
	case 3:
		anything(t, &in);
		break;
	default:
		whole_stream(t, &in, mode % 4 == 1);
	}
	zw_streams_free(t->streams);
	free(t);
	return 0;
}
