/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/trail.h"

#include <errno.h>

#include "dns/name.h"

/* One RRset that a change replaced. */
struct replaced {
	uint64_t zone;
	uint64_t step; /* those of one change have the same */
	uint64_t told_ns;
	uint64_t name;   /* of owner and type; 0: the trail of the zone breaks here */
	uint64_t before; /* of what was there; 0: nothing */
};

struct zw_trail {
	const struct zw_hash_key *key;
	uint64_t steps;
	uint64_t next; /* how many were ever entered: the last is next - 1, modulo the size */
	struct replaced item[ZW_TRAIL_MAX];
};

int zw_trail_new(const struct zw_hash_key *key, struct zw_trail **ret_trail)
{
	struct zw_trail *trail = calloc(1, sizeof(*trail));

	if (!trail)
		return -ENOMEM;
	trail->key = key;
	*ret_trail = trail;
	return 0;
}

void zw_trail_free(struct zw_trail *trail)
{
	free(trail);
}

/* --- hashes, of which none is 0 ------------------------------------------------------------------------ */

static uint64_t fold(const struct zw_trail *trail, uint64_t sum, const void *data, size_t len)
{
	uint64_t pair[2] = {sum, zw_hash_bytes(trail->key, data, len)};
	uint64_t hash = zw_hash_bytes(trail->key, pair, sizeof(pair));

	return hash ? hash : 1;
}

static uint64_t hash_name(const struct zw_trail *trail, const struct zw_diff_entry *e)
{
	return fold(trail, e->type, e->owner, zw_name_len(e->owner));
}

/* Records are in canonical order. */
static uint64_t hash_content(const struct zw_trail *trail, const struct zw_rrset *set)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t ttl = zw_rrset_ttl(set, i);
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		sum = fold(trail, sum, &ttl, sizeof(ttl));
		sum = fold(trail, sum, rdata, len);
	}
	return sum;
}

/* --- what was replaced --------------------------------------------------------------------------------- */

static void enter(struct zw_trail *trail, struct replaced item)
{
	item.step = trail->steps;
	trail->item[trail->next++ % ZW_TRAIL_MAX] = item;
}

void zw_trail_add(
	struct zw_trail *trail, uint64_t zone, uint64_t now_ns, const struct zw_diff *diff)
{
	/* One that is so large takes all the room there is. */
	if (diff->len > ZW_TRAIL_MAX / 4) {
		zw_trail_break(trail, zone);
		return;
	}
	trail->steps++;
	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *e = &diff->entries[i];

		enter(trail, (struct replaced){.zone = zone,
				     .told_ns = now_ns,
				     .name = hash_name(trail, e),
				     .before = hash_content(trail, &e->before)});
	}
}

void zw_trail_break(struct zw_trail *trail, uint64_t zone)
{
	trail->steps++;
	enter(trail, (struct replaced){.zone = zone});
}

/* --- looking back --------------------------------------------------------------------------------------- */

/* One RRset that is looked for. */
struct wanted {
	uint64_t content;
	bool there;
};

struct search {
	const struct zw_trail *trail;
	struct wanted *wanted;
	struct zw_map *by_name;
	size_t missing;
};

static void set_there(struct search *s, struct wanted *w, bool there)
{
	if (w->there == there)
		return;
	w->there = there;
	s->missing += there ? (size_t)-1 : 1;
}

static int begin_search(struct search *s, const struct zw_snapshot *now, const struct zw_diff *diff)
{
	int r = zw_map_new(&s->by_name);

	s->wanted = calloc(diff->len ? diff->len : 1, sizeof(*s->wanted));
	if (r < 0 || !s->wanted)
		return -ENOMEM;
	s->missing = diff->len;
	for (size_t i = 0; r == 0 && i < diff->len; i++) {
		const struct zw_diff_entry *e = &diff->entries[i];
		struct wanted *w = &s->wanted[i];
		uint64_t name = hash_name(s->trail, e);
		struct zw_rrset set = {};

		(void)zw_snapshot_lookup(now, e->owner, e->type, &set);
		w->content = hash_content(s->trail, &e->after);
		set_there(s, w, hash_content(s->trail, &set) == w->content);
		r = zw_map_put(s->by_name, &name, sizeof(name), w, NULL);
	}
	return r;
}

static void end_search(struct search *s)
{
	zw_map_free(s->by_name);
	free(s->wanted);
}

static void undo(struct search *s, const struct replaced *item)
{
	struct wanted *w = zw_map_get(s->by_name, &item->name, sizeof(item->name));

	if (w)
		set_there(s, w, item->before == w->content);
}

int zw_trail_had(const struct zw_trail *trail, uint64_t zone, const struct zw_snapshot *now,
	uint64_t since_ns, const struct zw_diff *diff)
{
	uint64_t first = trail->next > ZW_TRAIL_MAX ? trail->next - ZW_TRAIL_MAX : 0, step = 0;
	_zw_cleanup_(end_search) struct search s = {.trail = trail};
	int r = now ? begin_search(&s, now, diff) : 0;

	if (r < 0 || !now)
		return r;
	for (uint64_t i = trail->next; i-- > first;) {
		const struct replaced *item = &trail->item[i % ZW_TRAIL_MAX];

		if (item->zone != zone)
			continue;
		/* The change before is undone as a whole. */
		if (item->step != step && s.missing == 0)
			return 1;
		/* Who asked later cannot have got what it was before that. */
		if (!item->name || item->told_ns < since_ns)
			return 0;
		step = item->step;
		undo(&s, item);
	}
	/* Of the oldest change, part may have been forgotten. */
	return s.missing == 0 && (first == 0 || trail->item[first % ZW_TRAIL_MAX].step != step);
}
