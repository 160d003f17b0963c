/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "cli/top.h"

static const char *const sorts[] = {
	[ZW_TOP_RATE] = "rate",
	[ZW_TOP_QUERIES] = "queries",
	[ZW_TOP_NXDOMAIN] = "nxdomain",
	[ZW_TOP_SERVFAIL] = "servfail",
	[ZW_TOP_REFUSED] = "refused",
	[ZW_TOP_BYTES] = "bytes",
	[ZW_TOP_KEY] = "key",
};
static_assert(ZW_ARRAY_SIZE(sorts) == _ZW_TOP_SORT_MAX, "one name for every value");

const char *zw_top_sort_to_string(enum zw_top_sort v)
{
	return (size_t)v < ZW_ARRAY_SIZE(sorts) ? sorts[v] : "unknown";
}

int zw_top_sort_from_string(const char *text, enum zw_top_sort *ret_v)
{
	for (unsigned int i = 0; i < _ZW_TOP_SORT_MAX; i++)
		if (zw_streq(text, sorts[i])) {
			*ret_v = i;
			return 0;
		}
	return -EINVAL;
}

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static double real(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return value > 0 && value < 1e15 ? value : 0;
}

static void take_counts(const json_t *object, struct zw_counts *ret_counts)
{
	for (unsigned int i = 0; i < _ZW_COUNT_MAX; i++)
		ret_counts->n[i] = number(object, zw_count_to_string(i));
}

static int take_rows(const json_t *list, struct zw_traffic_rows *rows)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *key = json_string_value(json_object_get(item, "key"));
		struct zw_counts counts;
		int r;

		if (!key)
			return -EBADMSG;
		take_counts(item, &counts);
		r = zw_traffic_rows_add(rows, key, &counts, real(item, "rate"));
		if (r < 0)
			return r;
	}
	return 0;
}

int zw_top_model_take(const json_t *traffic, struct zw_top_model *ret_model)
{
	const json_t *total = json_object_get(traffic, "total");
	const json_t *rows = json_object_get(traffic, "rows");
	const json_t *seconds = json_object_get(traffic, "seconds");
	_zw_top_model_ struct zw_top_model m = {
		.query_rate = real(traffic, "query_rate"),
		.response_rate = real(traffic, "response_rate"),
		.findings = number(traffic, "findings"),
		.unanswered = number(total, "unanswered"),
		.latency_p50_ns = number(total, "latency_p50_ns"),
		.latency_p99_ns = number(total, "latency_p99_ns"),
		.counted = json_is_true(json_object_get(traffic, "counted")),
	};

	if (!json_is_object(total) || !json_is_object(rows))
		return -EBADMSG;
	take_counts(total, &m.total);
	for (size_t i = 0; i < ZW_TRAFFIC_SECONDS; i++)
		m.second[i] = (uint32_t)json_integer_value(json_array_get(seconds, i));
	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX; by++) {
		int r = take_rows(json_object_get(rows, zw_traffic_by_to_string(by)), &m.rows[by]);

		if (r < 0)
			return r;
	}
	*ret_model = m;
	m = (struct zw_top_model){};
	return 0;
}

void zw_top_model_done(struct zw_top_model *m)
{
	for (size_t by = 0; by < _ZW_TRAFFIC_BY_MAX; by++) {
		ZW_VEC_FOREACH(row, &m->rows[by])
			free(row->key);
		zw_vec_free(&m->rows[by]);
	}
}

/* --- arranging ----------------------------------------------------------------------------------------- */

static double value_of(const struct zw_traffic_row *row, enum zw_top_sort sort)
{
	const uint64_t *n = row->counts.n;

	switch (sort) {
	case ZW_TOP_QUERIES:
		return (double)zw_counts_weight(&row->counts);
	case ZW_TOP_NXDOMAIN:
		return (double)n[ZW_COUNT_NXDOMAIN];
	case ZW_TOP_SERVFAIL:
		return (double)n[ZW_COUNT_SERVFAIL];
	case ZW_TOP_REFUSED:
		return (double)n[ZW_COUNT_REFUSED];
	case ZW_TOP_BYTES:
		return (double)n[ZW_COUNT_IN_BYTES] + (double)n[ZW_COUNT_OUT_BYTES];
	default:
		return row->rate;
	}
}

static int compare(const void *a, const void *b, void *sort)
{
	const struct zw_traffic_row *x = a, *y = b;
	double left = value_of(x, *(enum zw_top_sort *)sort);
	double right = value_of(y, *(enum zw_top_sort *)sort);

	if (*(enum zw_top_sort *)sort != ZW_TOP_KEY && left != right)
		return left > right ? -1 : 1;
	return strcmp(x->key, y->key);
}

void zw_top_model_arrange(struct zw_top_model *m, enum zw_top_sort sort, const char *filter)
{
	for (size_t by = 0; by < _ZW_TRAFFIC_BY_MAX; by++) {
		struct zw_traffic_rows *rows = &m->rows[by];
		size_t n = 0;

		for (size_t i = 0; i < rows->len; i++) {
			if (strcasestr(rows->items[i].key, filter))
				rows->items[n++] = rows->items[i];
			else
				free(rows->items[i].key);
		}
		rows->len = n;
		if (n)
			qsort_r(rows->items, n, sizeof(*rows->items), compare, &sort);
	}
}
