/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/history_impl.h"

struct away {
	uint64_t since_ns; /* 0: it came back */
	bool stored;
};

static int note_away(struct zw_watch *watch, int64_t zone_id, struct away away)
{
	struct away *old = zw_map_get(watch->away, &zone_id, sizeof(zone_id));
	_zw_free_ struct away *new = NULL;
	int r;

	if (old) {
		*old = away;
		return 0;
	}
	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	*new = away;
	r = zw_map_put(watch->away, &zone_id, sizeof(zone_id), new, NULL);
	if (r == 0)
		ZW_TAKE(new);
	return r;
}

static int read_away(struct zw_watch *watch, struct zw_history *history)
{
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(history->db,
		"SELECT substr(key, 6), value FROM meta WHERE key GLOB 'away:*'", -1, &stmt, NULL);
	while (code == SQLITE_OK && r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct away away = {(uint64_t)sqlite3_column_int64(stmt, 1), true};

		r = note_away(watch, sqlite3_column_int64(stmt, 0), away);
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return r < 0 ? r : zw_history_errno(code);
}

int zw_watch_begin(struct zw_watch *watch, struct zw_history *history)
{
	struct zw_watch new = {};
	int64_t alive = 0;
	int r = zw_map_new(&new.away);

	if (r == 0)
		r = zw_history_get_meta(history, "alive", &alive);
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = zw_history_run_id(history, ZW_SQL_LAST_ZONE, &new.last_zone);
	if (r == 0)
		r = read_away(&new, history);
	if (r < 0) {
		zw_watch_done(&new);
		return r;
	}
	new.before_ns = alive > 0 ? (uint64_t)alive : 0;
	zw_watch_done(watch);
	*watch = new;
	return 0;
}

void zw_watch_done(struct zw_watch *watch)
{
	void *value;

	for (size_t it = 0; watch->away && zw_map_next(watch->away, &it, NULL, NULL, &value);)
		free(value);
	zw_map_free(watch->away);
	zw_vec_free(&watch->here);
	*watch = (struct zw_watch){};
}

int zw_watch_come(struct zw_watch *watch, struct zw_history *history,
	const struct zw_history_zone *zone, uint64_t *ret_until_ns)
{
	struct away *away;
	int64_t zone_id;
	int r = zw_history_find_zone(history, zone, &zone_id);

	if (r == 0 && !watch->marked)
		r = zw_vec_push(&watch->here, zone_id);
	if (r < 0)
		return r;
	away = zw_map_get(watch->away, &zone_id, sizeof(zone_id));
	*ret_until_ns = away && away->since_ns ? away->since_ns : watch->before_ns;
	if (away && away->since_ns)
		*away = (struct away){};
	return 0;
}

int zw_watch_leave(struct zw_watch *watch, struct zw_history *history,
	const struct zw_history_zone *zone, uint64_t time_ns)
{
	int64_t zone_id;
	int r = zw_history_find_zone(history, zone, &zone_id);

	return r < 0 ? r : note_away(watch, zone_id, (struct away){.since_ns = time_ns});
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What is in the history and did not come is away since the last agent ended, or longer. */
static int mark(struct zw_watch *watch, struct zw_history *history)
{
	uint64_t since = watch->before_ns ? watch->before_ns : 1;
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	if (watch->here.len > 0)
		qsort(watch->here.items, watch->here.len, sizeof(int64_t), compare);
	code = sqlite3_prepare_v2(
		history->db, "SELECT id FROM zone WHERE id <= ?1", -1, &stmt, NULL);
	sqlite3_bind_int64(stmt, 1, watch->last_zone);
	while (code == SQLITE_OK && r == 0 && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);

		if (!zw_map_get(watch->away, &id, sizeof(id)) &&
			(!watch->here.len || !bsearch(&id, watch->here.items, watch->here.len,
						     sizeof(id), compare)))
			r = note_away(watch, id, (struct away){.since_ns = since});
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	if (r == 0)
		r = zw_history_errno(code);
	watch->marked = r == 0;
	if (watch->marked)
		zw_vec_free(&watch->here);
	return r;
}

static int store_away(struct zw_watch *watch, struct zw_history *history)
{
	const void *key;
	size_t key_len;
	void *value;
	int r = 0;

	for (size_t it = 0; r == 0 && zw_map_next(watch->away, &it, &key, &key_len, &value);) {
		const struct away *away = value;
		char name[40];
		int64_t id;

		if (away->stored)
			continue;
		memcpy(&id, key, sizeof(id));
		snprintf(name, sizeof(name), "away:%lld", (long long)id);
		r = away->since_ns ? zw_history_set_meta(history, name, (int64_t)away->since_ns)
				   : zw_history_unset_meta(history, name);
	}
	return r;
}

static void away_stored(struct zw_watch *watch)
{
	const void *key;
	size_t key_len;
	void *value;

	for (size_t it = 0; zw_map_next(watch->away, &it, &key, &key_len, &value);) {
		struct away *away = value;

		away->stored = true;
		if (away->since_ns)
			continue;
		zw_map_remove(watch->away, key, key_len);
		free(away);
	}
}

int zw_watch_store(struct zw_watch *watch, struct zw_history *history, uint64_t alive_ns)
{
	int r = watch->marked ? 0 : mark(watch, history);

	if (r == 0)
		r = zw_history_exec(history, "PRAGMA synchronous = NORMAL");
	if (r < 0)
		return r;
	r = zw_history_begin(history);
	if (r == 0)
		r = store_away(watch, history);
	if (r == 0)
		r = zw_history_set_meta(history, "alive", (int64_t)alive_ns);
	if (r == 0)
		r = zw_history_commit(history);
	else
		zw_history_rollback(history);
	if (r == 0)
		away_stored(watch);
	(void)zw_history_exec(history, "PRAGMA synchronous = FULL");
	return r;
}
