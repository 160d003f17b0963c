/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams whose output is text, and segments to feed them with. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "engine/pieces.h"
#include "engine/stream.h"

#define HOLE_NS 1000
#define IDLE_NS 100000

static const struct zw_flow_key flow = {.family = 2, .source_port = 1, .destination_port = 53};

/* What came out: "message ", "message/whole " when it was cut, "<n> " for a gap, "." for an end. */
struct test {
	struct zw_streams *streams;
	struct zw_str out;
	uint64_t now_ns;
	uint32_t isn;
	bool raw; /* these must come without a break */
	uint64_t offset;
};

static inline void on_item(void *ctx, const struct zw_stream_item *item)
{
	struct test *t = ctx;

	assert_int_equal(item->time_ns, t->now_ns);
	if (t->raw && item->what != ZW_STREAM_END) {
		assert_int_equal(item->offset, t->offset);
		t->offset += item->whole;
	}
	if (item->what == ZW_STREAM_END) {
		zw_str_add(&t->out, ".");
		return;
	}
	if (item->what == ZW_STREAM_GAP)
		zw_str_addf(&t->out, "<%zu", item->whole);
	else
		zw_str_add_escaped(&t->out, (const char *)item->data, item->len);
	if (item->what == ZW_STREAM_DATA && item->len != item->whole)
		zw_str_addf(&t->out, "/%zu", item->whole);
	zw_str_add(&t->out, " ");
}

static inline void open_with(struct test *t, const struct zw_stream_options *options)
{
	*t = (struct test){
		.now_ns = 1, .isn = 0xfffffff0, .raw = options->framing == ZW_STREAM_RAW};
	assert_int_equal(zw_streams_new(options, on_item, t, &t->streams), 0);
	zw_str_add(&t->out, "");
}

static inline void open_streams(struct test *t, enum zw_stream_framing framing)
{
	open_with(t, &(struct zw_stream_options){.framing = framing,
			     .flows_max = 4,
			     .flow_bytes = 140000,
			     .bytes_max = 200000,
			     .hole_ns = HOLE_NS,
			     .idle_ns = IDLE_NS});
}

static inline void done(struct test *t)
{
	zw_streams_free(t->streams);
	zw_str_free(&t->out);
}
#define _done_ _zw_cleanup_(done)

static inline void expect_out(struct test *t, const char *text)
{
	assert_string_equal(t->out.buf, text);
	t->out.len = 0;
	t->out.buf[0] = '\0';
}

static inline const struct zw_stream_stats *stats(const struct test *t)
{
	return zw_streams_stats(t->streams);
}

static inline void feed_on(struct test *t, const struct zw_flow_key *key, struct zw_segment segment)
{
	uint8_t *copy = malloc(segment.len + 1);

	/* Nothing may be kept of the caller's memory. */
	assert_non_null(copy);
	if (segment.len > 0)
		memcpy(copy, segment.data, segment.len);
	segment.data = copy;
	segment.time_ns = t->now_ns;
	segment.seq += t->isn + 1;
	segment.boundary += t->isn + 1;
	assert_int_equal(zw_streams_feed(t->streams, key, &segment), 0);
	memset(copy, 0xee, segment.len);
	free(copy);
}

static inline void feed(struct test *t, struct zw_segment segment)
{
	feed_on(t, &flow, segment);
}

static inline void syn(struct test *t)
{
	feed(t, (struct zw_segment){.seq = (uint32_t)-1, .flags = ZW_TCP_SYN});
}

#define BYTES(text) .data = (const uint8_t *)(text), .len = sizeof(text) - 1
#define SEND(t, at, text) feed(t, (struct zw_segment){.seq = (at), BYTES(text)})

/* A query for the root's address: what can be a message when its place has to be guessed. */
#define QUERY "\0\21\0\7\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1"
