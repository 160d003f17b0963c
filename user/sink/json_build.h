/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For sink/ and for commands that print JSON: trees from data that nobody vouches for. Every function returns a new
 * reference, or NULL when out of memory; a NULL value given to the setters makes *failed true, so that callers check
 * once at the end. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/report.h"

/* Any bytes: text that is no valid UTF-8 is escaped as zw_str_add_escaped() does. NULL gives null. */
json_t *zw_json_text(const char *text);
/* Numbers past the largest that consumers of JSON commonly store, 2^63-1, are written as that. */
json_t *zw_json_u64(uint64_t value);
/* ECS keeps identifiers that are never calculated with as text: "1000". */
json_t *zw_json_id(uint64_t value);
/* CLOCK_REALTIME to ISO 8601. */
json_t *zw_json_time(uint64_t realtime_ns);

/* Both take the value over, also when they fail. */
void zw_json_set(json_t *object, const char *key, json_t *value, bool *failed);
void zw_json_append(json_t *array, json_t *value, bool *failed);

/* The ECS "process" and "user" objects of an actor. */
json_t *zw_json_process(const struct zw_actor *actor);
json_t *zw_json_user(const struct zw_actor *actor);
/* One element of zonewitness.causes. */
json_t *zw_json_cause(const struct zw_report_cause *cause);
/* What the list of changes may hold at most: entries, rdatas in all of them, bytes of text in all rdatas (by
 * no more than the last one over). */
struct zw_json_budget {
	size_t changes, rdatas, bytes;
};

/* The list zonewitness.changes. */
json_t *zw_json_changes(const struct zw_diff *diff, struct zw_json_budget budget);

/* Compact, ASCII only, without a byte that a terminal obeys. 0 or -ENOMEM. */
int zw_json_dump(const json_t *value, struct zw_str *out);

static inline void zw_json_decrefp(json_t **value)
{
	json_decref(*value);
}
#define _zw_json_ _zw_cleanup_(zw_json_decrefp)
