/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/spool.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "sink/spool_file.h"

struct item {
	void *data;
	size_t len;
};

struct zw_spool {
	struct zw_spool_limits limits;
	struct zw_spool_file file;
	struct item *item; /* ring of limits.memory_items */
	size_t first, items, bytes;
};

int zw_spool_new(const char *path, const struct zw_spool_limits *limits,
	struct zw_spool **ret_spool, unsigned int *ret_damaged)
{
	_zw_spool_free_ struct zw_spool *spool = calloc(1, sizeof(*spool));
	unsigned int damaged = 0;
	int r;

	if (!spool)
		return -ENOMEM;
	spool->limits = *limits;
	spool->file.fd = -1;
	spool->item = calloc(limits->memory_items, sizeof(*spool->item));
	if (!spool->item)
		return -ENOMEM;
	if (path) {
		r = zw_spool_file_open(&spool->file, path, limits->file_bytes, &damaged);
		if (r < 0)
			return r;
	}
	*ret_spool = ZW_TAKE(spool);
	*ret_damaged = damaged;
	return 0;
}

static void forget_oldest(struct zw_spool *spool)
{
	struct item *item = &spool->item[spool->first];

	free(item->data);
	spool->bytes -= item->len;
	*item = (struct item){};
	spool->first = (spool->first + 1) % spool->limits.memory_items;
	spool->items--;
}

/* Moves the oldest message in memory behind the newest in the file. */
static int spill(struct zw_spool *spool)
{
	struct item *item = &spool->item[spool->first];
	int r;

	if (spool->file.fd < 0)
		return -ENOSPC;
	r = zw_spool_file_append(&spool->file, item->data, item->len);
	if (r < 0)
		return r;
	forget_oldest(spool);
	return 0;
}

void zw_spool_free(struct zw_spool *spool)
{
	if (!spool)
		return;
	while (spool->items > 0 && spill(spool) == 0)
		;
	while (spool->items > 0)
		forget_oldest(spool);
	zw_spool_file_close(&spool->file);
	free(spool->item);
	free(spool);
}

size_t zw_spool_len(const struct zw_spool *spool)
{
	return spool->file.len + spool->items;
}

int zw_spool_put(struct zw_spool *spool, const void *data, size_t len)
{
	_zw_free_ void *copy = NULL;
	int r;

	if (len > spool->limits.memory_bytes)
		return -EFBIG;
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	while (spool->items == spool->limits.memory_items ||
		spool->bytes + len > spool->limits.memory_bytes) {
		r = spill(spool);
		if (r < 0)
			return r;
	}
	spool->item[(spool->first + spool->items) % spool->limits.memory_items] =
		(struct item){ZW_TAKE(copy), len};
	spool->items++;
	spool->bytes += len;
	return 0;
}

static int count(int r, struct zw_spool_result *result)
{
	if (r == 0)
		result->sent++;
	else if (r == -EBADMSG)
		result->dropped++;
	else
		return r;
	return 0;
}

static int drain_file_one(
	struct zw_spool *spool, zw_spool_send_fn send, void *ctx, struct zw_spool_result *result)
{
	_zw_free_ void *data = NULL;
	size_t len;
	int r;

	r = zw_spool_file_peek(&spool->file, &data, &len);
	if (r == -EBADMSG) {
		/* Where the next one begins is not known either. */
		result->dropped += spool->file.len;
		return zw_spool_file_clear(&spool->file);
	}
	if (r < 0)
		return r;
	r = count(send(ctx, data, len), result);
	if (r < 0)
		return r;
	return zw_spool_file_pop(&spool->file, len);
}

static int drain_memory_one(
	struct zw_spool *spool, zw_spool_send_fn send, void *ctx, struct zw_spool_result *result)
{
	const struct item *item = &spool->item[spool->first];
	int r;

	r = count(send(ctx, item->data, item->len), result);
	if (r < 0)
		return r;
	forget_oldest(spool);
	return 0;
}

int zw_spool_drain(struct zw_spool *spool, zw_spool_send_fn send, void *ctx, uint64_t max_ns,
	struct zw_spool_result *ret_result)
{
	uint64_t end_ns = zw_boottime_ns() + max_ns;
	int r = 0;

	*ret_result = (struct zw_spool_result){};
	do {
		if (spool->file.len > 0)
			r = drain_file_one(spool, send, ctx, ret_result);
		else if (spool->items > 0)
			r = drain_memory_one(spool, send, ctx, ret_result);
		else
			break;
	} while (r == 0 && zw_boottime_ns() < end_ns);
	return r;
}
