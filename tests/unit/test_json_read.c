/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "dns/rr.h"
#include "report_sample.h"
#include "sink/json_read.h"
#include "sink/sink.h"
#include "zone/changes.h"

static const struct zw_sink_host host = {"ns1"};

static struct zw_report *read_back(const char *text, size_t len)
{
	_zw_str_ struct zw_str error = {};
	struct zw_report *report = NULL;
	int r = zw_report_from_json(text, len, &report, &error);

	if (r < 0)
		fail_msg("%s: %s in %.300s", strerror(-r), error.buf ? error.buf : "?", text);
	return report;
}

/* @report, which is taken over, as JSON, read back and as JSON again. Returns what was read back. */
static struct zw_report *round_trip(struct zw_report *report)
{
	_zw_str_ struct zw_str first = {}, second = {};
	struct zw_report *again;

	assert_int_equal(zw_report_to_json(report, &host, &first), 0);
	zw_report_free(report);
	again = read_back(first.buf, first.len);
	assert_int_equal(zw_report_to_json(again, &host, &second), 0);
	assert_string_equal(first.buf, second.buf);
	return again;
}

static void round_trip_only(struct zw_report *report)
{
	zw_report_free(round_trip(report));
}

static void test_every_action(void **state)
{
	(void)state;
	for (unsigned int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct zw_report *report = sample_report(action, action + 1);

		round_trip_only(report);
		report = sample_report(action, 1);
		report->zone = sample_text("example.com.");
		report->error = sample_text("line 12: unknown type");
		report->error_file = sample_text("/etc/bind/db.example.com");
		report->error_line = 12;
		report->has_principal = true;
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		sample_cause(report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE, sample_actor());
		sample_cause(report, ZW_ROLE_SERVER, 0, NULL);
		report->counts = 2;
		report->count[0] = (struct zw_report_count){"zones", 3};
		report->count[1] = (struct zw_report_count){"since_last_report", UINT64_MAX};
		round_trip_only(report);
	}
	round_trip_only(sample_change(42, NULL));
	round_trip_only(sample_update(43));
	round_trip_only(sample_refused(44));
	round_trip_only(sample_acknowledged(45));
	round_trip_only(sample_expected(46));
	round_trip_only(sample_found(47));
}

static void test_what_is_read(void **state)
{
	_zw_report_free_ struct zw_report *report = round_trip(sample_change(42, NULL));
	const struct zw_actor *actor = report->cause[0].actor;
	const struct zw_diff_entry *entry;

	(void)state;
	assert_int_equal(report->action, ZW_ACTION_RECORD_CHANGE);
	assert_int_equal(report->sequence, 42);
	assert_int_equal(report->time_ns, SAMPLE_TIME_NS);
	assert_int_equal(report->verdict, ZW_VERDICT_UNAUTHORIZED);
	assert_int_equal(report->attribution, ZW_ATTRIBUTION_CERTAIN);
	assert_int_equal(report->channel, ZW_CHANNEL_FILE);
	assert_true(report->escalate && report->has_principal);
	assert_int_equal(report->serial_after, 8);
	assert_int_equal(report->file.ino, 4711);
	assert_int_equal(report->reasons, 1);
	assert_int_equal(report->cause[0].evidence, ZW_EVIDENCE_WRITE | ZW_EVIDENCE_RENAME);
	assert_int_equal(actor->tgid, 812);
	assert_int_equal(actor->principal.uid, 1000);
	assert_string_equal(actor->effective.name, "root");
	assert_int_equal(actor->session, 7);
	assert_string_equal(actor->tty, "pts/2");
	assert_int_equal(actor->ancestors, 3);
	assert_int_equal(actor->ancestor[1].elevation, ZW_ELEVATION_SUDO);
	assert_int_equal(zw_changes_count(report->diff), 1);
	entry = &report->diff->entries[0];
	assert_int_equal(entry->op, ZW_DIFF_MODIFY);
	assert_int_equal(entry->before.ttl, 3600);
	assert_int_equal(entry->after.ttl, 60);
	assert_true(report->diff->has_serial_after && report->diff->serial_after == 8);
}

static void test_findings(void **state)
{
	_zw_report_free_ struct zw_report *report = round_trip(sample_found(1));

	(void)state;
	assert_int_equal(report->findings, 3);
	assert_string_equal(report->finding[0].rule, "redirect-outside");
	assert_int_equal(report->finding[0].severity, 73);
	assert_string_equal(report->finding[0].subject, "203.0.113.9");
	assert_string_equal(report->finding[0].reason, "www.example.com. leads to 203.0.113.9");
	assert_string_equal(report->finding[0].country, "NL");
	assert_int_equal(report->finding[0].as_number, 64496);
	assert_string_equal(report->finding[0].as_name, "Example\nNetworks");
	assert_string_equal(report->finding[1].rule, "rule-of-tomorrow");
	assert_string_equal(report->finding[1].country, "");
	assert_null(report->finding[1].as_name);
	assert_string_equal(report->finding[1].reason, "\033[2J");
	assert_null(report->finding[1].subject);
	assert_int_equal(report->severity, 99);
}

/* Every member that an actor may have or lack. */
static void test_actors(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	struct zw_actor *actor = report->cause[0].actor;

	(void)state;
	actor->container = sample_text("0123abcd");
	actor->kthread = actor->exe_deleted = actor->argv_cut = true;
	actor->tid = 813;
	round_trip_only(report);

	report = sample_change(1, NULL);
	actor = report->cause[0].actor;
	free(ZW_TAKE(actor->login.name));
	free(ZW_TAKE(actor->principal.name));
	free(ZW_TAKE(actor->origin_ip));
	free(ZW_TAKE(actor->exe));
	free(ZW_TAKE(actor->cwd));
	free(ZW_TAKE(actor->cgroup));
	free(ZW_TAKE(actor->name));
	zw_argv_free(ZW_TAKE(actor->argv));
	actor->login.uid = actor->session = actor->effective.uid = ZW_ID_UNSET;
	actor->tty[0] = '\0';
	actor->start_real_ns = 0;
	round_trip_only(report);

	report = sample_change(1, NULL);
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	sample_cause(report, ZW_ROLE_RENAMER, 0, sample_actor());
	report = round_trip(report);
	assert_false(report->has_principal);
	zw_report_free(report);

	/* The server itself, of which no process is known. */
	report = sample_change(1, NULL);
	zw_actor_unref(ZW_TAKE(report->cause[0].actor));
	report->cause[0].role = ZW_ROLE_SERVER;
	report = round_trip(report);
	assert_true(report->has_principal);
	zw_report_free(report);
}

/* Names that are longer once they are escaped than the kernel's fields are. */
static void test_hostile_bytes(void **state)
{
	static const char *const argv[] = {
		"\xff\xfe", "caf\xc3\xa9", "\"}\n{\"", "\x7f\x1b[2J", "", NULL};
	struct zw_report *report = sample_change(1, NULL);
	struct zw_actor *actor = report->cause[0].actor;

	(void)state;
	zw_argv_free(actor->argv);
	sample_argv(argv, &actor->argv, &actor->argc);
	memcpy(actor->ancestor[0].comm, "\xff\xff\xff\xff\\\\\\\\\n\n\n\n\xc3\xa9", 15);
	memcpy(actor->tty, "\xe2\x82xyz\x1b\x1b\x1b\x1b", 10);
	memcpy(actor->comm, "\xe2\x82xyz\x1b\x1b\x1b\x1b", 10);
	free(ZW_TAKE(actor->name));
	free(report->message);
	report->message = sample_text("one line\nZW_VERDICT=authorized\033[31m\xff");
	report = round_trip(report);
	assert_memory_equal(report->cause[0].actor->ancestor[0].comm,
		"\xff\xff\xff\xff\\\\\\\\\n\n\n\n\xc3\xa9", 15);
	zw_report_free(report);
}

static const char many_types[] =
	"a 60 A 192.0.2.1\na 60 A 192.0.2.2\nb 60 TXT \"x\" \"y \\\"\\\\\\255\\000 z;()\"\n"
	"c 60 MX 10 mail\nd 60 TYPE65280 \\# 1 ff\nd 60 TYPE65281 \\# 0\ne 60 AAAA 2001:db8::1\n"
	"f 60 SRV 1 2 3 x\\.y.example.com.\ng 60 CAA 0 issue \"ca.example\"\n"
	"h 60 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::2\n"
	"i 60 NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@example.com!\" .\n"
	"j 60 LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n"
	"k 60 DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"k 60 NS ns.k\nl 60 SSHFP 1 1 0123456789012345678901234567890123456789\n"
	"m 60 RRSIG A 8 3 60 20261201000000 20261101000000 1 example.com. AAAA\n"
	"n 60 NSEC o A TXT TYPE65280\no 60 TLSA 3 1 1 00ff\np 60 URI 1 2 \"https://a/?;\"\n"
	"q 60 APL 1:192.0.2.0/24 !2:2001:db8::/32\nr 60 HINFO \"a b\" c\ns 60 CNAME \\032\\010x\n"
	"t 60 PTR \\035.x\nu 60 NSEC3 1 0 5 ab 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\nv 60 SPF \"x\"\n"
	"*.w 60 A 192.0.2.1\n\\*x\\@y 60 A 192.0.2.1\nx 60 LP 1 l.example.com.\n"
	"y 60 EUI48 00-00-5e-00-53-2a\ny 60 NID 10 0014:4fff:ff20:ee64\nz 60 DNAME other.\n"
	"aa 60 ALIAS target.example.\nab 60 CERT 1 2 3 AAAA\nac 60 X25 \"311061700956\"\n";

static void test_types(void **state)
{
	(void)state;
	round_trip_only(sample_change(1, sample_diff("", many_types)));
	round_trip_only(sample_change(1, sample_diff(many_types, "")));
	round_trip_only(sample_change(1, sample_diff(many_types, "a 30 A 192.0.2.1\n")));
}

/* As a server or a raw zone may hold it: written generically, which the scanner would not take back. */
static void test_data_that_does_not_fit_its_type(void **state)
{
	static const struct zw_hash_key key = {1, 2};
	static const uint8_t origin[] = "\7example\3com", data[] = {1, 2, 3};
	struct zw_record record = {.owner = origin,
		.owner_len = sizeof(origin),
		.klass = ZW_CLASS_IN,
		.ttl = 0xffffffff,
		.rdata = data,
		.rdata_len = sizeof(data)};
	static const uint16_t types[] = {
		ZW_TYPE_A, ZW_TYPE_AAAA, ZW_TYPE_MX, ZW_TYPE_DS, ZW_TYPE_TXT, 64};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(types); i++) {
		_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
		_zw_builder_ struct zw_builder *builder = NULL;
		struct zw_diff *diff;

		record.type = types[i];
		assert_int_equal(zw_builder_new(&key, origin, NULL, &builder), 0);
		assert_int_equal(zw_builder_add(builder, &record), 0);
		assert_int_equal(zw_builder_finish(builder, &snapshot), 0);
		assert_int_equal(zw_diff_new(NULL, snapshot, &diff), 0);
		round_trip_only(sample_change(1, diff));
	}
}

static void test_serials(void **state)
{
	struct zw_report *report = sample_change(1, sample_diff("", ""));

	(void)state;
	report = round_trip(report);
	assert_int_equal(report->diff->len, 1);
	assert_int_equal(report->diff->entries[0].type, ZW_TYPE_SOA);
	zw_report_free(report);
	report = sample_change(1, NULL);
	report->has_serial_before = false;
	round_trip_only(report);
}

static void test_list_that_was_cut(void **state)
{
	_zw_str_ struct zw_str text = {};
	struct zw_report *report;

	(void)state;
	for (int i = 0; i < 1500; i++)
		zw_str_addf(&text, "n%d 60 A 192.0.2.1\n", i);
	report = round_trip(sample_change(1, sample_diff("", text.buf)));
	assert_int_equal(report->diff->len, 1000);
	assert_int_equal(report->changes_total, 1500);
	zw_report_free(report);
}

static void assert_refused(const char *text, const char *why)
{
	_zw_str_ struct zw_str error = {};
	struct zw_report *report = NULL;

	assert_int_equal(zw_report_from_json(text, strlen(text), &report, &error), -EBADMSG);
	assert_null(report);
	assert_non_null(error.buf);
	if (!strstr(error.buf, why))
		fail_msg("\"%s\" does not say \"%s\"", error.buf, why);
	assert_int_equal(zw_report_from_json(text, strlen(text), &report, NULL), -EBADMSG);
}

/* The event of sample_change() with @part replaced by @by. */
static void assert_refuses(const char *part, const char *by, const char *why)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_str_ struct zw_str line = {}, changed = {};
	const char *at;

	assert_int_equal(zw_report_to_json(report, &host, &line), 0);
	at = strstr(line.buf, part);
	if (!at)
		fail_msg("no %s in %s", part, line.buf);
	zw_str_add_len(&changed, line.buf, (size_t)(at - line.buf));
	zw_str_add(&changed, by);
	zw_str_add(&changed, at + strlen(part));
	assert_refused(changed.buf, why);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("", "no JSON object");
	assert_refused("[]", "no JSON object");
	assert_refused("{}", "\"@timestamp\" is missing");
	assert_refused("{\"a\":1,\"a\":2}", "no JSON object: duplicate object key");
	assert_refuses("2026-11-22T00:11:22.123456789Z", "2026-02-30T00:11:22.123456789Z",
		"\"@timestamp\" is no time");
	assert_refuses("\"id\":\"0", "\"id\":\"U", "\"id\" is no identifier");
	assert_refuses("record-change", "\\u001b[2J", "event: \"action\" is none that is known");
	assert_refuses("\"severity\":73", "\"severity\":101", "\"severity\" is out of range");
	assert_refuses("\"sequence\":1", "\"sequence\":1.5", "\"sequence\" is no whole number");
	assert_refuses("\"zone\":\"example.com.\"", "\"zone\":7", "\"zone\" is no text");
	assert_refuses("\"verdict\":\"unauthorized\"", "\"verdict\":\"maybe\"", "\"verdict\" is");
	assert_refuses("\"name\":\"www.example.com.\"", "\"name\":\"www.example.net.\"",
		"zonewitness.changes[0]");
	assert_refuses("[\"192.0.2.1\"]", "[\"192.0.2.1 x\"]", "zonewitness.changes[0]");
	assert_refuses("[\"192.0.2.1\"]", "[\"\\\\# 4 0a\"]", "has data that is none");
	assert_refuses("\"type\":\"A\"", "\"type\":\"ANY\"", "\"type\" is no type");
	assert_refuses("\"inode\":\"4711\"", "\"inode\":\"0x1f\"", "\"inode\" is no number");
	assert_refuses("\"mode\":\"0644\"", "\"mode\":\"9\"", "\"mode\" is no mode");
	assert_refuses("\"role\":\"writer\"", "\"role\":\"w\"", "zonewitness.causes[0]: \"role\"");
	assert_refuses("\"tty\":\"pts/2\"", "\"tty\":\"pts/2222222222222222\"", "is too long");
	assert_refuses("\"escalate\":true", "\"escalate\":true,\"counts\":{\"\\u001b\":1}",
		"is no name of a count");
	assert_refuses("\"escalate\":true",
		"\"escalate\":true,\"request\":{\"transport\":\"udp\",\"rcode\":\"\\u001b\"}",
		"\"rcode\" is no code");
	assert_refuses("\"evidence\":[\"write\"", "\"evidence\":[\"x\"", "\"evidence\" holds");
}

/* What later versions add, and what others add on the way, is no error. */
static void test_unknown_members(void **state)
{
	static const char text[] =
		" {\"@timestamp\":\"2026-11-22T00:11:22.123456789Z\",\"tags\":[1,{\"x\":null}],"
		"\"event\":{\"id\":\"01KAMWF1D3000000000000000A\",\"action\":\"tamper\",\"new\":1},"
		"\"zonewitness\":{\"later\":{\"a\":[]},\"zone\":null}}\n";
	_zw_report_free_ struct zw_report *report = read_back(text, strlen(text));

	(void)state;
	assert_int_equal(report->action, ZW_ACTION_TAMPER);
	assert_null(report->zone);
	assert_false(report->has_principal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_action),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_actors),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_data_that_does_not_fit_its_type),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_list_that_was_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
