/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters over a small history: what each finds, what it leaves out, and by which index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "dns/rr.h"
#include "report_sample.h"
#include "sink/history.h"
#include "sink/history_query.h"
#include "sink/sink.h"
#include "temp_dir.h"

static const struct zw_history_zone internal = {"bind:/etc/named.conf", "internal", "example.com."};
static const struct zw_history_zone external = {"knot:/etc/knot.conf", "", "example.com."};
static const struct zw_sink_host host = {"ns1"};

struct fixture {
	char dir[36], path[64];
	struct zw_history *history;
	struct zw_reader *reader;
};

/* Stores @report, which is taken over, as the next event: their seq counts from 1. */
static void put(struct fixture *f, const struct zw_history_zone *zone, struct zw_report *report)
{
	_zw_str_ struct zw_str json = {};

	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	assert_int_equal(zw_history_put_event(f->history, zone, report, json.buf, json.len), 0);
	zw_report_free(report);
}

static struct zw_report *unattributed(const char *before, const char *after)
{
	struct zw_report *report = sample_change(1, sample_diff(before, after));

	zw_report_causes_free(report->cause, report->causes);
	report->cause = NULL;
	report->causes = 0;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_NONE;
	report->verdict = ZW_VERDICT_UNATTRIBUTED;
	report->channel = ZW_CHANNEL_UNKNOWN;
	report->time_ns += 3600 * ZW_NSEC_PER_SEC;
	return report;
}

static void fill(struct fixture *f)
{
	struct zw_report *report;

	put(f, &internal, sample_change(1, NULL));
	put(f, &internal, sample_update(2));
	put(f, &internal, sample_refused(3));
	put(f, &external, unattributed("", "a.b 60 AAAA 2001:db8::1\na.b 60 TXT \"192.0.2.1\"\n"));
	put(f, &external,
		unattributed("*.b 60 A 10.1.2.3\n", "b 60 HTTPS 1 . ipv4hint=10.9.8.7\n"));
	put(f, NULL, sample_report(ZW_ACTION_AGENT_READY, 6));
	/* A second cause of an event counts as the first does. */
	report = sample_change(7, sample_diff("", "bb 60 A 192.0.2.7\n"));
	report->verdict = ZW_VERDICT_AUTHORIZED;
	sample_cause(report, ZW_ROLE_RELOADER, 0, sample_actor());
	free(report->cause[1].actor->exe);
	report->cause[1].actor->exe = sample_text("/usr/sbin/rndc");
	free(report->cause[1].actor->principal.name);
	report->cause[1].actor->principal = (struct zw_actor_user){1001, sample_text("bob")};
	report->cause[1].actor->tgid = 900;
	put(f, &internal, report);
}

static void exec(const struct fixture *f, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int setup(void **state)
{
	struct fixture *f = sample_checked(calloc(1, sizeof(*f)));
	_zw_str_ struct zw_str error = {};

	strcpy(f->dir, "/tmp/zw-query-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/h.db", f->dir);
	if (zw_history_open(f->path, &f->history, &error) < 0)
		return -1;
	fill(f);
	exec(f, "INSERT INTO ack (seq, time_ns, by_whom, json) VALUES (1, 1, 'carol', '{}');"
		"INSERT INTO finding (seq, rule, severity) VALUES (4, 'new-subdomain', 50)");
	if (zw_reader_open(f->path, &f->reader, &error) < 0)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	zw_reader_close(f->reader);
	zw_history_close(f->history);
	r = temp_dir_remove(f->dir);
	free(f);
	return r;
}

/* "7 2 1": the events found, in order. */
static void assert_found(
	struct fixture *f, const struct zw_log_filter *filter, const char *expected)
{
	_zw_log_query_ struct zw_log_query *query = NULL;
	_zw_str_ struct zw_str found = {};
	struct zw_log_row row;
	int r;

	assert_int_equal(zw_log_query_new(f->reader, filter, &query), 0);
	while ((r = zw_log_query_next(query, &row)) > 0)
		zw_str_addf(&found, "%s%llu", found.len ? " " : "", (unsigned long long)row.seq);
	assert_int_equal(r, 0);
	zw_str_add(&found, "");
	assert_string_equal(found.buf, expected);
}

/* As the database is entered: with @index, and sorted only where that is unavoidable. */
static void assert_plan(
	struct fixture *f, const struct zw_log_filter *filter, const char *index, bool sorted)
{
	_zw_log_query_ struct zw_log_query *query = NULL;
	_zw_str_ struct zw_str plan = {};

	assert_int_equal(zw_log_query_new(f->reader, filter, &query), 0);
	assert_int_equal(zw_log_query_plan(query, &plan), 0);
	if (!plan.buf || !strstr(plan.buf, index))
		fail_msg("'%s' does not use %s", plan.buf ? plan.buf : "", index);
	if (!strstr(plan.buf, "TEMP B-TREE") == sorted)
		fail_msg("'%s' %s", plan.buf, sorted ? "is not sorted" : "is sorted");
}

#define ASSERT_FOUND(state, expected, ...)                         \
	do {                                                       \
		struct zw_log_filter _filter = ZW_LOG_FILTER_INIT; \
		__VA_ARGS__;                                       \
		assert_found(*(state), &_filter, expected);        \
	} while (0)

#define ASSERT_PLAN(state, index, sorted, ...)                     \
	do {                                                       \
		struct zw_log_filter _filter = ZW_LOG_FILTER_INIT; \
		__VA_ARGS__;                                       \
		assert_plan(*(state), &_filter, index, sorted);    \
	} while (0)

static const uint8_t www[] = "\3www\7example\3com", b[] = "\1b\7example\3com",
		     apex[] = "\7example\3com", com[] = "\3com", root[] = "", net[] = "\3net";

static void test_order_and_bounds(void **state)
{
	ASSERT_FOUND(state, "7 6 5 4 3 2 1", (void)_filter);
	ASSERT_FOUND(state, "1 2 3 4 5 6 7", _filter.oldest_first = true);
	ASSERT_FOUND(state, "5 4 3", _filter.after_seq = 2, _filter.before_seq = 6);
	ASSERT_FOUND(state, "5 4", _filter.since_ns = SAMPLE_TIME_NS + 1);
	ASSERT_FOUND(state, "7 6 5 4 3 2 1", _filter.since_ns = SAMPLE_TIME_NS);
	ASSERT_FOUND(state, "7 6 3 2 1", _filter.until_ns = SAMPLE_TIME_NS + 1);
	ASSERT_FOUND(state, "", _filter.until_ns = SAMPLE_TIME_NS);
}

static void test_zones(void **state)
{
	ASSERT_FOUND(state, "7 5 4 3 2 1", _filter.zone = "example.com.");
	ASSERT_FOUND(state, "5 4", _filter.zone = "example.com.", _filter.server = "knot");
	ASSERT_FOUND(state, "5 4", _filter.server = "knot:/etc/knot.conf");
	ASSERT_FOUND(state, "", _filter.server = "kno");
	ASSERT_FOUND(state, "7 3 2 1", _filter.view = "internal");
	ASSERT_FOUND(state, "", _filter.zone = "example.net.");
	ASSERT_PLAN(state, "event_zone", false, _filter.view = "internal");
}

static void test_records(void **state)
{
	ASSERT_FOUND(state, "2 1", _filter.name = www);
	ASSERT_FOUND(state, "5", _filter.name = b);
	ASSERT_FOUND(state, "5 4", _filter.name = b, _filter.subtree = true);
	ASSERT_FOUND(state, "7 5 4 2 1", _filter.name = apex, _filter.subtree = true);
	ASSERT_FOUND(state, "7 5 4 2 1", _filter.name = com, _filter.subtree = true);
	ASSERT_FOUND(state, "7 5 4 2 1", _filter.name = root, _filter.subtree = true);
	ASSERT_FOUND(state, "", _filter.name = net, _filter.subtree = true);
	ASSERT_FOUND(state, "4", _filter.type = ZW_TYPE_TXT);
	ASSERT_FOUND(state, "", _filter.name = www, _filter.type = ZW_TYPE_TXT);
	/* The serial changed beside others every time. */
	ASSERT_FOUND(state, "7 5 4 2 1", _filter.name = apex, _filter.type = ZW_TYPE_SOA);
	ASSERT_PLAN(state, "USING PRIMARY KEY (name=? AND type=?", false, _filter.name = www,
		_filter.type = ZW_TYPE_A);
	ASSERT_PLAN(state, "USING PRIMARY KEY (name=?", true, _filter.name = www);
	ASSERT_PLAN(state, "USING PRIMARY KEY (name>? AND name<?)", true, _filter.name = b,
		_filter.subtree = true);
	ASSERT_PLAN(state, "event_zone", false, _filter.name = apex, _filter.subtree = true);
}

static struct zw_log_range range(const char *text)
{
	struct zw_log_range range = {};

	assert_int_equal(zw_log_range_parse(text, &range), 0);
	return range;
}

static void test_addresses(void **state)
{
	struct zw_log_range old = range("192.0.2.1"), new = range("203.0.113.9"),
			    net10 = range("10.0.0.0/8"), hint = range("10.9.8.7/32"),
			    v6 = range("2001:DB8::/32"), none = range("192.0.2.2");

	/* Before, after, hints; not what only looks like one. */
	ASSERT_FOUND(state, "2 1", _filter.address = &old);
	ASSERT_FOUND(state, "2 1", _filter.address = &new);
	ASSERT_FOUND(state, "5", _filter.address = &net10);
	ASSERT_FOUND(state, "5", _filter.address = &hint);
	ASSERT_FOUND(state, "4", _filter.address = &v6);
	ASSERT_FOUND(state, "", _filter.address = &none);
	/* Of one RRset all of it. */
	ASSERT_FOUND(state, "", _filter.address = &v6, _filter.type = ZW_TYPE_TXT);
	ASSERT_FOUND(
		state, "5", _filter.address = &net10, _filter.name = b, _filter.subtree = true);
	ASSERT_PLAN(state, "USING PRIMARY KEY (address=?", false, _filter.address = &old);
	ASSERT_PLAN(state, "USING PRIMARY KEY (address>? AND address<?)", true,
		_filter.address = &net10);
}

static void test_who(void **state)
{
	struct zw_log_range remote = range("198.51.100.9"), login = range("198.51.100.0/29"),
			    local = range("127.0.0.1");

	ASSERT_FOUND(state, "7 3 1", _filter.user = "alice");
	ASSERT_FOUND(state, "7", _filter.user = "bob");
	ASSERT_FOUND(state, "", _filter.user = "root");
	ASSERT_FOUND(state, "7 3 1", _filter.uid = 1000);
	ASSERT_FOUND(state, "7", _filter.uid = 1001);
	ASSERT_FOUND(state, "", _filter.uid = 0);
	ASSERT_FOUND(state, "7 3 1", _filter.login = "alice");
	ASSERT_FOUND(state, "7 3 1", _filter.login_uid = 1000);
	ASSERT_FOUND(state, "7", _filter.pid = 900);
	ASSERT_FOUND(state, "7 3 1", _filter.exe = "/usr/bin/sed");
	ASSERT_FOUND(state, "7 3 1", _filter.exe = "sed");
	ASSERT_FOUND(state, "", _filter.exe = "ed");
	ASSERT_FOUND(state, "7", _filter.exe = "rndc");
	ASSERT_FOUND(state, "2", _filter.tsig_key = "DDNS-key.");
	ASSERT_FOUND(state, "", _filter.tsig_key = "ddns");
	ASSERT_FOUND(state, "2", _filter.peer = &remote);
	ASSERT_FOUND(state, "3", _filter.peer = &local);
	ASSERT_FOUND(state, "7 3 1", _filter.peer = &login);
	/* One and the same cause. */
	ASSERT_FOUND(state, "7", _filter.user = "bob", _filter.exe = "rndc");
	ASSERT_FOUND(state, "", _filter.user = "bob", _filter.exe = "sed");
	ASSERT_PLAN(state, "actor_user", false, _filter.user = "alice");
	ASSERT_PLAN(state, "actor_login ", false, _filter.login = "alice");
	ASSERT_PLAN(state, "actor_uid", false, _filter.uid = 1000);
	ASSERT_PLAN(state, "actor_login_uid", false, _filter.login_uid = 1000);
	ASSERT_PLAN(state, "actor_pid", false, _filter.pid = 900);
	ASSERT_PLAN(state, "actor_exe", false, _filter.exe = "sed");
	ASSERT_PLAN(state, "actor_key", false, _filter.tsig_key = "ddns-key");
	ASSERT_PLAN(state, "actor_peer", false, _filter.peer = &remote);
	ASSERT_PLAN(state, "actor_origin", true, _filter.peer = &login);
}

static void test_judgement(void **state)
{
	ASSERT_FOUND(state, "2 1", _filter.verdicts = 1U << ZW_VERDICT_UNAUTHORIZED);
	ASSERT_FOUND(state, "5 4 2 1",
		_filter.verdicts = 1U << ZW_VERDICT_UNAUTHORIZED | 1U << ZW_VERDICT_UNATTRIBUTED);
	ASSERT_FOUND(state, "5 4", _filter.attributions = 1U << ZW_ATTRIBUTION_NONE);
	ASSERT_FOUND(state, "3 2", _filter.channels = 1U << ZW_CHANNEL_UPDATE);
	ASSERT_FOUND(state, "3", _filter.actions = 1U << ZW_ACTION_UPDATE_REFUSED);
	ASSERT_FOUND(state, "", _filter.channels = 1U << ZW_CHANNEL_API);
	/* The agent's own events have no channel, though "unknown" is the first of them. */
	ASSERT_FOUND(state, "5 4", _filter.channels = 1U << ZW_CHANNEL_UNKNOWN);
	ASSERT_FOUND(state, "4", _filter.rule = "new-subdomain");
	ASSERT_FOUND(state, "", _filter.rule = "new");
	ASSERT_FOUND(state, "7 6 5 4 3 2", _filter.unacknowledged = true);
	ASSERT_FOUND(state, "2", _filter.unacknowledged = true,
		_filter.verdicts = 1U << ZW_VERDICT_UNAUTHORIZED);
	ASSERT_PLAN(state, "event_verdict", false, _filter.verdicts = 3);
	ASSERT_PLAN(state, "event_attribution", false, _filter.attributions = 1);
	ASSERT_PLAN(state, "event_channel", false, _filter.channels = 1);
	ASSERT_PLAN(state, "event_action", false, _filter.actions = 1);
	ASSERT_PLAN(state, "finding_rule", false, _filter.rule = "x");
}

/* Of several conditions the one that leads to the fewest events is the way in. */
static void test_choice(void **state)
{
	ASSERT_PLAN(state, "actor_pid", false, _filter.pid = 900, _filter.zone = "example.com.",
		_filter.user = "alice");
	ASSERT_FOUND(state, "7", _filter.pid = 900, _filter.zone = "example.com.",
		_filter.channels = 1U << ZW_CHANNEL_FILE);
	ASSERT_FOUND(state, "", _filter.pid = 900, _filter.user = "alice");
}

/* Values are bound: quotes and wildcards mean nothing. */
static void test_hostile_values(void **state)
{
	ASSERT_FOUND(state, "", _filter.user = "' OR 1 --");
	ASSERT_FOUND(state, "", _filter.exe = "%");
	ASSERT_FOUND(state, "", _filter.tsig_key = "*");
	ASSERT_FOUND(state, "", _filter.rule = "\" OR 1");
	ASSERT_FOUND(state, "", _filter.zone = "x' OR '1");
	ASSERT_FOUND(state, "", _filter.server = "");
}

static void test_ranges(void **state)
{
	static const char *const wrong[] = {"", "/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
		"::/129", "10.0.0", "fe80::1%lo", "10.0.0.0/8 ", "x",
		"1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234"};
	struct zw_log_range all = range("0.0.0.0/0"), one = range("10.1.2.3/24");

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(wrong); i++)
		assert_int_equal(zw_log_range_parse(wrong[i], &one), -EINVAL);
	assert_memory_equal(all.first, "\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0", 16);
	assert_memory_equal(all.last, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", 16);
	assert_memory_equal(one.first + 12, "\x0a\1\2\0", 4);
	assert_memory_equal(one.last + 12, "\x0a\1\2\xff", 4);
}

static void test_who_of_a_row(void **state)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct fixture *f = *state;
	struct zw_log_who who;
	struct zw_log_row row;
	struct zw_ulid_state ulid = {};
	char id[ZW_ULID_LEN + 1];
	uint64_t last = 0;
	unsigned int len;

	filter.before_seq = 3;
	assert_int_equal(zw_log_query_new(f->reader, &filter, &query), 0);
	assert_int_equal(zw_log_query_next(query, &row), 1);
	assert_int_equal(zw_log_query_who(query, &who), 1);
	assert_string_equal(who.peer, "198.51.100.9");
	assert_string_equal(who.tsig_key, "ddns-key");
	assert_int_equal(zw_log_query_next(query, &row), 1);
	assert_true(row.acknowledged);
	assert_int_equal(row.verdict, ZW_VERDICT_UNAUTHORIZED);
	assert_int_equal(zw_log_query_who(query, &who), 1);
	assert_string_equal(who.user, "alice");
	assert_int_equal(zw_log_last(f->reader, &last), 0);
	assert_int_equal(last, 7);
	/* Made in one millisecond, they differ in what is random. */
	zw_ulid(&ulid, SAMPLE_TIME_NS, id);
	assert_int_equal(zw_log_id_len(f->reader, id, 8, &len), 0);
	assert_in_range(len, 11, 14);
	zw_ulid(&ulid, SAMPLE_TIME_NS + ZW_NSEC_PER_SEC, id);
	assert_int_equal(zw_log_id_len(f->reader, id, 8, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(zw_log_id_len(f->reader, "7", 8, &len), 0);
	assert_int_equal(len, 8);
}

/* 2,500 copies of the first event, a second after the other, then 6,000 of the fourth; one has a time of long ago, as
 * when a clock was set back. */
static void add_many(struct fixture *f)
{
	exec(f, "INSERT INTO event (id, time_ns, zone_id, action, channel, attribution, verdict,"
		" severity, escalate, json_len, json, delta)"
		" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8500)"
		" SELECT printf('02%024d', i), iif(i = 3000, 7, time_ns + i * 1000000000), zone_id,"
		" action, channel, attribution, verdict, severity, escalate, json_len, json, delta"
		" FROM n JOIN event ON seq = iif(i <= 2500, 1, 4) ORDER BY i;"
		"INSERT INTO address SELECT x'00000000000000000000ffffc0000201', seq, 0 FROM event"
		" WHERE seq BETWEEN 8 AND 2507");
}

/* How many are found, each stored before the last. */
static unsigned int count_found(struct fixture *f, const struct zw_log_filter *filter)
{
	_zw_log_query_ struct zw_log_query *query = NULL;
	uint64_t last = UINT64_MAX;
	struct zw_log_row row;
	unsigned int n = 0;
	int r;

	assert_int_equal(zw_log_query_new(f->reader, filter, &query), 0);
	while ((r = zw_log_query_next(query, &row)) > 0) {
		assert_true(row.seq < last);
		last = row.seq;
		n++;
	}
	assert_int_equal(r, 0);
	return n;
}

/* What has to be sorted is left until the newest events were looked at. */
static void test_many(void **state)
{
	struct zw_log_range old = range("192.0.2.0/24"), none = range("192.0.3.0/24");
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	struct fixture *f = *state;

	add_many(f);
	filter.address = &old;
	assert_int_equal(count_found(f, &filter), 2503);
	filter.before_seq = 100;
	assert_int_equal(count_found(f, &filter), 95);
	filter.address = &none;
	assert_int_equal(count_found(f, &filter), 0);
}

/* However far in time what lies outside reaches, and whatever clocks did. */
static void test_many_times(void **state)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	struct fixture *f = *state;

	add_many(f);
	filter.until_ns = 8;
	assert_int_equal(count_found(f, &filter), 1);
	filter.since_ns = 7;
	assert_int_equal(count_found(f, &filter), 1);
	filter.since_ns = 8;
	filter.until_ns = 0;
	assert_int_equal(count_found(f, &filter), 7 + 8500 - 1);
	/* The copies of the fourth are an hour later than those of the first. */
	filter.since_ns = SAMPLE_TIME_NS + 2500 * ZW_NSEC_PER_SEC;
	assert_int_equal(count_found(f, &filter), 1 + 2 + 6000 - 1);
	filter.since_ns = SAMPLE_TIME_NS + 3600 * ZW_NSEC_PER_SEC + 8000 * ZW_NSEC_PER_SEC;
	assert_int_equal(count_found(f, &filter), 501);
	filter.since_ns = 0;
	filter.until_ns = SAMPLE_TIME_NS + 2000 * ZW_NSEC_PER_SEC;
	assert_int_equal(count_found(f, &filter), 5 + 1999 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_and_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judgement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_choice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_values, setup, teardown),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_of_a_row, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
