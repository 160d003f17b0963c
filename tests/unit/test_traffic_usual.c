/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that compare traffic with what is usual, and what all of them leave alone. */
#include "unit/watch_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCH_TEST(test_spike_of_a_network),
		WATCH_TEST(test_spike_of_a_zone),
		WATCH_TEST(test_spike_of_all),
		WATCH_TEST(test_no_spike),
		WATCH_TEST(test_no_spike_of_little),
		WATCH_TEST(test_disabled_rules_are_silent),
		WATCH_TEST(test_an_ordinary_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
