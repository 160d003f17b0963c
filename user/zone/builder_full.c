/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/builder_impl.h"

#define INSERTION_MAX 16

void zw_full_free(struct zw_full *f)
{
	zw_pool_free(&f->text);
	zw_intern_free(&f->owner_ids);
	zw_intern_free(&f->rdatas);
	zw_vec_free(&f->owners);
	zw_vec_free(&f->recs);
}

static bool is_owner(const struct zw_full *f, uint32_t id, const struct zw_record *record)
{
	size_t len;
	const uint8_t *known = zw_pool_name(&f->text, f->owners.items[id], &len);

	return len == record->owner_len && memcmp(known, record->owner, len) == 0;
}

static int owner_id(struct zw_builder *b, const struct zw_record *record, uint32_t *ret_id)
{
	struct zw_full *f = &b->full;
	uint32_t hash, pos, offset;
	struct zw_intern_slot *slot;
	int r;

	/* Records of one owner mostly stand together. */
	if (f->recs.len > 0) {
		uint32_t last = f->recs.items[f->recs.len - 1].owner;

		if (is_owner(f, last, record)) {
			*ret_id = last;
			return 0;
		}
	}
	r = zw_intern_reserve(&f->owner_ids);
	if (r < 0)
		return r;
	pos = hash = (uint32_t)zw_hash_bytes(&b->key, record->owner, record->owner_len);
	for (;; pos++) {
		slot = zw_intern_probe(&f->owner_ids, hash, &pos);
		if (slot->value == 0)
			break;
		if (is_owner(f, slot->value - 1, record)) {
			*ret_id = slot->value - 1;
			return 0;
		}
	}
	if (!zw_builder_holds(b, record))
		return -EINVAL;
	r = zw_pool_add(&f->text, 1, record->owner, record->owner_len, &offset);
	if (r == 0)
		r = zw_vec_push(&f->owners, offset);
	if (r < 0)
		return r;
	*slot = (struct zw_intern_slot){.value = (uint32_t)f->owners.len, .hash = hash};
	f->owner_ids.len++;
	*ret_id = (uint32_t)f->owners.len - 1;
	return 0;
}

int zw_full_add(struct zw_builder *b, const struct zw_record *record)
{
	struct zw_full *f = &b->full;
	struct zw_rec rec = {.ttl = record->ttl, .type = record->type};
	int r;

	if (f->recs.len >= ZW_RECORDS_MAX)
		return -EFBIG;
	r = owner_id(b, record, &rec.owner);
	if (r == 0)
		r = zw_intern_rdata(&b->key, &f->text, &f->rdatas, record, &rec);
	return r < 0 ? r : zw_vec_push(&f->recs, rec);
}

/* An owner with the first 16 octets of its sort key, which decide most comparisons. */
struct sort_owner {
	uint64_t high, low;
	uint32_t id;
	uint32_t text;
};

/* The key makes canonical order plain octet order: labels from the right without the origin's, each
 * ended by 0x00; 0x00 and 0x01 inside labels become 0x01 0x01 and 0x01 0x02. */
static void make_key(const uint8_t *name, size_t origin_len, struct sort_owner *o)
{
	uint8_t labels[ZW_LABELS_MAX], key[16] = {};
	unsigned int n = 0;
	size_t len = 0;

	for (const uint8_t *p = name, *end = name + zw_name_len(name) - origin_len; p < end;
		p += 1U + *p)
		labels[n++] = (uint8_t)(p - name);
	while (n > 0 && len < sizeof(key)) {
		const uint8_t *l = name + labels[--n];

		for (unsigned int i = 1; i <= *l && len < sizeof(key); i++) {
			uint8_t c = l[i];

			if (c <= 1) {
				key[len++] = 1;
				c++;
				if (len == sizeof(key))
					break;
			}
			key[len++] = c;
		}
		len++;
	}
	memcpy(&o->high, key, 8);
	memcpy(&o->low, key + 8, 8);
	o->high = __builtin_bswap64(o->high);
	o->low = __builtin_bswap64(o->low);
}

static bool is_before(
	const struct zw_pool *text, const struct sort_owner *a, const struct sort_owner *b)
{
	size_t len;

	if (a->high != b->high)
		return a->high < b->high;
	if (a->low != b->low)
		return a->low < b->low;
	return zw_name_cmp(zw_pool_name(text, a->text, &len), zw_pool_name(text, b->text, &len)) <
	       0;
}

/* Merge sort that costs one pass over what is sorted already. @tmp has half of @n. */
static void sort_owners(
	const struct zw_pool *text, struct sort_owner *o, size_t n, struct sort_owner *tmp)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n <= INSERTION_MAX) {
		for (i = 1; i < n; i++) {
			struct sort_owner x = o[i];

			for (j = i; j > 0 && is_before(text, &x, &o[j - 1]); j--)
				o[j] = o[j - 1];
			o[j] = x;
		}
		return;
	}
	sort_owners(text, o, half, tmp);
	sort_owners(text, o + half, n - half, tmp);
	if (!is_before(text, &o[half], &o[half - 1]))
		return;
	memcpy(tmp, o, half * sizeof(*o));
	while (i < half && j < n)
		o[k++] = is_before(text, &o[j], &tmp[i]) ? o[j++] : tmp[i++];
	while (i < half)
		o[k++] = tmp[i++];
}

/* Owner ids in canonical order. */
static int rank_owners(const struct zw_builder *b, uint32_t **ret_ids)
{
	const struct zw_full *f = &b->full;
	size_t n = f->owners.len, len;
	_zw_free_ struct sort_owner *o = malloc((n + 1) * sizeof(*o));
	_zw_free_ struct sort_owner *tmp = malloc((n / 2 + 1) * sizeof(*tmp));
	_zw_free_ uint32_t *ids = malloc((n + 1) * sizeof(*ids));

	if (!o || !tmp || !ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		o[i].id = i;
		o[i].text = f->owners.items[i];
		make_key(zw_pool_name(&f->text, o[i].text, &len), b->origin_len, &o[i]);
	}
	sort_owners(&f->text, o, n, tmp);
	for (size_t i = 0; i < n; i++)
		ids[i] = o[i].id;
	*ret_ids = ZW_TAKE(ids);
	return 0;
}

/* Positions of the records, those of one owner together and in file order. starts[id] is where an
 * owner's begin, and starts[id + 1] where they end. */
static int group_by_owner(const struct zw_full *f, uint32_t **ret_starts, uint32_t **ret_positions)
{
	size_t n = f->recs.len, owners = f->owners.len;
	_zw_free_ uint32_t *starts = calloc(owners + 2, sizeof(*starts));
	_zw_free_ uint32_t *positions = malloc((n + 1) * sizeof(*positions));

	if (!starts || !positions)
		return -ENOMEM;
	/* Counted two places up, summed one place up: the filling moves each start to its end. */
	for (size_t i = 0; i < n; i++)
		starts[f->recs.items[i].owner + 2]++;
	for (size_t id = 2; id < owners + 2; id++)
		starts[id] += starts[id - 1];
	for (uint32_t i = 0; i < n; i++)
		positions[starts[f->recs.items[i].owner + 1]++] = i;
	*ret_starts = ZW_TAKE(starts);
	*ret_positions = ZW_TAKE(positions);
	return 0;
}

static int cmp_positions(const void *a, const void *b, void *ctx)
{
	const struct zw_full *f = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int d = zw_rec_cmp_data(&f->text, &f->recs.items[x], &f->recs.items[y]);

	return d ? d : (x > y) - (x < y);
}

/* Gives the RRset recs[0..n) the TTL of the one that was read first. */
static void unify_ttl(struct zw_rec *recs, size_t n, uint32_t ttl)
{
	if (!zw_type_has_common_ttl(recs->type))
		return;
	for (size_t i = 0; i < n; i++)
		recs[i].ttl = ttl;
}

/* Appends one owner's records, sorted and without duplicates. */
static void place_owner(
	struct zw_full *f, uint32_t owner, uint32_t *positions, size_t n, struct zw_snapshot *s)
{
	uint32_t rrset = s->count, first = UINT32_MAX;

	if (n > 1)
		qsort_r(positions, n, sizeof(*positions), cmp_positions, f);
	for (size_t i = 0; i < n; i++) {
		const struct zw_rec *rec = &f->recs.items[positions[i]];
		struct zw_rec *last = i > 0 ? &s->recs[s->count - 1] : NULL;

		if (last && last->type != rec->type) {
			unify_ttl(&s->recs[rrset], s->count - rrset, f->recs.items[first].ttl);
			rrset = s->count;
			first = UINT32_MAX;
			last = NULL;
		}
		if (positions[i] < first)
			first = positions[i];
		if (!last || zw_rec_cmp_data(&f->text, last, rec) != 0) {
			s->recs[s->count] = *rec;
			s->recs[s->count++].owner = f->owners.items[owner];
		}
		s->order[positions[i]] = s->count - 1;
	}
	unify_ttl(&s->recs[rrset], s->count - rrset, f->recs.items[first].ttl);
}

int zw_full_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot)
{
	struct zw_full *f = &b->full;
	_zw_snapshot_ struct zw_snapshot *s = zw_snapshot_alloc(&b->key, b->origin);
	_zw_free_ uint32_t *ids = NULL, *starts = NULL, *positions = NULL;
	size_t n = f->recs.len;
	struct zw_rec *fitted;
	int r;

	if (!s)
		return -ENOMEM;
	zw_intern_free(&f->owner_ids);
	zw_intern_free(&f->rdatas);
	zw_pool_trim(&f->text);
	r = rank_owners(b, &ids);
	if (r == 0)
		r = group_by_owner(f, &starts, &positions);
	if (r < 0)
		return r;
	s->recs = malloc((n + 1) * sizeof(*s->recs));
	s->order = malloc((n + 1) * sizeof(*s->order));
	if (!s->recs || !s->order)
		return -ENOMEM;
	s->order_len = (uint32_t)n;
	for (size_t i = 0; i < f->owners.len; i++)
		place_owner(f, ids[i], positions + starts[ids[i]],
			starts[ids[i] + 1] - starts[ids[i]], s);
	if (s->count < n) {
		fitted = realloc(s->recs, (s->count + 1U) * sizeof(*s->recs));
		if (fitted)
			s->recs = fitted;
	}
	s->text = f->text;
	f->text = (struct zw_pool){};
	for (uint32_t i = 0; i < s->count; i++)
		zw_digest_add(&s->digest, &s->key, &s->text, &s->recs[i], 1);
	zw_snapshot_find_soa(s);
	*ret_snapshot = ZW_TAKE(s);
	return 0;
}
