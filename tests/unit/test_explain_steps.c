/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that tell their transactions one by one. */
#include "unit/explain_fixture.h"

#include "zone/update.h"

/* --- transactions one by one -------------------------------------------------------------------------- */

static void add_step(struct scene *s, uint32_t serial, const char *records)
{
	s->in.steps += s->in.steps ? 1 : 2;
	s->step[s->in.steps - 1] = zone_state(serial, records);
	s->in.step = s->step;
}

static void test_steps(void **state)
{
	struct scene *s = begin();

	(void)state;
	add_step(s, 8, "www 60 A 192.0.2.66\n");
	add_step(s, 9, WWW2);
	add_step(s, 10, WWW2 "mail 60 A 203.0.113.9\n");
	update(s, s->alice, AT(10), "delete www A; add www 60 A 192.0.2.66");
	update(s, s->peer, AT(20), SET_WWW2);
	server_change(s, WWW1, WWW2 "mail 60 A 203.0.113.9\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.66",
		"update certain peer:198.51.100.9/ddns-key server:bind | www A "
		"192.0.2.66>192.0.2.2",
		"unknown none nobody server:bind | mail A ->203.0.113.9");
	assert_int_equal(s->report->serial_after, 8);
	assert_int_equal(s->out.more.items[0]->serial_before, 8);
	assert_int_equal(s->out.more.items[0]->serial_after, 9);
	end(s);
}

/* There and back: two changes, though nothing is left of them. */
static void test_steps_of_the_same(void **state)
{
	struct scene *s = begin();

	(void)state;
	add_step(s, 8, WWW2);
	add_step(s, 9, WWW1);
	add_step(s, 10, WWW2);
	update(s, s->alice, AT(10), SET_WWW2);
	update(s, s->peer, AT(20), "delete www A; add www 60 A 192.0.2.1");
	update(s, s->bob, AT(30), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2",
		"update certain peer:198.51.100.9/ddns-key server:bind | www A "
		"192.0.2.2>192.0.2.1",
		"update certain client:bob/bob-key server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_steps_at_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	add_step(s, 8, WWW2);
	book(s, make_update(SET_WWW2, s->alice, AT(10), AT(30)));
	book(s, make_update(SET_WWW2, s->bob, AT(10), AT(30)));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update ambiguous nobody client:alice client:bob/bob-key server:bind | "
		    "www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* The file was edited beside the journal: the transactions are not the whole difference. */
static void test_steps_that_lead_elsewhere(void **state)
{
	struct scene *s = begin();

	(void)state;
	add_step(s, 8, WWW2);
	update(s, s->alice, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2 "mail 60 A 203.0.113.9\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2",
		"unknown none nobody server:bind | mail A ->203.0.113.9");
	end(s);
}

/* --- no time ------------------------------------------------------------------------------------------ */

static bool after_some(void *ctx)
{
	unsigned int *left = ctx;

	return *left == 0 || --*left == 0;
}

/* Nobody is accused of what was not looked into, and all of it is told of once. */
static void test_hurried(void **state)
{
	struct scene *s = begin();
	unsigned int left = 2;

	(void)state;
	s->in.hurried = after_some;
	s->in.hurried_ctx = &left;
	add_step(s, 8, "www 60 A 192.0.2.66\n");
	add_step(s, 9, WWW2);
	add_step(s, 10, WWW2 "mail 60 A 203.0.113.9\n");
	update(s, s->alice, AT(10), "delete www A; add www 60 A 192.0.2.66");
	update(s, s->peer, AT(20), SET_WWW2);
	update(s, s->peer, AT(30), "add mail 60 A 203.0.113.9");
	server_change(s, WWW1, WWW2 "mail 60 A 203.0.113.9\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.66",
		"unknown none nobody server:bind | mail A ->203.0.113.9 www A "
		"192.0.2.66>192.0.2.2");
	assert_string_equal(s->out.more.items[0]->reason[0],
		"the agent was asked to stop before it had looked for who did this");
	end(s);
}

static void test_hurried_from_the_beginning(void **state)
{
	struct scene *s = begin();
	unsigned int left = 0;

	(void)state;
	s->in.hurried = after_some;
	s->in.hurried_ctx = &left;
	update(s, s->alice, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* What the server wrote in @steps steps from the state @first. */
static void explain_steps(struct scene *s, struct zw_snapshot *first, unsigned int steps)
{
	s->in.step = s->step;
	s->report = calloc(1, sizeof(*s->report));
	assert_non_null(s->report);
	assert_int_equal(zw_diff_new(first, s->step[steps], &s->report->diff), 0);
	wrote(s, s->server, ZW_ROLE_SERVER);
	explain(s);
}

/* --- what it costs ------------------------------------------------------------------------------------ */

/* Clients that take turns, each with an update of its own for one name of @names; the requests that were tried. */
static uint64_t cost_of(unsigned int steps, unsigned int names, bool at_once)
{
	_zw_snapshot_ struct zw_snapshot *first = zone_state(7, "");
	struct scene *s = begin();
	uint64_t tried;

	s->in.from_ns = FROM;
	s->in.to_ns = FROM + 2 * MS + steps * 2 * MS;
	s->in.to_end_ns = s->in.to_ns + MS;
	s->step[s->in.steps++] = zw_snapshot_ref(first);
	for (unsigned int i = 0; i < steps; i++) {
		uint64_t asked = FROM + 2 * MS + (at_once ? 0 : i * 2 * MS);
		struct client who = i % 2 ? s->alice : s->peer;
		struct zw_request *r;
		char words[64];

		snprintf(words, sizeof(words), "%s h%u 60 A 192.0.2.1",
			i / names % 2 ? "delete" : "add", i % names);
		r = book(s, make_update(words, who, asked, at_once ? s->in.to_ns : asked + MS));
		assert_int_equal(
			zw_update_apply(s->step[i], r->message, &s->step[s->in.steps++]), 0);
	}
	explain_steps(s, first, steps);
	if (!at_once) {
		assert_int_equal(s->out.more.len + 1, steps);
		ZW_VEC_FOREACH(r, &s->out.more)
			assert_int_equal((*r)->attribution, ZW_ATTRIBUTION_CERTAIN);
	}
	tried = s->out.tried;
	/* The first one is [0], which change() would have put there. */
	end(s);
	return tried;
}

/* What a thousand steps cost is a thousand times what one costs, give or take those that ask for the same. */
static void test_many_steps(void **state)
{
	uint64_t one = cost_of(1, 1, false);

	(void)state;
	assert_true(one > 0);
	assert_true(cost_of(1001, 1001, false) <= 1001 * one);
	assert_true(cost_of(1001, 7, false) <= 1001 * 8 * one);
	assert_true(cost_of(1001, 1, false) <= 1001 * 8 * one);
}

/* In which order they had their turns cannot be told: there is a bound to the trying. */
static void test_many_steps_at_once(void **state)
{
	(void)state;
	assert_true(cost_of(301, 301, true) <= 301 * 4);
	assert_true(cost_of(301, 1, true) <= 4096 + 32 * 302);
}

/* Of every tenth step the request was not seen. Nobody else is suspected of it who was done before, or asked later, by the
 * steps around it. */
static void test_many_steps_of_which_some_are_nobodys(void **state)
{
	const unsigned int steps = 1000, names = 5;
	_zw_snapshot_ struct zw_snapshot *first = zone_state(7, "");
	struct scene *s = begin();
	unsigned int nobodys = 0;

	(void)state;
	s->in.to_ns = FROM + 2 * MS + (steps + 4) * MS;
	s->in.to_end_ns = s->in.to_ns + MS;
	s->step[s->in.steps++] = zw_snapshot_ref(first);
	for (unsigned int i = 0; i < steps; i++) {
		uint64_t asked = FROM + 2 * MS + i * MS;
		char words[96];
		struct zw_request *r;

		snprintf(words, sizeof(words), "delete h%u A; add h%u 60 A 10.0.%u.%u", i % names,
			i % names, i >> 8, i & 255);
		/* Each is still under way when the next three are asked. */
		r = make_update(words, i % 2 ? s->alice : s->peer, asked, asked + 4 * MS);
		assert_int_equal(
			zw_update_apply(s->step[i], r->message, &s->step[s->in.steps++]), 0);
		if (i % 10 == 9)
			zw_request_unref(r);
		else
			book(s, r);
	}
	explain_steps(s, first, steps);
	assert_int_equal(s->out.more.len + 1, steps);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_CERTAIN);
	ZW_VEC_FOREACH(r, &s->out.more) {
		nobodys += (*r)->attribution == ZW_ATTRIBUTION_NONE;
		assert_true((*r)->attribution == ZW_ATTRIBUTION_NONE ||
			    (*r)->attribution == ZW_ATTRIBUTION_CERTAIN);
	}
	assert_int_equal(nobodys, steps / 10);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_steps_of_the_same),
		cmocka_unit_test(test_steps_at_once),
		cmocka_unit_test(test_steps_that_lead_elsewhere),
		cmocka_unit_test(test_hurried),
		cmocka_unit_test(test_hurried_from_the_beginning),
		cmocka_unit_test(test_many_steps),
		cmocka_unit_test(test_many_steps_at_once),
		cmocka_unit_test(test_many_steps_of_which_some_are_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
