/* SPDX-License-Identifier: GPL-3.0-or-later */
/* File work that concerns no zone: every file is created, written, closed, renamed and unlinked.
 *
 *	filework DIRECTORY FILES
 *
 * Prints wall time and processor time (user and system) in nanoseconds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Files that are there at a time: a directory neither empty nor huge. */
#define LIVE 1000

static void die(const char *what)
{
	fprintf(stderr, "filework: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static long long wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void make(int i)
{
	static const char text[] = "www IN A 192.0.2.1\n";
	char name[32], final[32];
	int fd;

	snprintf(name, sizeof(name), "%d.new", i);
	snprintf(final, sizeof(final), "%d.txt", i);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || close(fd) < 0)
		die(name);
	if (rename(name, final) < 0)
		die(final);
}

static void drop(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "%d.txt", i);
	if (unlink(name) < 0)
		die(name);
}

int main(int argc, char **argv)
{
	long long wall, cpu;
	int files;

	if (argc != 3) {
		fprintf(stderr, "usage: filework DIRECTORY FILES\n");
		return 2;
	}
	if (chdir(argv[1]) < 0)
		die(argv[1]);
	files = atoi(argv[2]);
	wall = wall_ns();
	cpu = cpu_ns();
	for (int i = 0; i < files; i++) {
		make(i);
		if (i >= LIVE)
			drop(i - LIVE);
	}
	for (int i = files > LIVE ? files - LIVE : 0; i < files; i++)
		drop(i);
	printf("%lld %lld\n", wall_ns() - wall, cpu_ns() - cpu);
	return 0;
}
