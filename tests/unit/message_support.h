/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS messages put together octet by octet, for the tests of what reads them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"

#define FLAGS_UPDATE (ZW_OPCODE_UPDATE << 11)
#define FLAGS_NOTIFY (ZW_OPCODE_NOTIFY << 11)

struct wire {
	size_t len;
	uint8_t data[2 * 65536];
};

static inline void put(struct wire *w, const void *data, size_t len)
{
	assert_true(len <= sizeof(w->data) - w->len);
	if (len > 0)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

static inline void put_u8(struct wire *w, unsigned int v)
{
	const uint8_t b[] = {(uint8_t)v};

	put(w, b, sizeof(b));
}

static inline void put_u16(struct wire *w, unsigned int v)
{
	const uint8_t b[] = {(uint8_t)(v >> 8), (uint8_t)v};

	put(w, b, sizeof(b));
}

static inline void put_u32(struct wire *w, uint32_t v)
{
	put_u16(w, v >> 16);
	put_u16(w, v & 0xffff);
}

static inline void put_name(struct wire *w, const char *text)
{
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	assert_int_equal(zw_name_from_text(text, name, &len), 0);
	put(w, name, len);
}

static inline void begin(struct wire *w, unsigned int id, unsigned int flags)
{
	w->len = 0;
	put_u16(w, id);
	put_u16(w, flags);
	put_u32(w, 0);
	put_u32(w, 0);
}

/* One more in section @i of the header: 0 is the question. */
static inline void count(struct wire *w, size_t i)
{
	uint8_t *p = w->data + 4 + 2 * i;
	unsigned int n = ((unsigned int)p[0] << 8 | p[1]) + 1;

	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static inline void put_question(
	struct wire *w, const char *name, unsigned int type, unsigned int klass)
{
	put_name(w, name);
	put_u16(w, type);
	put_u16(w, klass);
	count(w, 0);
}

/* What follows the owner. */
static inline void put_rr_tail(struct wire *w, enum zw_section section, unsigned int type,
	unsigned int klass, uint32_t ttl, const void *rdata, size_t len)
{
	put_u16(w, type);
	put_u16(w, klass);
	put_u32(w, ttl);
	put_u16(w, (unsigned int)len);
	put(w, rdata, len);
	count(w, 1U + section);
}

static inline void put_rr(struct wire *w, enum zw_section section, const char *owner,
	unsigned int type, unsigned int klass, uint32_t ttl, const void *rdata, size_t len)
{
	put_name(w, owner);
	put_rr_tail(w, section, type, klass, ttl, rdata, len);
}

static inline void put_edns(struct wire *w, uint32_t ttl, const void *options, size_t len)
{
	put_rr(w, ZW_SECTION_ADDITIONAL, ".", ZW_TYPE_OPT, 1232, ttl, options, len);
}

struct test_tsig {
	const char *key;
	uint64_t time_signed;
	const char *mac;
	unsigned int original_id, error;
};

static inline void put_tsig(struct wire *w, const struct test_tsig *t)
{
	struct wire rdata = {};

	put_name(&rdata, "hmac-sha256");
	put_u16(&rdata, (unsigned int)(t->time_signed >> 32));
	put_u32(&rdata, (uint32_t)t->time_signed);
	put_u16(&rdata, 300);
	put_u16(&rdata, (unsigned int)strlen(t->mac));
	put(&rdata, t->mac, strlen(t->mac));
	put_u16(&rdata, t->original_id);
	put_u16(&rdata, t->error);
	put_u16(&rdata, 0);
	put_rr(w, ZW_SECTION_ADDITIONAL, t->key, ZW_TYPE_TSIG, ZW_CLASS_ANY, 0, rdata.data,
		rdata.len);
}

static inline struct zw_message *parse(const struct wire *w)
{
	struct zw_message *m = NULL;

	assert_int_equal(zw_message_parse(w->data, w->len, &m), 0);
	return m;
}
