/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What journald gets. Delivery itself is tested with a real one, in tests/e2e/journald.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "report_sample.h"
#include "sink/journald_fields.h"
#include "sink/notify.h"

static const struct zw_sink_host host = {"ns1"};

struct fields {
	struct zw_str packed;
	struct iovec field[ZW_JOURNAL_FIELDS_MAX];
	int n;
};

/* Takes @report over. */
static void pack(struct zw_report *report, struct fields *fields)
{
	*fields = (struct fields){};
	assert_int_equal(zw_journald_pack(report, &host, &fields->packed), 0);
	assert_int_equal(zw_journald_unpack(
				 fields->packed.buf, fields->packed.len, fields->field, &fields->n),
		0);
	zw_report_free(report);
}

static unsigned int count_fields(const struct fields *fields, const char *name)
{
	size_t len = strlen(name);
	unsigned int n = 0;

	for (int i = 0; i < fields->n; i++) {
		const char *text = fields->field[i].iov_base;

		n += fields->field[i].iov_len > len && memcmp(text, name, len) == 0 &&
		     text[len] == '=';
	}
	return n;
}

static void assert_field(const struct fields *fields, const char *expected)
{
	size_t len = strlen(expected);

	for (int i = 0; i < fields->n; i++)
		if (fields->field[i].iov_len == len &&
			memcmp(fields->field[i].iov_base, expected, len) == 0)
			return;
	fail_msg("no field %s", expected);
}

/* Names that journald takes (journal-field rules: capitals, digits, underscores), no control character. */
static void assert_clean(const struct fields *fields)
{
	for (int i = 0; i < fields->n; i++) {
		const char *text = fields->field[i].iov_base;
		const char *equals = memchr(text, '=', fields->field[i].iov_len);

		assert_non_null(equals);
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), equals - text);
		for (size_t k = 0; k < fields->field[i].iov_len; k++)
			assert_true((unsigned char)text[k] >= 0x20 && text[k] != 0x7f);
	}
}

static void test_all_fields_of_a_change(void **state)
{
	struct zw_report *report = sample_change(42, NULL);
	struct fields fields;

	(void)state;
	report->cause[0].tsig_key = sample_text("ddns-key");
	pack(report, &fields);
	assert_clean(&fields);
	assert_field(&fields,
		"MESSAGE=alice changed www.example.com. A 192.0.2.1 -> 203.0.113.9 in example.com."
		" with sed (file)");
	assert_field(&fields, "MESSAGE_ID=c23bfa13735c4b5b989aa8f9b6eb0fe5");
	assert_field(&fields, "PRIORITY=3");
	assert_field(&fields, "OBJECT_PID=812");
	assert_field(&fields, "ZW_ACTION=record-change");
	assert_field(&fields, "ZW_ZONE=example.com.");
	assert_field(&fields, "ZW_NAME=www.example.com.");
	assert_field(&fields, "ZW_CHANNEL=file");
	assert_field(&fields, "ZW_VERDICT=unauthorized");
	assert_field(&fields, "ZW_ATTRIBUTION=certain");
	assert_field(&fields, "ZW_SEVERITY=73");
	assert_field(&fields, "ZW_TECHNIQUE=T1584.002");
	assert_field(&fields, "ZW_PID=812");
	assert_field(&fields, "ZW_EXE=/usr/bin/sed");
	assert_field(&fields, "ZW_USER=alice");
	assert_field(&fields, "ZW_UID=1000");
	assert_field(&fields, "ZW_LOGIN_USER=alice");
	assert_field(&fields, "ZW_LOGIN_UID=1000");
	assert_field(&fields, "ZW_SESSION=7");
	assert_field(&fields, "ZW_SOURCE_IP=198.51.100.7");
	assert_field(&fields, "ZW_TSIG_KEY=ddns-key");
	assert_field(&fields, "ZW_SERIAL=8");
	assert_int_equal(count_fields(&fields, "ZW_ID"), 1);
	assert_int_equal(count_fields(&fields, "ZW_JSON"), 1);
	zw_str_free(&fields.packed);
}

static void test_peer_on_another_host(void **state)
{
	struct fields fields;

	(void)state;
	pack(sample_update(1), &fields);
	assert_clean(&fields);
	assert_field(&fields, "ZW_CHANNEL=update");
	assert_field(&fields, "ZW_SOURCE_IP=198.51.100.9");
	assert_field(&fields, "ZW_TSIG_KEY=ddns-key");
	assert_int_equal(count_fields(&fields, "ZW_PID"), 0);
	assert_int_equal(count_fields(&fields, "OBJECT_PID"), 0);
	assert_int_equal(count_fields(&fields, "ZW_UID"), 0);
	zw_str_free(&fields.packed);
}

static void test_refused_update(void **state)
{
	struct fields fields;

	(void)state;
	pack(sample_refused(1), &fields);
	assert_clean(&fields);
	assert_field(&fields, "ZW_ACTION=update-refused");
	assert_field(&fields, "ZW_ZONE=example.com.");
	assert_field(&fields, "ZW_RCODE=REFUSED");
	assert_field(&fields, "ZW_CHANNEL=update");
	assert_field(&fields, "ZW_ATTRIBUTION=certain");
	assert_field(&fields, "ZW_LOGIN_USER=alice");
	assert_field(&fields, "ZW_SOURCE_IP=198.51.100.7");
	assert_int_equal(count_fields(&fields, "ZW_VERDICT"), 0);
	zw_str_free(&fields.packed);
}

static void test_names_once_each_and_bounded(void **state)
{
	_zw_str_ struct zw_str text = {};
	struct fields fields;

	(void)state;
	for (int i = 0; i < 100; i++)
		zw_str_addf(&text, "n%02d 60 A 192.0.2.1\nn%02d 60 AAAA ::1\n", i, i);
	pack(sample_change(1, sample_diff("", text.buf)), &fields);
	assert_int_equal(count_fields(&fields, "ZW_NAME"), ZW_JOURNAL_NAMES_MAX);
	assert_field(&fields, "ZW_NAME=n63.example.com.");
	zw_str_free(&fields.packed);
	pack(sample_change(1, sample_diff("", "a 60 A 192.0.2.1\na 60 AAAA ::1\n")), &fields);
	assert_int_equal(count_fields(&fields, "ZW_NAME"), 1);
	zw_str_free(&fields.packed);
}

static void test_values_add_no_field_and_no_line(void **state)
{
	struct zw_report *report = sample_change(
		1, sample_diff("",
			   "a\\010ZW_VERDICT=authorized 60 TXT \"\\010ZW_VERDICT=authorized\"\n"));
	struct zw_actor *actor = report->cause[0].actor;
	struct fields fields;

	(void)state;
	free(report->message);
	report->message = sample_text("x\nZW_VERDICT=authorized");
	free(actor->exe);
	actor->exe = sample_text("/x\nZW_VERDICT=authorized\033[0m");
	free(actor->principal.name);
	actor->principal.name = sample_text("a\xff\x7f\n");
	report->cause[0].tsig_key = sample_text("k\r\n\nZW_VERDICT=authorized");
	pack(report, &fields);
	assert_clean(&fields);
	assert_int_equal(count_fields(&fields, "ZW_VERDICT"), 1);
	assert_field(&fields, "ZW_VERDICT=unauthorized");
	assert_field(&fields, "MESSAGE=x\\x0aZW_VERDICT=authorized");
	assert_field(&fields, "ZW_EXE=/x\\x0aZW_VERDICT=authorized\\x1b[0m");
	assert_field(&fields, "ZW_USER=a\\xff\\x7f\\x0a");
	assert_field(&fields, "ZW_NAME=a\\010zw_verdict=authorized.example.com.");
	zw_str_free(&fields.packed);
}

static void test_without_principal_no_person(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	struct fields fields;

	(void)state;
	report->has_principal = false;
	pack(report, &fields);
	assert_int_equal(count_fields(&fields, "ZW_PID"), 0);
	assert_int_equal(count_fields(&fields, "OBJECT_PID"), 0);
	assert_int_equal(count_fields(&fields, "ZW_USER"), 0);
	assert_int_equal(count_fields(&fields, "ZW_VERDICT"), 1);
	zw_str_free(&fields.packed);
}

static void test_priority_follows_severity_and_action(void **state)
{
	static const struct {
		enum zw_action action;
		unsigned int severity;
		const char *field;
	} cases[] = {
		{ZW_ACTION_RECORD_CHANGE, 0, "PRIORITY=5"},
		{ZW_ACTION_RECORD_CHANGE, 40, "PRIORITY=4"},
		{ZW_ACTION_RECORD_CHANGE, 70, "PRIORITY=3"},
		{ZW_ACTION_RECORD_CHANGE, 100, "PRIORITY=2"},
		{ZW_ACTION_AGENT_READY, 0, "PRIORITY=6"},
		{ZW_ACTION_TAMPER, 0, "PRIORITY=2"},
		{ZW_ACTION_ZONE_UNREADABLE, 0, "PRIORITY=4"},
		{ZW_ACTION_EVENTS_LOST, 75, "PRIORITY=3"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_report *report = sample_report(cases[i].action, 1);
		struct fields fields;

		report->severity = cases[i].severity;
		pack(report, &fields);
		assert_field(&fields, cases[i].field);
		zw_str_free(&fields.packed);
	}
}

/* Each rule once, so that a search finds the event, and no technique twice. */
static void test_rules(void **state)
{
	struct fields fields;

	(void)state;
	pack(sample_found(1), &fields);
	assert_field(&fields, "ZW_RULE=redirect-outside");
	assert_field(&fields, "ZW_RULE=rule-of-tomorrow");
	assert_int_equal(count_fields(&fields, "ZW_RULE"), 2);
	assert_field(&fields, "ZW_TECHNIQUE=T1584.002");
	assert_int_equal(count_fields(&fields, "ZW_TECHNIQUE"), 1);
	zw_str_free(&fields.packed);
}

static void test_message_ids_differ(void **state)
{
	char ids[_ZW_ACTION_MAX][sizeof("MESSAGE_ID=") + 32];

	(void)state;
	for (unsigned int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct fields fields;

		pack(sample_report(action, 1), &fields);
		for (int i = 0; i < fields.n; i++)
			if (memcmp(fields.field[i].iov_base, "MESSAGE_ID=", 11) == 0)
				snprintf(ids[action], sizeof(ids[action]), "%.*s",
					(int)fields.field[i].iov_len,
					(const char *)fields.field[i].iov_base);
		assert_int_equal(strlen(ids[action]), 11 + 32);
		assert_int_equal(strspn(ids[action] + 11, "0123456789abcdef"), 32);
		for (unsigned int other = 0; other < action; other++)
			assert_string_not_equal(ids[action], ids[other]);
		zw_str_free(&fields.packed);
	}
}

/* The spool file is not trusted: any cut of a message is either refused or still whole fields. */
static void test_unpack_survives_anything(void **state)
{
	struct iovec field[ZW_JOURNAL_FIELDS_MAX];
	_zw_free_ char *copy = NULL;
	struct fields fields;
	int n;

	(void)state;
	pack(sample_change(1, NULL), &fields);
	for (size_t len = 0; len < fields.packed.len; len++) {
		copy = sample_checked(malloc(len ? len : 1));
		memcpy(copy, fields.packed.buf, len);
		if (zw_journald_unpack(copy, len, field, &n) == 0) {
			const struct iovec *last = &field[n - 1];

			assert_ptr_equal((char *)last->iov_base + last->iov_len, copy + len);
		}
		free(ZW_TAKE(copy));
	}
	assert_int_equal(zw_journald_unpack("\xff\xff\xff\xffZ=1", 7, field, &n), -EBADMSG);
	assert_int_equal(zw_journald_unpack("\0\0\0\0", 4, field, &n), -EBADMSG);
	zw_str_free(&fields.packed);
}

/* Stands for the service manager. */
struct manager {
	char dir[40];
	struct sockaddr_un address;
	int fd;
};

static void manager_start(struct manager *m)
{
	strcpy(m->dir, "/tmp/zw-notify-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	m->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(m->address.sun_path, sizeof(m->address.sun_path), "%s/s", m->dir);
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&m->address, sizeof(m->address)), 0);
	setenv("NOTIFY_SOCKET", m->address.sun_path, 1);
}

static void manager_stop(struct manager *m)
{
	unsetenv("NOTIFY_SOCKET");
	close(m->fd);
	unlink(m->address.sun_path);
	rmdir(m->dir);
}

static void assert_told(struct manager *m, const char *expected)
{
	char text[512] = "";

	assert_true(recv(m->fd, text, sizeof(text) - 1, 0) > 0);
	assert_true(zw_startswith(text, expected));
}

static void test_notifications(void **state)
{
	struct manager m;
	uint64_t ns = 1;

	(void)state;
	assert_int_equal(zw_notify_ready(), 0); /* nobody to tell */
	manager_start(&m);
	assert_int_equal(zw_notify_ready(), 0);
	assert_told(&m, "READY=1");
	assert_int_equal(zw_notify_status("watching 3 zones\nREADY=1"), 0);
	assert_told(&m, "STATUS=watching 3 zones\\x0aREADY=1");
	assert_int_equal(zw_notify_watchdog(), 0);
	assert_told(&m, "WATCHDOG=1");
	assert_int_equal(zw_notify_reloading(), 0);
	assert_told(&m, "RELOADING=1\nMONOTONIC_USEC=");
	assert_int_equal(zw_notify_stopping(), 0);
	assert_told(&m, "STOPPING=1");
	manager_stop(&m);
	assert_int_equal(zw_notify_watchdog_interval(&ns), 0);
	assert_int_equal(ns, 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(zw_notify_watchdog_interval(&ns), 0);
	assert_int_equal(ns, 15000000000);
	unsetenv("WATCHDOG_USEC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields_of_a_change),
		cmocka_unit_test(test_peer_on_another_host),
		cmocka_unit_test(test_refused_update),
		cmocka_unit_test(test_names_once_each_and_bounded),
		cmocka_unit_test(test_values_add_no_field_and_no_line),
		cmocka_unit_test(test_without_principal_no_person),
		cmocka_unit_test(test_priority_follows_severity_and_action),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_message_ids_differ),
		cmocka_unit_test(test_unpack_survives_anything),
		cmocka_unit_test(test_notifications),
	};

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
