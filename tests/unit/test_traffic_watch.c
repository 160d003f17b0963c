/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each rule of traffic with limits of its own: what fires it, once, and what is like it and must not. */
#include "unit/watch_fixture.h"

/* --- sources ------------------------------------------------------------------------------------------- */

static void test_rate_limit(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 300; i++) {
		add_source(w, "198.51.100.7", answered(2000));
		add_source(w, "192.0.2.1", answered(300));
		pass(w);
	}
	assert_begun(w, 1, "rate-limit|198.51.100.7|198.51.100.7 asks 2000 times a second");
	for (int i = 0; i < 200; i++)
		pass(w);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->queries, 300 * 2000);
}

/* A large resolver asks hundreds of times a second all day, and a moment is no rate. */
static void test_rate_limit_spares_resolvers_and_moments(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 600; i++) {
		add_source(w, "8.8.8.8", answered(900));
		if (i % 60 == 0)
			add_source(w, "2001:db8::1", answered(5000));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

static void test_forged_sources_are_one_finding(void **state)
{
	struct world *w = *state;
	char address[INET_ADDRSTRLEN];

	for (int s = 0; s < 20; s++) {
		for (unsigned int i = 0; i < 200; i++) {
			snprintf(address, sizeof(address), "10.%u.0.1", i);
			add_source(w, address, answered(2000));
		}
		pass(w);
	}
	assert_begun(w, ZW_ALARM_OPEN_MAX + 1, "rate-limit|several|");
}

static void test_nxdomain_rate(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		struct zw_query_counts some = answered(50);

		add_source(w, "198.51.100.7", nxdomain(40));
		/* A resolver with clients that mistype. */
		some.nxdomain = 20;
		add_source(w, "192.0.2.1", some);
		/* A few that ask for nothing else. */
		add_source(w, "192.0.2.9", nxdomain(2));
		pass(w);
	}
	assert_begun(w, 1,
		"nxdomain-rate|198.51.100.7|100 % of the answers to 198.51.100.7 are NXDOMAIN: ");
}

static void test_refused_rate(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		struct zw_query_counts all = answered(10), some = answered(10);

		all.refused = 10;
		some.refused = 2;
		add_source(w, "2001:db8::7", all);
		add_source(w, "2001:db8:1::7", some);
		pass(w);
	}
	assert_begun(w, 1, "refused-rate|2001:db8::7|");
}

/* --- zones --------------------------------------------------------------------------------------------- */

static void test_flood_of_random_names(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 300; i++) {
		add_names(w, ZONE, 400, 12, nxdomain(1));
		pass(w);
	}
	assert_begun(w, 1, "random-subdomain-flood|example.com.|about ");
	assert_non_null(strstr(w->last, "% failed"));
	zw_watch_expire(w->watch, 1000000 * SECOND, false);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->queries, 300 * 400);
}

/* Beside what is asked for again and again, and succeeds. */
static void test_flood_beside_ordinary_queries(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		struct zw_query_name www = {
			.hash = 5, .zone = 7, .longest = 3, .len = 17, .n = answered(20000)};

		if (i >= 20)
			add_names(w, ZONE, 600, 12, nxdomain(1));
		else
			add_names(w, ZONE, 0, 3, answered(0));
		assert_int_equal(zw_query_book_add_name(&w->reading, &www), 0);
		pass(w);
		if (i < 20)
			assert_begun(w, 0, NULL);
	}
	assert_begun(w, 1, "random-subdomain-flood|example.com.|");
}

/* What is not answered at all failed, too. */
static void test_flood_that_drowns_the_server(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 60; i++) {
		add_names(w, ZONE, 400, 12, (struct zw_query_counts){.queries = 1});
		pass(w);
	}
	assert_begun(w, 1, "random-subdomain-flood|example.com.|");
}

static void test_no_flood(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		/* Many names that exist, as of a large zone. */
		add_names(w, ZONE, 400, 12, answered(1));
		pass(w);
	}
	for (int i = 0; i < 120; i++) {
		/* A few names that do not, over and over. */
		add_names(w, "\7example\3net", 5, 12, nxdomain(400));
		pass(w);
	}
	for (int i = 0; i < 120; i++) {
		/* Typing errors. */
		add_names(w, "\7example\3org", 20, 12, nxdomain(1));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

static void test_tunnelling(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		struct zw_query_counts c = answered(1);

		c.query_bytes = 120;
		c.response_bytes = 400;
		add_names(w, "\6tunnel\7example", 10, 60, c);
		pass(w);
	}
	assert_begun(w, 1, "tunnelling|tunnel.example.|about ");
	assert_non_null(strstr(w->last, "labels of up to 60 octets"));
	/* Nobody was seen to ask. */
	assert_null(strstr(w->last, "looked at"));
	assert_string_equal(w->source, "");
}

/* @n new names of a zone from an address; add_names() has zone 7. */
static void add_askers(
	struct world *w, uint64_t zone, uint8_t longest, const char *address, unsigned int n)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	uint8_t addr[16] = {};

	assert_int_equal(inet_pton(family, address, addr), 1);
	for (unsigned int i = 0; i < n; i++)
		zw_watch_new_name(
			w->watch, zone, longest, family, addr, (w->second + 1001) * SECOND);
}

static void add_tunnel(struct world *w)
{
	struct zw_query_counts c = answered(1);

	c.query_bytes = 120;
	c.response_bytes = 400;
	add_names(w, "\6tunnel\7example", 10, 60, c);
}

static void test_tunnelling_names_its_source(void **state)
{
	struct world *w = *state;

	/* Long before. */
	add_askers(w, 7, 60, "192.0.2.99", 1000);
	for (int i = 0; i < 120; i++)
		pass(w);
	for (int i = 0; i < 60; i++) {
		add_askers(w, 7, 60, "2001:db8::7", 8);
		add_askers(w, 7, 60, "192.0.2.1", 1);
		add_askers(w, 7, 60, "192.0.2.2", 1);
		/* Of another zone, and with other labels. */
		add_askers(w, 8, 60, "192.0.2.3", 20);
		add_askers(w, 7, 12, "192.0.2.4", 20);
		add_tunnel(w);
		pass(w);
	}
	assert_begun(w, 1, "tunnelling|tunnel.example.|about ");
	assert_non_null(
		strstr(w->last, "of them that were looked at, 80 % came from 2001:db8::7, "));
	assert_null(strstr(w->last, "192.0.2.3"));
	assert_null(strstr(w->last, "192.0.2.4"));
	assert_null(strstr(w->last, "192.0.2.99"));
	assert_string_equal(w->source, "2001:db8::7");
}

static void test_tunnelling_of_many(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 60; i++) {
		for (uint8_t host = 1; host <= 20; host++) {
			char address[INET_ADDRSTRLEN];

			snprintf(address, sizeof(address), "192.0.2.%u", host);
			add_askers(w, 7, 60, address, 1);
		}
		add_tunnel(w);
		pass(w);
	}
	assert_begun(w, 1, "tunnelling|tunnel.example.|about ");
	assert_non_null(strstr(w->last, "no more than 5 % came from one of 20 addresses"));
	assert_string_equal(w->source, "");
}

static void test_no_tunnelling(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++) {
		/* The same few long names, as of DKIM and ACME. */
		struct zw_query_name name = {
			.hash = 99, .zone = 7, .longest = 63, .len = 70, .n = answered(20)};

		add_names(w, ZONE, 20, 30, answered(1));
		name.zone = 7;
		assert_int_equal(zw_query_book_add_name(&w->reading, &name), 0);
		pass(w);
	}
	for (int i = 0; i < 120; i++) {
		/* A flood with long labels is a flood. */
		add_names(w, "\7example\3net", 60, 50, nxdomain(1));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

/* --- feeds --------------------------------------------------------------------------------------------- */

static void add_feed(struct world *w, const char *text)
{
	_zw_str_ struct zw_str error = {};
	struct zw_feed *feed = NULL;

	assert_int_equal(zw_feeds_new(&w->feeds), 0);
	assert_int_equal(zw_feed_parse("bad ones", ZW_FEED_PLAIN, ZW_FEED_BAD, text, strlen(text),
				 &feed, &error),
		0);
	assert_int_equal(zw_feeds_replace(w->feeds, NULL, feed), 0);
}

static void test_sources_in_feeds(void **state)
{
	struct world *w = *state;

	add_feed(w, "198.51.100.0/24\n");
	for (int i = 0; i < 200; i++) {
		add_source(w, "198.51.100.7", answered(1));
		add_source(w, "192.0.2.1", answered(100));
		pass(w);
	}
	assert_begun(w, 1,
		"feed-source|198.51.100.7|198.51.100.7 asks; the feed 'bad ones' lists 198.51.100.0/24");
	/* When it was told of. */
	assert_int_equal(w->queries, 1);
	zw_watch_expire(w->watch, 1000000 * SECOND, true);
	assert_int_equal(w->queries, 200);
}

static void test_names_in_feeds(void **state)
{
	struct world *w = *state;

	add_feed(w, "evil.example\n");
	for (int i = 0; i < 200; i++) {
		/* Below it as many as anybody likes: one finding. */
		add_names(w, "\4evil\7example", 20, 9, answered(1));
		add_names(w, ZONE, 20, 9, answered(1));
		pass(w);
	}
	assert_begun(w, 1, "feed-query|evil.example");
	zw_watch_expire(w->watch, 1000000 * SECOND, true);
	assert_int_equal(w->queries, 200 * 20);
}

/* A query for a listed name in each of so many seconds, which is told of in the second after it. */
static void ask_for_listed(struct world *w, const char *const *address, unsigned int n)
{
	uint8_t addr[16] = {};

	for (unsigned int i = 0; i < n; i++) {
		struct zw_query_name row = {.hash = 77, .zone = 7, .len = 14, .n = answered(1)};

		memcpy(row.name, "\4evil\7example", 14);
		if (address[i]) {
			assert_int_equal(inet_pton(AF_INET, address[i], addr), 1);
			zw_watch_asker(w->watch, 77, AF_INET, addr, (w->second + 1000) * SECOND);
		}
		if (i + 1 == n)
			assert_int_equal(zw_query_book_add_name(&w->reading, &row), 0);
		pass(w);
	}
}

static void test_names_in_feeds_have_a_source(void **state)
{
	struct world *w = *state;

	add_feed(w, "evil.example\n");
	ask_for_listed(w, (const char *const[]){"192.0.2.9"}, 1);
	assert_begun(w, 1, "feed-query|evil.example|evil.example. was asked for by 192.0.2.9; ");
	assert_string_equal(w->source, "192.0.2.9");
}

static void test_names_in_feeds_asked_for_by_several(void **state)
{
	struct world *w = *state;

	add_feed(w, "evil.example\n");
	ask_for_listed(w, (const char *const[]){"192.0.2.9", "192.0.2.9", "192.0.2.8"}, 3);
	assert_begun(
		w, 1, "feed-query|evil.example|evil.example. was asked for, first by 192.0.2.9; ");
	assert_string_equal(w->source, "192.0.2.9");
}

/* Another name in the same place, or one who asked before the others by far, accuses nobody. */
static void test_names_in_feeds_of_unseen_askers(void **state)
{
	struct world *w = *state;
	const char *nobody[30] = {"192.0.2.9"};
	uint8_t addr[16] = {192, 0, 2, 7};

	add_feed(w, "evil.example\n");
	zw_watch_asker(w->watch, 77 + (UINT64_C(1) << 40), AF_INET, addr, 1029 * SECOND);
	ask_for_listed(w, nobody, 30);
	assert_begun(w, 1, "feed-query|evil.example|evil.example. was asked for; ");
	assert_string_equal(w->source, "");
}

/* Anybody can ask a server for what it refuses. */
static void test_refused_names_in_feeds(void **state)
{
	struct world *w = *state;

	add_feed(w, "evil.example\n");
	for (int i = 0; i < 20; i++) {
		struct zw_query_counts refused = answered(1);

		refused.refused = 1;
		add_names(w, "\4evil\7example", 2, 9, refused);
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCH_TEST(test_rate_limit),
		WATCH_TEST(test_rate_limit_spares_resolvers_and_moments),
		WATCH_TEST(test_forged_sources_are_one_finding),
		WATCH_TEST(test_nxdomain_rate),
		WATCH_TEST(test_refused_rate),
		WATCH_TEST(test_flood_of_random_names),
		WATCH_TEST(test_flood_beside_ordinary_queries),
		WATCH_TEST(test_flood_that_drowns_the_server),
		WATCH_TEST(test_no_flood),
		WATCH_TEST(test_tunnelling),
		WATCH_TEST(test_tunnelling_names_its_source),
		WATCH_TEST(test_tunnelling_of_many),
		WATCH_TEST(test_no_tunnelling),
		WATCH_TEST(test_sources_in_feeds),
		WATCH_TEST(test_names_in_feeds),
		WATCH_TEST(test_names_in_feeds_have_a_source),
		WATCH_TEST(test_names_in_feeds_asked_for_by_several),
		WATCH_TEST(test_names_in_feeds_of_unseen_askers),
		WATCH_TEST(test_refused_names_in_feeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
