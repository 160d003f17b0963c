/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refused updates: few are told one by one, many are counted; nothing is lost, and nobody takes the memory. */
#include "engine/refusals.h"

#include "unit/request_fixture.h"

#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

struct book {
	struct zw_refusals *refusals;
	uint64_t told, sums, counted, asked, several;
	struct zw_refusals_sum last;
};

static void on_sum(void *ctx, const struct zw_refusals_sum *sum)
{
	struct book *b = ctx;

	assert_non_null(sum->last);
	assert_true(sum->count > 0 && sum->first_ns <= sum->last_ns);
	b->sums++;
	b->counted += sum->count;
	b->asked += sum->asked;
	b->several += sum->several;
	b->last = *sum;
	b->last.last = NULL;
}

static struct book begin(void)
{
	struct book b = {};

	assert_int_equal(zw_refusals_new(&b.refusals), 0);
	return b;
}

static void refuse(struct book *b, struct client client, uint16_t host, uint64_t now_ns)
{
	struct zw_request *r =
		make_update("add www 60 A 192.0.2.1; delete x A", client, now_ns, now_ns + MS);

	r->rcode = ZW_RCODE_REFUSED;
	r->client.addr[2] ^= (uint8_t)(host >> 8);
	r->client.addr[3] ^= (uint8_t)host;
	b->told += zw_refusals_take(b->refusals, r, now_ns);
	zw_request_unref(r);
}

static void expire(struct book *b, uint64_t now_ns, bool all)
{
	zw_refusals_expire(b->refusals, now_ns, all, on_sum, b);
}

static void test_few_are_told(void **state)
{
	struct client peer = {NULL, "198.51.100.9", "ddns-key"};
	struct book b = begin();

	(void)state;
	for (int i = 0; i < ZW_REFUSALS_TOLD; i++)
		refuse(&b, peer, 0, MINUTE + (uint64_t)i * SECOND);
	expire(&b, 3 * MINUTE, true);
	assert_int_equal(b.told, ZW_REFUSALS_TOLD);
	assert_int_equal(b.sums, 0);
	assert_int_equal(zw_refusals_len(b.refusals), 0);
	zw_refusals_free(b.refusals);
}

static void test_many_are_counted(void **state)
{
	struct client peer = {NULL, "198.51.100.9", "ddns-key"};
	struct book b = begin();

	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		refuse(&b, peer, 0, MINUTE + i * MS);
	assert_int_equal(b.told, ZW_REFUSALS_TOLD);
	expire(&b, 2 * MINUTE - 1, false);
	assert_int_equal(b.sums, 0);
	expire(&b, 2 * MINUTE, false);
	assert_int_equal(b.sums, 1);
	assert_int_equal(b.counted, 5000 - ZW_REFUSALS_TOLD);
	assert_int_equal(b.asked, 2 * (5000 - ZW_REFUSALS_TOLD));
	assert_int_equal(b.last.first_ns, MINUTE + 21 * MS);
	assert_int_equal(b.last.last_ns, MINUTE + 5000 * MS);
	assert_false(b.last.several);
	/* A new minute: told again. */
	refuse(&b, peer, 0, 2 * MINUTE + SECOND);
	assert_int_equal(b.told, ZW_REFUSALS_TOLD + 1);
	zw_refusals_free(b.refusals);
}

static void test_each_is_told_apart(void **state)
{
	struct client alice = {local_actor(901, "alice", "nsupdate"), "127.0.0.1", NULL};
	struct client bob = {local_actor(902, "bob", "nsupdate"), "127.0.0.1", NULL};
	struct client peer = {NULL, "198.51.100.9", NULL},
		      keyed = {NULL, "198.51.100.9", "ddns-key"};
	struct client all[] = {alice, bob, peer, keyed};
	struct book b = begin();

	(void)state;
	for (int i = 0; i < 25; i++)
		for (size_t k = 0; k < ZW_ARRAY_SIZE(all); k++)
			refuse(&b, all[k], 0, MINUTE);
	assert_int_equal(b.told, 4 * ZW_REFUSALS_TOLD);
	expire(&b, MINUTE, true);
	assert_int_equal(b.sums, 4);
	assert_int_equal(b.counted, 4 * 5);
	zw_refusals_free(b.refusals);
	zw_actor_unref(alice.actor);
	zw_actor_unref(bob.actor);
}

/* Addresses can be forged. */
static void test_spoofed_sources(void **state)
{
	struct client peer = {NULL, "198.51.100.9", NULL};
	struct book b = begin();

	(void)state;
	for (unsigned int i = 0; i < 20000; i++)
		refuse(&b, peer, (uint16_t)i, MINUTE);
	assert_int_equal(b.told, ZW_REFUSALS_TOLD_ALL);
	assert_int_equal(zw_refusals_len(b.refusals), ZW_REFUSALS_MAX);
	expire(&b, MINUTE, true);
	assert_int_equal(b.told + b.counted, 20000);
	assert_true(b.sums <= ZW_REFUSALS_MAX + 1);
	assert_int_equal(b.several, 1);
	assert_int_equal(zw_refusals_len(b.refusals), 0);
	zw_refusals_free(b.refusals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_told),
		cmocka_unit_test(test_many_are_counted),
		cmocka_unit_test(test_each_is_told_apart),
		cmocka_unit_test(test_spoofed_sources),
	};

	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
