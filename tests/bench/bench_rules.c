/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the rules of records hold the agent's loop: for changes of one record and of every record of a large zone.
 *
 *	bench_rules [RECORDS]		default 1000000
 *
 * Lines that begin with "figure" are rows of the table of tests/bench/run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/name.h"
#include "engine/rule_record.h"
#include "zone/load.h"

static struct zw_hash_key key;
static uint8_t origin[ZW_NAME_MAX];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void *checked(void *p)
{
	if (!p)
		abort();
	return p;
}

/* How name number @i is called and where it leads to. */
typedef void (*line_fn)(struct zw_str *s, uint32_t i);

static void own(struct zw_str *s, uint32_t i)
{
	zw_str_addf(s, "host%u A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255, i & 255);
}

static void public(struct zw_str *s, uint32_t i)
{
	zw_str_addf(s, "host%u A 192.0.2.%u\n", i, i & 255);
}

static void hijacked(struct zw_str *s, uint32_t i)
{
	(void)i;
	zw_str_addf(s, "host%u A 203.0.113.9\n", i);
}

static void scattered(struct zw_str *s, uint32_t i)
{
	zw_str_addf(s, "host%u 60 A %u.%u.%u.1\n", i, 20 + (i >> 16 & 63), i >> 8 & 255, i & 255);
}

static void shadow(struct zw_str *s, uint32_t i)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz0123456789";
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (int k = 0; k < 23; k++) {
		x ^= x >> 29;
		x *= UINT64_C(0xbf58476d1ce4e5b9);
		zw_str_add_char(s, letters[(x >> 32) % (sizeof(letters) - 1)]);
	}
	zw_str_addf(s, "%u A 203.0.113.9\n", i);
}

static struct zw_snapshot *zone(
	uint32_t serial, uint32_t first, uint32_t n, line_fn line, line_fn rest, uint32_t more)
{
	struct zw_zone_input input = {.key = &key};
	struct zw_zone_error error = {};
	struct zw_snapshot *snapshot = NULL;
	_zw_str_ struct zw_str text = {};

	zw_str_addf(
		&text, "$TTL 3600\n@ SOA ns1 h %u 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n", serial);
	for (uint32_t i = 0; i < first; i++)
		line(&text, i);
	for (uint32_t i = first; i < n; i++)
		rest(&text, i);
	for (uint32_t i = 0; i < more; i++)
		shadow(&text, i);
	input.master.origin = origin;
	input.data = checked(text.buf);
	input.len = text.len;
	if (text.failed || zw_zone_load(&input, NULL, &snapshot, &error) < 0) {
		fprintf(stderr, "line %llu: %s\n", (unsigned long long)error.line, error.reason);
		exit(1);
	}
	return snapshot;
}

static struct zw_rules_conf conf;
static struct zw_policy policy;

static void run(const char *what, const char *budget, struct zw_rule_memory *memory,
	struct zw_snapshot *before, struct zw_snapshot *after)
{
	struct zw_rule_input in = {.conf = &conf,
		.policy = &policy,
		.zone_id = "bench",
		.origin = origin,
		.before = before,
		.after = after};
	struct zw_report *report = checked(calloc(1, sizeof(*report)));
	double began, took;

	report->action = ZW_ACTION_RECORD_CHANGE;
	report->time_ns = zw_realtime_ns();
	if (zw_diff_new(before, after, &report->diff) < 0)
		abort();
	began = now();
	if (zw_rules_judge_records(&in, memory, report) < 0)
		abort();
	took = now() - began;
	printf("%-52s %9zu changes %8.1f ms, findings:", what, report->diff->len, took * 1e3);
	for (size_t i = 0; i < report->findings; i++)
		if (i == 0 || strcmp(report->finding[i].rule, report->finding[i - 1].rule) != 0)
			printf(" %s", report->finding[i].rule);
	printf("\nfigure\trules: %s\t%.1f ms\t%s\n", what, took * 1e3, budget);
	zw_report_free(report);
}

static void run_new(
	const char *what, const char *budget, struct zw_snapshot *before, struct zw_snapshot *after)
{
	_zw_rule_memory_free_ struct zw_rule_memory *memory = NULL;

	if (zw_rule_memory_new(&memory) < 0)
		abort();
	run(what, budget, memory, before, after);
	zw_snapshot_unref(after);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	_zw_rule_memory_free_ struct zw_rule_memory *memory = NULL;
	_zw_snapshot_ struct zw_snapshot *base = NULL, *one = NULL, *two = NULL, *wide = NULL;

	zw_hash_key_init(&key);
	zw_rules_conf_init(&conf);
	if (zw_name_from_text("example.com.", origin, NULL) < 0 || zw_rule_memory_new(&memory) < 0)
		abort();
	base = zone(1, n, n, public, public, 0);
	one = zone(2, 1, n, hijacked, public, 0);
	two = zone(3, 2, n, hijacked, public, 0);
	run("first change of a large zone, which is learned", "<= 300 ms", memory, base, one);
	run("next change of one record", "<= 1 ms", memory, one, two);
	run_new("every address changed to one", "<= 2000 ms", base,
		zone(2, n, n, hijacked, hijacked, 0));
	run_new("every address changed to a network of its own", "<= 2000 ms", base,
		zone(2, n, n, scattered, scattered, 0));
	run_new("as many names with random labels added", "<= 2000 ms", base,
		zone(2, n, n, public, public, n));
	run_new("every record removed", "<= 2000 ms", base, zone(2, 0, 0, own, own, 0));
	wide = zone(1, n, n, scattered, scattered, 0);
	run_new("first change of a zone of as many networks", "<= 300 ms", wide,
		zone(2, 1, n, hijacked, scattered, 0));
	return 0;
}
