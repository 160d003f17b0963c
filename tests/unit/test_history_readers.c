/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readers while a thousand changes a second are told and stored: each sees the history as it was at one moment, whole, and
 * neither side waits for the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bench/read_round.h"
#include "writer_fixture.h"

#define RATE 1000
#define CHANGES 2000
#define READERS 4
/* Between two rounds of one reader, so that this measures databases, and not how processors are shared. */
#define PAUSE_US 10000
/* What a machine that is busy otherwise may take; one without KVM takes longer. */
#define SLOWEST_NS (15 * ZW_NSEC_PER_SEC * time_scale())

static uint64_t time_scale(void)
{
	const char *text = getenv("ZW_TIME_SCALE");
	uint64_t scale = text ? strtoull(text, NULL, 10) : 1;

	return scale ? scale : 1;
}

struct reader {
	const char *path;
	atomic_bool *done;
	pthread_t thread;
	unsigned int rounds;
	uint64_t last, slowest_ns;
	int error;
	const char *fault; /* what it saw that cannot be */
};

/* The zone is what its last change made of it. */
static int read_once(struct reader *me)
{
	_zw_reader_state_ struct zw_reader_state now = {};
	_zw_str_ struct zw_str error = {};
	uint32_t serial = 0;
	uint64_t seq = 0;
	int r = read_round(me->path, &seq, &now, &error);

	if (r < 0) {
		me->fault = "a query failed";
		return r;
	}
	if (seq < me->last)
		me->fault = "the history went back";
	else if (now.seq != seq || !zw_snapshot_serial(now.snapshot, &serial) || serial != seq)
		me->fault = "the state is not the one that the last change made";
	me->last = seq;
	return me->fault ? -EBADMSG : 0;
}

static void *keep_reading(void *ctx)
{
	struct reader *me = ctx;

	while (me->error == 0 && !atomic_load(me->done)) {
		uint64_t begin = zw_boottime_ns(), took;

		me->error = read_once(me);
		took = zw_boottime_ns() - begin;
		if (took > me->slowest_ns)
			me->slowest_ns = took;
		me->rounds++;
		usleep(PAUSE_US);
	}
	return NULL;
}

/* As fast as they are to come, from number 2 on, until all are stored. */
static int tell_paced(struct fixture *f, struct zw_writer *w)
{
	uint64_t begin = zw_boottime_ns();
	int r = 0;

	for (uint32_t n = 0; n < CHANGES && r == 0; n++) {
		uint64_t due = begin + n * (ZW_NSEC_PER_SEC / RATE), now = zw_boottime_ns();

		if (now < due)
			usleep((useconds_t)((due - now) / 1000));
		r = tell(f, w, n + 2);
	}
	return r < 0 ? r : zw_writer_flush(w, SLOWEST_NS);
}

static void test_readers(void **state)
{
	struct fixture *f = *state;
	_zw_writer_close_ struct zw_writer *w = NULL;
	struct reader reader[READERS];
	struct zw_writer_facts facts;
	atomic_bool done = false;
	int r;

	/* As the agent has it. */
	f->memory_items = 8192;
	f->memory_bytes = 32 << 20;
	f->pending_bytes = 64 << 20;
	w = writer(f);
	begin(w);
	assert_int_equal(tell(f, w, 1), 0);
	flush(w);
	for (size_t i = 0; i < READERS; i++) {
		reader[i] = (struct reader){.path = f->path, .done = &done};
		assert_int_equal(
			pthread_create(&reader[i].thread, NULL, keep_reading, &reader[i]), 0);
	}
	r = tell_paced(f, w);
	atomic_store(&done, true);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(reader[i].thread, NULL);
	assert_int_equal(r, 0);
	for (size_t i = 0; i < READERS; i++) {
		if (reader[i].fault)
			fail_msg("%s: %s", reader[i].fault, strerror(-reader[i].error));
		assert_in_range(reader[i].slowest_ns, 1, SLOWEST_NS);
		assert_in_range(reader[i].rounds, 3, UINT_MAX);
	}
	zw_writer_facts(w, &facts);
	assert_int_equal(facts.stored, CHANGES + 1);
	assert_int_equal(facts.lost, 0);
	assert_state(w, CHANGES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
