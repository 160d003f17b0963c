/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of explanations: requests and two readings of a zone in, changes with their causes out. */
#pragma once

#include "unit/request_fixture.h"

/* The reading before is at 100 ms, the one after at 200 ms. */
#define FROM (100 * MS)
#define TO (200 * MS)
#define AT(ms) ((100 + (ms)) * MS)

#define STEPS_MAX 2002

struct scene {
	struct zw_request_book *book;
	struct zw_actor *server;
	struct client alice, bob, peer, other;
	struct zw_explain_input in;
	struct zw_report *report;
	struct zw_explained out;
	struct zw_snapshot *step[STEPS_MAX]; /* [0]: the state before */
};

static inline struct scene *begin(void)
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

static inline void end(struct scene *s)
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
static inline struct zw_request *book(struct scene *s, struct zw_request *r)
{
	assert_int_equal(zw_request_book_add(s->book, r), 0);
	zw_request_unref(r);
	return r;
}

/* An update that was accepted after a millisecond. */
static inline struct zw_request *update(
	struct scene *s, struct client client, uint64_t asked_ns, const char *words)
{
	return book(s, make_update(words, client, asked_ns, asked_ns + MS));
}

/* --- what zw_correlate() found ------------------------------------------------------------------------ */

static inline void wrote(struct scene *s, struct zw_actor *actor, enum zw_role role)
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
static inline void change(struct scene *s, const char *before, const char *after)
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

static inline void explain(struct scene *s)
{
	assert_int_equal(zw_explain(&s->in, s->report, &s->out), 0);
}

static inline void server_change(struct scene *s, const char *before, const char *after)
{
	change(s, before, after);
	wrote(s, s->server, ZW_ROLE_SERVER);
	explain(s);
}

/* --- what came out ------------------------------------------------------------------------------------ */

static inline void add_who(struct zw_str *out, const struct zw_report_cause *c)
{
	zw_str_addf(out, " %s:", zw_role_to_string(c->role));
	if (c->actor)
		zw_str_add(out, c->actor->principal.name);
	else
		zw_str_add(out, c->peer ? c->peer : "?");
	if (c->tsig_key)
		zw_str_addf(out, "/%s", c->tsig_key);
}

static inline void add_side(struct zw_str *out, const struct zw_rrset *set)
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
static inline void describe(struct zw_str *out, const struct zw_report *r)
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

static inline void came_out(struct scene *s, const char *const *want)
{
	_zw_str_ struct zw_str have = {}, all = {};

	describe(&have, s->report);
	ZW_VEC_FOREACH(r, &s->out.more)
		describe(&have, *r);
	for (; *want; want++)
		zw_str_addf(&all, "%s\n", *want);
	assert_string_equal(have.buf, all.buf);
}

static inline bool has_reason(const struct zw_report *r, const char *part)
{
	for (size_t i = 0; i < r->reasons; i++)
		if (strstr(r->reason[i], part))
			return true;
	return false;
}

#define WWW1 "www 60 A 192.0.2.1\n"
#define WWW2 "www 60 A 192.0.2.2\n"
#define SET_WWW2 "delete www A; add www 60 A 192.0.2.2"
