/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a triage makes of stored minutes of traffic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "engine/triage.h"
#include "report_sample.h"

#define MINUTE (60 * ZW_NSEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* The period is an hour from here on. */
#define BEGIN_NS (SAMPLE_TIME_NS - SAMPLE_TIME_NS % MINUTE)
#define ZONE "example.com."

static struct zw_triage *begin_of(bool one_zone)
{
	struct zw_triage_input in = {.since_ns = BEGIN_NS,
		.until_ns = BEGIN_NS + HOUR,
		.running = true,
		.one_zone = one_zone,
		.spike = {true, 6000, 300, 8, DAY},
		.zone_spike = {true, 3000, 500, 8, DAY}};
	struct zw_triage_fact fact = {.seq = 1};
	struct zw_triage *t = NULL;
	struct zw_report *report = sample_report(ZW_ACTION_AGENT_READY, 1);

	assert_int_equal(zw_triage_new(&in, &t), 0);
	report->time_ns = BEGIN_NS - 2 * DAY;
	report->count[report->counts++] = (struct zw_report_count){ZW_TRIAGE_COUNT_TRAFFIC, 1};
	fact.report = report;
	assert_int_equal(zw_triage_add(t, &fact), 0);
	zw_report_free(report);
	assert_int_equal(zw_triage_watch_zone(t, ZONE), 0);
	return t;
}

static struct zw_triage *begin(void)
{
	return begin_of(false);
}

/* One minute; of @zone and others, which have rows, and those in none. */
static void minute(
	struct zw_triage *t, uint64_t at_ns, uint64_t zone, uint64_t other, uint64_t rest)
{
	_zw_traffic_minute_ struct zw_traffic_minute m = {.time_ns = at_ns, .seconds = 60};
	struct zw_traffic_rows *rows = &m.rows[ZW_TRAFFIC_ZONE];
	const struct {
		const char *key;
		uint64_t n;
	} row[] = {{ZONE, zone}, {"example.net.", other}, {"", rest}};

	m.total.counts.n[ZW_COUNT_QUERIES] = zone + other + rest;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(row); i++) {
		struct zw_counts counts = {};

		counts.n[ZW_COUNT_QUERIES] = row[i].n;
		if (row[i].n)
			assert_int_equal(zw_traffic_rows_add(rows, row[i].key, &counts, 0), 0);
	}
	assert_int_equal(zw_triage_add_minute(t, &m), 0);
}

static void usual(struct zw_triage *t, uint64_t from_ns, uint64_t to_ns, uint64_t zone)
{
	for (uint64_t at = from_ns; at < to_ns; at += MINUTE)
		minute(t, at, zone, 100, 0);
}

static void answers(struct zw_triage *t, enum zw_triage_answer answer, size_t spikes)
{
	assert_int_equal(zw_triage_end_minutes(t), 0);
	assert_int_equal(zw_triage_conclude(t), 0);
	assert_int_equal(t->result[ZW_TRIAGE_TRAFFIC].answer, answer);
	assert_int_equal(t->traffic.spikes.len, spikes);
	/* Nobody is called for it alone. */
	assert_false(t->escalate);
}

static const struct zw_triage_gap *gap_of(const struct zw_triage *t, enum zw_triage_gap_kind kind)
{
	ZW_VEC_FOREACH(gap, &t->gaps)
		if (gap->kind == kind)
			return gap;
	return NULL;
}

static void test_usual(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();

	(void)state;
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 20 * MINUTE, 1000);
	/* Five times what is usual, of what may be ten times. */
	minute(t, BEGIN_NS + 20 * MINUTE, 2900, 100, 0);
	usual(t, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 1000);
	answers(t, ZW_TRIAGE_NO, 0);
	assert_int_equal(t->traffic.minutes, 60);
	assert_int_equal(t->traffic.peak.queries, 3000);
	assert_int_equal(t->traffic.peak.time_ns, BEGIN_NS + 20 * MINUTE);
	assert_true(t->traffic.peak.known);
	assert_in_range((uint64_t)t->traffic.peak.usual.mean, 1095, 1105);
	assert_null(gap_of(t, ZW_TRIAGE_NO_MINUTES));
}

static void test_spike(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();
	const struct zw_triage_spike *s;

	(void)state;
	/* One of before the period is none of it. */
	usual(t, BEGIN_NS - 26 * HOUR, BEGIN_NS - HOUR, 200);
	minute(t, BEGIN_NS - HOUR, 9000, 100, 0);
	usual(t, BEGIN_NS - 59 * MINUTE, BEGIN_NS + 20 * MINUTE, 200);
	minute(t, BEGIN_NS + 20 * MINUTE, 4000, 100, 0);
	minute(t, BEGIN_NS + 21 * MINUTE, 5000, 100, 0);
	minute(t, BEGIN_NS + 22 * MINUTE, 4500, 100, 0);
	usual(t, BEGIN_NS + 23 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_YES, 1);
	s = &t->traffic.spikes.items[0];
	assert_string_equal(s->zone, ZONE);
	assert_int_equal(s->from_ns, BEGIN_NS + 20 * MINUTE);
	assert_int_equal(s->to_ns, BEGIN_NS + 22 * MINUTE);
	assert_int_equal(s->peak_ns, BEGIN_NS + 21 * MINUTE);
	assert_int_equal(s->queries, 5000);
	assert_int_equal(s->minutes, 3);
	assert_in_range((uint64_t)s->usual.mean, 190, 260);
}

/* All together, as of zones that nobody here serves. */
static void test_spike_of_all(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(), *zone = begin_of(true);

	(void)state;
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 20 * MINUTE, 200);
	minute(t, BEGIN_NS + 20 * MINUTE, 200, 9000, 0);
	usual(t, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_YES, 1);
	assert_null(t->traffic.spikes.items[0].zone);
	/* Asked about one zone. */
	usual(zone, BEGIN_NS - 25 * HOUR, BEGIN_NS + 20 * MINUTE, 200);
	minute(zone, BEGIN_NS + 20 * MINUTE, 200, 9000, 0);
	usual(zone, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(zone, ZW_TRIAGE_NO, 0);
}

static void test_acknowledged(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();
	struct zw_report *report = sample_report(ZW_ACTION_FINDING, 2);
	struct zw_triage_fact fact = {.report = report, .seq = 2, .acknowledged = true};

	(void)state;
	report->time_ns = BEGIN_NS + 21 * MINUTE;
	report->zone = sample_text(ZONE);
	assert_int_equal(zw_report_add_finding(report, "domain-spike", 47, ZONE, "a launch"), 0);
	assert_int_equal(zw_triage_add(t, &fact), 0);
	zw_report_free(report);
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 20 * MINUTE, 200);
	minute(t, BEGIN_NS + 20 * MINUTE, 4000, 100, 0);
	usual(t, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_NO, 1);
	assert_true(t->traffic.spikes.items[0].confirmed);
}

/* Two hours are not enough to know what is usual, and few queries are no spike whatever is. */
static void test_not_known(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(), *few = begin();
	const struct zw_triage_gap *gap;

	(void)state;
	usual(t, BEGIN_NS - 2 * HOUR, BEGIN_NS + 20 * MINUTE, 200);
	minute(t, BEGIN_NS + 20 * MINUTE, 4000, 100, 0);
	minute(t, BEGIN_NS + 21 * MINUTE, 3500, 100, 0);
	usual(t, BEGIN_NS + 22 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_UNKNOWN, 0);
	gap = gap_of(t, ZW_TRIAGE_NO_BASELINE);
	assert_non_null(gap);
	assert_int_equal(gap->from_ns, BEGIN_NS + 20 * MINUTE);
	assert_int_equal(gap->to_ns, BEGIN_NS + 22 * MINUTE);
	assert_string_equal(gap->detail, "up to 4000 queries a minute for " ZONE);
	assert_false(t->traffic.peak.known);
	usual(few, BEGIN_NS - 2 * HOUR, BEGIN_NS + 20 * MINUTE, 200);
	minute(few, BEGIN_NS + 20 * MINUTE, 2000, 100, 0);
	usual(few, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(few, ZW_TRIAGE_NO, 0);
}

static void test_never_asked_for(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();

	(void)state;
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 20 * MINUTE, 0);
	minute(t, BEGIN_NS + 20 * MINUTE, 4000, 100, 0);
	usual(t, BEGIN_NS + 21 * MINUTE, BEGIN_NS + HOUR, 0);
	answers(t, ZW_TRIAGE_YES, 1);
	assert_int_equal((uint64_t)t->traffic.spikes.items[0].usual.mean, 0);
}

/* It was there before, among the others. */
static void test_unlisted(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();

	(void)state;
	for (uint64_t at = BEGIN_NS - 25 * HOUR; at < BEGIN_NS + HOUR; at += MINUTE) {
		bool listed = at == BEGIN_NS + 20 * MINUTE;

		minute(t, at, listed ? 3100 : 0, 3000, listed ? 2900 : 6000);
	}
	answers(t, ZW_TRIAGE_NO, 0);
}

static void test_missing(void **state)
{
	_zw_triage_ struct zw_triage *t = begin(), *late = begin(), *none = begin();
	const struct zw_triage_gap *gap;

	(void)state;
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 10 * MINUTE, 200);
	usual(t, BEGIN_NS + 30 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_UNKNOWN, 0);
	gap = gap_of(t, ZW_TRIAGE_NO_MINUTES);
	assert_non_null(gap);
	assert_int_equal(gap->from_ns, BEGIN_NS + 10 * MINUTE);
	assert_int_equal(gap->to_ns, BEGIN_NS + 30 * MINUTE);
	/* The last minutes may be stored yet. */
	usual(late, BEGIN_NS - 25 * HOUR, BEGIN_NS + 58 * MINUTE, 200);
	answers(late, ZW_TRIAGE_NO, 0);
	answers(none, ZW_TRIAGE_UNKNOWN, 0);
	assert_non_null(gap_of(none, ZW_TRIAGE_NO_MINUTES));
}

/* Why they are missing is known: that is the gap. */
static void test_missing_while_stopped(void **state)
{
	_zw_triage_ struct zw_triage *t = begin();

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct zw_report *report =
			sample_report(i ? ZW_ACTION_AGENT_READY : ZW_ACTION_AGENT_STOPPED, 2 + i);
		struct zw_triage_fact fact = {.report = report, .seq = 2 + i};

		report->time_ns = BEGIN_NS + (i ? 30 : 10) * MINUTE;
		report->count[report->counts++] =
			(struct zw_report_count){ZW_TRIAGE_COUNT_TRAFFIC, 1};
		assert_int_equal(zw_triage_add(t, &fact), 0);
		zw_report_free(report);
	}
	usual(t, BEGIN_NS - 25 * HOUR, BEGIN_NS + 10 * MINUTE, 200);
	usual(t, BEGIN_NS + 30 * MINUTE, BEGIN_NS + HOUR, 200);
	answers(t, ZW_TRIAGE_UNKNOWN, 0);
	assert_null(gap_of(t, ZW_TRIAGE_NO_MINUTES));
	assert_non_null(gap_of(t, ZW_TRIAGE_STOPPED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_spike_of_all),
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_never_asked_for),
		cmocka_unit_test(test_unlisted),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_missing_while_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
