/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/causes.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

struct zw_cause_book {
	struct zw_map *by_inode; /* struct zw_inode_key -> zw_causes */
	zw_causes order;         /* all of them, oldest first */
	uint64_t incomplete_until;
};

static void cause_unref(struct zw_cause *cause)
{
	if (!cause || --cause->refs > 0)
		return;
	zw_actor_unref(cause->actor);
	free(cause->name);
	free(cause);
}
ZW_DEFINE_CLEANUP(struct zw_cause *, cause_unref);

int zw_cause_book_new(struct zw_cause_book **ret_book)
{
	_zw_cause_book_free_ struct zw_cause_book *book = calloc(1, sizeof(*book));
	int r;

	if (!book)
		return -ENOMEM;
	r = zw_map_new(&book->by_inode);
	if (r < 0)
		return r;
	*ret_book = ZW_TAKE(book);
	return 0;
}

void zw_cause_book_free(struct zw_cause_book *book)
{
	size_t it = 0;
	void *value;

	if (!book)
		return;
	while (book->by_inode && zw_map_next(book->by_inode, &it, NULL, NULL, &value)) {
		zw_causes *list = value;

		ZW_VEC_FOREACH(c, list)
			cause_unref(*c);
		zw_vec_free(list);
		free(list);
	}
	zw_map_free(book->by_inode);
	ZW_VEC_FOREACH(c, &book->order)
		cause_unref(*c);
	zw_vec_free(&book->order);
	free(book);
}

static int file_under(
	struct zw_cause_book *book, uint64_t dev, uint64_t ino, struct zw_cause *cause)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	zw_causes *list = zw_map_get(book->by_inode, &key, sizeof(key));
	int r;

	if (!list) {
		list = calloc(1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		r = zw_map_put(book->by_inode, &key, sizeof(key), list, NULL);
		if (r < 0) {
			free(list);
			return r;
		}
	}
	r = zw_vec_push(list, cause);
	if (r == 0)
		cause->refs++;
	return r;
}

static void trim(zw_causes *list, uint64_t before_ns)
{
	size_t keep = 0;

	for (size_t i = 0; i < list->len; i++) {
		if (list->items[i]->time_ns < before_ns)
			cause_unref(list->items[i]);
		else
			list->items[keep++] = list->items[i];
	}
	list->len = keep;
}

static void forget(struct zw_cause_book *book, uint64_t before_ns)
{
	size_t it = 0, len;
	const void *key;
	void *value;

	trim(&book->order, before_ns);
	while (zw_map_next(book->by_inode, &it, &key, &len, &value)) {
		zw_causes *list = value;

		trim(list, before_ns);
		if (list->len)
			continue;
		zw_map_remove(book->by_inode, key, len);
		zw_vec_free(list);
		free(list);
	}
}

static void incomplete(struct zw_cause_book *book, uint64_t until_ns)
{
	if (until_ns > book->incomplete_until)
		book->incomplete_until = until_ns;
}

static int new_cause(
	const struct zw_event *event, struct zw_actor *actor, struct zw_cause **ret_cause)
{
	const struct zw_file_facts *f = &event->file;
	_zw_cleanup_(cause_unrefp) struct zw_cause *cause = calloc(1, sizeof(*cause));

	if (!cause)
		return -ENOMEM;
	*cause = (struct zw_cause){
		.refs = 1,
		.time_ns = event->time_ns,
		.op = f->op,
		.hook = event->hook,
		.dev = f->dev,
		.ino = f->ino,
		.dir_ino = f->dir_ino,
		.old_dir_ino = f->old_dir_ino,
		.ino2 = f->ino2,
		.size_bytes = f->size_bytes,
		.ctime_ns = f->ctime_ns,
		.nlink = f->nlink,
		.generation = f->generation,
		.mode = f->mode,
		.owner_uid = f->owner_uid,
		.arrived = f->watch & ZW_WATCH_ARRIVED,
		.blind = f->watch & ZW_WATCH_BLIND,
		.actor = zw_actor_ref(actor),
	};
	if (f->name[0]) {
		cause->name = strdup(f->name);
		if (!cause->name)
			return -ENOMEM;
	}
	*ret_cause = ZW_TAKE(cause);
	return 0;
}

int zw_cause_book_add(
	struct zw_cause_book *book, const struct zw_event *event, struct zw_actor *actor)
{
	_zw_cleanup_(cause_unrefp) struct zw_cause *cause = NULL;
	int r = new_cause(event, actor, &cause);
	uint64_t inodes[4];
	size_t n = 0;

	if (r < 0)
		return r;
	inodes[n++] = cause->ino;
	inodes[n++] = cause->dir_ino;
	inodes[n++] = cause->old_dir_ino;
	inodes[n++] = cause->ino2;
	if (cause->op == ZW_FOP_MOUNT)
		r = file_under(book, 0, 0, cause);
	for (size_t i = 0; r == 0 && i < n; i++) {
		bool seen = inodes[i] == 0;

		for (size_t k = 0; k < i; k++)
			seen |= inodes[k] == inodes[i];
		if (!seen)
			r = file_under(book, cause->dev, inodes[i], cause);
	}
	if (r == 0)
		r = zw_vec_push(&book->order, cause);
	if (r < 0) {
		/* Under some of its inodes it may stand already, which is better than nowhere. */
		incomplete(book, cause->time_ns + 1);
		return r;
	}
	ZW_TAKE(cause);
	if (book->order.len > ZW_CAUSES_MAX) {
		/* An eighth at a time, so that the cost of looking through all is spread. */
		uint64_t until = book->order.items[ZW_CAUSES_MAX / 8]->time_ns + 1;

		forget(book, until);
		incomplete(book, until);
	}
	return 0;
}

const zw_causes *zw_cause_book_of(const struct zw_cause_book *book, uint64_t dev, uint64_t ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};

	return zw_map_get(book->by_inode, &key, sizeof(key));
}

void zw_cause_book_expire(struct zw_cause_book *book, uint64_t before_ns)
{
	if (book->order.len && book->order.items[0]->time_ns < before_ns)
		forget(book, before_ns);
}

uint64_t zw_cause_book_incomplete_until(const struct zw_cause_book *book)
{
	return book->incomplete_until;
}

size_t zw_cause_book_len(const struct zw_cause_book *book)
{
	return book->order.len;
}
