/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes on, for `top` and `status`. */
#include <string.h>

#include "cli/agent_traffic_impl.h"

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_counts(json_t *object, const struct zw_counts *counts)
{
	for (unsigned int i = 0; i < _ZW_COUNT_MAX; i++)
		set_number(object, zw_count_to_string(i), counts->n[i]);
}

static json_t *total_of(const struct zw_traffic_total *t)
{
	json_t *object = json_object();

	set_counts(object, &t->counts);
	set_number(object, "ipv6", t->ipv6);
	set_number(object, "truncated", t->truncated);
	set_number(object, "unanswered", t->unanswered);
	set_number(object, "untold", t->untold);
	set_number(object, "latency_p50_ns", zw_traffic_latency_ns(t->latency, 50));
	set_number(object, "latency_p99_ns", zw_traffic_latency_ns(t->latency, 99));
	return object;
}

static json_t *rows_of(const struct zw_traffic_rows *rows)
{
	json_t *list = json_array();

	ZW_VEC_FOREACH(row, rows) {
		json_t *object = json_pack("{s:s, s:f}", "key", row->key, "rate", row->rate);

		set_counts(object, &row->counts);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *histogram_of(const __u64 *counts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)counts[i]));
	return list;
}

/* What is not in the rows: of what servers here are asked, sizes, and what could not be told of it. */
static json_t *kernel_of(const struct zw_query_totals *t)
{
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{"repeated", t->repeated[ZW_QUERY_SERVED]},
		{"displaced", t->displaced[ZW_QUERY_SERVED]},
		{"unasked", t->unasked[ZW_QUERY_SERVED]},
		{"edns", t->edns},
		{"dnssec_ok", t->dnssec_ok},
		{"nameless", t->nameless},
		{"headless", t->headless},
		{"untracked", t->untracked},
		{"answer_long", t->answer_long},
		{"answer_part", t->answer_part},
		{"answer_known", t->answer_known},
		{"answer_evicted", t->answer_evicted},
		{"outbound_new", t->outbound_new},
		{"outbound_full", t->outbound_full},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < ZW_ARRAY_SIZE(list); i++)
		set_number(object, list[i].name, list[i].value);
	json_object_set_new(
		object, "query_size", histogram_of(t->query_size[ZW_QUERY_SERVED], ZW_QUERY_SIZES));
	json_object_set_new(object, "response_size",
		histogram_of(t->response_size[ZW_QUERY_SERVED], ZW_QUERY_SIZES));
	return object;
}

json_t *zw_agent_traffic_json(const struct zw_agent *a, size_t rows)
{
	_zw_traffic_now_ struct zw_traffic_now now = {};
	const struct zw_agent_traffic *t = a->traffic;
	json_t *root, *seconds = json_array(), *kinds = json_object();

	if (zw_traffic_now(t->book, zw_boottime_ns(), rows, &now) < 0) {
		json_decref(seconds);
		json_decref(kinds);
		return NULL;
	}
	for (size_t i = 0; i < ZW_TRAFFIC_SECONDS; i++)
		json_array_append_new(seconds, json_integer(now.second[i]));
	root = json_pack("{s:b, s:f, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "counted", !t->deaf,
		"query_rate", now.query_rate, "response_rate", now.response_rate, "seconds",
		seconds, "total", total_of(&now.total), "kernel", kernel_of(&t->reading.total),
		"findings", (json_int_t)zw_watch_alarms(t->watch), "evictions",
		(json_int_t)t->evictions, "failed_readings", (json_int_t)t->failed,
		"minutes_not_stored", (json_int_t)t->unkept);
	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX && rows > 0; by++)
		json_object_set_new(kinds, zw_traffic_by_to_string(by), rows_of(&now.rows[by]));
	if (rows > 0 && root)
		json_object_set(root, "rows", kinds);
	json_decref(kinds);
	return root;
}

bool zw_agent_traffic_is_asked(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *request = json_string_value(json_object_get(root, "request"));
	bool asked = request && strcmp(request, "traffic") == 0;

	json_decref(root);
	return asked;
}
