/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests/data/captures/record.sh recorded, and the way of its packets: streams and exchange, as in the agent. A
 * capture is a file of libpcap of this machine's byte order, of Ethernet frames (pcap-savefile(5)). */
#pragma once

#include "unit/exchange_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/stream.h"

#define CAPTURES "tests/data/captures/"
#define CAPTURE_MAX 16384
#define PCAP_HEADER 24
#define PCAP_RECORD 16
#define PCAP_MAGIC 0xa1b2c3d4U
#define ETHERNET 14

struct capture {
	size_t len;
	uint8_t data[CAPTURE_MAX];
};

/* Missing: 0. */
static inline size_t read_capture_file(
	const char *name, const char *suffix, uint8_t *data, size_t size)
{
	_zw_free_ char *path = zw_asprintf(CAPTURES "%s%s", name, suffix);
	_zw_fclose_ FILE *f = NULL;
	size_t len;

	assert_non_null(path);
	f = fopen(path, "re");
	if (!f)
		return 0;
	len = fread(data, 1, size, f);
	assert_true(len > 0 && len < size);
	return len;
}

static inline void open_capture(const char *name, struct capture *c)
{
	uint32_t magic;

	c->len = read_capture_file(name, ".pcap", c->data, sizeof(c->data));
	if (c->len <= PCAP_HEADER)
		print_error("%s\n", name);
	assert_true(c->len > PCAP_HEADER);
	memcpy(&magic, c->data, sizeof(magic));
	assert_int_equal(magic, PCAP_MAGIC);
}

/* One that came out of a capture, and the packet it came with, without its data. */
struct captured {
	struct zw_packet packet;
	size_t len;
	uint8_t *data;
};

struct replay {
	struct test exchange;
	struct zw_streams *streams;
	ZW_VEC(struct captured) messages;
	size_t octets; /* of UDP and TCP payload that went in */
};

static inline void take_message(struct replay *r, const struct zw_packet *p)
{
	struct captured m = {.packet = *p, .len = p->len, .data = malloc(p->len + 1)};

	assert_non_null(m.data);
	memcpy(m.data, p->data, p->len);
	m.packet.data = NULL;
	assert_int_equal(zw_vec_push(&r->messages, m), 0);
	feed(&r->exchange, p);
}

static inline struct zw_endpoint end_of(uint8_t family, const uint8_t *addr, uint16_t port)
{
	struct zw_endpoint e = {.family = family, .port = port};

	memcpy(e.addr, addr, sizeof(e.addr));
	return e;
}

static inline void on_capture_item(void *ctx, const struct zw_stream_item *item)
{
	const struct zw_flow_key *k = item->key;
	const struct zw_packet p = {.time_ns = item->time_ns,
		.passage = ZW_PASSAGE_OUT,
		.transport = ZW_TRANSPORT_TCP,
		.source = end_of(k->family, k->source, k->source_port),
		.destination = end_of(k->family, k->destination, k->destination_port),
		.netns = k->netns,
		.data = item->data,
		.len = item->len,
		.whole = item->whole};

	if (item->what == ZW_STREAM_DATA)
		take_message(ctx, &p);
}

static inline void replay_done(struct replay *r)
{
	ZW_VEC_FOREACH(m, &r->messages)
		free(m->data);
	zw_vec_free(&r->messages);
	zw_streams_free(r->streams);
	done(&r->exchange);
}
#define _replay_ _zw_cleanup_(replay_done)

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* @whole octets of TCP, of which @len are there. */
static inline void take_tcp(struct replay *r, struct zw_flow_key *key, uint64_t time_ns,
	const uint8_t *tcp, size_t len, size_t whole)
{
	struct zw_segment s = {.time_ns = time_ns};
	size_t header;

	if (len < 20)
		return;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20 || header > len)
		return;
	key->source_port = be16(tcp);
	key->destination_port = be16(tcp + 2);
	s.seq = be32(tcp + 4);
	s.flags = tcp[13];
	s.data = tcp + header;
	s.len = len - header;
	s.cut = whole - len;
	r->octets += s.len;
	assert_int_equal(zw_streams_feed(r->streams, key, &s), 0);
}

static inline void take_udp(struct replay *r, const struct zw_flow_key *key, uint64_t time_ns,
	const uint8_t *udp, size_t len, size_t whole)
{
	size_t claimed;

	if (len < 8)
		return;
	claimed = be16(udp + 4);
	if (claimed < 8 || claimed > whole)
		return;
	len = len < claimed ? len : claimed;
	r->octets += len - 8;
	take_message(r, &(struct zw_packet){.time_ns = time_ns,
				.passage = ZW_PASSAGE_OUT,
				.transport = ZW_TRANSPORT_UDP,
				.source = end_of(key->family, key->source, be16(udp)),
				.destination = end_of(key->family, key->destination, be16(udp + 2)),
				.netns = key->netns,
				.data = udp + 8,
				.len = len - 8,
				.whole = claimed - 8});
}

/* An IP packet, of which @len octets are there. */
static inline void take_ip(struct replay *r, uint64_t time_ns, const uint8_t *ip, size_t len)
{
	struct zw_flow_key key = {.netns = 1};
	size_t header = 40, whole;
	uint8_t proto;

	if (len >= 20 && ip[0] >> 4 == 4) {
		key.family = AF_INET;
		header = (size_t)(ip[0] & 15) * 4;
		whole = be16(ip + 2);
		proto = ip[9];
		memcpy(key.source, ip + 12, 4);
		memcpy(key.destination, ip + 16, 4);
	} else if (len >= 40 && ip[0] >> 4 == 6) {
		key.family = AF_INET6;
		whole = header + be16(ip + 4);
		proto = ip[6];
		memcpy(key.source, ip + 8, 16);
		memcpy(key.destination, ip + 24, 16);
	} else {
		return;
	}
	len = len < whole ? len : whole;
	if (header < 20 || header > len)
		return;
	if (proto == IPPROTO_TCP)
		take_tcp(r, &key, time_ns, ip + header, len - header, whole - header);
	else if (proto == IPPROTO_UDP)
		take_udp(r, &key, time_ns, ip + header, len - header, whole - header);
}

/* Hands all frames on in their order; of the last one only what is there when the capture is cut. */
static inline void replay(struct replay *r, const struct capture *c)
{
	static const struct zw_stream_options options = {.framing = ZW_STREAM_DNS,
		.flows_max = 16,
		.flow_bytes = 256U << 10,
		.bytes_max = 1U << 20,
		.hole_ns = 2000000000,
		.idle_ns = 300000000000};

	*r = (struct replay){};
	open_exchange(&r->exchange);
	assert_int_equal(zw_streams_new(&options, on_capture_item, r, &r->streams), 0);
	for (size_t at = PCAP_HEADER; c->len - at > PCAP_RECORD + ETHERNET && at < c->len;) {
		size_t left = c->len - at - PCAP_RECORD;
		uint32_t record[4]; /* seconds, microseconds, octets there, octets of the frame */
		uint64_t time_ns;

		memcpy(record, c->data + at, sizeof(record));
		assert_int_equal(record[2], record[3]);
		time_ns = record[0] * 1000000000ULL + record[1] * 1000ULL;
		take_ip(r, time_ns, c->data + at + PCAP_RECORD + ETHERNET,
			(left < record[2] ? left : record[2]) - ETHERNET);
		at += PCAP_RECORD + (left < record[2] ? left : record[2]);
	}
}
