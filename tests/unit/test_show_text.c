/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The causes of an event as a tree, and an event whole, as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/chain_text.h"
#include "cli/show_text.h"
#include "report_sample.h"
#include "sink/sink.h"

static const struct zw_history_cmd cmd = {.utc = true, .when = ZW_COLOUR_NEVER};

static void assert_chain(const struct zw_report *report, const char *expected)
{
	_zw_str_ struct zw_str text = {};

	zw_chain_text(&text, &cmd, report);
	assert_false(text.failed);
	assert_string_equal(text.buf, expected);
}

#define LOGIN                                                                    \
	"  198.51.100.7 port 50122\n"                                            \
	"  `- login alice (uid 1000), session 7, pts/2\n"                        \
	"     `- sshd  [pid 700, /usr/sbin/sshd]  uid 1000 as uid 0\n"           \
	"        `- sudo  [pid 790, /usr/bin/sudo]  uid 1000 as uid 0  (sudo)\n" \
	"           `- bash  [pid 800, /usr/bin/bash]  uid 0\n"
#define SED                                                                                        \
	"              `- sed -i s/192.0.2.1/203.0.113.9/ db.example.com  [pid 812, /usr/bin/sed]" \
	"  as root in /etc/bind, started 2026-11-22 00:11:21.123 UTC\n"
#define SED_NOTES                                                       \
	"                    principal, writer (file): write, rename\n" \
	"                    first 2026-11-22 00:11:22.123 UTC\n"       \
	"                    last  2026-11-22 00:11:22.123 UTC\n"

static void test_login(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);

	(void)state;
	assert_chain(report, LOGIN SED SED_NOTES);
}

/* What two causes have in common is there once. */
static void test_two_causes(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	struct zw_actor *other = sample_actor();

	(void)state;
	other->tgid = other->tid = 900;
	free(other->cwd);
	other->cwd = NULL;
	other->start_real_ns = 0;
	sample_cause(report, ZW_ROLE_RELOADER, ZW_EVIDENCE_REQUEST, other);
	report->cause[1].first_ns = report->cause[1].last_ns = 0;
	report->cause[1].command = sample_text("reload \033[2J");
	assert_chain(report, LOGIN SED SED_NOTES
		"              `- sed -i s/192.0.2.1/203.0.113.9/ db.example.com"
		"  [pid 900, /usr/bin/sed]  as root\n"
		"                    also reloader (file): request\n"
		"                    command: reload \\x1b[2J\n");
}

static void test_remote(void **state)
{
	_zw_report_free_ struct zw_report *report = sample_update(1);

	(void)state;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	report->cause[0].last_ns = report->cause[0].first_ns;
	assert_chain(report, "  198.51.100.9 port 41234\n"
			     "     perhaps peer (update): request, content\n"
			     "     first 2026-11-22 00:11:22.123 UTC\n"
			     "     TSIG key ddns-key\n");
}

static void test_whole(void **state)
{
	static const struct zw_sink_host host = {.hostname = "ns1"};
	struct zw_reader_ack ack = {SAMPLE_TIME_NS, "bob", "CHG-1", "planned\033[A"};
	_zw_report_free_ struct zw_report *report = sample_change(1, NULL);
	_zw_str_ struct zw_str text = {}, json = {}, shown = {}, expected = {};
	struct zw_show show = {
		.cmd = &cmd,
		.zone.server = "bind:/etc/named.conf",
		.event = {.seq = 1, .zone_id = 1, .report = report, .ack = &ack, .acks = 1},
	};

	(void)state;
	zw_show_text(&text, &show);
	zw_str_addf(&expected,
		"record-change %s\n"
		"time        2026-11-22 00:11:22.123 UTC\n"
		"zone        example.com.  of bind:/etc/named.conf [pid 411]\n"
		"serial      7 -> 8\n"
		"what        %s\n"
		"verdict     UNAUTHORIZED, severity 73, ESCALATE\n"
		"because     login user alice is not an admin of example.com.\n"
		"confirmed   bob, 2026-11-22 00:11:22.123 UTC, ticket CHG-1: planned\\x1b[A\n"
		"\nrecords\n"
		"-www.example.com.\t3600\tIN\tA\t192.0.2.1\n"
		"+www.example.com.\t60\tIN\tA\t203.0.113.9\n"
		"\ncauses      attribution certain, channel file\n" LOGIN SED SED_NOTES
		"\nfile        /etc/bind/db.example.com\n"
		"            uid 0, gid 0, mode 0644, 321 bytes, inode 4711\n"
		"            modified 2026-11-22 00:11:22.123 UTC\n"
		"            changed  2026-11-22 00:11:22.123 UTC\n",
		report->id, report->message);
	assert_string_equal(text.buf, expected.buf);

	/* As it was delivered, and one member more. */
	assert_int_equal(zw_report_to_json(report, &host, &json), 0);
	show.event.json = json.buf;
	show.event.json_len = json.len - 1;
	zw_show_json(&shown, &show);
	assert_false(shown.failed);
	assert_memory_equal(shown.buf, json.buf, json.len - 2);
	assert_non_null(
		strstr(shown.buf, "},\"history\":{\"server\":\"bind:/etc/named.conf\","
				  "\"acknowledgements\":[{\"time\":\"2026-11-22T00:11:22."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_two_causes),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
