/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the end of a write to the event: starts the agent, changes one record of a zone file again and again, and
 * takes the time from the return of close(2) or rename(2) to the arrival of the agent's line.
 *
 *	latency FILE in-place|rename ROUNDS LABEL STAMPS AGENT [ARGUMENTS...]
 *
 * For comparison, between the rounds: how long another process takes to sleep as long as the agent waits by default
 * and to answer, which is what this machine makes of 2 ms at the time. The file STAMPS gets the CLOCK_REALTIME of each
 * end in nanoseconds, one a line, for comparing with what other sinks say of the same events.
 *
 * The zone has a record with the address MARKER and three digits, "192.0.2.100", which are what is changed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define MARKER "192.0.2."
#define ROUNDS_MAX 10000
/* Between two rounds, so that each is a change of its own and no wait of the agent's spans two. */
#define PAUSE_NS (60 * ZW_NSEC_PER_MSEC)
#define SETTLE_NS (2 * ZW_NSEC_PER_MSEC)

struct zone {
	const char *path;
	char *text;
	size_t len, offset; /* of the three digits */
};

static void die(const char *what)
{
	fprintf(stderr, "latency: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t now(void)
{
	return now_of(CLOCK_MONOTONIC);
}

static void load(const char *path, struct zone *z)
{
	_zw_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *at;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	z->path = path;
	z->len = (size_t)st.st_size;
	z->text = malloc(z->len);
	if (!z->text || read(fd, z->text, z->len) != (ssize_t)z->len)
		die(path);
	at = memmem(z->text, z->len, MARKER "100", strlen(MARKER) + 3);
	if (!at) {
		errno = ENOENT;
		die(MARKER "100");
	}
	z->offset = (size_t)(at - z->text) + strlen(MARKER);
}

/* Both return when the write was over. */
static uint64_t change_in_place(const struct zone *z)
{
	int fd = open(z->path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, z->text + z->offset, 3, (off_t)z->offset) != 3 || close(fd) < 0)
		die(z->path);
	return now();
}

static uint64_t change_by_rename(const struct zone *z)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s.new", z->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(path);
	for (size_t done = 0; done < z->len;) {
		ssize_t n = write(fd, z->text + done, z->len - done);

		if (n < 0)
			die(path);
		done += (size_t)n;
	}
	if (close(fd) < 0 || rename(path, z->path) < 0)
		die(path);
	return now();
}

static pid_t start_agent(char **argv, FILE **ret_out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(argv[0], argv);
		die(argv[0]);
	}
	close(fds[1]);
	*ret_out = fdopen(fds[0], "r");
	if (!*ret_out)
		die("fdopen");
	return pid;
}

/* When the next line with this action had come, all of it. */
static uint64_t wait_for(FILE *out, const char *action)
{
	static char *line;
	static size_t cap;
	char want[64];

	snprintf(want, sizeof(want), "\"action\":\"%s\"", action);
	while (getline(&line, &cap, out) > 0)
		if (strstr(line, want))
			return now();
	fprintf(stderr, "latency: the agent ended\n");
	exit(EXIT_FAILURE);
}

/* Answers each byte after a short sleep; ends with the pipe. */
static void start_echo(int *ret_ask, int *ret_answer)
{
	const struct timespec settle = {.tv_nsec = SETTLE_NS};
	int ask[2], answer[2];
	pid_t pid;
	char c;

	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(ask[1]);
		while (read(ask[0], &c, 1) == 1) {
			nanosleep(&settle, NULL);
			if (write(answer[1], &c, 1) != 1)
				break;
		}
		_exit(0);
	}
	close(ask[0]);
	close(answer[1]);
	*ret_ask = ask[1];
	*ret_answer = answer[0];
}

static uint64_t echo(int ask, int answer)
{
	uint64_t begin = now();
	char c = 0;

	if (write(ask, &c, 1) != 1 || read(answer, &c, 1) != 1)
		die("echo");
	return now() - begin;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void report(const char *label, const char *what, uint64_t *took, size_t n)
{
	static const unsigned int percents[] = {50, 90, 99, 100};

	qsort(took, n, sizeof(*took), compare);
	for (size_t k = 0; k < ZW_ARRAY_SIZE(percents); k++) {
		size_t i = (n * percents[k] + 99) / 100;

		printf("%s%s p%u: %.3f ms\n", label, what, percents[k],
			(double)took[i ? i - 1 : 0] * 1e-6);
	}
}

static void write_stamps(const char *path, const uint64_t *stamp, size_t n)
{
	FILE *out = fopen(path, "we");

	if (!out)
		die(path);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%llu\n", (unsigned long long)stamp[i]);
	if (fclose(out) < 0)
		die(path);
}

int main(int argc, char **argv)
{
	static uint64_t took[ROUNDS_MAX], echoed[ROUNDS_MAX], stamp[ROUNDS_MAX];
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t (*change)(const struct zone *z);
	struct zone z = {};
	FILE *out = NULL;
	int ask, answer;
	size_t rounds;
	pid_t pid;

	if (argc < 7) {
		fprintf(stderr, "usage: latency FILE in-place|rename ROUNDS LABEL STAMPS AGENT "
				"[ARGUMENTS...]\n");
		return 2;
	}
	change = strcmp(argv[2], "rename") == 0 ? change_by_rename : change_in_place;
	rounds = (size_t)atoi(argv[3]);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	load(argv[1], &z);
	start_echo(&ask, &answer);
	pid = start_agent(argv + 6, &out);
	wait_for(out, "agent-ready");
	for (size_t i = 0; i < rounds; i++) {
		char digits[8];
		uint64_t end;

		snprintf(digits, sizeof(digits), "%03zu", 101 + i % 99);
		memcpy(z.text + z.offset, digits, 3);
		end = change(&z);
		stamp[i] = now_of(CLOCK_REALTIME);
		took[i] = wait_for(out, "record-change") - end;
		nanosleep(&pause, NULL);
		echoed[i] = echo(ask, answer);
	}
	kill(pid, SIGTERM);
	wait_for(out, "agent-stopped");
	fclose(out);
	waitpid(pid, NULL, 0);
	write_stamps(argv[5], stamp, rounds);
	report(argv[4], "", took, rounds);
	report(argv[4], " a sleep of 2 ms instead,", echoed, rounds);
	free(z.text);
	return 0;
}
