/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every format of lists, with what lists of that format are known to hold. */
#include "unit/feed_fixture.h"

/* What matches what, of one list alone. */
static const struct {
	const char *file, *wanted, *entry; /* NULL: is not listed */
} lookups[] = {
	{"plain-mixed.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-mixed.txt", "203.0.113.8", NULL},
	{"plain-mixed.txt", "203.0.113.10", NULL},
	{"plain-mixed.txt", "198.51.100.0", "198.51.100.0/24"},
	{"plain-mixed.txt", "198.51.100.255", "198.51.100.0/24"},
	{"plain-mixed.txt", "198.51.101.0", NULL},
	{"plain-mixed.txt", "0.0.0.0", NULL},
	{"plain-mixed.txt", "255.255.255.255", NULL},
	{"plain-mixed.txt", "2001:db8:bad::1", "2001:db8:bad::/48"},
	{"plain-mixed.txt", "2001:db8:bae::1", NULL},
	{"plain-mixed.txt", "2001:db8::9", "2001:db8::9"},
	{"plain-mixed.txt", "::ffff:203.0.113.9", "203.0.113.9"},
	{"plain-mixed.txt", "attacker.example.", "attacker.example"},
	{"plain-mixed.txt", "WWW.Attacker.EXAMPLE.", "attacker.example"},
	{"plain-mixed.txt", "a.b.c.d.attacker.example.", "attacker.example"},
	{"plain-mixed.txt", "myattacker.example.", NULL},
	{"plain-mixed.txt", "example.", NULL},
	{"plain-mixed.txt", ".", NULL},
	{"plain-mixed.txt", "blanks.example.", "blanks.example"},
	{"plain-byte-order-mark.txt", "attacker.example", "attacker.example"},
	{"plain-crlf.txt", "attacker.example", "attacker.example"},
	{"plain-crlf.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-idn.txt", "xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"plain-idn.txt", "XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"},
	{"plain-idn.txt", "xn--e1afmkfd.example", "xn--e1afmkfd.example"},
	{"plain-idn.txt", "x.example", "x.example"},
	{"plain-ports.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-ports.txt", "attacker.example", "attacker.example"},
	{"plain-ports.txt", "2001:db8::9", "2001:db8::9"},
	{"plain-ports.txt", "2001:db8::a", "2001:db8::a"},
	{"plain-urls.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-urls.txt", "attacker.example", "attacker.example"},
	{"plain-urls.txt", "2001:db8::9", "2001:db8::9"},
	{"plain-urls.txt", "query.example", "query.example"},
	{"plain-urls.txt", "path.example", "path.example"},
	{"plain-case-dots-wildcards.txt", "attacker.example", "attacker.example"},
	{"plain-case-dots-wildcards.txt", "a.wild.example", "wild.example"},
	{"plain-case-dots-wildcards.txt", "dot.example", "dot.example"},
	{"plain-comments.txt", "203.0.113.77", "203.0.113.0/24"},
	{"plain-comments.txt", "198.51.100.127", "198.51.100.0/25"},
	{"plain-comments.txt", "198.51.100.128", NULL},
	{"plain-comments.txt", "attacker.example", "attacker.example"},
	{"plain-host-bits-and-mapped.txt", "203.0.113.200", "203.0.113.0/24"},
	{"plain-host-bits-and-mapped.txt", "198.51.100.1", "198.51.100.1"},
	{"plain-host-bits-and-mapped.txt", "198.51.100.255", "198.51.100.128/25"},
	{"plain-bad-lines.txt", "good.example", "good.example"},
	{"plain-bad-lines.txt", "10.1.2.3", NULL},
	{"plain-no-final-newline.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-duplicates.txt", "attacker.example", "attacker.example"},
	{"plain-nested-networks.txt", "203.0.113.9", "203.0.113.9"},
	{"plain-nested-networks.txt", "203.0.113.10", "203.0.113.0/24"},
	{"plain-nested-networks.txt", "203.0.113.200", "203.0.113.128/25"},
	{"plain-nested-networks.txt", "203.0.114.1", "203.0.0.0/16"},
	{"plain-nested-networks.txt", "203.0.255.255", "203.0.0.0/16"},
	{"plain-nested-networks.txt", "203.0.200.1", "203.0.200.0/24"},
	{"plain-nested-networks.txt", "203.1.0.0", NULL},
	{"plain-nested-networks.txt", "2001:db8:bad::1", "2001:db8:bad::1"},
	{"plain-nested-networks.txt", "2001:db8:bad::2", "2001:db8:bad::/48"},
	{"plain-nested-networks.txt", "2001:db8:ffff::", "2001:db8::/32"},
	{"hosts.txt", "attacker.example", "attacker.example"},
	{"hosts.txt", "www.attacker.example", NULL},
	{"hosts.txt", "one.example", "one.example"},
	{"hosts.txt", "two.example", "two.example"},
	{"hosts.txt", "six.example", "six.example"},
	{"hosts.txt", "localhost", NULL},
	{"hosts.txt", "127.0.0.1", NULL},
	{"hosts.txt", "0.0.0.0", NULL},
	{"hosts-bad-lines.txt", "good.example", "good.example"},
	{"csv-urlhaus.csv", "203.0.113.9", "203.0.113.9"},
	{"csv-urlhaus.csv", "attacker.example", "attacker.example"},
	{"csv-urlhaus.csv", "2001:db8::9", "2001:db8::9"},
	{"csv-urlhaus.csv", "urlhaus.example", NULL},
	{"csv-feodo.csv", "203.0.113.9", "203.0.113.9"},
	{"csv-feodo.csv", "198.51.100.10", "198.51.100.10"},
	{"csv-threatfox.csv", "203.0.113.9", "203.0.113.9"},
	{"csv-threatfox.csv", "attacker.example", "attacker.example"},
	{"csv-threatfox.csv", "panel.example", "panel.example"},
	{"csv-sslbl.csv", "203.0.113.9", "203.0.113.9"},
	{"csv-bad-rows.csv", "attacker.example", "attacker.example"},
	{"csv-bad-rows.csv", "open.example", NULL},
	{"misp-string.json", "exact.example", "exact.example"},
	{"misp-string.json", "www.exact.example", NULL},
	{"misp-string.json", "203.0.113.9", "203.0.113.9"},
	{"misp-string.json", "198.51.100.9", "198.51.100.0/24"},
	{"misp-string.json", "url.example", NULL},
	{"misp-string.json", "mail.example", NULL},
	{"misp-hostname.json", "below.example", "below.example"},
	{"misp-hostname.json", "www.below.example", "below.example"},
	{"misp-hostname.json", "x.dot.example", "dot.example"},
	{"misp-hostname.json", "www.upper.example", "www.upper.example"},
	{"misp-hostname.json", "example.com", NULL},
	{"misp-cidr.json", "203.0.113.9", "203.0.113.0/24"},
	{"misp-cidr.json", "2001:db8::9", "2001:db8::/32"},
	{"misp-cidr.json", "198.51.100.7", "198.51.100.7"},
	{"misp-substring.json", "a.cdn.example", ".cdn."},
	{"misp-substring.json", "A.CDN.example", ".cdn."},
	{"misp-substring.json", "cdn.example", NULL},
	{"misp-substring.json", "x.myakamaiedge.example", "akamai"},
	{"misp-not-only-text.json", "c.example", "c.example"},
	{"misp-not-only-text.json", "b.example", NULL},
};

static void test_lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(lookups); i++) {
		_zw_feeds_free_ struct zw_feeds *feeds = NULL;
		const char *entry;

		assert_int_equal(zw_feeds_new(&feeds), 0);
		add_feed(feeds, lookups[i].file, ZW_FEED_BAD);
		entry = find(feeds, lookups[i].wanted);
		if (!entry != !lookups[i].entry || (entry && !zw_streq(entry, lookups[i].entry)))
			fail_msg("%s: %s is %s", lookups[i].file, lookups[i].wanted,
				entry ? entry : "not listed");
	}
}

static const struct {
	const char *file;
	uint64_t networks, names, substrings, duplicates, skipped, bad;
} counts[] = {
	{"plain-mixed.txt", .networks = 4, .names = 2},
	{"plain-idn.txt", .names = 4, .duplicates = 1},
	{"plain-ports.txt", .networks = 3, .names = 1},
	{"plain-urls.txt", .networks = 2, .names = 3, .bad = 1},
	{"plain-case-dots-wildcards.txt", .names = 3, .duplicates = 1},
	{"plain-comments.txt", .networks = 2, .names = 1},
	{"plain-host-bits-and-mapped.txt", .networks = 3},
	{"plain-bad-lines.txt", .names = 1, .bad = 13},
	{"plain-duplicates.txt", .networks = 1, .names = 1, .duplicates = 3},
	{"plain-empty.txt", .names = 0},
	{"hosts.txt", .names = 4, .skipped = 6},
	{"hosts-bad-lines.txt", .names = 1, .bad = 3},
	{"csv-urlhaus.csv", .networks = 2, .names = 1},
	{"csv-feodo.csv", .networks = 2},
	{"csv-threatfox.csv", .networks = 1, .names = 2, .skipped = 1},
	{"csv-sslbl.csv", .networks = 1},
	{"csv-bad-rows.csv", .names = 1, .bad = 3},
	{"csv-columns-only.csv", .names = 0},
	{"misp-string.json", .networks = 2, .names = 1, .skipped = 3},
	{"misp-hostname.json", .names = 3, .bad = 1},
	{"misp-cidr.json", .networks = 3, .bad = 1},
	{"misp-substring.json", .substrings = 2},
	{"misp-not-only-text.json", .names = 2, .bad = 3},
};

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(counts); i++) {
		_zw_feed_free_ struct zw_feed *feed = NULL;
		_zw_str_ struct zw_str error = {};
		const struct zw_feed_stats *s;

		assert_int_equal(try_feed(counts[i].file, ZW_FEED_BAD, &feed, &error), 0);
		s = zw_feed_stats(feed);
		if (s->networks != counts[i].networks || s->names != counts[i].names ||
			s->substrings != counts[i].substrings ||
			s->duplicates != counts[i].duplicates || s->skipped != counts[i].skipped ||
			s->bad != counts[i].bad)
			fail_msg(
				"%s: networks %zu names %zu substrings %zu duplicates %zu skipped %zu "
				"bad %zu",
				counts[i].file, (size_t)s->networks, (size_t)s->names,
				(size_t)s->substrings, (size_t)s->duplicates, (size_t)s->skipped,
				(size_t)s->bad);
		assert_int_equal(zw_feed_entries(s),
			counts[i].networks + counts[i].names + counts[i].substrings);
	}
}

/* The first of them are named, with their lines, and printable whatever was in them. */
static void test_bad_lines_are_named(void **state)
{
	static const struct {
		uint64_t line;
		const char *text;
	} told[ZW_FEED_BAD_TOLD] = {
		{2, "\"what?is.example\" is no domain name"},
		{3, "\"bad..example\" is no domain name"},
		{4, "\"256.1.1.1\" is no address"},
		{5, "\"1.2.3\" is no address"},
		{6, "\"0.0.0.0/0\" is every address there is"},
	};
	_zw_feed_free_ struct zw_feed *feed = NULL;
	_zw_str_ struct zw_str error = {};
	const char *nasty =
		"\x1b[31mred\n\x9b.example\nvery-" /* 70 octets and more */
		"long-but-one-label-is-not-a-name-that-anybody-would-ever-put-into-a-list\n";

	(void)state;
	assert_int_equal(try_feed("plain-bad-lines.txt", ZW_FEED_BAD, &feed, &error), 0);
	for (size_t i = 0; i < ZW_FEED_BAD_TOLD; i++) {
		assert_int_equal(zw_feed_stats(feed)->first_bad[i].line, told[i].line);
		assert_string_equal(zw_feed_stats(feed)->first_bad[i].text, told[i].text);
	}
	zw_feed_free(ZW_TAKE(feed));
	assert_int_equal(zw_feed_parse("nasty", ZW_FEED_PLAIN, ZW_FEED_BAD, nasty, strlen(nasty),
				 &feed, &error),
		0);
	assert_int_equal(zw_feed_stats(feed)->bad, 3);
	assert_string_equal(
		zw_feed_stats(feed)->first_bad[0].text, "\"\\x1b[31mred\" is no domain name");
	assert_string_equal(
		zw_feed_stats(feed)->first_bad[1].text, "\"\\x9b.example\" is no domain name");
	assert_non_null(strstr(zw_feed_stats(feed)->first_bad[2].text, "...\" is "));
}

static void test_refused_as_a_whole(void **state)
{
	static const struct {
		const char *file, *error;
	} cases[] = {
		{"csv-without-columns.csv", "names their columns"},
		{"misp-regex.json", "type \"regex\" are not supported"},
		{"misp-cut-off.json", "line 1: no JSON"},
		{"misp-no-object.json", "must be an object"},
		{"misp-without-list.json", "\"type\" and \"list\""},
		{"misp-nul.json", "no JSON"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_str_ struct zw_str error = {};
		struct zw_feed *feed = NULL;

		assert_int_equal(try_feed(cases[i].file, ZW_FEED_SUPPRESS, &feed, &error), -EINVAL);
		assert_null(feed);
		assert_non_null(error.buf);
		if (!strstr(error.buf, cases[i].error))
			fail_msg("%s: %s", cases[i].file, error.buf);
	}
}

static void test_too_many_substrings(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_feed *feed = NULL;

	(void)state;
	zw_str_add(&text, "{\"type\": \"substring\", \"list\": [\"x\"");
	for (int i = 0; i < 10000; i++)
		zw_str_add(&text, ",\"x\"");
	zw_str_add(&text, "]}");
	assert_int_equal(
		zw_feed_parse("many", ZW_FEED_MISP, ZW_FEED_BAD, text.buf, text.len, &feed, &error),
		-EINVAL);
	assert_non_null(strstr(error.buf, "too many"));
}

static void test_tags(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	uint8_t addr[4] = {203, 0, 113, 9}, name[ZW_NAME_MAX];
	struct zw_feed_match match = {};

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	add_feed(feeds, "csv-threatfox.csv", ZW_FEED_BAD);
	assert_true(zw_feeds_match_address(feeds, AF_INET, addr, &match));
	assert_string_equal(match.tag, "Cobalt Strike");
	assert_string_equal(match.feed, "csv-threatfox.csv");
	assert_int_equal(zw_name_from_text("c2.attacker.example", name, NULL), 0);
	assert_true(zw_feeds_match_name(feeds, name, &match));
	assert_string_equal(match.tag, "Lumma Stealer");
	add_feed(feeds, "plain-mixed.txt", ZW_FEED_BAD);
	addr[0] = 198, addr[1] = 51, addr[2] = 100;
	assert_true(zw_feeds_match_address(feeds, AF_INET, addr, &match));
	assert_null(match.tag);
}

/* More of them than there are numbers: those without one have no tag, and nothing else is wrong. */
static void test_many_tags(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_feed_match match = {};
	struct zw_feed *feed = NULL;
	uint8_t addr[4] = {10, 0, 0, 0};

	(void)state;
	zw_str_add(&text, "ip,malware\n");
	for (unsigned int i = 0; i < 40000; i++)
		zw_str_addf(&text, "10.0.%u.%u,m%u\n", i >> 8, i & 255, i);
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_int_equal(
		zw_feed_parse("tags", ZW_FEED_CSV, ZW_FEED_BAD, text.buf, text.len, &feed, &error),
		0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
	assert_true(zw_feeds_match_address(feeds, AF_INET, addr, &match));
	assert_string_equal(match.tag, "m0");
	addr[2] = 39999 >> 8, addr[3] = 39999 & 255;
	assert_true(zw_feeds_match_address(feeds, AF_INET, addr, &match));
	assert_null(match.tag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bad_lines_are_named),
		cmocka_unit_test(test_refused_as_a_whole),
		cmocka_unit_test(test_too_many_substrings),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_many_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
