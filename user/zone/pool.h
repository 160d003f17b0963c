/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and rdata of snapshots: byte strings in chunks of up to 1 MiB, addressed by 32-bit offsets.
 * Chunks are refcounted, so a later snapshot shares what it did not change. Private to zone/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"

#define ZW_CHUNK_BITS 20
#define ZW_CHUNK_SIZE (1U << ZW_CHUNK_BITS)
#define ZW_CHUNKS_MAX (1U << (32 - ZW_CHUNK_BITS))

/* Frozen, but for the last chunk of the text that made it. */
struct zw_chunk {
	unsigned int refs; /* atomic */
	uint32_t used;
	uint32_t cap;
	uint8_t data[];
};

struct zw_pool {
	struct zw_chunk **chunks;
	uint32_t len, cap;
	uint32_t shared; /* the first ones came from another text and are not written to */
};

/* Begins with @from's chunks by reference (NULL: empty). 0 or -ENOMEM. */
int zw_pool_init(struct zw_pool *t, const struct zw_pool *from);
void zw_pool_free(struct zw_pool *t);
/* Stores a string with a length prefix of @prefix (1 or 2) octets. 0, -ENOMEM or -EFBIG. */
int zw_pool_add(struct zw_pool *t, unsigned int prefix, const uint8_t *data, size_t len,
	uint32_t *ret_offset);
/* Gives back the room that the last chunk does not use. */
void zw_pool_trim(struct zw_pool *t);
size_t zw_pool_memory(const struct zw_pool *t);

static inline const uint8_t *zw_pool_at(const struct zw_pool *t, uint32_t offset)
{
	return t->chunks[offset >> ZW_CHUNK_BITS]->data + (offset & (ZW_CHUNK_SIZE - 1));
}

/* A name: its length octet comes first. */
static inline const uint8_t *zw_pool_name(const struct zw_pool *t, uint32_t offset, size_t *ret_len)
{
	const uint8_t *p = zw_pool_at(t, offset);

	*ret_len = *p;
	return p + 1;
}

static inline const uint8_t *zw_pool_rdata(
	const struct zw_pool *t, uint32_t offset, uint16_t *ret_len)
{
	const uint8_t *p = zw_pool_at(t, offset);

	memcpy(ret_len, p, sizeof(*ret_len));
	return p + 2;
}

/* Finds a string stored before under the same prefix width, so that each is stored once. */
struct zw_intern_slot {
	uint32_t value; /* 0: free */
	uint32_t hash;
};

struct zw_intern {
	struct zw_intern_slot *slots;
	uint32_t cap, len; /* cap: a power of two */
};

void zw_intern_free(struct zw_intern *in);
/* Makes room for one more. 0, -ENOMEM or -EFBIG. */
int zw_intern_reserve(struct zw_intern *in);

/* The free slot or the next one whose hash matches, from position *pos on: begin with *pos = hash.
 * The caller compares the strings and, to go on looking, increments *pos. */
static inline struct zw_intern_slot *zw_intern_probe(
	const struct zw_intern *in, uint32_t hash, uint32_t *pos)
{
	for (;; ++*pos) {
		struct zw_intern_slot *s = &in->slots[*pos & (in->cap - 1)];

		if (s->value == 0 || s->hash == hash)
			return s;
	}
}
