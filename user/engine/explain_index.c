/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests by the names they are about: a thousand steps of a thousand clients are not compared each with each. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "dns/name.h"

struct ask_index {
	struct zw_map *by_name; /* wire name -> struct ask_numbers */
};

void zw_explain_index_free(struct ask_index *index)
{
	size_t it = 0;
	void *value;

	if (!index)
		return;
	while (index->by_name && zw_map_next(index->by_name, &it, NULL, NULL, &value)) {
		struct ask_numbers *list = value;

		zw_vec_free(list);
		free(list);
	}
	zw_map_free(index->by_name);
	free(index);
}

static int add(struct ask_index *index, const uint8_t *owner, size_t number)
{
	size_t len = zw_name_len(owner);
	struct ask_numbers *list = zw_map_get(index->by_name, owner, len);
	int r;

	if (!list) {
		list = calloc(1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		r = zw_map_put(index->by_name, owner, len, list, NULL);
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

int zw_explain_index_new(const ask_list *asks, struct ask_index **ret_index)
{
	_zw_cleanup_(zw_explain_index_freep) struct ask_index *index = calloc(1, sizeof(*index));
	int r = index ? zw_map_new(&index->by_name) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < asks->len; i++) {
		const struct zw_message *m = asks->items[i].request->message;

		for (size_t k = 0; r == 0 && k < m->rrs; k++)
			if (is_asked(&m->rr[k]))
				r = add(index, m->rr[k].owner, i);
	}
	if (r < 0)
		return r;
	*ret_index = ZW_TAKE(index);
	return 0;
}

const struct ask_numbers *zw_explain_asks_of(const struct ask_index *index, const uint8_t *owner)
{
	return zw_map_get(index->by_name, owner, zw_name_len(owner));
}
