/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Name servers, and what the time between changes says. */
#include "rule_fixture.h"

#define NS "@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
#define ZONE NS "www A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n"

/* --- name servers --- */

static void test_name_servers(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "@ NS ns3\nns3 A 192.0.2.3\n");
	assert_rules(w, "ns-change");
	assert_false(w->last->escalate);
	/* Fewer are none, nor is another TTL. */
	rule_change(w, 2 * DAY, ZONE);
	assert_rules(w, "");
	rule_change(w, 0,
		"@ 7200 NS ns1\n@ 7200 NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
		"www A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "");
}

static void test_hijacked_name_servers(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0,
		"@ NS ns1.examp1e.com.\n@ NS ns2.examp1e.com.\nns1 A 192.0.2.1\n"
		"ns2 A 192.0.2.2\nwww A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "ns-change redirect-outside lookalike-ns");
	assert_int_equal(w->last->severity, 99);
	assert_true(w->last->escalate);
}

/* Providers have many domains with numbers in them. */
static void test_name_servers_of_a_provider(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(
		"@ NS ns-12.dns-host-12.net.\n@ NS ns-7.dns-host-07.org.\nwww A 192.0.2.10\n");

	(void)state;
	rule_change(w, 0,
		"@ NS ns-12.dns-host-12.net.\n@ NS ns-9.dns-host-07.org.\nwww A 192.0.2.10\n");
	assert_rules(w, "ns-change");
	rule_change(w, 0,
		"@ NS ns-13.dns-host-13.net.\n@ NS ns-9.dns-host-07.org.\nwww A 192.0.2.10\n");
	assert_rules(w, "ns-change redirect-outside");
}

static void test_delegations(void **state)
{
	_rule_world_ struct rule_world *w =
		rule_world_new(ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\n");

	(void)state;
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\nlab NS ns1\n");
	assert_rules(w, "delegation-change");
	/* A name that served something else is given away. */
	rule_change(w, 0,
		NS "www NS ns1\nmail A 192.0.2.25\n@ MX 10 mail\n"
		   "sub NS ns.sub\nns.sub A 192.0.2.53\nlab NS ns1\n");
	assert_rules(w, "delegation-change");
	assert_non_null(strstr(w->last->finding[0].reason, "a name with records of its own"));
	/* Taken back, and one less. */
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\n");
	assert_rules(w, "");
}

static void test_glue(void **state)
{
	_rule_world_ struct rule_world *w =
		rule_world_new(ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\n");

	(void)state;
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.54\n");
	assert_rules(w, "glue-change");
	assert_string_equal(w->last->finding[0].subject, "ns.sub.example.com.");
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.54\nbox.sub A 192.0.2.77\n");
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.54\nbox.sub A 192.0.2.78\n");
	assert_rules(w, "");
}

static void test_orphan_glue(void **state)
{
	_rule_world_ struct rule_world *w =
		rule_world_new(ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\n");

	(void)state;
	rule_change(w, 0, ZONE "sub NS ns1\nns.sub A 192.0.2.53\n");
	assert_rules(w, "delegation-change orphan-glue");
	/* It goes with its delegation. */
	rule_change(w, 0, ZONE "sub NS ns.sub\nns.sub A 192.0.2.53\n");
	rule_change(w, 0, ZONE);
	assert_rules(w, "");
	/* A server that is not there. */
	rule_change(w, 0, ZONE "sub NS ghost\n");
	assert_rules(w, "delegation-change orphan-glue");
}

/* --- times --- */

static void test_ttl_cut(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, NS "www 60 A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "ttl-cut");
	assert_string_equal(w->last->finding[0].reason,
		"the TTL of www.example.com. A was cut from 3600 to 60");
	/* Longer, and half. */
	rule_change(w, 0, ZONE);
	assert_rules(w, "");
	rule_change(w, 0, NS "www 1800 A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "");
}

static void test_new_default_ttl(void **state)
{
	_zw_str_ struct zw_str before = {}, after = {};
	struct rule_world *w;

	(void)state;
	for (int i = 0; i < 30; i++) {
		zw_str_addf(&before, "h%d A 192.0.2.%d\n", i, i);
		zw_str_addf(&after, "h%d 300 A 192.0.2.%d\n", i, i);
	}
	w = rule_world_new(before.buf);
	rule_change(w, 0, after.buf);
	assert_rules(w, "");
	rule_world_free(w);
}

static void test_flip(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, NS "www A 192.0.2.99\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "");
	rule_change(w, MINUTE, ZONE);
	assert_rules(w, "flip");
	assert_string_equal(w->last->finding[0].reason,
		"www.example.com. A was something else for 60 s and is back");
	/* By way of an alias. */
	rule_change(w, 2 * DAY, NS "www CNAME mail\nmail A 192.0.2.25\n@ MX 10 mail\n");
	rule_change(w, HOUR, ZONE);
	assert_rules(w, "flip");
}

static void test_no_flip(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	/* Long after. */
	rule_change(w, 0, NS "www A 192.0.2.99\nmail A 192.0.2.25\n@ MX 10 mail\n");
	rule_change(w, 2 * DAY, ZONE);
	assert_rules(w, "");
	/* A lease that comes and goes. */
	rule_change(w, DAY, ZONE "laptop A 192.0.2.120\n");
	rule_change(w, HOUR, ZONE);
	rule_change(w, HOUR, ZONE "laptop A 192.0.2.120\n");
	assert_rules(w, "");
	/* One that has the habit. */
	for (int i = 0; i < 8; i++) {
		rule_change(
			w, MINUTE, i % 2 ? ZONE "fail A 192.0.2.5\n" : ZONE "fail A 192.0.2.6\n");
		if (i > 4)
			assert_rules(w, "");
	}
}

static void test_certificate_after_redirect(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "x TXT y\n");

	(void)state;
	rule_change(w, 0, NS "www A 192.0.2.10\nmail A 203.0.113.5\n@ MX 10 mail\nx TXT y\n");
	assert_rules(w, "redirect-outside");
	rule_change(w, MINUTE,
		NS "www A 192.0.2.10\nmail A 203.0.113.5\n@ MX 10 mail\nx TXT y\n"
		   "_acme-challenge.mail TXT token\n");
	assert_rules(w, "certificate-near-redirect");
	assert_int_equal(w->last->severity, 99);
	assert_true(w->last->escalate);
}

static void test_certificate_with_redirect(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "@ CAA 0 issue \"ca.example\"\n");

	(void)state;
	/* CAA of the zone allows another to issue for all names in it; before, and at once. */
	rule_change(w, 0, ZONE "@ CAA 0 issue \"other.example\"\n");
	assert_rules(w, "");
	rule_change(w, HOUR,
		NS "www A 203.0.113.7\nmail A 192.0.2.25\n@ MX 10 mail\n"
		   "@ CAA 0 issue \"other.example\"\n");
	assert_rules(w, "redirect-outside certificate-near-redirect");
	rule_change(w, 3 * DAY,
		NS "www A 203.0.113.7\nmail A 198.18.0.1\n@ MX 10 mail\n"
		   "_acme-challenge.mail TXT token\n");
	assert_rules(w, "redirect-outside certificate-near-redirect");
}

static void test_certificates_are_renewed(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "x TXT y\n");

	(void)state;
	/* Beside an ordinary move, and the redirect of another name. */
	rule_change(w, 0,
		NS "www A 192.0.2.11\nmail A 192.0.2.25\n@ MX 10 mail\nx TXT y\n"
		   "_acme-challenge.www TXT token\n");
	assert_rules(w, "");
	rule_change(w, 0,
		NS "www A 192.0.2.11\nmail A 203.0.113.6\n@ MX 10 mail\nx TXT y\n"
		   "_acme-challenge.www TXT token2\n");
	assert_rules(w, "redirect-outside");
	/* Days after it. */
	rule_change(w, 2 * DAY,
		NS "www A 192.0.2.11\nmail A 203.0.113.6\n@ MX 10 mail\nx TXT y\n"
		   "_acme-challenge.mail TXT token3\n");
	assert_rules(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_servers),
		cmocka_unit_test(test_hijacked_name_servers),
		cmocka_unit_test(test_name_servers_of_a_provider),
		cmocka_unit_test(test_delegations),
		cmocka_unit_test(test_glue),
		cmocka_unit_test(test_orphan_glue),
		cmocka_unit_test(test_ttl_cut),
		cmocka_unit_test(test_new_default_ttl),
		cmocka_unit_test(test_flip),
		cmocka_unit_test(test_no_flip),
		cmocka_unit_test(test_certificate_after_redirect),
		cmocka_unit_test(test_certificate_with_redirect),
		cmocka_unit_test(test_certificates_are_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
