/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "engine/policy.h"
#include "report_sample.h"

/* Wednesday, 2026-11-25 10:30:00 UTC */
#define WEDNESDAY_1030 (1795602600ULL * ZW_NSEC_PER_SEC)
#define HOUR (3600 * ZW_NSEC_PER_SEC)

/* --- address blocks --- */

static void test_net_parse(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:DB8::1", "2001:db8::1"},
		{"::/0", "::/0"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{"192.0.2.1/24", NULL},
		{"192.0.2.0/33", NULL},
		{"2001:db8::/129", NULL},
		{"2001:db8::1/127", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2.0/-1", NULL},
		{"192.0.2.0/0x8", NULL},
		{"192.0.2.0/24/24", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{" 192.0.2.1", NULL},
		{"", NULL},
		{"/8", NULL},
		{"fe80::1%lo", NULL},
		{"ns1.example.com", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_NET_TEXT_MAX];
		struct zw_net net;
		int r = zw_net_parse(cases[i].text, &net);

		if ((r == 0) != (cases[i].canonical != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		zw_net_to_text(&net, text);
		assert_string_equal(text, cases[i].canonical);
	}
}

static void test_net_contains(void **state)
{
	static const struct {
		const char *net, *address;
		bool within;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/23", "192.0.3.255", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"::ffff:192.0.2.0/120", "192.0.2.7", true},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "203.0.113.9", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"0.0.0.0/0", "", false},
		{"0.0.0.0/0", "alice", false},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_net net;

		assert_int_equal(zw_net_parse(cases[i].net, &net), 0);
		if (zw_net_contains(&net, cases[i].address) != cases[i].within)
			fail_msg("%s in %s", cases[i].address, cases[i].net);
	}
}

/* --- hours --- */

static void test_hours_parse(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"Mon-Fri 08:00-18:00", "Mon-Fri 08:00-18:00"},
		{"mon,TUE,Wed 00:00-24:00", "Mon-Wed 00:00-24:00"},
		{"Sat,Sun 22:00-06:00", "Sat-Sun 22:00-06:00"},
		{"Fri-Mon 09:05-09:06", "Mon,Fri-Sun 09:05-09:06"},
		{"Mon,Wed,Fri,Sun 01:00-02:00", "Mon,Wed,Fri,Sun 01:00-02:00"},
		{"Sun-Sun 01:00-02:00", "Sun 01:00-02:00"},
		{"Mon-Fri", NULL},
		{"08:00-18:00", NULL},
		{"Mon 08:00", NULL},
		{"Mon 8:00-18:00", NULL},
		{"Mon 08:00-24:01", NULL},
		{"Mon 08:60-09:00", NULL},
		{"Mon 08:00-08:00", NULL},
		{"Mon 24:00-06:00", NULL},
		{"Monday 08:00-18:00", NULL},
		{"Mon- 08:00-18:00", NULL},
		{"Mon, 08:00-18:00", NULL},
		{"Mon 08:00-18:00 ", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_HOURS_TEXT_MAX];
		struct zw_hours hours;
		int r = zw_hours_parse(cases[i].text, &hours);

		if ((r == 0) != (cases[i].canonical != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0)
			continue;
		zw_hours_to_text(&hours, text);
		assert_string_equal(text, cases[i].canonical);
	}
}

static bool hours_at(const char *text, uint64_t realtime_ns)
{
	struct zw_hours hours;

	assert_int_equal(zw_hours_parse(text, &hours), 0);
	return zw_hours_contain(&hours, realtime_ns);
}

static void test_hours_contain(void **state)
{
	uint64_t midnight = WEDNESDAY_1030 - HOUR * 21 / 2;

	(void)state;
	assert_true(hours_at("Wed 10:30-10:31", WEDNESDAY_1030));
	assert_false(hours_at("Wed 10:00-10:30", WEDNESDAY_1030));
	assert_true(hours_at("Mon-Fri 08:00-18:00", WEDNESDAY_1030));
	assert_false(hours_at("Sat,Sun 00:00-24:00", WEDNESDAY_1030));
	assert_true(hours_at("Wed 00:00-24:00", midnight));
	assert_true(hours_at("Wed 00:00-24:00", midnight + 24 * HOUR - 1));
	assert_false(hours_at("Wed 00:00-24:00", midnight + 24 * HOUR));
	assert_false(hours_at("Wed 00:00-24:00", midnight - 1));
	/* Over midnight the night belongs to the day it began on. */
	assert_true(hours_at("Wed 22:00-06:00", midnight + 23 * HOUR));
	assert_true(hours_at("Wed 22:00-06:00", midnight + 29 * HOUR));
	assert_false(hours_at("Wed 22:00-06:00", midnight + 30 * HOUR));
	assert_false(hours_at("Wed 22:00-06:00", midnight + 5 * HOUR));
	assert_true(hours_at("Sun 22:00-06:00", midnight + 4 * 24 * HOUR + 24 * HOUR + 5 * HOUR));
}

static void test_hours_are_local(void **state)
{
	(void)state;
	setenv("TZ", "XST-5", 1); /* five hours east of Greenwich */
	tzset();
	assert_true(hours_at("Wed 15:30-15:31", WEDNESDAY_1030));
	assert_false(hours_at("Wed 10:00-11:00", WEDNESDAY_1030));
	setenv("TZ", "UTC", 1);
	tzset();
}

/* --- verdicts --- */

struct fixture {
	struct zw_conf *conf;
	struct zw_report *report;
};

/* @admins is the YAML list below "admins:", NULL for none. */
static struct fixture begin(const char *admins, enum zw_attribution attribution)
{
	_zw_free_ char *text = zw_asprintf("admins:\n%s", admins ? admins : "");
	_zw_str_ struct zw_str error = {};
	struct fixture f = {};

	if (zw_conf_parse("t", text, strlen(text), &f.conf, &error) < 0)
		fail_msg("%s", error.buf);
	f.report = calloc(1, sizeof(*f.report));
	assert_non_null(f.report);
	f.report->action = ZW_ACTION_RECORD_CHANGE;
	f.report->zone = strdup("example.com.");
	f.report->attribution = attribution;
	f.report->has_principal =
		attribution == ZW_ATTRIBUTION_CERTAIN || attribution == ZW_ATTRIBUTION_PROBABLE;
	f.report->time_ns = WEDNESDAY_1030;
	return f;
}

static void end(struct fixture *f)
{
	zw_conf_free(f->conf);
	zw_report_free(f->report);
}

static struct zw_actor *add_cause(struct fixture *f, enum zw_role role, uint32_t pid,
	const char *user, uint32_t uid, const char *exe)
{
	struct zw_report *report = f->report;
	struct zw_actor *actor = calloc(1, sizeof(*actor));

	assert_non_null(actor);
	actor->refs = 1;
	actor->tgid = pid;
	actor->exe = exe ? strdup(exe) : NULL;
	actor->name = exe ? strdup(strrchr(exe, '/') + 1) : NULL;
	strcpy(actor->comm, "comm");
	actor->real = actor->effective = (struct zw_actor_user){.uid = 0};
	actor->login = (struct zw_actor_user){uid, user ? strdup(user) : NULL};
	actor->principal = (struct zw_actor_user){uid, user ? strdup(user) : NULL};
	report->cause = reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));
	assert_non_null(report->cause);
	report->cause[report->causes++] =
		(struct zw_report_cause){.role = role, .actor = actor, .last_ns = WEDNESDAY_1030};
	return actor;
}

static void judge(struct fixture *f, enum zw_verdict verdict, unsigned int severity, bool escalate)
{
	assert_int_equal(zw_policy_judge(&f->conf->policy, f->report), 0);
	assert_string_equal(
		zw_verdict_to_string(f->report->verdict), zw_verdict_to_string(verdict));
	assert_int_equal(f->report->severity, severity);
	assert_int_equal(f->report->escalate, escalate);
}

#define AUTHORIZED ZW_VERDICT_AUTHORIZED, ZW_SEVERITY_AUTHORIZED, false
#define UNJUDGED ZW_VERDICT_UNJUDGED, ZW_SEVERITY_UNJUDGED, false
#define UNATTRIBUTED ZW_VERDICT_UNATTRIBUTED, ZW_SEVERITY_UNATTRIBUTED, true
#define UNAUTHORIZED ZW_VERDICT_UNAUTHORIZED, ZW_SEVERITY_UNAUTHORIZED, true

static void assert_reasons(struct fixture *f, size_t n, const char *const reasons[])
{
	assert_int_equal(f->report->reasons, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(f->report->reason[i], reasons[i]);
}
#define REASONS(f, ...)                                                        \
	assert_reasons(f, ZW_ARRAY_SIZE(((const char *const[]){__VA_ARGS__})), \
		(const char *const[]){__VA_ARGS__})

#define ALICE "- {user: alice, zones: [example.com]}\n"

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

/* --- requests --- */

static struct zw_report_cause *add_peer(
	struct fixture *f, enum zw_channel channel, const char *peer, const char *key)
{
	struct zw_report *report = f->report;
	struct zw_report_cause *cause;

	report->cause = reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));
	assert_non_null(report->cause);
	cause = &report->cause[report->causes++];
	*cause = (struct zw_report_cause){
		.role = ZW_ROLE_PEER,
		.channel = channel,
		.peer = strdup(peer),
		.tsig_key = key ? strdup(key) : NULL,
		.last_ns = WEDNESDAY_1030,
	};
	report->channel = channel;
	return cause;
}

/* Whether an update by this peer and key, from @before to @after, is allowed by the one entry. */
static void judge_update(const char *admins, const char *peer, const char *key, const char *before,
	const char *after, bool allowed, const char *reason)
{
	struct fixture f = begin(admins, ZW_ATTRIBUTION_CERTAIN);

	add_peer(&f, ZW_CHANNEL_UPDATE, peer, key);
	f.report->diff = sample_diff(before, after);
	if (allowed)
		judge(&f, AUTHORIZED);
	else
		judge(&f, UNAUTHORIZED);
	REASONS(&f, reason);
	end(&f);
}

#define DDNS                                                                          \
	"- {tsig_key: ddns-key, zones: [example.com], names: ['*.dyn.example.com'], " \
	"types: [A, AAAA], from: [192.0.2.0/24]}\n"
#define A_DYN "a.dyn 60 A 192.0.2.1\n"

static void test_keys(void **state)
{
	(void)state;
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN, true,
		"192.0.2.9 with key ddns-key is an admin of example.com. (line 2)");
	judge_update(DDNS, "192.0.2.9", "other", "", A_DYN, false,
		"192.0.2.9 with key other is not an admin of example.com.");
	judge_update(DDNS, "192.0.2.9", NULL, "", A_DYN, false,
		"192.0.2.9 without a key is not an admin of example.com.");
	judge_update(DDNS, "198.51.100.1", "ddns-key", "", A_DYN, false,
		"address 198.51.100.1 is not within 192.0.2.0/24 (line 2)");
	judge_update("- {tsig_key: ddns-key, with: [/usr/bin/nsupdate]}\n", "192.0.2.9", "ddns-key",
		"", A_DYN, false,
		"the executable is not known, and key ddns-key may use only some (line 2)");
	/* Somebody elsewhere is no user of this host. */
	judge_update("- {user: alice}\n", "192.0.2.9", "alice", "", A_DYN, false,
		"192.0.2.9 with key alice is not an admin of example.com.");
}

static void test_names_and_types(void **state)
{
	(void)state;
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN "www 60 A 192.0.2.1\n", false,
		"www.example.com. A is not among the records that key ddns-key may change (line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", A_DYN, "a.dyn 60 TXT x\n", false,
		"a.dyn.example.com. TXT is not among the records that key ddns-key may change "
		"(line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", "www 60 A 192.0.2.1\n", "", false,
		"www.example.com. A is not among the records that key ddns-key may change (line 2)");
	/* Signatures come with every change, keys do not. */
	judge_update(DDNS, "192.0.2.9", "ddns-key", "",
		A_DYN
		"a.dyn 60 NSEC b A\na.dyn 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 @ "
		"AA==\n",
		true, "192.0.2.9 with key ddns-key is an admin of example.com. (line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN "@ 60 DNSKEY 257 3 8 AA==\n", false,
		"example.com. DNSKEY is not among the records that key ddns-key may change (line 2)");
}

/* A local client has both a user and a key. */
static void test_user_with_a_key(void **state)
{
	static const char both[] = "- {user: alice, tsig_key: k}\n";
	struct fixture f = begin(both, ZW_ATTRIBUTION_CERTAIN);
	struct fixture g = begin(both, ZW_ATTRIBUTION_CERTAIN);
	struct fixture h = begin(both, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_CLIENT, 9, "alice", 1000, "/usr/bin/nsupdate");
	f.report->cause[0].tsig_key = strdup("k");
	judge(&f, AUTHORIZED);
	REASONS(&f, "login user alice with key k is an admin of example.com. (line 2)");
	add_cause(&g, ZW_ROLE_CLIENT, 9, "alice", 1000, "/usr/bin/nsupdate");
	judge(&g, UNAUTHORIZED);
	REASONS(&g, "it was not signed with key k (line 2)");
	add_cause(&h, ZW_ROLE_CLIENT, 9, "mallory", 1001, "/usr/bin/nsupdate");
	h.report->cause[0].tsig_key = strdup("k");
	judge(&h, UNAUTHORIZED);
	REASONS(&h, "login user mallory with key k is not an admin of example.com.");
	end(&f);
	end(&g);
	end(&h);
}

static struct fixture begin_transfer(const char *conf, const char *peer)
{
	struct fixture f = begin(conf, ZW_ATTRIBUTION_CERTAIN);

	add_peer(&f, ZW_CHANNEL_TRANSFER, peer, "xfr-key");
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	return f;
}

static void test_transfers(void **state)
{
	static const char primaries[] = ALICE "primaries: [192.0.2.53, '2001:db8::/32']\n";
	struct fixture f = begin_transfer(primaries, "2001:db8::7");
	struct fixture g = begin_transfer(primaries, "198.51.100.9");
	struct fixture h = begin_transfer(ALICE, "192.0.2.53");

	(void)state;
	judge(&f, AUTHORIZED);
	REASONS(&f, "2001:db8::7 is one of the primaries");
	judge(&g, UNAUTHORIZED);
	REASONS(&g,
		"198.51.100.9 is not one of the primaries, which are 192.0.2.53 or 2001:db8::/32");
	judge(&h, UNJUDGED);
	REASONS(&h, "no primaries are configured to judge it by");
	end(&f);
	end(&g);
	end(&h);
}

static void test_ambiguous_peers(void **state)
{
	struct fixture f = begin(DDNS, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_peer(&f, ZW_CHANNEL_UPDATE, "192.0.2.9", "ddns-key");
	add_peer(&f, ZW_CHANNEL_UPDATE, "198.51.100.1", "ddns-key");
	f.report->diff = sample_diff("", A_DYN);
	judge(&f, UNATTRIBUTED);
	REASONS(&f,
		"if 192.0.2.9 made it: 192.0.2.9 with key ddns-key is an admin of example.com. (line 2)",
		"if 198.51.100.1 made it: address 198.51.100.1 is not within 192.0.2.0/24 (line 2)",
		"which of them made the change cannot be told, and not all of them were entitled to");
	end(&f);
}

static void test_signing(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);
	struct fixture g = begin(NULL, ZW_ATTRIBUTION_NONE);

	(void)state;
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	f.report->channel = g.report->channel = ZW_CHANNEL_SIGNING;
	judge(&f, ZW_VERDICT_AUTOMATIC, ZW_SEVERITY_AUTOMATIC, false);
	REASONS(&f, "only what the server maintains by itself to sign the zone");
	/* Without the server as the author it could be anybody's. */
	judge(&g, UNATTRIBUTED);
	end(&f);
	end(&g);
}

static void test_server_without_a_request(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_NONE);

	(void)state;
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	judge(&f, UNATTRIBUTED);
	REASONS(&f, "the server made this change, and nobody was seen asking it to");
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
		cmocka_unit_test(test_net_parse),
		cmocka_unit_test(test_net_contains),
		cmocka_unit_test(test_hours_parse),
		cmocka_unit_test(test_hours_contain),
		cmocka_unit_test(test_hours_are_local),
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
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_names_and_types),
		cmocka_unit_test(test_user_with_a_key),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_ambiguous_peers),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_server_without_a_request),
		cmocka_unit_test(test_reasons_are_added),
	};

	return cmocka_run_group_tests(tests, use_utc, NULL);
}
