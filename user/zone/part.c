/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/part.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "zone/replay.h"

static int add_name(struct zw_builder *builder, const struct zw_snapshot *s, const uint8_t *name)
{
	size_t it = zw_snapshot_seek(s, name);
	struct zw_rrset set;
	int r = 0;

	while (r == 0 && zw_snapshot_next(s, &it, &set) && zw_name_equal(set.owner, name))
		for (uint32_t i = 0; r == 0 && i < set.count; i++) {
			struct zw_record record = {
				.owner = set.owner,
				.owner_len = (uint8_t)zw_name_len(set.owner),
				.ttl = zw_rrset_ttl(&set, i),
				.type = set.type,
				.klass = ZW_CLASS_IN,
			};

			record.rdata = zw_rrset_rdata(&set, i, &record.rdata_len);
			r = zw_builder_add(builder, &record);
		}
	return r;
}

int zw_part_new(const struct zw_hash_key *key, const uint8_t *origin, const struct zw_snapshot *s,
	const uint8_t *const *name, size_t names, struct zw_snapshot **ret_part)
{
	_zw_builder_ struct zw_builder *builder = NULL;
	int r = zw_builder_new(key, origin, NULL, &builder);

	for (size_t i = 0; r == 0 && s && i < names; i++)
		r = add_name(builder, s, name[i]);
	return r < 0 ? r : zw_builder_finish(builder, ret_part);
}

void zw_part_steps_done(struct zw_part_steps *steps)
{
	for (size_t i = 0; i < steps->states; i++)
		zw_snapshot_unref(steps->state[i]);
	free(steps->state);
	*steps = (struct zw_part_steps){};
}

/* One walk over the transactions between two positions. */
struct walk {
	const struct zw_journal *j;
	struct zw_journal_position at, to;
	const uint8_t *origin;
	struct zw_zone_error *error;
};

/* 1: there is one more. */
static int next(struct walk *w, struct zw_journal_transaction *ret_transaction)
{
	int r;

	if (w->at.offset == w->to.offset)
		return 0;
	r = zw_journal_next(w->j, &w->at, ret_transaction, w->error);
	if (r == 0)
		return zw_zone_fail(w->error, ZW_ZERR_JOURNAL, 0, 0,
			"the journal ends before the state that is looked for");
	return r;
}

struct names {
	struct zw_map *map;
	int64_t more; /* records than at first */
	int64_t sum;  /* of the records that all states have at least */
};

/* Any value but NULL. */
static int note_name(void *ctx, bool add, const struct zw_record *record)
{
	struct names *names = ctx;

	names->more += add ? 1 : -1;
	return zw_map_put(names->map, record->owner, record->owner_len, ctx, NULL);
}

/* -EFBIG before any of the states is made, where that many new records show what becomes of it. */
static int collect_names(struct walk w, struct zw_map *map, size_t *ret_transactions)
{
	struct names names = {.map = map};
	struct zw_journal_transaction t;
	size_t n = 0;
	int r;

	for (r = next(&w, &t); r > 0; r = next(&w, &t)) {
		r = zw_journal_records(&t, w.origin, note_name, &names, w.error);
		if (r < 0)
			break;
		n++;
		names.sum += names.more > 0 ? names.more : 0;
		if (names.sum > ZW_PART_RECORDS_MAX)
			return -EFBIG;
	}
	*ret_transactions = n;
	return r;
}

static int cut(const struct zw_hash_key *key, const struct zw_snapshot *s,
	const struct zw_map *names, struct zw_snapshot **ret_part)
{
	_zw_free_ const uint8_t **name = calloc(zw_map_len(names) + 1, sizeof(*name));
	size_t it = 0, n = 0;
	const void *one;
	void *value;

	if (!name)
		return -ENOMEM;
	while (zw_map_next(names, &it, &one, NULL, &value))
		name[n++] = one;
	return zw_part_new(key, zw_snapshot_origin(s), s, name, n, ret_part);
}

static int take_record(void *ctx, bool add, const struct zw_record *record)
{
	return zw_replay_apply(ctx, add, record);
}

/* The state after transaction @t. Each is made from the one before: from the first, all that was done since would have to
 * be gone through for each of them. */
static int step(const struct walk *w, const struct zw_journal_transaction *t,
	struct zw_snapshot *before, struct zw_snapshot **ret_after)
{
	_zw_patch_ struct zw_patch *patch = NULL;
	int r = zw_patch_new(before, &patch);

	if (r == 0)
		r = zw_journal_records(t, w->origin, take_record, patch, w->error);
	if (r == -ENOENT)
		r = zw_zone_fail(w->error, ZW_ZERR_JOURNAL, 0, 0,
			"a transaction does not fit what was there");
	return r < 0 ? r : zw_patch_finish(patch, ret_after);
}

static int run(struct walk w, struct zw_part_steps *steps)
{
	struct zw_journal_transaction t;
	size_t records = zw_snapshot_count(steps->state[0]);
	int r = next(&w, &t);

	for (; r > 0; r = next(&w, &t)) {
		r = step(&w, &t, steps->state[steps->states - 1], &steps->state[steps->states]);
		if (r < 0)
			break;
		records += zw_snapshot_count(steps->state[steps->states++]);
		if (records > ZW_PART_RECORDS_MAX)
			return -EFBIG;
	}
	return r;
}

int zw_part_steps(const struct zw_hash_key *key, const struct zw_journal *j,
	struct zw_journal_position from, struct zw_journal_position to, const struct zw_snapshot *s,
	struct zw_part_steps *ret_steps, struct zw_zone_error *ret_error)
{
	struct walk w = {
		.j = j, .at = from, .to = to, .origin = zw_snapshot_origin(s), .error = ret_error};
	_zw_part_steps_ struct zw_part_steps steps = {};
	_zw_map_free_ struct zw_map *names = NULL;
	size_t n = 0;
	int r = zw_map_new(&names);

	if (r == 0)
		r = zw_map_put(names, w.origin, zw_name_len(w.origin), names, NULL);
	if (r == 0)
		r = collect_names(w, names, &n);
	if (r < 0)
		return r;
	steps.state = calloc(n + 1, sizeof(struct zw_snapshot *));
	if (!steps.state)
		return -ENOMEM;
	r = cut(key, s, names, &steps.state[0]);
	if (r == 0) {
		steps.states = 1;
		r = run(w, &steps);
	}
	if (r < 0)
		return r;
	*ret_steps = steps;
	steps = (struct zw_part_steps){};
	return 0;
}
