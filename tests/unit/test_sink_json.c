/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "report_sample.h"
#include "sink/json_build.h"
#include "sink/sink.h"

static const struct zw_sink_host host = {"ns1"};

/* Parses what the report becomes, after checking that it is one line of printable ASCII. Takes @report over. */
static json_t *to_json(struct zw_report *report)
{
	_zw_str_ struct zw_str line = {};
	json_error_t error;
	json_t *root;

	assert_int_equal(zw_report_to_json(report, &host, &line), 0);
	zw_report_free(report);
	assert_int_equal(line.buf[line.len - 1], '\n');
	for (size_t i = 0; i + 1 < line.len; i++)
		assert_in_range((unsigned char)line.buf[i], 0x20, 0x7e);
	root = json_loadb(line.buf, line.len, 0, &error);
	if (!root)
		fail_msg("%s at %d", error.text, error.position);
	return root;
}

/* The value at a path like "zonewitness/changes/0/op". */
static const json_t *at(const json_t *value, const char *path)
{
	_zw_free_ char *copy = sample_text(path);
	char *rest = copy;

	for (char *part; (part = strsep(&rest, "/")) && value;)
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(part))
					     : json_object_get(value, part);
	return value;
}

static void assert_text(const json_t *root, const char *path, const char *expected)
{
	const json_t *value = at(root, path);

	if (!json_is_string(value))
		fail_msg("%s is no text", path);
	assert_string_equal(json_string_value(value), expected);
}

static void assert_number(const json_t *root, const char *path, long long expected)
{
	const json_t *value = at(root, path);

	if (!json_is_integer(value))
		fail_msg("%s is no number", path);
	assert_int_equal(json_integer_value(value), expected);
}

static void test_event_and_zone(void **state)
{
	json_t *root = to_json(sample_change(42, NULL));

	(void)state;
	assert_text(root, "@timestamp", "2026-11-22T00:11:22.123456789Z");
	assert_text(root, "ecs/version", "8.11.0");
	assert_int_equal(strlen(json_string_value(at(root, "event/id"))), ZW_ULID_LEN);
	assert_text(root, "event/kind", "event");
	assert_text(root, "event/action", "record-change");
	assert_text(root, "event/category/0", "configuration");
	assert_text(root, "event/type/0", "change");
	assert_text(root, "event/outcome", "success");
	assert_number(root, "event/severity", 73);
	assert_number(root, "event/sequence", 42);
	assert_text(root, "event/dataset", "zonewitness.change");
	assert_text(root, "host/name", "ns1");
	assert_text(root, "threat/technique/id/0", "T1584.002");
	assert_text(root, "zonewitness/server/kind", "bind");
	assert_number(root, "zonewitness/server/pid", 411);
	assert_text(root, "zonewitness/view", "_default");
	assert_text(root, "zonewitness/zone", "example.com.");
	assert_number(root, "zonewitness/serial/before", 7);
	assert_number(root, "zonewitness/serial/after", 8);
	assert_text(root, "zonewitness/channel", "file");
	assert_text(root, "zonewitness/attribution", "certain");
	assert_text(root, "zonewitness/verdict", "unauthorized");
	assert_text(
		root, "zonewitness/reasons/0", "login user alice is not an admin of example.com.");
	assert_true(json_is_true(at(root, "zonewitness/escalate")));
	assert_text(root, "zonewitness/file/path", "/etc/bind/db.example.com");
	assert_text(root, "zonewitness/file/inode", "4711");
	assert_text(root, "zonewitness/file/mode", "0644");
	json_decref(root);
}

static void test_principal_and_causes(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	json_t *root;

	(void)state;
	report->cause[0].actor->container = sample_text("0123abcd");
	report->cause[0].tsig_key = sample_text("ddns-key");
	root = to_json(report);
	assert_number(root, "process/pid", 812);
	assert_text(root, "process/start", "2026-11-22T00:11:21.123456789Z");
	assert_text(root, "process/name", "sed");
	assert_text(root, "process/executable", "/usr/bin/sed");
	assert_text(root, "process/args/1", "-i");
	assert_text(root, "process/working_directory", "/etc/bind");
	assert_number(root, "process/parent/pid", 800);
	assert_text(root, "process/parent/executable", "/usr/bin/bash");
	assert_text(root, "user/id", "1000");
	assert_text(root, "user/name", "alice");
	assert_text(root, "user/effective/id", "0");
	assert_text(root, "user/effective/name", "root");
	assert_text(root, "source/ip", "198.51.100.7");
	assert_number(root, "source/port", 50122);
	assert_text(root, "container/id", "0123abcd");
	assert_text(root, "zonewitness/causes/0/role", "writer");
	assert_number(root, "zonewitness/causes/0/process/pid", 812);
	assert_text(root, "zonewitness/causes/0/user/name", "alice");
	assert_number(root, "zonewitness/causes/0/login/uid", 1000);
	assert_text(root, "zonewitness/causes/0/login/tty", "pts/2");
	assert_text(root, "zonewitness/causes/0/login/origin", "198.51.100.7");
	assert_number(root, "zonewitness/causes/0/ancestors/1/pid", 790);
	assert_text(root, "zonewitness/causes/0/ancestors/1/elevation", "sudo");
	assert_text(root, "zonewitness/causes/0/tsig_key", "ddns-key");
	assert_true(json_is_null(at(root, "zonewitness/causes/0/peer")));
	assert_text(root, "zonewitness/causes/0/evidence/0", "write");
	assert_text(root, "zonewitness/causes/0/evidence/1", "rename");
	json_decref(root);
}

static void test_peer_on_another_host(void **state)
{
	struct zw_report *report = sample_update(1);
	json_t *root;

	(void)state;
	report->cause[0].command = sample_text("zone-set www\n");
	root = to_json(report);
	assert_null(at(root, "process"));
	assert_null(at(root, "user"));
	assert_text(root, "source/ip", "198.51.100.9");
	assert_number(root, "source/port", 41234);
	assert_text(root, "zonewitness/channel", "update");
	assert_text(root, "zonewitness/causes/0/role", "peer");
	assert_true(json_is_null(at(root, "zonewitness/causes/0/process")));
	assert_true(json_is_null(at(root, "zonewitness/causes/0/user")));
	assert_true(json_is_null(at(root, "zonewitness/causes/0/login")));
	assert_int_equal(json_array_size(at(root, "zonewitness/causes/0/ancestors")), 0);
	assert_text(root, "zonewitness/causes/0/tsig_key", "ddns-key");
	assert_text(root, "zonewitness/causes/0/peer", "198.51.100.9");
	assert_number(root, "zonewitness/causes/0/peer_port", 41234);
	assert_text(root, "zonewitness/causes/0/command", "zone-set www\n");
	assert_text(root, "zonewitness/causes/0/evidence/0", "request");
	assert_text(root, "zonewitness/causes/0/evidence/1", "content");
	json_decref(root);
}

/* A local client is where its login comes from, not on the loopback. */
static void test_refused_update(void **state)
{
	json_t *root = to_json(sample_refused(1));

	(void)state;
	assert_text(root, "event/action", "update-refused");
	assert_text(root, "event/category/0", "network");
	assert_text(root, "event/type/0", "denied");
	assert_text(root, "event/outcome", "failure");
	assert_text(root, "user/name", "alice");
	assert_text(root, "source/ip", "198.51.100.7");
	assert_text(root, "zonewitness/zone", "example.com.");
	assert_text(root, "zonewitness/causes/0/peer", "127.0.0.1");
	assert_text(root, "zonewitness/request/transport", "udp");
	assert_true(json_is_false(at(root, "zonewitness/request/encrypted")));
	assert_text(root, "zonewitness/request/rcode", "REFUSED");
	assert_text(root, "zonewitness/request/asked/0", "add www.example.com. 300 A 203.0.113.9");
	assert_number(root, "zonewitness/request/asked_total", 3);
	assert_null(at(root, "zonewitness/verdict"));
	json_decref(root);
}

static void test_without_principal_nobody_is_named_at_the_top(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	json_t *root;

	(void)state;
	report->has_principal = false;
	report->escalate = false;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	sample_cause(report, ZW_ROLE_RENAMER, 0, sample_actor());
	root = to_json(report);
	assert_null(at(root, "process"));
	assert_null(at(root, "user"));
	assert_null(at(root, "source"));
	assert_null(at(root, "threat"));
	assert_int_equal(json_array_size(at(root, "zonewitness/causes")), 2);
	assert_int_equal(json_array_size(at(root, "zonewitness/causes/1/evidence")), 0);
	json_decref(root);
}

static void test_login_that_never_was_is_null(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	struct zw_actor *actor = report->cause[0].actor;
	json_t *root;

	(void)state;
	free(ZW_TAKE(actor->login.name));
	actor->login.uid = ZW_ID_UNSET;
	actor->session = ZW_ID_UNSET;
	actor->tty[0] = '\0';
	free(ZW_TAKE(actor->origin_ip));
	root = to_json(report);
	assert_true(json_is_null(at(root, "zonewitness/causes/0/login/uid")));
	assert_true(json_is_null(at(root, "zonewitness/causes/0/login/session")));
	assert_true(json_is_null(at(root, "zonewitness/causes/0/login/tty")));
	assert_null(at(root, "source"));
	json_decref(root);
}

static void test_changes(void **state)
{
	json_t *root = to_json(sample_change(
		1, sample_diff("a 60 A 192.0.2.1\nb 60 TXT \"x\"\n",
			   "a 30 A 192.0.2.1\na 30 A 192.0.2.2\nd 60 TYPE65280 \\# 1 ff\n")));

	(void)state;
	assert_number(root, "zonewitness/changes_total", 3);
	assert_int_equal(json_array_size(at(root, "zonewitness/changes")), 3);
	assert_text(root, "zonewitness/changes/0/op", "modify");
	assert_text(root, "zonewitness/changes/0/name", "a.example.com.");
	assert_text(root, "zonewitness/changes/0/type", "A");
	assert_number(root, "zonewitness/changes/0/before/ttl", 60);
	assert_number(root, "zonewitness/changes/0/after/ttl", 30);
	assert_text(root, "zonewitness/changes/0/before/rdata/0", "192.0.2.1");
	assert_text(root, "zonewitness/changes/0/after/rdata/1", "192.0.2.2");
	assert_text(root, "zonewitness/changes/1/op", "delete");
	assert_text(root, "zonewitness/changes/1/before/rdata/0", "\"x\"");
	assert_null(at(root, "zonewitness/changes/1/after"));
	assert_text(root, "zonewitness/changes/2/op", "add");
	assert_text(root, "zonewitness/changes/2/type", "TYPE65280");
	assert_null(at(root, "zonewitness/changes/2/before"));
	json_decref(root);
}

/* A new serial comes with every change and is told by "serial"; alone it is the change. */
static void test_serial_is_listed_only_when_alone(void **state)
{
	json_t *root = to_json(sample_change(1, sample_diff("", "")));

	(void)state;
	assert_number(root, "zonewitness/changes_total", 1);
	assert_text(root, "zonewitness/changes/0/type", "SOA");
	json_decref(root);
	root = to_json(sample_change(1, NULL));
	assert_number(root, "zonewitness/changes_total", 1);
	assert_text(root, "zonewitness/changes/0/name", "www.example.com.");
	json_decref(root);
}

static void test_at_most_1000_changes_are_listed(void **state)
{
	_zw_str_ struct zw_str text = {};
	json_t *root;

	(void)state;
	for (int i = 0; i < 1500; i++)
		zw_str_addf(&text, "n%d 60 A 192.0.2.1\n", i);
	root = to_json(sample_change(1, sample_diff("", text.buf)));
	assert_int_equal(json_array_size(at(root, "zonewitness/changes")), 1000);
	assert_number(root, "zonewitness/changes_total", 1500);
	json_decref(root);
}

/* One record set may hold as much as a zone. */
static void test_rdatas_are_bounded(void **state)
{
	_zw_str_ struct zw_str text = {};
	json_t *root;

	(void)state;
	for (int i = 0; i < 12000; i++)
		zw_str_addf(&text, "n 60 A 10.0.%d.%d\n", i / 250, i % 250);
	zw_str_add(&text, "o 60 A 192.0.2.1\n");
	root = to_json(sample_change(1, sample_diff("", text.buf)));
	assert_in_range(
		json_array_size(at(root, "zonewitness/changes/0/after/rdata")), 9000, 10000);
	assert_number(root, "zonewitness/changes/0/after/rdata_total", 12000);
	assert_text(root, "zonewitness/changes/1/name", "o.example.com.");
	assert_number(root, "zonewitness/changes/1/after/rdata_total", 1);
	json_decref(root);
}

/* Valid UTF-8 comes back as it was, the rest escaped: nothing is dropped, nothing breaks out. */
static void test_hostile_bytes(void **state)
{
	static const char *const argv[] = {"\xff\xfe", "caf\xc3\xa9", "\"}\n{\"", "\x7f\x1b[2J",
		"\xed\xa0\x80", "\xc0\xaf", "a\\b", NULL};
	struct zw_report *report = sample_change(1, NULL);
	struct zw_actor *actor = report->cause[0].actor;
	json_t *root;

	(void)state;
	zw_argv_free(actor->argv);
	sample_argv(argv, &actor->argv, &actor->argc);
	memcpy(actor->comm, "\xe2\x82xyz", 6);
	free(ZW_TAKE(actor->name));
	root = to_json(report);
	assert_text(root, "process/args/0", "\\xff\\xfe");
	assert_text(root, "process/args/1", "caf\xc3\xa9");
	assert_text(root, "process/args/2", "\"}\n{\"");
	assert_text(root, "process/args/3", "\x7f\x1b[2J");
	assert_text(root, "process/args/4", "\\xed\\xa0\\x80");
	assert_text(root, "process/args/5", "\\xc0\\xaf");
	assert_text(root, "process/args/6", "a\\b");
	assert_text(root, "process/name", "\\xe2\\x82xyz");
	json_decref(root);
}

static void test_unreadable_zone(void **state)
{
	struct zw_report *report = sample_report(ZW_ACTION_ZONE_UNREADABLE, 1);
	json_t *root;

	(void)state;
	report->zone = sample_text("example.com.");
	report->error = sample_text("unknown type");
	report->error_file = sample_text("/etc/bind/db.example.com");
	report->error_line = 12;
	report->has_principal = true;
	sample_cause(report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE, sample_actor());
	root = to_json(report);
	assert_text(root, "event/outcome", "failure");
	assert_text(root, "error/message", "unknown type");
	assert_text(root, "zonewitness/error_file", "/etc/bind/db.example.com");
	assert_number(root, "zonewitness/error_line", 12);
	assert_number(root, "process/pid", 812);
	assert_null(at(root, "zonewitness/verdict"));
	assert_null(at(root, "zonewitness/changes"));
	json_decref(root);
}

static void test_counts_of_every_action(void **state)
{
	(void)state;
	for (unsigned int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct zw_report *report = sample_report(action, 1);
		json_t *root;

		report->counts = 2;
		report->count[0].name = "zones";
		report->count[0].value = 3;
		report->count[1].name = "lost";
		report->count[1].value = UINT64_MAX;
		root = to_json(report);
		assert_text(root, "event/action", zw_action_to_string(action));
		assert_text(root, "message", zw_action_to_string(action));
		assert_int_equal(json_array_size(at(root, "event/category")), 1);
		assert_int_equal(json_array_size(at(root, "event/type")), 1);
		assert_number(root, "zonewitness/counts/zones", 3);
		assert_number(root, "zonewitness/counts/lost", INT64_MAX);
		json_decref(root);
	}
}

static void test_appends(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_str_ struct zw_str line = {};

	(void)state;
	zw_str_add(&line, "before ");
	assert_int_equal(zw_report_to_json(report, &host, &line), 0);
	assert_true(zw_startswith(line.buf, "before {\"@timestamp\":\"2026-"));
}

/* What was made once is what everybody gets. */
static void test_sealed(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_str_ struct zw_str before = {}, after = {};

	(void)state;
	assert_int_equal(zw_report_to_json(report, &host, &before), 0);
	assert_int_equal(zw_report_seal(report, &host), 0);
	report->sequence++;
	zw_str_add(&after, "before ");
	assert_int_equal(zw_report_to_json(report, &host, &after), 0);
	assert_string_equal(after.buf + strlen("before "), before.buf);
	assert_int_equal(zw_report_seal(report, &host), 0);
	zw_str_free(&after);
	after = (struct zw_str){};
	assert_int_equal(zw_report_to_json(report, &host, &after), 0);
	assert_string_equal(after.buf, before.buf);
}

/* What jansson makes of it, but for DEL, which no event has. */
static void assert_dumped(json_t *value)
{
	_zw_free_ char *want =
		json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	_zw_str_ struct zw_str have = {};

	assert_non_null(want);
	assert_int_equal(zw_json_dump(value, &have), 0);
	assert_string_equal(have.buf, want);
	json_decref(value);
}

static void test_dump(void **state)
{
	static const char *const texts[] = {"", "plain", "\"", "\\", "a\"b\\c/d", "\b\f\n\r\t",
		"\x01\x1f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xe2\x82\xac at the end \xe2\x82\xac", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf"};
	_zw_str_ struct zw_str del = {};
	json_t *text = json_string("\x7f"), *all = json_array();

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(texts); i++) {
		assert_dumped(json_string(texts[i]));
		json_array_append_new(all, json_pack("{s:s}", texts[i], texts[i]));
	}
	assert_dumped(all);
	assert_dumped(json_stringn("nul\0inside", 10));
	assert_dumped(json_pack("{s:i, s:I, s:b, s:b, s:n, s:f, s:[], s:{}, s:[i,[s]]}", "i", -5,
		"I", (json_int_t)INT64_MIN, "t", 1, "f", 0, "n", "r", 0.25, "a", "o", "l", 1, "x"));
	assert_int_equal(zw_json_dump(text, &del), 0);
	assert_string_equal(del.buf, "\"\\u007f\"");
	json_decref(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_and_zone),
		cmocka_unit_test(test_principal_and_causes),
		cmocka_unit_test(test_peer_on_another_host),
		cmocka_unit_test(test_refused_update),
		cmocka_unit_test(test_without_principal_nobody_is_named_at_the_top),
		cmocka_unit_test(test_login_that_never_was_is_null),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_serial_is_listed_only_when_alone),
		cmocka_unit_test(test_at_most_1000_changes_are_listed),
		cmocka_unit_test(test_rdatas_are_bounded),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_unreadable_zone),
		cmocka_unit_test(test_counts_of_every_action),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
