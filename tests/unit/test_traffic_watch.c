/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each rule of traffic: what fires it, once, and what is like it and must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "engine/traffic_watch.h"

#define SECOND ZW_NSEC_PER_SEC
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define REAL_NS (20000 * DAY)
/* "example.com." */
#define ZONE "\7example\3com"

struct world {
	struct zw_traffic_book *traffic;
	struct zw_baselines *baselines;
	struct zw_watch *watch;
	struct zw_rules_conf rules;
	struct zw_query_book reading;
	uint64_t second;
	size_t begun, ended;
	char last[800];
	char source[64];
	uint64_t queries;
	struct zw_feeds *feeds;
};

static void tell(void *ctx, struct zw_alarm *a, bool ended)
{
	struct world *w = ctx;

	w->begun += !ended;
	w->ended += ended;
	w->queries = a->queries;
	snprintf(w->last, sizeof(w->last), "%s|%s|%s", a->rule, a->subject ? a->subject : "several",
		a->reason);
	snprintf(w->source, sizeof(w->source), "%s", a->source ? a->source : "");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct zw_watch_options options = {.fn = tell, .ctx = w};

	if (!w || zw_traffic_new(&w->traffic) < 0 || zw_baselines_new(&w->baselines) < 0)
		return -1;
	options.traffic = w->traffic;
	options.baselines = w->baselines;
	if (zw_watch_new(&options, &w->watch) < 0)
		return -1;
	zw_rules_conf_init(&w->rules);
	zw_watch_configure(w->watch, &w->rules);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	zw_watch_free(w->watch);
	zw_baselines_free(w->baselines);
	zw_traffic_free(w->traffic);
	zw_query_book_done(&w->reading);
	zw_feeds_free(w->feeds);
	free(w);
	return 0;
}

static void add_source(struct world *w, const char *address, struct zw_query_counts n)
{
	struct zw_query_source row = {.family = strchr(address, ':') ? AF_INET6 : AF_INET, .n = n};

	assert_int_equal(inet_pton(row.family, address, row.addr), 1);
	assert_int_equal(zw_query_book_add_source(&w->reading, &row), 0);
}

static uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* @n queries a name for @names names below the zone, whose labels have @len octets. */
static void add_names(struct world *w, const char *zone, unsigned int names, unsigned int label,
	struct zw_query_counts each)
{
	struct zw_query_zone z = {.hash = 7,
		.served = 1,
		.len = (uint8_t)(strlen(zone) + 1),
		.longest = (uint8_t)label};

	memcpy(z.name, zone, z.len);
	for (unsigned int i = 0; i < names; i++) {
		struct zw_query_name name = {.hash = random_next() | 1, .zone = 7, .n = each};
		uint64_t h = random_next();
		uint8_t rank = (uint8_t)(__builtin_ctzll(h >> 6 | 1ULL << 57) + 1);

		name.longest = (uint8_t)label;
		name.len = (uint8_t)(1 + label + z.len);
		name.name[0] = (uint8_t)label;
		memset(name.name + 1, 'a', label);
		memcpy(name.name + 1 + label, zone, z.len);
		if (rank > z.names[h & 63])
			z.names[h & 63] = rank;
		assert_int_equal(zw_query_book_add_name(&w->reading, &name), 0);
	}
	assert_int_equal(zw_query_book_add_zone(&w->reading, &z), 0);
}

/* A second is over. */
static void pass(struct world *w)
{
	uint64_t now = ++w->second * SECOND + 1000 * SECOND;

	zw_query_book_close(&w->reading);
	zw_watch_take(w->watch, &w->reading, w->feeds, now, REAL_NS + w->second * SECOND);
	zw_watch_expire(w->watch, now, false);
	zw_query_book_clear(&w->reading);
	if (w->second % 60 == 0)
		zw_watch_minute(w->watch, REAL_NS + (w->second - 60) * SECOND, true);
}

static struct zw_query_counts answered(uint64_t n)
{
	return (struct zw_query_counts){
		.queries = n, .responses = n, .query_bytes = 40 * n, .response_bytes = 80 * n};
}

static struct zw_query_counts nxdomain(uint64_t n)
{
	struct zw_query_counts c = answered(n);

	c.nxdomain = n;
	return c;
}

static void assert_begun(const struct world *w, size_t n, const char *text)
{
	if (w->begun != n || (text && strncmp(w->last, text, strlen(text)) != 0))
		fail_msg("%zu begun, the last: %s", w->begun, w->last);
}

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
		for (int host = 1; host <= 20; host++) {
			char address[INET_ADDRSTRLEN];

			snprintf(address, sizeof(address), "192.0.2.%d", host);
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

/* --- what is usual ------------------------------------------------------------------------------------- */

/* Two days of @qps from a network and for a zone. */
static void ordinary_days(struct world *w, uint64_t qps)
{
	for (uint64_t m = 0; m < 2 * 1440; m++) {
		w->second = m * 60 + 59;
		add_source(w, "192.0.2.1", answered(60 * qps + m % 7));
		add_names(w, ZONE, 1, 3, answered(60 * qps + m % 7));
		pass(w);
	}
}

static void only(struct world *w, const char *rule)
{
	for (size_t i = 0; i < zw_rules_count(); i++)
		w->rules.rule[i].enabled = strcmp(zw_rule_at(i)->id, rule) == 0;
	zw_watch_configure(w->watch, &w->rules);
}

static void test_spike_of_a_network(void **state)
{
	struct world *w = *state;

	only(w, "rate-source");
	ordinary_days(w, 20);
	assert_begun(w, 0, NULL);
	for (int i = 0; i < 120; i++) {
		add_source(w, "192.0.2.200", answered(100));
		add_source(w, "192.0.2.1", answered(100));
		/* Nothing is known of it. */
		add_source(w, "203.0.113.1", answered(900));
		pass(w);
	}
	assert_begun(w, 1, "rate-source|192.0.2.0/24|");
	assert_non_null(strstr(w->last,
		"queries from 192.0.2.0/24 in this minute so far; usual at this hour are 120"));
}

static void test_spike_of_a_zone(void **state)
{
	struct world *w = *state;

	only(w, "domain-spike");
	ordinary_days(w, 20);
	for (int i = 0; i < 120; i++) {
		add_names(w, ZONE, 1, 3, answered(200));
		pass(w);
	}
	assert_begun(w, 1, "domain-spike|example.com.|");
}

static void test_spike_of_all(void **state)
{
	struct world *w = *state;

	only(w, "traffic-spike");
	ordinary_days(w, 20);
	for (int i = 0; i < 120; i++) {
		add_source(w, "192.0.2.1", answered(200));
		pass(w);
	}
	assert_begun(w, 1, "traffic-spike||");
	assert_non_null(strstr(w->last, "queries all together in this minute"));
}

static void test_no_spike(void **state)
{
	struct world *w = *state;

	/* Thrice as much is a busy day. */
	ordinary_days(w, 20);
	for (int i = 0; i < 600; i++) {
		add_source(w, "192.0.2.1", answered(55));
		add_names(w, ZONE, 1, 3, answered(55));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

/* A hundred times of next to nothing is nothing. */
static void test_no_spike_of_little(void **state)
{
	struct world *w = *state;

	ordinary_days(w, 0);
	for (int i = 0; i < 600; i++) {
		add_source(w, "192.0.2.1", answered(40));
		add_names(w, ZONE, 1, 3, answered(40));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

static void test_disabled_rules_are_silent(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < zw_rules_count(); i++)
		w->rules.rule[i].enabled = false;
	zw_watch_configure(w->watch, &w->rules);
	for (int i = 0; i < 60; i++) {
		add_source(w, "198.51.100.7", nxdomain(50000));
		add_names(w, ZONE, 400, 60, nxdomain(10));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

/* An ordinary minute of a busy server, over and over: no finding, and the memory stays. */
static void test_an_ordinary_hour(void **state)
{
	struct world *w = *state;
	char address[INET6_ADDRSTRLEN];

	for (int s = 0; s < 600; s++) {
		for (unsigned int i = 0; i < 100; i++) {
			struct zw_query_counts c = answered(3);

			c.nxdomain = i % 3 == 0;
			snprintf(address, sizeof(address), "10.%u.%u.1",
				(unsigned int)(random_next() % 250), i);
			add_source(w, address, c);
		}
		add_names(w, ZONE, 100, 10, answered(3));
		pass(w);
	}
	assert_begun(w, 0, NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rate_limit),
		TEST(test_rate_limit_spares_resolvers_and_moments),
		TEST(test_forged_sources_are_one_finding),
		TEST(test_nxdomain_rate),
		TEST(test_refused_rate),
		TEST(test_flood_of_random_names),
		TEST(test_flood_beside_ordinary_queries),
		TEST(test_flood_that_drowns_the_server),
		TEST(test_no_flood),
		TEST(test_tunnelling),
		TEST(test_tunnelling_names_its_source),
		TEST(test_tunnelling_of_many),
		TEST(test_no_tunnelling),
		TEST(test_sources_in_feeds),
		TEST(test_names_in_feeds),
		TEST(test_refused_names_in_feeds),
		TEST(test_spike_of_a_network),
		TEST(test_spike_of_a_zone),
		TEST(test_spike_of_all),
		TEST(test_no_spike),
		TEST(test_no_spike_of_little),
		TEST(test_disabled_rules_are_silent),
		TEST(test_an_ordinary_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
