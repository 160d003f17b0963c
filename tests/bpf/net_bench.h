/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the packet programs share: a probe, a frame run through one of its programs by BPF_PROG_RUN, and
 * what came of it. */
#pragma once

#include <linux/bpf.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.h"
#include "event/event.h"
#include "frames.h"
#include "probe/internal.h"
#include "probe/net.h"

#define SYN 0x02
#define ACK 0x10
#define FIN 0x01
#define TYPE_A 1
#define TYPE_AXFR 252
#define TYPE_IXFR 251
#define TYPE_TKEY 249
#define PORT_CONTROL 953
#define PORT_TLS 853

/* --- running a frame ----------------------------------------------------------------------------------- */

#define MAX_EVENTS 64

/* What came of the frames since the last look, and what was counted. */
struct outcome {
	struct zw_event event[MAX_EVENTS];
	size_t events, bad;
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
};

struct bench {
	struct zw_probe *probe;
	const char *program;
	uint32_t gso_size;
	struct outcome now;
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
};

static inline void on_event(void *ctx, const void *data, size_t len)
{
	struct outcome *o = ctx;
	struct zw_event e = {};

	if (zw_event_decode(data, len, &e) < 0) {
		o->bad++;
		return;
	}
	if (e.type != ZW_WIRE_PACKET || o->events == MAX_EVENTS) {
		zw_event_done(&e);
		return;
	}
	o->event[o->events++] = e;
}

/* Takes what came; the outcome holds until the next call. */
static inline const struct outcome *look(struct bench *b)
{
	uint64_t drop[_ZW_DROP_MAX];
	struct zw_traffic traffic;
	struct outcome *o = &b->now;

	for (size_t i = 0; i < o->events; i++)
		zw_event_done(&o->event[i]);
	o->events = o->bad = 0;
	if (zw_probe_net_drain(b->probe, on_event, o) < 0 || zw_probe_drops(b->probe, drop) < 0 ||
		zw_probe_net_traffic(b->probe, &traffic) < 0)
		die("draining");
	for (int i = 0; i < _ZW_DROP_MAX; i++)
		o->drop[i] = drop[i] - b->drop[i];
	for (size_t i = 0; i < sizeof(traffic) / sizeof(uint64_t); i++)
		((uint64_t *)&o->traffic)[i] =
			((uint64_t *)&traffic)[i] - ((uint64_t *)&b->traffic)[i];
	memcpy(b->drop, drop, sizeof(drop));
	b->traffic = traffic;
	return o;
}

static inline void run(struct bench *b, const struct spec *s)
{
	struct __sk_buff ctx = {.gso_size = b->gso_size};
	struct bpf_object *obj = zw_net_object(b->probe->net, ZW_OBJ_NET);
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, b->program);
	struct frame f;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.b, .ctx_in = &ctx,
		.ctx_size_in = sizeof(ctx));

	frame_make(&f, s);
	opts.data_size_in = (uint32_t)f.len;
	if (!prog || bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		die(b->program);
	/* Never anything but "go on": no packet's way may depend on us. */
	if ((int)opts.retval != -1)
		die("the program's verdict");
}

static inline const struct outcome *run_one(struct bench *b, const struct spec *s)
{
	run(b, s);
	return look(b);
}

static inline bool one_event(
	const struct outcome *o, const void *payload, size_t bytes, uint16_t flags)
{
	const struct zw_packet_facts *p = &o->event[0].packet;

	return o->events == 1 && o->bad == 0 && p->captured == bytes &&
	       (bytes == 0 || memcmp(p->payload, payload, bytes) == 0) &&
	       (p->flags & ~ZW_PACKET_RAN) == flags;
}

static inline bool nothing(const struct outcome *o)
{
	for (int i = 0; i < _ZW_DROP_MAX; i++)
		if (i >= ZW_DROP_NET_RING_FULL && o->drop[i])
			return false;
	return o->events == 0 && o->bad == 0;
}

/* Opens the probe, runs @test, and says how it went; the exit status. */
static inline int bench_main(int argc, char **argv, void (*test)(struct bench *b))
{
	const struct zw_net_port ports[] = {
		{53, ZW_PORT_DNS}, {PORT_CONTROL, ZW_PORT_CONTROL}, {PORT_TLS, ZW_PORT_TLS}};
	struct zw_probe_options options = {.ring_bytes = 1 << 20};
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_str_ struct zw_str error = {};
	static struct bench b;

	if (argc < 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	/* The probe runs its own program so, to see an exec. */
	if (zw_streq(argv[1], "version"))
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	options.scratch = argv[1];
	if (zw_probe_open(&options, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	if (zw_probe_net_ports(p, ports, ZW_ARRAY_SIZE(ports)) < 0)
		die("setting ports");
	b = (struct bench){.probe = p, .program = "zw_net_local"};
	look(&b);
	test(&b);
	look(&b);
	return checked();
}
