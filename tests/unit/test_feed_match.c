/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several lists together, and large ones against plain loops. */
#include "unit/feed_fixture.h"

#include "engine/policy.h"

static void test_nothing_listed(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;

	(void)state;
	assert_null(find(NULL, "203.0.113.9"));
	assert_null(find(NULL, "attacker.example"));
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_null(find(feeds, "203.0.113.9"));
	add_feed(feeds, "plain-empty.txt", ZW_FEED_BAD);
	assert_null(find(feeds, "203.0.113.9"));
	assert_null(find(feeds, "2001:db8::9"));
	assert_null(find(feeds, "attacker.example"));
}

static void test_suppression_wins(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	add_feed(feeds, "misp-cidr.json", ZW_FEED_SUPPRESS);
	/* Alone it warns of nothing. */
	assert_null(find(feeds, "203.0.113.9"));
	add_feed(feeds, "plain-mixed.txt", ZW_FEED_BAD);
	assert_null(find(feeds, "203.0.113.9"));
	assert_null(find(feeds, "2001:db8:bad::1"));
	assert_non_null(find(feeds, "198.51.100.9"));
	assert_null(find(feeds, "198.51.100.7"));
	assert_non_null(find(feeds, "www.attacker.example"));
	add_feed(feeds, "plain-duplicates.txt", ZW_FEED_SUPPRESS);
	assert_null(find(feeds, "www.attacker.example"));
	assert_non_null(find(feeds, "blanks.example"));
}

static void test_suppressed_by_text(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	struct zw_feed *bad = NULL;
	_zw_str_ struct zw_str error = {};
	const char text[] = "e1.akamaiedge.example\nother.example\n";

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_int_equal(
		zw_feed_parse("bad", ZW_FEED_PLAIN, ZW_FEED_BAD, text, strlen(text), &bad, &error),
		0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, bad), 0);
	add_feed(feeds, "misp-substring.json", ZW_FEED_SUPPRESS);
	assert_null(find(feeds, "e1.akamaiedge.example"));
	assert_non_null(find(feeds, "other.example"));
}

static void test_replace_and_drop(void **state)
{
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	struct zw_feed *first = NULL, *second = NULL;
	_zw_str_ struct zw_str error = {};

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_int_equal(try_feed("plain-mixed.txt", ZW_FEED_BAD, &first, &error), 0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, first), 0);
	assert_non_null(find(feeds, "attacker.example"));
	assert_int_equal(try_feed("plain-nested-networks.txt", ZW_FEED_BAD, &second, &error), 0);
	assert_int_equal(zw_feeds_replace(feeds, first, second), 0);
	assert_null(find(feeds, "attacker.example"));
	assert_non_null(find(feeds, "203.0.200.1"));
	zw_feeds_drop(feeds, second);
	assert_null(find(feeds, "203.0.200.1"));
}

static void test_exact_gives_way(void **state)
{
	const char *texts[] = {"0.0.0.0 both.example\n", "both.example\n"};
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	_zw_str_ struct zw_str error = {};

	(void)state;
	assert_int_equal(zw_feeds_new(&feeds), 0);
	for (int i = 0; i < 2; i++) {
		struct zw_feed *feed = NULL;

		assert_int_equal(zw_feed_parse("f", i ? ZW_FEED_PLAIN : ZW_FEED_HOSTS, ZW_FEED_BAD,
					 texts[i], strlen(texts[i]), &feed, &error),
			0);
		assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
		assert_int_equal(find(feeds, "below.both.example") != NULL, i == 1);
	}
}

static uint64_t seed = 7;

static uint32_t random_number(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((seed >> 33) % below);
}

/* Networks that nest in all ways, in few addresses. */
static void random_net(int family, struct zw_net *net)
{
	unsigned int bits = family == AF_INET ? 32 : 128;

	*net = (struct zw_net){.family = family, .prefix = (uint8_t)(bits - random_number(16))};
	net->addr[0] = 10;
	net->addr[bits / 8 - 2] = (uint8_t)random_number(16);
	net->addr[bits / 8 - 1] = (uint8_t)random_number(256);
	for (unsigned int i = net->prefix; i < bits; i++)
		net->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void check_addresses(int family)
{
	struct zw_net nets[300];
	char text[ZW_NET_TEXT_MAX], addr_text[INET6_ADDRSTRLEN];
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	_zw_str_ struct zw_str list = {}, error = {};
	struct zw_feed *feed = NULL;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(nets); i++) {
		random_net(family, &nets[i]);
		zw_net_to_text(&nets[i], text);
		zw_str_addf(&list, "%s\n", text);
	}
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_int_equal(zw_feed_parse("random", ZW_FEED_PLAIN, ZW_FEED_BAD, list.buf, list.len,
				 &feed, &error),
		0);
	assert_int_equal(zw_feed_stats(feed)->bad, 0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
	for (int n = 0; n < 2000; n++) {
		const struct zw_net *best = NULL;
		struct zw_net one;
		const char *found;

		random_net(family, &one);
		inet_ntop(family, one.addr, addr_text, sizeof(addr_text));
		for (size_t i = 0; i < ZW_ARRAY_SIZE(nets); i++)
			if (zw_net_contains(&nets[i], addr_text) &&
				(!best || nets[i].prefix > best->prefix))
				best = &nets[i];
		found = find(feeds, addr_text);
		assert_int_equal(found == NULL, best == NULL);
		if (!best)
			continue;
		zw_net_to_text(best, text);
		assert_string_equal(found, text);
	}
}

static void test_smallest_network(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		check_addresses(AF_INET);
		check_addresses(AF_INET6);
	}
}

static void random_name(char *text, size_t size)
{
	unsigned int labels = 2 + random_number(3);
	size_t n = 0;

	for (unsigned int i = 0; i < labels; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%c%c", i ? "." : "",
			(int)('a' + random_number(6)), (int)('x' + random_number(2)));
}

static void test_names_against_a_loop(void **state)
{
	char listed[400][32], wanted[32];
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	_zw_str_ struct zw_str list = {}, error = {};
	struct zw_feed *feed = NULL;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(listed); i++) {
		random_name(listed[i], sizeof(listed[i]));
		zw_str_addf(&list, "%s\n", listed[i]);
	}
	assert_int_equal(zw_feeds_new(&feeds), 0);
	assert_int_equal(zw_feed_parse("random", ZW_FEED_PLAIN, ZW_FEED_BAD, list.buf, list.len,
				 &feed, &error),
		0);
	assert_int_equal(zw_feeds_replace(feeds, NULL, feed), 0);
	for (int n = 0; n < 5000; n++) {
		const char *best = NULL, *found;

		random_name(wanted, sizeof(wanted));
		for (size_t i = 0; i < ZW_ARRAY_SIZE(listed); i++) {
			size_t at = strlen(wanted) - strlen(listed[i]);

			if (strlen(listed[i]) <= strlen(wanted) && zw_endswith(wanted, listed[i]) &&
				(at == 0 || wanted[at - 1] == '.') &&
				(!best || strlen(listed[i]) > strlen(best)))
				best = listed[i];
		}
		found = find(feeds, wanted);
		assert_int_equal(found == NULL, best == NULL);
		if (best)
			assert_string_equal(found, best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_listed),
		cmocka_unit_test(test_suppression_wins),
		cmocka_unit_test(test_suppressed_by_text),
		cmocka_unit_test(test_replace_and_drop),
		cmocka_unit_test(test_exact_gives_way),
		cmocka_unit_test(test_smallest_network),
		cmocka_unit_test(test_names_against_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
