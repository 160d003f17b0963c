/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_record.h"

#include <errno.h>
#include <string.h>

#include "sink/history_bytes.h"
#include "sink/history_impl.h"
#include "sink/history_traffic.h"

int zw_record_put_event(struct zw_str *out, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len)
{
	zw_str_add_char(out, leads ? ZW_RECORD_CHANGE : ZW_RECORD_EVENT);
	return zw_history_event_encode(zone, report, json, len, out);
}

int zw_record_put_state(struct zw_str *out, enum zw_record_kind kind,
	const struct zw_history_zone *zone, uint64_t time_ns, const void *data, size_t len)
{
	zw_str_add_char(out, (char)kind);
	zw_put_text(out, zone->server);
	zw_put_text(out, zone->view);
	zw_put_text(out, zone->zone);
	zw_put_number(out, time_ns);
	zw_put_bytes(out, data, len);
	return out->failed ? -ENOMEM : 0;
}

static int decode_state(struct zw_bytes in, struct zw_history_record *record)
{
	record->event.zone.server = zw_take_text(&in);
	record->event.zone.view = zw_take_text(&in);
	record->event.zone.zone = zw_take_text(&in);
	record->time_ns = zw_take_number_to(&in, INT64_MAX);
	record->len = zw_take_number(&in);
	record->data = zw_take(&in, record->len);
	if (in.failed || in.left > 0 || !record->event.zone.server || !record->event.zone.view ||
		!record->event.zone.zone)
		return -EBADMSG;
	return 0;
}

int zw_record_decode(const void *data, size_t len, struct zw_history_record *ret_record)
{
	struct zw_bytes in = {data, len, false};
	struct zw_history_record record = {};
	const uint8_t *kind = zw_take(&in, 1);
	int r;

	if (!kind)
		return -EBADMSG;
	record.kind = (enum zw_record_kind) * kind;
	switch (record.kind) {
	case ZW_RECORD_EVENT:
	case ZW_RECORD_CHANGE:
		r = zw_history_event_decode(in.p, in.left, &record.event);
		if (r == 0 && record.kind == ZW_RECORD_CHANGE && !record.event.delta) {
			zw_history_event_done(&record.event);
			r = -EBADMSG;
		}
		break;
	case ZW_RECORD_PATCH:
	case ZW_RECORD_STATE:
		r = decode_state(in, &record);
		break;
	case ZW_RECORD_MINUTE:
	case ZW_RECORD_BASELINE:
		record.data = in.p;
		record.len = in.left;
		r = 0;
		break;
	default:
		return -EBADMSG;
	}
	if (r == 0)
		*ret_record = record;
	return r;
}

void zw_record_done(struct zw_history_record *record)
{
	zw_history_event_done(&record->event);
	*record = (struct zw_history_record){};
}

static int store_change(struct zw_history *history, const struct zw_history_record *record)
{
	int64_t seq;
	int r = zw_history_store_event(history, &record->event, &seq);

	if (r == 0 && record->kind == ZW_RECORD_CHANGE)
		r = zw_history_patch_event(history, &record->event, seq);
	/* With its state, since both were stored together. */
	return r == -EEXIST ? 0 : r;
}

static int store_saved(struct zw_history *history, const struct zw_history_record *record)
{
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	int r;

	if (!record->data)
		return 0;
	r = zw_snapshot_load(&history->key, record->data, record->len, &snapshot);
	if (r < 0)
		return r;
	return zw_history_store_zone(history, &record->event.zone, snapshot, record->time_ns);
}

int zw_record_store(struct zw_history *history, const struct zw_history_record *record,
	const struct zw_snapshot *snapshot)
{
	const struct zw_history_zone *zone = &record->event.zone;
	int r = 0;

	switch (record->kind) {
	case ZW_RECORD_EVENT:
	case ZW_RECORD_CHANGE:
		return store_change(history, record);
	case ZW_RECORD_PATCH:
		if (record->data)
			r = zw_history_patch(
				history, zone, record->data, record->len, record->time_ns);
		if (r == 0 && snapshot)
			r = zw_history_settle(history, zone, snapshot, record->time_ns);
		return r;
	case ZW_RECORD_STATE:
		if (!snapshot)
			return store_saved(history, record);
		return zw_history_store_zone(history, zone, snapshot, record->time_ns);
	case ZW_RECORD_MINUTE:
		return zw_history_store_minute(history, record->data, record->len);
	case ZW_RECORD_BASELINE:
		return zw_history_store_baselines(history, record->data, record->len);
	}
	return -EBADMSG;
}
