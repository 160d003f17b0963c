/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the query lane share, on top of net_bench.h: what was counted since the last look. */
#pragma once

#include "net_bench.h"
#include "probe/query.h"

#define DNS_AA 0x0400
#define DNS_TC 0x0200
#define DNS_RD 0x0100

struct lane {
	struct bench *b;
	struct zw_query_book book; /* rows since the last look */
	struct zw_query_totals totals, before;
	struct zw_event event[MAX_EVENTS]; /* ZW_WIRE_QUERY */
	size_t events, bad, others;
};

static inline void on_query(void *ctx, const void *data, size_t len)
{
	struct zw_event e = {};
	struct lane *l = ctx;

	if (zw_event_decode(data, len, &e) < 0) {
		l->bad++;
		return;
	}
	l->others += e.type != ZW_WIRE_QUERY;
	if (e.type != ZW_WIRE_QUERY || l->events == MAX_EVENTS) {
		zw_event_done(&e);
		return;
	}
	l->event[l->events++] = e;
}

/* Rows are handed out one turn late. */
static inline void lane_look(struct lane *l)
{
	for (size_t i = 0; i < l->events; i++)
		zw_event_done(&l->event[i]);
	l->events = l->bad = l->others = 0;
	if (zw_probe_net_drain(l->b->probe, on_query, l) < 0 ||
		zw_query_read(l->b->probe, &l->book) < 0 ||
		zw_query_read(l->b->probe, &l->book) < 0)
		die("reading the query lane");
	for (size_t i = 0; i < sizeof(l->totals) / sizeof(uint64_t); i++)
		((uint64_t *)&l->totals)[i] =
			((uint64_t *)&l->book.total)[i] - ((uint64_t *)&l->before)[i];
	l->before = l->book.total;
}

static inline void lane_run(struct lane *l, const struct spec *s)
{
	run(l->b, s);
	lane_look(l);
}

/* How many events give @why as a reason. */
static inline size_t told(const struct lane *l, uint16_t why)
{
	size_t n = 0;

	for (size_t i = 0; i < l->events; i++)
		n += (l->event[i].query.why & why) != 0;
	return n;
}

/* The wire form of a name in text; its length. */
static inline size_t wire_name(uint8_t wire[static 256], const char *text)
{
	struct frame f;

	dns_make(&f, 0, text, TYPE_A);
	memcpy(wire, f.b + 12, f.len - 16);
	return f.len - 16;
}

static inline const struct zw_query_name *find_name(const struct lane *l, const char *text)
{
	uint8_t wire[256];
	size_t len = wire_name(wire, text);
	uint64_t hash = zw_query_name_hash(l->b->probe, wire, len);

	ZW_VEC_FOREACH(n, &l->book.names)
		if (n->hash == hash && n->len == len)
			return n;
	return NULL;
}

static inline const struct zw_query_zone *find_zone(const struct lane *l, const char *text)
{
	uint8_t wire[256];
	size_t len = wire_name(wire, text);
	uint64_t hash = zw_query_name_hash(l->b->probe, wire, len);

	ZW_VEC_FOREACH(z, &l->book.zones)
		if (z->hash == hash && z->len == len && memcmp(z->name, wire, len) == 0)
			return z;
	return NULL;
}

/* An answer with @n records of @type behind a question; @data of @bytes each. */
static inline void dns_answer(
	struct frame *f, uint16_t flags, const char *name, uint16_t qtype, uint16_t records)
{
	dns_make(f, (uint16_t)(DNS_ANSWER | flags), name, qtype);
	f->b[6] = (uint8_t)(records >> 8);
	f->b[7] = (uint8_t)records;
}

static inline void dns_rr(
	struct frame *f, uint16_t type, uint32_t ttl, const void *data, uint16_t bytes)
{
	frame_u16(f, 0xc00c);
	frame_u16(f, type);
	frame_u16(f, 1);
	frame_u32(f, ttl);
	frame_u16(f, bytes);
	frame_bytes(f, data, bytes);
}
