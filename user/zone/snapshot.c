/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rr.h"
#include "zone/snapshot_impl.h"

struct zw_snapshot *zw_snapshot_alloc(const struct zw_hash_key *key, const uint8_t *origin)
{
	size_t len = zw_name_len(origin);
	struct zw_snapshot *s = calloc(1, sizeof(*s) + len);

	if (!s)
		return NULL;
	s->refs = 1;
	s->key = *key;
	s->soa = UINT32_MAX;
	s->origin_len = (uint8_t)len;
	memcpy(s->origin, origin, len);
	zw_name_lower(s->origin, len);
	return s;
}

struct zw_snapshot *zw_snapshot_ref(struct zw_snapshot *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void zw_snapshot_unref(struct zw_snapshot *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	zw_pool_free(&s->text);
	free(s->recs);
	free(s->order);
	free(s);
}

bool zw_type_has_common_ttl(uint16_t type)
{
	return type != ZW_TYPE_RRSIG;
}

size_t zw_rec_text_size(const struct zw_pool *text, const struct zw_rec *rec)
{
	uint16_t rdata_len;
	size_t owner_len;

	zw_rec_owner(text, rec, &owner_len);
	if (rec->rdata_len != ZW_RDATA_IS_TEXT)
		return owner_len + 1;
	zw_rec_rdata(text, rec, &rdata_len);
	return owner_len + 1 + rdata_len + 2;
}

int zw_rec_cmp_data(const struct zw_pool *text, const struct zw_rec *a, const struct zw_rec *b)
{
	uint16_t al, bl;
	const uint8_t *ar, *br;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	ar = zw_rec_rdata(text, a, &al);
	br = zw_rec_rdata(text, b, &bl);
	return zw_rdata_cmp(ar, al, br, bl);
}

static int cmp_key(
	const struct zw_pool *text, const struct zw_rec *rec, const struct zw_rec_key *key)
{
	const uint8_t *rdata;
	uint16_t rdata_len;
	size_t owner_len;
	int d;

	d = zw_name_cmp(zw_rec_owner(text, rec, &owner_len), key->owner);
	if (d)
		return d;
	if (rec->type != key->type)
		return rec->type < key->type ? -1 : 1;
	rdata = zw_rec_rdata(text, rec, &rdata_len);
	return zw_rdata_cmp(rdata, rdata_len, key->rdata, key->rdata_len);
}

uint32_t zw_snapshot_lower_bound(const struct zw_snapshot *s, const struct zw_rec_key *key)
{
	uint32_t low = 0, high = s->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (cmp_key(&s->text, &s->recs[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void zw_digest_add(struct zw_digest *d, const struct zw_hash_key *key, const struct zw_pool *text,
	const struct zw_rec *rec, int sign)
{
	const struct zw_hash_key second = {~key->k0, key->k1};
	struct {
		uint64_t owner, rdata;
		uint32_t ttl;
		uint16_t type, rdata_len;
	} m;
	size_t owner_len;
	const uint8_t *owner = zw_rec_owner(text, rec, &owner_len), *rdata;
	uint64_t a, b;

	rdata = zw_rec_rdata(text, rec, &m.rdata_len);
	m.owner = zw_hash_bytes(key, owner, owner_len);
	m.rdata = 0;
	if (m.rdata_len <= 8)
		memcpy(&m.rdata, rdata, m.rdata_len);
	else
		m.rdata = zw_hash_bytes(key, rdata, m.rdata_len);
	m.ttl = rec->ttl;
	m.type = rec->type;
	a = zw_hash_bytes(key, &m, sizeof(m));
	b = zw_hash_bytes(&second, &m, sizeof(m));
	d->a += sign > 0 ? a : -a;
	d->b += sign > 0 ? b : -b;
}

void zw_snapshot_find_soa(struct zw_snapshot *s)
{
	struct zw_rrset soa;

	s->soa = UINT32_MAX;
	if (zw_snapshot_lookup(s, s->origin, ZW_TYPE_SOA, &soa))
		s->soa = soa.first;
}

const uint8_t *zw_snapshot_origin(const struct zw_snapshot *s)
{
	return s->origin;
}

size_t zw_snapshot_count(const struct zw_snapshot *s)
{
	return s->count;
}

bool zw_snapshot_serial(const struct zw_snapshot *s, uint32_t *ret_serial)
{
	const uint8_t *rdata;
	uint16_t len;

	if (s->soa == UINT32_MAX)
		return false;
	rdata = zw_rec_rdata(&s->text, &s->recs[s->soa], &len);
	return zw_soa_parse(rdata, len, ret_serial, NULL) == 0;
}

bool zw_snapshot_soa(const struct zw_snapshot *s, struct zw_rrset *ret_rrset)
{
	size_t it = s->soa;

	return s->soa != UINT32_MAX && zw_snapshot_next(s, &it, ret_rrset);
}

size_t zw_snapshot_memory(const struct zw_snapshot *s)
{
	return sizeof(*s) + s->origin_len + (size_t)s->count * sizeof(*s->recs) +
	       (size_t)s->order_len * sizeof(*s->order) + zw_pool_memory(&s->text);
}

bool zw_snapshot_next(const struct zw_snapshot *s, size_t *it, struct zw_rrset *ret_rrset)
{
	const struct zw_rec *first;
	size_t i = *it, owner_len;

	if (i >= s->count)
		return false;
	first = &s->recs[i];
	for (i++; i < s->count; i++)
		if (s->recs[i].owner != first->owner || s->recs[i].type != first->type)
			break;
	*ret_rrset = (struct zw_rrset){
		.snapshot = s,
		.owner = zw_rec_owner(&s->text, first, &owner_len),
		.first = (uint32_t)*it,
		.count = (uint32_t)(i - *it),
		.ttl = first->ttl,
		.type = first->type,
	};
	*it = i;
	return true;
}

bool zw_snapshot_lookup(const struct zw_snapshot *s, const uint8_t *owner, uint16_t type,
	struct zw_rrset *ret_rrset)
{
	const struct zw_rec_key key = {.owner = owner, .rdata = owner, .type = type};
	size_t it = zw_snapshot_lower_bound(s, &key);
	struct zw_rrset found;

	if (!zw_snapshot_next(s, &it, &found) || found.type != type ||
		!zw_name_equal(found.owner, owner))
		return false;
	*ret_rrset = found;
	return true;
}

size_t zw_snapshot_seek(const struct zw_snapshot *s, const uint8_t *owner)
{
	const struct zw_rec_key key = {.owner = owner, .rdata = owner};

	return zw_snapshot_lower_bound(s, &key);
}

const uint8_t *zw_rrset_rdata(const struct zw_rrset *rrset, size_t i, uint16_t *ret_len)
{
	const struct zw_snapshot *s = rrset->snapshot;

	return zw_rec_rdata(&s->text, &s->recs[rrset->first + i], ret_len);
}

bool zw_rrset_has(const struct zw_rrset *rrset, const uint8_t *rdata, size_t len)
{
	size_t low = 0, high = rrset->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint16_t other_len;
		const uint8_t *other = zw_rrset_rdata(rrset, middle, &other_len);
		int order = zw_rdata_cmp(rdata, len, other, other_len);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

uint32_t zw_rrset_ttl(const struct zw_rrset *rrset, size_t i)
{
	return rrset->snapshot->recs[rrset->first + i].ttl;
}

bool zw_rrset_equal(const struct zw_rrset *a, const struct zw_rrset *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		uint16_t al, bl;
		const uint8_t *ar = zw_rrset_rdata(a, i, &al), *br = zw_rrset_rdata(b, i, &bl);

		if (zw_rrset_ttl(a, i) != zw_rrset_ttl(b, i) || zw_rdata_cmp(ar, al, br, bl) != 0)
			return false;
	}
	return true;
}

/* Record by record, for snapshots under different keys. */
static bool equal_slowly(const struct zw_snapshot *a, const struct zw_snapshot *b)
{
	struct zw_rrset x, y;
	size_t i = 0, j = 0;

	while (zw_snapshot_next(a, &i, &x)) {
		if (!zw_snapshot_next(b, &j, &y) || x.type != y.type ||
			!zw_name_equal(x.owner, y.owner) || !zw_rrset_equal(&x, &y))
			return false;
	}
	return !zw_snapshot_next(b, &j, &y);
}

bool zw_snapshot_equal(const struct zw_snapshot *a, const struct zw_snapshot *b)
{
	if (a == b)
		return true;
	if (a->count != b->count || !zw_name_equal(a->origin, b->origin))
		return false;
	if (a->key.k0 != b->key.k0 || a->key.k1 != b->key.k1)
		return equal_slowly(a, b);
	return a->digest.a == b->digest.a && a->digest.b == b->digest.b;
}
