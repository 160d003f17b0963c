/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Name servers, times, DNSSEC, serials, and who it was. */
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

/* --- the zone as a whole --- */

#define KEY_STRONG "@ DNSKEY 257 3 13 aaaaaaaaaaaa\n"
#define KEY_OTHER "@ DNSKEY 257 3 8 bbbbbbbbbbbb\n"
#define KEY_WEAK "@ DNSKEY 257 3 5 cccccccccccc\n"
#define DS_STRONG                    \
	"sub NS ns1\nsub DS 1 13 2 " \
	"0101010101010101010101010101010101010101010101010101010101010101\n"
#define DS_WEAK "sub NS ns1\nsub DS 1 13 1 0101010101010101010101010101010101010101\n"

static void test_dnssec(void **state)
{
	static const struct {
		const char *before, *after;
		bool found;
	} cases[] = {
		{KEY_STRONG, "", true},
		{KEY_STRONG, KEY_WEAK, true},
		{KEY_STRONG KEY_WEAK, KEY_WEAK, true},
		{KEY_STRONG, KEY_STRONG KEY_OTHER, false},
		{KEY_STRONG KEY_OTHER, KEY_OTHER, false},
		{KEY_WEAK, KEY_STRONG, false},
		{"", KEY_WEAK, false},
		{DS_STRONG, "sub NS ns1\n", true},
		{DS_STRONG, DS_WEAK, true},
		{DS_WEAK, DS_STRONG, false},
		{DS_STRONG, "", false},
		{"sub NS ns1\n", DS_WEAK, false},
		{"@ CDS 1 13 2 "
		 "0101010101010101010101010101010101010101010101010101010101010101\n",
			"@ CDS 0 0 0 00\n", true},
		{"", "@ CDS 0 0 0 00\n", true},
		{"@ CDS 0 0 0 00\n", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_str_ struct zw_str before = {}, after = {};
		struct rule_world *w;

		zw_str_addf(&before, ZONE "%s", cases[i].before);
		zw_str_addf(&after, ZONE "%s", cases[i].after);
		w = rule_world_new(before.buf);
		rule_change(w, 0, after.buf);
		if (!rule_finding(w, "dnssec-downgrade") == cases[i].found)
			fail_msg("%s -> %s", cases[i].before, cases[i].after);
		assert_int_equal(w->last->escalate, cases[i].found);
		rule_world_free(w);
	}
}

static void test_serials(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	w->serial = 10;
	rule_change_to(w, 0, 10, ZONE "a A 192.0.2.30\n");
	assert_rules(w, "");
	rule_change_to(w, 0, 10, ZONE "a A 192.0.2.31\n");
	assert_rules(w, "serial-unchanged");
	rule_change_to(w, 0, 9, ZONE "a A 192.0.2.32\n");
	assert_rules(w, "serial-back");
	/* Around the end of the circle it went on. */
	rule_change_to(w, 0, UINT32_C(0x7fffff00), ZONE "a A 192.0.2.33\n");
	rule_change_to(w, 0, UINT32_C(0xfffffff0), ZONE "a A 192.0.2.34\n");
	rule_change_to(w, 0, 5, ZONE "a A 192.0.2.35\n");
	assert_rules(w, "");
	w->channel = ZW_CHANNEL_DATABASE;
	rule_change_to(w, 0, 5, ZONE "a A 192.0.2.36\n");
	assert_rules(w, "");
}

static void add_hosts(struct zw_str *zone, int n, int moved)
{
	zw_str_add(zone, ZONE);
	for (int i = 0; i < n; i++)
		zw_str_addf(zone, "host%d A 192.0.2.%d\n", i, i < moved ? 200 : 100);
}

static void test_mass_change(void **state)
{
	/* Of 100 hosts and 5 other sets, or of 40 hosts. */
	static const struct {
		int hosts, moved;
		bool found;
	} cases[] = {{100, 40, true}, {100, 30, false}, {40, 21, true}, {40, 19, false}};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_str_ struct zw_str before = {}, after = {};
		struct rule_world *w;

		add_hosts(&before, cases[i].hosts, 0);
		add_hosts(&after, cases[i].hosts, cases[i].moved);
		w = rule_world_new(before.buf);
		rule_change(w, 0, after.buf);
		assert_rules(w, cases[i].found ? "mass-change" : "");
		rule_world_free(w);
	}
}

/* A zone that grows, or gets other TTLs, is not a zone that is taken away. */
static void test_no_mass_change(void **state)
{
	_zw_str_ struct zw_str before = {}, after = {};
	struct rule_world *w;

	(void)state;
	add_hosts(&before, 30, 0);
	zw_str_add(&after, "$TTL 7200\n");
	add_hosts(&after, 100, 0);
	w = rule_world_new(before.buf);
	rule_change(w, 0, after.buf);
	assert_rules(w, "");
	rule_world_free(w);
}

static void test_unseen_type(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "www TXT hello\n");
	assert_rules(w, "unseen-type");
	rule_change(w, 0,
		ZONE "www TXT hello\nmail TXT hello\nnew SSHFP 1 1 01010101010101010101010101"
		     "01010101010101\n");
	assert_rules(w, "");
}

/* --- who --- */

static void test_unsigned_update(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	char zone[256];

	(void)state;
	w->channel = ZW_CHANNEL_UPDATE;
	w->peer = "198.51.100.9";
	for (int i = 0; i < 8; i++) {
		snprintf(zone, sizeof(zone), ZONE "lease A 192.0.2.%d\n", 100 + i);
		rule_change(w, MINUTE, zone);
		/* After that it is a habit. */
		assert_rules(w, i < 5 ? "unsigned-update" : "");
	}
	w->peer = "203.0.113.200";
	rule_change(w, MINUTE, ZONE);
	assert_rules(w, "unsigned-update");
	assert_string_equal(w->last->finding[0].subject, "203.0.113.200");
}

static void test_unknown_key(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	char zone[256];

	(void)state;
	w->channel = ZW_CHANNEL_UPDATE;
	w->tsig_key = "dhcp-key";
	for (int i = 0; i < 8; i++) {
		snprintf(zone, sizeof(zone), ZONE "lease A 192.0.2.%d\n", 100 + i);
		rule_change(w, MINUTE, zone);
		assert_rules(w, "");
	}
	w->tsig_key = "other-key";
	rule_change(w, MINUTE, ZONE);
	assert_rules(w, "unknown-key");
	rule_change(w, MINUTE, ZONE "lease A 192.0.2.100\n");
	assert_rules(w, "");
}

static void test_admins_key(void **state)
{
	struct zw_admin admin = {.tsig_key = sample_text("Admin-Key")};
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	char zone[256];

	(void)state;
	w->policy.admin = &admin;
	w->policy.admins = 1;
	w->channel = ZW_CHANNEL_UPDATE;
	w->tsig_key = "dhcp-key";
	for (int i = 0; i < 6; i++) {
		snprintf(zone, sizeof(zone), ZONE "lease A 192.0.2.%d\n", 100 + i);
		rule_change(w, MINUTE, zone);
	}
	w->tsig_key = "admin-key";
	rule_change(w, MINUTE, ZONE);
	assert_rules(w, "");
	free(admin.tsig_key);
}

static void person_changes(struct rule_world *w, uint64_t when_ns, bool login)
{
	_zw_snapshot_ struct zw_snapshot *after = NULL;

	w->serial++;
	after = rule_snapshot(w, ZONE "a A 192.0.2.90\n");
	w->now_ns = when_ns;
	zw_report_free(w->last);
	w->last = rule_report(w, after);
	w->last->has_principal = true;
	sample_cause(w->last, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE, sample_actor());
	if (!login)
		w->last->cause[0].actor->login.uid = ZW_ID_UNSET;
	w->in.before = w->zone;
	w->in.after = after;
	assert_int_equal(zw_rules_judge_records(&w->in, w->memory, w->last), 0);
}

static void test_outside_hours(void **state)
{
	/* 2026-11-23 is a Monday. */
	const uint64_t monday = UINT64_C(1795392000) * SECOND;
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	setenv("TZ", "UTC", 1);
	person_changes(w, monday + 3 * HOUR, true);
	assert_rules(w, "outside-hours");
	person_changes(w, monday + 12 * HOUR, true);
	assert_rules(w, "");
	person_changes(w, monday - 12 * HOUR, true);
	assert_rules(w, "outside-hours");
	/* Programs work at night. */
	person_changes(w, monday + 3 * HOUR, false);
	assert_rules(w, "");
}

/* --- what a restart forgets, and what not --- */

static void test_recall(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_rule_world_ struct rule_world *next =
		rule_world_new(NS "www A 192.0.2.10\nmail A 203.0.113.5\n@ MX 10 mail\n");

	(void)state;
	rule_change(w, 0, NS "www A 192.0.2.10\nmail A 203.0.113.5\n@ MX 10 mail\n");
	assert_rules(w, "redirect-outside");
	assert_int_equal(zw_rules_recall(&next->in, next->memory, w->last), 0);
	next->serial = w->serial;
	/* The network is still new, the certificate is for a redirected name, and the way back is one. */
	rule_change(next, HOUR,
		NS
		"www A 203.0.113.6\nmail A 192.0.2.25\n@ MX 10 mail\n_acme-challenge.mail TXT x\n");
	assert_rules(next, "redirect-outside flip certificate-near-redirect");
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
		cmocka_unit_test(test_dnssec),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_mass_change),
		cmocka_unit_test(test_no_mass_change),
		cmocka_unit_test(test_unseen_type),
		cmocka_unit_test(test_unsigned_update),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_admins_key),
		cmocka_unit_test(test_outside_hours),
		cmocka_unit_test(test_recall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
