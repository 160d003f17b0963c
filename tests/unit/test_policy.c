/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts about changes of files. */
#include "unit/policy_fixture.h"

#include <time.h>

#define HOUR (3600 * ZW_NSEC_PER_SEC)

static void test_no_admins(void **state)
{
	struct fixture f = begin(NULL, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
	judge(&f, UNJUDGED);
	REASONS(&f, "no admins are configured to judge it by");
	end(&f);
}

static void test_nobody_seen(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_NONE), g = begin(NULL, ZW_ATTRIBUTION_NONE);

	(void)state;
	judge(&f, UNATTRIBUTED);
	REASONS(&f, "no process was seen to make this change");
	judge(&g, UNATTRIBUTED);
	end(&f);
	end(&g);
}

static void test_admin(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
	judge(&f, AUTHORIZED);
	REASONS(&f, "login user alice is an admin of example.com. (line 2)");
	end(&f);
}

static void test_stranger(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "mallory", 1001, "/usr/bin/vim");
	judge(&f, UNAUTHORIZED);
	REASONS(&f, "login user mallory is not an admin of example.com.");
	end(&f);
}

/* alice became root with sudo; root itself is no admin. */
static void test_login_user_counts(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN),
		       g = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);
	struct zw_actor *root;

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
	assert_int_equal(f.report->cause[0].actor->effective.uid, 0);
	judge(&f, AUTHORIZED);
	root = add_cause(&g, ZW_ROLE_WRITER, 9, "root", 0, "/usr/bin/vim");
	root->login.uid = ZW_ID_UNSET;
	judge(&g, UNAUTHORIZED);
	REASONS(&g, "user root is not an admin of example.com.");
	end(&f);
	end(&g);
}

static void test_user_by_number(void **state)
{
	struct fixture f = begin("- {user: 1000}\n", ZW_ATTRIBUTION_CERTAIN);
	struct fixture g = begin("- {user: 1000}\n", ZW_ATTRIBUTION_CERTAIN);
	struct fixture h = begin("- {user: 1000}\n", ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, NULL, 1000, "/usr/bin/vim");
	judge(&f, AUTHORIZED);
	REASONS(&f, "login user 1000 is an admin of example.com. (line 2)");
	/* An account that is called "1000" has another uid. */
	add_cause(&g, ZW_ROLE_WRITER, 9, "1000", 1001, "/usr/bin/vim");
	judge(&g, UNAUTHORIZED);
	add_cause(&h, ZW_ROLE_WRITER, 9, NULL, ZW_ID_UNSET, "/usr/bin/vim");
	judge(&h, UNAUTHORIZED);
	REASONS(&h, "a user who is not known is not an admin of example.com.");
	end(&f);
	end(&g);
	end(&h);
}

static void test_zones(void **state)
{
	static const struct {
		const char *patterns, *zone;
		bool admin;
	} cases[] = {
		{"[example.com]", "example.com.", true},
		{"[EXAMPLE.com.]", "example.COM.", true},
		{"[example.com]", "sub.example.com.", false},
		{"['*.example.com']", "sub.example.com.", true},
		{"['*.example.com']", "a.b.example.com.", true},
		{"['*.example.com']", "example.com.", false},
		{"['*.example.com']", "badexample.com.", false},
		{"[a.example, example.com]", "example.com.", true},
		{"['.']", ".", true},
		{"['.']", "com.", false},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_free_ char *admins =
			zw_asprintf("- {user: alice, zones: %s}\n", cases[i].patterns);
		struct fixture f = begin(admins, ZW_ATTRIBUTION_CERTAIN);

		free(f.report->zone);
		f.report->zone = strdup(cases[i].zone);
		add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
		assert_int_equal(zw_policy_judge(&f.conf->policy, f.report), 0);
		if ((f.report->verdict == ZW_VERDICT_AUTHORIZED) != cases[i].admin)
			fail_msg("%s for %s", cases[i].patterns, cases[i].zone);
		end(&f);
	}
}

static void test_every_member_must_match(void **state)
{
	struct fixture f = begin("- {user: bob}\n- user: alice\n  from: [10.0.0.0/8, '::1']\n"
				 "  with: [/nonexistent/vim]\n  hours: Mon-Fri 11:00-18:00\n",
		ZW_ATTRIBUTION_CERTAIN);
	struct zw_actor *alice =
		add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/python3.11");

	(void)state;
	alice->origin_ip = strdup("198.51.100.7");
	judge(&f, UNAUTHORIZED);
	REASONS(&f, "session origin 198.51.100.7 is not within 10.0.0.0/8 or ::1 (line 3)",
		"executable /usr/bin/python3.11 is not one that admin alice may use (line 3)",
		"outside the hours Mon-Fri 11:00-18:00 of admin alice (line 3)");
	end(&f);
}

static void test_unknown_origin_and_executable(void **state)
{
	struct fixture f = begin("- {user: alice, from: [10.0.0.0/8], with: [/nonexistent/vim]}\n",
		ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, NULL);
	judge(&f, UNAUTHORIZED);
	REASONS(&f,
		"the session is local or its origin is not known, so not within 10.0.0.0/8 (line 2)",
		"the executable is not known, and admin alice may use only some (line 2)");
	end(&f);
}

/* One entry has to match whole: the hours of one do not lend themselves to the executables of another. */
static void test_entries_do_not_add_up(void **state)
{
	struct fixture f =
		begin("- {user: alice, with: [/nonexistent/vim], hours: Mon-Fri 20:00-21:00}\n"
		      "- {user: alice, with: [/nonexistent/ed], hours: Mon-Fri 08:00-18:00}\n",
			ZW_ATTRIBUTION_CERTAIN);
	struct fixture g =
		begin("- {user: alice, with: [/nonexistent/vim], hours: Mon-Fri 20:00-21:00}\n"
		      "- {user: alice, with: [/nonexistent/ed], hours: Mon-Fri 08:00-18:00}\n",
			ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/nonexistent/vim");
	judge(&f, UNAUTHORIZED);
	REASONS(&f, "outside the hours Mon-Fri 20:00-21:00 of admin alice (line 2)",
		"executable /nonexistent/vim is not one that admin alice may use (line 3)");
	add_cause(&g, ZW_ROLE_WRITER, 9, "alice", 1000, "/nonexistent/ed");
	judge(&g, AUTHORIZED);
	REASONS(&g, "login user alice is an admin of example.com. (line 3)");
	end(&f);
	end(&g);
}

/* The time of the write counts, not that of its discovery. */
static void test_hours_of_the_cause(void **state)
{
	struct fixture f =
		begin("- {user: alice, hours: Wed 10:00-11:00}\n", ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
	f.report->time_ns = WEDNESDAY_1030 + HOUR;
	judge(&f, AUTHORIZED);
	end(&f);
}

/* Whoever put the file in place is judged; whose content it was is said. */
static void test_prepared_file(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN),
		       g = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_RENAMER, 9, "alice", 1000, "/usr/bin/mv");
	add_cause(&f, ZW_ROLE_WRITER, 8, "mallory", 1001, "/usr/bin/python3.11");
	judge(&f, AUTHORIZED);
	REASONS(&f, "login user alice is an admin of example.com. (line 2)",
		"the content was written by python3.11 (pid 8): login user mallory is not an admin of "
		"example.com.");
	add_cause(&g, ZW_ROLE_RENAMER, 9, "mallory", 1001, "/usr/bin/mv");
	add_cause(&g, ZW_ROLE_WRITER, 8, "alice", 1000, "/usr/bin/vim");
	judge(&g, UNAUTHORIZED);
	REASONS(&g, "login user mallory is not an admin of example.com.");
	end(&f);
	end(&g);
}

static void test_server_wrote_it(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	judge(&f, UNJUDGED);
	REASONS(&f,
		"the server named (pid 411) wrote its own zone file; who asked it to is not known");
	end(&f);
}

static void test_ambiguous_all_admins(void **state)
{
	struct fixture f = begin(ALICE "- {user: bob}\n", ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 8, "alice", 1000, "/usr/bin/vim");
	add_cause(&f, ZW_ROLE_WRITER, 9, "bob", 1001, "/usr/bin/sed");
	judge(&f, AUTHORIZED);
	REASONS(&f, "if vim (pid 8) made it: login user alice is an admin of example.com. (line 2)",
		"if sed (pid 9) made it: login user bob is an admin of example.com. (line 3)");
	end(&f);
}

static void test_ambiguous_all_strangers(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 8, "mallory", 1001, "/usr/bin/vim");
	add_cause(&f, ZW_ROLE_WRITER, 9, "eve", 1002, NULL);
	judge(&f, UNAUTHORIZED);
	REASONS(&f, "if vim (pid 8) made it: login user mallory is not an admin of example.com.",
		"if comm (pid 9) made it: login user eve is not an admin of example.com.");
	end(&f);
}

/* Calling this unauthorized could accuse alice, calling it authorized would hide mallory. */
static void test_ambiguous_mixed(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 8, "alice", 1000, "/usr/bin/vim");
	add_cause(&f, ZW_ROLE_WRITER, 9, "mallory", 1001, "/usr/bin/sed");
	judge(&f, UNATTRIBUTED);
	REASONS(&f, "if vim (pid 8) made it: login user alice is an admin of example.com. (line 2)",
		"if sed (pid 9) made it: login user mallory is not an admin of example.com.",
		"which of them made the change cannot be told, and not all of them were entitled to");
	end(&f);
}

static void test_ambiguous_with_the_server(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_AMBIGUOUS);
	struct fixture g = begin(ALICE, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 8, "alice", 1000, "/usr/bin/vim");
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	judge(&f, UNJUDGED);
	assert_int_equal(f.report->reasons, 2);
	add_cause(&g, ZW_ROLE_WRITER, 8, "mallory", 1001, "/usr/bin/vim");
	add_cause(&g, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	judge(&g, UNATTRIBUTED);
	end(&f);
	end(&g);
}

/* A reload shows a change, it does not make one. */
static void test_reloader_is_no_candidate(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_cause(&f, ZW_ROLE_WRITER, 8, "alice", 1000, "/usr/bin/vim");
	add_cause(&f, ZW_ROLE_RELOADER, 9, "mallory", 1001, "/usr/sbin/rndc");
	judge(&f, AUTHORIZED);
	assert_int_equal(f.report->reasons, 1);
	end(&f);
}

/* Reasons that the engine gave before stay. */
static void test_reasons_are_added(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_PROBABLE);

	(void)state;
	assert_int_equal(zw_report_add_reason(f.report, "pid %d had it open", 9), 0);
	add_cause(&f, ZW_ROLE_WRITER, 9, "alice", 1000, "/usr/bin/vim");
	judge(&f, AUTHORIZED);
	REASONS(&f, "pid 9 had it open", "login user alice is an admin of example.com. (line 2)");
	end(&f);
}

static int use_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_admins),
		cmocka_unit_test(test_nobody_seen),
		cmocka_unit_test(test_admin),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_login_user_counts),
		cmocka_unit_test(test_user_by_number),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_every_member_must_match),
		cmocka_unit_test(test_unknown_origin_and_executable),
		cmocka_unit_test(test_entries_do_not_add_up),
		cmocka_unit_test(test_hours_of_the_cause),
		cmocka_unit_test(test_prepared_file),
		cmocka_unit_test(test_server_wrote_it),
		cmocka_unit_test(test_ambiguous_all_admins),
		cmocka_unit_test(test_ambiguous_all_strangers),
		cmocka_unit_test(test_ambiguous_mixed),
		cmocka_unit_test(test_ambiguous_with_the_server),
		cmocka_unit_test(test_reloader_is_no_candidate),
		cmocka_unit_test(test_reasons_are_added),
	};

	return cmocka_run_group_tests(tests, use_utc, NULL);
}
