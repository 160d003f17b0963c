/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attaches a program that does nothing until it is told to stop: what the kernel's own counting of a program's time
 * costs, and so what has to be taken off others' times.
 *
 *	empty net	at the egress of the loopback device
 *	empty file	where a change time is set (tracepoint ctime_xchg_skip) or, before 6.13, an inode becomes dirty
 *
 * Prints the number of the program, then waits for its input to end. */
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

static int on_net(void)
{
	int program[_ZW_NET_SIDE_MAX] = {-1, -1}, r;
	struct zw_net_hooks hooks;

	program[ZW_NET_EGRESS] = load(BPF_PROG_TYPE_SCHED_CLS, -1, NULL);
	if (program[ZW_NET_EGRESS] < 0)
		return fail(program[ZW_NET_EGRESS]);
	r = zw_net_attach(1, program, zw_net_has_tcx(1, program[ZW_NET_EGRESS]), &hooks);
	if (r < 0)
		return fail(r);
	r = hold(program[ZW_NET_EGRESS]);
	zw_net_detach(1, &hooks);
	return r;
}

static int on_file(void)
{
	static const char *const tracepoint[] = {"ctime_xchg_skip", "writeback_mark_inode_dirty"};
	int fd = -ENOENT, link;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(tracepoint) && fd < 0; i++) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
		int id = libbpf_find_vmlinux_btf_id(tracepoint[i], BPF_TRACE_RAW_TP);

		opts.attach_btf_id = (uint32_t)id;
		fd = id < 0 ? id : load(BPF_PROG_TYPE_TRACING, 0, &opts);
	}
	if (fd < 0)
		return fail(fd);
	link = bpf_raw_tracepoint_open(NULL, fd);
	return link < 0 ? fail(link) : hold(fd);
}

int main(int argc, char **argv)
{
	if (argc == 2 && zw_streq(argv[1], "net"))
		return on_net();
	if (argc == 2 && zw_streq(argv[1], "file"))
		return on_file();
	fprintf(stderr, "usage: empty net|file\n");
	return 2;
}
