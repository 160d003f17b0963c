/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stores minutes of traffic as an agent would have: so many queries a minute for one zone, all of 127.0.0.1. With `learn`
 * an agent was ready before them, and what is usual after them is stored as well; with `add` they come on top of those that
 * are there. For tests that cannot wait for days.
 *
 * Usage: zw-traffic HISTORY learn|add FIRST_SECOND MINUTES ZONE QUERIES */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/baseline.h"
#include "engine/triage.h"
#include "report_sample.h"
#include "sink/history_event.h"
#include "sink/history_traffic.h"
#include "sink/sink.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
#define NET "127.0.0.0/24"

struct tool {
	struct zw_history *history;
	struct zw_baselines *baselines;
	const char *zone;
	uint64_t first_ns, minutes, queries;
};

static void check(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "zw-traffic: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void put_event(struct tool *tool, struct zw_report *report)
{
	const struct zw_history_zone zone = {"knot", "_default", tool->zone};
	const struct zw_sink_host host = {.hostname = "ns1"};
	_zw_str_ struct zw_str json = {};

	report->time_ns = tool->first_ns;
	zw_ulid(&(struct zw_ulid_state){}, report->time_ns, report->id);
	check(zw_report_to_json(report, &host, &json), "JSON");
	check(zw_history_put_event(
		      tool->history, report->zone ? &zone : NULL, report, json.buf, json.len),
		"event");
	zw_report_free(report);
}

static void put_beginning(struct tool *tool)
{
	struct zw_report *ready = sample_report(ZW_ACTION_AGENT_READY, 1);
	struct zw_report *added = sample_report(ZW_ACTION_ZONE_ADDED, 2);

	ready->count[ready->counts++] = (struct zw_report_count){ZW_TRIAGE_COUNT_TRAFFIC, 1};
	put_event(tool, ready);
	added->server_kind = sample_text("knot");
	added->view = sample_text("_default");
	added->zone = sample_text(tool->zone);
	put_event(tool, added);
}

static void put_minute(struct tool *tool, uint64_t time_ns)
{
	static const enum zw_traffic_by by[] = {
		ZW_TRAFFIC_SOURCE, ZW_TRAFFIC_NAME, ZW_TRAFFIC_ZONE, ZW_TRAFFIC_TYPE};
	const char *const keys[] = {"127.0.0.1", tool->zone, tool->zone, "A"};
	_zw_traffic_minute_ struct zw_traffic_minute m = {.time_ns = time_ns, .seconds = 60};
	struct zw_counts counts = {};
	_zw_str_ struct zw_str bytes = {};

	counts.n[ZW_COUNT_QUERIES] = counts.n[ZW_COUNT_RESPONSES] = tool->queries;
	m.total.counts = counts;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(by); i++)
		check(zw_traffic_rows_add(&m.rows[by[i]], keys[i], &counts, 0), "row");
	check(zw_history_encode_minute(&m, &bytes), "minute");
	check(zw_history_store_minute(tool->history, bytes.buf, bytes.len), "minute");
}

static int save(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	return zw_history_encode_baseline(class, key, zw_realtime_ns(), data, len, ctx);
}

static void put_usual(struct tool *tool)
{
	_zw_str_ struct zw_str bytes = {};

	for (uint64_t i = 0; i < tool->minutes; i++) {
		zw_baselines_begin(tool->baselines, tool->first_ns + i * MINUTE_NS);
		zw_baselines_learn(tool->baselines, ZW_BASELINE_HOST, "", tool->queries);
		zw_baselines_learn(tool->baselines, ZW_BASELINE_SOURCE, NET, tool->queries);
		zw_baselines_learn(tool->baselines, ZW_BASELINE_ZONE, tool->zone, tool->queries);
	}
	if (zw_baselines_save(tool->baselines, 3, save, &bytes) != 3)
		check(-ENOMEM, "what is usual");
	check(zw_history_store_baselines(tool->history, bytes.buf, bytes.len), "what is usual");
}

int main(int argc, char **argv)
{
	_zw_str_ struct zw_str error = {};
	struct tool tool = {};
	bool learn;

	if (argc != 7) {
		fputs("usage: zw-traffic HISTORY learn|add FIRST_SECOND MINUTES ZONE QUERIES\n",
			stderr);
		return 2;
	}
	learn = zw_streq(argv[2], "learn");
	tool.first_ns = strtoull(argv[3], NULL, 10) * ZW_NSEC_PER_SEC;
	tool.first_ns -= tool.first_ns % MINUTE_NS;
	tool.minutes = strtoull(argv[4], NULL, 10);
	tool.zone = argv[5];
	tool.queries = strtoull(argv[6], NULL, 10);
	check(zw_history_open(argv[1], &tool.history, &error), argv[1]);
	check(zw_baselines_new(&tool.baselines), "memory");
	if (learn)
		put_beginning(&tool);
	for (uint64_t i = 0; i < tool.minutes; i++)
		put_minute(&tool, tool.first_ns + i * MINUTE_NS);
	if (learn)
		put_usual(&tool);
	zw_baselines_free(tool.baselines);
	zw_history_close(tool.history);
	return 0;
}
