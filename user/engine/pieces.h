/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of a byte stream that are there, at 64-bit positions, sorted and without overlap. What came first stays.
 * Private to engine/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zw_piece {
	uint64_t at;
	size_t len;
	uint8_t *block; /* owned; NULL when unknown or borrowed */
	size_t cap;
	const uint8_t *data; /* NULL: known to have been sent, but not what */
};

struct zw_pieces {
	struct zw_piece *items;
	size_t len, cap;
	size_t bytes; /* held, after zw_pieces_settle() */
};

/* Adds [@at, @at + @len) as far as it is not there; NULL @data is unknown. The data is borrowed until
 * zw_pieces_settle(). *ret_same (may be NULL) gets the number of octets that were there, *ret_differ is set when one
 * of them was another. 0 or -ENOMEM, with nothing added. */
int zw_pieces_add(struct zw_pieces *p, uint64_t at, const uint8_t *data, size_t len,
	size_t *ret_same, bool *ret_differ);
/* Copies what is borrowed, and joins pieces that touch. 0 or -ENOMEM: what could not be copied is gone. */
int zw_pieces_settle(struct zw_pieces *p);
void zw_pieces_drop_before(struct zw_pieces *p, uint64_t at);
void zw_pieces_free(struct zw_pieces *p);

/* How many octets from @at on are there without a gap; *ret_known: how many of them before the first unknown one. */
size_t zw_pieces_run(const struct zw_pieces *p, uint64_t at, size_t *ret_known);
/* @len known octets from @at on: in place if they stand together, else copied to @buf. */
const uint8_t *zw_pieces_get(const struct zw_pieces *p, uint64_t at, size_t len, uint8_t *buf);
/* The first gap at or after @at that is followed by a piece; false when there is none. */
bool zw_pieces_gap(const struct zw_pieces *p, uint64_t at, uint64_t *ret_begin, uint64_t *ret_end);
