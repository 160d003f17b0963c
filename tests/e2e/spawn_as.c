/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spawn_as PID PROGRAM ARGUMENTS...: runs a program as the process with that very pid, which has to be
 * free, with clone3(2) set_tid. Exits as the program does; 125 when there can be no such process. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/str.h"

#define EXIT_NO_PID 125

int main(int argc, char **argv)
{
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid_size = 1};
	uint32_t number;
	pid_t want, pid;
	int status;

	if (argc < 3 || zw_parse_u32(argv[1], &number) < 0) {
		fprintf(stderr, "usage: spawn_as PID PROGRAM ARGUMENTS...\n");
		return 2;
	}
	want = (pid_t)number;
	args.set_tid = (uintptr_t)&want;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		fprintf(stderr, "spawn_as: pid %d: %s\n", want, strerror(errno));
		return EXIT_NO_PID;
	}
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "spawn_as: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
