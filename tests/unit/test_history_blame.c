/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who last set a record, what else may belong to a change, and many who ask so at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dns/rr.h"
#include "history_support.h"
#include "sink/history_blame.h"
#include "sink/history_related.h"

static void test_blame(void **state)
{
	static const struct {
		const char *name;
		bool subtree;
		uint16_t type;
		const char *expected;
	} cases[] = {
		{"example.com.", true, 0,
			"example.com. NS 0\nexample.com. SOA 6\nn3.example.com. TXT 6\n"
			"old.example.com. A 0\nwww.example.com. A 6\n"},
		{"example.com.", false, 0, "example.com. NS 0\nexample.com. SOA 6\n"},
		{"example.com.", true, 1, "old.example.com. A 0\nwww.example.com. A 6\n"},
		{"www.example.com.", false, 0, "www.example.com. A 6\n"},
		{"www.example.com.", true, 28, ""},
		{"none.example.com.", true, 0, ""},
	};
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, true);
	/* Another server's zone of this name, and a name beside it, are not ours. */
	history_run_sql(
		f->path, "INSERT INTO rrset SELECT name, type, 99, 7, 0 FROM rrset WHERE seq = 1");
	reader = history_open_reader(f->path);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_blame_ struct zw_blame blame = {};
		_zw_str_ struct zw_str text = {};
		uint8_t name[ZW_NAME_MAX];
		struct zw_blame_scope scope = {name, cases[i].subtree, cases[i].type};

		assert_int_equal(zw_name_from_text(cases[i].name, name, NULL), 0);
		assert_int_equal(zw_reader_blame(reader, 1, &scope, &blame), 0);
		for (size_t n = 0; n < blame.rrsets; n++) {
			const struct zw_blame_rrset *b = &blame.rrset[n];
			char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

			zw_name_to_text(b->rrset.owner, owner);
			zw_str_addf(&text, "%s %s %d\n", owner,
				zw_type_to_text(b->rrset.type, type), (int)b->seq);
			assert_int_equal(b->older, b->seq == 0);
			if (!b->seq)
				continue;
			assert_int_equal(blame.change[b->change].seq, b->seq);
			assert_string_equal(blame.change[b->change].id, f->id[b->seq]);
			assert_string_equal(blame.change[b->change].user, "alice");
			assert_int_equal(blame.change[b->change].verdict, ZW_VERDICT_UNAUTHORIZED);
			assert_int_equal(blame.change[b->change].channel, ZW_CHANNEL_FILE);
		}
		assert_string_equal(text.buf ? text.buf : "", cases[i].expected);
		assert_int_equal(blame.begin_ns, HISTORY_BEGIN_NS);
	}
}

/* What came without an event is not older than the history for that. */
static void test_blame_without_event(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_blame_ struct zw_blame blame = {};
	uint8_t name[ZW_NAME_MAX];
	struct zw_blame_scope scope = {name, false, 0};

	history_fill(f, true);
	history_run_sql(f->path, "DELETE FROM rrset WHERE type = 1");
	reader = history_open_reader(f->path);
	assert_int_equal(zw_name_from_text("www.example.com.", name, NULL), 0);
	assert_int_equal(zw_reader_blame(reader, 1, &scope, &blame), 0);
	assert_int_equal(blame.rrsets, 1);
	assert_int_equal(blame.rrset[0].seq, 0);
	assert_false(blame.rrset[0].older);
}

static void assert_related(
	struct zw_reader *reader, uint64_t seq, enum zw_related kind, const char *expected)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_reader_seqs_ struct zw_reader_seqs seqs = {};
	_zw_str_ struct zw_str text = {};

	assert_int_equal(zw_reader_event(reader, seq, &event), 0);
	assert_int_equal(zw_reader_related(reader, &event, kind, 3, &seqs), 0);
	ZW_VEC_FOREACH(s, &seqs)
		zw_str_addf(&text, "%d ", (int)*s);
	if (!zw_streq(text.buf ? text.buf : "", expected))
		fail_msg("%s: %s", zw_related_to_string(kind), text.buf ? text.buf : "");
}

static void test_related(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, true);
	history_run_sql(f->path,
		"UPDATE event SET time_ns = time_ns + 3600 * 1000000000 WHERE seq = 5;"
		"UPDATE actor SET user = NULL WHERE seq = 6;"
		"UPDATE actor SET origin = NULL WHERE seq IN (1, 6);"
		"UPDATE actor SET peer = (SELECT origin FROM actor WHERE seq = 2) WHERE seq = 1");
	reader = history_open_reader(f->path);
	assert_related(reader, 4, ZW_RELATED_BEFORE, "3 2 1 ");
	assert_related(reader, 4, ZW_RELATED_AFTER, "6 ");
	assert_related(reader, 1, ZW_RELATED_BEFORE, "");
	assert_related(reader, 4, ZW_RELATED_ACTOR, "5 3 2 ");
	assert_related(reader, 5, ZW_RELATED_SOURCE, "4 3 2 ");
	assert_related(reader, 2, ZW_RELATED_SOURCE, "5 4 3 ");
	/* Event 4 ends what 3 began, and 5 begins with what it ends. */
	assert_related(reader, 6, ZW_RELATED_RECORD, "5 4 3 ");
	assert_related(reader, 6, ZW_RELATED_ADDRESS, "5 4 3 ");
}

#define READERS 4
#define CHANGES 300

struct asker {
	const char *path;
	atomic_bool *done;
	pthread_t thread;
	unsigned int rounds;
	bool behind; /* saw less than before */
	int error;
	char what[256];
};

/* What one moment shows fits together: the last event is the one that made the last state. */
static int ask(struct asker *a, struct zw_reader *reader, uint64_t *last)
{
	_zw_reader_state_ struct zw_reader_state state = {};
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_blame_ struct zw_blame blame = {};
	uint8_t name[ZW_NAME_MAX];
	struct zw_blame_scope scope = {name, true, 0};
	uint32_t serial;
	uint64_t seq;
	int r = zw_reader_last_change(reader, 1, &seq);

	if (r == 0)
		r = zw_reader_event(reader, seq, &event);
	if (r == 0)
		r = zw_reader_state(reader, 1, &(struct zw_moment){}, &state);
	if (r == 0)
		r = zw_name_from_text("example.com.", name, NULL);
	if (r == 0)
		r = zw_reader_blame(reader, 1, &scope, &blame);
	if (r < 0)
		return r;
	if (!zw_snapshot_serial(state.snapshot, &serial) || serial != event.report->serial_after)
		return -ESTALE;
	for (size_t i = 0; i < blame.changes; i++)
		if (blame.change[i].seq > seq)
			return -ESTALE;
	a->behind |= seq < *last;
	*last = seq;
	return 0;
}

static void *keep_asking(void *ctx)
{
	struct asker *a = ctx;
	uint64_t last = 0;

	while (a->error == 0 && (!atomic_load(a->done) || a->rounds == 0)) {
		_zw_reader_close_ struct zw_reader *reader = NULL;
		_zw_str_ struct zw_str error = {};

		a->error = zw_reader_open(a->path, &reader, &error);
		if (a->error < 0) {
			snprintf(a->what, sizeof(a->what), "%s", error.buf);
			break;
		}
		for (int i = 0; i < 10 && a->error == 0; i++, a->rounds++) {
			a->error = zw_reader_begin(reader);
			if (a->error == 0)
				a->error = ask(a, reader, &last);
			zw_reader_end(reader);
		}
		if (a->error < 0)
			snprintf(a->what, sizeof(a->what), "%s", zw_reader_error(reader));
	}
	return NULL;
}

/* Events and the states they make, each pair at once, while four ask all the time. */
static void test_many_readers(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	struct asker askers[READERS] = {};
	atomic_bool done = false;

	history_fill(f, true);
	history = history_open_writer(f);
	for (size_t i = 0; i < READERS; i++) {
		askers[i].path = f->path;
		askers[i].done = &done;
		assert_int_equal(
			pthread_create(&askers[i].thread, NULL, keep_asking, &askers[i]), 0);
	}
	for (int i = 1; i <= CHANGES; i++) {
		zw_snapshot_unref(f->state[0]);
		f->state[0] = f->state[1];
		f->state[1] = history_make_state(i % 250);
		assert_int_equal(zw_history_begin(history), 0);
		history_put_change(history, f, 1);
		history_store_state(history, f, 1);
		assert_int_equal(zw_history_commit(history), 0);
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(askers[i].thread, NULL);
		if (askers[i].error < 0)
			fail_msg("%d: %s", askers[i].error, askers[i].what);
		assert_false(askers[i].behind);
		assert_true(askers[i].rounds > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blame, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(
			test_blame_without_event, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_related, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_many_readers, history_setup, history_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
