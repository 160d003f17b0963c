/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that lead to what feeds list. */
#include "rule_fixture.h"

#include "engine/feed.h"

#define ZONE                                    \
	"@ NS ns1\nns1 A 192.0.2.1\n"           \
	"www A 192.0.2.10\nmail A 192.0.2.25\n" \
	"@ MX 10 mail\n"

static void add(struct zw_feeds *feeds, const char *name, enum zw_feed_format format,
	enum zw_feed_kind kind, const char *text)
{
	_zw_str_ struct zw_str error = {};
	struct zw_feed *feed = NULL;

	assert_int_equal(zw_feed_parse(name, format, kind, text, strlen(text), &feed, &error), 0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
}

/* Other rules have their say on the same changes; this is about two of them. */
static const struct zw_report_finding *found(struct rule_world *w, const char *rule)
{
	return rule_finding(w, rule);
}

static struct zw_feeds *some_feeds(struct rule_world *w)
{
	struct zw_feeds *feeds = NULL;

	assert_int_equal(zw_feeds_new(&feeds), 0);
	add(feeds, "own list", ZW_FEED_PLAIN, ZW_FEED_BAD,
		"203.0.113.0/24\n2001:db8:bad::/48\nattacker.test\n192.0.2.66\n");
	add(feeds, "ThreatFox", ZW_FEED_CSV, ZW_FEED_BAD,
		"ioc_value,ioc_type,malware_printable\n198.51.100.7:443,ip:port,Cobalt Strike\n");
	add(feeds, "ours", ZW_FEED_PLAIN, ZW_FEED_SUPPRESS, "203.0.113.80\ngood.attacker.test\n");
	w->in.feeds = feeds;
	return feeds;
}

static void test_types(void **state)
{
	static const struct {
		const char *record, *rule, *reason; /* the reason after the owner's zone */
	} cases[] = {
		{"a A 203.0.113.9", "feed-address",
			"a.example.com. A leads to 203.0.113.9, which the feed \"own list\" lists as "
			"203.0.113.0/24"},
		{"a AAAA 2001:db8:bad::9", "feed-address",
			"a.example.com. AAAA leads to 2001:db8:bad::9, which the feed \"own list\" lists "
			"as 2001:db8:bad::/48"},
		{"a A 198.51.100.7", "feed-address",
			"a.example.com. A leads to 198.51.100.7, which the feed \"ThreatFox\" lists as "
			"198.51.100.7 (Cobalt Strike)"},
		{"a CNAME www.attacker.test.", "feed-domain",
			"a.example.com. CNAME leads to www.attacker.test., which the feed \"own list\" "
			"lists as attacker.test"},
		{"a DNAME attacker.test.", "feed-domain",
			"a.example.com. DNAME leads to attacker.test., which the feed \"own list\" lists "
			"as attacker.test"},
		{"a MX 10 mx.attacker.test.", "feed-domain",
			"a.example.com. MX leads to mx.attacker.test., which the feed \"own list\" lists "
			"as attacker.test"},
		{"a NS ns.attacker.test.", "feed-domain",
			"a.example.com. NS leads to ns.attacker.test., which the feed \"own list\" lists "
			"as attacker.test"},
		{"_s._tcp SRV 0 0 1 srv.attacker.test.", "feed-domain",
			"_s._tcp.example.com. SRV leads to srv.attacker.test., which the feed \"own "
			"list\" lists as attacker.test"},
		{"a HTTPS 1 web.attacker.test.", "feed-domain",
			"a.example.com. HTTPS leads to web.attacker.test., which the feed \"own list\" "
			"lists as attacker.test"},
		{"a HTTPS 1 . ipv4hint=203.0.113.9", "feed-address",
			"a.example.com. HTTPS leads to 203.0.113.9, which the feed \"own list\" lists as "
			"203.0.113.0/24"},
		{"a SVCB 1 . ipv6hint=2001:db8:bad::1", "feed-address",
			"a.example.com. SVCB leads to 2001:db8:bad::1, which the feed \"own list\" lists "
			"as 2001:db8:bad::/48"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_rule_world_ struct rule_world *w = rule_world_new(ZONE);
		_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);
		_zw_free_ char *zone = zw_asprintf("%s%s\n", ZONE, cases[i].record);

		rule_change(w, 0, zone);
		if (!found(w, cases[i].rule))
			fail_msg("\"%s\" is no %s", cases[i].record, cases[i].rule);
		assert_string_equal(found(w, cases[i].rule)->reason, cases[i].reason);
		assert_int_equal(found(w, cases[i].rule)->severity, ZW_SEVERITY_HIGH);
		assert_true(w->last->escalate);
	}
}

static void test_nothing_listed(void **state)
{
	static const char *const records[] = {"a A 203.0.112.9", "a A 203.0.113.80",
		"a CNAME good.attacker.test.", "a CNAME x.good.attacker.test.",
		"a CNAME notattacker.test.", "a MX 0 .", "a TXT \"203.0.113.9 attacker.test\"",
		"a HTTPS 1 ."};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(records); i++) {
		_rule_world_ struct rule_world *w = rule_world_new(ZONE);
		_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);
		_zw_free_ char *zone = zw_asprintf("%s%s\n", ZONE, records[i]);

		rule_change(w, 0, zone);
		if (found(w, "feed-address") || found(w, "feed-domain"))
			fail_msg("\"%s\" is listed", records[i]);
	}
}

/* A name of the zone is followed to what it has. */
static void test_by_way_of_the_zone(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "bad A 192.0.2.66\n");
	_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);

	(void)state;
	rule_change(w, 0, ZONE "bad A 192.0.2.66\nnew CNAME bad\n");
	assert_string_equal(found(w, "feed-address")->subject, "192.0.2.66");
	assert_string_equal(found(w, "feed-address")->reason,
		"new.example.com. CNAME leads to 192.0.2.66 by way of bad.example.com., which the feed "
		"\"own list\" lists as 192.0.2.66");
}

/* Only what comes is looked at: not what was there, goes, or has another TTL. */
static void test_only_new_data(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE "a A 203.0.113.9\n");
	_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);

	(void)state;
	rule_change(w, 0, ZONE "a A 203.0.113.9\nb A 192.0.2.77\n");
	assert_null(found(w, "feed-address"));
	rule_change(w, 0, ZONE "a 60 A 203.0.113.9\n");
	assert_null(found(w, "feed-address"));
	rule_change(w, 0, ZONE "a 60 A 203.0.113.9\na 60 A 192.0.2.78\n");
	assert_null(found(w, "feed-address"));
	rule_change(w, 0, ZONE);
	assert_null(found(w, "feed-address"));
}

/* A domain of one's own; one finding, however many names. */
static void test_listed_owner(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	add(feeds, "urls", ZW_FEED_PLAIN, ZW_FEED_BAD, "http://dl.example.com/x.exe\n");
	w->in.feeds = feeds;
	rule_change(w, 0, ZONE "other TXT x\n");
	assert_null(found(w, "feed-domain"));
	rule_change(w, 0, ZONE "dl TXT x\na.dl TXT y\nb.dl TXT z\n");
	assert_non_null(found(w, "feed-domain"));
	assert_string_equal(found(w, "feed-domain")->reason,
		"dl.example.com., of which records changed, is listed by the feed \"urls\" as "
		"dl.example.com; and 2 more");
}

static void test_grouped(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);
	_zw_str_ struct zw_str zone = {};
	size_t n = 0;

	(void)state;
	zw_str_add(&zone, ZONE);
	for (int i = 1; i < 70; i++)
		zw_str_addf(&zone, "h%d A 203.0.113.%d\n", i, i);
	rule_change(w, 0, zone.buf);
	for (size_t i = 0; i < w->last->findings; i++)
		n += zw_streq(w->last->finding[i].rule, "feed-address");
	assert_int_equal(n, 1);
	assert_true(zw_endswith(found(w, "feed-address")->reason, "; and 68 more"));
}

static void test_disabled(void **state)
{
	_rule_world_ struct rule_world *w = rule_world_new(ZONE);
	_zw_feeds_free_ struct zw_feeds *feeds = some_feeds(w);

	(void)state;
	for (size_t i = 0; i < zw_rules_count(); i++)
		w->conf.rule[i].enabled = !zw_streq(zw_rule_at(i)->id, "feed-address");
	rule_change(w, 0, ZONE "a A 203.0.113.9\nb CNAME attacker.test.\n");
	assert_null(found(w, "feed-address"));
	assert_non_null(found(w, "feed-domain"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_nothing_listed),
		cmocka_unit_test(test_by_way_of_the_zone),
		cmocka_unit_test(test_only_new_data),
		cmocka_unit_test(test_listed_owner),
		cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
