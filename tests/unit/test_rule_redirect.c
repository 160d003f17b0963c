/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that lead elsewhere, and those that do not. */
#include "rule_fixture.h"

#define ZONE                                 \
	"@ NS ns1\n@ NS ns2\n"               \
	"ns1 A 192.0.2.1\nns2 A 192.0.2.2\n" \
	"www A 192.0.2.10\nmail A 192.0.2.25\n@ MX 10 mail\n"

static void test_redirect(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
		"www A 203.0.113.9\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "redirect-outside");
	assert_string_equal(rule_finding(w, "redirect-outside")->subject, "203.0.113.9");
	assert_string_equal(rule_finding(w, "redirect-outside")->reason,
		"www.example.com. A leads to 203.0.113.9, a network that is new to the zone");
	assert_true(w->last->escalate);
	/* Back, and away again: what was found once is not familiar for that. */
	rule_change(w, MINUTE, ZONE);
	assert_rules(w, "flip");
	rule_change(w, MINUTE,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
		"www A 203.0.113.10\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "redirect-outside");
	/* A week later it is. */
	rule_change(w, 8 * DAY,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
		"www A 203.0.113.11\nmail A 192.0.2.25\n@ MX 10 mail\n");
	assert_rules(w, "");
}

static void test_move_within_the_network(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "ftp A 192.0.2.77\n");
	assert_rules(w, "");
	rule_change(w, 0, ZONE "ftp A 192.0.2.78\nshop CNAME www\n");
	assert_rules(w, "");
	/* A private address leads nobody away. */
	rule_change(w, 0, ZONE "ftp A 192.168.5.5\nshop CNAME www\nwww AAAA fd00::1\n");
	assert_rules(w, "unseen-type");
	assert_false(w->last->escalate);
}

static void test_configured_networks(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	struct zw_net nets[2];

	(void)state;
	assert_int_equal(zw_net_parse("192.0.2.0/25", &nets[0]), 0);
	assert_int_equal(zw_net_parse("2001:db8:7::/48", &nets[1]), 0);
	w->in.familiar = nets;
	w->in.familiars = 2;
	rule_change(w, 0, ZONE "a A 192.0.2.127\nb AAAA 2001:db8:7:1::1\n");
	assert_rules(w, "");
	rule_change(w, 0, ZONE "a A 192.0.2.128\nb AAAA 2001:db8:7:1::1\n");
	assert_rules(w, "redirect-outside");
	assert_string_equal(rule_finding(w, "redirect-outside")->reason,
		"a.example.com. A leads to 192.0.2.128, which is in none of the familiar networks");
	/* So are private ones, where it is said what is familiar. */
	rule_change(w, 0, ZONE "a A 192.0.2.128\nb AAAA 2001:db8:7:1::1\nc A 10.1.1.1\n");
	assert_rules(w, "new-subdomain-outside");
}

static void test_new_subdomain(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "login-portal AAAA 2001:db8:bad::1\n");
	assert_rules(w, "new-subdomain-outside");
	assert_string_equal(rule_finding(w, "new-subdomain-outside")->subject, "2001:db8:bad::1");
	assert_true(w->last->escalate);
}

/* The administrator's own is told of once, and nobody is called. */
static void test_administrators_network(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	w->verdict = ZW_VERDICT_AUTHORIZED;
	rule_change(w, 0, ZONE "a A 203.0.113.1\n");
	assert_rules(w, "new-subdomain-outside");
	assert_false(w->last->escalate);
	w->verdict = ZW_VERDICT_UNJUDGED;
	rule_change(w, 0, ZONE "a A 203.0.113.1\nb A 203.0.113.2\n");
	assert_rules(w, "");
}

/* Aliases, mail and services are followed to where they end. */
static void test_by_way_of_names(void **state)
{
	static const char *const lines[] = {"mail2 CNAME hop\n", "@ MX 5 hop\n",
		"_imaps._tcp SRV 0 0 993 hop\n", "shop HTTPS 1 hop\n", "sub NS hop\n",
		"shop HTTPS 1 . ipv4hint=203.0.113.9\n", "mail2 CNAME deep.wild\n"};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(lines); i++) {
		_rule_world_ struct rule_world *w =
			rule_world_new(ZONE "hop A 203.0.113.9\n*.wild A 203.0.113.9\n");
		_zw_str_ struct zw_str records = {};
		struct zw_net nets[1];

		assert_int_equal(zw_net_parse("192.0.2.0/24", &nets[0]), 0);
		w->in.familiar = nets;
		w->in.familiars = 1;
		zw_str_addf(&records, ZONE "hop A 203.0.113.9\n*.wild A 203.0.113.9\n%s", lines[i]);
		rule_change(w, 0, records.buf);
		if (!rule_finding(w, "new-subdomain-outside") &&
			!rule_finding(w, "redirect-outside"))
			fail_msg("%s", lines[i]);
	}
}

static void test_domains(void **state)
{
	_rule_world_ struct rule_world *w =
		rule_world_new(ZONE "cdn CNAME a.cdn-provider.net.\nold TXT x\n");

	(void)state;
	/* A domain it led to before, and the zone's own. */
	rule_change(w, 0,
		ZONE "cdn CNAME b.cdn-provider.net.\nold TXT x\nimg CNAME c.cdn-provider.net.\n");
	assert_rules(w, "");
	rule_change(
		w, 0, ZONE "cdn CNAME b.evil.example.\nold TXT x\nimg CNAME c.cdn-provider.net.\n");
	assert_rules(w, "redirect-outside");
	assert_string_equal(rule_finding(w, "redirect-outside")->subject, "b.evil.example.");
	rule_change(w, 0,
		ZONE "cdn CNAME b.evil.example.\nold TXT x\nimg CNAME c.cdn-provider.net.\n"
		     "new CNAME shops.example.org.\n");
	assert_rules(w, "new-alias-outside");
	assert_false(w->last->escalate);
}

static bool serves_org(void *ctx, const uint8_t *name)
{
	(void)ctx;
	return zw_name_is_within(name, (const uint8_t *)"\7example\3org");
}

static void test_other_zone_of_this_host(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	w->in.serves = serves_org;
	rule_change(w, 0, ZONE "new CNAME www.example.org.\n");
	assert_rules(w, "");
}

/* A provider of names for hosts that go about. */
static void test_roaming_hosts(void **state)
{
	_zw_str_ struct zw_str before = {}, after = {};
	struct rule_world *w;

	(void)state;
	zw_str_add(&before, ZONE);
	for (int i = 0; i < 40; i++)
		zw_str_addf(&before, "h%d A 198.51.%d.7\n", i, i);
	zw_str_add(&after, before.buf);
	zw_str_add(&before, "laptop A 198.18.5.5\n");
	zw_str_add(&after, "laptop A 203.0.113.80\n");
	w = rule_world_new(before.buf);
	rule_change(w, 0, after.buf);
	assert_rules(w, "");
	rule_world_free(w);
}

static void test_one_finding_for_many_names(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_str_ struct zw_str after = {};

	(void)state;
	zw_str_add(&after, ZONE);
	for (int i = 0; i < 50; i++)
		zw_str_addf(&after, "host%d A 203.0.113.%d\n", i, i + 1);
	for (int i = 0; i < 50; i++)
		zw_str_addf(&after, "other%d A 198.18.%d.1\n", i, i);
	rule_change(w, 0, after.buf);
	/* One for each of the first networks, the rest is counted. */
	assert_int_equal(w->last->findings, 4);
	assert_non_null(strstr(w->last->finding[0].reason, "; and 49 more"));
}

static void test_mail(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "mx2 A 192.0.2.26\n");

	(void)state;
	rule_change(w, 0,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\nwww A 192.0.2.10\n"
		"mail A 192.0.2.25\n@ MX 10 mail\n@ MX 5 mx2\nmx2 A 192.0.2.26\n");
	assert_rules(w, "mx-change");
	assert_string_equal(rule_finding(w, "mx-change")->subject, "mx2.example.com.");
	/* Another preference, and one host fewer. */
	rule_change(w, 0,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\nwww A 192.0.2.10\n"
		"mail A 192.0.2.25\n@ MX 20 mx2\nmx2 A 192.0.2.26\n");
	assert_rules(w, "");
}

static void test_critical_names(void **state)
{
	static const char *const critical[] = {"mail", "vpn", "portal.example.com."};
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "portal A 192.0.2.30\n");

	(void)state;
	w->in.critical = critical;
	w->in.criticals = ZW_ARRAY_SIZE(critical);
	rule_change(w, 0,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\nwww A 192.0.2.11\n"
		"mail A 192.0.2.26\n@ MX 10 mail\nportal A 192.0.2.31\n");
	assert_rules(w, "critical-name");
	assert_int_equal(w->last->findings, 2);
	/* A new name was nobody's login yet, and an address less leads nowhere new. */
	rule_change(w, 0,
		"@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\nwww A 192.0.2.12\n"
		"@ MX 10 mail\nportal A 192.0.2.31\nvpn A 192.0.2.40\n");
	assert_rules(w, "");
}

static void test_wildcard(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	rule_change(w, 0, ZONE "*.dev A 192.0.2.50\n*.txt TXT x\n");
	assert_rules(w, "wildcard-created");
	assert_int_equal(w->last->findings, 1);
	rule_change(w, 0, ZONE "*.dev A 192.0.2.51\n*.txt TXT x\n");
	assert_rules(w, "");
}

static void add_names(struct zw_str *zone, const char *const *labels, size_t n, const char *address)
{
	zw_str_add(zone, ZONE);
	for (size_t i = 0; i < n; i++)
		zw_str_addf(zone, "%s A %s\n", labels[i], address);
}

static const char *const random_labels[] = {"k3jd9x0qpz7vwm2rbt5hy1c", "qx7vz0kj3pwm9rtb2hy5dlf",
	"zq8wx1vk4jm7ptb0rh3yc6d", "x5kq2jz9vw7pm4tb1rh8yfg", "vj4xq7kz2wp9mt6br3hy0cd",
	"wz3kx8qj5vp2mt9br6hy1dg", "pq9zk4xj7vw2mt5br8hy3cf", "jx2vq6zk9wp4mt7br1hy5dc",
	"kz7xj3vq8wp5mt2br9hy4fd", "xq4kz9vj2wp7mt3br5hy8cg"};

static void test_domain_shadowing(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	/* One by one, until there are enough of them. */
	for (size_t n = 1; n <= ZW_ARRAY_SIZE(random_labels); n++) {
		_zw_str_ struct zw_str zone = {};

		add_names(&zone, random_labels, n, "203.0.113.66");
		rule_change(w, MINUTE, zone.buf);
		assert_rules(w, n < ZW_ARRAY_SIZE(random_labels)
					? "new-subdomain-outside"
					: "new-subdomain-outside random-subdomains");
	}
}

static void test_random_names_of_our_own(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_str_ struct zw_str zone = {};

	(void)state;
	add_names(&zone, random_labels, ZW_ARRAY_SIZE(random_labels), "192.0.2.66");
	rule_change(w, 0, zone.buf);
	assert_rules(w, "");
}

static void test_words_are_not_random(void **state)
{
	static const char *const labels[] = {"shop", "intranet", "billing", "archive", "meeting",
		"calendar", "dhcp-client-17", "build-server-02", "statistics", "documents",
		"photos"};
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_str_ struct zw_str zone = {};

	(void)state;
	add_names(&zone, labels, ZW_ARRAY_SIZE(labels), "203.0.113.66");
	rule_change(w, 0, zone.buf);
	assert_rules(w, "new-subdomain-outside");
}

static void test_same_address_in_several_zones(void **state)
{
	static const char *const zones[] = {"example.net.", "example.org.", "example.edu."};
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(zones); i++) {
		rule_zone(w, zones[i], ZONE);
		rule_change(w, MINUTE, ZONE "x A 203.0.113.9\n");
		assert_rules(w,
			i < 2 ? "new-subdomain-outside" : "new-subdomain-outside shared-address");
	}
	/* In time. */
	rule_zone(w, "example.info.", ZONE);
	rule_change(w, 2 * DAY, ZONE "x A 203.0.113.9\n");
	assert_rules(w, "new-subdomain-outside");
}

static void test_disabled(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);

	(void)state;
	for (size_t i = 0; i < zw_rules_count(); i++)
		w->conf.rule[i].enabled = false;
	rule_change_to(w, 0, 1, "@ NS ns1.evil.example.\nwww A 203.0.113.9\n*.a A 203.0.113.9\n");
	assert_rules(w, "");
	assert_false(w->last->escalate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_move_within_the_network),
		cmocka_unit_test(test_configured_networks),
		cmocka_unit_test(test_new_subdomain),
		cmocka_unit_test(test_administrators_network),
		cmocka_unit_test(test_by_way_of_names),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_other_zone_of_this_host),
		cmocka_unit_test(test_roaming_hosts),
		cmocka_unit_test(test_one_finding_for_many_names),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_critical_names),
		cmocka_unit_test(test_wildcard),
		cmocka_unit_test(test_domain_shadowing),
		cmocka_unit_test(test_random_names_of_our_own),
		cmocka_unit_test(test_words_are_not_random),
		cmocka_unit_test(test_same_address_in_several_zones),
		cmocka_unit_test(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
