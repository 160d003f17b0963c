/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static uint64_t end_of(const struct zw_piece *piece)
{
	return piece->at + piece->len;
}

/* Index of the first piece that ends after @at. */
static size_t find(const struct zw_pieces *p, uint64_t at)
{
	size_t low = 0, high = p->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (end_of(&p->items[mid]) <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void insert(struct zw_pieces *p, size_t i, uint64_t at, const uint8_t *data, size_t len)
{
	memmove(&p->items[i + 1], &p->items[i], (p->len - i) * sizeof(*p->items));
	p->items[i] = (struct zw_piece){.at = at, .len = len, .data = data};
	p->len++;
}

static void remove_piece(struct zw_pieces *p, size_t i)
{
	free(p->items[i].block);
	p->len--;
	memmove(&p->items[i], &p->items[i + 1], (p->len - i) * sizeof(*p->items));
}

int zw_pieces_add(struct zw_pieces *p, uint64_t at, const uint8_t *data, size_t len,
	size_t *ret_same, bool *ret_differ)
{
	uint64_t pos = at, end = at + len, stop;
	size_t i = find(p, at), same = 0;
	bool differ = false;
	int r;

	/* Each piece there can split what is added once. */
	r = zw_vec_reserve(p, 2 * p->len + 1);
	if (r < 0)
		return r;
	for (; pos < end; pos = stop, i++) {
		const struct zw_piece *old = i < p->len ? &p->items[i] : NULL;
		const uint8_t *here = data ? data + (pos - at) : NULL;

		if (!old || old->at > pos) {
			stop = old && old->at < end ? old->at : end;
			insert(p, i, pos, here, (size_t)(stop - pos));
			continue;
		}
		stop = end_of(old) < end ? end_of(old) : end;
		same += (size_t)(stop - pos);
		if (here && old->data &&
			memcmp(here, old->data + (pos - old->at), (size_t)(stop - pos)) != 0)
			differ = true;
	}
	if (ret_same)
		*ret_same = same;
	if (ret_differ)
		*ret_differ = differ;
	return 0;
}

/* Makes room for @more octets behind what the piece has, in a block of its own. */
static int grow(struct zw_piece *piece, size_t more)
{
	size_t skip = piece->block ? (size_t)(piece->data - piece->block) : 0;
	size_t need = skip + piece->len + more;
	uint8_t *block;

	if (piece->block && need <= piece->cap)
		return 0;
	if (need < 2 * piece->cap)
		need = 2 * piece->cap;
	block = malloc(need);
	if (!block)
		return -ENOMEM;
	memcpy(block, piece->data, piece->len);
	free(piece->block);
	piece->block = block;
	piece->data = block;
	piece->cap = need;
	return 0;
}

static bool touch(const struct zw_piece *a, const struct zw_piece *b)
{
	return end_of(a) == b->at && !a->data == !b->data;
}

int zw_pieces_settle(struct zw_pieces *p)
{
	int r = 0;

	p->bytes = 0;
	for (size_t i = 0; i < p->len;) {
		struct zw_piece *piece = &p->items[i], *next = i + 1 < p->len ? piece + 1 : NULL;

		if (next && touch(piece, next)) {
			if (piece->data && grow(piece, next->len) < 0) {
				r = -ENOMEM;
				remove_piece(p, i + 1);
				continue;
			}
			if (piece->data)
				memcpy(piece->block + (piece->data - piece->block) + piece->len,
					next->data, next->len);
			piece->len += next->len;
			remove_piece(p, i + 1);
			continue;
		}
		if (piece->data && grow(piece, 0) < 0) {
			r = -ENOMEM;
			remove_piece(p, i);
			continue;
		}
		p->bytes += piece->data ? piece->len : 0;
		i++;
	}
	return r;
}

void zw_pieces_drop_before(struct zw_pieces *p, uint64_t at)
{
	size_t gone = find(p, at);

	for (size_t i = 0; i < gone; i++)
		free(p->items[i].block);
	p->len -= gone;
	if (gone > 0)
		memmove(p->items, p->items + gone, p->len * sizeof(*p->items));
	if (p->len > 0 && p->items[0].at < at) {
		struct zw_piece *piece = &p->items[0];
		size_t skip = (size_t)(at - piece->at);

		piece->at = at;
		piece->len -= skip;
		if (piece->data)
			piece->data += skip;
	}
}

void zw_pieces_free(struct zw_pieces *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->items[i].block);
	free(p->items);
	*p = (struct zw_pieces){};
}

size_t zw_pieces_run(const struct zw_pieces *p, uint64_t at, size_t *ret_known)
{
	uint64_t end = at, known = at;
	bool all = true;

	for (size_t i = find(p, at); i < p->len && p->items[i].at <= end; i++) {
		end = end_of(&p->items[i]);
		all = all && p->items[i].data;
		if (all)
			known = end;
	}
	*ret_known = (size_t)(known - at);
	return (size_t)(end - at);
}

const uint8_t *zw_pieces_get(const struct zw_pieces *p, uint64_t at, size_t len, uint8_t *buf)
{
	size_t i = find(p, at), n = 0;

	if (len > 0 && end_of(&p->items[i]) - at >= len)
		return p->items[i].data + (at - p->items[i].at);
	for (; n < len; i++) {
		const struct zw_piece *piece = &p->items[i];
		size_t skip = (size_t)(at + n - piece->at);
		size_t part = piece->len - skip < len - n ? piece->len - skip : len - n;

		memcpy(buf + n, piece->data + skip, part);
		n += part;
	}
	return buf;
}

bool zw_pieces_gap(const struct zw_pieces *p, uint64_t at, uint64_t *ret_begin, uint64_t *ret_end)
{
	for (size_t i = find(p, at); i < p->len; i++) {
		if (p->items[i].at > at) {
			*ret_begin = at;
			*ret_end = p->items[i].at;
			return true;
		}
		at = end_of(&p->items[i]);
	}
	return false;
}
