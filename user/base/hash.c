/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

void zw_hash_key_init(struct zw_hash_key *key)
{
	if (getrandom(key, sizeof(*key), GRND_NONBLOCK) == (ssize_t)sizeof(*key))
		return;
	key->k0 = zw_boottime_ns() * 0x9e3779b97f4a7c15ULL;
	key->k1 = zw_realtime_ns() ^ (uint64_t)(uintptr_t)key;
}

static inline uint64_t rotl(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

uint64_t zw_hash_bytes(const struct zw_hash_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct sip s = {
		.v0 = key->k0 ^ 0x736f6d6570736575ULL,
		.v1 = key->k1 ^ 0x646f72616e646f6dULL,
		.v2 = key->k0 ^ 0x6c7967656e657261ULL,
		.v3 = key->k1 ^ 0x7465646279746573ULL,
	};
	uint64_t m, last = (uint64_t)len << 56;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&m, p + i, 8);
		sip_word(&s, m);
	}
	for (size_t k = 0; i + k < len; k++)
		last |= (uint64_t)p[i + k] << (8 * k);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (int k = 0; k < 3; k++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* A slot is empty (key NULL, value NULL), a tombstone (key NULL, value non-NULL) or full. */
struct slot {
	uint64_t hash;
	void *key;
	size_t len;
	void *value;
};

struct zw_map {
	struct zw_hash_key hkey;
	struct slot *slots;
	size_t cap;  /* power of two, or 0 */
	size_t len;  /* full slots */
	size_t used; /* full slots and tombstones */
};

static char tombstone;

int zw_map_new(struct zw_map **ret_map)
{
	struct zw_map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	zw_hash_key_init(&map->hkey);
	*ret_map = map;
	return 0;
}

void zw_map_free(struct zw_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->cap; i++)
		free(map->slots[i].key);
	free(map->slots);
	free(map);
}

static struct slot *find(const struct zw_map *map, uint64_t hash, const void *key, size_t len)
{
	if (!map->cap)
		return NULL;
	for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
		struct slot *s = &map->slots[i];

		if (!s->key && !s->value)
			return NULL;
		if (s->key && s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			return s;
	}
}

static struct slot *free_slot(struct slot *slots, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].key)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Keeps the table at most two thirds full; tombstones go when it is rebuilt. */
static int grow(struct zw_map *map)
{
	size_t cap = map->cap ? map->cap : 16;
	struct slot *slots;

	if (map->cap && (map->used + 1) * 3 <= map->cap * 2)
		return 0;
	while ((map->len + 1) * 2 > cap)
		cap *= 2;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].key)
			*free_slot(slots, cap, map->slots[i].hash) = map->slots[i];
	free(map->slots);
	map->slots = slots;
	map->cap = cap;
	map->used = map->len;
	return 0;
}

void *zw_map_get(const struct zw_map *map, const void *key, size_t len)
{
	struct slot *s = find(map, zw_hash_bytes(&map->hkey, key, len), key, len);

	return s ? s->value : NULL;
}

int zw_map_put(struct zw_map *map, const void *key, size_t len, void *value, void **ret_old)
{
	uint64_t hash = zw_hash_bytes(&map->hkey, key, len);
	struct slot *s = find(map, hash, key, len);
	void *copy;
	int r;

	if (s) {
		if (ret_old)
			*ret_old = s->value;
		s->value = value;
		return 0;
	}
	r = grow(map);
	if (r < 0)
		return r;
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, key, len);
	s = free_slot(map->slots, map->cap, hash);
	if (!s->value)
		map->used++;
	*s = (struct slot){.hash = hash, .key = copy, .len = len, .value = value};
	map->len++;
	if (ret_old)
		*ret_old = NULL;
	return 0;
}

void *zw_map_remove(struct zw_map *map, const void *key, size_t len)
{
	struct slot *s = find(map, zw_hash_bytes(&map->hkey, key, len), key, len);
	void *value;

	if (!s)
		return NULL;
	value = s->value;
	free(s->key);
	*s = (struct slot){.value = &tombstone};
	map->len--;
	return value;
}

size_t zw_map_len(const struct zw_map *map)
{
	return map->len;
}

bool zw_map_next(const struct zw_map *map, size_t *it, const void **ret_key, size_t *ret_len,
	void **ret_value)
{
	while (*it < map->cap) {
		struct slot *s = &map->slots[(*it)++];

		if (!s->key)
			continue;
		if (ret_key)
			*ret_key = s->key;
		if (ret_len)
			*ret_len = s->len;
		if (ret_value)
			*ret_value = s->value;
		return true;
	}
	return false;
}
