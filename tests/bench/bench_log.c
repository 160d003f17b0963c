/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a first page of the log takes, for every kind of filter, on a history of many changes.
 *
 *	bench_log [CHANGES [NAMES [FILE]]]		default 1000000 100000; FILE is kept, and used again
 *
 * Lines that begin with "figure" are rows of the table of tests/bench/run. Exit status 1 over the budget: 100 ms. */
#include <sys/stat.h>
#include <unistd.h>

#include "history_fill.h"
#include "sink/history_query.h"

#define RUNS 5
#define PAGE 50
#define ID_LEAST 12
#define BUDGET_MS 100.0
/* What the table is about. */
#define FIGURE_CHANGES 1000000

struct job {
	const char *name;
	void (*set)(struct zw_log_filter *filter, uint64_t changes);
};

static struct zw_log_range range(const char *text)
{
	struct zw_log_range range = {};

	history_fill_check(zw_log_range_parse(text, &range), text);
	return range;
}

static const uint8_t *wire(const char *text)
{
	static uint8_t name[ZW_NAME_MAX];

	history_fill_check(zw_name_from_text(text, name, NULL), text);
	return name;
}

static void no_filter(struct zw_log_filter *filter, uint64_t changes)
{
	(void)filter;
	(void)changes;
}

static void by_zone(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->zone = HISTORY_FILL_ZONE;
}

static void by_name(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->name = wire("www1." HISTORY_FILL_ZONE);
}

static void by_subtree(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->name = wire(HISTORY_FILL_ZONE);
	filter->subtree = true;
}

static void by_type(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->type = ZW_TYPE_A;
}

static void by_address(struct zw_log_filter *filter, uint64_t changes)
{
	static struct zw_log_range address;

	(void)changes;
	address = range("10.1.2.3");
	filter->address = &address;
}

static void by_network(struct zw_log_filter *filter, uint64_t changes)
{
	static struct zw_log_range network;

	(void)changes;
	network = range("10.0.0.0/8");
	filter->address = &network;
}

static void by_small_network(struct zw_log_filter *filter, uint64_t changes)
{
	static struct zw_log_range network;

	(void)changes;
	network = range("10.1.2.0/24");
	filter->address = &network;
}

static void by_user(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->user = "user1010";
}

static void by_exe(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->exe = "sed";
}

static void by_peer(struct zw_log_filter *filter, uint64_t changes)
{
	static struct zw_log_range network;

	(void)changes;
	network = range("198.51.100.0/24");
	filter->peer = &network;
}

static void by_verdict(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->verdicts = 1U << ZW_VERDICT_UNAUTHORIZED;
	filter->unacknowledged = true;
}

static void by_channel(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->channels = 1U << ZW_CHANNEL_UPDATE;
}

/* In the middle: as many events before it as after. */
static void until_middle(struct zw_log_filter *filter, uint64_t changes)
{
	filter->until_ns = SAMPLE_TIME_NS + changes / 2 * HISTORY_FILL_STEP_NS;
}

static void since_middle(struct zw_log_filter *filter, uint64_t changes)
{
	filter->since_ns = SAMPLE_TIME_NS + changes / 2 * HISTORY_FILL_STEP_NS;
}

static void of_nobody(struct zw_log_filter *filter, uint64_t changes)
{
	(void)changes;
	filter->user = "nobody-of-that-name";
}

static const struct job jobs[] = {
	{"everything", no_filter},
	{"a zone", by_zone},
	{"a name", by_name},
	{"a subtree that is a zone", by_subtree},
	{"a type", by_type},
	{"an address", by_address},
	{"a network /24", by_small_network},
	{"a network /8", by_network},
	{"a user", by_user},
	{"an executable", by_exe},
	{"a network of peers", by_peer},
	{"unauthorized, unacknowledged", by_verdict},
	{"a channel", by_channel},
	{"until the middle", until_middle},
	{"since the middle", since_middle},
	{"a user who is not there", of_nobody},
};

/* As `zonewitness log` does it, but for the printing. */
static double page(const char *path, const struct zw_log_filter *filter, unsigned int *ret_rows)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_log_query_ struct zw_log_query *query = NULL;
	_zw_str_ struct zw_str error = {};
	double begin = history_fill_now();
	unsigned int rows = 0, len;
	struct zw_log_row row;
	int r = 0;

	if (zw_reader_open(path, &reader, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf);
		exit(1);
	}
	history_fill_check(zw_reader_begin(reader), "begin");
	history_fill_check(zw_log_query_new(reader, filter, &query), "query");
	while (rows < PAGE && (r = zw_log_query_next(query, &row)) > 0) {
		_zw_reader_event_ struct zw_reader_event event = {};

		history_fill_check(zw_reader_event(reader, row.seq, &event), "event");
		history_fill_check(
			zw_log_id_len(reader, event.report->id, ID_LEAST, &len), "length of an ID");
		rows++;
	}
	history_fill_check(r, "next");
	zw_log_query_free(ZW_TAKE(query));
	zw_reader_end(reader);
	*ret_rows = rows;
	return 1000 * (history_fill_now() - begin);
}

static double measure(const char *path, const struct job *job, uint64_t changes)
{
	struct zw_log_filter filter = ZW_LOG_FILTER_INIT;
	unsigned int rows = 0;
	double best = 0;

	job->set(&filter, changes);
	for (int i = 0; i < RUNS; i++) {
		double t = page(path, &filter, &rows);

		if (i == 0 || t < best)
			best = t;
	}
	printf("log, first page, %s: %u rows, best of %d %.1f ms\n", job->name, rows, RUNS, best);
	return best;
}

int main(int argc, char **argv)
{
	struct history_fill wanted = {
		.changes = argc > 1 ? strtoull(argv[1], NULL, 10) : FIGURE_CHANGES,
		.names = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000,
	};
	char dir[] = "/var/tmp/bench_log.XXXXXX", path[4096];
	bool keep = argc > 3;
	struct stat st = {};
	double worst = 0;

	if (!keep && !mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	snprintf(path, sizeof(path), "%s", keep ? argv[3] : "");
	if (!keep)
		snprintf(path, sizeof(path), "%s/history.db", dir);
	if (stat(path, &st) < 0)
		history_fill(path, &wanted);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(jobs); i++) {
		double t = measure(path, &jobs[i], wanted.changes);

		if (t > worst)
			worst = t;
	}
	if (wanted.changes == FIGURE_CHANGES)
		printf("figure\tlog, first page of 1M changes, the slowest of %zu filters\t%.0f ms\t<= 100 ms\n",
			ZW_ARRAY_SIZE(jobs), worst);
	if (!keep) {
		unlink(path);
		rmdir(dir);
	}
	return worst > BUDGET_MS;
}
