/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hand-made frames for the tests of the packet programs. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define FRAME_MAX 4096

struct frame {
	uint8_t b[FRAME_MAX];
	size_t len;
};

static inline void frame_bytes(struct frame *f, const void *data, size_t len)
{
	if (len)
		memcpy(f->b + f->len, data, len);
	f->len += len;
}

static inline void frame_u8(struct frame *f, uint8_t v)
{
	frame_bytes(f, &v, 1);
}

static inline void frame_u16(struct frame *f, uint16_t v)
{
	v = htons(v);
	frame_bytes(f, &v, 2);
}

static inline void frame_u32(struct frame *f, uint32_t v)
{
	v = htonl(v);
	frame_bytes(f, &v, 4);
}

/* What a frame is made of; zero gives IPv4, UDP, from port 40000 to 53, no payload. */
struct spec {
	bool no_link;    /* begins with the IP header */
	uint16_t tag[2]; /* EtherTypes of tags in the frame; 0: none */
	bool ip6;
	uint8_t options; /* IPv4: 32-bit words of them */
	uint8_t extension
		[10]; /* IPv6: next-header values, in order; 0xff: hop-by-hop, whose own value is 0 */
	uint16_t
		fragment; /* the field as in the header, flags and offset; IPv6: of its fragment header */
	bool fragmented; /* IPv6: there is one */
	uint8_t proto;   /* 0: UDP */
	uint16_t sport, dport;
	uint32_t seq;
	uint8_t tcp_flags;
	uint8_t tcp_options; /* 32-bit words */
	const void *payload;
	size_t bytes;
	int length_lie; /* added to the length in the IP header */
	size_t padding; /* bytes behind the IP packet */
	bool back;      /* from the second address to the first */
};

static inline void frame_extensions(struct frame *f, const struct spec *s, uint8_t proto)
{
	size_t n = 0;

	while (n < sizeof(s->extension) && s->extension[n])
		n++;
	for (size_t i = 0; i < n; i++) {
		uint8_t next = i + 1 < n ? s->extension[i + 1] : proto;
		uint8_t own = s->extension[i];

		frame_u8(f, next == 0xff ? 0 : next);
		if (own == IPPROTO_FRAGMENT) {
			frame_u8(f, 0);
			frame_u16(f, s->fragment);
			frame_u32(f, 0x1234);
		} else if (own == IPPROTO_AH) {
			frame_u8(f, 4);
			for (int k = 0; k < 22; k++)
				frame_u8(f, 0);
		} else {
			/* Sixteen bytes, to be walked by their own length. */
			frame_u8(f, 1);
			for (int k = 0; k < 14; k++)
				frame_u8(f, 0);
		}
	}
}

static inline void frame_transport(struct frame *f, const struct spec *s, uint8_t proto)
{
	frame_u16(f, s->sport ? s->sport : 40000);
	frame_u16(f, s->dport ? s->dport : 53);
	if (proto == IPPROTO_TCP) {
		frame_u32(f, s->seq);
		frame_u32(f, 7000);
		frame_u8(f, (uint8_t)((5 + s->tcp_options) << 4));
		frame_u8(f, s->tcp_flags ? s->tcp_flags : 0x18);
		frame_u16(f, 1024);
		frame_u32(f, 0);
		for (int i = 0; i < s->tcp_options; i++)
			frame_u32(f, 0x01010101);
	} else {
		frame_u16(f, (uint16_t)(8 + s->bytes));
		frame_u16(f, 0);
	}
	frame_bytes(f, s->payload, s->bytes);
}

static inline void frame_make(struct frame *f, const struct spec *s)
{
	uint8_t proto = s->proto ? s->proto : IPPROTO_UDP;
	static const uint8_t other6[16] = {0xfd, [15] = 2};
	uint16_t type = s->ip6 ? 0x86dd : 0x0800;
	size_t l3, ext;
	uint16_t len;

	f->len = 0;
	if (!s->no_link) {
		/* To the loopback device's own address, which is all zero. */
		frame_bytes(f, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
		for (size_t i = 0; i < ZW_ARRAY_SIZE(s->tag) && s->tag[i]; i++) {
			frame_u16(f, s->tag[i]);
			frame_u16(f, (uint16_t)(100 + i));
		}
		frame_u16(f, type);
	}
	l3 = f->len;
	if (s->ip6) {
		frame_u32(f, 0x60000000);
		frame_u16(f, 0);
		frame_u8(f, s->extension[0] == 0xff ? 0
			    : s->extension[0]       ? s->extension[0]
						    : proto);
		frame_u8(f, 64);
		frame_bytes(f, s->back ? other6 : in6addr_loopback.s6_addr, 16);
		frame_bytes(f, s->back ? in6addr_loopback.s6_addr : other6, 16);
		ext = f->len;
		frame_extensions(f, s, proto);
		frame_transport(f, s, proto);
		len = htons((uint16_t)((int)(f->len - ext) + s->length_lie));
		memcpy(f->b + l3 + 4, &len, 2);
	} else {
		frame_u8(f, (uint8_t)(0x45 + s->options));
		frame_u8(f, 0);
		frame_u16(f, 0);
		frame_u16(f, 0x4242);
		frame_u16(f, s->fragment);
		frame_u8(f, 64);
		frame_u8(f, proto);
		frame_u16(f, 0);
		frame_bytes(f, s->back ? "\x7f\0\0\2\x7f\0\0\1" : "\x7f\0\0\1\x7f\0\0\2", 8);
		for (int i = 0; i < s->options; i++)
			frame_u32(f, 0x01010101);
		frame_transport(f, s, proto);
		len = htons((uint16_t)((int)(f->len - l3) + s->length_lie));
		memcpy(f->b + l3 + 2, &len, 2);
	}
	memset(f->b + f->len, 0xee, s->padding);
	f->len += s->padding;
}

/* --- DNS ---------------------------------------------------------------------------------------------- */

#define DNS_UPDATE (5 << 11)
#define DNS_NOTIFY (4 << 11)
#define DNS_ANSWER 0x8000

/* A message with one question, or none for @type 0. */
static inline void dns_make(struct frame *f, uint16_t flags, const char *name, uint16_t type)
{
	f->len = 0;
	frame_u16(f, 0x1234);
	frame_u16(f, flags);
	frame_u16(f, type != 0);
	frame_u16(f, 0);
	frame_u32(f, 0);
	if (!type)
		return;
	while (*name) {
		size_t n = strcspn(name, ".");

		frame_u8(f, (uint8_t)n);
		frame_bytes(f, name, n);
		name += n + (name[n] == '.');
	}
	frame_u8(f, 0);
	frame_u16(f, type);
	frame_u16(f, 1);
}

/* The same as in a stream, behind its length and filled up with @more bytes. */
static inline void dns_stream(
	struct frame *out, uint16_t flags, const char *name, uint16_t type, size_t more)
{
	struct frame m;

	dns_make(&m, flags, name, type);
	frame_u16(out, (uint16_t)(m.len + more));
	frame_bytes(out, m.b, m.len);
	memset(out->b + out->len, 0xaa, more);
	out->len += more;
}
