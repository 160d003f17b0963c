/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Acknowledgements and expectations: what is allowed in them, their form on the socket, and what they leave in the
 * history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/note.h"
#include "report_sample.h"
#include "temp_dir.h"

#define NOW SAMPLE_TIME_NS
#define HOUR (3600 * ZW_NSEC_PER_SEC)

static const struct zw_history_zone zone = {
	"bind:/etc/bind/named.conf", "_default", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
	struct zw_history *history;
	struct zw_ulid_state ulid;
	char first[ZW_ULID_LEN + 1], second[ZW_ULID_LEN + 1]; /* events */
};

static void store(struct fixture *f, struct zw_report *report, char *ret_id)
{
	_zw_str_ struct zw_str json = {};

	zw_ulid(&f->ulid, NOW, report->id);
	strcpy(ret_id, report->id);
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(zw_history_put_event(f->history, &zone, report, json.buf, json.len), 0);
	zw_report_free(report);
}

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));
	_zw_str_ struct zw_str error = {};

	strcpy(f->dir, "/tmp/zw-note-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	assert_int_equal(zw_history_open(f->path, &f->history, &error), 0);
	store(f, sample_change(1, NULL), f->first);
	store(f, sample_change(2, NULL), f->second);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	zw_history_close(f->history);
	r = temp_dir_remove(f->dir);
	free(f);
	return r;
}

/* The first column of the only row, behind the program's back. */
static char *query(const struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	char *value;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = strdup(
		sqlite3_column_text(stmt, 0) ? (const char *)sqlite3_column_text(stmt, 0) : "");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void assert_query(const struct fixture *f, const char *sql, const char *expected)
{
	_zw_free_ char *value = query(f, sql);

	assert_string_equal(value, expected);
}

/* alice runs it. */
static int carry_out(struct fixture *f, struct zw_note *note, struct zw_note_outcome *outcome,
	struct zw_str *error)
{
	_zw_actor_unref_ struct zw_actor *alice = sample_actor();
	struct zw_note_context context = {.history = f->history,
		.who = alice,
		.host = &host,
		.ulid = &f->ulid,
		.now_ns = NOW,
		.sequence = 7};
	int r = zw_note_check(note, NOW, error);

	return r < 0 ? r : zw_note_carry_out(&context, note, outcome, error);
}

static void add_id(struct zw_note *note, const char *id)
{
	assert_int_equal(zw_vec_push(&note->ids, sample_text(id)), 0);
}

static void assert_answer(const struct zw_note_outcome *outcome, const char *expected)
{
	_zw_free_ char *text = json_dumps(outcome->answer, JSON_COMPACT);

	assert_string_equal(text, expected);
}

/* --- acknowledge -------------------------------------------------------------------------------------- */

static void test_acknowledge(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = {
		.by = sample_text("carol"), .ticket = sample_text("INC-7")};
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_str_ struct zw_str error = {};
	const struct zw_report *report;

	add_id(&note, f->first);
	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_query(f,
		"SELECT group_concat(e.id || ' ' || a.by_whom || ' ' || a.ticket || ' ' || "
		"coalesce(a.reason, 'none') || ' ' || json_extract(a.json, '$.user.name') || ' ' || "
		"json_extract(a.json, '$.login.session')) = (SELECT id || ' carol INC-7 none alice 7' "
		"FROM event WHERE seq = 1) FROM ack a JOIN event e USING (seq)",
		"1");
	/* The event that tells of it. */
	assert_int_equal(outcome.reports.len, 1);
	report = outcome.reports.items[0];
	assert_int_equal(report->action, ZW_ACTION_ACKNOWLEDGED);
	assert_string_equal(report->note.of, f->first);
	assert_int_equal(report->sequence, 8);
	assert_string_equal(report->cause[0].actor->principal.name, "alice");
	assert_query(f,
		"SELECT e.action || ' ' || z.zone || ' ' || e.time_ns FROM event e JOIN zone z"
		" ON z.id = e.zone_id WHERE e.seq = 3",
		"acknowledged example.com. 1795306282123456789");
	/* The judgement stays as it is. */
	assert_query(f, "SELECT verdict FROM event WHERE seq = 1", "unauthorized");
}

/* All of them or none. */
static void test_acknowledge_several(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = {.reason = sample_text("planned")};
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_str_ struct zw_str error = {};

	add_id(&note, f->first);
	add_id(&note, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	assert_int_equal(carry_out(f, &note, &outcome, &error), -ENOENT);
	assert_string_equal(error.buf, "there is no event 7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	assert_query(f, "SELECT count(*) FROM ack", "0");
	assert_query(f, "SELECT count(*) FROM event", "2");

	free(note.ids.items[1]);
	note.ids.items[1] = sample_text(f->second);
	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_query(f, "SELECT count(*) || ' ' || min(by_whom) FROM ack", "2 alice");
	assert_int_equal(json_array_size(json_object_get(outcome.answer, "acknowledged")), 2);
}

static void test_ids(void **state)
{
	static const struct {
		const char *id;
		int code;
		const char *error;
	} cases[] = {
		{"0", -ENOTUNIQ, "more than one event begins with 0"},
		{"", -EINVAL, "this is no id of an event: "},
		{"../x", -EINVAL, "this is no id of an event: ../x"},
		{"\033[2J", -EINVAL, "this is no id of an event: \\x1b[2J"},
		{"%", -EINVAL, "this is no id of an event: %"},
		{"7", -ENOENT, "there is no event 7"},
		{"01KZZZZZZZZZZZZZZZZZZZZZZZZ", -EINVAL,
			"this is no id of an event: 01KZZZZZZZZZZZZZZZZZZZZZZZZ"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_note_ struct zw_note note = {.ticket = sample_text("t")};
		_zw_note_outcome_ struct zw_note_outcome outcome = {};
		_zw_str_ struct zw_str error = {};

		add_id(&note, cases[i].id);
		assert_int_equal(carry_out(f, &note, &outcome, &error), cases[i].code);
		assert_string_equal(error.buf, cases[i].error);
	}
	assert_query(f, "SELECT count(*) FROM ack", "0");
}

/* The beginning will do, as small letters too. */
static void test_prefix(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = {.ticket = sample_text("t")};
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_str_ struct zw_str error = {};
	char id[ZW_ULID_LEN + 1];

	/* They were made in one millisecond, so they differ at the end alone. */
	strcpy(id, f->second);
	for (char *p = id; *p; p++)
		*p = (char)(*p >= 'A' ? *p + 32 : *p);
	add_id(&note, id);
	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_query(f, "SELECT seq FROM ack", "2");
}

/* --- expect ------------------------------------------------------------------------------------------- */

static struct zw_note expecting(const char *user, const char *key, const char *name)
{
	return (struct zw_note){
		.kind = ZW_NOTE_EXPECT,
		.ticket = sample_text("CHG-8"),
		.expectation = {.user = user ? sample_text(user) : NULL,
			.tsig_key = key ? sample_text(key) : NULL,
			.zone = sample_text(name),
			.until_ns = NOW + HOUR},
	};
}

static void test_expect(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = expecting("bob", NULL, "Example.COM");
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_expectations_ zw_expectations list = {};
	_zw_str_ struct zw_str error = {};

	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_answer(&outcome,
		"{\"expected\":{\"expectation\":1,\"user\":\"bob\",\"tsig_key\":null,"
		"\"zone\":\"example.com.\",\"from\":\"2026-11-22T00:11:22.123456789Z\","
		"\"until\":\"2026-11-22T01:11:22.123456789Z\",\"ticket\":\"CHG-8\","
		"\"by\":\"alice\",\"announced\":\"2026-11-22T00:11:22.123456789Z\",\"used\":0}}");
	assert_int_equal(outcome.reports.items[0]->action, ZW_ACTION_EXPECTED);
	assert_query(f, "SELECT action FROM event WHERE seq = 3", "expected");
	/* As the agent reads it at its start. */
	assert_int_equal(zw_history_get_expectations(f->history, NOW, &list), 0);
	assert_int_equal(list.len, 1);
	assert_string_equal(list.items[0].user, "bob");
	assert_string_equal(list.items[0].by, "alice");
	assert_null(list.items[0].tsig_key);
	assert_int_equal(list.items[0].until_ns, NOW + HOUR);
	assert_int_equal(zw_history_use_expectation(f->history, 1, 5), 0);
	assert_query(f, "SELECT used FROM expectation", "5");
}

static void test_withdraw(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = expecting(NULL, "DDNS-key.", "example.com."),
				 none = {.kind = ZW_NOTE_WITHDRAW, .expectation.id = 1};
	_zw_note_outcome_ struct zw_note_outcome outcome = {}, ended = {}, listed = {};
	struct zw_note list = {.kind = ZW_NOTE_LIST};
	_zw_str_ struct zw_str error = {};

	assert_int_equal(carry_out(f, &none, &outcome, &error), -ENOENT);
	assert_string_equal(error.buf, "nothing is expected any more under number 1");
	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_query(f, "SELECT tsig_key FROM expectation", "ddns-key");
	assert_int_equal(carry_out(f, &list, &listed, &error), 0);
	assert_int_equal(json_array_size(json_object_get(listed.answer, "expectations")), 1);
	assert_int_equal(carry_out(f, &none, &ended, &error), 0);
	assert_true(ended.reports.items[0]->note.withdrawn);
	assert_string_equal(ended.reports.items[0]->note.ticket, "CHG-8");
	assert_query(f, "SELECT until_ns FROM expectation", "1795306282123456789");
}

static void test_refused(void **state)
{
	static const struct {
		const char *user, *key, *zone, *ticket;
		uint64_t from, until;
		const char *error;
	} cases[] = {
		{NULL, NULL, "example.com", "t", 0, NOW + 1,
			"either a user or a key is expected to make the change"},
		{"a", "b", "example.com", "t", 0, NOW + 1,
			"either a user or a key is expected to make the change"},
		{"a", NULL, "example.com", NULL, 0, NOW + 1, "a ticket is needed"},
		{"a", NULL, "example.com", " ", 0, NOW + 1, "a ticket is needed"},
		{"a", NULL, "example.com", "a\nb", 0, NOW + 1,
			"the ticket has a control character in it"},
		{"a", NULL, "example.com", "\xff", 0, NOW + 1, "the ticket is no UTF-8"},
		{"a b", NULL, "example.com", "t", 0, NOW + 1, "the user is no login name"},
		{"", NULL, "example.com", "t", 0, NOW + 1, "a user is needed"},
		{"a", NULL, "example..com", "t", 0, NOW + 1,
			"the zone 'example..com' is no domain name"},
		{"a", NULL, "example.com", "t", 0, 0,
			"an end of the time in which the change is expected is needed"},
		{"a", NULL, "example.com", "t", NOW + 2, NOW + 1,
			"the time in which the change is expected ends before it begins"},
		{"a", NULL, "example.com", "t", 0, NOW - 1,
			"the time in which the change is expected ends before it begins"},
		{"a", NULL, "example.com", "t", NOW - 2, NOW - 1,
			"the time in which the change is expected is over"},
		{"a", NULL, "example.com", "t", 0, NOW + ZW_NOTE_WINDOW_MAX_NS + 1,
			"a change can be expected for 31 days at most; who may always make it belongs "
			"into 'admins' of the configuration"},
		{"a", NULL, "other.com", "t", 0, NOW + 1,
			"zone 'other.com.' is not in the history"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_note_ struct zw_note note =
			expecting(cases[i].user, cases[i].key, cases[i].zone);
		_zw_note_outcome_ struct zw_note_outcome outcome = {};
		_zw_str_ struct zw_str error = {};

		free(note.ticket);
		note.ticket = cases[i].ticket ? sample_text(cases[i].ticket) : NULL;
		note.expectation.from_ns = cases[i].from;
		note.expectation.until_ns = cases[i].until;
		assert_true(carry_out(f, &note, &outcome, &error) < 0);
		assert_string_equal(error.buf, cases[i].error);
	}
	assert_query(f, "SELECT count(*) FROM expectation", "0");
}

/* What was done already is not made authorized after the fact. */
static void test_not_backwards(void **state)
{
	struct fixture *f = *state;
	_zw_note_ struct zw_note note = expecting("bob", NULL, "example.com");
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_str_ struct zw_str error = {};

	note.expectation.from_ns = NOW - HOUR;
	assert_int_equal(carry_out(f, &note, &outcome, &error), 0);
	assert_query(f, "SELECT from_ns FROM expectation", "1795306282123456789");
}

/* --- the socket --------------------------------------------------------------------------------------- */

static void test_socket_form(void **state)
{
	_zw_note_ struct zw_note note = expecting("b\"ob", NULL, "example.com"), again = {};
	_zw_str_ struct zw_str error = {};
	_zw_free_ char *text = NULL;
	json_t *root;

	(void)state;
	add_id(&note, "01X");
	note.reason = sample_text("a\\b");
	root = zw_note_to_json(&note);
	text = json_dumps(root, 0);
	json_decref(root);
	assert_int_equal(zw_note_from_json(text, strlen(text), &again, &error), 0);
	assert_int_equal(again.kind, ZW_NOTE_EXPECT);
	assert_string_equal(again.expectation.user, "b\"ob");
	assert_null(again.expectation.tsig_key);
	assert_null(again.by);
	assert_string_equal(again.reason, "a\\b");
	assert_string_equal(again.ticket, "CHG-8");
	assert_int_equal(again.expectation.until_ns, NOW + HOUR);
	assert_int_equal(again.ids.len, 1);
	assert_string_equal(again.ids.items[0], "01X");
}

static void test_bad_requests(void **state)
{
	static const char *const texts[] = {"", "x", "[]", "{}", "{\"request\":\"reboot\"}",
		"{\"request\":\"expect\",\"user\":7}", "{\"request\":\"expect\",\"until_ns\":-1}",
		"{\"request\":\"expect\",\"until_ns\":\"1\"}",
		"{\"request\":\"acknowledge\",\"ids\":[7]}",
		"{\"request\":\"expect\",\"user\":\"a\\u0000b\"}",
		"{\"request\":\"expect\",\"request\":\"withdraw\"}"};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(texts); i++) {
		_zw_str_ struct zw_str error = {};
		struct zw_note note = {};

		assert_int_equal(
			zw_note_from_json(texts[i], strlen(texts[i]), &note, &error), -EINVAL);
		assert_string_equal(error.buf, "this agent does not understand the request");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_acknowledge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_acknowledge_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdraw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_backwards, setup, teardown),
		cmocka_unit_test(test_socket_form),
		cmocka_unit_test(test_bad_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
