/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The states of zones: how each follows the last one. */
#include "sink/history.h"

#include <errno.h>
#include <string.h>

#include "sink/history_blob.h"
#include "sink/history_delta.h"
#include "sink/history_event.h"
#include "sink/history_impl.h"

/* A state is written anew when its patches have grown to a quarter of it, which bounds both the space and
 * the time to load, though not before they are worth it, or are this many. */
#define PATCH_SHARE 4
#define PATCH_BYTES_MIN (64 << 10)
#define PATCHES_MAX 4096

static int map_key(const struct zw_history_zone *zone, struct zw_str *key)
{
	zw_str_add_len(key, zone->server, strlen(zone->server) + 1);
	zw_str_add_len(key, zone->view, strlen(zone->view) + 1);
	zw_str_add_len(key, zone->zone, strlen(zone->zone) + 1);
	return key->failed ? -ENOMEM : 0;
}

/* The last base and what its patches come to; base_id 0 when there is none that is known. */
static int read_held(struct zw_history *history, struct zw_history_held *held)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_HELD];
	int code, r = 0;

	sqlite3_bind_int64(stmt, 1, held->zone_id);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		bool known = sqlite3_column_type(stmt, 2) != SQLITE_NULL;

		held->base_id = known ? sqlite3_column_int64(stmt, 0) : 0;
		held->time_ns = (uint64_t)sqlite3_column_int64(stmt, 1);
		held->base_bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
	} else {
		r = zw_history_errno(code);
	}
	sqlite3_reset(stmt);
	if (r < 0 || !held->base_id)
		return r;
	stmt = history->sql[ZW_SQL_GET_HELD_PATCHES];
	sqlite3_bind_int64(stmt, 1, held->base_id);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		uint64_t time_ns = (uint64_t)sqlite3_column_int64(stmt, 1);

		held->patches = (uint64_t)sqlite3_column_int64(stmt, 0);
		held->patch_bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
		if (time_ns > held->time_ns)
			held->time_ns = time_ns;
	}
	sqlite3_reset(stmt);
	return zw_history_errno(code);
}

static int get_held(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_history_held **ret_held)
{
	_zw_free_ struct zw_history_held *held = NULL;
	_zw_str_ struct zw_str key = {};
	int r = map_key(zone, &key);

	if (r < 0)
		return r;
	*ret_held = zw_map_get(history->held, key.buf, key.len);
	if (*ret_held)
		return 0;
	held = calloc(1, sizeof(*held));
	if (!held)
		return -ENOMEM;
	r = zw_history_zone_id(history, zone, &held->zone_id);
	if (r == 0)
		r = read_held(history, held);
	if (r == 0)
		r = zw_map_put(history->held, key.buf, key.len, held, NULL);
	if (r < 0)
		return r;
	*ret_held = ZW_TAKE(held);
	return 0;
}

/* In the order they came about, whatever the clock says. */
static uint64_t next_time(const struct zw_history_held *held, uint64_t time_ns)
{
	return held->time_ns > time_ns ? held->time_ns : time_ns;
}

/* @snapshot NULL: unknown from now on. */
static int put_base(struct zw_history *history, struct zw_history_held *held,
	const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_BASE];
	_zw_free_ uint8_t *data = NULL;
	struct zw_blob blob = {};
	int64_t base_id = 0;
	uint32_t serial;
	int r = snapshot ? zw_blob_pack(snapshot, &blob) : 0;

	data = blob.data;
	if (r < 0)
		return r;
	time_ns = next_time(held, time_ns);
	sqlite3_bind_int64(stmt, 1, held->zone_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)time_ns);
	if (snapshot && zw_snapshot_serial(snapshot, &serial))
		sqlite3_bind_int64(stmt, 3, serial);
	if (held->seq)
		sqlite3_bind_int64(stmt, 4, held->seq);
	sqlite3_bind_int64(stmt, 5, (int64_t)blob.raw_len);
	if (snapshot)
		r = zw_history_errno(
			sqlite3_bind_blob64(stmt, 6, blob.data, blob.len, SQLITE_STATIC));
	if (r == 0)
		r = zw_history_run_id(history, ZW_SQL_PUT_BASE, &base_id);
	if (r < 0)
		return r;
	held->base_id = snapshot ? base_id : 0;
	held->time_ns = time_ns;
	held->base_bytes = blob.len;
	held->patch_bytes = held->patches = 0;
	return 0;
}

struct patch {
	uint64_t time_ns;
	bool has_serial;
	uint32_t serial;
	int64_t seq; /* of the event that has the delta; 0: it is here */
	const void *delta;
	size_t len;
};

static int put_patch(
	struct zw_history *history, struct zw_history_held *held, const struct patch *patch)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_PATCH];
	uint64_t time_ns = next_time(held, patch->time_ns);
	int r = 0;

	sqlite3_bind_int64(stmt, 1, held->zone_id);
	sqlite3_bind_int64(stmt, 2, held->base_id);
	sqlite3_bind_int64(stmt, 3, (int64_t)time_ns);
	if (patch->has_serial)
		sqlite3_bind_int64(stmt, 4, patch->serial);
	if (patch->seq)
		sqlite3_bind_int64(stmt, 5, patch->seq);
	else
		r = zw_history_errno(
			sqlite3_bind_blob64(stmt, 6, patch->delta, patch->len, SQLITE_STATIC));
	if (r == 0)
		r = zw_history_run(history, ZW_SQL_PUT_PATCH);
	if (r < 0)
		return r;
	held->time_ns = time_ns;
	held->patch_bytes += patch->len;
	held->patches++;
	if (patch->seq)
		held->seq = patch->seq;
	return 0;
}

static bool is_due(const struct zw_history_held *held, size_t more_bytes)
{
	uint64_t bytes = held->patch_bytes + more_bytes;

	return !held->base_id || held->patches >= PATCHES_MAX ||
	       (bytes > PATCH_BYTES_MIN && bytes > held->base_bytes / PATCH_SHARE);
}

int zw_history_patch_event(
	struct zw_history *history, const struct zw_history_event *event, int64_t seq)
{
	struct zw_history_held *held;
	int r = get_held(history, &event->zone, &held);

	if (r < 0 || !held->base_id)
		return r;
	return put_patch(history, held,
		&(struct patch){
			.time_ns = event->time_ns,
			.has_serial = event->has_serial_after,
			.serial = event->serial_after,
			.seq = seq,
			.len = event->delta_len,
		});
}

int zw_history_patch(struct zw_history *history, const struct zw_history_zone *zone,
	const void *delta, size_t len, uint64_t time_ns)
{
	struct zw_history_held *held;
	int r = get_held(history, zone, &held);

	if (r < 0 || !held->base_id)
		return r;
	return put_patch(
		history, held, &(struct patch){.time_ns = time_ns, .delta = delta, .len = len});
}

int zw_history_settle(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	struct zw_history_held *held;
	int r = get_held(history, zone, &held);

	if (r < 0 || !is_due(held, 0))
		return r;
	return put_base(history, held, snapshot, time_ns);
}

/* From the last state, which is read for that, to @snapshot. */
static int store_difference(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_history_held *held, const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	_zw_snapshot_ struct zw_snapshot *last = NULL;
	struct patch patch = {.time_ns = time_ns};
	_zw_diff_ struct zw_diff *diff = NULL;
	_zw_str_ struct zw_str delta = {};
	uint64_t last_ns;
	int r;

	if (is_due(held, 0))
		return -ESTALE;
	r = zw_history_load_zone(history, zone, &last, &last_ns);
	if (r == -ENOENT || r == -EUCLEAN)
		return -ESTALE;
	if (r == 0)
		r = zw_diff_new(last, (struct zw_snapshot *)snapshot, &diff);
	if (r < 0 || diff->len == 0)
		return r;
	r = zw_delta_encode(diff, &delta);
	if (r < 0)
		return r;
	if (is_due(held, delta.len))
		return -ESTALE;
	patch.delta = delta.buf;
	patch.len = delta.len;
	patch.has_serial = zw_snapshot_serial(snapshot, &patch.serial);
	return put_patch(history, held, &patch);
}

int zw_history_store_zone(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	struct zw_history_held *held;
	int r;

	r = zw_history_step_begin(history);
	if (r < 0)
		return r;
	r = get_held(history, zone, &held);
	if (r == 0)
		r = store_difference(history, zone, held, snapshot, time_ns);
	if (r == -ESTALE) {
		/* What was known of it may have been found to be damaged. */
		r = get_held(history, zone, &held);
		if (r == 0)
			r = put_base(history, held, snapshot, time_ns);
	}
	/* SQLite may have ended the caller's transaction, and other zones' stores with it. */
	if (r < 0)
		zw_history_forget_held(history);
	return zw_history_step_end(history, r);
}

int zw_history_forget_zone(struct zw_history *history, const struct zw_history_zone *zone)
{
	struct zw_history_held *held;
	int r;

	r = zw_history_step_begin(history);
	if (r < 0)
		return r;
	r = get_held(history, zone, &held);
	if (r == 0)
		r = put_base(history, held, NULL, 0);
	return zw_history_step_end(history, r);
}
