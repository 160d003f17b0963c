/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of the history, on databases that the writer makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "dns/rr.h"
#include "report_sample.h"
#include "sink/history.h"
#include "sink/history_blame.h"
#include "sink/history_related.h"
#include "sink/sink.h"

#define STEPS 6
/* Of the first state; each step is a second later. */
#define BEGIN_NS SAMPLE_TIME_NS
#define STEP_NS 1000000000ULL

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};

struct fixture {
	char dir[40], path[80];
	struct zw_snapshot *state[STEPS + 1];
	char id[STEPS + 1][ZW_ULID_LEN + 1]; /* of the change that led to it */
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-history-read-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h?#%%.db", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char pattern[80];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*", f->dir);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	rmdir(f->dir);
	for (size_t i = 0; i <= STEPS; i++)
		zw_snapshot_unref(f->state[i]);
	free(f);
	return 0;
}

static struct zw_history *open_history(const struct fixture *f)
{
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;

	if (zw_history_open(f->path, &history, &error) < 0)
		fail_msg("%s", error.buf);
	return history;
}

static struct zw_reader *open_reader(const char *path)
{
	_zw_str_ struct zw_str error = {};
	struct zw_reader *reader = NULL;

	if (zw_reader_open(path, &reader, &error) < 0)
		fail_msg("%s", error.buf);
	return reader;
}

static void run_sql(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

/* The zone after step @i: www moves, the others come and go. */
static struct zw_snapshot *make_state(int i)
{
	_zw_str_ struct zw_str text = {};

	zw_str_addf(&text, "old 60 A 192.0.2.200\nwww 60 A 192.0.2.%d\n", i);
	if (i % 2)
		zw_str_add(&text, "odd 60 AAAA 2001:db8::1\n");
	if (i >= 2)
		zw_str_addf(&text, "n%d 60 TXT \"x\"\n", i / 2);
	return sample_snapshot(100 + (uint32_t)i, text.buf);
}

static void put_change(struct zw_history *history, struct fixture *f, int i)
{
	static const struct zw_sink_host host = {.hostname = "ns1"};
	struct zw_ulid_state ulid = {};
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_str_ struct zw_str json = {};
	struct zw_diff *diff;

	assert_int_equal(zw_diff_new(f->state[i - 1], f->state[i], &diff), 0);
	report = sample_change((uint64_t)i, diff);
	report->time_ns = BEGIN_NS + (uint64_t)i * STEP_NS;
	report->serial_before = 100 + (uint32_t)i - 1;
	report->serial_after = 100 + (uint32_t)i;
	zw_ulid(&ulid, report->time_ns, report->id);
	strcpy(f->id[i], report->id);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(zw_history_put_event(history, &zone, report, json.buf, json.len), 0);
}

static void store_state(struct zw_history *history, struct fixture *f, int i)
{
	assert_int_equal(zw_history_store_zone(
				 history, &zone, f->state[i], BEGIN_NS + (uint64_t)i * STEP_NS),
		0);
}

/* Events 1 to STEPS, and the states they led to. @linked: as patches that are the events' own differences, a second
 * base after event 3. */
static void fill(struct fixture *f, bool linked)
{
	_zw_history_close_ struct zw_history *history = open_history(f);

	for (int i = 0; i <= STEPS; i++) {
		f->state[i] = make_state(i);
		if (i > 0)
			put_change(history, f, i);
		/* Who opens it writes a whole state next. */
		if (i == 4) {
			zw_history_close(history);
			history = open_history(f);
		}
		store_state(history, f, i);
	}
	zw_history_close(ZW_TAKE(history));
	if (linked)
		run_sql(f->path,
			"CREATE TEMP TABLE t AS SELECT min(time_ns) AS ns FROM base;"
			"UPDATE patch SET seq = (time_ns - (SELECT ns FROM t)) / 1000000000, blob = NULL;"
			"UPDATE base SET seq = (time_ns - (SELECT ns FROM t)) / 1000000000"
			" WHERE time_ns > (SELECT ns FROM t)");
}

static void assert_state(struct zw_reader *reader, const struct fixture *f,
	const struct zw_moment *moment, int expected, bool linked)
{
	_zw_reader_state_ struct zw_reader_state state = {};
	int r = zw_reader_state(reader, 1, moment, &state);

	if (expected < 0) {
		assert_int_equal(r, expected);
		return;
	}
	if (r < 0)
		fail_msg("%d: %s", r, zw_reader_error(reader));
	if (!zw_snapshot_equal(state.snapshot, f->state[expected]))
		fail_msg("moment of kind %d is not state %d", moment->kind, expected);
	assert_int_equal(state.time_ns, BEGIN_NS + (uint64_t)expected * STEP_NS);
	assert_int_equal(state.seq, linked ? expected : 0);
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {};

	fill(f, true);
	reader = open_reader(f->path);
	assert_state(reader, f, &m, STEPS, true);
	for (int i = 0; i <= STEPS; i++) {
		uint64_t at = BEGIN_NS + (uint64_t)i * STEP_NS;

		m = (struct zw_moment){.kind = ZW_MOMENT_TIME, .time_ns = at};
		assert_state(reader, f, &m, i, true);
		m.time_ns = at + STEP_NS - 1;
		assert_state(reader, f, &m, i, true);
		m = (struct zw_moment){.kind = ZW_MOMENT_SERIAL, .serial = 100 + (uint32_t)i};
		assert_state(reader, f, &m, i, true);
		if (i == 0)
			continue;
		m = (struct zw_moment){.kind = ZW_MOMENT_AFTER, .seq = (uint64_t)i};
		assert_state(reader, f, &m, i, true);
		m.kind = ZW_MOMENT_BEFORE;
		assert_state(reader, f, &m, i - 1, true);
	}
	m = (struct zw_moment){.kind = ZW_MOMENT_TIME, .time_ns = BEGIN_NS - 1};
	assert_state(reader, f, &m, -ENOENT, true);
	m = (struct zw_moment){.kind = ZW_MOMENT_SERIAL, .serial = 99};
	assert_state(reader, f, &m, -ENOENT, true);
}

/* Where states are of no event, an event still has a place among those that are. */
static void test_states_without_events(void **state)
{
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {.kind = ZW_MOMENT_BEFORE, .seq = 2};

	fill(f, false);
	reader = open_reader(f->path);
	assert_state(reader, f, &m, 0, false);
	m.kind = ZW_MOMENT_AFTER;
	assert_state(reader, f, &m, 3, false);
	zw_reader_close(ZW_TAKE(reader));

	/* 2 and 5 are known to be made by their events; 3 and 4 by whom is not known. */
	run_sql(f->path, "UPDATE patch SET seq = 2 WHERE id = (SELECT min(id) + 1 FROM patch);"
			 "UPDATE patch SET seq = 5 WHERE id = (SELECT min(id) + 3 FROM patch)");
	reader = open_reader(f->path);
	for (uint64_t seq = 1; seq <= 5; seq++) {
		static const int before[] = {0, 0, 1, 2, 2, 4}, after[] = {0, 1, 2, 3, 3, 5};
		_zw_reader_state_ struct zw_reader_state found = {};

		m = (struct zw_moment){.kind = ZW_MOMENT_BEFORE, .seq = seq};
		assert_int_equal(zw_reader_state(reader, 1, &m, &found), 0);
		assert_true(zw_snapshot_equal(found.snapshot, f->state[before[seq]]));
		zw_reader_state_done(&found);
		m.kind = ZW_MOMENT_AFTER;
		assert_int_equal(zw_reader_state(reader, 1, &m, &found), 0);
		assert_true(zw_snapshot_equal(found.snapshot, f->state[after[seq]]));
	}
}

/* A zone that was lost sight of has no state for a while. */
static void test_unknown_state(void **state)
{
	struct fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_moment m = {.kind = ZW_MOMENT_TIME, .time_ns = UINT64_MAX};

	fill(f, true);
	history = open_history(f);
	assert_int_equal(zw_history_forget_zone(history, &zone), 0);
	reader = open_reader(f->path);
	assert_state(reader, f, &m, -ENODATA, true);
	m.kind = ZW_MOMENT_LAST;
	assert_state(reader, f, &m, STEPS, true);
	m = (struct zw_moment){.kind = ZW_MOMENT_AFTER, .seq = STEPS};
	assert_state(reader, f, &m, STEPS, true);
}

static void test_events(void **state)
{
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_reader_matches_ struct zw_reader_matches matches = {};
	char id[ZW_ULID_LEN + 2];
	uint64_t seq;

	fill(f, true);
	run_sql(f->path, "INSERT INTO ack (seq, time_ns, by_whom, ticket, reason, json) VALUES"
			 " (3, 5, 'bob', 'CHG-1', NULL, '{}'), (3, 6, 'eve', NULL, 'ok', '{}')");
	reader = open_reader(f->path);
	for (int i = 1; i <= STEPS; i++) {
		assert_int_equal(zw_reader_find(reader, f->id[i], &seq), 0);
		assert_int_equal(seq, i);
	}
	/* As people copy it. */
	for (size_t i = 0; i <= ZW_ULID_LEN; i++)
		id[i] = (char)(f->id[3][i] == '1'   ? 'l'
			       : f->id[3][i] == '0' ? 'o'
						    : f->id[3][i] | 0x20);
	id[ZW_ULID_LEN] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), 0);
	assert_int_equal(seq, 3);
	/* All are of the same minute. */
	id[6] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), -ENOTUNIQ);
	assert_int_equal(zw_reader_matching(reader, id, 4, &matches), 0);
	assert_int_equal(matches.len, 4);
	assert_string_equal(matches.items[1].id, f->id[2]);
	assert_string_equal(matches.items[1].zone, zone.zone);
	assert_int_equal(zw_reader_find(reader, "7ZZ", &seq), -ENOENT);
	assert_int_equal(zw_reader_find(reader, "", &seq), -EINVAL);
	assert_int_equal(zw_reader_find(reader, "01U", &seq), -EINVAL);
	assert_int_equal(zw_reader_find(reader, "01%", &seq), -EINVAL);
	memset(id, '0', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), -EINVAL);

	assert_int_equal(zw_reader_event(reader, 3, &event), 0);
	assert_string_equal(event.report->id, f->id[3]);
	assert_int_equal(event.zone_id, 1);
	assert_int_equal(event.acks, 2);
	assert_string_equal(event.ack[0].by, "bob");
	assert_string_equal(event.ack[0].ticket, "CHG-1");
	assert_null(event.ack[0].reason);
	assert_string_equal(event.ack[1].reason, "ok");
	/* The whole difference, with the SOA that the text leaves out. */
	assert_int_equal(event.report->diff->len, 3);
	assert_int_equal(event.report->diff->entries[0].type, 6);
	assert_true(event.report->diff->has_serial_before);
	assert_int_equal(event.report->diff->serial_before, 102);
	assert_non_null(strstr(event.json, f->id[3]));
	assert_int_equal(zw_reader_event(reader, 99, &event), -ENOENT);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS);
	assert_int_equal(zw_reader_last_change(reader, 2, &seq), -ENOENT);
}

static void assert_zones(struct zw_reader *reader, const char *name, const char *expected)
{
	_zw_reader_zones_ struct zw_reader_zones zones = {};
	_zw_str_ struct zw_str text = {};

	assert_int_equal(zw_reader_zones(reader, name, &zones), 0);
	ZW_VEC_FOREACH(z, &zones)
		zw_str_addf(&text, "%s/%s/%s ", z->server, z->view, z->zone);
	assert_string_equal(text.buf ? text.buf : "", expected);
}

static void test_zones(void **state)
{
	struct fixture *f = *state;
	_zw_reader_zone_ struct zw_reader_zone found = {};
	_zw_reader_close_ struct zw_reader *reader = NULL;

	fill(f, false);
	run_sql(f->path,
		"INSERT INTO zone (server, view, zone) VALUES ('knot:k', '', 'example.com.'),"
		" ('knot:k', '', 'a.example.')");
	reader = open_reader(f->path);
	assert_zones(reader, "example.com.",
		"bind:/etc/named.conf/_default/example.com. knot:k//example.com. ");
	assert_zones(reader, NULL,
		"knot:k//a.example. bind:/etc/named.conf/_default/example.com. "
		"knot:k//example.com. ");
	assert_zones(reader, "org.", "");
	assert_int_equal(zw_reader_zone(reader, 3, &found), 0);
	assert_string_equal(found.zone, "a.example.");
	assert_int_equal(zw_reader_zone(reader, 4, &found), -ENOENT);
}

static void assert_refused(const char *path, int code, const char *sentence)
{
	_zw_str_ struct zw_str error = {};
	struct zw_reader *reader = NULL;

	assert_int_equal(zw_reader_open(path, &reader, &error), code);
	assert_null(reader);
	if (!strstr(error.buf, sentence) || !strstr(error.buf, path))
		fail_msg("%s", error.buf);
}

static void test_refuses(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	assert_refused(f->path, -ENOENT, "does not exist");
	assert_refused(f->dir, -EMEDIUMTYPE, "no regular file");
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_refused(f->path, -EMEDIUMTYPE, "no regular file");
	unlink(f->path);
	file = fopen(f->path, "w");
	fputs("example.com. SOA ...", file);
	fclose(file);
	assert_refused(f->path, -EMEDIUMTYPE, "is no database");
	unlink(f->path);
	run_sql(f->path, "CREATE TABLE event (seq)");
	assert_refused(f->path, -EMEDIUMTYPE, "no history of zonewitness");
	unlink(f->path);
	fill(f, false);
	run_sql(f->path, "PRAGMA user_version = 3");
	assert_refused(f->path, -EMEDIUMTYPE,
		"has version 3 of the format, this program reads version 2; read it with");
	run_sql(f->path, "PRAGMA user_version = 1");
	assert_refused(f->path, -EMEDIUMTYPE, "an agent of this version brings it up to date");
	run_sql(f->path, "PRAGMA user_version = 2");
	zw_reader_close(open_reader(f->path));
}

static void test_damage(void **state)
{
	static const struct {
		const char *sql, *told;
	} cases[] = {
		{"UPDATE event SET json = x'00' WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET json_len = 1 << 40 WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET json_len = json_len - 1 WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET delta = substr(delta, 1, 9) WHERE seq = 3",
			"the difference of event 3"},
		{"UPDATE event SET delta = x'' WHERE seq = 3", "the difference of event 3"},
	};
	struct fixture *f = *state;

	fill(f, true);
	run_sql(f->path, "CREATE TABLE kept AS SELECT seq, json, json_len, delta FROM event");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_reader_close_ struct zw_reader *reader = NULL;
		struct zw_reader_event event;

		run_sql(f->path, cases[i].sql);
		reader = open_reader(f->path);
		if (zw_reader_event(reader, 3, &event) != -EUCLEAN)
			fail_msg("%s: not noticed", cases[i].sql);
		if (!strstr(zw_reader_error(reader), cases[i].told))
			fail_msg("%s: %s", cases[i].sql, zw_reader_error(reader));
		/* The others are as good as before. */
		assert_int_equal(zw_reader_event(reader, 2, &event), 0);
		zw_reader_event_done(&event);
		zw_reader_close(ZW_TAKE(reader));
		run_sql(f->path,
			"UPDATE event SET (json, json_len, delta) = (SELECT json, json_len,"
			" delta FROM kept WHERE kept.seq = event.seq)");
	}
}

static void test_damaged_states(void **state)
{
	static const struct {
		const char *sql, *told;
	} cases[] = {
		{"UPDATE event SET delta = substr(delta, 1, 9) WHERE seq = 2", "patch"},
		{"DELETE FROM event WHERE seq = 2", "patch"},
		{"UPDATE base SET raw_len = raw_len + 1", "state 1"},
		{"UPDATE base SET raw_len = 1 << 50", "state 1"},
		{"UPDATE base SET blob = substr(blob, 1, 20)", "state 1"},
	};
	struct fixture *f = *state;

	fill(f, true);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_reader_close_ struct zw_reader *reader = NULL;
		struct zw_reader_state found = {};
		const struct zw_moment third = {.kind = ZW_MOMENT_SERIAL, .serial = 103};

		run_sql(f->path, cases[i].sql);
		reader = open_reader(f->path);
		assert_int_equal(zw_reader_state(reader, 1, &third, &found), -EUCLEAN);
		if (!strstr(zw_reader_error(reader), cases[i].told))
			fail_msg("%s: %s", cases[i].sql, zw_reader_error(reader));
	}
}

/* What the file system has below the directory. */
static char *list_files(const struct fixture *f)
{
	_zw_str_ struct zw_str text = {};
	char pattern[80], *names;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*", f->dir);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct stat st;

		assert_int_equal(stat(found.gl_pathv[i], &st), 0);
		zw_str_addf(&text, "%s %lld %lld.%ld\n", found.gl_pathv[i], (long long)st.st_size,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	globfree(&found);
	assert_int_equal(zw_str_done(&text, &names), 0);
	return names;
}

static void copy_file(const struct fixture *f, const char *suffix)
{
	char from[96], to[96], data[4096];
	FILE *in, *out;
	size_t n;

	snprintf(from, sizeof(from), "%s%s", f->path, suffix);
	snprintf(to, sizeof(to), "%s/copy.db%s", f->dir, suffix);
	in = fopen(from, "r");
	out = fopen(to, "w");
	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(data, 1, sizeof(data), in)) > 0)
		assert_int_equal(fwrite(data, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* The copies of a database that is written to, with its journal and without, are read and stay as they are. */
static void test_copies(void **state)
{
	struct fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_free_ char *before = NULL, *after = NULL;
	char path[64];
	uint64_t seq;

	snprintf(path, sizeof(path), "%s/copy.db", f->dir);
	fill(f, true);
	history = open_history(f);
	f->state[0] = (zw_snapshot_unref(f->state[0]), zw_snapshot_ref(f->state[STEPS]));
	zw_snapshot_unref(f->state[1]);
	f->state[1] = make_state(STEPS + 1);
	put_change(history, f, 1);

	/* With the journal, which has the last event. */
	copy_file(f, "");
	copy_file(f, "-wal");
	before = list_files(f);
	reader = open_reader(path);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS + 1);
	zw_reader_close(ZW_TAKE(reader));
	after = list_files(f);
	assert_string_equal(after, before);

	/* Without it: as far as it was written back. */
	snprintf(path, sizeof(path), "%s/copy.db-wal", f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/copy.db", f->dir);
	free(ZW_TAKE(before));
	before = list_files(f);
	reader = open_reader(path);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS);
	zw_reader_close(ZW_TAKE(reader));
	free(ZW_TAKE(after));
	after = list_files(f);
	assert_string_equal(after, before);
}

static void test_while_written(void **state)
{
	struct fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL, *early = NULL;
	uint64_t seq;

	fill(f, true);
	early = open_reader(f->path); /* when nobody had it open */
	history = open_history(f);
	reader = open_reader(f->path);
	assert_int_equal(zw_reader_begin(reader), 0);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS);
	zw_snapshot_unref(f->state[0]);
	f->state[0] = zw_snapshot_ref(f->state[STEPS]);
	zw_snapshot_unref(f->state[1]);
	f->state[1] = make_state(STEPS + 1);
	put_change(history, f, 1);
	/* The moment lasts until its end. */
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS);
	zw_reader_end(reader);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, STEPS + 1);
	/* One that read by itself sees that somebody writes now. */
	assert_int_equal(zw_reader_begin(early), 0);
	assert_int_equal(zw_reader_last_change(early, 1, &seq), 0);
	assert_int_equal(seq, STEPS + 1);
	zw_reader_end(early);
}

static void test_blame(void **state)
{
	static const struct {
		const char *name;
		bool subtree;
		uint16_t type;
		const char *expected;
	} cases[] = {
		{"example.com.", true, 0,
			"example.com. NS 0\nexample.com. SOA 6\nn3.example.com. TXT 6\n"
			"old.example.com. A 0\nwww.example.com. A 6\n"},
		{"example.com.", false, 0, "example.com. NS 0\nexample.com. SOA 6\n"},
		{"example.com.", true, 1, "old.example.com. A 0\nwww.example.com. A 6\n"},
		{"www.example.com.", false, 0, "www.example.com. A 6\n"},
		{"www.example.com.", true, 28, ""},
		{"none.example.com.", true, 0, ""},
	};
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	fill(f, true);
	/* Another server's zone of this name, and a name beside it, are not ours. */
	run_sql(f->path, "INSERT INTO rrset SELECT name, type, 99, 7, 0 FROM rrset WHERE seq = 1");
	reader = open_reader(f->path);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_blame_ struct zw_blame blame = {};
		_zw_str_ struct zw_str text = {};
		uint8_t name[ZW_NAME_MAX];
		struct zw_blame_scope scope = {name, cases[i].subtree, cases[i].type};

		assert_int_equal(zw_name_from_text(cases[i].name, name, NULL), 0);
		assert_int_equal(zw_reader_blame(reader, 1, &scope, &blame), 0);
		for (size_t n = 0; n < blame.rrsets; n++) {
			const struct zw_blame_rrset *b = &blame.rrset[n];
			char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

			zw_name_to_text(b->rrset.owner, owner);
			zw_str_addf(&text, "%s %s %d\n", owner,
				zw_type_to_text(b->rrset.type, type), (int)b->seq);
			assert_int_equal(b->older, b->seq == 0);
			if (!b->seq)
				continue;
			assert_int_equal(blame.change[b->change].seq, b->seq);
			assert_string_equal(blame.change[b->change].id, f->id[b->seq]);
			assert_string_equal(blame.change[b->change].user, "alice");
			assert_int_equal(blame.change[b->change].verdict, ZW_VERDICT_UNAUTHORIZED);
			assert_int_equal(blame.change[b->change].channel, ZW_CHANNEL_FILE);
		}
		assert_string_equal(text.buf ? text.buf : "", cases[i].expected);
		assert_int_equal(blame.begin_ns, BEGIN_NS);
	}
}

/* What came without an event is not older than the history for that. */
static void test_blame_without_event(void **state)
{
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_blame_ struct zw_blame blame = {};
	uint8_t name[ZW_NAME_MAX];
	struct zw_blame_scope scope = {name, false, 0};

	fill(f, true);
	run_sql(f->path, "DELETE FROM rrset WHERE type = 1");
	reader = open_reader(f->path);
	assert_int_equal(zw_name_from_text("www.example.com.", name, NULL), 0);
	assert_int_equal(zw_reader_blame(reader, 1, &scope, &blame), 0);
	assert_int_equal(blame.rrsets, 1);
	assert_int_equal(blame.rrset[0].seq, 0);
	assert_false(blame.rrset[0].older);
}

static void assert_related(
	struct zw_reader *reader, uint64_t seq, enum zw_related kind, const char *expected)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_reader_seqs_ struct zw_reader_seqs seqs = {};
	_zw_str_ struct zw_str text = {};

	assert_int_equal(zw_reader_event(reader, seq, &event), 0);
	assert_int_equal(zw_reader_related(reader, &event, kind, 3, &seqs), 0);
	ZW_VEC_FOREACH(s, &seqs)
		zw_str_addf(&text, "%d ", (int)*s);
	if (!zw_streq(text.buf ? text.buf : "", expected))
		fail_msg("%s: %s", zw_related_to_string(kind), text.buf ? text.buf : "");
}

static void test_related(void **state)
{
	struct fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	fill(f, true);
	run_sql(f->path,
		"UPDATE event SET time_ns = time_ns + 3600 * 1000000000 WHERE seq = 5;"
		"UPDATE actor SET user = NULL WHERE seq = 6;"
		"UPDATE actor SET origin = NULL WHERE seq IN (1, 6);"
		"UPDATE actor SET peer = (SELECT origin FROM actor WHERE seq = 2) WHERE seq = 1");
	reader = open_reader(f->path);
	assert_related(reader, 4, ZW_RELATED_BEFORE, "3 2 1 ");
	assert_related(reader, 4, ZW_RELATED_AFTER, "6 ");
	assert_related(reader, 1, ZW_RELATED_BEFORE, "");
	assert_related(reader, 4, ZW_RELATED_ACTOR, "5 3 2 ");
	assert_related(reader, 5, ZW_RELATED_SOURCE, "4 3 2 ");
	assert_related(reader, 2, ZW_RELATED_SOURCE, "5 4 3 ");
	/* Event 4 ends what 3 began, and 5 begins with what it ends. */
	assert_related(reader, 6, ZW_RELATED_RECORD, "5 4 3 ");
	assert_related(reader, 6, ZW_RELATED_ADDRESS, "5 4 3 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_states_without_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_while_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blame_without_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_related, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
