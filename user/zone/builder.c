/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/builder_impl.h"

/* The text of a snapshot is written anew when the unused part passes a quarter of it and this, or
 * when small additions have used up many chunk numbers. */
#define DEAD_MIN 65536
#define CHUNKS_SPARE 32

int zw_builder_new(const struct zw_hash_key *key, const uint8_t *origin, struct zw_snapshot *old,
	struct zw_builder **ret_builder)
{
	_zw_builder_ struct zw_builder *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->key = old ? old->key : *key;
	b->origin_len = (uint8_t)zw_name_len(origin);
	memcpy(b->origin, origin, b->origin_len);
	zw_name_lower(b->origin, b->origin_len);
	if (old) {
		if (!zw_name_equal(old->origin, origin))
			return -EINVAL;
		b->old = zw_snapshot_ref(old);
		r = zw_delta_init(b);
		if (r < 0)
			return r;
	}
	*ret_builder = ZW_TAKE(b);
	return 0;
}

void zw_builder_free(struct zw_builder *b)
{
	if (!b)
		return;
	zw_delta_free(&b->delta);
	zw_full_free(&b->full);
	zw_snapshot_unref(b->old);
	free(b);
}

bool zw_builder_holds(const struct zw_builder *b, const struct zw_record *record)
{
	const uint8_t *tail = record->owner;
	size_t len = record->owner_len;

	for (; len > b->origin_len; len -= 1U + *tail, tail += 1U + *tail)
		;
	return len == b->origin_len && memcmp(tail, b->origin, len) == 0;
}

int zw_intern_rdata(const struct zw_hash_key *key, struct zw_pool *text, struct zw_intern *in,
	const struct zw_record *record, struct zw_rec *rec)
{
	uint32_t hash, pos, offset;
	struct zw_intern_slot *slot;
	int r;

	if (record->rdata_len <= ZW_RDATA_INLINE_MAX) {
		rec->rdata.text = 0;
		if (record->rdata_len > 0)
			memcpy(rec->rdata.bytes, record->rdata, record->rdata_len);
		rec->rdata_len = record->rdata_len;
		return 0;
	}
	rec->rdata_len = ZW_RDATA_IS_TEXT;
	r = zw_intern_reserve(in);
	if (r < 0)
		return r;
	pos = hash = (uint32_t)zw_hash_bytes(key, record->rdata, record->rdata_len);
	for (;; pos++) {
		const uint8_t *known;
		uint16_t len;

		slot = zw_intern_probe(in, hash, &pos);
		if (slot->value == 0)
			break;
		known = zw_pool_rdata(text, slot->value - 1, &len);
		if (len == record->rdata_len && memcmp(known, record->rdata, len) == 0) {
			rec->rdata.text = slot->value - 1;
			return 0;
		}
	}
	r = zw_pool_add(text, 2, record->rdata, record->rdata_len, &offset);
	if (r < 0)
		return r;
	*slot = (struct zw_intern_slot){.value = offset + 1, .hash = hash};
	in->len++;
	rec->rdata.text = offset;
	return 0;
}

int zw_builder_add(struct zw_builder *b, const struct zw_record *record)
{
	int r;

	if (!b->old)
		return zw_full_add(b, record);
	r = zw_delta_add(b, record);
	if (r != -EAGAIN)
		return r;
	r = zw_delta_replay(b);
	if (r < 0)
		return r;
	zw_delta_free(&b->delta);
	zw_snapshot_unref(ZW_TAKE(b->old));
	return zw_full_add(b, record);
}

int zw_builder_add_fn(void *ctx, const struct zw_record *record)
{
	return zw_builder_add(ctx, record);
}

static bool is_wasteful(const struct zw_snapshot *s)
{
	size_t size = zw_pool_memory(&s->text);

	return s->dead > size / 4 + DEAD_MIN ||
	       s->text.len > 2 * (size >> ZW_CHUNK_BITS) + CHUNKS_SPARE;
}

/* The same snapshot with its text written anew. */
static int rewrite(const struct zw_snapshot *s, struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *b = NULL;
	int r;

	r = zw_builder_new(&s->key, s->origin, NULL, &b);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < s->order_len; i++) {
		const struct zw_rec *rec = &s->recs[s->order[i]];
		struct zw_record record = {.type = rec->type, .ttl = rec->ttl};
		size_t owner_len;

		record.owner = zw_rec_owner(&s->text, rec, &owner_len);
		record.owner_len = (uint8_t)owner_len;
		record.rdata = zw_rec_rdata(&s->text, rec, &record.rdata_len);
		r = zw_full_add(b, &record);
		if (r < 0)
			return r;
	}
	return zw_full_finish(b, ret_snapshot);
}

static bool same_as_old(const struct zw_snapshot *s, const struct zw_snapshot *old)
{
	return zw_snapshot_equal(s, old) && s->order_len == old->order_len &&
	       memcmp(s->order, old->order, s->order_len * sizeof(*s->order)) == 0;
}

int zw_builder_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot)
{
	_zw_snapshot_ struct zw_snapshot *s = NULL, *tight = NULL;
	int r;

	if (!b->old)
		return zw_full_finish(b, ret_snapshot);
	r = zw_delta_finish(b, &s);
	if (r < 0)
		return r;
	if (s != b->old && same_as_old(s, b->old)) {
		*ret_snapshot = zw_snapshot_ref(b->old);
		return 0;
	}
	if (s != b->old && is_wasteful(s)) {
		r = rewrite(s, &tight);
		if (r < 0)
			return r;
		*ret_snapshot = ZW_TAKE(tight);
		return 0;
	}
	*ret_snapshot = ZW_TAKE(s);
	return 0;
}
