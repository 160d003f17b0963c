/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of random histories, of which the truth is known. ZW_SEED=N runs the history of that seed alone, and
 * tells it. */
#include "unit/history_world.h"

/* --- the verdict -------------------------------------------------------------------------------------- */

struct cast {
	struct client client[CLIENTS];
	struct zw_actor *server;
};

static int number_of(const struct cast *cast, const struct zw_report_cause *c)
{
	for (int i = 0; i < CLIENTS; i++) {
		const struct client *who = &cast->client[i];

		if (who->actor ? c->actor == who->actor
			       : !c->actor && c->peer && zw_streq(c->peer, who->address))
			return i;
	}
	return -1;
}

static bool has_value(const struct zw_rrset *set, unsigned int value)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		if (len == 4 && rdata[3] == value)
			return true;
	}
	return false;
}

struct tally {
	size_t differing, reports, certain, lonely, lonely_certain, hidden, hidden_found;
};

static bool changes(const struct zw_report *r, unsigned int name, unsigned int value)
{
	for (size_t i = 0; i < r->diff->len; i++) {
		const struct zw_diff_entry *e = &r->diff->entries[i];

		if (e->type == ZW_TYPE_A && e->owner[2] == '0' + (int)name)
			return has_value(&e->before, value) != has_value(&e->after, value);
	}
	return false;
}

static unsigned int listed(const struct cast *cast, const struct zw_report *r)
{
	unsigned int set = 0;

	for (size_t i = 0; i < r->causes; i++)
		if (number_of(cast, &r->cause[i]) >= 0)
			set |= 1U << number_of(cast, &r->cause[i]);
	return set;
}

/* @r is the last one that changed this record. */
static const char *check_record(const struct world *w, const struct cast *cast,
	const struct zw_report *r, unsigned int name, unsigned int value)
{
	unsigned int makers = w->makers[name][value];
	int who = r->has_principal ? number_of(cast, &r->cause[0]) : -1;

	switch (r->attribution) {
	case ZW_ATTRIBUTION_CERTAIN:
		if (who < 0)
			return "certain of nobody";
		/* Who replaces a set takes away what somebody took away before, and is told with it. */
		if (!(makers & 1U << who) &&
			(w->there[name][value] || !(makers & ((1U << NOBODY) - 1))))
			return "certain of the wrong one";
		return NULL;
	case ZW_ATTRIBUTION_AMBIGUOUS:
		return makers & listed(cast, r) ? NULL : "ambiguous without the true one";
	case ZW_ATTRIBUTION_NONE:
		return makers == 1U << NOBODY ? NULL : "nobody's, though somebody was seen";
	default:
		return NULL;
	}
}

static const char *check_records(
	const struct world *w, const struct cast *cast, struct zw_report *const *report, size_t n)
{
	for (unsigned int name = 0; name < NAMES; name++)
		for (unsigned int v = 0; v < VALUES; v++)
			for (size_t i = n; i-- > 0;) {
				const char *wrong;

				if (!changes(report[i], name, v))
					continue;
				wrong = check_record(w, cast, report[i], name, v);
				if (wrong)
					return wrong;
				break;
			}
	return NULL;
}

/* Together they are the whole difference: what each record was is followed from one to the next. */
static const char *check_sum(const struct world *before, const struct world *after,
	struct zw_report *const *report, size_t n)
{
	bool there[NAMES][VALUES];

	memcpy(there, before->there, sizeof(there));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < report[i]->diff->len; k++) {
			const struct zw_diff_entry *e = &report[i]->diff->entries[k];

			for (unsigned int v = 0; e->type == ZW_TYPE_A && v < VALUES; v++) {
				bool *is = &there[e->owner[2] - '0'][v];

				if (has_value(&e->before, v) != *is)
					return "a change begins where none ended";
				*is = has_value(&e->after, v);
			}
		}
	return memcmp(there, after->there, sizeof(there)) == 0 ? NULL : "not the whole difference";
}

static void fill_book(struct zw_request_book *book, const struct world *w, const struct cast *cast)
{
	for (size_t i = 0; i < w->asks; i++) {
		const struct asked *a = &w->asked[i];
		_zw_free_ char *words = words_of(a);
		_zw_request_ struct zw_request *r =
			make_update(words, cast->client[a->who], a->asked_ns, a->answered_ns);

		if (a->refused)
			r->rcode = ZW_RCODE_REFUSED;
		if (w->tell)
			print_message("%llu-%llu (%llu) client %u%s: %s\n",
				(unsigned long long)a->asked_ns, (unsigned long long)a->answered_ns,
				(unsigned long long)a->done_ns, a->who,
				a->refused ? ", refused" : "", words);
		assert_int_equal(zw_request_book_add(book, r), 0);
	}
}

static void tell(const struct zw_report *r, const struct cast *cast)
{
	print_message("-> %s, %s:", zw_attribution_to_string(r->attribution),
		r->has_principal ? "by" : "perhaps");
	for (size_t i = 0; i < r->causes; i++)
		print_message(" %d", number_of(cast, &r->cause[i]));
	for (size_t i = 0; i < r->diff->len; i++) {
		const struct zw_diff_entry *e = &r->diff->entries[i];

		if (e->type != ZW_TYPE_A)
			continue;
		print_message(" n%c ", e->owner[2]);
		for (unsigned int v = 0; v < VALUES; v++)
			print_message("%d", has_value(&e->before, v));
		print_message(">");
		for (unsigned int v = 0; v < VALUES; v++)
			print_message("%d", has_value(&e->after, v));
	}
	print_message("\n");
}

/* --- one history -------------------------------------------------------------------------------------- */

struct run {
	struct world before, after;
	struct zw_request_book *book;
	struct zw_explain_input in;
	struct zw_report *report;
	struct zw_explained out;
	struct zw_snapshot *step[REQUESTS_MAX + 2];
};

static struct zw_snapshot *state_of(const struct world *w, uint32_t serial)
{
	_zw_free_ char *text = records_of(w);

	return zone_state(serial, text);
}

/* As a server that keeps a journal tells them. */
static void make_steps(struct run *run, uint64_t from_ns, uint64_t to_ns)
{
	struct world w = run->before;
	const struct asked *a;

	run->step[run->in.steps++] = state_of(&w, 7);
	for (uint64_t at = from_ns; (a = next_done(&w, at)) && a->done_ns <= to_ns;
		at = a->done_ns) {
		bool was[NAMES][VALUES];

		memcpy(was, w.there, sizeof(was));
		if (!a->refused)
			apply(&w, a);
		if (memcmp(was, w.there, sizeof(was)) == 0)
			continue;
		run->step[run->in.steps] = state_of(&w, 7 + (uint32_t)run->in.steps);
		run->in.steps++;
	}
	run->in.step = run->step;
}

static bool differs(const struct run *run)
{
	return memcmp(run->before.there, run->after.there, sizeof(run->before.there)) != 0;
}

static void explain(struct run *run, const struct cast *cast)
{
	_zw_snapshot_ struct zw_snapshot *old = state_of(&run->before, 7);
	_zw_snapshot_ struct zw_snapshot *new =
		state_of(&run->after, run->in.steps ? 6 + (uint32_t)run->in.steps : 8);

	run->report = calloc(1, sizeof(*run->report));
	assert_non_null(run->report);
	run->report->cause = calloc(1, sizeof(*run->report->cause));
	assert_non_null(run->report->cause);
	run->report->cause[run->report->causes++] = (struct zw_report_cause){
		.role = ZW_ROLE_SERVER, .actor = zw_actor_ref(cast->server)};
	assert_int_equal(zw_diff_new(old, new, &run->report->diff), 0);
	assert_int_equal(zw_explain(&run->in, run->report, &run->out), 0);
}

static const char *check(struct run *run, const struct cast *cast, struct tally *tally)
{
	struct zw_report *all[64];
	const char *wrong;
	bool nobody = false;
	size_t n = 0;

	all[n++] = run->report;
	ZW_VEC_FOREACH(r, &run->out.more)
		all[n++] = *r;
	for (size_t i = 0; i < n; i++) {
		if (run->after.tell)
			tell(all[i], cast);
		tally->reports++;
		tally->certain += all[i]->attribution == ZW_ATTRIBUTION_CERTAIN;
		nobody |= all[i]->attribution == ZW_ATTRIBUTION_NONE;
	}
	tally->hidden += run->after.hidden;
	tally->hidden_found += run->after.hidden && nobody;
	wrong = check_records(&run->after, cast, all, n);
	return wrong ? wrong : check_sum(&run->before, &run->after, all, n);
}

static const char *run_history(
	uint64_t seed, const struct cast *cast, bool tell_it, struct tally *tally)
{
	const uint64_t begin = 100 * MS, from = 200 * MS, to = 300 * MS, end = 400 * MS;
	struct run run = {.in = {
				  .key = &fixture_key,
				  .origin = (const uint8_t *)"\7example",
				  .from_ns = from,
				  .from_end_ns = from,
				  .to_ns = to,
				  .to_end_ns = to,
				  .server_pid = SERVER_PID,
				  .seen = true,
			  }};
	const char *wrong = NULL;
	unsigned int overlap;

	rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	overlap = roll(6);
	run.before.tell = tell_it;
	for (unsigned int i = 0; i < NAMES * VALUES / 2; i++)
		run.before.there[roll(NAMES)][roll(VALUES)] = true;
	/* Also before and after the readings. */
	random_history(&run.before, roll(2) ? begin : from, roll(2) ? end : to, overlap);
	play(&run.before, 0, from);
	memset(run.before.makers, 0, sizeof(run.before.makers));
	run.after = run.before;
	play(&run.after, from, to);
	if (roll(4) == 0)
		act_unseen(&run.after);
	else if (roll(2) == 0)
		make_steps(&run, from, to);
	assert_int_equal(zw_request_book_new(&run.book), 0);
	run.in.book = run.book;
	fill_book(run.book, &run.after, cast);
	if (differs(&run)) {
		tally->differing++;
		explain(&run, cast);
		wrong = check(&run, cast, tally);
		if (overlap == 0 && !run.after.hidden) {
			tally->lonely++;
			tally->lonely_certain += run.report->attribution == ZW_ATTRIBUTION_CERTAIN;
		}
	}
	zw_report_free(run.report);
	zw_explained_done(&run.out);
	zw_request_book_free(run.book);
	for (size_t i = 0; i < run.in.steps; i++)
		zw_snapshot_unref(run.step[i]);
	return wrong;
}

static void test_random_histories(void **state)
{
	const char *only = getenv("ZW_SEED");
	struct cast cast = {.client =
				    {
					    {local_actor(901, "alice", "nsupdate"), "127.0.0.1"},
					    {local_actor(902, "bob", "nsupdate"), "127.0.0.1"},
					    {NULL, "198.51.100.9", "key"},
					    {NULL, "2001:db8::9", NULL},
				    },
		.server = server_actor()};
	struct tally tally = {};
	uint64_t first = only ? strtoull(only, NULL, 10) : 1;

	(void)state;
	for (uint64_t seed = first; seed < first + (only ? 1 : HISTORIES); seed++) {
		const char *wrong = run_history(seed, &cast, only != NULL, &tally);

		if (wrong)
			fail_msg("seed %llu: %s", (unsigned long long)seed, wrong);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		zw_actor_unref(cast.client[i].actor);
	zw_actor_unref(cast.server);
	if (only)
		return;
	print_message("%zu differences, %zu reports, %zu certain; one after the other %zu, %zu "
		      "certain; unseen %zu, %zu found\n",
		tally.differing, tally.reports, tally.certain, tally.lonely, tally.lonely_certain,
		tally.hidden, tally.hidden_found);
	assert_true(tally.differing > HISTORIES / 2);
	assert_true(tally.certain * 4 > tally.reports * 3);
	assert_int_equal(tally.lonely, tally.lonely_certain);
	assert_int_equal(tally.hidden, tally.hidden_found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
