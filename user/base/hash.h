/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyed hashing and a hash map with byte-string keys. Keys come from attackers (names, paths),
 * so every table is keyed with random bytes of its own (SipHash-1-3, Aumasson and Bernstein 2012). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct zw_hash_key {
	uint64_t k0, k1;
};

/* From getrandom(2); falls back to the clock and addresses only before the pool is ready. */
void zw_hash_key_init(struct zw_hash_key *key);
uint64_t zw_hash_bytes(const struct zw_hash_key *key, const void *data, size_t len);

/* Open-addressing map from copied keys to borrowed values; not thread-safe. Never stores NULL values. */
struct zw_map;

int zw_map_new(struct zw_map **ret_map);
/* Frees the map and its copied keys, not the values. */
void zw_map_free(struct zw_map *map);
/* NULL when absent. */
void *zw_map_get(const struct zw_map *map, const void *key, size_t len);
/* Inserts or replaces; *ret_old (optional) gets the replaced value or NULL. 0 or -ENOMEM. */
int zw_map_put(struct zw_map *map, const void *key, size_t len, void *value, void **ret_old);
/* Removes and returns the value, NULL when absent. */
void *zw_map_remove(struct zw_map *map, const void *key, size_t len);
size_t zw_map_len(const struct zw_map *map);
/* Iterates in table order: start with *it = 0; false at the end. Removing the item just returned is
 * allowed, any insertion is not. @ret_key and @ret_len may be NULL. */
bool zw_map_next(const struct zw_map *map, size_t *it, const void **ret_key, size_t *ret_len,
	void **ret_value);

ZW_DEFINE_CLEANUP(struct zw_map *, zw_map_free);
#define _zw_map_free_ _zw_cleanup_(zw_map_freep)
