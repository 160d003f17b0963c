/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the packet programs take for a query and for its answer, without what the network takes: each is run many times
 * by BPF_PROG_RUN, and the least of several averages counts. And what the agent takes to read what they counted, as it
 * does once a second. Usage: lane DIRECTORY */
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "bpf/net_bench.h"
#include "probe/query.h"

#define ROUNDS 20
#define REPEAT 100000
#define NAMES 20000 /* more than there is room for */

static unsigned int cost(struct bench *b, const struct spec *s)
{
	struct bpf_object *obj = zw_net_object(b->probe->net, ZW_OBJ_NET);
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, b->program);
	unsigned int least = UINT_MAX;
	struct frame f;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.b, .repeat = REPEAT);

	frame_make(&f, s);
	opts.data_size_in = (uint32_t)f.len;
	for (int i = 0; i < ROUNDS; i++) {
		if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
			die("running the program");
		if (opts.duration < least)
			least = opts.duration;
	}
	return least;
}

static void ask_for_names(struct bench *b)
{
	struct frame f;
	struct spec s = {.payload = f.b};
	char text[40];

	for (int i = 0; i < NAMES; i++) {
		snprintf(text, sizeof(text), "n%d.example%d.com", i, i % 500);
		dns_make(&f, 0, text, TYPE_A);
		s.bytes = f.len;
		s.sport = (uint16_t)(20000 + i);
		run(b, &s);
	}
}

/* Processor time, in microseconds. */
static unsigned int read_once(struct bench *b, struct zw_query_book *book)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	if (zw_query_read(b->probe, book) < 0)
		die("reading the query lane");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (unsigned int)(((uint64_t)(to.tv_sec - from.tv_sec) * ZW_NSEC_PER_SEC +
				      (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec) /
			      1000);
}

/* The half that is read is the one before the last turn: so each other reading has the rows. */
static void measure_reading(struct bench *b)
{
	_zw_query_book_ struct zw_query_book book = {};
	unsigned int least = UINT_MAX, full = UINT_MAX, took;
	size_t rows = 0;

	for (int i = 0; i < 5; i++) {
		ask_for_names(b);
		(void)read_once(b, &book);
		took = read_once(b, &book);
		full = took < full ? took : full;
		rows = book.names.len + book.sources.len + book.zones.len;
		(void)read_once(b, &book);
		took = read_once(b, &book);
		least = took < least ? took : least;
	}
	printf("lane: to read %zu rows %u us, none %u us\n", rows, full, least);
}

/* A name of 47 labels and 233 octets. */
static void long_name(char text[static 256])
{
	size_t at = 0;

	while (at < 225)
		at += (size_t)snprintf(text + at, 256 - at, "n%zu.", 100 + at);
	snprintf(text + at, 256 - at, "com");
}

static void measure(struct bench *b)
{
	unsigned int query, answer, other, longer;
	char text[256];
	struct frame f;
	struct spec s = {.payload = f.b};

	dns_make(&f, 0, "www.example.com", TYPE_A);
	s.bytes = f.len;
	query = cost(b, &s);
	long_name(text);
	dns_make(&f, 0, text, TYPE_A);
	s.bytes = f.len;
	longer = cost(b, &s);
	dns_make(&f, DNS_ANSWER | 0x0400, "www.example.com", TYPE_A);
	f.b[7] = 1;
	frame_bytes(&f, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\300\0\2\1", 16);
	s.bytes = f.len;
	s.sport = 53;
	s.dport = 40000;
	answer = cost(b, &s);
	s.sport = s.dport = 4000;
	other = cost(b, &s);
	/* What BPF_PROG_RUN itself takes is in all three. */
	printf("lane: a query %u ns, its answer %u ns, another packet %u ns, a query of a long name %u ns\n",
		query, answer, other, longer);
	measure_reading(b);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, measure);
}
