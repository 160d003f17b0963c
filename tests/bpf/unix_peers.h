/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers on unix sockets and their clients, which are children of the test and send in all the ways there are. */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define CLIENT_UID 31011
#define BIG_BYTES 30000

struct server {
	pid_t pid;
	int done; /* a byte comes for each connection that was read to its end */
};

/* Accepts one connection after another, reads each to its end, and answers "got it" to a line, at length to "much"; after "stop" it
 * stops. */
static void serve(int listener, int done)
{
	static char buf[65536];

	if (listen(listener, 16) < 0 || write(done, "r", 1) != 1)
		_exit(1);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n;

		if (fd < 0)
			_exit(1);
		while ((n = read(fd, buf, sizeof(buf))) > 0) {
			if (memmem(buf, (size_t)n, "much", 4))
				(void)!send(fd, buf, 2000, MSG_NOSIGNAL);
			else if (memchr(buf, '\n', (size_t)n))
				(void)!send(fd, "got it", 6, MSG_NOSIGNAL);
			if (memmem(buf, (size_t)n, "stop", 4))
				raise(SIGSTOP);
		}
		close(fd);
		(void)!write(done, "d", 1);
	}
}

static void wait_done(const struct server *s)
{
	char byte;

	if (read(s->done, &byte, 1) != 1)
		die("the server is gone");
}

static void wait_stopped(const struct server *s)
{
	int status;

	if (waitpid(s->pid, &status, WUNTRACED) != s->pid || !WIFSTOPPED(status))
		die("the server does not stop");
}

static struct server start_server(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), done[2];
	struct server server;

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		chmod(path, 0666) < 0 || pipe2(done, O_CLOEXEC) < 0)
		die(path);
	server = (struct server){.pid = fork(), .done = done[0]};
	if (server.pid == 0)
		serve(fd, done[1]);
	close(fd);
	close(done[1]);
	wait_done(&server);
	return server;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	return fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? fd : -1;
}

/* Runs @act with a connection to @path in a child of another user; its pid, when all went well. */
static uint32_t run_client(const char *path, bool (*act)(int fd))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd;

		if (setresgid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0 ||
			setresuid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0)
			_exit(2);
		fd = connect_to(path);
		_exit(fd >= 0 && act(fd) ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("client");
	return (uint32_t)pid;
}

/* Until the server has read it all, too. */
static uint32_t as_client(const struct server *server, const char *path, bool (*act)(int fd))
{
	uint32_t pid = run_client(path, act);

	wait_done(server);
	return pid;
}

static bool wait_answer(int fd)
{
	char buf[64];

	return recv(fd, buf, 6, MSG_WAITALL) == 6;
}

static bool by_write(int fd)
{
	return write(fd, "notify a.example\n", 17) == 17 && wait_answer(fd);
}

static bool by_send(int fd)
{
	return send(fd, "by send", 7, 0) == 7;
}

static bool by_writev(int fd)
{
	struct iovec v[] = {{"one ", 4}, {NULL, 0}, {"two ", 4}, {"three", 5}};

	return writev(fd, v, 4) == 13;
}

static bool by_sendmsg(int fd)
{
	struct iovec v[] = {{"\1\2\3", 3}, {"four", 4}};
	struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};

	return sendmsg(fd, &msg, MSG_NOSIGNAL) == 7;
}

static bool in_pieces(int fd)
{
	return write(fd, "first ", 6) == 6 && write(fd, "second ", 7) == 7 &&
	       write(fd, "third", 5) == 5;
}

static bool much(int fd)
{
	static char big[BIG_BYTES];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 23);
	return write(fd, big, sizeof(big)) == (ssize_t)sizeof(big);
}

static bool long_answer(int fd)
{
	char buf[2000];

	return write(fd, "much", 4) == 4 && recv(fd, buf, sizeof(buf), MSG_WAITALL) == 2000;
}

/* Bytes that this process has not looked at: the page is not there until the kernel copies it. */
static bool unfaulted(int fd)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self, 0);

	return page != MAP_FAILED && write(fd, (char *)page + 1, 3) == 3;
}

static bool by_sendfile(int fd)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return self >= 0 && sendfile(fd, self, NULL, 100) == 100;
}

static bool by_sendmmsg(int fd)
{
	struct iovec v = {"five", 4};
	struct mmsghdr msg[2] = {
		{.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}},
	};

	return sendmmsg(fd, msg, 2, 0) == 2;
}

/* A line, with its answer, by a child of the one that connected, as the superuser hands an open connection to somebody. */
static bool inherited(int fd)
{
	int status;
	pid_t pid = by_write(fd) ? fork() : -1;

	if (pid == 0)
		_exit(!by_write(fd));
	return pid > 0 && waitpid(pid, &status, 0) > 0 && status == 0 && by_write(fd);
}

/* The same, but who connected closes it before. */
static bool given_away(int fd)
{
	int status, closed[2];
	char byte;
	pid_t pid = by_write(fd) && pipe2(closed, O_CLOEXEC) == 0 ? fork() : -1;

	if (pid == 0)
		_exit(read(closed[0], &byte, 1) != 1 || !by_write(fd));
	return pid > 0 && close(fd) == 0 && write(closed[1], "c", 1) == 1 &&
	       waitpid(pid, &status, 0) > 0 && status == 0;
}

static bool inherited_early(int fd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(write(fd, "early", 5) != 5);
	return pid > 0 && waitpid(pid, &status, 0) > 0 && status == 0;
}

/* More descriptors of one process. */
static bool by_duplicate(int fd)
{
	int copy;

	return by_write(fd) && (copy = dup(fd)) >= 0 && write(copy, "duplicate", 9) == 9 &&
	       by_write(fd);
}

/* The server is stopped by then, so that this end has closed when it reads. */
static bool last_words(int fd)
{
	return write(fd, "stop\n", 5) == 5 && wait_answer(fd) && write(fd, "last words", 10) == 10;
}
