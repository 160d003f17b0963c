/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates and what becomes of a zone. */
#include "unit/explain_fixture.h"

/* --- updates ------------------------------------------------------------------------------------------ */

static void test_one_update(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	assert_false(s->out.unsettled);
	assert_int_equal(s->report->serial_before, 7);
	assert_int_equal(s->report->serial_after, 8);
	assert_int_equal(s->report->reasons, 0);
	assert_int_equal(s->report->cause[0].evidence, ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT);
	assert_string_equal(s->report->cause[0].peer, "127.0.0.1");
	assert_int_equal(s->report->cause[0].peer_port, 41234);
	assert_int_equal(s->report->time_ns, AT(11) + REAL_OFFSET);
	end(s);
}

static void test_update_from_elsewhere(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->peer, AT(10), "add www 60 A 192.0.2.1");
	server_change(s, "", WWW1);
	CAME_OUT(s, "update certain peer:198.51.100.9/ddns-key server:bind | www A ->192.0.2.1");
	assert_null(s->report->cause[0].actor);
	end(s);
}

/* A difference that nobody asked for is nobody's, whoever asked for something else. */
static void test_nobody_asked(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "add mail 60 A 192.0.2.9");
	server_change(s, WWW1 "mail 60 A 192.0.2.9\n", WWW2 "mail 60 A 192.0.2.9\n");
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	assert_true(s->out.unsettled);
	end(s);
}

static void test_other_content_is_not_explained(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "delete www A; add www 60 A 192.0.2.3");
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_refused_and_outside_updates(void **state)
{
	struct scene *s = begin();
	struct zw_request *r = update(s, s->alice, AT(10), SET_WWW2);

	(void)state;
	r->rcode = ZW_RCODE_REFUSED;
	update(s, s->bob, AT(-50), SET_WWW2);  /* over before the first reading */
	update(s, s->peer, AT(150), SET_WWW2); /* after the second */
	r = make_update(SET_WWW2, s->other, AT(20), AT(21));
	r->server_process.tgid = 999; /* another server's */
	book(s, r);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* Each gets what it asked for, whatever the order. */
static void test_two_merged(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->peer, AT(10), "add a 60 A 192.0.2.1");
	update(s, s->alice, AT(10), "add b 60 A 192.0.2.2; delete c");
	server_change(s, "c 60 A 192.0.2.3\n", "a 60 A 192.0.2.1\nb 60 A 192.0.2.2\n");
	CAME_OUT(s, "update certain peer:198.51.100.9/ddns-key server:bind | a A ->192.0.2.1",
		"update certain client:alice server:bind | b A ->192.0.2.2 c A 192.0.2.3>-");
	assert_int_equal(s->out.more.items[0]->serial_after, 8);
	assert_string_equal(s->out.more.items[0]->zone, "example.");
	end(s);
}

static void test_two_add_to_one_set(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "add www 60 A 192.0.2.2");
	update(s, s->peer, AT(10), "add www 60 A 192.0.2.3");
	server_change(s, WWW1, WWW1 WWW2 "www 60 A 192.0.2.3\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.1,192.0.2.2",
		"update certain peer:198.51.100.9/ddns-key server:bind | www A "
		"192.0.2.1,192.0.2.2>192.0.2.1,192.0.2.2,192.0.2.3");
	end(s);
}

static void test_the_same_asked_by_two_at_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	book(s, make_update(SET_WWW2, s->alice, AT(10), AT(12)));
	book(s, make_update(SET_WWW2, s->peer, AT(11), AT(13)));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update ambiguous nobody client:alice peer:198.51.100.9/ddns-key server:bind | "
		    "www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* Who comes later asks for what is so already. */
static void test_the_same_asked_one_after_the_other(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), SET_WWW2);
	update(s, s->peer, AT(20), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_overwritten(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "delete www A; add www 60 A 192.0.2.66");
	update(s, s->peer, AT(20), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain peer:198.51.100.9/ddns-key client:alice server:bind | "
		    "www A 192.0.2.1>192.0.2.2");
	assert_true(has_reason(s->report, "nsupdate asked for changes of the same records before"));
	end(s);
}

/* The order of the two is not known from their times, but only one gives the state after. */
static void test_order_told_by_content(void **state)
{
	struct scene *s = begin();

	(void)state;
	book(s, make_update(SET_WWW2, s->peer, AT(10), AT(20)));
	book(s, make_update("delete www A; add www 60 A 192.0.2.66", s->alice, AT(11), AT(19)));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain peer:198.51.100.9/ddns-key client:alice server:bind | "
		    "www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* In every order alice adds .2 and the peer .4, but .3 could be from either. */
static void test_shared_record_of_two(void **state)
{
	struct scene *s = begin();

	(void)state;
	book(s, make_update("add www 60 A 192.0.2.2; add www 60 A 192.0.2.3", s->alice, AT(10),
			AT(20)));
	book(s, make_update(
			"add www 60 A 192.0.2.3; add www 60 A 192.0.2.4", s->peer, AT(11), AT(19)));
	server_change(s, "", WWW2 "www 60 A 192.0.2.3\nwww 60 A 192.0.2.4\n");
	CAME_OUT(s, "update ambiguous nobody client:alice peer:198.51.100.9/ddns-key server:bind | "
		    "www A ->192.0.2.2,192.0.2.3,192.0.2.4");
	end(s);
}

static void test_residue_is_a_change_of_its_own(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2 "www 60 TXT evil\nmail 60 A 203.0.113.9\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2",
		"unknown none nobody server:bind | mail A ->203.0.113.9 www TXT ->\"evil\"");
	assert_true(s->out.unsettled);
	end(s);
}

/* alice's address became something that she did not ask for; what she asked for beside it is there. */
static void test_partly_as_asked(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "delete www A; add www 60 A 192.0.2.3; add www 60 TXT hello");
	server_change(s, WWW1, WWW2 "www 60 TXT hello\n");
	CAME_OUT(s, "update probable client:alice server:bind | www TXT ->\"hello\"",
		"unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_no_op_updates(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->bob, AT(5), "add www 60 A 192.0.2.1; delete nothing");
	update(s, s->alice, AT(10), SET_WWW2);
	update(s, s->bob, AT(15), "add www 60 A 192.0.2.2");
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* Prerequisites that were found to hold say which came first. */
static void test_prerequisites_tell_the_order(void **state)
{
	struct scene *s = begin();

	(void)state;
	book(s, make_update(
			"require-not www TXT; add www 60 A 192.0.2.2", s->alice, AT(10), AT(20)));
	book(s, make_update("require www A; delete www A; add www 60 A 192.0.2.2; add www 60 TXT x",
			s->peer, AT(10), AT(20)));
	server_change(s, "", WWW2 "www 60 TXT x\n");
	CAME_OUT(s, "update certain client:alice server:bind | www A ->192.0.2.2",
		"update certain peer:198.51.100.9/ddns-key server:bind | www TXT ->\"x\"");
	end(s);
}

static void test_other_ttl(void **state)
{
	struct scene *s = begin();

	(void)state;
	/* Knot keeps the TTL of the set. */
	update(s, s->alice, AT(10), "add www 300 A 192.0.2.2");
	server_change(s, WWW1, WWW1 WWW2);
	CAME_OUT(
		s, "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.1,192.0.2.2");
	end(s);
	s = begin();
	update(s, s->alice, AT(10), "add www 300 A 192.0.2.2");
	server_change(s, WWW1, "www 5 A 192.0.2.1\nwww 5 A 192.0.2.2\n");
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.1,192.0.2.2");
	end(s);
}

static void test_large_update(void **state)
{
	_zw_str_ struct zw_str words = {}, after = {};
	struct scene *s = begin();

	(void)state;
	for (int i = 0; i < 500; i++) {
		zw_str_addf(&words, "%sadd h%d 60 A 192.0.2.1", i ? "; " : "", i);
		zw_str_addf(&after, "h%d 60 A 192.0.2.1\n", i);
	}
	update(s, s->alice, AT(10), words.buf);
	server_change(s, "", after.buf);
	assert_int_equal(s->out.more.len, 0);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_CERTAIN);
	assert_int_equal(s->report->diff->len, 501);
	end(s);
}

/* More requests for one name than orders can be tried: still in the order they were answered. */
static void test_long_sequence(void **state)
{
	struct scene *s = begin();
	char text[64];

	(void)state;
	for (int i = 2; i < 60; i++) {
		snprintf(text, sizeof(text), "delete www A; add www 60 A 192.0.2.%d", i);
		book(s, make_update(text, i % 2 ? s->alice : s->peer, AT(i), AT(i) + MS / 2));
	}
	server_change(s, WWW1, "www 60 A 192.0.2.59\n");
	CAME_OUT(s, "update certain client:alice peer:198.51.100.9/ddns-key server:bind | "
		    "www A 192.0.2.1>192.0.2.59");
	end(s);
}

static void test_long_sequence_at_once(void **state)
{
	struct scene *s = begin();
	char text[64];

	(void)state;
	for (int i = 2; i < 60; i++) {
		snprintf(text, sizeof(text), "delete www A; add www 60 A 192.0.2.%d", i);
		book(s, make_update(text, i % 2 ? s->alice : s->peer, AT(i), AT(90)));
	}
	server_change(s, WWW1, "www 60 A 192.0.2.59\n");
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_AMBIGUOUS);
	assert_false(s->report->has_principal);
	end(s);
}

/* --- at the edges of the window ----------------------------------------------------------------------- */

static void test_during_a_reading(void **state)
{
	struct scene *s = begin();

	(void)state;
	/* While the first reading was made: it is in it already, or not. */
	book(s, make_update("add a 60 A 192.0.2.1", s->alice, AT(-1), AT(1)));
	book(s, make_update("add b 60 A 192.0.2.1", s->bob, AT(-1), AT(1)));
	/* While the second was. */
	book(s, make_update("add c 60 A 192.0.2.1", s->peer, AT(99), AT(101)));
	book(s, make_update("add d 60 A 192.0.2.1", s->other, AT(99), AT(101)));
	server_change(
		s, "a 60 A 192.0.2.1\n", "a 60 A 192.0.2.1\nb 60 A 192.0.2.1\nc 60 A 192.0.2.1\n");
	CAME_OUT(s, "update certain client:bob/bob-key server:bind | b A ->192.0.2.1",
		"update certain peer:198.51.100.9/ddns-key server:bind | c A ->192.0.2.1");
	end(s);
}

static void test_unanswered(void **state)
{
	struct scene *s = begin();
	struct zw_request *r = make_update(SET_WWW2, s->alice, AT(10), 0);

	(void)state;
	r->rcode = ZW_REQUEST_UNANSWERED;
	book(s, r);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update probable client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	assert_true(has_reason(s->report, "the answer of the server was not seen"));
	assert_true(s->out.unsettled);
	end(s);
}

static void test_who_made_the_socket_need_not_have_sent(void **state)
{
	struct scene *s = begin();
	struct zw_request *r = make_update(SET_WWW2, s->alice, AT(10), AT(11));

	(void)state;
	r->client_process.made = true;
	book(s, r);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update probable client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	assert_true(has_reason(s->report, "who made the socket is known, not who sent through it"));
	end(s);
}

static void test_losses_leave_a_doubt(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), SET_WWW2);
	zw_request_book_lost(s->book, AT(20));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update probable client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
	s = begin();
	s->in.lost = 1;
	update(s, s->alice, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update probable client:alice server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_unknown_process_of_this_host(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, (struct client){.address = "127.0.0.1"}, AT(10), SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update probable peer:127.0.0.1 server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* A file that is written some time after the answer. */
static void test_lag(void **state)
{
	struct scene *s = begin();

	(void)state;
	s->in.lag_ns = 60 * MS;
	update(s, s->alice, AT(-40), "add a 60 A 192.0.2.1");
	update(s, s->peer, AT(80), "add b 60 A 192.0.2.1");
	server_change(s, "", "a 60 A 192.0.2.1\n");
	CAME_OUT(s, "update certain client:alice server:bind | a A ->192.0.2.1");
	end(s);
}

static void test_forwarded(void **state)
{
	struct scene *s = begin();
	struct zw_request *outer = make_update(SET_WWW2, s->other, AT(11), AT(12));
	struct zw_request *inner = make_update(SET_WWW2, s->alice, AT(10), AT(13));

	(void)state;
	inner->server_process.tgid = 500;
	outer->forwarded_from = zw_request_ref(book(s, inner));
	book(s, outer);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "update certain client:alice peer:198.51.100.10 server:bind | "
		    "www A 192.0.2.1>192.0.2.2");
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_update),
		cmocka_unit_test(test_update_from_elsewhere),
		cmocka_unit_test(test_nobody_asked),
		cmocka_unit_test(test_other_content_is_not_explained),
		cmocka_unit_test(test_refused_and_outside_updates),
		cmocka_unit_test(test_two_merged),
		cmocka_unit_test(test_two_add_to_one_set),
		cmocka_unit_test(test_the_same_asked_by_two_at_once),
		cmocka_unit_test(test_the_same_asked_one_after_the_other),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_order_told_by_content),
		cmocka_unit_test(test_shared_record_of_two),
		cmocka_unit_test(test_residue_is_a_change_of_its_own),
		cmocka_unit_test(test_partly_as_asked),
		cmocka_unit_test(test_no_op_updates),
		cmocka_unit_test(test_prerequisites_tell_the_order),
		cmocka_unit_test(test_other_ttl),
		cmocka_unit_test(test_large_update),
		cmocka_unit_test(test_long_sequence),
		cmocka_unit_test(test_long_sequence_at_once),
		cmocka_unit_test(test_during_a_reading),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_who_made_the_socket_need_not_have_sent),
		cmocka_unit_test(test_losses_leave_a_doubt),
		cmocka_unit_test(test_unknown_process_of_this_host),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
