/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

/* less(1): F leaves what fits one screen there, R shows our colours, X does not clear the screen. */
#define LESS_OPTIONS "FRX"

/* Where there is no pager at all. */
static void copy(void)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t m = write(STDOUT_FILENO, buf + done, (size_t)(n - done));

			if (m < 0)
				return;
			done += m;
		}
	}
}

/* The child. */
static void run(const char *command)
{
	setenv("LESS", LESS_OPTIONS, 0);
	if (command) {
		execl("/bin/sh", "sh", "-c", command, NULL);
	} else {
		execlp("less", "less", NULL);
		execlp("more", "more", NULL);
	}
	copy();
	_exit(0);
}

void zw_pager_start(struct zw_pager *pager)
{
	const char *command = getenv("PAGER");
	int fds[2];
	pid_t pid;

	if (!isatty(STDOUT_FILENO) || (command && (!command[0] || zw_streq(command, "cat"))))
		return;
	if (fflush(stdout) != 0 || pipe2(fds, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		/* Else the end of the file would never come, where nothing is executed. */
		close(fds[0]);
		close(fds[1]);
		run(command);
	}
	if (pid > 0 && dup2(fds[1], STDOUT_FILENO) >= 0) {
		pager->pid = pid;
		signal(SIGPIPE, SIG_IGN);
		/* Interrupting is for the pager, which asks for it to end a search. */
		signal(SIGINT, SIG_IGN);
	}
	close(fds[0]);
	close(fds[1]);
}

void zw_pager_end(struct zw_pager *pager)
{
	if (pager->pid <= 0)
		return;
	fflush(stdout);
	/* The end of the file is what the pager waits for. */
	close(STDOUT_FILENO);
	while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pager->pid = 0;
}
