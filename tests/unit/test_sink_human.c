/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "report_sample.h"
#include "sink/clean.h"
#include "sink/sink.h"

/* Takes @report over. */
static char *to_human(struct zw_report *report, bool colour)
{
	struct zw_str text = {};

	assert_int_equal(zw_report_to_human(report, colour, &text), 0);
	zw_report_free(report);
	return text.buf;
}

static void test_change(void **state)
{
	_zw_free_ char *text = to_human(sample_change(1, NULL), false);

	(void)state;
	assert_string_equal(text,
		"00:11:22.123  example.com.  serial 7 -> 8  UNAUTHORIZED  certain  ESCALATE\n"
		"  ~ www.example.com.  A  192.0.2.1 -> 203.0.113.9  (ttl 3600 -> 60)\n"
		"  by alice (login, session 7, pts/2 from 198.51.100.7) as root,"
		" with sed -i s/192.0.2.1/203.0.113.9/ db.example.com [pid 812, /usr/bin/sed] in /etc/bind\n"
		"     via bash[800] <- sudo[790] <- sshd[700]\n"
		"     as writer (file), seen: write, rename\n"
		"  why: login user alice is not an admin of example.com.\n");
}

static void test_findings(void **state)
{
	_zw_free_ char *text = to_human(sample_found(1), false);
	struct zw_report *finding = sample_report(ZW_ACTION_FINDING, 1);

	(void)state;
	assert_non_null(strstr(text,
		"  why: login user alice is not an admin of example.com.\n"
		"  finding: redirect-outside (73): www.example.com. leads to 203.0.113.9 [NL, "
		"AS64496 Example\\x0aNetworks]\n"
		"  finding: rule-of-tomorrow (99): \\x1b[2J\n"
		"  finding: redirect-outside (47): again\n"));
	free(text);
	finding->message = sample_text("somebody asks too much");
	finding->escalate = true;
	text = to_human(finding, false);
	assert_string_equal(text, "00:11:22.123  finding  somebody asks too much  ESCALATE\n");
}

static void test_peer(void **state)
{
	struct zw_report *report = sample_update(1);
	_zw_free_ char *text = NULL;

	(void)state;
	report->cause[0].command = sample_text("reload \033[2J");
	text = to_human(report, false);
	assert_string_equal(text,
		"00:11:22.123  example.com.  serial 7 -> 8  UNAUTHORIZED  certain  ESCALATE\n"
		"  ~ www.example.com.  A  192.0.2.1 -> 203.0.113.9  (ttl 3600 -> 60)\n"
		"  by 198.51.100.9#41234\n"
		"     as peer (update), seen: request, content; TSIG key ddns-key; command: reload "
		"\\x1b[2J\n"
		"  why: login user alice is not an admin of example.com.\n");
}

static void test_refused_update(void **state)
{
	struct zw_report *report = sample_refused(1);
	_zw_free_ char *text = NULL;

	(void)state;
	report->message = sample_text("An update was refused");
	text = to_human(report, false);
	assert_string_equal(text,
		"00:11:22.123  update-refused  example.com.  An update was refused\n"
		"  asked: add www.example.com. 300 A 203.0.113.9\n"
		"  asked: 2 more\n"
		"  by alice (login, session 7, pts/2 from 198.51.100.7) as root,"
		" with sed -i s/192.0.2.1/203.0.113.9/ db.example.com"
		" [pid 812, /usr/bin/sed] in /etc/bind\n"
		"     via bash[800] <- sudo[790] <- sshd[700]\n"
		"     as client (update), seen: request; peer 127.0.0.1#41234\n");
}

/* Evidence beside a change of nobody is no suspicion. */
static void test_nobody_with_evidence(void **state)
{
	struct zw_report *report = sample_update(1);
	_zw_free_ char *text = NULL;

	(void)state;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_NONE;
	report->cause[0].evidence = ZW_EVIDENCE_CONNECTION;
	text = to_human(report, false);
	assert_non_null(strstr(text, "\n  seen 198.51.100.9#41234\n     as peer (update), seen: "
				     "connection; TSIG key ddns-key\n  by nobody who was seen\n"));
}

static void test_records(void **state)
{
	_zw_free_ char *text = to_human(
		sample_change(1,
			sample_diff("a 60 A 192.0.2.1\nb 60 TXT \"x\"\nc 60 A 192.0.2.3\n",
				"a 30 A 192.0.2.1\nc 60 A 192.0.2.3\nc 60 A 192.0.2.4\nd 9 AAAA ::1\n")),
		false);

	(void)state;
	assert_non_null(strstr(text, "\n  ~ a.example.com.  A  192.0.2.1  (ttl 60 -> 30)\n"
				     "  - b.example.com.  TXT  \"x\"  (ttl 60)\n"
				     "  ~ c.example.com.  A  192.0.2.3 -> 192.0.2.3, 192.0.2.4\n"
				     "  + d.example.com.  AAAA  ::1  (ttl 9)\n  by alice"));
	/* Said in the first line. */
	assert_null(strstr(text, "SOA"));
}

static void test_serial_alone_is_shown(void **state)
{
	_zw_free_ char *text = to_human(sample_change(1, sample_diff("", "")), false);

	(void)state;
	assert_non_null(strstr(text, "\n  ~ example.com.  SOA  serial 7 -> 8\n"));
}

static unsigned int lines_with(const char *text, const char *part)
{
	unsigned int n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_at_most_20_records(void **state)
{
	_zw_free_ char *text = NULL;
	_zw_str_ struct zw_str zone = {};

	(void)state;
	for (int i = 0; i < 25; i++)
		zw_str_addf(&zone, "n%02d 60 A 192.0.2.1\n", i);
	text = to_human(sample_change(1, sample_diff("", zone.buf)), false);
	assert_int_equal(lines_with(text, "\n  + n"), 20);
	assert_non_null(strstr(text, "\n  and 5 more\n"));
}

static void test_long_data_is_cut(void **state)
{
	_zw_free_ char *text = NULL;
	_zw_str_ struct zw_str zone = {};

	(void)state;
	for (int i = 0; i < 12; i++)
		zw_str_addf(&zone, "n 60 TXT \"%02d%0240d\"\n", i, 0);
	text = to_human(sample_change(1, sample_diff("", zone.buf)), false);
	assert_int_equal(lines_with(text, "0..."), 8);
	assert_non_null(strstr(text, " and 4 more  (ttl 60)\n"));
}

static void test_colours_only_when_asked(void **state)
{
	_zw_free_ char *plain = to_human(sample_change(1, NULL), false);
	_zw_free_ char *coloured = to_human(sample_change(1, NULL), true);

	(void)state;
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[1;31mUNAUTHORIZED\033[0m"));
	assert_non_null(strstr(coloured, "\033[33m~\033[0m"));
}

static void test_nobody_seen(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	_zw_free_ char *text = NULL;

	(void)state;
	zw_actor_unref(report->cause[0].actor);
	report->causes = 0;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_NONE;
	report->verdict = ZW_VERDICT_UNATTRIBUTED;
	text = to_human(report, false);
	assert_non_null(strstr(text, "  UNATTRIBUTED  none"));
	assert_non_null(strstr(text,
		"\n  by nobody who was seen\n"
		"  the file /etc/bind/db.example.com belongs to uid 0, gid 0, mode 0644, 321 bytes,"
		" modified 2026-11-22T00:11:22.123456789Z,"));
}

static void test_several_who_may_have(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	_zw_free_ char *text = NULL;

	(void)state;
	report->has_principal = false;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	sample_cause(report, ZW_ROLE_RENAMER, ZW_EVIDENCE_RENAME, sample_actor());
	text = to_human(report, false);
	assert_int_equal(lines_with(text, "\n  perhaps alice "), 2);
	assert_null(strstr(text, "\n  by "));
}

static void test_kernel_thread_names_no_person(void **state)
{
	struct zw_report *report = sample_change(1, NULL);
	_zw_free_ char *text = NULL;

	(void)state;
	report->cause[0].actor->kthread = true;
	text = to_human(report, false);
	assert_non_null(strstr(text,
		"  by kernel thread sed [pid 812], on behalf of a process that is not known\n"));
	assert_null(strstr(text, "alice ("));
}

/* Nothing from outside may move the cursor, begin a line of its own, or reorder what is read. */
static void test_hostile_text(void **state)
{
	static const char *const argv[] = {"x\n  by root", "\033[2J\xff", "it's", NULL};
	struct zw_report *report =
		sample_change(1, sample_diff("", "a\\010b\\027 60 TXT \"\\027[31m\\010\"\n"));
	struct zw_actor *actor = report->cause[0].actor;
	_zw_free_ char *text = NULL;

	(void)state;
	zw_argv_free(actor->argv);
	sample_argv(argv, &actor->argv, &actor->argc);
	free(actor->cwd);
	actor->cwd = sample_text("/tmp/\xe2\x80\xae\r");
	free(report->view);
	report->view = sample_text("v\n\n");
	text = to_human(report, true);
	for (const char *p = text; *p; p++) {
		if (*p == '\033')
			assert_int_equal(p[1], '['); /* only colours, which end in m */
		else if (*p != '\n')
			assert_in_range((unsigned char)*p, 0x20, 0x7e);
		if (*p == '\033')
			assert_int_equal(p[2 + strspn(p + 2, "0123456789;")], 'm');
	}
	/* header, record, by, via, as, why */
	assert_int_equal(lines_with(text, "\n"), 6);
	assert_non_null(strstr(text, "with 'x\\x0a  by root' \\x1b[2J\\xff 'it'\\''s' [pid"));
	assert_non_null(strstr(text, "a\\010b\\027.example.com."));
}

static void test_other_actions(void **state)
{
	(void)state;
	for (unsigned int action = 0; action < _ZW_ACTION_MAX; action++) {
		struct zw_report *report = sample_report(action, 1);
		_zw_free_ char *text = NULL;

		if (action == ZW_ACTION_RECORD_CHANGE) {
			zw_report_free(report);
			continue;
		}
		report->zone = sample_text("example.com.");
		report->message = sample_text("a sentence");
		report->error = sample_text("no SOA");
		report->error_file = sample_text("/z");
		report->error_line = 12;
		report->counts = 1;
		report->count[0].name = "zones";
		report->count[0].value = 3;
		text = to_human(report, false);
		assert_true(zw_startswith(text, "00:11:22.123  "));
		assert_non_null(strstr(text, zw_action_to_string(action)));
		assert_non_null(strstr(
			text, "  example.com.  a sentence\n  error in /z line 12: no SOA\n"));
	}
}

/* The message has the counts; without one they are told by themselves. */
static void test_counts_without_message(void **state)
{
	struct zw_report *report = sample_report(ZW_ACTION_AGENT_STOPPED, 1);
	_zw_free_ char *text = NULL;

	(void)state;
	report->counts = 2;
	report->count[0] = (struct zw_report_count){"changes", 3};
	report->count[1] = (struct zw_report_count){"events", 4};
	text = to_human(report, false);
	assert_string_equal(text, "00:11:22.123  agent-stopped\n  changes 3, events 4\n");
}

static void test_clean_cuts_between_characters(void **state)
{
	_zw_str_ struct zw_str out = {};

	(void)state;
	zw_clean_add_cut(&out, "aaa\xc3\xa9", 5);
	assert_string_equal(out.buf, "aaa\xc3\xa9");
	zw_str_free(&out);
	zw_clean_add_cut(&out, "aaa\xc3\xa9z", 4);
	assert_string_equal(out.buf, "aaa...");
	zw_str_free(&out);
	zw_clean_add(&out, "DOM\\user");
	assert_string_equal(out.buf, "DOM\\user");
	zw_str_free(&out);
	zw_clean_add(&out, "DOM\\user\n");
	assert_string_equal(out.buf, "DOM\\\\user\\x0a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_refused_update),
		cmocka_unit_test(test_nobody_with_evidence),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_serial_alone_is_shown),
		cmocka_unit_test(test_at_most_20_records),
		cmocka_unit_test(test_long_data_is_cut),
		cmocka_unit_test(test_colours_only_when_asked),
		cmocka_unit_test(test_nobody_seen),
		cmocka_unit_test(test_several_who_may_have),
		cmocka_unit_test(test_kernel_thread_names_no_person),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_other_actions),
		cmocka_unit_test(test_counts_without_message),
		cmocka_unit_test(test_clean_cuts_between_characters),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
