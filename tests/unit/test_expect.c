/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which changes were announced, and above all which were not. */
#include "unit/policy_fixture.h"

#include "engine/expect.h"

#define HOUR (3600 * ZW_NSEC_PER_SEC)

static char *text(const char *s)
{
	char *copy = s ? strdup(s) : NULL;

	assert_true(copy || !s);
	return copy;
}

/* Half an hour before and after the change. */
static void announce(zw_expectations *list, const char *user, const char *key, const char *zone)
{
	struct zw_expectation e = {
		.id = list->len + 1,
		.user = text(user),
		.tsig_key = text(key),
		.zone = text(zone),
		.from_ns = WEDNESDAY_1030 - HOUR / 2,
		.until_ns = WEDNESDAY_1030 + HOUR / 2,
		.ticket = text("CHG-7"),
		.by = text("carol"),
	};

	assert_int_equal(zw_vec_push(list, e), 0);
}

static struct fixture mallory(void)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	add_cause(&f, ZW_ROLE_WRITER, 9, "mallory", 1001, "/usr/bin/vim");
	assert_int_equal(zw_policy_judge(&f.conf->policy, f.report), 0);
	assert_int_equal(f.report->verdict, ZW_VERDICT_UNAUTHORIZED);
	return f;
}

static void test_expected(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = mallory();
	struct zw_expectation *used;

	(void)state;
	announce(&list, "bob", NULL, "example.com.");
	announce(&list, "mallory", NULL, "example.com.");
	assert_int_equal(zw_expect_judge(&list, f.report, &used), 0);
	assert_ptr_equal(used, &list.items[1]);
	assert_int_equal(used->used, 1);
	assert_int_equal(f.report->verdict, ZW_VERDICT_AUTHORIZED);
	assert_int_equal(f.report->severity, ZW_SEVERITY_AUTHORIZED);
	assert_false(f.report->escalate);
	/* What the policy said stays. */
	REASONS(&f, "login user mallory is not an admin of example.com.",
		"expected under ticket CHG-7: carol announced user mallory until "
		"2026-11-25T11:00:00.000000000Z");
	end(&f);
}

static void test_key(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	announce(&list, NULL, "ddns-key", "example.com.");
	add_cause(&f, ZW_ROLE_CLIENT, 9, "mallory", 1001, "/usr/bin/nsupdate");
	assert_null(zw_expect_find(&list, f.report));
	f.report->cause[0].tsig_key = strdup("ddns-key2");
	assert_null(zw_expect_find(&list, f.report));
	f.report->cause[0].tsig_key[8] = '\0';
	assert_non_null(zw_expect_find(&list, f.report));
	/* The zone came from another server, signed with the same key. */
	f.report->cause[0].role = ZW_ROLE_PEER;
	f.report->cause[0].channel = ZW_CHANNEL_TRANSFER;
	assert_null(zw_expect_find(&list, f.report));
	end(&f);
}

/* Somebody else, under a name or number that is like his. */
static void test_other_users(void **state)
{
	static const char *const users[] = {
		"mallor", "mallory2", "Mallory", "1002", "01001x", "root", ""};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(users); i++) {
		_zw_expectations_ zw_expectations list = {};
		struct fixture f = mallory();

		announce(&list, users[i], NULL, "example.com.");
		assert_null(zw_expect_find(&list, f.report));
		end(&f);
	}
}

/* An account that is called as the number of another one. */
static void test_number(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	announce(&list, "1001", NULL, "example.com.");
	add_cause(&f, ZW_ROLE_WRITER, 9, "1001", 1002, "/usr/bin/vim");
	assert_null(zw_expect_find(&list, f.report));
	f.report->cause[0].actor->principal.uid = 1001;
	assert_non_null(zw_expect_find(&list, f.report));
	end(&f);
}

static void test_other_zones(void **state)
{
	static const char *const zones[] = {
		"sub.example.com.", "com.", ".", "*.example.com.", "example.com"};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(zones); i++) {
		_zw_expectations_ zw_expectations list = {};
		struct fixture f = mallory();

		announce(&list, "mallory", NULL, zones[i]);
		assert_null(zw_expect_find(&list, f.report));
		end(&f);
	}
}

static void test_window(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = mallory();
	struct zw_report_cause *cause = f.report->cause;
	struct zw_expectation *e;

	(void)state;
	announce(&list, "mallory", NULL, "example.com.");
	e = &list.items[0];
	/* Both ends count. */
	e->until_ns = WEDNESDAY_1030;
	assert_non_null(zw_expect_find(&list, f.report));
	e->until_ns--;
	assert_null(zw_expect_find(&list, f.report));
	e->from_ns = e->until_ns = WEDNESDAY_1030;
	assert_non_null(zw_expect_find(&list, f.report));
	e->from_ns++;
	e->until_ns++;
	assert_null(zw_expect_find(&list, f.report));
	/* Begun before, or done after it. */
	e->from_ns = WEDNESDAY_1030 - HOUR;
	cause->first_ns = e->from_ns - 1;
	assert_null(zw_expect_find(&list, f.report));
	cause->first_ns++;
	assert_non_null(zw_expect_find(&list, f.report));
	cause->last_ns = e->until_ns + 1;
	assert_null(zw_expect_find(&list, f.report));
	end(&f);
}

/* Nobody is sure that it was him. */
static void test_attribution(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = mallory();

	(void)state;
	announce(&list, "mallory", NULL, "example.com.");
	f.report->attribution = ZW_ATTRIBUTION_PROBABLE;
	assert_non_null(zw_expect_find(&list, f.report));
	f.report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	assert_null(zw_expect_find(&list, f.report));
	f.report->has_principal = false;
	assert_null(zw_expect_find(&list, f.report));
	f.report->has_principal = true;
	f.report->attribution = ZW_ATTRIBUTION_NONE;
	assert_null(zw_expect_find(&list, f.report));
	end(&f);
}

/* What somebody else prepared, or may have made, or what came by itself. */
static void test_others_part(void **state)
{
	static const struct {
		enum zw_role role;
		const char *user;
		uint32_t uid;
		bool expected;
	} cases[] = {
		{ZW_ROLE_WRITER, "mallory", 1001, true},
		{ZW_ROLE_WRITER, "bob", 1002, false},
		{ZW_ROLE_WRITER, NULL, ZW_ID_UNSET, false},
		{ZW_ROLE_RENAMER, "bob", 1002, false},
		{ZW_ROLE_CLIENT, "bob", 1002, false},
		{ZW_ROLE_PEER, "bob", 1002, false},
		{ZW_ROLE_RELOADER, "bob", 1002, true},
		{ZW_ROLE_SERVER, "bind", 110, true},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_expectations_ zw_expectations list = {};
		struct fixture f = mallory();

		announce(&list, "mallory", NULL, "example.com.");
		add_cause(&f, cases[i].role, 10, cases[i].user, cases[i].uid, "/usr/bin/x");
		assert_int_equal(zw_expect_find(&list, f.report) != NULL, cases[i].expected);
		end(&f);
	}
}

/* The server acted by itself; nobody can be announced for that. */
static void test_server_alone(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	announce(&list, "bind", NULL, "example.com.");
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	assert_null(zw_expect_find(&list, f.report));
	end(&f);
}

static void test_other_events(void **state)
{
	_zw_expectations_ zw_expectations list = {};
	struct fixture f = mallory();

	(void)state;
	announce(&list, "mallory", NULL, "example.com.");
	f.report->channel = ZW_CHANNEL_SIGNING;
	assert_null(zw_expect_find(&list, f.report));
	f.report->channel = ZW_CHANNEL_FILE;
	f.report->action = ZW_ACTION_UPDATE_REFUSED;
	assert_null(zw_expect_find(&list, f.report));
	f.report->action = ZW_ACTION_RECORD_CHANGE;
	free(f.report->zone);
	f.report->zone = NULL;
	assert_null(zw_expect_find(&list, f.report));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_other_users),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_other_zones),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_attribution),
		cmocka_unit_test(test_others_part),
		cmocka_unit_test(test_server_alone),
		cmocka_unit_test(test_other_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
