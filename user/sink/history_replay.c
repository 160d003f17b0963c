/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink/history_delta.h"
#include "sink/history_impl.h"
#include "zone/draft.h"

struct zw_replay_book {
	struct zw_history *history;
	struct zw_map *zones; /* server NUL view NUL zone NUL -> struct zone */
};

struct zone {
	struct zw_draft *draft; /* as the history has it; NULL: not known */
	uint64_t time_ns;       /* since when it is so */
	bool ended; /* something is missing that came after it: nothing leads on from there */
};

int zw_replay_book_new(struct zw_history *history, struct zw_replay_book **ret_book)
{
	_zw_replay_book_ struct zw_replay_book *book = calloc(1, sizeof(*book));
	int r;

	if (!book)
		return -ENOMEM;
	book->history = history;
	r = zw_map_new(&book->zones);
	if (r < 0)
		return r;
	*ret_book = ZW_TAKE(book);
	return 0;
}

void zw_replay_book_free(struct zw_replay_book *book)
{
	void *value;

	if (!book)
		return;
	for (size_t it = 0; book->zones && zw_map_next(book->zones, &it, NULL, NULL, &value);) {
		struct zone *zone = value;

		zw_draft_free(zone->draft);
		free(zone);
	}
	zw_map_free(book->zones);
	free(book);
}

static int read_state(
	struct zw_replay_book *book, const struct zw_history_zone *name, struct zone *zone)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	int r = zw_history_load_zone(book->history, name, &snapshot, &zone->time_ns);

	zw_draft_free(ZW_TAKE(zone->draft));
	zone->ended = false;
	if (r == -ENOENT || r == -EUCLEAN)
		return 0;
	return r < 0 ? r : zw_draft_new(snapshot, &zone->draft);
}

static int zone_key(const struct zw_history_zone *name, struct zw_str *key)
{
	zw_str_add_len(key, name->server, strlen(name->server) + 1);
	zw_str_add_len(key, name->view, strlen(name->view) + 1);
	zw_str_add_len(key, name->zone, strlen(name->zone) + 1);
	return key->failed ? -ENOMEM : 0;
}

static int get_zone(
	struct zw_replay_book *book, const struct zw_history_zone *name, struct zone **ret_zone)
{
	_zw_free_ struct zone *zone = NULL;
	_zw_str_ struct zw_str key = {};
	int r;

	r = zone_key(name, &key);
	if (r < 0)
		return r;
	*ret_zone = zw_map_get(book->zones, key.buf, key.len);
	if (*ret_zone)
		return 0;
	zone = calloc(1, sizeof(*zone));
	if (!zone)
		return -ENOMEM;
	r = read_state(book, name, zone);
	if (r == 0)
		r = zw_map_put(book->zones, key.buf, key.len, zone, NULL);
	if (r < 0) {
		zw_draft_free(zone->draft);
		return r;
	}
	*ret_zone = ZW_TAKE(zone);
	return 0;
}

/* Whether the RRset is as @side says. */
static bool is_before(const struct zw_draft_set *set, const struct zw_delta_side *side)
{
	struct zw_bytes in = {side->records, side->len, false};
	struct zw_delta_record record;
	bool found;

	if ((set ? set->count : 0) != side->count)
		return false;
	while (zw_delta_record(side, &in, &record)) {
		size_t at = zw_draft_search(set, record.rdata, record.len, &found);

		if (!found || set->rr[at].ttl != record.ttl)
			return false;
	}
	return true;
}

static int make_after(
	struct zw_draft *draft, struct zw_draft_name *name, const struct zw_delta_rrset *rrset)
{
	struct zw_bytes in = {rrset->after.records, rrset->after.len, false};
	struct zw_draft_set *set = zw_draft_find(name, rrset->type);
	struct zw_delta_record record;
	int r = 0;

	while (set && set->count > 0)
		zw_draft_remove(set, set->count - 1);
	while (r == 0 && zw_delta_record(&rrset->after, &in, &record))
		r = zw_draft_put(draft, name, rrset->type, record.ttl, record.rdata, record.len);
	return r;
}

/* One pass that compares, one that changes. 1: it leads on; 0: it does not. */
static int lead(struct zw_draft *draft, const void *delta, size_t len, bool change)
{
	_zw_delta_ struct zw_delta_reader reader = {};
	struct zw_delta_rrset rrset;
	int r = zw_delta_begin(&reader, zw_snapshot_origin(zw_draft_base(draft)), delta, len);

	while (r == 0 && (r = zw_delta_next(&reader, &rrset)) > 0) {
		struct zw_draft_name *name;

		r = zw_draft_open(draft, rrset.owner, &name);
		if (r == 0 && change)
			r = make_after(draft, name, &rrset);
		else if (r == 0 && !is_before(zw_draft_find(name, rrset.type), &rrset.before))
			return 0;
	}
	return r < 0 ? r : 1;
}

static int leads_on(struct zone *zone, const void *delta, size_t len)
{
	int r;

	if (!zone->draft || zone->ended)
		return 0;
	r = lead(zone->draft, delta, len, false);
	if (r > 0)
		r = lead(zone->draft, delta, len, true);
	zone->ended = r <= 0;
	return r;
}

/* Whether an event is there is known only when it is stored, and then its state is as well. */
static int store_change(
	struct zw_replay_book *book, struct zone *zone, struct zw_history_record *record)
{
	struct zw_history_event *event = &record->event;
	int64_t seq;
	int r = zw_history_store_event(book->history, event, &seq);

	if (r < 0)
		return r == -EEXIST ? 0 : r;
	r = leads_on(zone, event->delta, event->delta_len);
	return r > 0 ? zw_history_patch_event(book->history, event, seq) : r;
}

int zw_replay_store(struct zw_replay_book *book, struct zw_history_record *record)
{
	struct zone *zone = NULL;
	int r = 0;

	if (record->kind == ZW_RECORD_EVENT)
		return zw_record_store(book->history, record, NULL);
	r = get_zone(book, &record->event.zone, &zone);
	if (r < 0)
		return r;
	if (record->kind == ZW_RECORD_CHANGE)
		return store_change(book, zone, record);
	if (record->kind == ZW_RECORD_PATCH) {
		r = record->data ? leads_on(zone, record->data, record->len) : 0;
		return r > 0 ? zw_record_store(book->history, record, NULL) : r;
	}
	r = zw_record_store(book->history, record, NULL);
	return r < 0 ? r : read_state(book, &record->event.zone, zone);
}

/* --- without storing ------------------------------------------------------------------------------------- */

static int note_lead(struct zone *zone, const void *delta, size_t len, uint64_t time_ns)
{
	int r = leads_on(zone, delta, len);

	if (r > 0 && time_ns > zone->time_ns)
		zone->time_ns = time_ns;
	return r < 0 ? r : 0;
}

static int note_state(
	struct zw_replay_book *book, struct zone *zone, const struct zw_history_record *record)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	struct zw_draft *draft;
	int r = zw_snapshot_load(&book->history->key, record->data, record->len, &snapshot);

	if (r == 0)
		r = zw_draft_new(snapshot, &draft);
	if (r < 0)
		return r;
	zw_draft_free(zone->draft);
	*zone = (struct zone){.draft = draft, .time_ns = record->time_ns};
	return 0;
}

int zw_replay_note(struct zw_replay_book *book, const struct zw_history_record *record)
{
	const struct zw_history_event *event = &record->event;
	struct zone *zone = NULL;
	int r;

	if (record->kind == ZW_RECORD_EVENT)
		return 0;
	r = get_zone(book, &event->zone, &zone);
	if (r < 0)
		return r;
	if (record->kind == ZW_RECORD_CHANGE) {
		r = zw_history_event_seq(book->history, event->id, &(int64_t){0});
		return r == -ENOENT
			       ? note_lead(zone, event->delta, event->delta_len, event->time_ns)
			       : r;
	}
	if (!record->data)
		return 0;
	return record->kind == ZW_RECORD_PATCH
		       ? note_lead(zone, record->data, record->len, record->time_ns)
		       : note_state(book, zone, record);
}

int zw_replay_state(struct zw_replay_book *book, const struct zw_history_zone *name,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns)
{
	_zw_str_ struct zw_str key = {};
	const struct zone *zone;
	int r = zone_key(name, &key);

	if (r < 0)
		return r;
	zone = zw_map_get(book->zones, key.buf, key.len);
	if (!zone)
		return zw_history_load_zone(book->history, name, ret_snapshot, ret_time_ns);
	if (!zone->draft)
		return -ENOENT;
	r = zw_draft_snapshot(zone->draft, ret_snapshot);
	if (r == 0)
		*ret_time_ns = zone->time_ns;
	return r;
}
