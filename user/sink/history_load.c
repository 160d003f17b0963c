/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last state of a zone. */
#include <errno.h>

#include "sink/history_impl.h"
#include "sink/history_patch.h"

/* Applies the patches, if any, to *@snapshot and replaces it. */
static int load_patches(struct zw_history *history, int64_t base_id, uint64_t *time_ns,
	struct zw_snapshot **snapshot)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_PATCHES];
	_zw_patch_list_ struct zw_patch_list list = {};
	struct zw_snapshot *patched;
	int code, r = 0;

	sqlite3_bind_int64(stmt, 1, base_id);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW && r == 0) {
		const void *data = sqlite3_column_blob(stmt, 1);
		size_t len = (size_t)sqlite3_column_bytes(stmt, 1);

		r = data ? zw_patch_add_delta(&list, zw_snapshot_origin(*snapshot), data, len)
			 : -EBADMSG;
		*time_ns = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	sqlite3_reset(stmt);
	if (r == 0)
		r = zw_history_errno(code);
	if (r == 0 && list.items.len > 0) {
		r = zw_patch_list_apply(&history->key, *snapshot, &list, &patched);
		if (r == 0) {
			zw_snapshot_unref(*snapshot);
			*snapshot = patched;
		}
	}
	return r == -EBADMSG || r == -EFBIG ? -EUCLEAN : r;
}

static int load_base(struct zw_history *history, int64_t zone_id, int64_t *ret_id,
	uint64_t *ret_time_ns, struct zw_snapshot **ret_snapshot)
{
	sqlite3_stmt *stmt = history->sql[ZW_SQL_GET_BASE];
	int code, r;

	sqlite3_bind_int64(stmt, 1, zone_id);
	code = sqlite3_step(stmt);
	r = code == SQLITE_DONE ? -ENOENT : zw_history_errno(code);
	if (r == 0) {
		*ret_id = sqlite3_column_int64(stmt, 0);
		*ret_time_ns = (uint64_t)sqlite3_column_int64(stmt, 1);
		r = sqlite3_column_type(stmt, 3) == SQLITE_NULL
			    ? -ENOENT
			    : zw_history_unpack_state(&history->key, sqlite3_column_blob(stmt, 3),
				      (size_t)sqlite3_column_bytes(stmt, 3),
				      (size_t)sqlite3_column_int64(stmt, 2), ret_snapshot);
	}
	sqlite3_reset(stmt);
	return r;
}

int zw_history_load_zone(struct zw_history *history, const struct zw_history_zone *zone,
	struct zw_snapshot **ret_snapshot, uint64_t *ret_time_ns)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	int64_t zone_id, base_id = 0;
	uint64_t time_ns = 0;
	int r;

	r = zw_history_find_zone(history, zone, &zone_id);
	if (r == 0)
		r = load_base(history, zone_id, &base_id, &time_ns, &snapshot);
	if (r == 0)
		r = load_patches(history, base_id, &time_ns, &snapshot);
	if (r == -EUCLEAN) {
		/* What cannot be read now cannot be read later either. Where not even this works, the
		 * file as a whole is damaged, and the next open tells. */
		(void)zw_history_forget_zone(history, zone);
		return r;
	}
	if (r < 0)
		return r;
	*ret_snapshot = ZW_TAKE(snapshot);
	*ret_time_ns = time_ns;
	return 0;
}
