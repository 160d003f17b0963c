/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/pool.h"

#include <errno.h>
#include <stdlib.h>

#define CHUNK_FIRST 1024U
#define INTERN_FIRST 16U

static void chunk_unref(struct zw_chunk *c)
{
	if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(c);
}

int zw_pool_init(struct zw_pool *t, const struct zw_pool *from)
{
	*t = (struct zw_pool){};
	if (!from || from->len == 0)
		return 0;
	t->chunks = malloc(from->len * sizeof(*t->chunks));
	if (!t->chunks)
		return -ENOMEM;
	memcpy(t->chunks, from->chunks, from->len * sizeof(*t->chunks));
	t->len = t->cap = t->shared = from->len;
	for (uint32_t i = 0; i < t->len; i++)
		__atomic_add_fetch(&t->chunks[i]->refs, 1, __ATOMIC_RELAXED);
	return 0;
}

void zw_pool_free(struct zw_pool *t)
{
	for (uint32_t i = 0; i < t->len; i++)
		chunk_unref(t->chunks[i]);
	free(t->chunks);
	*t = (struct zw_pool){};
}

static int resize_last(struct zw_pool *t, uint32_t cap)
{
	struct zw_chunk *c = realloc(t->chunks[t->len - 1], sizeof(*c) + cap);

	if (!c)
		return -ENOMEM;
	c->cap = cap;
	t->chunks[t->len - 1] = c;
	return 0;
}

static int add_chunk(struct zw_pool *t)
{
	struct zw_chunk *c;

	if (t->len >= ZW_CHUNKS_MAX)
		return -EFBIG;
	if (t->len == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 4;
		struct zw_chunk **p = realloc(t->chunks, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->chunks = p;
		t->cap = cap;
	}
	c = malloc(sizeof(*c) + CHUNK_FIRST);
	if (!c)
		return -ENOMEM;
	c->refs = 1;
	c->used = 0;
	c->cap = CHUNK_FIRST;
	t->chunks[t->len++] = c;
	return 0;
}

int zw_pool_add(struct zw_pool *t, unsigned int prefix, const uint8_t *data, size_t len,
	uint32_t *ret_offset)
{
	uint32_t need = prefix + (uint32_t)len, used;
	uint16_t len16 = (uint16_t)len;
	struct zw_chunk *c;
	uint8_t *p;
	int r;

	if (t->len == t->shared || t->chunks[t->len - 1]->used + need > ZW_CHUNK_SIZE) {
		r = add_chunk(t);
		if (r < 0)
			return r;
	}
	c = t->chunks[t->len - 1];
	used = c->used;
	if (used + need > c->cap) {
		uint32_t cap = c->cap;

		while (cap < used + need)
			cap *= 2;
		r = resize_last(t, cap);
		if (r < 0)
			return r;
		c = t->chunks[t->len - 1];
	}
	p = c->data + used;
	if (prefix == 1)
		*p = (uint8_t)len;
	else
		memcpy(p, &len16, sizeof(len16));
	if (len > 0)
		memcpy(p + prefix, data, len);
	c->used = used + need;
	*ret_offset = (t->len - 1) << ZW_CHUNK_BITS | used;
	return 0;
}

void zw_pool_trim(struct zw_pool *t)
{
	/* A failure to shrink only means that the chunk stays as large as it is. */
	if (t->len > t->shared)
		(void)resize_last(t, t->chunks[t->len - 1]->used);
}

size_t zw_pool_memory(const struct zw_pool *t)
{
	size_t sum = t->cap * sizeof(*t->chunks);

	for (uint32_t i = 0; i < t->len; i++)
		sum += sizeof(struct zw_chunk) + t->chunks[i]->cap;
	return sum;
}

void zw_intern_free(struct zw_intern *in)
{
	free(in->slots);
	*in = (struct zw_intern){};
}

int zw_intern_reserve(struct zw_intern *in)
{
	struct zw_intern bigger = {.len = in->len};

	if (in->len < in->cap / 4 * 3)
		return 0;
	if (in->cap > UINT32_MAX / 2)
		return -EFBIG;
	bigger.cap = in->cap ? in->cap * 2 : INTERN_FIRST;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < in->cap; i++) {
		uint32_t pos = in->slots[i].hash;

		if (in->slots[i].value == 0)
			continue;
		while (bigger.slots[pos & (bigger.cap - 1)].value)
			pos++;
		bigger.slots[pos & (bigger.cap - 1)] = in->slots[i];
	}
	free(in->slots);
	*in = bigger;
	return 0;
}
