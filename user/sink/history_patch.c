/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_patch.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dns/name.h"
#include "dns/rr.h"

static void put_u16(struct zw_str *out, uint16_t value)
{
	value = htole16(value);
	zw_str_add_len(out, (const char *)&value, sizeof(value));
}

static void put_u32(struct zw_str *out, uint32_t value)
{
	value = htole32(value);
	zw_str_add_len(out, (const char *)&value, sizeof(value));
}

static uint32_t checksum(const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, len);
}

int zw_patch_encode(const struct zw_diff *diff, struct zw_str *out)
{
	size_t begin = out->len;

	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *entry = &diff->entries[i];
		size_t owner_len = zw_name_len(entry->owner);

		zw_str_add_char(out, (char)owner_len);
		zw_str_add_len(out, (const char *)entry->owner, owner_len);
		put_u16(out, entry->type);
		put_u32(out, entry->after.count);
		for (size_t n = 0; n < entry->after.count; n++) {
			const uint8_t *rdata;
			uint16_t len;

			rdata = zw_rrset_rdata(&entry->after, n, &len);
			put_u32(out, zw_rrset_ttl(&entry->after, n));
			put_u16(out, len);
			zw_str_add_len(out, (const char *)rdata, len);
		}
	}
	if (out->failed)
		return -ENOMEM;
	put_u32(out, checksum(out->len > begin ? out->buf + begin : "", out->len - begin));
	return out->failed ? -ENOMEM : 0;
}

struct reader {
	const uint8_t *p;
	size_t left;
};

static const uint8_t *take(struct reader *in, size_t len)
{
	const uint8_t *p = in->p;

	if (len > in->left)
		return NULL;
	in->p += len;
	in->left -= len;
	return p;
}

static bool take_u16(struct reader *in, uint16_t *ret_value)
{
	const uint8_t *p = take(in, sizeof(*ret_value));

	if (!p)
		return false;
	memcpy(ret_value, p, sizeof(*ret_value));
	*ret_value = le16toh(*ret_value);
	return true;
}

static bool take_u32(struct reader *in, uint32_t *ret_value)
{
	const uint8_t *p = take(in, sizeof(*ret_value));

	if (!p)
		return false;
	memcpy(ret_value, p, sizeof(*ret_value));
	*ret_value = le32toh(*ret_value);
	return true;
}

static bool take_record(
	struct reader *in, uint32_t *ret_ttl, const uint8_t **ret_rdata, uint16_t *ret_len)
{
	if (!take_u32(in, ret_ttl) || !take_u16(in, ret_len))
		return false;
	*ret_rdata = take(in, *ret_len);
	return *ret_rdata != NULL;
}

static bool take_item(struct reader *in, struct zw_patch_item *item)
{
	const uint8_t *owner_len = take(in, 1);
	size_t checked;

	if (!owner_len)
		return false;
	item->owner = take(in, *owner_len);
	if (!item->owner || zw_name_check(item->owner, *owner_len, &checked) < 0 ||
		checked != *owner_len)
		return false;
	if (!take_u16(in, &item->type) || !take_u32(in, &item->count))
		return false;
	item->records = in->p;
	for (uint32_t i = 0; i < item->count; i++) {
		const uint8_t *rdata;
		uint32_t ttl;
		uint16_t len;

		if (!take_record(in, &ttl, &rdata, &len))
			return false;
	}
	item->len = (size_t)(in->p - item->records);
	return true;
}

int zw_patch_decode(struct zw_patch_list *list, const void *data, size_t len)
{
	struct reader in = {data, len};
	uint32_t crc;
	int r;

	if (len < sizeof(crc))
		return -EBADMSG;
	in.left -= sizeof(crc);
	memcpy(&crc, (const uint8_t *)data + in.left, sizeof(crc));
	if (checksum(data, in.left) != le32toh(crc))
		return -EBADMSG;
	while (in.left > 0) {
		struct zw_patch_item item = {.order = (uint32_t)list->items.len};

		if (!take_item(&in, &item))
			return -EBADMSG;
		r = zw_vec_push(&list->items, item);
		if (r < 0)
			return r;
	}
	return 0;
}

void zw_patch_list_done(struct zw_patch_list *list)
{
	zw_vec_free(&list->items);
}

static int compare_rrset(const struct zw_patch_item *a, const uint8_t *owner, uint16_t type)
{
	int c = zw_name_cmp(a->owner, owner);

	if (c != 0)
		return c;
	return (a->type > type) - (a->type < type);
}

static int compare_items(const void *a, const void *b)
{
	const struct zw_patch_item *x = a, *y = b;
	int c = compare_rrset(x, y->owner, y->type);

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

static int add_item(struct zw_builder *builder, const struct zw_patch_item *item)
{
	struct reader in = {item->records, item->len};

	for (uint32_t i = 0; i < item->count; i++) {
		struct zw_record record = {};
		int r;

		if (!take_record(&in, &record.ttl, &record.rdata, &record.rdata_len))
			return -EBADMSG;
		r = add_record(builder, item->owner, item->type, record);
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
static size_t keep_last(struct zw_patch_item *items, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (kept > 0 && compare_rrset(&items[kept - 1], items[i].owner, items[i].type) == 0)
			items[kept - 1] = items[i];
		else
			items[kept++] = items[i];
	}
	return kept;
}

/* Both are in canonical order: a merge. */
static int merge(struct zw_builder *builder, const struct zw_snapshot *base,
	const struct zw_patch_item *items, size_t len)
{
	struct zw_rrset rrset;
	size_t at = 0;
	int r;

	for (size_t it = 0; zw_snapshot_next(base, &it, &rrset);) {
		int c = 1;

		while (at < len && (c = compare_rrset(&items[at], rrset.owner, rrset.type)) < 0) {
			r = add_item(builder, &items[at++]);
			if (r < 0)
				return r;
		}
		if (at < len && c == 0)
			r = add_item(builder, &items[at++]);
		else
			r = add_rrset(builder, &rrset);
		if (r < 0)
			return r;
	}
	for (; at < len; at++) {
		r = add_item(builder, &items[at]);
		if (r < 0)
			return r;
	}
	return 0;
}

int zw_patch_apply(const struct zw_hash_key *key, struct zw_snapshot *base,
	struct zw_patch_list *list, struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *builder = NULL;
	size_t len;
	int r;

	r = zw_builder_new(key, zw_snapshot_origin(base), base, &builder);
	if (r < 0)
		return r;
	if (list->items.len > 0)
		qsort(list->items.items, list->items.len, sizeof(*list->items.items),
			compare_items);
	len = keep_last(list->items.items, list->items.len);
	r = merge(builder, base, list->items.items, len);
	if (r < 0)
		return r;
	return zw_builder_finish(builder, ret_snapshot);
}
