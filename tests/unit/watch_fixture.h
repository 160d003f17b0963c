/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What watches traffic, seconds of traffic for it, and what it told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "engine/traffic_watch.h"

#define SECOND ZW_NSEC_PER_SEC
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define REAL_NS (20000 * DAY)
/* "example.com." */
#define ZONE "\7example\3com"

struct world {
	struct zw_traffic_book *traffic;
	struct zw_baselines *baselines;
	struct zw_watch *watch;
	struct zw_rules_conf rules;
	struct zw_query_book reading;
	uint64_t second;
	size_t begun, ended;
	char last[800];
	char source[64];
	uint64_t queries;
	struct zw_feeds *feeds;
};

static inline void tell(void *ctx, struct zw_alarm *a, bool ended)
{
	struct world *w = ctx;

	w->begun += !ended;
	w->ended += ended;
	w->queries = a->queries;
	snprintf(w->last, sizeof(w->last), "%s|%s|%s", a->rule, a->subject ? a->subject : "several",
		a->reason);
	snprintf(w->source, sizeof(w->source), "%s", a->source ? a->source : "");
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct zw_watch_options options = {.fn = tell, .ctx = w};

	if (!w || zw_traffic_new(&w->traffic) < 0 || zw_baselines_new(&w->baselines) < 0)
		return -1;
	options.traffic = w->traffic;
	options.baselines = w->baselines;
	if (zw_watch_new(&options, &w->watch) < 0)
		return -1;
	zw_rules_conf_init(&w->rules);
	zw_watch_configure(w->watch, &w->rules);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	zw_watch_free(w->watch);
	zw_baselines_free(w->baselines);
	zw_traffic_free(w->traffic);
	zw_query_book_done(&w->reading);
	zw_feeds_free(w->feeds);
	free(w);
	return 0;
}

static inline void add_source(struct world *w, const char *address, struct zw_query_counts n)
{
	struct zw_query_source row = {.family = strchr(address, ':') ? AF_INET6 : AF_INET, .n = n};

	assert_int_equal(inet_pton(row.family, address, row.addr), 1);
	assert_int_equal(zw_query_book_add_source(&w->reading, &row), 0);
}

static inline uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* @n queries a name for @names names below the zone, whose labels have @len octets. */
static inline void add_names(struct world *w, const char *zone, unsigned int names,
	unsigned int label, struct zw_query_counts each)
{
	struct zw_query_zone z = {.hash = 7,
		.served = 1,
		.len = (uint8_t)(strlen(zone) + 1),
		.longest = (uint8_t)label};

	memcpy(z.name, zone, z.len);
	for (unsigned int i = 0; i < names; i++) {
		struct zw_query_name name = {.hash = random_next() | 1, .zone = 7, .n = each};
		uint64_t h = random_next();
		uint8_t rank = (uint8_t)(__builtin_ctzll(h >> 6 | 1ULL << 57) + 1);

		name.longest = (uint8_t)label;
		name.len = (uint8_t)(1 + label + z.len);
		name.name[0] = (uint8_t)label;
		memset(name.name + 1, 'a', label);
		memcpy(name.name + 1 + label, zone, z.len);
		if (rank > z.names[h & 63])
			z.names[h & 63] = rank;
		assert_int_equal(zw_query_book_add_name(&w->reading, &name), 0);
	}
	assert_int_equal(zw_query_book_add_zone(&w->reading, &z), 0);
}

/* A second is over. */
static inline void pass(struct world *w)
{
	uint64_t now = ++w->second * SECOND + 1000 * SECOND;

	zw_query_book_close(&w->reading);
	zw_watch_take(w->watch, &w->reading, w->feeds, now, REAL_NS + w->second * SECOND);
	zw_watch_expire(w->watch, now, false);
	zw_query_book_clear(&w->reading);
	if (w->second % 60 == 0)
		zw_watch_minute(w->watch, REAL_NS + (w->second - 60) * SECOND, true);
}

static inline struct zw_query_counts answered(uint64_t n)
{
	return (struct zw_query_counts){
		.queries = n, .responses = n, .query_bytes = 40 * n, .response_bytes = 80 * n};
}

static inline struct zw_query_counts nxdomain(uint64_t n)
{
	struct zw_query_counts c = answered(n);

	c.nxdomain = n;
	return c;
}

static inline void assert_begun(const struct world *w, size_t n, const char *text)
{
	if (w->begun != n || (text && strncmp(w->last, text, strlen(text)) != 0))
		fail_msg("%zu begun, the last: %s", w->begun, w->last);
}

#define WATCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
