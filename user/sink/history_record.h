/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: what the history is told, as bytes, and how each of it is stored. */
#pragma once

#include "sink/history.h"
#include "sink/history_event.h"

enum zw_record_kind {
	ZW_RECORD_EVENT = 1, /* an event, which leads to no state */
	ZW_RECORD_CHANGE,    /* an event whose delta makes the next state of its zone */
	ZW_RECORD_PATCH,     /* a delta that does so and is no event's; may be empty */
	ZW_RECORD_STATE, /* the next state itself, as zw_snapshot_save() writes it; may be left out */
	ZW_RECORD_MINUTE, /* traffic, see sink/history_traffic.h; of no zone, and never in the file */
	ZW_RECORD_BASELINE, /* the same */
};

struct zw_history_record {
	enum zw_record_kind kind;
	struct zw_history_event event; /* of the first two; its zone is that of all */
	uint64_t time_ns;              /* of a patch or state */
	const uint8_t *data;
	size_t len;
};

/* Append to @out. 0, -ENOMEM, -EINVAL. */
int zw_record_put_event(struct zw_str *out, bool leads, const struct zw_history_zone *zone,
	const struct zw_report *report, const char *json, size_t len);
int zw_record_put_state(struct zw_str *out, enum zw_record_kind kind,
	const struct zw_history_zone *zone, uint64_t time_ns, const void *data, size_t len);
/* As zw_history_event_decode(). */
int zw_record_decode(const void *data, size_t len, struct zw_history_record *ret_record);
void zw_record_done(struct zw_history_record *record);
#define _zw_record_ _zw_cleanup_(zw_record_done)

/* Stores it; what is there already is left as it is. @snapshot: what the zone is then, NULL where that is not at hand. 0
 * or as zw_history_put_event(). */
int zw_record_store(struct zw_history *history, const struct zw_history_record *record,
	const struct zw_snapshot *snapshot);
