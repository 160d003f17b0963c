/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much processor time a zone takes to read, to re-read and to compare, and how much memory it holds; the same
 * work by ldns-compare-zones and by named-compilezone + sort + diff on the same files.
 *
 *	bench_zone [RECORDS...]		default 100 10000 1000000
 *
 * Lines that begin with "figure" are rows of the table of tests/bench/run.
 *
 * Every measurement runs in a process of its own: its peak memory is read with wait4(2). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libzscanner/scanner.h>

#include "base/cleanup.h"
#include "dns/name.h"
#include "zone/diff.h"
#include "zone/load.h"

#define RUNS 5
#define ORIGIN "example.com."
/* The size of a zone that the figures are about. */
#define FIGURE_RECORDS 1000000

enum kind { KIND_A, KIND_MIXED };

struct bytes {
	const char *data;
	size_t len;
};

struct job {
	const char *old_path, *new_path, *order_path;
	struct zw_hash_key key;
	uint8_t origin[ZW_NAME_MAX];
	size_t records;
	const char *kind;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Processor time of this process: what else runs on the machine disturbs it less than the wall clock. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec * 1e-6;
}

/* Maps with the pages present, so that no measurement pays for them. */
static struct bytes map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct bytes b;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	b.len = (size_t)st.st_size;
	b.data = mmap(NULL, b.len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (b.data == MAP_FAILED)
		die(path);
	close(fd);
	return b;
}

/* One record of the zone; @version changes a few of them. */
static void write_record(FILE *f, enum kind kind, size_t i, unsigned int version)
{
	unsigned int a = (unsigned int)(i * 2654435761U);

	if (version && i % 100000 == 77)
		a ^= 0x5a5a;
	if (kind == KIND_A) {
		fprintf(f, "h%07zu A %u.%u.%u.%u\n", i, a >> 24, a >> 16 & 255, a >> 8 & 255,
			a & 255);
		return;
	}
	switch (i % 4) {
	case 0:
		fprintf(f, "n%06zu 3600 IN NS ns%u.%s\n", i / 4, a % 50, ORIGIN);
		break;
	case 1:
		fprintf(f, "n%06zu.sub IN A 10.%u.%u.%u\n", i / 4, a >> 16 & 255, a >> 8 & 255,
			a & 255);
		break;
	case 2:
		fprintf(f, " AAAA 2001:db8::%x:%x\n", a >> 16, a & 65535);
		break;
	default:
		fprintf(f, " TXT \"v=spf1 ip4:10.0.%u.%u -all\" \"%08x\"\n", a >> 8 & 255, a & 255,
			a);
	}
}

static void write_zone(const char *path, enum kind kind, size_t records, unsigned int version)
{
	FILE *f = fopen(path, "we");

	if (!f)
		die(path);
	fprintf(f, "$ORIGIN %s\n$TTL 3600\n@ SOA ns1 hostmaster %u 7200 3600 1209600 300\n", ORIGIN,
		version + 1);
	fprintf(f, "@ NS ns1\nns1 A 192.0.2.1\n");
	for (size_t i = 0; i < records; i++)
		write_record(f, kind, i, version);
	if (version)
		fprintf(f, "added A 192.0.2.99\n");
	fclose(f);
}

/* The same records with the lines of each block of 1000 in another order. */
static void write_shuffled(const char *path, size_t records)
{
	FILE *f = fopen(path, "we");

	if (!f)
		die(path);
	fprintf(f, "$ORIGIN %s\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n", ORIGIN);
	fprintf(f, "@ NS ns1\nns1 A 192.0.2.1\n");
	for (size_t i = 0; i < records; i++)
		write_record(f, KIND_A, (i * 7919) % records, 0);
	fclose(f);
}

static struct zw_zone_input input_for(const struct job *job, struct bytes b)
{
	return (struct zw_zone_input){
		.key = &job->key,
		.master = {.origin = job->origin},
		.data = b.data,
		.len = b.len,
	};
}

static struct zw_snapshot *load(const struct job *job, struct bytes b, struct zw_snapshot *old)
{
	struct zw_zone_input in = input_for(job, b);
	struct zw_snapshot *s;
	struct zw_zone_error error = {};

	if (zw_zone_load(&in, old, &s, &error) < 0) {
		fprintf(stderr, "line %llu: %s\n", (unsigned long long)error.line, error.reason);
		exit(1);
	}
	return s;
}

static double bench_scanner(const struct job *job)
{
	struct bytes b = map(job->old_path);
	zs_scanner_t *zs = malloc(sizeof(*zs));
	double t = now();

	if (!zs || zs_init(zs, ORIGIN, 1, 3600) < 0 || zs_set_input_string(zs, b.data, b.len) < 0 ||
		zs_parse_all(zs) < 0)
		die("libzscanner");
	return now() - t;
}

static int count_record(void *ctx, const struct zw_record *record)
{
	*(size_t *)ctx += record->type != 0;
	return 0;
}

static double bench_parse(const struct job *job)
{
	struct bytes b = map(job->old_path);
	struct zw_zone_input in = input_for(job, b);
	size_t n = 0;
	double t = now();

	if (zw_master_parse(&in.master, b.data, b.len, count_record, &n, NULL) < 0)
		die("parse");
	return now() - t;
}

static double bench_full(const struct job *job)
{
	struct bytes b = map(job->old_path);
	double t = now();
	struct zw_snapshot *s = load(job, b, NULL);

	t = now() - t;
	printf("%37s %zu records, %.1f bytes each (%.1f of text in the file)\n", "",
		zw_snapshot_count(s), (double)zw_snapshot_memory(s) / (double)zw_snapshot_count(s),
		(double)b.len / (double)zw_snapshot_count(s));
	if (job->records == FIGURE_RECORDS)
		printf("figure\tmemory a record, %s\t%.1f bytes (%.1f of text in the file)\t\n",
			job->kind, (double)zw_snapshot_memory(s) / (double)zw_snapshot_count(s),
			(double)b.len / (double)zw_snapshot_count(s));
	return t;
}

static double reread(const struct job *job, const char *path, size_t expect)
{
	struct bytes old_bytes = map(job->old_path), new_bytes = map(path);
	struct zw_snapshot *old = load(job, old_bytes, NULL), *s;
	struct zw_diff *d;
	double t;

	munmap((void *)old_bytes.data, old_bytes.len);
	t = now();
	s = load(job, new_bytes, old);
	if (zw_diff_new(old, s, &d) < 0)
		die("diff");
	t = now() - t;
	if (d->len < expect || d->len > expect + 1000) {
		fprintf(stderr, "unexpected difference: %zu RRsets\n", d->len);
		exit(1);
	}
	return t;
}

static double bench_same(const struct job *job)
{
	return reread(job, job->old_path, 0);
}

static double bench_changed(const struct job *job)
{
	return reread(job, job->new_path, 2);
}

static double bench_shuffled(const struct job *job)
{
	return reread(job, job->order_path, 0);
}

/* Processor time of everything that the command runs. */
static double shell(const char *command, const struct job *job)
{
	struct rusage usage;
	int status;

	setenv("OLD", job->old_path, 1);
	setenv("NEW", job->new_path, 1);
	status = system(command);
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
		die(command);
	getrusage(RUSAGE_CHILDREN, &usage);
	return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

static double bench_ldns(const struct job *job)
{
	return shell("ldns-compare-zones -a $OLD $NEW >/dev/null", job);
}

static double bench_named(const struct job *job)
{
	return shell("for f in $OLD $NEW; do named-compilezone -q -i none -k ignore -o - " ORIGIN
		     " $f 2>/dev/null | LC_ALL=C sort >$f.sorted; done; "
		     "diff $OLD.sorted $NEW.sorted >/dev/null",
		job);
}

/* Runs @fn in a child; the best of its times and the peak memory of it and its children. @budget: for a figure, "" for
 * one without. */
static double measure(const char *name, double (*fn)(const struct job *), const struct job *job,
	int runs, double base, const char *budget)
{
	double best = 0;
	long peak = 0;

	for (int i = 0; i < runs; i++) {
		struct rusage usage;
		double t = 0;
		int fds[2], status;
		pid_t pid;

		fflush(stdout);
		if (pipe(fds) < 0)
			die("pipe");
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			if (i > 0 && !freopen("/dev/null", "w", stdout))
				_exit(1);
			t = fn(job);
			fflush(stdout);
			getrusage(RUSAGE_CHILDREN, &usage);
			_exit(write(fds[1], &t, sizeof(t)) == sizeof(t) &&
						write(fds[1], &usage.ru_maxrss, sizeof(long)) ==
							sizeof(long)
					? 0
					: 1);
		}
		close(fds[1]);
		if (wait4(pid, &status, 0, &usage) < 0 || status != 0)
			die(name);
		long children = 0;

		if (read(fds[0], &t, sizeof(t)) != sizeof(t) ||
			read(fds[0], &children, sizeof(children)) != sizeof(children))
			die(name);
		close(fds[0]);
		if (i == 0 || t < best)
			best = t;
		if (usage.ru_maxrss > peak)
			peak = usage.ru_maxrss;
		if (children > peak)
			peak = children;
	}
	printf("  %-34s %9.4f s  peak %7.1f MiB", name, best, (double)peak / 1024);
	if (base > 0)
		printf("  %7.1f x re-read", best / base);
	printf("\n");
	if (budget && job->records == FIGURE_RECORDS)
		printf("figure\t%s, 1M records, %s\t%.3f s, %.0f MiB\t%s\n", name, job->kind, best,
			(double)peak / 1024, budget);
	return best;
}

static void bench_zone(const char *dir, enum kind kind, size_t records)
{
	char old_path[256], new_path[256], order_path[256];
	struct job job = {.old_path = old_path,
		.new_path = new_path,
		.order_path = order_path,
		.records = records,
		.kind = kind == KIND_A ? "A under distinct names" : "NS, A, AAAA and TXT"};
	double changed;

	snprintf(old_path, sizeof(old_path), "%s/old", dir);
	snprintf(new_path, sizeof(new_path), "%s/new", dir);
	snprintf(order_path, sizeof(order_path), "%s/order", dir);
	zw_hash_key_init(&job.key);
	if (zw_name_from_text(ORIGIN, job.origin, NULL) < 0)
		die(ORIGIN);
	write_zone(old_path, kind, records, 0);
	write_zone(new_path, kind, records, 1);
	write_shuffled(order_path, records);
	printf("%zu records, %s:\n", records, job.kind);
	measure("libzscanner alone", bench_scanner, &job, RUNS, 0, NULL);
	measure("parse", bench_parse, &job, RUNS, 0, NULL);
	measure("first read (parse, sort)", bench_full, &job, RUNS, 0, "");
	measure("re-read, nothing changed", bench_same, &job, RUNS, 0, NULL);
	changed = measure(
		"re-read and diff, a few changed", bench_changed, &job, RUNS, 0, "<= 0.3 s");
	if (kind == KIND_A)
		measure("re-read and diff, lines reordered", bench_shuffled, &job, 1, changed,
			NULL);
	measure("ldns-compare-zones", bench_ldns, &job, 1, changed, "");
	measure("named-compilezone x2, sort, diff", bench_named, &job, 1, changed, "");
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = {"100", "10000", "1000000"};
	char dir[] = "/tmp/bench_zone.XXXXXX", clean[64];

	if (!mkdtemp(dir))
		die(dir);
	for (int i = 1; i < (argc > 1 ? argc : 4); i++) {
		size_t n = strtoul(argc > 1 ? argv[i] : sizes[i - 1], NULL, 10);

		bench_zone(dir, KIND_A, n);
		bench_zone(dir, KIND_MIXED, n);
	}
	snprintf(clean, sizeof(clean), "rm -rf %s", dir);
	return system(clean) == 0 ? 0 : 1;
}
