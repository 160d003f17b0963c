/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What it takes to put changes of a zone back. Each is tried on what those after it leave when they are put back, by
 * the same code that makes the scripts of `revert`: what is promised here is what these will do. */
#include "engine/triage.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "engine/revert.h"
#include "zone/changes.h"

static bool same_set(const struct zw_rrset *a, const struct zw_rrset *b)
{
	if (a->count == 0 || b->count == 0)
		return a->count == b->count;
	return zw_rrset_equal(a, b);
}

/* Whether what is there now is what the first of the changes that touched this RRset found. */
static bool is_back(const struct zw_snapshot *present, const struct zw_triage_change *change,
	size_t n, const struct zw_diff_entry *e)
{
	struct zw_rrset now = {};

	if (!zw_snapshot_lookup(present, e->owner, e->type, &now))
		now = (struct zw_rrset){};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < change[i].diff->len; k++) {
			const struct zw_diff_entry *first = &change[i].diff->entries[k];

			if (first->type == e->type && zw_name_equal(first->owner, e->owner))
				return same_set(&now, &first->before);
		}
	return false;
}

/* All that anybody else than a signer sees of the change is as before. */
static bool is_undone(const struct zw_snapshot *present, const struct zw_triage_change *change,
	size_t n, const struct zw_diff *diff)
{
	bool any = false;

	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *e = &diff->entries[i];

		if (e->type == ZW_TYPE_SOA || zw_type_is_signing(e->type))
			continue;
		if (!is_back(present, change, n, e))
			return false;
		any = true;
	}
	return any;
}

static int try_one(struct zw_triage_change *change, struct zw_snapshot **present)
{
	const struct zw_revert_input in = {
		.change = change->diff, .channel = change->channel, .present = *present};
	_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
	_zw_revert_free_ struct zw_revert *v = NULL;
	struct zw_snapshot *next;
	int r = zw_revert_new(&in, &v, &refusal);

	if (r == -ENOMEM)
		return r;
	if (r == -ENODATA) {
		change->undo = ZW_TRIAGE_NOTHING;
		return 0;
	}
	if (r == 0)
		r = zw_revert_target(v, *present, true, &next);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		change->undo = ZW_TRIAGE_BY_HAND;
		zw_str_add(&change->why, refusal.why.len ? refusal.why.buf : strerror(-r));
		return change->why.failed ? -ENOMEM : 0;
	}
	change->undo = ZW_TRIAGE_REVERT;
	zw_snapshot_unref(*present);
	*present = next;
	return 0;
}

int zw_triage_plan(struct zw_snapshot *now, struct zw_triage_change *change, size_t n)
{
	_zw_snapshot_ struct zw_snapshot *present = zw_snapshot_ref(now);
	int r = 0;

	for (size_t i = 0; i < n; i++)
		change[i].undo = is_undone(now, change, n, change[i].diff) ? ZW_TRIAGE_UNDONE
									   : ZW_TRIAGE_REVERT;
	for (size_t i = n; r == 0 && i-- > 0;)
		if (change[i].undo != ZW_TRIAGE_UNDONE)
			r = try_one(&change[i], &present);
	return r;
}

int zw_triage_find_targets(const struct zw_triage *t, const struct zw_snapshot *zone,
	int (*found)(void *ctx, const struct zw_triage_address *address, const uint8_t *owner),
	void *ctx)
{
	struct zw_rrset set;
	size_t it = 0;
	int r = 0;

	if (zw_map_len(t->address_map) == 0)
		return 0;
	while (r == 0 && zw_snapshot_next(zone, &it, &set)) {
		if (set.type != ZW_TYPE_A && set.type != ZW_TYPE_AAAA)
			continue;
		for (size_t i = 0; r == 0 && i < set.count; i++) {
			uint8_t key[16] = {[10] = 0xff, [11] = 0xff};
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&set, i, &len);
			size_t at;

			if (len != (set.type == ZW_TYPE_A ? 4 : 16))
				continue;
			memcpy(key + 16 - len, rdata, len);
			at = (size_t)(uintptr_t)zw_map_get(t->address_map, key, sizeof(key));
			if (at && t->addresses.items[at - 1].target)
				r = found(ctx, &t->addresses.items[at - 1], set.owner);
		}
	}
	return r;
}

bool zw_triage_is_signed(const struct zw_snapshot *zone)
{
	const uint8_t *origin = zw_snapshot_origin(zone);
	struct zw_rrset set;

	return zw_snapshot_lookup(zone, origin, ZW_TYPE_DNSKEY, &set) &&
	       zw_snapshot_lookup(zone, origin, ZW_TYPE_RRSIG, &set);
}
