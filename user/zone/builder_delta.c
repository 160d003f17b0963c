/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot from the previous one. The file is compared with the previous file's order of records;
 * where they part, the next few are tried (something was deleted), then the sorted records are
 * searched (something moved, or is new). All comparisons are of the bytes themselves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/builder_impl.h"

/* Records tried after the expected one before searching. */
#define LOOKAHEAD 8
/* Searches cost about twenty comparisons of names each; past this share building anew is cheaper.
 * */
#define MISSES_MAX(count) (1024U + (count) / 16)
/* How far ahead of the file's position old records, and their text, are fetched into the cache. */
#define PREFETCH_RECORD 24
#define PREFETCH_TEXT 12

int zw_delta_init(struct zw_builder *b)
{
	struct zw_delta *d = &b->delta;
	int r;

	d->in_order = true;
	d->pos = calloc(b->old->count + 1U, sizeof(*d->pos));
	if (!d->pos)
		return -ENOMEM;
	r = zw_vec_reserve(&d->order, b->old->order_len + 1U);
	if (r < 0)
		return r;
	return zw_pool_init(&d->text, &b->old->text);
}

void zw_delta_free(struct zw_delta *d)
{
	zw_pool_free(&d->text);
	zw_intern_free(&d->owners);
	zw_intern_free(&d->rdatas);
	zw_vec_free(&d->news);
	zw_vec_free(&d->order);
	free(d->pos);
	free(d->ttl);
	free(d->inverse);
	*d = (struct zw_delta){};
}

/* Same owner, type and rdata. */
static inline bool matches(
	const struct zw_pool *text, const struct zw_rec *rec, const struct zw_record *record)
{
	const uint8_t *owner, *rdata;
	uint16_t rdata_len;
	size_t owner_len;

	if (rec->type != record->type)
		return false;
	rdata = zw_rec_rdata(text, rec, &rdata_len);
	if (rdata_len != record->rdata_len || memcmp(rdata, record->rdata, rdata_len) != 0)
		return false;
	owner = zw_rec_owner(text, rec, &owner_len);
	return owner_len == record->owner_len && memcmp(owner, record->owner, owner_len) == 0;
}

/* The file holds old record @i at its present position. */
static int take(struct zw_builder *b, uint32_t i, uint32_t ttl)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;

	if (ttl != old->recs[i].ttl && d->pos[i] == 0) {
		if (!d->ttl) {
			d->ttl = malloc(old->count * sizeof(*d->ttl));
			if (!d->ttl)
				return -ENOMEM;
			for (uint32_t n = 0; n < old->count; n++)
				d->ttl[n] = old->recs[n].ttl;
		}
		d->ttl[i] = ttl;
	}
	if (d->pos[i] == 0)
		d->pos[i] = (uint32_t)d->order.len + 1;
	return zw_vec_push(&d->order, i);
}

/* Where old record @i first stood in the old file. */
static int old_position(struct zw_builder *b, uint32_t i, uint32_t *ret_position)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;

	if (!d->inverse) {
		d->inverse = malloc(old->count * sizeof(*d->inverse));
		if (!d->inverse)
			return -ENOMEM;
		for (uint32_t n = old->order_len; n-- > 0;)
			d->inverse[old->order[n]] = n;
	}
	*ret_position = d->inverse[i];
	return 0;
}

/* Text offset of the owner: the old one's if it has the name, so that equal names keep equal
 * offsets. @near is where a record of that name would stand in the old snapshot. */
static int owner_text(
	struct zw_builder *b, const struct zw_record *record, uint32_t near, uint32_t *ret_offset)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;
	struct zw_intern_slot *slot;
	uint32_t hash, pos;
	size_t len;
	int r;

	for (uint32_t i = near > 0 ? near - 1 : 0; i <= near && i < old->count; i++) {
		const uint8_t *name = zw_rec_owner(&old->text, &old->recs[i], &len);

		if (len == record->owner_len && memcmp(name, record->owner, len) == 0) {
			*ret_offset = old->recs[i].owner;
			return 0;
		}
	}
	r = zw_intern_reserve(&d->owners);
	if (r < 0)
		return r;
	pos = hash = (uint32_t)zw_hash_bytes(&b->key, record->owner, record->owner_len);
	for (;; pos++) {
		const uint8_t *name;

		slot = zw_intern_probe(&d->owners, hash, &pos);
		if (slot->value == 0)
			break;
		name = zw_pool_name(&d->text, slot->value - 1, &len);
		if (len == record->owner_len && memcmp(name, record->owner, len) == 0) {
			*ret_offset = slot->value - 1;
			return 0;
		}
	}
	if (!zw_builder_holds(b, record))
		return -EINVAL;
	r = zw_pool_add(&d->text, 1, record->owner, record->owner_len, ret_offset);
	if (r < 0)
		return r;
	*slot = (struct zw_intern_slot){.value = *ret_offset + 1, .hash = hash};
	d->owners.len++;
	return 0;
}

int zw_delta_take_new(struct zw_builder *b, const struct zw_record *record, uint32_t near)
{
	struct zw_delta *d = &b->delta;
	struct zw_delta_rec n = {
		.rec = {.ttl = record->ttl, .type = record->type},
		.pos = (uint32_t)d->order.len,
		.index = (uint32_t)d->news.len,
	};
	int r;

	r = owner_text(b, record, near, &n.rec.owner);
	if (r == 0)
		r = zw_intern_rdata(&b->key, &d->text, &d->rdatas, record, &n.rec);
	if (r == 0)
		r = zw_vec_push(&d->news, n);
	return r < 0 ? r : zw_vec_push(&d->order, b->old->count + n.index);
}

/* The expected record did not come. */
static int search(struct zw_builder *b, const struct zw_record *record)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;
	const struct zw_rec_key key = {.owner = record->owner,
		.rdata = record->rdata,
		.type = record->type,
		.rdata_len = record->rdata_len};
	uint32_t i;
	int r;

	d->in_order = false;
	for (uint32_t n = d->cursor + 1; n < old->order_len && n <= d->cursor + LOOKAHEAD; n++) {
		i = old->order[n];
		if (matches(&old->text, &old->recs[i], record)) {
			d->cursor = n + 1;
			return take(b, i, record->ttl);
		}
	}
	if (++d->misses > MISSES_MAX(old->count) || d->news.len >= ZW_RECORDS_MAX - old->count ||
		d->order.len >= ZW_RECORDS_MAX)
		return -EAGAIN;
	i = zw_snapshot_lower_bound(old, &key);
	if (i == old->count || !matches(&old->text, &old->recs[i], record))
		return zw_delta_take_new(b, record, i);
	r = old_position(b, i, &d->cursor);
	if (r < 0)
		return r;
	d->cursor++;
	return take(b, i, record->ttl);
}

static inline void prefetch(const struct zw_snapshot *old, uint32_t cursor)
{
	if (cursor + PREFETCH_RECORD >= old->order_len)
		return;
	__builtin_prefetch(&old->recs[old->order[cursor + PREFETCH_RECORD]]);
	__builtin_prefetch(
		zw_pool_at(&old->text, old->recs[old->order[cursor + PREFETCH_TEXT]].owner));
}

int zw_delta_add(struct zw_builder *b, const struct zw_record *record)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;
	uint32_t i;

	if (d->cursor < old->order_len) {
		prefetch(old, d->cursor);
		i = old->order[d->cursor];
		if (matches(&old->text, &old->recs[i], record)) {
			d->cursor++;
			return take(b, i, record->ttl);
		}
	}
	return search(b, record);
}

int zw_delta_replay(struct zw_builder *b)
{
	struct zw_delta *d = &b->delta;
	const struct zw_snapshot *old = b->old;

	ZW_VEC_FOREACH(code, &d->order) {
		bool is_old = *code < old->count;
		const struct zw_rec *rec =
			is_old ? &old->recs[*code] : &d->news.items[*code - old->count].rec;
		struct zw_record record = {.type = rec->type, .ttl = rec->ttl};
		size_t owner_len;
		int r;

		if (is_old && d->ttl)
			record.ttl = d->ttl[*code];
		record.owner = zw_rec_owner(&d->text, rec, &owner_len);
		record.owner_len = (uint8_t)owner_len;
		record.rdata = zw_rec_rdata(&d->text, rec, &record.rdata_len);
		r = zw_full_add(b, &record);
		if (r < 0)
			return r;
	}
	return 0;
}
