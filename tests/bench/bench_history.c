/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the history costs: changes stored a second, with syncs, by the writer; octets of a change; and a zone of a million
 * records with ten thousand single changes: its size, and how long it takes to rebuild its oldest, its worst and its last
 * state.
 *
 *	bench_history [CHANGES [RECORDS [RECORD_CHANGES]]]	default 20000 1000000 10000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "report_sample.h"
#include "dns/rr.h"
#include "sink/history_delta.h"
#include "sink/history_event.h"
#include "sink/history_read.h"
#include "sink/history_writer.h"
#include "sink/sink.h"
#include "zone/patch.h"

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct run {
	char dir[40], path[64];
	struct zw_ulid_state ulid;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

static void begin(struct run *run)
{
	strcpy(run->dir, "/var/tmp/bench_history.XXXXXX");
	if (!mkdtemp(run->dir))
		check(-1, "mkdtemp");
	snprintf(run->path, sizeof(run->path), "%s/h.db", run->dir);
}

static void end(const struct run *run)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf %s", run->dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", run->dir);
}

static double size_of(const struct run *run)
{
	struct stat st;

	return stat(run->path, &st) < 0 ? 0 : (double)st.st_size;
}

static void say(void *ctx, bool error, const char *sentence)
{
	(void)ctx;
	(void)error;
	fprintf(stderr, "%s\n", sentence);
}

/* Change number @n of the name that @n stands for: its address follows it. */
static struct zw_report *change(struct run *run, uint32_t n, uint32_t names)
{
	char before[80], after[80];
	struct zw_report *report;

	snprintf(before, sizeof(before), "n%u 3600 A 10.%u.%u.%u\n", n % names, (n - 1) >> 16 & 255,
		(n - 1) >> 8 & 255, (n - 1) & 255);
	snprintf(after, sizeof(after), "n%u 3600 A 10.%u.%u.%u\n", n % names, n >> 16 & 255,
		n >> 8 & 255, n & 255);
	report = sample_change(n, sample_diff(before, after));
	report->time_ns = SAMPLE_TIME_NS + n * 1000000ULL;
	zw_ulid(&run->ulid, report->time_ns, report->id);
	return report;
}

/* What the agent would do for each, but for finding it. */
static void measure_writer(uint32_t changes)
{
	struct run run = {};
	struct zw_writer_options options = {
		.path = run.path,
		.pending_bytes = 64 << 20,
		.memory_bytes = 32 << 20,
		.memory_items = 8192,
		.say = say,
	};
	_zw_snapshot_ struct zw_snapshot *first = sample_snapshot(0, "");
	struct zw_writer *writer = NULL;
	struct zw_report **report = sample_checked(calloc(changes, sizeof(*report)));
	_zw_str_ struct zw_str error = {};
	double t, told;

	begin(&run);
	for (uint32_t i = 0; i < changes; i++)
		report[i] = change(&run, i + 1, 1000);
	check(zw_writer_open(&options, true, &writer, &error), "open");
	check(zw_writer_state(writer, &zone, first, 1, false), "state");
	t = now();
	for (uint32_t i = 0; i < changes; i++) {
		_zw_str_ struct zw_str json = {};

		check(zw_report_to_json(report[i], &host, &json), "json");
		check(zw_writer_event(writer, true, &zone, report[i], json.buf, json.len), "event");
	}
	told = now() - t;
	check(zw_writer_flush(writer, 600 * ZW_NSEC_PER_SEC), "flush");
	t = now() - t;
	zw_writer_close(writer);
	printf("%u changes told in %.2f s, stored in %.2f s; %.0f octets each\n", changes, told, t,
		size_of(&run) / changes);
	printf("figure\tchanges stored, a second\t%.0f\t>= 1000\n", changes / t);
	printf("figure\tagent's time for a change, microseconds\t%.0f\t\n", told / changes * 1e6);
	printf("figure\thistory, octets a change\t%.0f\t\n", size_of(&run) / changes);
	for (uint32_t i = 0; i < changes; i++)
		zw_report_free(report[i]);
	free(report);
	end(&run);
}

static struct zw_snapshot *million(uint32_t records)
{
	_zw_str_ struct zw_str text = {};

	for (uint32_t i = 0; i < records; i++)
		zw_str_addf(&text, "n%u 3600 A 10.0.0.0\n", i);
	return sample_snapshot(0, sample_checked(text.buf));
}

/* The zone itself follows, so that a whole state can be written when it is time. */
static void apply(struct zw_patch *patch, const struct zw_diff *diff)
{
	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *e = &diff->entries[i];
		struct zw_record record = {.owner = e->owner,
			.owner_len = (uint8_t)zw_name_len(e->owner),
			.type = e->type,
			.klass = ZW_CLASS_IN,
			.ttl = 3600};

		for (uint32_t n = 0; n < e->before.count; n++) {
			record.rdata = zw_rrset_rdata(&e->before, n, &record.rdata_len);
			(void)zw_patch_delete(patch, &record);
		}
		for (uint32_t n = 0; n < e->after.count; n++) {
			record.rdata = zw_rrset_rdata(&e->after, n, &record.rdata_len);
			(void)zw_patch_add(patch, &record);
		}
	}
}

static void store_change(struct zw_history *history, struct run *run, uint32_t n, uint32_t records,
	struct zw_patch *patch)
{
	_zw_history_event_ struct zw_history_event event = {};
	_zw_report_free_ struct zw_report *report = change(run, n, records);
	_zw_str_ struct zw_str json = {}, bytes = {};
	int64_t seq;

	check(zw_report_to_json(report, &host, &json), "json");
	check(zw_history_event_encode(&zone, report, json.buf, json.len, &bytes), "encode");
	check(zw_history_event_decode(bytes.buf, bytes.len, &event), "decode");
	check(zw_history_store_event(history, &event, &seq), "store");
	check(zw_history_patch_event(history, &event, seq), "patch");
	apply(patch, report->diff);
	if (n % 4096 == 0) {
		_zw_snapshot_ struct zw_snapshot *whole = NULL;

		check(zw_patch_finish(patch, &whole), "finish");
		check(zw_history_settle(history, &zone, whole, report->time_ns), "settle");
	}
}

static double rebuild(const struct run *run, const struct zw_moment *moment, size_t *ret_records)
{
	_zw_reader_state_ struct zw_reader_state state = {};
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_str_ struct zw_str error = {};
	double t = now();

	check(zw_reader_open(run->path, &reader, &error), "reader");
	check(zw_reader_state(reader, 1, moment, &state), "state");
	t = now() - t;
	*ret_records = zw_snapshot_count(state.snapshot);
	return t;
}

static void measure_zone(uint32_t records, uint32_t changes)
{
	_zw_snapshot_ struct zw_snapshot *first = million(records);
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_patch_ struct zw_patch *patch = NULL;
	struct zw_moment moment = {.kind = ZW_MOMENT_BEFORE, .seq = 1};
	_zw_str_ struct zw_str error = {};
	struct run run = {};
	double oldest, worst, last;
	size_t n;

	begin(&run);
	check(zw_patch_new(first, &patch), "patch");
	check(zw_history_open(run.path, &history, &error), "open");
	check(zw_history_store_zone(history, &zone, first, 1), "store");
	for (uint32_t i = 1; i <= changes; i++) {
		if (i % 500 == 1)
			check(zw_history_begin(history), "begin");
		store_change(history, &run, i, records, patch);
		if (i % 500 == 0 || i == changes)
			check(zw_history_commit(history), "commit");
	}
	zw_history_close(ZW_TAKE(history));
	oldest = rebuild(&run, &moment, &n);
	moment.seq = changes < 4096 ? changes : 4096;
	worst = rebuild(&run, &moment, &n);
	moment.kind = ZW_MOMENT_LAST;
	last = rebuild(&run, &moment, &n);
	printf("zone of %zu records: %.1f MB with %u changes in it; rebuilt: oldest state %.2f s, with "
	       "%llu patches %.2f s, last %.2f s\n",
		n, size_of(&run) / 1e6, changes, oldest, (unsigned long long)moment.seq, worst,
		last);
	printf("figure\thistory of 1M records and 10k changes, MB\t%.1f\t\n", size_of(&run) / 1e6);
	printf("figure\trebuild the oldest of its states, seconds\t%.2f\t\n", oldest);
	printf("figure\trebuild the worst of its states, seconds\t%.2f\t\n", worst);
	end(&run);
}

int main(int argc, char **argv)
{
	uint32_t changes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20000;
	uint32_t records = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
	uint32_t singles = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 10000;

	measure_writer(changes);
	if (records)
		measure_zone(records, singles);
	return 0;
}
