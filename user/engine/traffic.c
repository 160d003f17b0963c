/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/traffic_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)

/* Keys that are counted apart within a minute. With the longest names all of it is some 3 MB. */
static const size_t key_max[] = {
	[ZW_TRAFFIC_SOURCE] = 4096,
	[ZW_TRAFFIC_NAME] = 4096,
	[ZW_TRAFFIC_ZONE] = 2048,
	[ZW_TRAFFIC_RCODE] = 16,
	[ZW_TRAFFIC_TYPE] = _ZW_QUERY_MAX,
};
static_assert(ZW_ARRAY_SIZE(key_max) == _ZW_TRAFFIC_BY_MAX, "a bound for every kind");

#define ALL ((1U << _ZW_COUNT_MAX) - 1)

/* What is counted of them, as bits. */
static const unsigned int kind_counts[] = {
	[ZW_TRAFFIC_SOURCE] = ALL,
	[ZW_TRAFFIC_NAME] = ALL,
	[ZW_TRAFFIC_ZONE] = ALL,
	[ZW_TRAFFIC_RCODE] = 1 << ZW_COUNT_RESPONSES | 1 << ZW_COUNT_NXDOMAIN |
			     1 << ZW_COUNT_SERVFAIL | 1 << ZW_COUNT_REFUSED,
	[ZW_TRAFFIC_TYPE] = 1 << ZW_COUNT_QUERIES,
};
static_assert(ZW_ARRAY_SIZE(kind_counts) == _ZW_TRAFFIC_BY_MAX, "counts for every kind");

int zw_traffic_new(struct zw_traffic_book **ret_traffic)
{
	_zw_traffic_free_ struct zw_traffic_book *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < _ZW_TRAFFIC_BY_MAX; i++) {
		int r = zw_tally_new(key_max[i], &t->tally[i]);

		if (r < 0)
			return r;
	}
	*ret_traffic = ZW_TAKE(t);
	return 0;
}

void zw_traffic_free(struct zw_traffic_book *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < _ZW_TRAFFIC_BY_MAX; i++)
		zw_tally_free(t->tally[i]);
	free(t);
}

void zw_traffic_total_add(struct zw_traffic_total *to, const struct zw_traffic_total *more)
{
	zw_counts_add(&to->counts, &more->counts);
	to->ipv6 += more->ipv6;
	to->truncated += more->truncated;
	to->unanswered += more->unanswered;
	to->untold += more->untold;
	to->sources = more->sources > to->sources ? more->sources : to->sources;
	to->names = more->names > to->names ? more->names : to->names;
	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++)
		to->latency[i] += more->latency[i];
}

uint64_t zw_traffic_latency_ns(
	const uint64_t latency[static ZW_TRAFFIC_LATENCIES], unsigned int percent)
{
	uint64_t all = 0, sum = 0;

	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++)
		all += latency[i];
	for (size_t i = 0; i < ZW_TRAFFIC_LATENCIES; i++) {
		sum += latency[i];
		if (latency[i] && (double)sum * 100 >= (double)all * percent)
			return UINT64_C(1024) << i;
	}
	return 0;
}

void zw_traffic_add(struct zw_traffic_book *t, enum zw_traffic_by by, const void *key, size_t len,
	const struct zw_counts *more, uint64_t now_ns)
{
	zw_tally_add(t->tally[by], key, len, more, now_ns);
}

/* Readings are about a second apart; one that comes late counts for the seconds that it spans. */
static void count_second(struct zw_traffic_book *t, uint64_t queries, uint64_t now_ns)
{
	uint64_t passed =
		t->second_ns ? (now_ns - t->second_ns + ZW_NSEC_PER_SEC / 2) / ZW_NSEC_PER_SEC : 1;

	if (passed == 0) {
		t->second[(t->second_next + ZW_TRAFFIC_SECONDS - 1) % ZW_TRAFFIC_SECONDS] +=
			(uint32_t)queries;
		return;
	}
	for (uint64_t i = 0; i < passed && i < ZW_TRAFFIC_SECONDS; i++) {
		t->second[t->second_next] = (uint32_t)(queries / passed);
		t->second_next = (t->second_next + 1) % ZW_TRAFFIC_SECONDS;
	}
	t->second_ns = now_ns;
}

void zw_traffic_add_total(
	struct zw_traffic_book *t, const struct zw_traffic_total *more, uint64_t now_ns)
{
	uint64_t passed = t->rate_ns ? now_ns - t->rate_ns : ZW_NSEC_PER_SEC;

	zw_traffic_total_add(&t->minute, more);
	zw_traffic_total_add(&t->total, more);
	t->query_rate = zw_rate_step(t->query_rate, more->counts.n[ZW_COUNT_QUERIES], passed);
	t->response_rate =
		zw_rate_step(t->response_rate, more->counts.n[ZW_COUNT_RESPONSES], passed);
	t->rate_ns = now_ns;
	count_second(t, more->counts.n[ZW_COUNT_QUERIES], now_ns);
}

void zw_traffic_add_listed(struct zw_traffic_book *t, const struct zw_counts *more)
{
	zw_counts_add(&t->listed, more);
}

bool zw_traffic_pin(struct zw_traffic_book *t, enum zw_traffic_by by, const void *key, size_t len)
{
	return zw_tally_pin(t->tally[by], key, len);
}

void zw_traffic_unpin(struct zw_traffic_book *t, enum zw_traffic_by by, const void *key, size_t len)
{
	zw_tally_unpin(t->tally[by], key, len);
}

/* --- minutes ------------------------------------------------------------------------------------------- */

static void rows_done(struct zw_traffic_rows *rows)
{
	ZW_VEC_FOREACH(row, rows)
		free(row->key);
	zw_vec_free(rows);
}

void zw_traffic_minute_done(struct zw_traffic_minute *minute)
{
	for (size_t i = 0; i < _ZW_TRAFFIC_BY_MAX; i++)
		rows_done(&minute->rows[i]);
}

int zw_traffic_rows_add(
	struct zw_traffic_rows *rows, const char *key, const struct zw_counts *counts, double rate)
{
	struct zw_traffic_row row = {.key = strdup(key), .counts = *counts, .rate = rate};
	int r = row.key ? zw_vec_push(rows, row) : -ENOMEM;

	if (r < 0)
		free(row.key);
	return r;
}

/* What is in no row. A zone may get what its names counted before they left the table a moment late: what makes the parts
 * more than their sum is remembered, so that over several minutes the sums agree. */
static int add_others(
	struct zw_traffic_book *t, enum zw_traffic_by by, struct zw_traffic_rows *rows)
{
	const struct zw_counts *all =
		by == ZW_TRAFFIC_TYPE || by == ZW_TRAFFIC_RCODE ? &t->minute.counts : &t->listed;
	struct zw_counts *ahead = &t->ahead[by], others = {};
	bool any = false;

	for (size_t c = 0; c < _ZW_COUNT_MAX; c++) {
		uint64_t total = all->n[c], parts = ahead->n[c];

		if (!(kind_counts[by] & 1U << c))
			continue;
		ZW_VEC_FOREACH(row, rows)
			parts += row->counts.n[c];
		others.n[c] = total > parts ? total - parts : 0;
		ahead->n[c] = parts > total ? parts - total : 0;
		any |= others.n[c] > 0;
	}
	return any ? zw_traffic_rows_add(rows, "", &others, 0) : 0;
}

static int take_rows(struct zw_traffic_book *t, enum zw_traffic_by by, struct zw_traffic_rows *rows)
{
	_zw_free_ const struct zw_tally_entry **top = NULL;
	char text[ZW_TRAFFIC_KEY_MAX];
	size_t n;
	int r = zw_tally_top(t->tally[by], ZW_TRAFFIC_TOP, false, 0, &top, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		zw_traffic_key_text(by, top[i]->key, top[i]->len, text);
		r = zw_traffic_rows_add(rows, text, &top[i]->counts, 0);
	}
	if (r == 0)
		r = add_others(t, by, rows);
	rows->missed = zw_tally_missed(t->tally[by]);
	return r;
}

static int end_minute(
	struct zw_traffic_book *t, uint64_t now_ns, struct zw_traffic_minute *ret_minute)
{
	_zw_traffic_minute_ struct zw_traffic_minute minute = {.time_ns = t->minute_real_ns};
	int r = 0;

	minute.seconds =
		(unsigned int)((now_ns - t->from_ns + ZW_NSEC_PER_SEC / 2) / ZW_NSEC_PER_SEC);
	minute.total = t->minute;
	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX && r == 0; by++)
		r = take_rows(t, by, &minute.rows[by]);
	for (size_t by = 0; by < _ZW_TRAFFIC_BY_MAX; by++)
		zw_tally_begin(t->tally[by]);
	t->minute = (struct zw_traffic_total){};
	t->listed = (struct zw_counts){};
	if (r < 0)
		return r;
	*ret_minute = minute;
	minute = (struct zw_traffic_minute){};
	return 1;
}

int zw_traffic_tick(struct zw_traffic_book *t, uint64_t now_ns, uint64_t real_ns, bool last,
	struct zw_traffic_minute *ret_minute)
{
	uint64_t minute = real_ns - real_ns % MINUTE_NS;
	int r = 0;

	if (t->minute_real_ns && (minute != t->minute_real_ns || last))
		r = end_minute(t, now_ns, ret_minute);
	if (minute != t->minute_real_ns || last) {
		t->minute_real_ns = minute;
		t->from_ns = now_ns;
	}
	return r;
}

/* --- now ----------------------------------------------------------------------------------------------- */

void zw_traffic_now_done(struct zw_traffic_now *now)
{
	for (size_t i = 0; i < _ZW_TRAFFIC_BY_MAX; i++)
		rows_done(&now->rows[i]);
}

static int rows_now(const struct zw_traffic_book *t, enum zw_traffic_by by, uint64_t now_ns,
	size_t n, struct zw_traffic_rows *rows)
{
	_zw_free_ const struct zw_tally_entry **top = NULL;
	char text[ZW_TRAFFIC_KEY_MAX];
	size_t len;
	int r = zw_tally_top(t->tally[by], n, true, now_ns, &top, &len);

	for (size_t i = 0; i < len && r == 0; i++) {
		zw_traffic_key_text(by, top[i]->key, top[i]->len, text);
		r = zw_traffic_rows_add(rows, text, &top[i]->counts, zw_tally_rate(top[i], now_ns));
	}
	return r;
}

int zw_traffic_now(
	const struct zw_traffic_book *t, uint64_t now_ns, size_t n, struct zw_traffic_now *ret_now)
{
	_zw_traffic_now_ struct zw_traffic_now now = {.total = t->total};
	uint64_t passed = now_ns > t->rate_ns ? now_ns - t->rate_ns : 0;
	int r = 0;

	now.query_rate = zw_rate_step(t->query_rate, 0, passed);
	now.response_rate = zw_rate_step(t->response_rate, 0, passed);
	for (size_t i = 0; i < ZW_TRAFFIC_SECONDS; i++)
		now.second[i] = t->second[(t->second_next + i) % ZW_TRAFFIC_SECONDS];
	for (unsigned int by = 0; by < _ZW_TRAFFIC_BY_MAX && r == 0; by++)
		r = rows_now(t, by, now_ns, n, &now.rows[by]);
	if (r < 0)
		return r;
	*ret_now = now;
	now = (struct zw_traffic_now){};
	return 0;
}
