/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A writer on a file of its own, what it is told, and what becomes of it. */
#pragma once

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "report_sample.h"
#include "sink/history_writer.h"
#include "sink/sink.h"
#include "temp_dir.h"

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
	struct zw_str said; /* lines */
	struct zw_ulid_state ulid;
	size_t memory_items, memory_bytes, pending_bytes;
};

static inline int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-writer-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	f->memory_items = 100;
	f->memory_bytes = 1 << 20;
	f->pending_bytes = 200000;
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	int r = temp_dir_remove(f->dir);

	zw_str_free(&f->said);
	free(f);
	return r;
}

/* Called with no writer's thread beside it, or while it waits for what it said. */
static inline void say(void *ctx, bool error, const char *sentence)
{
	struct fixture *f = ctx;

	zw_str_addf(&f->said, "%s%s\n", error ? "" : "fine: ", sentence);
}

static inline int open_writer(struct fixture *f, bool need, struct zw_writer **ret_writer)
{
	struct zw_writer_options options = {
		.path = f->path,
		.pending_bytes = f->pending_bytes,
		.memory_bytes = f->memory_bytes,
		.memory_items = f->memory_items,
		.say = say,
		.ctx = f,
	};
	_zw_str_ struct zw_str error = {};

	return zw_writer_open(&options, need, ret_writer, &error);
}

static inline struct zw_writer *writer(struct fixture *f)
{
	struct zw_writer *w = NULL;

	assert_int_equal(open_writer(f, false, &w), 0);
	return w;
}

static inline long long query(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	long long value;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* The zone with the address of www at number @n. */
static inline struct zw_snapshot *state_at(uint32_t n)
{
	char text[80];

	snprintf(text, sizeof(text), "www 60 A 192.0.%u.%u\nother 60 A 192.0.2.1\n", n / 250 + 3,
		n % 250);
	return sample_snapshot(n, text);
}

/* What made state @to of state @from; number @to. */
static inline struct zw_report *change_between(struct fixture *f, uint32_t from, uint32_t to)
{
	_zw_snapshot_ struct zw_snapshot *before = state_at(from), *after = state_at(to);
	struct zw_report *report;
	struct zw_diff *diff = NULL;

	assert_int_equal(zw_diff_new(before, after, &diff), 0);
	report = sample_change(to, diff);
	report->serial_before = from;
	report->serial_after = to;
	zw_ulid(&f->ulid, SAMPLE_TIME_NS + to, report->id);
	return report;
}

/* Change number @n, from the state before it; and the state, as the agent tells both. */
static inline int tell(struct fixture *f, struct zw_writer *w, uint32_t n)
{
	_zw_report_free_ struct zw_report *report = change_between(f, n - 1, n);
	_zw_snapshot_ struct zw_snapshot *after = state_at(n);
	_zw_str_ struct zw_str json = {};
	int r;

	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	r = zw_writer_event(w, true, &zone, report, json.buf, json.len);
	if (r == 0)
		r = zw_writer_rest(w, &zone, NULL, after, 0);
	return r;
}

static inline void begin(struct zw_writer *w)
{
	_zw_snapshot_ struct zw_snapshot *first = state_at(0);

	assert_int_equal(zw_writer_state(w, &zone, first, 1000, false), 0);
}

static inline void flush(struct zw_writer *w)
{
	assert_int_equal(zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC), 0);
}

/* Until when the zone was watched before, too. */
static inline uint64_t load_state(struct zw_writer *w, uint32_t n)
{
	_zw_snapshot_ struct zw_snapshot *expected = state_at(n), *loaded = NULL;
	uint64_t time_ns, watched_ns = 0;

	assert_int_equal(zw_writer_load_zone(w, &zone, &loaded, &time_ns, &watched_ns), 0);
	assert_true(zw_snapshot_equal(loaded, expected));
	return watched_ns;
}

static inline void assert_state(struct zw_writer *w, uint32_t n)
{
	(void)load_state(w, n);
}

/* Ends a process in the middle of things, without anything being closed. */
static inline void killed(struct fixture *f, uint32_t from, uint32_t to, bool flushed)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct zw_writer *w = NULL;

		if (open_writer(f, true, &w) < 0)
			_exit(1);
		if (from == 1)
			begin(w);
		if (from == 1 && zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC) < 0)
			_exit(2);
		for (uint32_t n = from; n <= to; n++)
			if (tell(f, w, n) < 0)
				_exit(3);
		if (flushed && zw_writer_flush(w, 20 * ZW_NSEC_PER_SEC) < 0)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline void copy(const struct fixture *f, const char *from, const char *to)
{
	char command[200];

	snprintf(command, sizeof(command), "cp %s/%s %s/%s", f->dir, from, f->dir, to);
	assert_int_equal(system(command), 0);
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
