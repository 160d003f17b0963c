/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growable arrays of any type.
 *
 *	ZW_VEC(char *) names = {};
 *	r = zw_vec_push(&names, name);		0 or -ENOMEM; on failure the vector is unchanged
 *	ZW_VEC_FOREACH(n, &names) puts(*n);
 *	zw_vec_free(&names);			frees the array, not what its elements own
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ZW_VEC(type)         \
	struct {             \
		type *items; \
		size_t len;  \
		size_t cap;  \
	}

/* Makes room for @need items of @size bytes; the shared body of the macros below. */
int zw_vec_reserve_raw(void **items, size_t *cap, size_t size, size_t need);

#define zw_vec_reserve(v, need) \
	zw_vec_reserve_raw((void **)&(v)->items, &(v)->cap, sizeof(*(v)->items), (need))

#define zw_vec_push(v, ...)                                     \
	({                                                      \
		int _zw_r = zw_vec_reserve((v), (v)->len + 1);  \
		if (_zw_r == 0)                                 \
			(v)->items[(v)->len++] = (__VA_ARGS__); \
		_zw_r;                                          \
	})

/* Removes item @i by moving the last one into its place: order is not kept. */
#define zw_vec_remove_unordered(v, i) ((v)->items[(i)] = (v)->items[--(v)->len])

#define zw_vec_free(v)                   \
	do {                             \
		free((v)->items);        \
		(v)->items = NULL;       \
		(v)->len = (v)->cap = 0; \
	} while (0)

#define ZW_VEC_FOREACH(it, v) \
	for (__typeof__((v)->items + 0) it = (v)->items; it && it < (v)->items + (v)->len; it++)
