/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a delta: the old records that are still there, merged with the new ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/builder_impl.h"

struct merge {
	struct zw_builder *b;
	struct zw_delta *d;
	const struct zw_snapshot *old;
	struct zw_snapshot *s;
	uint32_t *out_pos; /* by record of @s: its position in the file */
	uint32_t *new_out; /* by new record's index: its index in @s */
};

static int cmp_names(const struct zw_pool *text, uint32_t a, uint32_t b)
{
	size_t len;

	if (a == b)
		return 0;
	return zw_name_cmp(zw_pool_name(text, a, &len), zw_pool_name(text, b, &len));
}

static int cmp_news(const void *a, const void *b, void *ctx)
{
	const struct zw_delta_rec *x = a, *y = b;
	const struct zw_pool *text = ctx;
	int d = cmp_names(text, x->rec.owner, y->rec.owner);

	if (d == 0)
		d = zw_rec_cmp_data(text, &x->rec, &y->rec);
	return d ? d : (x->index > y->index) - (x->index < y->index);
}

/* Copies the old records in [from, to) that were seen. From here on d->pos holds their new index.
 * */
static void copy_old(struct merge *m, uint32_t from, uint32_t to)
{
	struct zw_snapshot *s = m->s;
	const struct zw_snapshot *old = m->old;
	struct zw_delta *d = m->d;

	for (uint32_t i = from; i < to; i++) {
		if (d->pos[i] == 0) {
			s->dead += zw_rec_text_size(&old->text, &old->recs[i]);
			zw_digest_add(&s->digest, &s->key, &old->text, &old->recs[i], -1);
			continue;
		}
		s->recs[s->count] = old->recs[i];
		if (d->ttl)
			s->recs[s->count].ttl = d->ttl[i];
		m->out_pos[s->count] = d->pos[i] - 1;
		d->pos[i] = s->count++;
	}
}

static void merge_news(struct merge *m)
{
	struct zw_snapshot *s = m->s;
	struct zw_delta *d = m->d;
	uint32_t i = 0;

	ZW_VEC_FOREACH(n, &d->news) {
		const struct zw_rec *last;
		struct zw_rec_key key = {.type = n->rec.type};
		uint32_t at;
		size_t len;

		key.owner = zw_rec_owner(&d->text, &n->rec, &len);
		key.rdata = zw_rec_rdata(&d->text, &n->rec, &key.rdata_len);
		at = zw_snapshot_lower_bound(m->old, &key);
		copy_old(m, i, at);
		i = at;
		last = s->count > 0 ? &s->recs[s->count - 1] : NULL;
		if (!last || last->owner != n->rec.owner ||
			zw_rec_cmp_data(&d->text, last, &n->rec) != 0) {
			m->out_pos[s->count] = n->pos;
			zw_digest_add(&s->digest, &s->key, &d->text, &n->rec, 1);
			s->recs[s->count++] = n->rec;
		}
		m->new_out[n->index] = s->count - 1;
	}
	copy_old(m, i, m->old->count);
}

/* End of the RRset that begins at @i. */
static uint32_t rrset_end(const struct zw_snapshot *s, uint32_t i)
{
	const struct zw_rec *first = &s->recs[i];

	do
		i++;
	while (i < s->count && s->recs[i].owner == first->owner && s->recs[i].type == first->type);
	return i;
}

/* Gives an RRset the TTL of the one read first. */
static void unify_ttl(struct merge *m, uint32_t from, uint32_t to)
{
	struct zw_snapshot *s = m->s;
	uint32_t first = from;

	if (!zw_type_has_common_ttl(s->recs[from].type))
		return;
	for (uint32_t i = from + 1; i < to; i++)
		if (m->out_pos[i] < m->out_pos[first])
			first = i;
	for (uint32_t i = from; i < to; i++) {
		if (s->recs[i].ttl == s->recs[first].ttl)
			continue;
		zw_digest_add(&s->digest, &s->key, &m->d->text, &s->recs[i], -1);
		s->recs[i].ttl = s->recs[first].ttl;
		zw_digest_add(&s->digest, &s->key, &m->d->text, &s->recs[i], 1);
	}
}

/* Only RRsets with a new record can have become uneven. */
static void unify_touched(struct merge *m)
{
	struct zw_snapshot *s = m->s;
	uint32_t done = 0;

	ZW_VEC_FOREACH(n, &m->d->news) {
		uint32_t i = m->new_out[n->index];

		if (i < done)
			continue;
		while (i > done && s->recs[i - 1].owner == s->recs[i].owner &&
			s->recs[i - 1].type == s->recs[i].type)
			i--;
		done = rrset_end(s, i);
		unify_ttl(m, i, done);
	}
}

/* TTLs changed in places: all RRsets are gone through, and the digest is made anew. */
static void unify_all(struct merge *m)
{
	struct zw_snapshot *s = m->s;

	for (uint32_t i = 0, end; i < s->count; i = end) {
		end = rrset_end(s, i);
		if (end > i + 1)
			unify_ttl(m, i, end);
	}
	s->digest = (struct zw_digest){};
	for (uint32_t i = 0; i < s->count; i++)
		zw_digest_add(&s->digest, &s->key, &m->d->text, &s->recs[i], 1);
}

static void fit(struct zw_snapshot *s)
{
	/* A failure to shrink only means that they stay as large as they are. */
	struct zw_rec *recs = realloc(s->recs, (s->count + 1U) * sizeof(*recs));
	uint32_t *order;

	if (recs)
		s->recs = recs;
	order = realloc(s->order, (s->order_len + 1U) * sizeof(*order));
	if (order)
		s->order = order;
}

static int merge(struct merge *m)
{
	struct zw_delta *d = m->d;
	struct zw_snapshot *s = m->s;

	/* With both arrays empty qsort_r() must not get a null pointer. */
	if (d->news.len > 1)
		qsort_r(d->news.items, d->news.len, sizeof(*d->news.items), cmp_news, &d->text);
	s->digest = m->old->digest;
	s->dead = m->old->dead;
	merge_news(m);
	if (d->ttl)
		unify_all(m);
	else
		unify_touched(m);
	ZW_VEC_FOREACH(code, &d->order)
		*code = *code < m->old->count ? d->pos[*code] : m->new_out[*code - m->old->count];
	s->order = ZW_TAKE(d->order.items);
	s->order_len = (uint32_t)d->order.len;
	zw_vec_free(&d->order);
	zw_pool_trim(&d->text);
	s->text = d->text;
	d->text = (struct zw_pool){};
	fit(s);
	zw_snapshot_find_soa(s);
	return 0;
}

int zw_delta_finish(struct zw_builder *b, struct zw_snapshot **ret_snapshot)
{
	struct zw_delta *d = &b->delta;
	size_t most = (size_t)b->old->count + d->news.len;
	_zw_free_ uint32_t *out_pos = NULL, *new_out = NULL;
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	struct merge m;

	if (d->in_order && !d->ttl && d->order.len == b->old->order_len) {
		*ret_snapshot = zw_snapshot_ref(b->old);
		return 0;
	}
	s = zw_snapshot_alloc(&b->key, b->origin);
	out_pos = malloc((most + 1) * sizeof(*out_pos));
	new_out = malloc((d->news.len + 1) * sizeof(*new_out));
	if (!s || !out_pos || !new_out)
		return -ENOMEM;
	s->recs = malloc((most + 1) * sizeof(*s->recs));
	if (!s->recs)
		return -ENOMEM;
	m = (struct merge){b, d, b->old, s, out_pos, new_out};
	merge(&m);
	*ret_snapshot = ZW_TAKE(s);
	return 0;
}
