/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/rule_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Places an entry may be in: the oldest of so many gives way. */
#define WAYS 4
#define RECENTS 32768
#define ADDRESSES 4096

struct zw_rule_memory {
	struct zw_hash_key key;
	struct zw_map *zones; /* id -> struct zw_rule_zone */
	uint64_t used;
	uint64_t networks; /* in all zones */
	struct zw_rule_recent *recent;
	struct zw_rule_address *address;
};

void zw_rule_memory_unlearn(struct zw_rule_memory *memory, struct zw_rule_zone *zone)
{
	if (zone->network)
		memory->networks -= zw_map_len(zone->network);
	zw_map_free(zone->network);
	zone->network = NULL;
	zw_vec_free(&zone->types);
	zone->learned = zone->crowded = false;
}

static void zone_free(struct zw_rule_memory *memory, struct zw_rule_zone *zone)
{
	zw_rule_memory_unlearn(memory, zone);
	free(zone->redirects.item);
	free(zone->certificates.item);
	free(zone->random);
	free(zone);
}

int zw_rule_memory_new(struct zw_rule_memory **ret_memory)
{
	_zw_rule_memory_free_ struct zw_rule_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return -ENOMEM;
	zw_hash_key_init(&memory->key);
	memory->recent = calloc(RECENTS, sizeof(*memory->recent));
	memory->address = calloc(ADDRESSES, sizeof(*memory->address));
	if (!memory->recent || !memory->address || zw_map_new(&memory->zones) < 0)
		return -ENOMEM;
	*ret_memory = ZW_TAKE(memory);
	return 0;
}

void zw_rule_memory_free(struct zw_rule_memory *memory)
{
	void *value;
	size_t it = 0;

	if (!memory)
		return;
	while (memory->zones && zw_map_next(memory->zones, &it, NULL, NULL, &value))
		zone_free(memory, value);
	zw_map_free(memory->zones);
	free(memory->recent);
	free(memory->address);
	free(memory);
}

uint64_t zw_rule_hash(
	const struct zw_rule_memory *memory, uint64_t seed, const void *data, size_t len)
{
	/* The key is secret, so nobody can aim at what two seeds make of it. */
	struct zw_hash_key key = {memory->key.k0 ^ seed, memory->key.k1};
	uint64_t hash = zw_hash_bytes(&key, data, len);

	return hash ? hash : 1;
}

/* The one that was wanted longest ago, but for @keep. */
static struct zw_rule_zone *least_used(const struct zw_rule_memory *memory,
	const struct zw_rule_zone *keep, bool with_networks, const void **ret_id, size_t *ret_len)
{
	struct zw_rule_zone *least = NULL;
	const void *id;
	size_t it = 0, len;
	void *value;

	while (zw_map_next(memory->zones, &it, &id, &len, &value)) {
		struct zw_rule_zone *zone = value;

		if (zone == keep || (with_networks && !zone->network) ||
			(least && zone->used >= least->used))
			continue;
		least = zone;
		*ret_id = id;
		*ret_len = len;
	}
	return least;
}

/* All zones are looked through for it, so an eighth of them goes at once. */
static void make_room(struct zw_rule_memory *memory)
{
	const void *id;
	uint64_t bound;
	size_t it = 0, len;
	void *value;
	struct zw_rule_zone *least = least_used(memory, NULL, false, &id, &len);

	if (!least)
		return;
	bound = least->used + (memory->used - least->used) / 8;
	while (zw_map_next(memory->zones, &it, &id, &len, &value)) {
		struct zw_rule_zone *zone = value;

		if (zone->used > bound)
			continue;
		(void)zw_map_remove(memory->zones, id, len);
		zone_free(memory, zone);
	}
}

struct zw_rule_zone *zw_rule_memory_zone(struct zw_rule_memory *memory, const char *id)
{
	struct zw_rule_zone *zone = zw_map_get(memory->zones, id, strlen(id));

	memory->used++;
	if (!zone) {
		if (zw_map_len(memory->zones) >= ZW_RULE_ZONES_MAX)
			make_room(memory);
		zone = calloc(1, sizeof(*zone));
		if (!zone || zw_map_put(memory->zones, id, strlen(id), zone, NULL) < 0) {
			free(zone);
			return NULL;
		}
	}
	zone->used = memory->used;
	return zone;
}

bool zw_rule_memory_take(struct zw_rule_memory *memory, struct zw_rule_zone *zone)
{
	const void *id;
	size_t len;

	while (memory->networks >= ZW_RULE_NETWORKS_MAX) {
		struct zw_rule_zone *least = least_used(memory, zone, true, &id, &len);

		if (!least)
			return false;
		zw_rule_memory_unlearn(memory, least);
	}
	memory->networks++;
	return true;
}

struct zw_rule_recent *zw_rule_memory_recent(struct zw_rule_memory *memory, uint64_t id)
{
	struct zw_rule_recent *set = &memory->recent[id % (RECENTS / WAYS) * WAYS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (set[i].last_ns < oldest->last_ns)
			oldest = &set[i];
	}
	*oldest = (struct zw_rule_recent){.id = id};
	return oldest;
}

struct zw_rule_address *zw_rule_memory_address(struct zw_rule_memory *memory, uint64_t id)
{
	struct zw_rule_address *set = &memory->address[id % (ADDRESSES / WAYS) * WAYS],
			       *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (set[i].last_ns < oldest->last_ns)
			oldest = &set[i];
	}
	*oldest = (struct zw_rule_address){.id = id};
	return oldest;
}

int zw_rule_mark(struct zw_rule_marks *marks, const uint8_t *name, bool all_below, uint64_t time_ns)
{
	struct zw_rule_mark *mark;

	if (!marks->item)
		marks->item = calloc(ZW_RULE_MARKS_MAX, sizeof(*marks->item));
	if (!marks->item)
		return -ENOMEM;
	for (size_t i = 0; i < marks->len; i++) {
		mark = &marks->item[i];
		if (mark->all_below == all_below && zw_name_equal(mark->name, name)) {
			mark->time_ns = time_ns;
			return 0;
		}
	}
	mark = &marks->item[marks->next];
	*mark = (struct zw_rule_mark){.time_ns = time_ns, .all_below = all_below};
	memcpy(mark->name, name, zw_name_len(name));
	marks->next = (marks->next + 1) % ZW_RULE_MARKS_MAX;
	if (marks->len < ZW_RULE_MARKS_MAX)
		marks->len++;
	return 0;
}

uint64_t zw_rule_count_up(
	struct zw_rule_count list[static ZW_RULE_COUNTS_MAX], size_t *len, uint64_t key)
{
	size_t least = 0;

	for (size_t i = 0; i < *len; i++) {
		if (list[i].key == key)
			return list[i].count++;
		if (list[i].count < list[least].count)
			least = i;
	}
	if (*len < ZW_RULE_COUNTS_MAX)
		least = (*len)++;
	list[least] = (struct zw_rule_count){key, 1};
	return 0;
}
