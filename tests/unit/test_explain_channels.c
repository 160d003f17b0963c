/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers, signing, encrypted connections, and refusals. */
#include "unit/explain_fixture.h"

static struct zw_request *transfer(struct scene *s, const char *primary, uint32_t serial)
{
	struct zw_request *r = make_request(ZW_REQUEST_TRANSFER,
		(struct client){s->server, "192.0.2.53", "xfr-key"}, AT(10), AT(20));

	set_address(&r->server, primary, 53);
	r->server_process = (struct zw_request_process){};
	r->has_serial_after = serial != 0;
	r->serial_after = serial;
	return book(s, r);
}

static void test_transfer(void **state)
{
	struct scene *s = begin();

	(void)state;
	transfer(s, "198.51.100.53", 8);
	server_change(
		s, WWW1, WWW2 "www 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 @ AA==\n");
	CAME_OUT(s, "transfer certain peer:198.51.100.53/xfr-key server:bind | www A "
		    "192.0.2.1>192.0.2.2 www RRSIG ->A 8 2 60 20300101000000 20200101000000 1 "
		    "example. AA==");
	assert_int_equal(s->report->cause[0].peer_port, 53);
	end(s);
}

static void test_transfers_of_two_primaries(void **state)
{
	struct scene *s = begin();

	(void)state;
	transfer(s, "198.51.100.53", 7);
	transfer(s, "198.51.100.54", 8);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "transfer ambiguous nobody peer:198.51.100.53/xfr-key "
		    "peer:198.51.100.54/xfr-key server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_transfers_that_do_not_count(void **state)
{
	struct scene *s = begin();
	struct zw_request *r;

	(void)state;
	/* Somebody took the zone from this server; one was refused; another server got one. */
	r = transfer(s, "192.0.2.53", 8);
	zw_actor_unref(ZW_TAKE(r->client_actor));
	r->client_process = (struct zw_request_process){};
	transfer(s, "198.51.100.53", 8)->rcode = ZW_RCODE_REFUSED;
	r = transfer(s, "198.51.100.53", 8);
	zw_actor_unref(r->client_actor);
	r->client_actor = zw_actor_ref(s->alice.actor);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_transfer_with_another_serial(void **state)
{
	struct scene *s = begin();

	(void)state;
	transfer(s, "198.51.100.53", 5);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "transfer probable peer:198.51.100.53/xfr-key server:bind | www A "
		    "192.0.2.1>192.0.2.2");
	end(s);
}

/* A secondary writes its file some time after it got the zone. */
static void test_transfer_before_the_window(void **state)
{
	struct scene *s = begin();
	struct zw_request *r;

	(void)state;
	r = transfer(s, "198.51.100.54", 7);
	r->asked_ns = r->answered_ns = AT(-90);
	r = transfer(s, "198.51.100.53", 8);
	r->asked_ns = r->answered_ns = AT(-60);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "transfer certain peer:198.51.100.53/xfr-key server:bind | www A "
		    "192.0.2.1>192.0.2.2");
	end(s);
}

/* The primary is on this host, and its change was told of there. */
static void test_transfer_between_servers_of_this_host(void **state)
{
	_zw_snapshot_ struct zw_snapshot *same = zone_state(8, WWW2), *old = zone_state(7, WWW1);
	struct zw_explain_sibling sibling = {.server_pid = 600, .snapshot = same};
	struct scene *s = begin();

	(void)state;
	s->in.sibling = &sibling;
	s->in.siblings = 1;
	transfer(s, "127.0.0.1", 8)->server_process.tgid = 600;
	server_change(s, WWW1, WWW2);
	assert_true(s->out.relayed);
	end(s);
	s = begin();
	sibling.snapshot = old;
	s->in.sibling = &sibling;
	s->in.siblings = 1;
	transfer(s, "127.0.0.1", 8)->server_process.tgid = 600;
	server_change(s, WWW1, WWW2);
	assert_false(s->out.relayed);
	assert_true(s->out.unsettled);
	CAME_OUT(s, "transfer certain peer:127.0.0.1/xfr-key server:bind | www A "
		    "192.0.2.1>192.0.2.2");
	end(s);
}

/* The other server has left the state that was transferred since; one that it never was in is no copy. */
static void test_transfer_of_what_was(void **state)
{
	_zw_snapshot_ struct zw_snapshot *was = zone_state(8, WWW2), *is = zone_state(9, WWW1);
	struct zw_explain_sibling sibling = {.server_pid = 600, .snapshot = is, .number = 1};
	_zw_trail_free_ struct zw_trail *trail = NULL;
	_zw_diff_ struct zw_diff *diff = NULL;

	(void)state;
	assert_int_equal(zw_trail_new(&fixture_key, &trail), 0);
	assert_int_equal(zw_diff_new(was, is, &diff), 0);
	/* Told before the transfer was asked for, and after. */
	for (int after = 0; after < 2; after++) {
		struct scene *s = begin();

		s->in.sibling = &sibling;
		s->in.siblings = 1;
		s->in.trail = trail;
		transfer(s, "127.0.0.1", 8)->server_process.tgid = 600;
		zw_trail_add(trail, 1, after ? TO : FROM, diff);
		server_change(s, WWW1, WWW2);
		assert_int_equal(s->out.relayed, after);
		end(s);
	}
}

/* Who sent it was not seen: it counts where it came from, and what that has. */
static void test_transfer_by_nobody_of_this_host(void **state)
{
	_zw_snapshot_ struct zw_snapshot *same = zone_state(8, WWW2);
	struct zw_explain_sibling sibling = {.server_pid = 600, .snapshot = same};

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct scene *s = begin();

		sibling.asked = asked;
		s->in.sibling = &sibling;
		s->in.siblings = 1;
		transfer(s, "127.0.0.1", 8);
		server_change(s, WWW1, WWW2);
		assert_int_equal(s->out.relayed, asked);
		end(s);
	}
}

#define SIGNED1 WWW1 "www 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 @ AA==\n"
#define SIGNED2 WWW1 "www 60 RRSIG A 8 2 60 20310101000000 20200101000000 1 @ AA==\n"
#define NEW_KEY "@ 60 DNSKEY 257 3 8 AA==\n"

static void test_signing(void **state)
{
	struct scene *s = begin();

	(void)state;
	server_change(s, SIGNED1, SIGNED2 NEW_KEY);
	assert_int_equal(s->report->channel, ZW_CHANNEL_SIGNING);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_CERTAIN);
	assert_true(s->report->has_principal);
	assert_int_equal(s->report->cause[0].role, ZW_ROLE_SERVER);
	assert_int_equal(s->out.more.len, 0);
	end(s);
	/* Whoever else writes signatures does not sign by himself. */
	s = begin();
	change(s, SIGNED1, SIGNED2);
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	explain(s);
	assert_int_equal(s->report->channel, ZW_CHANNEL_FILE);
	assert_string_equal(s->report->cause[0].actor->principal.name, "alice");
	end(s);
	/* Nobody was seen: not even the server. */
	s = begin();
	change(s, SIGNED1, SIGNED2);
	explain(s);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_NONE);
	end(s);
}

static void test_update_of_a_signed_zone(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->alice, AT(10), "add mail 60 A 192.0.2.9");
	update(s, s->bob, AT(15), "delete www");
	server_change(s, SIGNED1,
		"mail 60 A 192.0.2.9\nmail 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 @ "
		"AA==\n" NEW_KEY);
	CAME_OUT(s,
		"update certain client:alice server:bind | mail A ->192.0.2.9 mail RRSIG ->A 8 2 60 "
		"20300101000000 20200101000000 1 example. AA==",
		"update certain client:bob/bob-key server:bind | www A 192.0.2.1>- www RRSIG A 8 2 "
		"60 20300101000000 20200101000000 1 example. AA==>-",
		"signing certain server:bind | example DNSKEY ->257 3 8 AA==");
	end(s);
}

/* A key that somebody asks for is not the server's own. */
static void test_key_by_update(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->peer, AT(10), "add @ 60 DNSKEY 257 3 8 AA==");
	server_change(s, "", NEW_KEY);
	CAME_OUT(s, "update certain peer:198.51.100.9/ddns-key server:bind | example DNSKEY "
		    "->257 3 8 AA==");
	end(s);
}

static void test_encrypted_connections(void **state)
{
	struct scene *s = begin();
	struct zw_request *r = make_request(ZW_REQUEST_CONNECTION, s->other, AT(-90), 0);

	(void)state;
	r->encrypted = true;
	zw_request_unref(book(s, zw_request_ref(r)));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody peer:198.51.100.10 server:bind | www A "
		    "192.0.2.1>192.0.2.2");
	assert_int_equal(s->report->cause[0].evidence, ZW_EVIDENCE_CONNECTION);
	assert_true(has_reason(s->report, "1 encrypted connection to the server was open"));
	end(s);
}

/* A server that gets a zone over TLS opens the connection itself: where it leads to is told of. It may be closed a moment
 * before the zone was looked at. */
static void test_encrypted_transfer(void **state)
{
	const struct {
		uint64_t closed_ns;
		const char *out;
	} cases[] = {
		{AT(20), "unknown none nobody peer:198.51.100.53 server:bind | www A "
			 "192.0.2.1>192.0.2.2"},
		{AT(-50), "unknown none nobody peer:198.51.100.53 server:bind | www A "
			  "192.0.2.1>192.0.2.2"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct scene *s = begin();
		struct zw_request *r = make_request(ZW_REQUEST_CONNECTION,
			(struct client){s->server, "192.0.2.53", NULL}, AT(-90),
			cases[i].closed_ns);

		set_address(&r->server, "198.51.100.53", 853);
		r->server_process = (struct zw_request_process){};
		r->encrypted = true;
		zw_actor_unref(ZW_TAKE(r->client_actor));
		zw_request_unref(book(s, zw_request_ref(r)));
		server_change(s, WWW1, WWW2);
		CAME_OUT(s, cases[i].out);
		end(s);
	}
}

/* Without a view of requests what the files say is all there is. */
static void test_requests_not_seen(void **state)
{
	struct scene *s = begin();

	(void)state;
	s->in.seen = false;
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "file certain server:bind | www A 192.0.2.1>192.0.2.2");
	assert_false(s->out.unsettled);
	end(s);
}

static void test_refusal(void **state)
{
	struct scene *s = begin();
	struct zw_request *r = update(s, s->bob, AT(10),
		"require www A; add www 60 A 192.0.2.7; delete mail; delete x A; delete www 60 A "
		"192.0.2.1");

	(void)state;
	r->rcode = ZW_RCODE_NOTAUTH;
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_refusal(r, REAL_OFFSET, s->report), 0);
	assert_string_equal(s->report->request.rcode, "NOTAUTH");
	assert_string_equal(s->report->request.transport, "udp");
	assert_int_equal(s->report->request.asked_total, 4);
	assert_string_equal(s->report->request.asked[0], "add www.example. 60 A 192.0.2.7");
	assert_string_equal(s->report->request.asked[1], "delete mail.example.");
	assert_string_equal(s->report->request.asked[2], "delete x.example. A");
	assert_string_equal(s->report->request.asked[3], "delete www.example. A 192.0.2.1");
	assert_int_equal(s->report->severity, 47);
	assert_int_equal(s->report->channel, ZW_CHANNEL_UPDATE);
	assert_string_equal(s->report->cause[0].tsig_key, "bob-key");
	assert_string_equal(s->report->cause[0].actor->principal.name, "bob");
	assert_int_equal(s->report->time_ns, AT(11) + REAL_OFFSET);
	end(s);
	s = begin();
	r = update(s, s->bob, AT(10), "require www A");
	r->rcode = 3841;
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_refusal(r, REAL_OFFSET, s->report), 0);
	assert_string_equal(s->report->request.rcode, "RCODE3841");
	assert_int_equal(s->report->request.asked_total, 0);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_transfers_of_two_primaries),
		cmocka_unit_test(test_transfers_that_do_not_count),
		cmocka_unit_test(test_transfer_with_another_serial),
		cmocka_unit_test(test_transfer_before_the_window),
		cmocka_unit_test(test_transfer_between_servers_of_this_host),
		cmocka_unit_test(test_transfer_of_what_was),
		cmocka_unit_test(test_transfer_by_nobody_of_this_host),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_update_of_a_signed_zone),
		cmocka_unit_test(test_key_by_update),
		cmocka_unit_test(test_encrypted_connections),
		cmocka_unit_test(test_encrypted_transfer),
		cmocka_unit_test(test_requests_not_seen),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
