/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/message.h"
#include "report_sample.h"

/* Frees @report. */
static void assert_message(struct zw_report *report, const char *want)
{
	free(report->message);
	report->message = NULL;
	assert_int_equal(zw_report_set_message(report), 0);
	assert_string_equal(report->message, want);
	zw_report_free(report);
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = sample_text(with);
}

static struct zw_report *change(const char *before, const char *after)
{
	return sample_change(1, sample_diff(before, after));
}

static void test_change_of_one_set(void **state)
{
	(void)state;
	assert_message(change("www 60 A 192.0.2.1\n", "www 60 A 203.0.113.9\n"),
		"alice changed www.example.com. A 192.0.2.1 -> 203.0.113.9 in example.com. with sed (file)");
	assert_message(change("", "www A 192.0.2.1\n"),
		"alice added www.example.com. A 192.0.2.1 in example.com. with sed (file)");
	assert_message(change("www A 192.0.2.1\n", ""),
		"alice deleted www.example.com. A 192.0.2.1 in example.com. with sed (file)");
}

static void test_times_to_live(void **state)
{
	(void)state;
	assert_message(change("www 3600 A 192.0.2.1\n", "www 60 A 192.0.2.1\n"),
		"alice changed www.example.com. A 192.0.2.1 -> 192.0.2.1 (TTL 3600 -> 60) in example.com. "
		"with sed (file)");
}

/* Every edit moves the serial; that is no change of its own, unless it is all there is. */
static void test_serial(void **state)
{
	_zw_snapshot_ struct zw_snapshot *old = sample_snapshot(7, ""),
					 *new = sample_snapshot(8, "");
	struct zw_diff *diff = NULL;

	(void)state;
	assert_int_equal(zw_diff_new(old, new, &diff), 0);
	assert_message(sample_change(1, diff),
		"alice changed example.com. SOA ns1.example.com. admin.example.com. 7 7200 3600 1209600 300 -> "
		"ns1.example.com. admin.example.com. 8 7200 3600 1209600 300 in example.com. with sed (file)");
}

static void test_several_sets(void **state)
{
	(void)state;
	assert_message(change("", "a A 192.0.2.1\nb A 192.0.2.2\n"),
		"alice added a.example.com. A 192.0.2.1 and 1 more RRset in example.com. with sed (file)");
	assert_message(change("", "a A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n"),
		"alice added a.example.com. A 192.0.2.1 and 2 more RRsets in example.com. with sed (file)");
}

static void test_large_set_is_cut(void **state)
{
	(void)state;
	assert_message(
		change("",
			"a A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.3\na A 192.0.2.4\na A 192.0.2.5\n"),
		"alice added a.example.com. A 192.0.2.1, 192.0.2.2, 192.0.2.3, 2 more in example.com. "
		"with sed (file)");
}

static void test_user_without_a_name(void **state)
{
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	free(report->cause[0].actor->principal.name);
	report->cause[0].actor->principal.name = NULL;
	report->cause[0].actor->principal.uid = 31001;
	assert_message(report, "uid 31001 changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
			       "(TTL 3600 -> 60) in example.com. with sed (file)");
}

static void test_kernel_thread(void **state)
{
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	report->cause[0].actor->kthread = true;
	replace(&report->cause[0].actor->name, "kworker/0:1");
	assert_message(report, "the kernel changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
			       "(TTL 3600 -> 60) in example.com. with kworker/0:1 (file)");
}

static void test_peer(void **state)
{
	struct zw_report *report = sample_update(1);

	(void)state;
	assert_message(report, "198.51.100.9 changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
			       "(TTL 3600 -> 60) in example.com. with key ddns-key (update)");
	report = sample_update(1);
	replace(&report->cause[0].tsig_key, NULL);
	assert_message(report, "198.51.100.9 changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
			       "(TTL 3600 -> 60) in example.com. (update)");
}

static void test_one_of_several_peers(void **state)
{
	struct zw_report *report = sample_update(1);

	(void)state;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	sample_cause(report, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, sample_actor());
	assert_message(report, "One of 198.51.100.9 with key ddns-key, alice with sed changed "
			       "www.example.com. A 192.0.2.1 -> 203.0.113.9 (TTL 3600 -> 60) in "
			       "example.com. (update)");
}

/* Who is listed beside a change of nobody is evidence, not a suspect. */
static void test_nobody_but_a_server(void **state)
{
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_NONE;
	report->cause[0].role = ZW_ROLE_SERVER;
	report->channel = ZW_CHANNEL_UNKNOWN;
	assert_message(report,
		"Somebody unseen changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
		"(TTL 3600 -> 60) in example.com. (unknown)");
}

static void test_server_by_itself(void **state)
{
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	report->cause[0].role = ZW_ROLE_SERVER;
	zw_actor_unref(ZW_TAKE(report->cause[0].actor));
	report->channel = ZW_CHANNEL_SIGNING;
	assert_message(report, "the server changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
			       "(TTL 3600 -> 60) in example.com. (signing)");
}

static void test_refused_update(void **state)
{
	struct zw_report *report = sample_refused(1);

	(void)state;
	assert_message(report, "An update of example.com. by alice with sed was refused (REFUSED): "
			       "add www.example.com. 300 A 203.0.113.9 and 2 more");
	report = sample_refused(1);
	report->request.rcode[0] = '\0';
	report->request.asked_total = 1;
	zw_actor_unref(ZW_TAKE(report->cause[0].actor));
	assert_message(report, "An update of example.com. by 127.0.0.1 was not answered: "
			       "add www.example.com. 300 A 203.0.113.9");
}

static void test_zone_with_who_added_it(void **state)
{
	struct zw_report *report = sample_refused(1);

	(void)state;
	report->action = ZW_ACTION_ZONE_ADDED;
	assert_message(report, "Zone example.com. is watched from now on, by alice with sed");
}

static void test_nobody_was_seen(void **state)
{
	struct zw_report *report = sample_change(1, NULL);

	(void)state;
	zw_actor_unref(report->cause[0].actor);
	report->causes = 0;
	report->has_principal = false;
	report->channel = ZW_CHANNEL_UNKNOWN;
	assert_message(report,
		"Somebody unseen changed www.example.com. A 192.0.2.1 -> 203.0.113.9 "
		"(TTL 3600 -> 60) in example.com. (unknown)");
}

static struct zw_report *ambiguous(size_t causes)
{
	struct zw_report *report = sample_change(1, NULL);

	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	report->has_principal = false;
	while (report->causes < causes)
		sample_cause(report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE, sample_actor());
	return report;
}

static void test_several_suspects(void **state)
{
	(void)state;
	assert_message(ambiguous(2),
		"One of alice with sed, alice with sed changed www.example.com. A "
		"192.0.2.1 -> 203.0.113.9 (TTL 3600 -> 60) in example.com. (file)");
	assert_message(ambiguous(5),
		"One of alice with sed, alice with sed, alice with sed and 2 more changed www.example.com. A "
		"192.0.2.1 -> 203.0.113.9 (TTL 3600 -> 60) in example.com. (file)");
}

/* Names and data come from attackers: no line of a log may begin with what they chose. */
static void test_control_characters_are_escaped(void **state)
{
	struct zw_report *report = change("", "t TXT \"a\\010b\\027c\"\n");
	_zw_free_ char *message = NULL;

	(void)state;
	replace(&report->cause[0].actor->name, "sed\n\033[2J");
	replace(&report->cause[0].actor->principal.name, "al\rice");
	replace(&report->zone, "exam\nple.");
	replace(&report->message, NULL);
	assert_int_equal(zw_report_set_message(report), 0);
	for (const char *p = report->message; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	assert_non_null(strstr(report->message, "al\\x0dice added t.example.com. TXT "));
	assert_non_null(strstr(report->message, "with sed\\x0a\\x1b[2J (file)"));
	assert_non_null(strstr(report->message, "in exam\\x0aple."));
	zw_report_free(report);
}

static struct zw_report *unreadable(bool principal)
{
	struct zw_report *report = sample_report(ZW_ACTION_ZONE_UNREADABLE, 1);

	report->zone = sample_text("example.com.");
	report->error = sample_text("no SOA record");
	report->error_file = sample_text("/etc/bind/db.example.com");
	report->error_line = 12;
	if (principal)
		sample_cause(report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE, sample_actor());
	report->has_principal = principal;
	return report;
}

static void test_unreadable_zone(void **state)
{
	struct zw_report *report = unreadable(false);

	(void)state;
	assert_message(unreadable(true),
		"Zone example.com. cannot be read: /etc/bind/db.example.com line 12: "
		"no SOA record; last written by alice with sed");
	report->error_line = 0;
	assert_message(report,
		"Zone example.com. cannot be read: /etc/bind/db.example.com: no SOA record");
}

static void test_zone_comes_and_goes(void **state)
{
	struct zw_report *report = sample_report(ZW_ACTION_ZONE_ADDED, 1);

	(void)state;
	report->zone = sample_text("example.com.");
	report->file.path = sample_text("/etc/bind/db");
	assert_message(report, "Zone example.com. is watched from now on (/etc/bind/db)");
	report = sample_report(ZW_ACTION_ZONE_REMOVED, 1);
	report->zone = sample_text("example.com.");
	assert_message(report, "Zone example.com. is no longer served and not watched any more");
}

static void test_counts_are_told(void **state)
{
	struct zw_report *report = sample_report(ZW_ACTION_AGENT_READY, 1);

	(void)state;
	report->count[report->counts++] = (struct zw_report_count){"servers", 1};
	report->count[report->counts++] = (struct zw_report_count){"zones", 20};
	assert_message(report, "The agent watches: servers 1, zones 20");
	report = sample_report(ZW_ACTION_EVENTS_LOST, 1);
	report->count[report->counts++] = (struct zw_report_count){"file_ring_full", 7};
	report->count[report->counts++] = (struct zw_report_count){"streams_lost", 0};
	assert_message(report, "Events were lost: file_ring_full 7");
}

static void test_notes(void **state)
{
	struct zw_report *report = sample_acknowledged(1);

	(void)state;
	assert_message(report,
		"alice acknowledged event 01JD0000000000000000000000 of example.com. in "
		"the name of carol (ticket INC-7): planned move");
	report = sample_expected(1);
	assert_message(report,
		"alice expects changes of example.com. by user bob from "
		"2026-11-22T00:11:22.123456789Z until 2026-11-22T01:11:22.123456789Z "
		"(ticket CHG-8)");
	report = sample_expected(1);
	report->note.withdrawn = true;
	free(report->note.user);
	report->note.user = NULL;
	report->note.tsig_key = sample_text("k\033");
	assert_message(report, "alice no longer expects changes of example.com. with key "
			       "k\\x1b (ticket CHG-8)");
}

static void test_every_action_has_a_sentence(void **state)
{
	(void)state;
	for (int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct zw_report *report = sample_report(action, 1);

		report->zone = sample_text("example.com.");
		report->error = sample_text("bad");
		assert_int_equal(zw_report_set_message(report), 0);
		assert_non_null(report->message);
		/* A sentence, not the bare name of the action. */
		assert_non_null(strchr(report->message, ' '));
		assert_string_not_equal(report->message, zw_action_to_string(action));
		zw_report_free(report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change_of_one_set),
		cmocka_unit_test(test_times_to_live),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_several_sets),
		cmocka_unit_test(test_large_set_is_cut),
		cmocka_unit_test(test_user_without_a_name),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_one_of_several_peers),
		cmocka_unit_test(test_nobody_but_a_server),
		cmocka_unit_test(test_server_by_itself),
		cmocka_unit_test(test_refused_update),
		cmocka_unit_test(test_zone_with_who_added_it),
		cmocka_unit_test(test_nobody_was_seen),
		cmocka_unit_test(test_several_suspects),
		cmocka_unit_test(test_control_characters_are_escaped),
		cmocka_unit_test(test_unreadable_zone),
		cmocka_unit_test(test_zone_comes_and_goes),
		cmocka_unit_test(test_counts_are_told),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_every_action_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
