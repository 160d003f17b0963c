/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attaches programs that do nothing until it is told to stop: what the kernel's own counting of a program's time costs, and
 * so what has to be taken off others' times; and what it costs that there is a program at all.
 *
 *	empty WHERE...
 *		egress	of the loopback device
 *		file	where a change time is set (tracepoint ctime_xchg_skip) or, before 6.13, an inode becomes dirty
 *
 * Prints the number of the first program, then waits for its input to end. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/str.h"
#include "probe/net_attach.h"

static int fail(int r)
{
	fprintf(stderr, "empty: %s\n", strerror(-r));
	return 1;
}

static int load(enum bpf_prog_type type, int64_t result, const struct bpf_prog_load_opts *opts)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = (int32_t)result},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(type, "empty", "GPL", insns, ZW_ARRAY_SIZE(insns), opts);
}

/* At the first of these that the kernel has. */
static int on_tracepoint(const char *const *tracepoint, size_t n)
{
	int fd = -ENOENT, link;

	for (size_t i = 0; i < n && fd < 0; i++) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
		int id = libbpf_find_vmlinux_btf_id(tracepoint[i], BPF_TRACE_RAW_TP);

		opts.attach_btf_id = (uint32_t)id;
		fd = id < 0 ? id : load(BPF_PROG_TYPE_TRACING, 0, &opts);
	}
	if (fd < 0)
		return fd;
	link = bpf_raw_tracepoint_open(NULL, fd);
	return link < 0 ? link : fd;
}

/* The descriptor of the program; one for the network still has to be attached. -errno. */
static int take(const char *where)
{
	static const char *const changes[] = {"ctime_xchg_skip", "writeback_mark_inode_dirty"};

	if (zw_streq(where, "egress"))
		return load(BPF_PROG_TYPE_SCHED_CLS, -1, NULL);
	if (zw_streq(where, "file"))
		return on_tracepoint(changes, ZW_ARRAY_SIZE(changes));
	return -EINVAL;
}

/* Prints the number of program @fd and waits. */
static int hold(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	char byte;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail(-errno);
	printf("%u\n", info.id);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

/* @net: -1 or a program for the loopback device. */
static int run(int first, int net)
{
	const int program[_ZW_NET_SIDE_MAX] = {[ZW_NET_INGRESS] = -1, [ZW_NET_EGRESS] = net};
	struct zw_net_hooks hooks;
	int r;

	if (net < 0)
		return hold(first);
	r = zw_net_attach(1, program, zw_net_has_tcx(1, net), &hooks);
	if (r < 0)
		return fail(r);
	r = hold(first);
	zw_net_detach(1, &hooks);
	return r;
}

int main(int argc, char **argv)
{
	int first = -1, net = -1;

	for (int i = 1; i < argc; i++) {
		int fd = take(argv[i]);

		if (fd == -ENOENT && zw_streq(argv[i], "send"))
			continue;
		if (fd < 0)
			return fail(fd);
		if (zw_streq(argv[i], "egress"))
			net = fd;
		first = first < 0 ? fd : first;
	}
	if (first < 0) {
		fprintf(stderr, "usage: empty egress|send|file...\n");
		return 2;
	}
	return run(first, net);
}
