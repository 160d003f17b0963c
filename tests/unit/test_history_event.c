/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events in the history, and histories of the first version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <zlib.h>

#include "report_sample.h"
#include "sink/history.h"
#include "sink/history_delta.h"
#include "sink/history_event.h"
#include "sink/history_pack.h"
#include "sink/sink.h"
#include "temp_dir.h"

static const struct zw_history_zone zone = {"bind:/etc/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
};

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));

	strcpy(f->dir, "/tmp/zw-event-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	r = temp_dir_remove(f->dir);
	free(f);
	return r;
}

static struct zw_history *open_history(const struct fixture *f)
{
	_zw_str_ struct zw_str error = {};
	struct zw_history *history = NULL;
	int r = zw_history_open(f->path, &history, &error);

	if (r < 0)
		fail_msg("%d: %s", r, error.buf);
	return history;
}

/* The first column of all rows, with a space behind each. */
static void assert_rows(const struct fixture *f, const char *sql, const char *expected)
{
	_zw_str_ struct zw_str rows = {};
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int code;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		zw_str_addf(&rows, "%s ", text ? text : "NULL");
	}
	assert_int_equal(code, SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_string_equal(rows.buf ? rows.buf : "", expected);
}

static int put(
	struct zw_history *history, const struct zw_history_zone *z, struct zw_report *report)
{
	_zw_str_ struct zw_str json = {};

	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	return zw_history_put_event(history, z, report, json.buf, json.len);
}

static void test_change_with_all_its_rows(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(put(history, &zone, report), 0);
	assert_rows(f,
		"SELECT seq || ' ' || (time_ns - 1795306282123456789) || ' ' || action || ' ' ||"
		" channel || ' ' || attribution || ' ' || verdict || ' ' || severity || escalate ||"
		" serial_before || serial_after FROM event",
		"1 0 record-change file certain unauthorized 73178 ");
	assert_rows(f, "SELECT server || view || zone FROM zone JOIN event ON zone_id = zone.id",
		"bind:/etc/named.conf_defaultexample.com. ");
	assert_rows(f, "SELECT hex(name) || ':' || type || ':' || seq || ':' || op FROM rrset",
		"636F6D006578616D706C6500:6:1:2 636F6D006578616D706C650077777700:1:1:2 ");
	assert_rows(f, "SELECT hex(address) || ':' || seq || ':' || side FROM address",
		"00000000000000000000FFFFC0000201:1:0 00000000000000000000FFFFCB007109:1:1 ");
	assert_rows(f,
		"SELECT n || role || uid || (SELECT text FROM text WHERE id = user) || euid ||"
		" login_uid || (SELECT text FROM text WHERE id = login) || pid ||"
		" (SELECT text FROM text WHERE id = exe) FROM actor",
		"0writer1000alice01000alice812/usr/bin/sed ");
	assert_rows(f,
		"SELECT hex(origin) || ifnull(peer, '-') || ifnull(tsig_key, '-') FROM actor",
		"00000000000000000000FFFFC6336407-- ");
}

static void test_update_with_key_and_peer(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_update(1);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(put(history, &zone, report), 0);
	assert_rows(f,
		"SELECT role || text || hex(peer) || ifnull(uid, '-') || ifnull(pid, '-')"
		" FROM actor JOIN text ON text.id = tsig_key",
		"peerddns-key00000000000000000000FFFFC6336409-- ");
}

/* One row a rule, with the worst that it found. */
static void test_findings(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_found(1);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(put(history, &zone, report), 0);
	assert_rows(f, "SELECT seq || rule || severity FROM finding ORDER BY rule",
		"1redirect-outside73 1rule-of-tomorrow99 ");
}

/* What an agent of before there were findings left behind. */
static void test_bytes_without_findings(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_found(1), *none = sample_change(2, NULL);
	_zw_history_event_ struct zw_history_event event = {};
	_zw_str_ struct zw_str bytes = {};

	(void)state;
	assert_int_equal(zw_history_event_encode(&zone, report, "{}", 2, &bytes), 0);
	assert_int_equal(zw_history_event_decode(bytes.buf, bytes.len, &event), 0);
	assert_int_equal(event.findings, 3);
	assert_string_equal(event.finding[1].rule, "rule-of-tomorrow");
	assert_int_equal(event.finding[1].severity, 99);
	zw_history_event_done(&event);
	bytes.len = 0;
	assert_int_equal(zw_history_event_encode(&zone, none, "{}", 2, &bytes), 0);
	/* The number of findings, 0, is the last octet. */
	assert_int_equal(zw_history_event_decode(bytes.buf, bytes.len - 1, &event), 0);
	assert_int_equal(event.findings, 0);
	assert_int_equal(event.actors, 1);
}

/* Texts are there once, whoever uses them. */
static void test_texts_are_interned(void **state)
{
	const struct fixture *f = *state;
	_zw_history_close_ struct zw_history *history = open_history(f);

	for (uint64_t i = 1; i <= 3; i++) {
		_zw_report_free_ struct zw_report *report = sample_change(i, NULL);

		assert_int_equal(put(history, &zone, report), 0);
	}
	assert_rows(f, "SELECT text FROM text ORDER BY text", "/usr/bin/sed alice ");
	assert_rows(f, "SELECT count(DISTINCT exe) || count(*) FROM actor", "13 ");
}

static void test_event_is_stored_once(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(put(history, &zone, report), 0);
	assert_int_equal(zw_history_begin(history), 0);
	assert_int_equal(put(history, &zone, report), -EEXIST);
	assert_int_equal(zw_history_commit(history), 0);
	assert_rows(f,
		"SELECT (SELECT count(*) FROM event) || (SELECT count(*) FROM rrset) ||"
		" (SELECT count(*) FROM actor) || (SELECT count(*) FROM address)",
		"1212 ");
}

static void test_event_without_zone(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_report(ZW_ACTION_AGENT_READY, 1);
	_zw_report_free_ struct zw_report *change = sample_change(2, NULL);
	_zw_history_close_ struct zw_history *history = open_history(f);

	assert_int_equal(put(history, NULL, report), 0);
	/* The records of a change are of some zone. */
	assert_int_equal(put(history, NULL, change), -EBADMSG);
	assert_rows(f,
		"SELECT action || ifnull(zone_id, '-') || ifnull(channel, '-') ||"
		" ifnull(verdict, '-') || ifnull(delta, '-') FROM event",
		"agent-ready---- ");
}

static void test_json_comes_back(void **state)
{
	const struct fixture *f = *state;
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_history_close_ struct zw_history *history = open_history(f);
	_zw_str_ struct zw_str json = {}, back = {};
	_zw_diff_ struct zw_diff *diff = NULL;
	const struct zw_hash_key key = {1, 2};
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(put(history, &zone, report), 0);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT json, json_len, delta FROM event", -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(
		zw_json_unpack(sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0),
			(size_t)sqlite3_column_int64(stmt, 1), &back),
		0);
	assert_int_equal(
		zw_delta_decode(&key, (const uint8_t *)"\7example\3com",
			sqlite3_column_blob(stmt, 2), (size_t)sqlite3_column_bytes(stmt, 2), &diff),
		0);
	/* Without the newline. */
	assert_int_equal(back.len, json.len - 1);
	assert_memory_equal(back.buf, json.buf, back.len);
	assert_int_equal(diff->len, 2);
	/* Less than a third, since the rest is known. */
	assert_in_range(sqlite3_column_bytes(stmt, 0), 100, json.len / 3);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void test_damaged_json_is_refused(void **state)
{
	_zw_str_ struct zw_str packed = {}, out = {};
	const char *json = "{\"event\":{\"id\":\"01J\"}}";

	(void)state;
	assert_int_equal(zw_json_pack(json, strlen(json), &packed), 0);
	assert_int_equal(zw_json_unpack(packed.buf, packed.len, strlen(json) + 1, &out), -EBADMSG);
	assert_int_equal(zw_json_unpack(packed.buf, packed.len, strlen(json) - 1, &out), -EBADMSG);
	assert_int_equal(zw_json_unpack(packed.buf, packed.len, SIZE_MAX / 2, &out), -EBADMSG);
	assert_int_equal(zw_json_unpack("", 0, 0, &out), -EBADMSG);
	packed.buf[0] = 9;
	assert_int_equal(
		zw_json_unpack(packed.buf, packed.len, strlen(json), &out), -EPROTONOSUPPORT);
	assert_int_equal(out.len, 0);
}

/* Cut anywhere, the bytes of an event are none; but for the number of findings, which older ones end before. */
static void test_event_bytes(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_history_event_ struct zw_history_event event = {};
	_zw_str_ struct zw_str bytes = {};

	(void)state;
	assert_int_equal(zw_history_event_encode(&zone, report, "{}\n", 3, &bytes), 0);
	for (size_t len = 0; len < bytes.len - 1; len++)
		assert_int_equal(zw_history_event_decode(bytes.buf, len, &event), -EBADMSG);
	assert_int_equal(zw_history_event_decode(bytes.buf, bytes.len, &event), 0);
	assert_string_equal(event.zone.server, zone.server);
	assert_string_equal(event.id, report->id);
	assert_int_equal(event.json_len, 2);
	assert_int_equal(event.actors, 1);
	assert_string_equal(event.actor[0].origin, "198.51.100.7");
	assert_null(event.actor[0].tsig_key);
	assert_int_equal(event.actor[0].euid, 0);
	zw_history_event_done(&event);
	zw_str_add_char(&bytes, 0);
	assert_int_equal(zw_history_event_decode(bytes.buf, bytes.len, &event), -EBADMSG);
}

/* As the first version wrote it. */
static void add_old_rrset(struct zw_str *out, const char *owner, size_t owner_len, char last_octet)
{
	zw_str_add_char(out, (char)owner_len);
	zw_str_add_len(out, owner, owner_len);
	zw_str_add_len(out, "\1\0", 2);
	zw_str_add_len(out, last_octet ? "\1\0\0\0" : "\0\0\0\0", 4);
	if (last_octet) {
		zw_str_add_len(out, "\74\0\0\0\4\0\300\0\2", 9);
		zw_str_add_char(out, last_octet);
	}
}

static void make_first_version(const struct fixture *f, const struct zw_snapshot *base)
{
	_zw_free_ uint8_t *raw = NULL, *packed = NULL;
	_zw_str_ struct zw_str patch = {};
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	size_t raw_len;
	uLongf len;
	uint32_t crc;

	assert_int_equal(zw_snapshot_save(base, &raw, &raw_len), 0);
	len = compressBound(raw_len);
	packed = sample_checked(malloc(len));
	assert_int_equal(compress2(packed, &len, raw, raw_len, 1), Z_OK);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			"PRAGMA journal_mode = WAL;"
			"CREATE TABLE zone (id INTEGER PRIMARY KEY, server TEXT NOT NULL, view TEXT NOT NULL,"
			" zone TEXT NOT NULL, time_ns INTEGER NOT NULL, base_len INTEGER NOT NULL,"
			" base BLOB NOT NULL, UNIQUE (server, view, zone)) STRICT;"
			"CREATE TABLE patch (id INTEGER PRIMARY KEY,"
			" zone_id INTEGER NOT NULL REFERENCES zone (id) ON DELETE CASCADE,"
			" patch BLOB NOT NULL) STRICT;"
			"CREATE INDEX patch_zone ON patch (zone_id, id);"
			"PRAGMA application_id = 1515680628; PRAGMA user_version = 1",
			NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db,
			"INSERT INTO zone VALUES"
			" (7, 'bind:/etc/named.conf', '_default', 'example.com.', 4711, ?1, ?2)",
			-1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, (int64_t)raw_len);
	sqlite3_bind_blob(stmt, 2, packed, (int)len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	add_old_rrset(&patch, "\1a\7example\3com\0", 15, 0);
	add_old_rrset(&patch, "\1b\7example\3com\0", 15, 9);
	crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const uint8_t *)patch.buf, patch.len);
	zw_str_add_len(&patch, (const char *)&crc, sizeof(crc));
	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO patch VALUES (3, 7, ?1)", -1, &stmt, NULL),
		SQLITE_OK);
	sqlite3_bind_blob(stmt, 1, patch.buf, (int)patch.len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void test_first_version_keeps_its_states(void **state)
{
	const struct fixture *f = *state;
	_zw_snapshot_ struct zw_snapshot *base =
		sample_snapshot(1, "a 60 A 192.0.2.1\nb 60 A 192.0.2.1\n");
	_zw_snapshot_ struct zw_snapshot *last = sample_snapshot(1, "b 60 A 192.0.2.9\n");
	_zw_snapshot_ struct zw_snapshot *loaded = NULL;
	_zw_history_close_ struct zw_history *history = NULL;
	uint64_t time_ns = 0;

	make_first_version(f, base);
	history = open_history(f);
	assert_int_equal(zw_history_load_zone(history, &zone, &loaded, &time_ns), 0);
	assert_true(zw_snapshot_equal(loaded, last));
	assert_int_equal(time_ns, 4711);
	assert_rows(f, "PRAGMA user_version", "3 ");
	assert_rows(f, "PRAGMA auto_vacuum", "2 ");
	assert_rows(f, "SELECT name FROM sqlite_schema WHERE name LIKE 'old%'", "");
	zw_history_close(ZW_TAKE(history));
	history = open_history(f);
	assert_rows(f, "SELECT count(*) FROM base", "1 ");
}

#define FIXTURE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_change_with_all_its_rows),
		FIXTURE_TEST(test_update_with_key_and_peer),
		FIXTURE_TEST(test_texts_are_interned),
		FIXTURE_TEST(test_event_is_stored_once),
		FIXTURE_TEST(test_event_without_zone),
		FIXTURE_TEST(test_json_comes_back),
		cmocka_unit_test(test_damaged_json_is_refused),
		FIXTURE_TEST(test_findings),
		cmocka_unit_test(test_bytes_without_findings),
		cmocka_unit_test(test_event_bytes),
		FIXTURE_TEST(test_first_version_keeps_its_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
