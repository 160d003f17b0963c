/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* Text and items as they were are restored when a delta turns out to be damaged. */
int zw_patch_add_delta(
	struct zw_patch_list *list, const uint8_t *origin, const void *data, size_t len)
{
	_zw_delta_ struct zw_delta_reader reader = {};
	size_t items = list->items.len, text = list->text.len;
	struct zw_delta_rrset rrset;
	int r;

	r = zw_delta_begin(&reader, origin, data, len);
	while (r == 0 && (r = zw_delta_next(&reader, &rrset)) > 0) {
		struct zw_patch_item item = {
			.owner = list->text.len,
			.records = list->text.len + rrset.owner_len,
			.after = rrset.after,
			.order = (uint32_t)list->items.len,
			.type = rrset.type,
		};

		zw_str_add_len(&list->text, (const char *)rrset.owner, rrset.owner_len);
		zw_str_add_len(&list->text, (const char *)rrset.after.records, rrset.after.len);
		r = list->text.failed ? -ENOMEM : zw_vec_push(&list->items, item);
	}
	if (r < 0) {
		list->items.len = items;
		if (!list->text.failed)
			list->text.len = text;
	}
	return r;
}

void zw_patch_list_done(struct zw_patch_list *list)
{
	zw_vec_free(&list->items);
	zw_str_free(&list->text);
}

static const uint8_t *owner_of(const struct zw_str *text, const struct zw_patch_item *item)
{
	return (const uint8_t *)text->buf + item->owner;
}

static int compare_rrset(const struct zw_str *text, const struct zw_patch_item *a,
	const uint8_t *owner, uint16_t type)
{
	int c = zw_name_cmp(owner_of(text, a), owner);

	if (c != 0)
		return c;
	return (a->type > type) - (a->type < type);
}

static int compare_items(const void *a, const void *b, void *ctx)
{
	const struct zw_patch_item *x = a, *y = b;
	int c = compare_rrset(ctx, x, owner_of(ctx, y), y->type);

	if (c != 0)
		return c;
	return (x->order > y->order) - (x->order < y->order);
}

static int add_record(
	struct zw_builder *builder, const uint8_t *owner, uint16_t type, struct zw_record record)
{
	record.owner = owner;
	record.owner_len = (uint8_t)zw_name_len(owner);
	record.type = type;
	record.klass = ZW_CLASS_IN;
	return zw_builder_add(builder, &record);
}

static int add_item(
	struct zw_builder *builder, const struct zw_str *text, const struct zw_patch_item *item)
{
	const uint8_t *records = (const uint8_t *)text->buf + item->records;
	struct zw_bytes in = {records, item->after.len, false};
	struct zw_delta_record record;

	while (zw_delta_record(&item->after, &in, &record)) {
		int r = add_record(builder, owner_of(text, item), item->type,
			(struct zw_record){
				.ttl = record.ttl, .rdata = record.rdata, .rdata_len = record.len});

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_rrset(struct zw_builder *builder, const struct zw_rrset *rrset)
{
	for (size_t i = 0; i < rrset->count; i++) {
		struct zw_record record = {.ttl = zw_rrset_ttl(rrset, i)};
		int r;

		record.rdata = zw_rrset_rdata(rrset, i, &record.rdata_len);
		r = add_record(builder, rrset->owner, rrset->type, record);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of several patches to one RRset only the last one counts: moved to the front, in order. */
static size_t keep_last(const struct zw_str *text, struct zw_patch_item *items, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (kept > 0 && compare_rrset(text, &items[kept - 1], owner_of(text, &items[i]),
					items[i].type) == 0)
			items[kept - 1] = items[i];
		else
			items[kept++] = items[i];
	}
	return kept;
}

/* Both are in canonical order: a merge. */
static int merge(struct zw_builder *builder, const struct zw_snapshot *base,
	const struct zw_str *text, const struct zw_patch_item *items, size_t len)
{
	struct zw_rrset rrset;
	size_t at = 0;
	int r;

	for (size_t it = 0; zw_snapshot_next(base, &it, &rrset);) {
		int c = 1;

		while (at < len &&
			(c = compare_rrset(text, &items[at], rrset.owner, rrset.type)) < 0) {
			r = add_item(builder, text, &items[at++]);
			if (r < 0)
				return r;
		}
		if (at < len && c == 0)
			r = add_item(builder, text, &items[at++]);
		else
			r = add_rrset(builder, &rrset);
		if (r < 0)
			return r;
	}
	for (; at < len; at++) {
		r = add_item(builder, text, &items[at]);
		if (r < 0)
			return r;
	}
	return 0;
}

int zw_patch_list_apply(const struct zw_hash_key *key, struct zw_snapshot *base,
	struct zw_patch_list *list, struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *builder = NULL;
	size_t len;
	int r;

	r = zw_builder_new(key, zw_snapshot_origin(base), base, &builder);
	if (r < 0)
		return r;
	if (list->items.len > 0)
		qsort_r(list->items.items, list->items.len, sizeof(*list->items.items),
			compare_items, &list->text);
	len = keep_last(&list->text, list->items.items, list->items.len);
	r = merge(builder, base, &list->text, list->items.items, len);
	if (r < 0)
		return r;
	return zw_builder_finish(builder, ret_snapshot);
}
