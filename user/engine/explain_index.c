/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests by the names they are about, and by the records they add: a thousand steps of a thousand clients are not compared
 * each with each, whether their names are their own or the same few. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "dns/name.h"
#include "dns/rr.h"

struct ask_index {
	struct zw_hash_key key;
	struct zw_map *by_name;   /* wire name -> struct ask_numbers */
	struct zw_map *by_record; /* hash of owner, type and data -> struct ask_numbers */
};

static void numbers_free(struct zw_map *map)
{
	size_t it = 0;
	void *value;

	while (map && zw_map_next(map, &it, NULL, NULL, &value)) {
		struct ask_numbers *list = value;

		zw_vec_free(list);
		free(list);
	}
	zw_map_free(map);
}

void zw_explain_index_free(struct ask_index *index)
{
	if (!index)
		return;
	numbers_free(index->by_name);
	numbers_free(index->by_record);
	free(index);
}

static int add(struct zw_map *map, const void *key, size_t len, size_t number)
{
	struct ask_numbers *list = zw_map_get(map, key, len);
	int r;

	if (!list) {
		list = calloc(1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		r = zw_map_put(map, key, len, list, NULL);
		if (r < 0) {
			free(list);
			return r;
		}
	}
	/* One request may have many records at one name. */
	if (list->len && list->items[list->len - 1] == number)
		return 0;
	return zw_vec_push(list, number);
}

static uint64_t hash_record(const struct ask_index *index, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, uint16_t len)
{
	const uint64_t parts[3] = {zw_hash_bytes(&index->key, owner, zw_name_len(owner)), type,
		zw_hash_bytes(&index->key, rdata, len)};

	return zw_hash_bytes(&index->key, parts, sizeof(parts));
}

static int add_rr(struct ask_index *index, const struct zw_message_rr *rr, size_t number)
{
	uint64_t hash;
	int r;

	if (!is_asked(rr))
		return 0;
	r = add(index->by_name, rr->owner, zw_name_len(rr->owner), number);
	if (r < 0 || rr->section != ZW_SECTION_UPDATE || rr->klass != ZW_CLASS_IN)
		return r;
	hash = hash_record(index, rr->owner, rr->type, rr->rdata, rr->rdata_len);
	return add(index->by_record, &hash, sizeof(hash), number);
}

int zw_explain_index_new(
	const ask_list *asks, const struct zw_hash_key *key, struct ask_index **ret_index)
{
	_zw_cleanup_(zw_explain_index_freep) struct ask_index *index = calloc(1, sizeof(*index));
	int r = index ? zw_map_new(&index->by_name) : -ENOMEM;

	if (r == 0)
		r = zw_map_new(&index->by_record);
	if (r < 0)
		return r;
	index->key = *key;
	for (size_t i = 0; i < asks->len; i++) {
		const struct zw_message *m = asks->items[i].request->message;

		for (size_t k = 0; r == 0 && k < m->rrs; k++)
			r = add_rr(index, &m->rr[k], i);
	}
	if (r < 0)
		return r;
	*ret_index = ZW_TAKE(index);
	return 0;
}

struct ask_numbers *zw_explain_asks_of(const struct ask_index *index, const uint8_t *owner)
{
	return zw_map_get(index->by_name, owner, zw_name_len(owner));
}

struct ask_numbers *zw_explain_asks_for(const struct ask_index *index, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t len)
{
	uint64_t hash = hash_record(index, owner, type, rdata, len);

	return zw_map_get(index->by_record, &hash, sizeof(hash));
}

size_t zw_explain_first_unused(const ask_list *asks, struct ask_numbers *numbers)
{
	while (numbers->used < numbers->len && asks->items[numbers->items[numbers->used]].used)
		numbers->used++;
	return numbers->used;
}
