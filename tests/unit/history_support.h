/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A history of a zone in some steps, made by the writer, for the tests of what reads it. */
#pragma once

#include <unistd.h>

#include <sqlite3.h>

#include "report_sample.h"
#include "sink/history.h"
#include "sink/history_read.h"
#include "sink/sink.h"
#include "temp_dir.h"

#define HISTORY_STEPS 6
/* Of the first state; each step is a second later. */
#define HISTORY_BEGIN_NS SAMPLE_TIME_NS
#define HISTORY_STEP_NS 1000000000ULL

static const struct zw_history_zone history_zone = {
	"bind:/etc/named.conf", "_default", "example.com."};

struct history_fixture {
	char dir[40], path[80];
	struct zw_snapshot *state[HISTORY_STEPS + 1];
	char id[HISTORY_STEPS + 1][ZW_ULID_LEN + 1]; /* of the change that led to it */
};

static inline int history_setup(void **state)
{
	struct history_fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-history-read-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h?#%%.db", f->dir);
	*state = f;
	return 0;
}

static inline int history_teardown(void **state)
{
	struct history_fixture *f = *state;
	int r = temp_dir_remove(f->dir);

	for (size_t i = 0; i <= HISTORY_STEPS; i++)
		zw_snapshot_unref(f->state[i]);
	free(f);
	return r;
}

static inline struct zw_history *history_open_writer(const struct history_fixture *f)
{
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;

	if (zw_history_open(f->path, &history, &error) < 0)
		fail_msg("%s", error.buf);
	return history;
}

static inline struct zw_reader *history_open_reader(const char *path)
{
	_zw_str_ struct zw_str error = {};
	struct zw_reader *reader = NULL;

	if (zw_reader_open(path, &reader, &error) < 0)
		fail_msg("%s", error.buf);
	return reader;
}

static inline void history_run_sql(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* The zone after step @i: www moves, the others come and go. */
static inline struct zw_snapshot *history_make_state(int i)
{
	_zw_str_ struct zw_str text = {};

	zw_str_addf(&text, "old 60 A 192.0.2.200\nwww 60 A 192.0.2.%d\n", i);
	if (i % 2)
		zw_str_add(&text, "odd 60 AAAA 2001:db8::1\n");
	if (i >= 2)
		zw_str_addf(&text, "n%d 60 TXT \"x\"\n", i / 2);
	return sample_snapshot(100 + (uint32_t)i, text.buf);
}

static inline void history_put_change(struct zw_history *history, struct history_fixture *f, int i)
{
	static const struct zw_sink_host host = {.hostname = "ns1"};
	struct zw_ulid_state ulid = {};
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_str_ struct zw_str json = {};
	struct zw_diff *diff;

	assert_int_equal(zw_diff_new(f->state[i - 1], f->state[i], &diff), 0);
	report = sample_change((uint64_t)i, diff);
	report->time_ns = HISTORY_BEGIN_NS + (uint64_t)i * HISTORY_STEP_NS;
	assert_true(zw_snapshot_serial(f->state[i - 1], &report->serial_before));
	assert_true(zw_snapshot_serial(f->state[i], &report->serial_after));
	zw_ulid(&ulid, report->time_ns, report->id);
	strcpy(f->id[i], report->id);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(
		zw_history_put_event(history, &history_zone, report, json.buf, json.len), 0);
}

static inline void history_store_state(struct zw_history *history, struct history_fixture *f, int i)
{
	assert_int_equal(zw_history_store_zone(history, &history_zone, f->state[i],
				 HISTORY_BEGIN_NS + (uint64_t)i * HISTORY_STEP_NS),
		0);
}

/* Events 1 to HISTORY_STEPS, and the states they led to. @linked: as patches that are the events' own differences, a second
 * base after event 3. */
static inline void history_fill(struct history_fixture *f, bool linked)
{
	_zw_history_close_ struct zw_history *history = history_open_writer(f);

	for (int i = 0; i <= HISTORY_STEPS; i++) {
		f->state[i] = history_make_state(i);
		if (i > 0)
			history_put_change(history, f, i);
		/* After one that is not known, the next state is written whole. */
		if (i == 4) {
			assert_int_equal(zw_history_forget_zone(history, &history_zone), 0);
			zw_history_close(history);
			history_run_sql(f->path,
				"UPDATE base SET time_ns = (SELECT max(time_ns) FROM patch)"
				" WHERE blob IS NULL");
			history = history_open_writer(f);
		}
		history_store_state(history, f, i);
	}
	zw_history_close(ZW_TAKE(history));
	history_run_sql(f->path, "DELETE FROM base WHERE blob IS NULL");
	if (linked)
		history_run_sql(f->path,
			"CREATE TEMP TABLE t AS SELECT min(time_ns) AS ns FROM base;"
			"UPDATE patch SET seq = (time_ns - (SELECT ns FROM t)) / 1000000000, blob = NULL;"
			"UPDATE base SET seq = (time_ns - (SELECT ns FROM t)) / 1000000000"
			" WHERE time_ns > (SELECT ns FROM t)");
}
