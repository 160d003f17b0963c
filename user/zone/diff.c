/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/diff.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "dns/rr.h"
#include "zone/snapshot_impl.h"

static const char *const op_text[] = {
	[ZW_DIFF_ADD] = "add",
	[ZW_DIFF_DELETE] = "delete",
	[ZW_DIFF_MODIFY] = "modify",
};
static_assert(ZW_ARRAY_SIZE(op_text) == _ZW_DIFF_OP_MAX, "one text per operation");

const char *zw_diff_op_to_text(enum zw_diff_op op)
{
	return op < _ZW_DIFF_OP_MAX ? op_text[op] : "unknown";
}

typedef ZW_VEC(struct zw_diff_entry) entry_vec;

static int add_entry(entry_vec *entries, enum zw_diff_op op, const struct zw_rrset *before,
	const struct zw_rrset *after)
{
	const struct zw_rrset *one = before ? before : after;
	struct zw_diff_entry e = {.op = op, .type = one->type, .owner = one->owner};

	if (before)
		e.before = *before;
	if (after)
		e.after = *after;
	return zw_vec_push(entries, e);
}

/* True when every text offset of @old means the same in @s: one was built from the other. */
static bool shares_text(const struct zw_snapshot *old, const struct zw_snapshot *s)
{
	return old->text.len > 0 && old->text.len <= s->text.len &&
	       memcmp(old->text.chunks, s->text.chunks,
		       old->text.len * sizeof(*old->text.chunks)) == 0;
}

/* Moves both positions past equal records, which is most of them, but not into an RRset. */
static void skip_equal(
	const struct zw_snapshot *a, const struct zw_snapshot *b, size_t *i, size_t *j)
{
	size_t n = 0, most = a->count - *i < b->count - *j ? a->count - *i : b->count - *j;
	const struct zw_rec *x = a->recs + *i, *y = b->recs + *j;

	while (n < most && memcmp(&x[n], &y[n], sizeof(*x)) == 0)
		n++;
	/* The last equal record may belong to an RRset that goes on differently. */
	if (n == 0 || (n == a->count - *i && n == b->count - *j)) {
		*i += n;
		*j += n;
		return;
	}
	for (n--; n > 0 && x[n - 1].owner == x[n].owner && x[n - 1].type == x[n].type; n--)
		;
	*i += n;
	*j += n;
}

static int cmp_rrsets(const struct zw_rrset *a, const struct zw_rrset *b)
{
	int d = zw_name_cmp(a->owner, b->owner);

	return d ? d : (int)a->type - (int)b->type;
}

static int compare(const struct zw_snapshot *a, const struct zw_snapshot *b, entry_vec *entries)
{
	bool shared = shares_text(a, b) || shares_text(b, a);
	size_t i = 0, j = 0, next_i, next_j;
	struct zw_rrset x = {}, y = {};
	bool have_x, have_y;
	int d, r = 0;

	for (; r == 0; i = next_i, j = next_j) {
		if (shared)
			skip_equal(a, b, &i, &j);
		next_i = i;
		next_j = j;
		have_x = zw_snapshot_next(a, &next_i, &x);
		have_y = zw_snapshot_next(b, &next_j, &y);
		if (!have_x && !have_y)
			return 0;
		d = !have_x ? 1 : !have_y ? -1 : cmp_rrsets(&x, &y);
		if (d < 0) {
			next_j = j;
			r = add_entry(entries, ZW_DIFF_DELETE, &x, NULL);
		} else if (d > 0) {
			next_i = i;
			r = add_entry(entries, ZW_DIFF_ADD, NULL, &y);
		} else if (!zw_rrset_equal(&x, &y)) {
			r = add_entry(entries, ZW_DIFF_MODIFY, &x, &y);
		}
	}
	return r;
}

int zw_diff_new(struct zw_snapshot *before, struct zw_snapshot *after, struct zw_diff **ret_diff)
{
	static const struct zw_snapshot nothing;
	_zw_diff_ struct zw_diff *d = calloc(1, sizeof(*d));
	entry_vec entries = {};
	int r;

	if (!d)
		return -ENOMEM;
	if (before) {
		d->before = zw_snapshot_ref(before);
		d->has_serial_before = zw_snapshot_serial(before, &d->serial_before);
	}
	if (after) {
		d->after = zw_snapshot_ref(after);
		d->has_serial_after = zw_snapshot_serial(after, &d->serial_after);
	}
	if (before != after) {
		r = compare(before ? before : &nothing, after ? after : &nothing, &entries);
		d->entries = entries.items;
		d->len = entries.len;
		if (r < 0)
			return r;
	}
	*ret_diff = ZW_TAKE(d);
	return 0;
}

void zw_diff_free(struct zw_diff *d)
{
	if (!d)
		return;
	zw_snapshot_unref(d->before);
	zw_snapshot_unref(d->after);
	free(d->entries);
	free(d);
}

static bool is_apex_soa(const struct zw_diff *d, const struct zw_diff_entry *e)
{
	const struct zw_snapshot *s = d->after ? d->after : d->before;

	return e->type == ZW_TYPE_SOA && zw_name_equal(e->owner, s->origin);
}

void zw_diff_keep(
	struct zw_diff *d, bool (*wanted)(void *ctx, const struct zw_diff_entry *entry), void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < d->len; i++)
		if (wanted(ctx, &d->entries[i]))
			d->entries[n++] = d->entries[i];
	d->len = n;
}

bool zw_diff_is_soa_only(const struct zw_diff *d)
{
	return d->len == 1 && is_apex_soa(d, &d->entries[0]);
}

bool zw_diff_is_signing_only(const struct zw_diff *d)
{
	for (size_t i = 0; i < d->len; i++)
		if (!zw_type_is_signing(d->entries[i].type) && !is_apex_soa(d, &d->entries[i]))
			return false;
	return d->len > 0;
}
