/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One event whole: what was delivered, the difference it is about, and what was said to it since. */
#include "sink/history_read.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "sink/history_delta.h"
#include "sink/history_pack.h"
#include "sink/history_read_impl.h"
#include "sink/json_read.h"

/* No event is larger: zw_report_to_json() keeps to 4 MiB of data and 10,000 rdatas, and escaping makes six octets of
 * one. Bounds what a damaged length asks for. */
#define JSON_MAX ((int64_t)64 << 20)

static void ack_done(struct zw_reader_ack *ack)
{
	free(ack->by);
	free(ack->ticket);
	free(ack->reason);
}

void zw_reader_event_done(struct zw_reader_event *event)
{
	zw_report_free(event->report);
	free(event->json);
	for (size_t i = 0; i < event->acks; i++)
		ack_done(&event->ack[i]);
	free(event->ack);
	*event = (struct zw_reader_event){};
}

static int damaged(struct zw_reader *reader, uint64_t seq, const char *what)
{
	return zw_reader_damaged(
		reader, "%s of event %llu does not check out", what, (unsigned long long)seq);
}

/* json_len, json */
static int take_json(struct zw_reader *reader, sqlite3_stmt *stmt, struct zw_reader_event *event)
{
	int64_t json_len = sqlite3_column_int64(stmt, 1);
	const void *data = sqlite3_column_blob(stmt, 2);
	_zw_str_ struct zw_str json = {};
	int r = -EBADMSG;

	if (data && json_len > 0 && json_len <= JSON_MAX)
		r = zw_json_unpack(
			data, (size_t)sqlite3_column_bytes(stmt, 2), (size_t)json_len, &json);
	if (r == 0)
		r = zw_report_from_json(json.buf, json.len, &event->report, NULL);
	if (r == -EBADMSG)
		return damaged(reader, event->seq, "the text");
	if (r < 0)
		return r;
	event->json_len = json.len;
	return zw_str_done(&json, &event->json);
}

/* The text lists a thousand changes at most, and not the serial beside others. */
static int take_delta(struct zw_reader *reader, sqlite3_stmt *stmt, struct zw_reader_event *event)
{
	struct zw_report *report = event->report;
	const void *data = sqlite3_column_blob(stmt, 3);
	uint8_t origin[ZW_NAME_MAX];
	struct zw_diff *diff;
	size_t len;
	int r = -EBADMSG;

	if (sqlite3_column_type(stmt, 3) == SQLITE_NULL)
		return 0;
	if (data && report->zone && zw_name_from_text(report->zone, origin, &len) == 0) {
		zw_name_lower(origin, len);
		r = zw_delta_decode(
			&reader->key, origin, data, (size_t)sqlite3_column_bytes(stmt, 3), &diff);
	}
	if (r == -EBADMSG || r == -EFBIG)
		return damaged(reader, event->seq, "the difference");
	if (r < 0)
		return r;
	/* Where the SOA stayed as it was, the difference has none. */
	if (!diff->has_serial_before && report->has_serial_before) {
		diff->has_serial_before = true;
		diff->serial_before = report->serial_before;
	}
	if (!diff->has_serial_after && report->has_serial_after) {
		diff->has_serial_after = true;
		diff->serial_after = report->serial_after;
	}
	if (report->diff)
		zw_diff_free(report->diff);
	report->diff = diff;
	return 0;
}

static int take_acks(struct zw_reader *reader, struct zw_reader_event *event)
{
	static const char text[] = "SELECT time_ns, by_whom, ticket, reason FROM ack"
				   " WHERE seq = ?1 ORDER BY id";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (int64_t)event->seq);
	while ((r = zw_reader_step(reader, stmt)) > 0) {
		struct zw_reader_ack *acks =
			reallocarray(event->ack, event->acks + 1, sizeof(*acks));
		struct zw_reader_ack *ack;

		if (!acks)
			return -ENOMEM;
		event->ack = acks;
		ack = &acks[event->acks++];
		*ack = (struct zw_reader_ack){.time_ns = (uint64_t)sqlite3_column_int64(stmt, 0)};
		r = zw_reader_text(stmt, 1, &ack->by);
		if (r == 0)
			r = zw_reader_text(stmt, 2, &ack->ticket);
		if (r == 0)
			r = zw_reader_text(stmt, 3, &ack->reason);
		if (r < 0)
			return r;
	}
	return r;
}

int zw_reader_event(struct zw_reader *reader, uint64_t seq, struct zw_reader_event *ret_event)
{
	static const char text[] =
		"SELECT zone_id, json_len, json, delta FROM event WHERE seq = ?1";
	_zw_reader_event_ struct zw_reader_event event = {.seq = seq};
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_row(reader, text, (int64_t)seq, &stmt);

	if (r < 0)
		return r;
	event.zone_id = sqlite3_column_int64(stmt, 0);
	r = take_json(reader, stmt, &event);
	if (r == 0)
		r = take_delta(reader, stmt, &event);
	if (r == 0)
		r = take_acks(reader, &event);
	if (r < 0)
		return r;
	*ret_event = event;
	event = (struct zw_reader_event){};
	return 0;
}
