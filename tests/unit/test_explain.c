/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and two readings of a zone in, changes with their causes out. */
#include "unit/request_fixture.h"

/* The reading before is at 100 ms, the one after at 200 ms. */
#define FROM (100 * MS)
#define TO (200 * MS)
#define AT(ms) ((100 + (ms)) * MS)

struct scene {
	struct zw_request_book *book;
	struct zw_actor *server;
	struct client alice, bob, peer, other;
	struct zw_explain_input in;
	struct zw_report *report;
	struct zw_explained out;
	struct zw_snapshot *step[8]; /* [0]: the state before */
};

static struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(zw_request_book_new(&s->book), 0);
	s->server = server_actor();
	s->alice = (struct client){local_actor(901, "alice", "nsupdate"), "127.0.0.1", NULL};
	s->bob = (struct client){local_actor(902, "bob", "nsupdate"), "127.0.0.1", "bob-key"};
	s->peer = (struct client){NULL, "198.51.100.9", "ddns-key"};
	s->other = (struct client){NULL, "198.51.100.10", NULL};
	s->in = (struct zw_explain_input){
		.book = s->book,
		.key = &fixture_key,
		.origin = (const uint8_t *)"\7example",
		.from_ns = FROM,
		.from_end_ns = FROM + MS,
		.to_ns = TO,
		.to_end_ns = TO + MS,
		.real_offset_ns = REAL_OFFSET,
		.server_pid = SERVER_PID,
		.server_exe_dev = 1,
		.server_exe_ino = SERVER_EXE,
		.server_actor = s->server,
		.seen = true,
	};
	return s;
}

static void end(struct scene *s)
{
	zw_request_book_free(s->book);
	zw_actor_unref(s->server);
	zw_actor_unref(s->alice.actor);
	zw_actor_unref(s->bob.actor);
	zw_report_free(s->report);
	zw_explained_done(&s->out);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(s->step); i++)
		zw_snapshot_unref(s->step[i]);
	free(s);
}

/* Takes @r over. */
static struct zw_request *book(struct scene *s, struct zw_request *r)
{
	assert_int_equal(zw_request_book_add(s->book, r), 0);
	zw_request_unref(r);
	return r;
}

/* An update that was accepted after a millisecond. */
static struct zw_request *update(
	struct scene *s, struct client client, uint64_t asked_ns, const char *words)
{
	return book(s, make_update(words, client, asked_ns, asked_ns + MS));
}

/* --- what zw_correlate() found ------------------------------------------------------------------------ */

static void wrote(struct scene *s, struct zw_actor *actor, enum zw_role role)
{
	struct zw_report *report = s->report;

	report->cause = reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));
	assert_non_null(report->cause);
	report->cause[report->causes++] = (struct zw_report_cause){.role = role,
		.channel = ZW_CHANNEL_FILE,
		.evidence = ZW_EVIDENCE_WRITE,
		.actor = zw_actor_ref(actor)};
	report->channel = ZW_CHANNEL_FILE;
	report->attribution =
		report->causes > 1 ? ZW_ATTRIBUTION_AMBIGUOUS : ZW_ATTRIBUTION_CERTAIN;
	report->has_principal = report->causes == 1;
}

/* The zone from one state to the other, written by the server. */
static void change(struct scene *s, const char *before, const char *after)
{
	uint32_t serial = s->in.steps ? 6 + (uint32_t)s->in.steps : 8;
	_zw_snapshot_ struct zw_snapshot *old = zone_state(7, before);
	_zw_snapshot_ struct zw_snapshot *new = zone_state(serial, after);

	if (s->in.steps)
		s->step[0] = zw_snapshot_ref(old);
	s->report = calloc(1, sizeof(*s->report));
	assert_non_null(s->report);
	s->report->action = ZW_ACTION_RECORD_CHANGE;
	s->report->zone = strdup("example.");
	s->report->server_kind = strdup("bind");
	assert_int_equal(zw_diff_new(old, new, &s->report->diff), 0);
	assert_true(s->report->diff->len > 0);
}

static void explain(struct scene *s)
{
	assert_int_equal(zw_explain(&s->in, s->report, &s->out), 0);
}

static void server_change(struct scene *s, const char *before, const char *after)
{
	change(s, before, after);
	wrote(s, s->server, ZW_ROLE_SERVER);
	explain(s);
}

/* --- what came out ------------------------------------------------------------------------------------ */

static void add_who(struct zw_str *out, const struct zw_report_cause *c)
{
	zw_str_addf(out, " %s:", zw_role_to_string(c->role));
	if (c->actor)
		zw_str_add(out, c->actor->principal.name);
	else
		zw_str_add(out, c->peer ? c->peer : "?");
	if (c->tsig_key)
		zw_str_addf(out, "/%s", c->tsig_key);
}

static void add_side(struct zw_str *out, const struct zw_rrset *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		_zw_free_ char *text = NULL;
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		assert_int_equal(zw_rdata_to_text(set->type, rdata, len, &text), 0);
		zw_str_addf(out, "%s%s", i ? "," : "", text);
	}
	if (!set->count)
		zw_str_add_char(out, '-');
}

/* "update certain client:alice server:bind | www A 192.0.2.1>192.0.2.2", the serial left out. */
static void describe(struct zw_str *out, const struct zw_report *r)
{
	zw_str_addf(out, "%s %s%s", zw_channel_to_string(r->channel),
		zw_attribution_to_string(r->attribution), r->has_principal ? "" : " nobody");
	for (size_t i = 0; i < r->causes; i++)
		add_who(out, &r->cause[i]);
	zw_str_add(out, " |");
	for (size_t i = 0; i < r->diff->len; i++) {
		const struct zw_diff_entry *e = &r->diff->entries[i];
		char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

		if (e->type == ZW_TYPE_SOA)
			continue;
		zw_name_to_text(e->owner, name);
		name[strcspn(name, ".")] = '\0';
		zw_str_addf(out, " %s %s ", name, zw_type_to_text(e->type, type));
		add_side(out, &e->before);
		zw_str_add_char(out, '>');
		add_side(out, &e->after);
	}
	zw_str_add_char(out, '\n');
}

#define CAME_OUT(s, ...) came_out(s, (const char *const[]){__VA_ARGS__, NULL})

static void came_out(struct scene *s, const char *const *want)
{
	_zw_str_ struct zw_str have = {}, all = {};

	describe(&have, s->report);
	ZW_VEC_FOREACH(r, &s->out.more)
		describe(&have, *r);
	for (; *want; want++)
		zw_str_addf(&all, "%s\n", *want);
	assert_string_equal(have.buf, all.buf);
}

static bool has_reason(const struct zw_report *r, const char *part)
{
	for (size_t i = 0; i < r->reasons; i++)
		if (strstr(r->reason[i], part))
			return true;
	return false;
}

#define WWW1 "www 60 A 192.0.2.1\n"
#define WWW2 "www 60 A 192.0.2.2\n"
#define SET_WWW2 "delete www A; add www 60 A 192.0.2.2"

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

/* --- other channels ----------------------------------------------------------------------------------- */

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
	s->report = calloc(1, sizeof(*s->report));
	assert_int_equal(zw_explain_zone(&s->in, s->report), 0);
	assert_int_equal(s->report->causes, 0);
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
		cmocka_unit_test(test_losses_leave_a_doubt),
		cmocka_unit_test(test_unknown_process_of_this_host),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_steps_of_the_same),
		cmocka_unit_test(test_steps_at_once),
		cmocka_unit_test(test_steps_that_lead_elsewhere),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_transfers_of_two_primaries),
		cmocka_unit_test(test_transfers_that_do_not_count),
		cmocka_unit_test(test_transfer_with_another_serial),
		cmocka_unit_test(test_transfer_before_the_window),
		cmocka_unit_test(test_transfer_between_servers_of_this_host),
		cmocka_unit_test(test_knot_transaction),
		cmocka_unit_test(test_knot_transaction_of_two),
		cmocka_unit_test(test_open_transaction),
		cmocka_unit_test(test_edit_and_reload),
		cmocka_unit_test(test_edit_beside_an_update),
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_update_of_a_signed_zone),
		cmocka_unit_test(test_key_by_update),
		cmocka_unit_test(test_encrypted_connections),
		cmocka_unit_test(test_requests_not_seen),
		cmocka_unit_test(test_zone_that_came),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
