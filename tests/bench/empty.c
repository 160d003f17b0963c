/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attaches programs that do nothing until it is told to stop: what the kernel's own counting of a program's time costs, and
 * so what has to be taken off others' times; and what it costs that there is a program at all.
 *
 *	empty WHERE...
 *		egress		of the loopback device
 *		file		where a change time is set (tracepoint ctime_xchg_skip) or, before 6.13, an inode becomes dirty
 *		tp_btf/NAME	a tracepoint, as the agent's status has it
 *		/DIRECTORY	no program: the directory notifies (fcntl(2), F_NOTIFY)
 *
 * Prints the number of the first program, 0 for none, then waits for its input to end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/str.h"
#include "probe/net_attach.h"

static int fail(const char *what, int r)
{
	fprintf(stderr, "empty: %s: %s\n", what, strerror(-r));
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

/* The descriptor of the program there, -errno. */
static int on_tracepoint(const char *name)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP), fd, link;

	if (id < 0)
		return id;
	opts.attach_btf_id = (uint32_t)id;
	fd = load(BPF_PROG_TYPE_TRACING, 0, &opts);
	if (fd < 0)
		return fd;
	link = bpf_raw_tracepoint_open(NULL, fd);
	return link < 0 ? link : fd;
}

static int notify(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || signal(SIGIO, SIG_IGN) == SIG_ERR)
		return -errno;
	return fcntl(fd, F_NOTIFY, DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT) < 0 ? -errno
											 : 0;
}

#define TRACEPOINT "tp_btf/"

/* *@ret_fd: the program, -1 for none. The one for the network still has to be attached. */
static int take(const char *where, int *ret_fd)
{
	int fd = -1;

	if (where[0] == '/')
		return notify(where);
	if (zw_streq(where, "egress")) {
		fd = load(BPF_PROG_TYPE_SCHED_CLS, -1, NULL);
	} else if (zw_streq(where, "file")) {
		fd = on_tracepoint("ctime_xchg_skip");
		if (fd == -ENOENT)
			fd = on_tracepoint("writeback_mark_inode_dirty");
	} else if (strncmp(where, TRACEPOINT, strlen(TRACEPOINT)) == 0) {
		fd = on_tracepoint(where + strlen(TRACEPOINT));
	} else {
		return -EINVAL;
	}
	*ret_fd = fd;
	return fd < 0 ? fd : 0;
}

/* Prints the number of program @fd and waits. */
static int hold(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	char byte;

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fail("number of a program", -errno);
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
		return fail("loopback device", r);
	r = hold(first);
	zw_net_detach(1, &hooks);
	return r;
}

int main(int argc, char **argv)
{
	int first = -1, net = -1;

	if (argc < 2) {
		fprintf(stderr, "usage: empty egress|file|tp_btf/NAME|/DIRECTORY...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		int fd = -1, r = take(argv[i], &fd);

		if (r < 0)
			return fail(argv[i], r);
		if (zw_streq(argv[i], "egress"))
			net = fd;
		first = first < 0 ? fd : first;
	}
	return run(first, net);
}
