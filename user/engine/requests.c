/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The book of requests. */
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "engine/request.h"

struct zw_request_book {
	struct zw_map *by_zone; /* wire name, "" for every zone -> zw_requests */
	zw_requests order;      /* all of them, by the time they were asked */
	size_t bytes;           /* sum of size_bytes */
	uint64_t incomplete_until;
};

int zw_request_book_new(struct zw_request_book **ret_book)
{
	_zw_request_book_ struct zw_request_book *book = calloc(1, sizeof(*book));
	int r;

	if (!book)
		return -ENOMEM;
	r = zw_map_new(&book->by_zone);
	if (r < 0)
		return r;
	*ret_book = ZW_TAKE(book);
	return 0;
}

void zw_request_book_free(struct zw_request_book *book)
{
	size_t it = 0;
	void *value;

	if (!book)
		return;
	while (book->by_zone && zw_map_next(book->by_zone, &it, NULL, NULL, &value)) {
		zw_requests *list = value;

		zw_vec_free(list);
		free(list);
	}
	zw_map_free(book->by_zone);
	ZW_VEC_FOREACH(r, &book->order)
		zw_request_unref(*r);
	zw_vec_free(&book->order);
	free(book);
}

/* No name is that short, so the empty key stands for every zone. */
static size_t key_len(const uint8_t *zone)
{
	return zone ? zw_name_len(zone) : 0;
}

static zw_requests *list_of(const struct zw_request_book *book, const uint8_t *zone)
{
	return zw_map_get(book->by_zone, zone ? (const void *)zone : "", key_len(zone));
}

static int list_make(struct zw_request_book *book, const uint8_t *zone, zw_requests **ret_list)
{
	zw_requests *list = list_of(book, zone);
	int r;

	if (!list) {
		list = calloc(1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		r = zw_map_put(
			book->by_zone, zone ? (const void *)zone : "", key_len(zone), list, NULL);
		if (r < 0) {
			free(list);
			return r;
		}
	}
	*ret_list = list;
	return 0;
}

/* They come almost in order: the place is near the end. The room was made before. */
static void insert(zw_requests *list, struct zw_request *request)
{
	size_t at = list->len++;

	for (; at > 0 && list->items[at - 1]->asked_ns > request->asked_ns; at--)
		list->items[at] = list->items[at - 1];
	list->items[at] = request;
}

static void incomplete(struct zw_request_book *book, uint64_t until_ns)
{
	if (until_ns > book->incomplete_until)
		book->incomplete_until = until_ns;
}

/* Whether it is to be forgotten: too old to matter, or, with @all, too old to be kept. */
static bool is_past(const struct zw_request *request, uint64_t before_ns, bool all)
{
	return all ? request->asked_ns < before_ns : zw_request_end_ns(request) < before_ns;
}

static void forget(struct zw_request_book *book, uint64_t before_ns, bool all)
{
	size_t it = 0, len, keep = 0;
	const void *key;
	void *value;

	while (zw_map_next(book->by_zone, &it, &key, &len, &value)) {
		zw_requests *list = value;

		keep = 0;
		ZW_VEC_FOREACH(r, list)
			if (!is_past(*r, before_ns, all))
				list->items[keep++] = *r;
		list->len = keep;
		if (keep)
			continue;
		zw_map_remove(book->by_zone, key, len);
		zw_vec_free(list);
		free(list);
	}
	keep = 0;
	ZW_VEC_FOREACH(r, &book->order)
		if (is_past(*r, before_ns, all)) {
			book->bytes -= (*r)->size_bytes;
			zw_request_unref(*r);
		} else {
			book->order.items[keep++] = *r;
		}
	book->order.len = keep;
}

int zw_request_book_add(struct zw_request_book *book, struct zw_request *request)
{
	zw_requests *list;
	int r = list_make(book, request->zone, &list);

	if (r == 0)
		r = zw_vec_reserve(list, list->len + 1);
	if (r == 0)
		r = zw_vec_reserve(&book->order, book->order.len + 1);
	if (r < 0) {
		incomplete(book, request->asked_ns + 1);
		return r;
	}
	insert(list, request);
	insert(&book->order, zw_request_ref(request));
	book->bytes += request->size_bytes;
	if (book->order.len > ZW_REQUESTS_MAX || book->bytes > ZW_REQUESTS_BYTES_MAX) {
		/* An eighth at a time, so that the cost of looking through all is spread. */
		uint64_t until = book->order.items[book->order.len / 8]->asked_ns + 1;

		forget(book, until, true);
		incomplete(book, until);
	}
	return 0;
}

static int find_in(const zw_requests *list, uint64_t from_ns, uint64_t to_ns, zw_requests *ret_list)
{
	int r = 0;

	for (size_t i = 0; list && r == 0 && i < list->len; i++) {
		struct zw_request *request = list->items[i];

		if (request->asked_ns > to_ns)
			break;
		if (zw_request_end_ns(request) < from_ns)
			continue;
		r = zw_vec_reserve(ret_list, ret_list->len + 1);
		if (r == 0)
			insert(ret_list, request);
	}
	return r;
}

int zw_request_book_find(const struct zw_request_book *book, const uint8_t *zone, uint64_t from_ns,
	uint64_t to_ns, zw_requests *ret_list)
{
	zw_requests found = {};
	int r = find_in(list_of(book, zone), from_ns, to_ns, &found);

	if (r == 0 && zone)
		r = find_in(list_of(book, NULL), from_ns, to_ns, &found);
	if (r < 0) {
		zw_vec_free(&found);
		return r;
	}
	memcpy(ret_list, &found, sizeof(found));
	return 0;
}

void zw_request_book_settle(struct zw_request_book *book, const uint8_t *zone, uint32_t server_tgid,
	uint64_t time_ns, bool committed)
{
	zw_requests *list = list_of(book, zone);

	for (size_t i = 0; list && i < list->len; i++) {
		struct zw_request *request = list->items[i];

		if (!request->held || request->asked_ns > time_ns ||
			(server_tgid && request->server_process.tgid &&
				request->server_process.tgid != server_tgid))
			continue;
		request->held = false;
		if (committed)
			request->effect_ns = time_ns;
		else
			request->rcode = ZW_REQUEST_ABORTED;
	}
}

void zw_request_book_expire(struct zw_request_book *book, uint64_t before_ns)
{
	if (book->order.len && book->order.items[0]->asked_ns < before_ns)
		forget(book, before_ns, false);
}

uint64_t zw_request_book_incomplete_until(const struct zw_request_book *book)
{
	return book->incomplete_until;
}

void zw_request_book_lost(struct zw_request_book *book, uint64_t time_ns)
{
	incomplete(book, time_ns + 1);
}

size_t zw_request_book_len(const struct zw_request_book *book)
{
	return book->order.len;
}

const struct zw_request *zw_request_book_latest(const struct zw_request_book *book, size_t i)
{
	return i < book->order.len ? book->order.items[book->order.len - 1 - i] : NULL;
}
