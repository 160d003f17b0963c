/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States of zones at any moment. What the history has of a zone is a line of states: a complete one (base), those that
 * patches make of it, the next complete one, and so on; a moment is a place in that line. */
#include "sink/history_read.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sink/history_impl.h"
#include "sink/history_patch.h"
#include "sink/history_read_impl.h"

/* A state in the line. */
struct item {
	int64_t patch_id; /* 0: the base itself */
	uint64_t time_ns;
	uint64_t seq; /* 0: no event made it */
	bool has_serial;
	uint32_t serial;
};

/* A base and what follows it. */
struct block {
	int64_t base_id;
	bool unknown; /* the base says that the state is not known from here on */
	ZW_VEC(struct item) items;
};

static void block_done(struct block *b)
{
	zw_vec_free(&b->items);
}
#define _block_ _zw_cleanup_(block_done)

void zw_reader_state_done(struct zw_reader_state *state)
{
	zw_snapshot_unref(state->snapshot);
	*state = (struct zw_reader_state){};
}

/* id, time_ns, serial, seq */
static struct item take_item(sqlite3_stmt *stmt, bool is_base)
{
	return (struct item){
		.patch_id = is_base ? 0 : sqlite3_column_int64(stmt, 0),
		.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1),
		.has_serial = sqlite3_column_type(stmt, 2) != SQLITE_NULL,
		.serial = (uint32_t)sqlite3_column_int64(stmt, 2),
		.seq = (uint64_t)sqlite3_column_int64(stmt, 3),
	};
}

static int read_patches(struct zw_reader *reader, struct block *b)
{
	static const char text[] = "SELECT id, time_ns, serial, seq FROM patch"
				   " WHERE base_id = ?1 ORDER BY id";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, b->base_id);
	while ((r = zw_reader_step(reader, stmt)) > 0) {
		r = zw_vec_push(&b->items, take_item(stmt, false));
		if (r < 0)
			return r;
	}
	return r;
}

/* The newest block of the zone that is older than the base @before (INT64_MAX: of all). -ENOENT. */
static int read_block(
	struct zw_reader *reader, int64_t zone_id, int64_t before, struct block *ret_block)
{
	static const char text[] = "SELECT id, time_ns, serial, seq, blob IS NULL FROM base"
				   " WHERE zone_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	_block_ struct block b = {};
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, zone_id);
	sqlite3_bind_int64(stmt, 2, before);
	r = zw_reader_step(reader, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	b.base_id = sqlite3_column_int64(stmt, 0);
	b.unknown = sqlite3_column_int(stmt, 4);
	r = zw_vec_push(&b.items, take_item(stmt, true));
	if (r == 0)
		r = read_patches(reader, &b);
	if (r < 0)
		return r;
	block_done(ret_block);
	*ret_block = b;
	b = (struct block){};
	return 0;
}

static bool is_at_or_before(const struct item *item, const struct zw_moment *m)
{
	switch (m->kind) {
	case ZW_MOMENT_TIME:
		return item->time_ns <= m->time_ns;
	case ZW_MOMENT_SERIAL:
		return item->has_serial && item->serial == m->serial;
	case ZW_MOMENT_AFTER:
		return item->seq && item->seq <= m->seq;
	case ZW_MOMENT_BEFORE:
		return item->seq && item->seq < m->seq;
	default:
		return true;
	}
}

/* The last item of the block that belongs to the moment, or -1. */
static ssize_t find_in_block(const struct block *b, const struct zw_moment *m)
{
	ssize_t i = (ssize_t)b->items.len - 1;

	while (i >= 0 && !is_at_or_before(&b->items.items[i], m))
		i--;
	return i;
}

/* States that no event made stand between those of two events. After the former of the two they count as well, unless
 * it is asked for by itself. */
static ssize_t extend(const struct block *b, const struct zw_moment *m, ssize_t i)
{
	bool by_itself = i >= 0 && b->items.items[i].seq == m->seq;

	if (m->kind != ZW_MOMENT_AFTER || by_itself)
		return i;
	while ((size_t)(i + 1) < b->items.len && !b->items.items[i + 1].seq)
		i++;
	return i;
}

/* The first item that event @seq made, or -1. */
static ssize_t find_made_by(const struct block *b, uint64_t seq)
{
	for (size_t i = 0; i < b->items.len; i++)
		if (b->items.items[i].seq == seq)
			return (ssize_t)i;
	return -1;
}

/* The item of the moment in this block, or -1. *made: the event of the moment made a state in a newer block, so that
 * what was before it is the end of an older one. */
static ssize_t look_at_block(const struct block *b, const struct zw_moment *m, bool *made)
{
	ssize_t i;

	if (m->kind == ZW_MOMENT_BEFORE) {
		i = find_made_by(b, m->seq);
		if (i >= 0 || *made) {
			*made = true;
			return i >= 0 ? i - 1 : (ssize_t)b->items.len - 1;
		}
	}
	i = find_in_block(b, m);
	return i >= 0 ? extend(b, m, i) : -1;
}

/* An event that no state is of, older than all that are: it belongs to the first states, which have none either. */
static bool is_before_all(const struct block *oldest, const struct zw_moment *m)
{
	return (m->kind == ZW_MOMENT_AFTER || m->kind == ZW_MOMENT_BEFORE) &&
	       oldest->items.len > 0 && !oldest->unknown && !oldest->items.items[0].seq;
}

/* Finds the block of the moment, and which of its items it is. */
static int find_item(struct zw_reader *reader, int64_t zone_id, const struct zw_moment *m,
	struct block *b, size_t *ret_item)
{
	int64_t before = INT64_MAX;
	bool made = false;
	ssize_t i;
	int r;

	while ((r = read_block(reader, zone_id, before, b)) == 0) {
		before = b->base_id;
		/* The last state that was known is the last one there is. */
		if (b->unknown && m->kind != ZW_MOMENT_TIME)
			continue;
		i = look_at_block(b, m, &made);
		if (i < 0)
			continue;
		*ret_item = (size_t)i;
		return b->unknown ? -ENODATA : 0;
	}
	if (r != -ENOENT || made || !is_before_all(b, m))
		return r;
	*ret_item = m->kind == ZW_MOMENT_AFTER ? (size_t)extend(b, m, 0) : 0;
	return 0;
}

static int read_base(struct zw_reader *reader, int64_t base_id, struct zw_snapshot **ret_snapshot)
{
	static const char text[] = "SELECT raw_len, blob FROM base WHERE id = ?1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_row(reader, text, base_id, &stmt);

	if (r == -ENOENT)
		return zw_reader_damaged(reader, "state %lld is gone", (long long)base_id);
	if (r < 0)
		return r;
	r = zw_history_unpack_state(&reader->key, sqlite3_column_blob(stmt, 1),
		(size_t)sqlite3_column_bytes(stmt, 1), (size_t)sqlite3_column_int64(stmt, 0),
		ret_snapshot);
	if (r == -EUCLEAN)
		return zw_reader_damaged(
			reader, "state %lld does not check out", (long long)base_id);
	return r;
}

static int add_patches(struct zw_reader *reader, int64_t base_id, int64_t last_id,
	const uint8_t *origin, struct zw_patch_list *list)
{
	static const char text[] = "SELECT patch.id, coalesce(patch.blob, event.delta) FROM patch"
				   " LEFT JOIN event ON event.seq = patch.seq"
				   " WHERE patch.base_id = ?1 AND patch.id <= ?2 ORDER BY patch.id";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, base_id);
	sqlite3_bind_int64(stmt, 2, last_id);
	while ((r = zw_reader_step(reader, stmt)) > 0) {
		const void *data = sqlite3_column_blob(stmt, 1);

		r = data ? zw_patch_add_delta(
				   list, origin, data, (size_t)sqlite3_column_bytes(stmt, 1))
			 : -EBADMSG;
		if (r == -EBADMSG || r == -EFBIG)
			return zw_reader_damaged(reader, "patch %lld does not check out",
				(long long)sqlite3_column_int64(stmt, 0));
		if (r < 0)
			return r;
	}
	return r;
}

static int rebuild(struct zw_reader *reader, const struct block *b, size_t at,
	struct zw_snapshot **ret_snapshot)
{
	_zw_snapshot_ struct zw_snapshot *base = NULL;
	_zw_patch_list_ struct zw_patch_list list = {};
	int r = read_base(reader, b->base_id, &base);

	if (r < 0)
		return r;
	if (at == 0) {
		*ret_snapshot = ZW_TAKE(base);
		return 0;
	}
	r = add_patches(
		reader, b->base_id, b->items.items[at].patch_id, zw_snapshot_origin(base), &list);
	if (r == 0)
		r = zw_patch_list_apply(&reader->key, base, &list, ret_snapshot);
	if (r == -EBADMSG || r == -EFBIG)
		return zw_reader_damaged(
			reader, "the patches of state %lld do not fit it", (long long)b->base_id);
	return r;
}

/* The event that led to the item, past states that no event made. */
static uint64_t last_seq(const struct block *b, size_t at)
{
	for (size_t i = at + 1; i > 0; i--)
		if (b->items.items[i - 1].seq)
			return b->items.items[i - 1].seq;
	return 0;
}

int zw_reader_state(struct zw_reader *reader, int64_t zone_id, const struct zw_moment *moment,
	struct zw_reader_state *ret_state)
{
	struct zw_snapshot *snapshot;
	_block_ struct block b = {};
	size_t at;
	int r = find_item(reader, zone_id, moment, &b, &at);

	if (r == 0)
		r = rebuild(reader, &b, at, &snapshot);
	if (r < 0)
		return r;
	*ret_state = (struct zw_reader_state){
		.snapshot = snapshot,
		.time_ns = b.items.items[at].time_ns,
		.seq = last_seq(&b, at),
	};
	return 0;
}

int zw_reader_first_state(
	struct zw_reader *reader, int64_t zone_id, struct zw_reader_state *ret_state)
{
	static const char text[] = "SELECT id, time_ns, seq FROM base"
				   " WHERE zone_id = ?1 AND blob IS NOT NULL ORDER BY id LIMIT 1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	struct zw_snapshot *snapshot;
	int r = zw_reader_row(reader, text, zone_id, &stmt);

	if (r < 0)
		return r;
	r = read_base(reader, sqlite3_column_int64(stmt, 0), &snapshot);
	if (r < 0)
		return r;
	*ret_state = (struct zw_reader_state){
		.snapshot = snapshot,
		.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1),
		.seq = (uint64_t)sqlite3_column_int64(stmt, 2),
	};
	return 0;
}
