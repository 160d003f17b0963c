/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long it takes to say who last set each record of a zone, on a history of many changes.
 *
 *	bench_blame [CHANGES [NAMES [FILE]]]		default 1000000 100000; FILE is kept, and used again
 *
 * Budget: under a second for a zone of 100,000 records and a million changes. */
#include <sys/stat.h>
#include <unistd.h>

#include "history_fill.h"
#include "sink/history_blame.h"

#define RUNS 5
#define BUDGET_S 1.0

static double blame(const char *path, const char *name, bool subtree, size_t *ret_rrsets)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_blame_ struct zw_blame blame = {};
	_zw_str_ struct zw_str error = {};
	struct zw_blame_scope scope = {.subtree = subtree};
	double begin = history_fill_now();
	uint8_t wire[ZW_NAME_MAX];

	history_fill_check(zw_name_from_text(name, wire, NULL), name);
	scope.name = wire;
	if (zw_reader_open(path, &reader, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf);
		exit(1);
	}
	history_fill_check(zw_reader_blame(reader, 1, &scope, &blame), "blame");
	*ret_rrsets = blame.rrsets;
	return history_fill_now() - begin;
}

static double measure(const char *path, const char *name, bool subtree)
{
	size_t rrsets = 0;
	double best = 0;

	for (int i = 0; i < RUNS; i++) {
		double t = blame(path, name, subtree, &rrsets);

		if (i == 0 || t < best)
			best = t;
	}
	printf("blame of %s: %zu RRsets, best of %d %.3f s\n", name, rrsets, RUNS, best);
	return best;
}

int main(int argc, char **argv)
{
	struct history_fill wanted = {
		.changes = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
		.names = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000,
	};
	char dir[] = "/var/tmp/bench_blame.XXXXXX", path[4096];
	bool keep = argc > 3, is_there;
	struct stat st = {};
	double t;

	if (!keep && !mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	snprintf(path, sizeof(path), "%s", keep ? argv[3] : "");
	if (!keep)
		snprintf(path, sizeof(path), "%s/history.db", dir);
	is_there = stat(path, &st) == 0;
	if (!is_there) {
		t = history_fill(path, &wanted);
		stat(path, &st);
		printf("%llu changes stored in %.1f s (%.0f a second, without syncs), %.0f octets each\n",
			(unsigned long long)wanted.changes, t, (double)wanted.changes / t,
			(double)st.st_size / (double)wanted.changes);
	}
	measure(path, "www1." HISTORY_FILL_ZONE, false);
	t = measure(path, HISTORY_FILL_ZONE, true);
	printf("figure\tblame, %u records, %llu changes\t%.3f s\t<= %.0f s\n", wanted.names,
		(unsigned long long)wanted.changes, t, BUDGET_S);
	if (!keep) {
		unlink(path);
		rmdir(dir);
	}
	if (t <= BUDGET_S)
		return 0;
	printf("over the budget of %.1f s\n", BUDGET_S);
	return 1;
}
