/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event and all that it is found by. */
#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "sink/history_delta.h"
#include "sink/history_event.h"
#include "sink/history_impl.h"
#include "sink/history_key.h"
#include "sink/history_pack.h"

struct store {
	struct zw_history *history;
	int64_t seq, zone_id;
	int side; /* of the addresses that are being stored */
};

/* The texts and blobs bound to a statement stay in place until it is run. */
static int bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (!text)
		return 0;
	return zw_history_errno(sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC));
}

static int bind_blob(sqlite3_stmt *stmt, int at, const void *data, size_t len)
{
	return zw_history_errno(sqlite3_bind_blob64(stmt, at, data, len, SQLITE_STATIC));
}

static int bind_zone(sqlite3_stmt *stmt, const struct zw_history_zone *zone)
{
	int r = bind_text(stmt, 1, zone->server);

	if (r == 0)
		r = bind_text(stmt, 2, zone->view);
	if (r == 0)
		r = bind_text(stmt, 3, zone->zone);
	return r;
}

int zw_history_find_zone(
	struct zw_history *history, const struct zw_history_zone *zone, int64_t *ret_id)
{
	int r = bind_zone(history->sql[ZW_SQL_GET_ZONE], zone);

	return r < 0 ? r : zw_history_run_id(history, ZW_SQL_GET_ZONE, ret_id);
}

int zw_history_zone_id(
	struct zw_history *history, const struct zw_history_zone *zone, int64_t *ret_id)
{
	int r = zw_history_find_zone(history, zone, ret_id);

	if (r != -ENOENT)
		return r;
	r = bind_zone(history->sql[ZW_SQL_PUT_ZONE], zone);
	return r < 0 ? r : zw_history_run_id(history, ZW_SQL_PUT_ZONE, ret_id);
}

/* Binds the number of an interned text. */
static int bind_interned(struct zw_history *history, sqlite3_stmt *stmt, int at, const char *text)
{
	int64_t id;
	int r;

	if (!text)
		return 0;
	r = bind_text(history->sql[ZW_SQL_GET_TEXT], 1, text);
	if (r == 0)
		r = zw_history_run_id(history, ZW_SQL_GET_TEXT, &id);
	if (r == -ENOENT) {
		r = bind_text(history->sql[ZW_SQL_PUT_TEXT], 1, text);
		if (r == 0)
			r = zw_history_run_id(history, ZW_SQL_PUT_TEXT, &id);
	}
	if (r == 0)
		sqlite3_bind_int64(stmt, at, id);
	return r;
}

static void bind_number(sqlite3_stmt *stmt, int at, int64_t number)
{
	if (number >= 0)
		sqlite3_bind_int64(stmt, at, number);
}

/* What is no address has none. */
static int bind_address(sqlite3_stmt *stmt, int at, const char *text)
{
	uint8_t key[ZW_ADDRESS_KEY_LEN];

	if (!text || zw_address_key(text, key) < 0)
		return 0;
	return zw_history_errno(sqlite3_bind_blob(stmt, at, key, sizeof(key), SQLITE_TRANSIENT));
}

static int put_actor(struct store *store, const struct zw_history_actor *actor, size_t n)
{
	struct zw_history *history = store->history;
	sqlite3_stmt *stmt = history->sql[ZW_SQL_PUT_ACTOR];
	int r;

	sqlite3_bind_int64(stmt, 1, store->seq);
	sqlite3_bind_int64(stmt, 2, (int64_t)n);
	r = bind_text(stmt, 3, actor->role);
	bind_number(stmt, 4, actor->uid);
	if (r == 0)
		r = bind_interned(history, stmt, 5, actor->user);
	bind_number(stmt, 6, actor->euid);
	bind_number(stmt, 7, actor->login_uid);
	if (r == 0)
		r = bind_interned(history, stmt, 8, actor->login);
	bind_number(stmt, 9, actor->pid);
	if (r == 0)
		r = bind_interned(history, stmt, 10, actor->exe);
	if (r == 0)
		r = bind_interned(history, stmt, 11, actor->tsig_key);
	if (r == 0)
		r = bind_address(stmt, 12, actor->peer);
	if (r == 0)
		r = bind_address(stmt, 13, actor->origin);
	if (r == 0)
		r = bind_text(stmt, 14, actor->command);
	if (r < 0) {
		sqlite3_clear_bindings(stmt);
		return r;
	}
	return zw_history_run(history, ZW_SQL_PUT_ACTOR);
}

static int put_finding(struct store *store, const struct zw_history_finding *finding)
{
	sqlite3_stmt *stmt = store->history->sql[ZW_SQL_PUT_FINDING];
	int r = bind_text(stmt, 2, finding->rule);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, store->seq);
	sqlite3_bind_int(stmt, 3, (int)finding->severity);
	return zw_history_run(store->history, ZW_SQL_PUT_FINDING);
}

static int put_address(void *ctx, const uint8_t key[static 16])
{
	struct store *store = ctx;
	sqlite3_stmt *stmt = store->history->sql[ZW_SQL_PUT_ADDRESS];
	int r = bind_blob(stmt, 1, key, ZW_ADDRESS_KEY_LEN);

	sqlite3_bind_int64(stmt, 2, store->seq);
	sqlite3_bind_int(stmt, 3, store->side);
	return r < 0 ? r : zw_history_run(store->history, ZW_SQL_PUT_ADDRESS);
}

static int put_side(struct store *store, uint16_t type, const struct zw_delta_side *side)
{
	struct zw_bytes in = {side->records, side->len, false};
	struct zw_delta_record record;
	int r = 0;

	while (r == 0 && zw_delta_record(side, &in, &record))
		r = zw_address_each(type, record.rdata, record.len, put_address, store);
	return r;
}

static int put_rrset(struct store *store, const struct zw_delta_rrset *rrset)
{
	sqlite3_stmt *stmt = store->history->sql[ZW_SQL_PUT_RRSET];
	enum zw_diff_op op = !rrset->before.count  ? ZW_DIFF_ADD
			     : !rrset->after.count ? ZW_DIFF_DELETE
						   : ZW_DIFF_MODIFY;
	_zw_str_ struct zw_str key = {};
	int r = zw_name_key(rrset->owner, &key);

	/* The root's key is empty, not NULL. */
	if (r == 0)
		r = bind_blob(stmt, 1, key.buf ? key.buf : "", key.len);
	if (r < 0)
		return r;
	sqlite3_bind_int(stmt, 2, rrset->type);
	sqlite3_bind_int64(stmt, 3, store->seq);
	sqlite3_bind_int64(stmt, 4, store->zone_id);
	sqlite3_bind_int(stmt, 5, (int)op);
	r = zw_history_run(store->history, ZW_SQL_PUT_RRSET);
	store->side = 0;
	if (r == 0)
		r = put_side(store, rrset->type, &rrset->before);
	store->side = 1;
	if (r == 0)
		r = put_side(store, rrset->type, &rrset->after);
	return r;
}

static int put_rrsets(struct store *store, const struct zw_history_event *event)
{
	_zw_delta_ struct zw_delta_reader reader = {};
	struct zw_delta_rrset rrset;
	uint8_t origin[ZW_NAME_MAX];
	int r;

	if (zw_name_from_text(event->zone.zone, origin, NULL) < 0)
		return -EBADMSG;
	zw_name_lower(origin, zw_name_len(origin));
	r = zw_delta_begin(&reader, origin, event->delta, event->delta_len);
	while (r == 0 && (r = zw_delta_next(&reader, &rrset)) > 0)
		r = put_rrset(store, &rrset);
	return r;
}

static int bind_event(sqlite3_stmt *stmt, const struct zw_history_event *event, int64_t zone_id,
	const struct zw_str *json)
{
	int r = bind_text(stmt, 1, event->id);

	sqlite3_bind_int64(stmt, 2, (int64_t)event->time_ns);
	bind_number(stmt, 3, zone_id);
	if (r == 0)
		r = bind_text(stmt, 4, event->action);
	if (r == 0)
		r = bind_text(stmt, 5, event->channel);
	if (r == 0)
		r = bind_text(stmt, 6, event->attribution);
	if (r == 0)
		r = bind_text(stmt, 7, event->verdict);
	sqlite3_bind_int(stmt, 8, (int)event->severity);
	sqlite3_bind_int(stmt, 9, event->escalate);
	bind_number(stmt, 10, event->has_serial_before ? (int64_t)event->serial_before : -1);
	bind_number(stmt, 11, event->has_serial_after ? (int64_t)event->serial_after : -1);
	sqlite3_bind_int64(stmt, 12, (int64_t)event->json_len);
	if (r == 0)
		r = bind_blob(stmt, 13, json->buf, json->len);
	if (r == 0 && event->delta)
		r = bind_blob(stmt, 14, event->delta, event->delta_len);
	return r;
}

static int put_row(struct store *store, const struct zw_history_event *event)
{
	sqlite3_stmt *stmt = store->history->sql[ZW_SQL_PUT_EVENT];
	_zw_str_ struct zw_str json = {};
	int r = zw_json_pack(event->json, event->json_len, &json);

	if (r == 0)
		r = bind_event(stmt, event, store->zone_id, &json);
	if (r < 0) {
		sqlite3_clear_bindings(stmt);
		return r;
	}
	r = zw_history_run_id(store->history, ZW_SQL_PUT_EVENT, &store->seq);
	return r == -ENOENT ? -EEXIST : r;
}

static int put_all(struct store *store, const struct zw_history_event *event)
{
	int r = 0;

	if (event->zone.zone)
		r = zw_history_zone_id(store->history, &event->zone, &store->zone_id);
	if (r == 0)
		r = put_row(store, event);
	for (size_t i = 0; i < event->actors && r == 0; i++)
		r = put_actor(store, &event->actor[i], i);
	for (size_t i = 0; i < event->findings && r == 0; i++)
		r = put_finding(store, &event->finding[i]);
	if (r == 0 && event->delta)
		r = put_rrsets(store, event);
	return r;
}

int zw_history_store_event(
	struct zw_history *history, const struct zw_history_event *event, int64_t *ret_seq)
{
	struct store store = {.history = history, .zone_id = -1};
	int r = zw_history_step_begin(history);

	if (r < 0)
		return r;
	r = zw_history_step_end(history, put_all(&store, event));
	if (r == 0 && ret_seq)
		*ret_seq = store.seq;
	return r;
}

int zw_history_put_event(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len)
{
	_zw_history_event_ struct zw_history_event event = {};
	_zw_str_ struct zw_str bytes = {};
	int r = zw_history_event_encode(zone, report, json, len, &bytes);

	if (r == 0)
		r = zw_history_event_decode(bytes.buf, bytes.len, &event);
	return r < 0 ? r : zw_history_store_event(history, &event, NULL);
}
