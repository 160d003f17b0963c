/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readers of the history while it is written to: a thousand changes a second, on disk in batches of ten, and four who
 * ask for the last change, what belongs to it and the zone as it is.
 *
 *	bench_readers [SECONDS [READERS]]		default 5 4
 *
 * Fails when a reader fails, or when the writer does not keep up. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "history_fill.h"
#include "read_round.h"

#define RATE 1000
#define BATCH 10
#define NAMES 1000
#define READERS_MAX 64
/* Between two rounds of one reader: who asks all the time measures how processors are shared, not databases. */
#define PAUSE_US 20000

struct reader {
	const char *path;
	atomic_bool *done;
	pthread_t thread;
	unsigned int rounds;
	double slowest;
	int error;
};

static int read_once(const char *path)
{
	_zw_reader_state_ struct zw_reader_state state = {};
	_zw_str_ struct zw_str error = {};
	uint64_t seq;
	int r = read_round(path, &seq, &state, &error);

	if (r < 0)
		fprintf(stderr, "%s\n", error.buf);
	return r;
}

static void *keep_reading(void *ctx)
{
	struct reader *reader = ctx;

	while (reader->error == 0 && !atomic_load(reader->done)) {
		double begin = history_fill_now(), took;

		reader->error = read_once(reader->path);
		took = history_fill_now() - begin;
		if (took > reader->slowest)
			reader->slowest = took;
		reader->rounds++;
		usleep(PAUSE_US);
	}
	return NULL;
}

/* Returns the seconds that @changes took. */
static double write_paced(
	struct history_fill_run *run, struct zw_history *history, uint64_t first, uint64_t changes)
{
	double begin = history_fill_now();

	for (uint64_t i = 0; i < changes; i += BATCH) {
		double ahead = (double)i / RATE - (history_fill_now() - begin);

		if (ahead > 0)
			usleep((useconds_t)(ahead * 1e6));
		history_fill_check(zw_history_begin(history), "begin");
		for (uint64_t n = 0; n < BATCH; n++)
			history_fill_put(run, history, first + i + n);
		history_fill_check(zw_history_commit(history), "commit");
	}
	return history_fill_now() - begin;
}

int main(int argc, char **argv)
{
	const struct history_fill wanted = {.changes = 10000, .names = NAMES};
	struct history_fill_run run = {.wanted = &wanted, .random = 7};
	uint64_t changes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 5) * RATE;
	size_t readers = argc > 2 ? strtoul(argv[2], NULL, 10) : 4;
	char dir[] = "/var/tmp/bench_readers.XXXXXX", path[64], clean[64];
	static struct reader reader[READERS_MAX];
	struct zw_history *history = NULL;
	_zw_str_ struct zw_str error = {};
	unsigned int rounds = 0;
	atomic_bool done = false;
	double took, slowest = 0;
	bool failed = false;

	if (readers > READERS_MAX || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/history.db", dir);
	history_fill(path, &wanted);
	zw_hash_key_init(&run.key);
	history_fill_check(zw_name_from_text(HISTORY_FILL_ZONE, run.origin, NULL), "name");
	run.address = sample_checked(calloc(NAMES, sizeof(*run.address)));
	history_fill_check(zw_history_open(path, &history, &error), path);
	for (size_t i = 0; i < readers; i++) {
		reader[i] = (struct reader){.path = path, .done = &done};
		history_fill_check(
			-pthread_create(&reader[i].thread, NULL, keep_reading, &reader[i]),
			"thread");
	}
	took = write_paced(&run, history, wanted.changes, changes);
	atomic_store(&done, true);
	for (size_t i = 0; i < readers; i++) {
		pthread_join(reader[i].thread, NULL);
		rounds += reader[i].rounds;
		slowest = reader[i].slowest > slowest ? reader[i].slowest : slowest;
		failed |= reader[i].error < 0;
	}
	zw_history_close(history);
	free(run.address);
	printf("%.0f changes a second of %d wanted, beside %zu readers with %.0f rounds a second,"
	       " the slowest %.3f s%s\n",
		(double)changes / took, RATE, readers, (double)rounds / took, slowest,
		failed ? ", FAILED" : "");
	printf("figure\tchanges stored beside %zu readers, a second, %d wanted\t%.0f\t>= %.0f\n",
		readers, RATE, (double)changes / took, RATE * 0.95);
	printf("figure\tslowest read of event, related and state meanwhile\t%.3f s\t\n", slowest);
	snprintf(clean, sizeof(clean), "rm -rf %s", dir);
	if (system(clean) != 0 || failed)
		return 1;
	return (double)changes / took < RATE * 0.95;
}
