/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index of RRsets is in the order of the zone itself, so that one pass over both finds the last change of every
 * record. What is told of the changes is read in the order they were stored. */
#include "sink/history_blame.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "sink/history_key.h"
#include "sink/history_read_impl.h"
#include "zone/diff.h"

/* Rows of one RRset that are stepped over before the next one is searched. */
#define ROWS_MAX 16

struct work {
	struct zw_reader *reader;
	int64_t zone_id;
	const struct zw_blame_scope *scope;
	struct zw_snapshot *snapshot;
	ZW_VEC(struct zw_blame_rrset) rrsets;
	ZW_VEC(struct zw_blame_change) changes;
	ZW_VEC(char *) texts;
	struct zw_map *by_id;  /* text.id -> text */
	const uint8_t *key_of; /* the name that is looked at, of the snapshot */
	struct zw_str key;     /* and its key */
};

void zw_blame_done(struct zw_blame *blame)
{
	zw_reader_state_done(&blame->state);
	free(blame->rrset);
	free(blame->change);
	for (size_t i = 0; i < blame->texts; i++)
		free(blame->text[i]);
	free(blame->text);
	*blame = (struct zw_blame){};
}

static void work_done(struct work *w)
{
	zw_vec_free(&w->rrsets);
	zw_vec_free(&w->changes);
	ZW_VEC_FOREACH(text, &w->texts)
		free(*text);
	zw_vec_free(&w->texts);
	zw_map_free(w->by_id);
	zw_str_free(&w->key);
	zw_snapshot_unref(w->snapshot);
}

/* The next RRset of the zone that is asked about. */
static bool next_rrset(const struct work *w, size_t *it, struct zw_rrset *ret_rrset)
{
	while (zw_snapshot_next(w->snapshot, it, ret_rrset)) {
		if (w->scope->subtree ? !zw_name_is_within(ret_rrset->owner, w->scope->name)
				      : !zw_name_equal(ret_rrset->owner, w->scope->name))
			return false;
		if (!w->scope->type || ret_rrset->type == w->scope->type)
			return true;
	}
	return false;
}

static int collect_rrsets(struct work *w)
{
	size_t it = zw_snapshot_seek(w->snapshot, w->scope->name);
	struct zw_rrset rrset;
	int r = 0;

	while (r == 0 && next_rrset(w, &it, &rrset))
		r = zw_vec_push(&w->rrsets, (struct zw_blame_rrset){.rrset = rrset});
	return r;
}

/* How the RRset stands to the row (name, type) of the index. */
static int compare(struct work *w, const struct zw_rrset *rrset, sqlite3_stmt *stmt)
{
	const void *name = sqlite3_column_blob(stmt, 0);
	size_t len = (size_t)sqlite3_column_bytes(stmt, 0);
	int type = sqlite3_column_int(stmt, 1), c;
	size_t common;

	if (w->key_of != rrset->owner) {
		w->key_of = rrset->owner;
		w->key.len = 0;
		if (zw_name_key(rrset->owner, &w->key) < 0)
			return 0;
	}
	common = w->key.len < len ? w->key.len : len;
	c = common > 0 ? memcmp(w->key.buf, name, common) : 0;
	if (c == 0)
		c = (w->key.len > len) - (w->key.len < len);
	return c ? c : (rrset->type > type) - (rrset->type < type);
}

/* Where the scan goes on: before (name, type). */
static int bind_bound(sqlite3_stmt *stmt, const void *name, size_t len, int type)
{
	int code = sqlite3_bind_blob(stmt, 3, name, (int)len, SQLITE_TRANSIENT);

	sqlite3_bind_int(stmt, 4, type);
	return code == SQLITE_OK ? 0 : -ENOMEM;
}

/* Goes to the RRset of the row; those above it have no event. False when the row is about one that is gone. */
static bool descend(struct work *w, sqlite3_stmt *stmt, size_t *left)
{
	while (*left > 0) {
		int c = compare(w, &w->rrsets.items[*left - 1].rrset, stmt);

		if (c <= 0)
			return c == 0;
		--*left;
	}
	return false;
}

/* Gives the RRsets the number of the last event about them: from the end of the zone and of the index backwards, so
 * that the newest row of an RRset comes first. What comes after it is passed over, and by a search when it is much: the
 * SOA has a row of every change. */
static int merge(struct work *w, sqlite3_stmt *stmt)
{
	const struct zw_blame_rrset *last = NULL;
	size_t left = w->rrsets.len, rows = 0;
	int r;

	while (left > 0 && (r = zw_reader_step(w->reader, stmt)) != 0) {
		struct zw_blame_rrset *b;

		if (r < 0)
			return r;
		if (!descend(w, stmt, &left)) {
			if (w->key.failed)
				return -ENOMEM;
			continue;
		}
		b = &w->rrsets.items[left - 1];
		rows = b == last ? rows + 1 : 0;
		/* A deletion is not what made it: some state that no event is of did. */
		if (rows == 0 && sqlite3_column_int(stmt, 3) != ZW_DIFF_DELETE)
			b->seq = (uint64_t)sqlite3_column_int64(stmt, 2);
		last = b;
		if (rows < ROWS_MAX)
			continue;
		sqlite3_reset(stmt);
		r = bind_bound(stmt, w->key.buf, w->key.len, b->rrset.type);
		if (r < 0)
			return r;
	}
	return w->key.failed ? -ENOMEM : 0;
}

static int find_last_events(struct work *w)
{
	static const char text[] = "SELECT name, type, seq, op FROM rrset"
				   " WHERE name >= ?1 AND zone_id = ?2 AND (name, type) < (?3, ?4)"
				   " ORDER BY name DESC, type DESC, seq DESC";
	_zw_str_ struct zw_str begin = {}, end = {};
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_name_key(w->scope->name, &begin), type = 0;

	if (r == 0 && w->scope->subtree) {
		r = zw_name_key_end(w->scope->name, &end);
	} else if (r == 0) {
		zw_str_add_len(&end, begin.buf ? begin.buf : "", begin.len);
		type = UINT16_MAX + 1;
	}
	if (r == -ERANGE) {
		/* Below the root is everything; no label has so many octets. */
		for (size_t i = 0; i <= ZW_LABEL_MAX; i++)
			zw_str_add_char(&end, (char)0xff);
		r = 0;
	}
	if (r == 0)
		r = end.failed ? -ENOMEM : zw_reader_sql(w->reader, text, &stmt);
	if (r < 0)
		return r;
	sqlite3_bind_blob(stmt, 1, begin.buf ? begin.buf : "", (int)begin.len, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, w->zone_id);
	r = bind_bound(stmt, end.buf ? end.buf : "", end.len, type);
	return r < 0 ? r : merge(w, stmt);
}

/* An interned text by its number, read once. */
static int find_text(struct work *w, sqlite3_stmt *from, int column, const char **ret_text)
{
	static const char sql[] = "SELECT text FROM text WHERE id = ?1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	_zw_free_ char *text = NULL;
	int64_t id;
	int r;

	if (sqlite3_column_type(from, column) == SQLITE_NULL)
		return 0;
	id = sqlite3_column_int64(from, column);
	*ret_text = zw_map_get(w->by_id, &id, sizeof(id));
	if (*ret_text)
		return 0;
	r = zw_reader_row(w->reader, sql, id, &stmt);
	if (r == -ENOENT)
		return zw_reader_damaged(w->reader, "text %lld is gone", (long long)id);
	if (r == 0)
		r = zw_reader_text(stmt, 0, &text);
	if (r == 0 && text)
		r = zw_vec_push(&w->texts, text);
	if (r < 0 || !text)
		return r;
	*ret_text = text;
	return zw_map_put(w->by_id, &id, sizeof(id), ZW_TAKE(text), NULL);
}

static int take_words(struct zw_reader *reader, sqlite3_stmt *stmt, struct zw_blame_change *change)
{
	const char *channel = (const char *)sqlite3_column_text(stmt, 2);
	const char *attribution = (const char *)sqlite3_column_text(stmt, 3);
	const char *verdict = (const char *)sqlite3_column_text(stmt, 4);

	if ((channel && zw_channel_from_string(channel, &change->channel) < 0) ||
		(attribution &&
			zw_attribution_from_string(attribution, &change->attribution) < 0) ||
		(verdict && zw_verdict_from_string(verdict, &change->verdict) < 0))
		return zw_reader_damaged(reader, "event %llu has words that are none",
			(unsigned long long)change->seq);
	return 0;
}

static int read_change(struct work *w, uint64_t seq, struct zw_blame_change *ret_change)
{
	static const char text[] =
		"SELECT e.id, e.time_ns, e.channel, e.attribution, e.verdict,"
		" a.uid, a.user, a.tsig_key, a.exe, a.peer,"
		" EXISTS (SELECT 1 FROM ack WHERE ack.seq = e.seq)"
		" FROM event e LEFT JOIN actor a ON a.seq = e.seq AND a.n = 0 WHERE e.seq = ?1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	struct zw_blame_change change = {.seq = seq, .uid = -1};
	const unsigned char *id;
	const void *peer;
	int r = zw_reader_row(w->reader, text, (int64_t)seq, &stmt);

	if (r == -ENOENT)
		return zw_reader_damaged(w->reader, "event %llu is gone", (unsigned long long)seq);
	if (r == 0)
		r = take_words(w->reader, stmt, &change);
	if (r == 0)
		r = find_text(w, stmt, 6, &change.user);
	if (r == 0)
		r = find_text(w, stmt, 7, &change.tsig_key);
	if (r == 0)
		r = find_text(w, stmt, 8, &change.exe);
	if (r < 0)
		return r;
	id = sqlite3_column_text(stmt, 0);
	snprintf(change.id, sizeof(change.id), "%s", id ? (const char *)id : "");
	change.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1);
	if (sqlite3_column_type(stmt, 5) != SQLITE_NULL)
		change.uid = sqlite3_column_int64(stmt, 5);
	peer = sqlite3_column_blob(stmt, 9);
	change.has_peer = peer && sqlite3_column_bytes(stmt, 9) == sizeof(change.peer);
	if (change.has_peer)
		memcpy(change.peer, peer, sizeof(change.peer));
	change.acked = sqlite3_column_int(stmt, 10);
	*ret_change = change;
	return 0;
}

static int compare_by_seq(const void *a, const void *b)
{
	const struct zw_blame_rrset *const *x = a, *const *y = b;

	return ((*x)->seq > (*y)->seq) - ((*x)->seq < (*y)->seq);
}

/* In the order of storing, which is the order on disk, each once. */
static int read_changes(struct work *w)
{
	ZW_VEC(struct zw_blame_rrset *) sorted = {};
	int r = 0;

	ZW_VEC_FOREACH(b, &w->rrsets)
		if (b->seq && r == 0)
			r = zw_vec_push(&sorted, b);
	if (sorted.len > 0)
		qsort(sorted.items, sorted.len, sizeof(*sorted.items), compare_by_seq);
	for (size_t i = 0; i < sorted.len && r == 0; i++) {
		struct zw_blame_change change;

		if (i > 0 && sorted.items[i]->seq == sorted.items[i - 1]->seq) {
			sorted.items[i]->change = sorted.items[i - 1]->change;
			continue;
		}
		r = read_change(w, sorted.items[i]->seq, &change);
		if (r == 0)
			r = zw_vec_push(&w->changes, change);
		sorted.items[i]->change = (uint32_t)(w->changes.len - 1);
	}
	zw_vec_free(&sorted);
	return r;
}

/* What no event is of was there from the beginning, or came about unseen by the history. */
static int look_at_first(struct work *w, uint64_t *ret_begin_ns)
{
	_zw_reader_state_ struct zw_reader_state first = {};
	int r = zw_reader_first_state(w->reader, w->zone_id, &first);

	if (r < 0)
		return r;
	for (size_t i = 0; i < w->rrsets.len; i++) {
		struct zw_blame_rrset *b = &w->rrsets.items[i];
		struct zw_rrset old;

		if (b->seq)
			continue;
		b->older =
			zw_snapshot_lookup(first.snapshot, b->rrset.owner, b->rrset.type, &old) &&
			zw_rrset_equal(&old, &b->rrset);
	}
	*ret_begin_ns = first.time_ns;
	return 0;
}

int zw_reader_blame(struct zw_reader *reader, int64_t zone_id, const struct zw_blame_scope *scope,
	struct zw_blame *ret_blame)
{
	_zw_cleanup_(work_done) struct work w = {
		.reader = reader, .zone_id = zone_id, .scope = scope};
	_zw_reader_state_ struct zw_reader_state state = {};
	uint64_t begin_ns = 0;
	int r = zw_map_new(&w.by_id);

	if (r == 0)
		r = zw_reader_state(
			reader, zone_id, &(struct zw_moment){.kind = ZW_MOMENT_LAST}, &state);
	if (r < 0)
		return r;
	w.snapshot = zw_snapshot_ref(state.snapshot);
	r = collect_rrsets(&w);
	if (r == 0)
		r = find_last_events(&w);
	if (r == 0)
		r = read_changes(&w);
	if (r == 0)
		r = look_at_first(&w, &begin_ns);
	if (r < 0)
		return r;
	*ret_blame = (struct zw_blame){
		.state = state,
		.rrset = w.rrsets.items,
		.rrsets = w.rrsets.len,
		.change = w.changes.items,
		.changes = w.changes.len,
		.text = w.texts.items,
		.texts = w.texts.len,
		.begin_ns = begin_ns,
	};
	state = (struct zw_reader_state){};
	w.rrsets.items = NULL;
	w.changes.items = NULL;
	w.texts.items = NULL;
	w.texts.len = 0;
	return 0;
}
