/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/json_read*.c: members of JSON objects that nobody vouches for. Each function leaves the
 * out-parameter alone when the member is missing or null, and returns 0, -ENOMEM, or -EBADMSG when the member is
 * there and is something else than it should be. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/report.h"

struct zw_json_in {
	const char *where;    /* the object that is read: "zonewitness.causes" */
	size_t index;         /* which one of a list; SIZE_MAX: not of a list */
	struct zw_str *error; /* NULL: nobody asks */
};

/* Writes down what is wrong with member @key of the object that is read; returns -EBADMSG. */
int zw_json_in_fail(struct zw_json_in *in, const char *key, const char *what);
/* The same, of a member that has to be there. */
int zw_json_in_need(struct zw_json_in *in, const json_t *object, const char *key);

/* Borrowed from @object. */
int zw_json_in_object(
	struct zw_json_in *in, const json_t *object, const char *key, const json_t **ret_value);
int zw_json_in_list(
	struct zw_json_in *in, const json_t *object, const char *key, const json_t **ret_value);
int zw_json_in_string(
	struct zw_json_in *in, const json_t *object, const char *key, const char **ret_text);
/* A copy. */
int zw_json_in_text(struct zw_json_in *in, const json_t *object, const char *key, char **ret_text);
/* Into @buf of @size octets. What is longer was escaped when it was written, and becomes what it was. */
int zw_json_in_word(
	struct zw_json_in *in, const json_t *object, const char *key, char *buf, size_t size);
int zw_json_in_bool(struct zw_json_in *in, const json_t *object, const char *key, bool *ret_value);
/* 0 to @max. */
int zw_json_in_u64(struct zw_json_in *in, const json_t *object, const char *key, uint64_t max,
	uint64_t *ret_value);
int zw_json_in_u32(
	struct zw_json_in *in, const json_t *object, const char *key, uint32_t *ret_value);
/* Text that is a number: "1000". */
int zw_json_in_id(struct zw_json_in *in, const json_t *object, const char *key, uint64_t max,
	uint64_t *ret_value);
int zw_json_in_id32(
	struct zw_json_in *in, const json_t *object, const char *key, uint32_t *ret_value);
int zw_json_in_time(struct zw_json_in *in, const json_t *object, const char *key, uint64_t *ret_ns);
/* A list of texts as zw_argv_split() makes it. */
int zw_json_in_texts(struct zw_json_in *in, const json_t *object, const char *key,
	char ***ret_texts, size_t *ret_len);

/* One element of zonewitness.causes; *@cause is empty and the caller's to free, also on failure. */
int zw_json_in_cause(struct zw_json_in *in, const json_t *object, struct zw_report_cause *cause);
/* "geo" and "as" of one element of zonewitness.findings. */
int zw_json_in_registration(
	struct zw_json_in *in, const json_t *object, struct zw_report_finding *finding);
/* The list zonewitness.changes of the zone @zone (presentation form; NULL: not known). */
int zw_json_in_changes(
	struct zw_json_in *in, const json_t *list, const char *zone, struct zw_diff **ret_diff);
