/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands, API calls, databases and files; and zones that come by them. */
#include "unit/explain_fixture.h"

static struct zw_request *command(struct scene *s, struct client client, uint64_t asked_ns,
	const char *text, const char *words)
{
	struct zw_request *r = make_request(ZW_REQUEST_CONTROL, client, asked_ns, asked_ns + MS);

	r->command = strdup(text);
	assert_non_null(r->command);
	r->rcode = 0;
	r->transport = ZW_TRANSPORT_UNIX;
	r->client = (struct zw_endpoint){};
	if (words)
		r->message = update_message(words);
	return book(s, r);
}

static void commit(struct scene *s, struct client client, uint64_t at_ns)
{
	command(s, client, at_ns, "zone-commit example.", NULL)->reloads = true;
	zw_request_book_settle(s->book, wire_name("example."), SERVER_PID, at_ns, true);
}

/* begin, set and commit by different users, the set long before the last reading; and each by a process of its own. */
static void test_knot_transaction(void **state)
{
	struct client again = {local_actor(905, "alice", "knotc"), NULL, NULL};
	struct scene *s = begin();

	(void)state;
	again.actor->principal.uid = s->alice.actor->principal.uid;
	command(s, s->alice, AT(-60), "zone-set example. www 60 A 192.0.2.2",
		"add www 60 A 192.0.2.2")
		->held = true;
	command(s, again, AT(-50), "zone-unset example. www A 192.0.2.1",
		"delete www 60 A 192.0.2.1")
		->held = true;
	command(s, again, AT(-40), "zone-set example. mail 60 A 192.0.2.9",
		"add mail 60 A 192.0.2.9")
		->held = true;
	commit(s, s->bob, AT(10));
	server_change(s, WWW1, WWW2 "mail 60 A 192.0.2.9\n");
	CAME_OUT(s, "control certain client:alice client:alice client:alice reloader:bob/bob-key "
		    "server:bind | mail A ->192.0.2.9 www A 192.0.2.1>192.0.2.2");
	zw_actor_unref(again.actor);
	end(s);
}

static void test_knot_transaction_of_two(void **state)
{
	struct scene *s = begin();

	(void)state;
	command(s, s->alice, AT(2), "zone-set example. www 60 A 192.0.2.2",
		"add www 60 A 192.0.2.2")
		->held = true;
	command(s, s->peer, AT(4), "zone-unset example. www A 192.0.2.1",
		"delete www 60 A 192.0.2.1")
		->held = true;
	commit(s, s->alice, AT(10));
	server_change(s, WWW1, WWW2);
	CAME_OUT(s,
		"control certain client:alice server:bind | www A 192.0.2.1>192.0.2.1,192.0.2.2",
		"control probable peer:?/ddns-key reloader:alice server:bind | www A "
		"192.0.2.1,192.0.2.2>192.0.2.2");
	end(s);
}

static void test_open_transaction(void **state)
{
	struct scene *s = begin();

	(void)state;
	command(s, s->alice, AT(10), "zone-set example. www 60 A 192.0.2.2", SET_WWW2)->held = true;
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "unknown none nobody server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_edit_and_reload(void **state)
{
	struct scene *s = begin();

	(void)state;
	command(s, s->bob, AT(20), "reload example.", NULL)->reloads = true;
	command(s, s->bob, AT(25), "status", NULL);
	change(s, WWW1, WWW2);
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	explain(s);
	CAME_OUT(s, "file certain writer:alice reloader:bob/bob-key | www A 192.0.2.1>192.0.2.2");
	end(s);
}

/* An edit is an edit, even if somebody asks for the same at the same time of a server that does not write. */
static void test_edit_beside_an_update(void **state)
{
	struct scene *s = begin();

	(void)state;
	update(s, s->bob, AT(20), SET_WWW2);
	change(s, WWW1, WWW2);
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	explain(s);
	CAME_OUT(s, "file certain writer:alice | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static struct zw_request *call(struct scene *s, struct client client, const char *words)
{
	struct zw_request *r = make_request(ZW_REQUEST_API, client, AT(10), AT(11));

	r->command = strdup("PATCH /api/v1/servers/localhost/zones/example.");
	r->rcode = 0;
	r->may_change = true;
	if (words)
		r->message = update_message(words);
	return book(s, r);
}

static void test_api(void **state)
{
	struct scene *s = begin();

	(void)state;
	call(s, s->other, SET_WWW2);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "api certain peer:198.51.100.10 server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
	s = begin();
	call(s, s->other, NULL);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "api probable peer:198.51.100.10 server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
	s = begin();
	call(s, s->other, NULL);
	call(s, s->alice, NULL);
	server_change(s, WWW1, WWW2);
	CAME_OUT(s, "api ambiguous nobody peer:198.51.100.10 client:alice server:bind | www A "
		    "192.0.2.1>192.0.2.2");
	end(s);
}

static void test_database(void **state)
{
	struct scene *s = begin();

	(void)state;
	s->in.database = true;
	change(s, WWW1, WWW2);
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	explain(s);
	CAME_OUT(s, "database certain writer:alice | www A 192.0.2.1>192.0.2.2");
	assert_int_equal(s->report->cause[0].channel, ZW_CHANNEL_DATABASE);
	end(s);
	/* The server wrote as well, what bob asked for. */
	s = begin();
	s->in.database = true;
	update(s, s->bob, AT(10), "add mail 60 A 192.0.2.9");
	change(s, WWW1, WWW2 "mail 60 A 192.0.2.9\n");
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	wrote(s, s->server, ZW_ROLE_SERVER);
	explain(s);
	CAME_OUT(s, "update certain client:bob/bob-key server:bind | mail A ->192.0.2.9",
		"database probable writer:alice | www A 192.0.2.1>192.0.2.2");
	end(s);
	/* And for nobody who was seen. */
	s = begin();
	s->in.database = true;
	change(s, WWW1, WWW2);
	wrote(s, s->alice.actor, ZW_ROLE_WRITER);
	wrote(s, s->server, ZW_ROLE_SERVER);
	explain(s);
	CAME_OUT(s,
		"database ambiguous nobody writer:alice server:bind | www A 192.0.2.1>192.0.2.2");
	end(s);
}

static void test_zone_that_came(void **state)
{
	struct scene *s = begin();
	struct zw_request *r;

	(void)state;
	command(s, s->bob, AT(5), "delzone example.", NULL)->may_change = true;
	r = command(s, s->bob, AT(10), "addzone example. { type primary; };", NULL);
	r->may_change = true;
	r->rcode = 1;
	command(s, s->alice, AT(20), "addzone example. { type primary; };", NULL)->may_change =
		true;
	command(s, s->bob, AT(30), "reload example.", NULL)->reloads = true;
	r = make_request(ZW_REQUEST_CONTROL, s->peer, AT(40), AT(41)); /* about all zones */
	r->may_change = true;
	free(ZW_TAKE(r->zone));
	book(s, r);
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_zone(&s->in, s->report), 0);
	assert_int_equal(s->report->causes, 1);
	assert_string_equal(s->report->cause[0].actor->principal.name, "alice");
	assert_string_equal(s->report->cause[0].command, "addzone example. { type primary; };");
	assert_int_equal(s->report->channel, ZW_CHANNEL_CONTROL);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_CERTAIN);
	assert_true(s->report->has_principal);
	end(s);
	s = begin();
	r = command(s, s->alice, AT(20), "addzone example. { type primary; };", NULL);
	r->may_change = true;
	r->client_process.made = true;
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_zone(&s->in, s->report), 0);
	assert_int_equal(s->report->attribution, ZW_ATTRIBUTION_PROBABLE);
	end(s);
	s = begin();
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_zone(&s->in, s->report), 0);
	assert_int_equal(s->report->causes, 0);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knot_transaction),
		cmocka_unit_test(test_knot_transaction_of_two),
		cmocka_unit_test(test_open_transaction),
		cmocka_unit_test(test_edit_and_reload),
		cmocka_unit_test(test_edit_beside_an_update),
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_zone_that_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
