/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/query_book.h"

#include <math.h>
#include <string.h>

uint64_t zw_query_estimate(const uint8_t *registers, size_t n)
{
	double sum = 0, estimate, m = (double)n;
	size_t empty = 0;

	for (size_t i = 0; i < n; i++) {
		sum += ldexp(1, -(int)registers[i]);
		empty += registers[i] == 0;
	}
	/* Flajolet et al. 2007, figure 3: the constant, and counting of empty registers where there are many. */
	estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (estimate <= 2.5 * m && empty > 0)
		estimate = m * log(m / (double)empty);
	return (uint64_t)llround(estimate);
}

/* The place of the row with that key, or of the one to be added: @len. */
static int find_row(
	struct zw_map **index, const void *key, size_t key_len, size_t len, size_t *ret_at)
{
	void *found;
	int r;

	if (!*index) {
		r = zw_map_new(index);
		if (r < 0)
			return r;
	}
	found = zw_map_get(*index, key, key_len);
	if (found) {
		*ret_at = (uintptr_t)found - 1;
		return 0;
	}
	r = zw_map_put(*index, key, key_len, (void *)(uintptr_t)(len + 1), NULL);
	if (r == 0)
		*ret_at = len;
	return r;
}

/* *ret_old: the row with the same key, or NULL when @row was taken as it is. */
#define ADD_ROW(book, rows, table, row, key, key_len, ret_old)                                \
	({                                                                                    \
		size_t _at = 0;                                                               \
		int _r = zw_vec_reserve(&(book)->rows, (book)->rows.len + 1);                 \
		if (_r == 0)                                                                  \
			_r = find_row(                                                        \
				&(book)->index[table], key, key_len, (book)->rows.len, &_at); \
		if (_r == 0 && _at == (book)->rows.len)                                       \
			(book)->rows.items[(book)->rows.len++] = *(row);                      \
		else if (_r == 0)                                                             \
			*(ret_old) = &(book)->rows.items[_at];                                \
		_r;                                                                           \
	})

int zw_query_book_add_source(struct zw_query_book *book, const struct zw_query_source *row)
{
	uint8_t key[sizeof(row->addr) + 1];
	struct zw_query_source *old = NULL;
	int r;

	memcpy(key, row->addr, sizeof(row->addr));
	key[sizeof(row->addr)] = row->family;
	r = ADD_ROW(book, sources, ZW_QUERY_SOURCES, row, key, sizeof(key), &old);
	if (r < 0 || !old)
		return r;
	old->types |= row->types;
	zw_query_counts_add(&old->n, &row->n);
	return 0;
}

int zw_query_book_add_server(struct zw_query_book *book, const struct zw_query_server *row)
{
	uint8_t key[sizeof(row->addr) + 3];
	struct zw_query_server *old = NULL;
	int r;

	memcpy(key, row->addr, sizeof(row->addr));
	memcpy(key + sizeof(row->addr), &row->port, 2);
	key[sizeof(row->addr) + 2] = row->family;
	r = ADD_ROW(book, servers, ZW_QUERY_SERVERS, row, key, sizeof(key), &old);
	if (r == 0 && old)
		zw_query_counts_add(&old->n, &row->n);
	return r;
}

int zw_query_book_add_name(struct zw_query_book *book, const struct zw_query_name *row)
{
	struct zw_query_name *old = NULL;
	int r = ADD_ROW(book, names, ZW_QUERY_NAMES, row, &row->hash, sizeof(row->hash), &old);

	if (r < 0 || !old)
		return r;
	old->types |= row->types;
	zw_query_counts_add(&old->n, &row->n);
	return 0;
}

int zw_query_book_add_zone(struct zw_query_book *book, const struct zw_query_zone *row)
{
	struct zw_query_zone *old = NULL;
	int r = ADD_ROW(book, zones, ZW_QUERY_ZONES, row, &row->hash, sizeof(row->hash), &old);

	if (r < 0 || !old)
		return r;
	old->inserted += row->inserted;
	if (row->longest > old->longest)
		old->longest = row->longest;
	for (size_t i = 0; i < sizeof(row->names); i++)
		if (row->names[i] > old->names[i])
			old->names[i] = row->names[i];
	zw_query_counts_add(&old->n, &row->n);
	return 0;
}

void zw_query_book_close(struct zw_query_book *book)
{
	ZW_VEC_FOREACH(name, &book->names) {
		void *at = book->index[ZW_QUERY_ZONES] ? zw_map_get(book->index[ZW_QUERY_ZONES],
								 &name->zone, sizeof(name->zone))
						       : NULL;

		/* A zone that had to make room for others: what it had is there already. */
		zw_query_counts_add(
			at ? &book->zones.items[(uintptr_t)at - 1].n : &book->other[ZW_QUERY_ZONES],
			&name->n);
	}
}

void zw_query_book_clear(struct zw_query_book *book)
{
	book->sources.len = book->servers.len = book->names.len = book->zones.len = 0;
	memset(book->other, 0, sizeof(book->other));
	memset(book->evictions, 0, sizeof(book->evictions));
	book->distinct_sources = book->distinct_names = 0;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(book->index); i++) {
		zw_map_free(book->index[i]);
		book->index[i] = NULL;
	}
}

void zw_query_book_done(struct zw_query_book *book)
{
	zw_query_book_clear(book);
	zw_vec_free(&book->sources);
	zw_vec_free(&book->servers);
	zw_vec_free(&book->names);
	zw_vec_free(&book->zones);
}
