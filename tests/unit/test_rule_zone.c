/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zone as a whole, who it was, and what is remembered. */
#include "rule_fixture.h"

#define NS "@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
#define ZONE NS "www A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n"

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

/* Every signature is made anew, and another key comes and goes. */
static void test_signing(void **state)
{
	static const char *const keys[] = {KEY_STRONG, KEY_STRONG KEY_OTHER, KEY_OTHER};
	_zw_str_ struct zw_str zone = {};
	struct rule_world *w;

	(void)state;
	for (size_t round = 0; round < 6; round++) {
		zone.len = 0;
		zw_str_addf(&zone, ZONE "%s", keys[round % 3]);
		for (int i = 0; i < 60; i++)
			zw_str_addf(&zone,
				"h%d A 192.0.2.%d\nh%d RRSIG A 13 3 3600 20261222000000 2026112%zu000000 1 "
				"example.com. aaaa\n",
				i, i, i, round);
		zw_str_addf(&zone,
			"@ RRSIG SOA 13 2 3600 20261222000000 2026112%zu000000 1 example.com. aaaa\n",
			round);
		if (round == 0)
			w = rule_world_new(zone.buf);
		else
			rule_change(w, DAY, zone.buf);
		if (round > 0)
			assert_rules(w, "");
	}
	rule_world_free(w);
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

/* --- and what is forgotten --- */

/* More zones than are remembered change; the first ones are strangers then. */
static void test_many_zones(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_snapshot_ struct zw_snapshot *after = NULL;
	char name[64];

	(void)state;
	rule_change(w, 0, NS "www A 203.0.113.5\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "redirect-outside");
	after = rule_snapshot(w, ZONE);
	for (int i = 0; i < ZW_RULE_ZONES_MAX + 10; i++) {
		_zw_report_free_ struct zw_report *report = NULL;

		snprintf(name, sizeof(name), "zone %d", i);
		w->in.zone_id = name;
		report = rule_report(w, after);
		assert_int_equal(zw_rules_judge_records(&w->in, w->memory, report), 0);
	}
	w->in.zone_id = "example.com.";
	rule_change(w, 0, NS "www A 203.0.113.6\nmail A 192.0.2.25\n@ MX 10 mail\n");
	/* It was in the zone when that was learned anew. */
	assert_rules(w, "");
}

/* Of a change of many names a part is remembered: as if all names were redirected. */
static void test_many_redirects(void **state)
{
	_zw_str_ struct zw_str before = {}, after = {};
	struct rule_world *w;

	(void)state;
	zw_str_add(&before, "x TXT y\n");
	zw_str_add(&after, "x TXT y\n");
	for (int i = 0; i < 300; i++) {
		zw_str_addf(&before, "host%d A 192.0.2.%d\n", i, i % 200);
		zw_str_addf(&after, "host%d A 203.0.113.%d\n", i, i % 200);
	}
	w = rule_world_new(before.buf);
	rule_change(w, 0, after.buf);
	assert_rules(w, "redirect-outside mass-change");
	assert_non_null(strstr(rule_finding(w, "redirect-outside")->reason, "; and 299 more"));
	zw_str_add(&after, "_acme-challenge.host250 TXT token\n");
	rule_change(w, MINUTE, after.buf);
	assert_rules(w, "certificate-near-redirect");
	rule_world_free(w);
}

/* Networks of another size cannot be compared with those that were learned. */
static void test_another_prefix(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "a A 192.0.2.77\n");
	assert_rules(w, "");
	for (size_t i = 0; i < zw_rules_count(); i++)
		if (zw_streq(zw_rule_at(i)->id, "redirect-outside"))
			w->conf.rule[i].knob[0] = 28;
	rule_change(w, 0, ZONE "a A 192.0.2.78\n");
	assert_rules(w, "");
	rule_change(w, 0, ZONE "a A 192.0.2.200\n");
	assert_rules(w, "redirect-outside");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dnssec),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_mass_change),
		cmocka_unit_test(test_no_mass_change),
		cmocka_unit_test(test_unseen_type),
		cmocka_unit_test(test_unsigned_update),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_admins_key),
		cmocka_unit_test(test_outside_hours),
		cmocka_unit_test(test_recall),
		cmocka_unit_test(test_many_zones),
		cmocka_unit_test(test_many_redirects),
		cmocka_unit_test(test_another_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
