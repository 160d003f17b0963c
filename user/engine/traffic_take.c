/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what the query lane counted to counts by key. */
#include "engine/traffic_impl.h"

struct zw_counts zw_traffic_counts_of(const struct zw_query_counts *n)
{
	struct zw_counts c = {};

	c.n[ZW_COUNT_QUERIES] = n->queries;
	c.n[ZW_COUNT_RESPONSES] = n->responses;
	c.n[ZW_COUNT_NXDOMAIN] = n->nxdomain;
	c.n[ZW_COUNT_SERVFAIL] = n->servfail;
	c.n[ZW_COUNT_REFUSED] = n->refused;
	c.n[ZW_COUNT_TCP] = n->tcp;
	c.n[ZW_COUNT_IN_BYTES] = n->query_bytes;
	c.n[ZW_COUNT_OUT_BYTES] = n->response_bytes;
	return c;
}

static struct zw_traffic_total total_of(const struct zw_query_totals *q)
{
	const unsigned int side = ZW_QUERY_SERVED;
	struct zw_traffic_total t = {
		.ipv6 = q->query[side][0][1] + q->query[side][1][1],
		.truncated = q->truncated,
		.unanswered = q->unanswered[side],
	};
	uint64_t *n = t.counts.n;

	for (size_t family = 0; family < 2; family++) {
		n[ZW_COUNT_QUERIES] += q->query[side][0][family] + q->query[side][1][family];
		n[ZW_COUNT_RESPONSES] +=
			q->response[side][0][family] + q->response[side][1][family];
		n[ZW_COUNT_TCP] += q->query[side][1][family];
	}
	n[ZW_COUNT_NXDOMAIN] = q->rcode[side][3];
	n[ZW_COUNT_SERVFAIL] = q->rcode[side][2];
	n[ZW_COUNT_REFUSED] = q->rcode[side][5];
	n[ZW_COUNT_IN_BYTES] = q->query_bytes[side];
	n[ZW_COUNT_OUT_BYTES] = q->response_bytes[side];
	memcpy(t.latency, q->time[side], sizeof(t.latency));
	return t;
}

/* Types of queries and rcodes of answers, which the totals have. */
static void take_kinds(struct zw_traffic_book *t, const struct zw_query_totals *q, uint64_t now_ns)
{
	static const enum zw_count rcode_count[16] = {
		[2] = ZW_COUNT_SERVFAIL, [3] = ZW_COUNT_NXDOMAIN, [5] = ZW_COUNT_REFUSED};

	for (size_t i = 0; i < _ZW_QUERY_MAX; i++) {
		const uint8_t key = (uint8_t)i;
		struct zw_counts c = {};

		c.n[ZW_COUNT_QUERIES] = q->type[ZW_QUERY_SERVED][i];
		if (c.n[ZW_COUNT_QUERIES])
			zw_traffic_add(t, ZW_TRAFFIC_TYPE, &key, sizeof(key), &c, now_ns);
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(rcode_count); i++) {
		const uint8_t key = (uint8_t)i;
		struct zw_counts c = {};

		c.n[ZW_COUNT_RESPONSES] = q->rcode[ZW_QUERY_SERVED][i];
		if (rcode_count[i])
			c.n[rcode_count[i]] = c.n[ZW_COUNT_RESPONSES];
		if (c.n[ZW_COUNT_RESPONSES])
			zw_traffic_add(t, ZW_TRAFFIC_RCODE, &key, sizeof(key), &c, now_ns);
	}
}

static size_t name_bytes(uint8_t len)
{
	return len < ZW_QUERY_NAME_BYTES ? len : ZW_QUERY_NAME_BYTES;
}

void zw_traffic_take(
	struct zw_traffic_book *t, const struct zw_query_book *reading, uint64_t now_ns)
{
	struct zw_traffic_total total = total_of(&t->waiting);
	struct zw_counts other = zw_traffic_counts_of(&reading->other[ZW_QUERY_SOURCES]);

	zw_traffic_add_listed(t, &other);
	ZW_VEC_FOREACH(row, &reading->sources) {
		struct zw_traffic_source source = zw_traffic_source_of(row->family, row->addr);
		struct zw_counts c = zw_traffic_counts_of(&row->n);

		zw_traffic_add_listed(t, &c);
		zw_traffic_add(t, ZW_TRAFFIC_SOURCE, &source, sizeof(source), &c, now_ns);
	}
	ZW_VEC_FOREACH(row, &reading->names) {
		struct zw_counts c = zw_traffic_counts_of(&row->n);

		zw_traffic_add(t, ZW_TRAFFIC_NAME, row->name, name_bytes(row->len), &c, now_ns);
	}
	ZW_VEC_FOREACH(row, &reading->zones) {
		struct zw_counts c = zw_traffic_counts_of(&row->n);

		zw_traffic_add(t, ZW_TRAFFIC_ZONE, row->name, name_bytes(row->len), &c, now_ns);
	}
	take_kinds(t, &t->waiting, now_ns);
	total.sources = reading->distinct_sources;
	total.names = reading->distinct_names;
	total.untold = reading->other[ZW_QUERY_SOURCES].queries;
	if (reading->other[ZW_QUERY_NAMES].queries > total.untold)
		total.untold = reading->other[ZW_QUERY_NAMES].queries;
	zw_traffic_add_total(t, &total, now_ns);
	t->waiting = reading->delta;
}
