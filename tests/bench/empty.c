/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attaches an empty program to the egress of the loopback device until it is told to stop: what the kernel's own
 * counting of a program's time costs, and so what has to be taken off others' times.
 *
 *	netempty	prints the number of the program, then waits for its input to end */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/str.h"
#include "probe/net_attach.h"

int main(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	struct zw_net_hooks hooks;
	int program[_ZW_NET_SIDE_MAX] = {-1, -1}, fd, r;
	char byte;

	fd = bpf_prog_load(
		BPF_PROG_TYPE_SCHED_CLS, "netempty", "GPL", insns, ZW_ARRAY_SIZE(insns), NULL);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0) {
		perror("netempty");
		return 1;
	}
	program[ZW_NET_EGRESS] = fd;
	r = zw_net_attach(1, program, zw_net_has_tcx(1, fd), &hooks);
	if (r < 0) {
		fprintf(stderr, "netempty: %s\n", strerror(-r));
		return 1;
	}
	printf("%u\n", info.id);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	zw_net_detach(1, &hooks);
	return 0;
}
