/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The states of zones: load, store, forget. */
#include "sink/history.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "sink/history_delta.h"
#include "sink/history_impl.h"
#include "sink/history_patch.h"

/* zlib's fastest: zone data halves and more, and the agent waits meanwhile. */
#define COMPRESSION_LEVEL 1
/* deflate cannot do better than this (zlib.net/zlib_tech.html), so a greater ratio is damage. */
#define COMPRESSION_RATIO_MAX 1032

/* A state is written anew when its patches have grown to a quarter of it, which bounds both the space and
 * the time to load, though not before they are worth it, or are this many. */
#define PATCH_SHARE 4
#define PATCH_BYTES_MIN (64 << 10)
#define PATCHES_MAX 4096

struct blob {
	uint8_t *data;
	size_t len;
	size_t raw_len;
};

static int map_key(const struct zw_history_zone *zone, struct zw_str *key)
{
	zw_str_add_len(key, zone->server, strlen(zone->server) + 1);
	zw_str_add_len(key, zone->view, strlen(zone->view) + 1);
	zw_str_add_len(key, zone->zone, strlen(zone->zone) + 1);
	return key->failed ? -ENOMEM : 0;
}

static void held_free(struct zw_history_held *held)
{
	if (!held)
		return;
	zw_snapshot_unref(held->snapshot);
	free(held);
}

static void drop_held(struct zw_history *history, const struct zw_str *key)
{
	held_free(zw_map_remove(history->held, key->buf, key->len));
}

/* A failure costs only that the next store writes the whole state. */
static void hold(struct zw_history *history, const struct zw_str *key,
	const struct zw_history_held *facts, const struct zw_snapshot *snapshot)
{
	struct zw_history_held *held = malloc(sizeof(*held));
	void *old = NULL;

	if (!held) {
		drop_held(history, key);
		return;
	}
	*held = *facts;
	/* The reference count is all that changes. */
	held->snapshot = zw_snapshot_ref((struct zw_snapshot *)snapshot);
	if (zw_map_put(history->held, key->buf, key->len, held, &old) < 0) {
		held_free(held);
		drop_held(history, key);
		return;
	}
	held_free(old);
}

static int compress_snapshot(const struct zw_snapshot *snapshot, struct blob *ret_blob)
{
	_zw_free_ uint8_t *raw = NULL, *packed = NULL;
	size_t raw_len;
	uLongf len;
	int r;

	r = zw_snapshot_save(snapshot, &raw, &raw_len);
	if (r < 0)
		return r;
	len = compressBound(raw_len);
	packed = malloc(len);
	if (!packed)
		return -ENOMEM;
	if (compress2(packed, &len, raw, raw_len, COMPRESSION_LEVEL) != Z_OK)
		return -ENOMEM;
	*ret_blob = (struct blob){ZW_TAKE(packed), len, raw_len};
	return 0;
}

int zw_history_unpack_state(const struct zw_hash_key *key, const void *data, size_t len,
	size_t raw_len, struct zw_snapshot **ret_snapshot)
{
	_zw_free_ uint8_t *raw = NULL;
	uLongf out_len = raw_len;
	int r;

	if (raw_len == 0 || raw_len / COMPRESSION_RATIO_MAX > len)
		return -EUCLEAN;
	raw = malloc(raw_len);
	if (!raw)
		return -ENOMEM;
	r = uncompress(raw, &out_len, data, len);
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r != Z_OK || out_len != raw_len)
		return -EUCLEAN;
	r = zw_snapshot_load(key, raw, raw_len, ret_snapshot);
	return r == -EBADMSG ? -EUCLEAN : r;
}

static void bind_serial(sqlite3_stmt *stmt, int at, const struct zw_snapshot *snapshot)
{
	uint32_t serial;

	if (snapshot && zw_snapshot_serial(snapshot, &serial))
		sqlite3_bind_int64(stmt, at, serial);
}

/* @blob NULL: unknown from now on. */
static int put_base(struct zw_history *history, struct zw_history_held *facts,
	const struct zw_snapshot *snapshot, const struct blob *blob)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_BASE];
	int r = 0;

	sqlite3_bind_int64(stmt, 1, facts->zone_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)facts->time_ns);
	bind_serial(stmt, 3, snapshot);
	sqlite3_bind_int64(stmt, 5, blob ? (int64_t)blob->raw_len : 0);
	if (blob)
		r = zw_history_errno(
			sqlite3_bind_blob64(stmt, 6, blob->data, blob->len, SQLITE_STATIC));
	return r < 0 ? r : zw_history_run_id(history, ZW_SQL_PUT_BASE, &facts->base_id);
}

static int put_patch(struct zw_history *history, const struct zw_history_held *facts,
	const struct zw_snapshot *snapshot, const struct zw_str *patch)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_PATCH];
	int r;

	sqlite3_bind_int64(stmt, 1, facts->zone_id);
	sqlite3_bind_int64(stmt, 2, facts->base_id);
	sqlite3_bind_int64(stmt, 3, (int64_t)facts->time_ns);
	bind_serial(stmt, 4, snapshot);
	r = zw_history_errno(sqlite3_bind_blob64(stmt, 6, patch->buf, patch->len, SQLITE_STATIC));
	return r < 0 ? r : zw_history_run(history, ZW_SQL_PUT_PATCH);
}

static int zone_and_base(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_history_held *facts, const struct zw_snapshot *snapshot, const struct blob *blob)
{
	int r = zw_history_zone_id(history, zone, &facts->zone_id);

	return r < 0 ? r : put_base(history, facts, snapshot, blob);
}

static int store_base(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_str *key, const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	struct zw_history_held facts = {.time_ns = time_ns};
	_zw_free_ uint8_t *data = NULL;
	struct blob blob;
	int r;

	r = compress_snapshot(snapshot, &blob);
	if (r < 0)
		return r;
	data = blob.data;
	r = zw_history_step_begin(history);
	if (r < 0)
		return r;
	r = zw_history_step_end(history, zone_and_base(history, zone, &facts, snapshot, &blob));
	if (r < 0) {
		/* SQLite may have ended the caller's transaction, and other zones' stores with it. */
		zw_history_forget_held(history);
		return r;
	}
	facts.base_bytes = blob.len;
	hold(history, key, &facts, snapshot);
	return 0;
}

/* -ESTALE when the whole state is to be written instead. */
static int store_patch(struct zw_history *history, const struct zw_str *key,
	const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	struct zw_history_held *held = zw_map_get(history->held, key->buf, key->len);
	_zw_diff_ struct zw_diff *diff = NULL;
	_zw_str_ struct zw_str patch = {};
	struct zw_history_held facts;
	int r;

	if (!held || held->patches >= PATCHES_MAX)
		return -ESTALE;
	r = zw_diff_new(held->snapshot, (struct zw_snapshot *)snapshot, &diff);
	if (r < 0)
		return r;
	r = zw_delta_encode(diff, &patch);
	if (r < 0)
		return r;
	if (held->patch_bytes + patch.len > PATCH_BYTES_MIN &&
		held->patch_bytes + patch.len > held->base_bytes / PATCH_SHARE)
		return -ESTALE;
	facts = *held;
	/* In the order they came about, whatever the clock says. */
	if (facts.time_ns < time_ns)
		facts.time_ns = time_ns;
	r = put_patch(history, &facts, snapshot, &patch);
	if (r < 0) {
		/* SQLite may have ended the caller's transaction, and other zones' stores with it. */
		zw_history_forget_held(history);
		return r;
	}
	facts.patch_bytes += patch.len;
	facts.patches++;
	hold(history, key, &facts, snapshot);
	return 0;
}

int zw_history_store_zone(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns)
{
	_zw_str_ struct zw_str key = {};
	int r;

	r = map_key(zone, &key);
	if (r < 0)
		return r;
	r = store_patch(history, &key, snapshot, time_ns);
	if (r != -ESTALE)
		return r;
	return store_base(history, zone, &key, snapshot, time_ns);
}

/* Applies the patches, if any, to *@snapshot and replaces it. */
static int load_patches(
	struct zw_history *history, struct zw_history_held *facts, struct zw_snapshot **snapshot)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_PATCHES];
	_zw_patch_list_ struct zw_patch_list list = {};
	struct zw_snapshot *patched;
	int code, r = 0;

	sqlite3_bind_int64(stmt, 1, facts->base_id);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW && r == 0) {
		const void *data = sqlite3_column_blob(stmt, 1);
		size_t len = (size_t)sqlite3_column_bytes(stmt, 1);

		r = data ? zw_patch_add_delta(&list, zw_snapshot_origin(*snapshot), data, len)
			 : -EBADMSG;
		facts->time_ns = (uint64_t)sqlite3_column_int64(stmt, 0);
		facts->patch_bytes += len;
		facts->patches++;
	}
	sqlite3_reset(stmt);
	if (r == 0)
		r = zw_history_errno(code);
	if (r == 0 && facts->patches > 0)
		r = zw_patch_list_apply(&history->key, *snapshot, &list, &patched);
	if (r < 0)
		return r == -EBADMSG || r == -EFBIG ? -EUCLEAN : r;
	if (facts->patches > 0) {
		zw_snapshot_unref(*snapshot);
		*snapshot = patched;
	}
	return 0;
}

static int load_base(struct zw_history *history, struct zw_history_held *facts,
	struct zw_snapshot **ret_snapshot)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_BASE];
	int code, r;

	sqlite3_bind_int64(stmt, 1, facts->zone_id);
	code = sqlite3_step(stmt);
	r = code == SQLITE_DONE ? -ENOENT : zw_history_errno(code);
	if (r == 0) {
		struct blob blob = {
			.raw_len = (size_t)sqlite3_column_int64(stmt, 2),
			.data = (uint8_t *)sqlite3_column_blob(stmt, 3),
			.len = (size_t)sqlite3_column_bytes(stmt, 3),
		};

		facts->base_id = sqlite3_column_int64(stmt, 0);
		facts->time_ns = (uint64_t)sqlite3_column_int64(stmt, 1);
		facts->base_bytes = blob.len;
		r = sqlite3_column_type(stmt, 3) == SQLITE_NULL
			    ? -ENOENT
			    : zw_history_unpack_state(&history->key, blob.data, blob.len,
				      blob.raw_len, ret_snapshot);
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return r;
}

int zw_history_load_zone(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	struct zw_history_held facts = {};
	_zw_str_ struct zw_str key = {};
	int r;

	r = map_key(zone, &key);
	if (r == 0)
		r = zw_history_find_zone(history, zone, &facts.zone_id);
	if (r == 0)
		r = load_base(history, &facts, &snapshot);
	if (r == 0)
		r = load_patches(history, &facts, &snapshot);
	if (r == -EUCLEAN) {
		/* What cannot be read now cannot be read later either. Where not even this works, the
		 * file as a whole is damaged, and the next open tells. */
		(void)zw_history_forget_zone(history, zone);
		return r;
	}
	if (r < 0)
		return r;
	hold(history, &key, &facts, snapshot);
	*ret_snapshot = ZW_TAKE(snapshot);
	*ret_time_ns = facts.time_ns;
	return 0;
}

int zw_history_forget_zone(struct zw_history *history, const struct zw_history_zone *zone)
{
	struct zw_history_held facts = {.time_ns = zw_realtime_ns()};
	_zw_str_ struct zw_str key = {};
	int r;

	r = map_key(zone, &key);
	if (r < 0)
		return r;
	drop_held(history, &key);
	r = zw_history_step_begin(history);
	if (r < 0)
		return r;
	return zw_history_step_end(history, zone_and_base(history, zone, &facts, NULL, NULL));
}
