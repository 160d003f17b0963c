/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A flood of queries for names that are all different, and an update every now and then, run through the packet
 * programs by BPF_PROG_RUN while the tables are read every second: what is counted and what is lost. Usage:
 * flood DIRECTORY; in the environment ZW_NAMES
 */
#include <time.h>

#include "bpf/query_bench.h"

#define NAMES 10000000UL
#define UPDATE_EACH 10000UL

struct flood {
	struct lane l;
	uint64_t rows, updates, update_drops;
	size_t most_rows;
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count_update(void *ctx, const void *data, size_t len)
{
	struct flood *f = ctx;
	_zw_event_ struct zw_event e = {};

	if (zw_event_decode(data, len, &e) == 0)
		f->updates += e.type == ZW_WIRE_PACKET;
}

/* What the rows of one turn count. */
static void take_turn(struct flood *f)
{
	struct lane *l = &f->l;

	if (zw_query_read(l->b->probe, &l->book) < 0 ||
		zw_probe_net_drain(l->b->probe, count_update, f) < 0)
		die("reading the query lane");
	ZW_VEC_FOREACH(n, &l->book.names)
		f->rows += n->n.queries;
	f->rows += l->book.other[ZW_QUERY_NAMES].queries;
	if (l->book.names.len > f->most_rows)
		f->most_rows = l->book.names.len;
}

static void flood(struct bench *b)
{
	const char *names = getenv("ZW_NAMES");
	unsigned long n = names ? strtoul(names, NULL, 10) : NAMES;
	struct bpf_object *obj = zw_net_object(b->probe->net, ZW_OBJ_NET);
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, b->program);
	static struct flood f;
	struct frame message, query, update;
	struct spec s = {.payload = message.b};
	double began = seconds(), turned = began;
	uint64_t before[_ZW_DROP_MAX], after[_ZW_DROP_MAX], sent = 0;

	f.l.b = b;
	dns_make(&message, DNS_UPDATE, "flood.test", 6);
	s.bytes = message.len;
	frame_make(&update, &s);
	dns_make(&message, 0, "0000000000.flood.test", TYPE_A);
	s.bytes = message.len;
	frame_make(&query, &s);
	lane_look(&f.l);
	if (zw_probe_drops(b->probe, before) < 0)
		die("reading the losses");
	for (unsigned long i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = query.b,
			.data_size_in = (uint32_t)query.len);
		unsigned long v = i;

		/* Behind the headers of the frame and the message, and the length of the label. */
		for (int k = 9; k >= 0; k--, v /= 10)
			query.b[14 + 20 + 8 + 12 + 1 + k] = (uint8_t)('0' + v % 10);
		if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
			die("running the program");
		if (i % UPDATE_EACH == 0) {
			opts.data_in = update.b;
			opts.data_size_in = (uint32_t)update.len;
			if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
				die("running the program");
			sent++;
			if (seconds() - turned >= 1) {
				take_turn(&f);
				turned = seconds();
			}
		}
	}
	take_turn(&f);
	take_turn(&f);
	if (zw_probe_drops(b->probe, after) < 0)
		die("reading the losses");
	printf("flood: %lu names in %.1f s, at most %zu rows at a time in %.1f MB\n", n,
		seconds() - began, f.most_rows, (double)zw_query_memory(b->probe) / (1 << 20));
	check(f.l.book.total.query[ZW_QUERY_SERVED][0][0] -
				f.l.before.query[ZW_QUERY_SERVED][0][0] ==
			n,
		"flood: the totals are exact");
	check(f.rows == n, "flood: rows and what had to leave add up to them");
	check(f.updates == sent && after[ZW_DROP_NET_RING_FULL] == before[ZW_DROP_NET_RING_FULL],
		"flood: every update came through");
	zw_query_book_done(&f.l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, flood);
}
