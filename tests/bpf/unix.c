/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of connections to a watched unix socket.
 *
 *	unix DIRECTORY	for files and sockets of its own
 *
 * Clients and servers are children, since what the agent itself says is not told. */
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

#include "base/cleanup.h"
#include "base/str.h"
#include "check.h"
#include "event/event.h"
#include "probe/probe.h"
#include "server/server.h"

#define CLIENT_UID 31011
#define BIG_BYTES 30000

/* --- what came ---------------------------------------------------------------------------------------- */

/* Both directions of one connection, put together. */
struct seen {
	struct zw_str said, answered;
	uint64_t cookie, ino, next_offset;
	uint64_t omitted, answer_omitted;
	uint32_t tgid, uid, peer_tgid, peer_uid, server_tgid;
	size_t events, answers, bad, gaps;
	char exe[64];
};

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	struct seen *seen = ctx;

	if (zw_event_decode(data, len, &e) < 0) {
		seen->bad++;
		return;
	}
	if (e.type != ZW_WIRE_UNIX)
		return;
	seen->bad += e.control.cookie == 0 || (seen->cookie && e.control.cookie != seen->cookie);
	seen->cookie = e.control.cookie;
	seen->ino = e.control.ino;
	seen->peer_tgid = e.control.peer_tgid;
	seen->peer_uid = e.control.peer_uid;
	if (e.control.reply) {
		seen->answers++;
		seen->server_tgid = e.proc.tgid;
		seen->answer_omitted += e.control.omitted;
		zw_str_add_len(&seen->answered, (char *)e.control.payload, e.control.captured);
		return;
	}
	seen->events++;
	seen->gaps += e.control.offset != seen->next_offset;
	seen->next_offset = e.control.offset + e.control.captured + e.control.omitted;
	seen->omitted += e.control.omitted;
	seen->tgid = e.proc.tgid;
	seen->uid = e.proc.uid;
	snprintf(
		seen->exe, sizeof(seen->exe), "%s", e.proc.exe ? strrchr(e.proc.exe, '/') + 1 : "");
	zw_str_add_len(&seen->said, (char *)e.control.payload, e.control.captured);
}

static struct seen drain(struct zw_probe *p)
{
	struct seen seen = {};

	if (zw_probe_drain(p, on_event, &seen) < 0)
		die("draining");
	return seen;
}

static void done(struct seen *seen)
{
	zw_str_free(&seen->said);
	zw_str_free(&seen->answered);
}

static bool said(const struct seen *seen, const char *text)
{
	return seen->said.buf && zw_streq(seen->said.buf, text) && seen->omitted == 0 &&
	       seen->gaps == 0 && seen->bad == 0;
}

/* --- what is done -------------------------------------------------------------------------------------- */

/* Accepts one connection after another, reads each to its end, and answers "got it" to a line, at length to "much". */
static void serve(int listener)
{
	static char buf[65536];

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
		}
		close(fd);
	}
}

static pid_t start_server(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		chmod(path, 0666) < 0 || listen(fd, 16) < 0)
		die(path);
	pid = fork();
	if (pid == 0)
		serve(fd);
	close(fd);
	return pid;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	return fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? fd : -1;
}

/* Runs @act with a connection to @path in a child of another user; its pid, when all went well. */
static uint32_t as_client(const char *path, bool (*act)(int fd))
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

/* A child of the one that connected, as the superuser hands an open connection to somebody. */
static bool inherited(int fd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(write(fd, "inherited", 9) != 9);
	return pid > 0 && waitpid(pid, &status, 0) > 0 && status == 0;
}

/* --- the checks ----------------------------------------------------------------------------------------- */

static void test_who(struct zw_probe *p, const char *path, uint32_t server)
{
	uint32_t client = as_client(path, by_write);
	struct seen seen = drain(p);
	struct stat st;

	check(said(&seen, "notify a.example\n"), "unix: what was written");
	check(seen.tgid == client && seen.uid == CLIENT_UID && zw_streq(seen.exe, "unix"),
		"unix: who wrote it");
	check(seen.peer_tgid == client && seen.peer_uid == CLIENT_UID, "unix: who connected");
	check(stat(path, &st) == 0 && seen.ino == st.st_ino, "unix: to which socket");
	check(seen.answers == 1 && seen.answered.buf && zw_streq(seen.answered.buf, "got it") &&
			seen.server_tgid == server,
		"unix: what the server answered, on the same connection");
	done(&seen);
	client = as_client(path, inherited);
	seen = drain(p);
	check(said(&seen, "inherited") && seen.peer_tgid == client && seen.tgid != client,
		"unix: a connection that was made by another process");
	done(&seen);
}

static void test_ways(struct zw_probe *p, const char *path)
{
	static const struct {
		bool (*act)(int fd);
		const char *text, *name;
	} ways[] = {
		{by_send, "by send", "unix: send"},
		{by_writev, "one two three", "unix: writev, with an empty element"},
		{by_sendmsg, "\1\2\3four", "unix: sendmsg"},
		{in_pieces, "first second third", "unix: in pieces"},
		{unfaulted, "ELF", "unix: from a page that was not there"},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(ways); i++) {
		struct seen seen;

		as_client(path, ways[i].act);
		seen = drain(p);
		if (!check(said(&seen, ways[i].text), ways[i].name))
			printf("# said '%s', omitted %llu, gaps %zu, bad %zu\n",
				seen.said.buf ? seen.said.buf : "",
				(unsigned long long)seen.omitted, seen.gaps, seen.bad);
		done(&seen);
	}
}

static void test_size(struct zw_probe *p, const char *path)
{
	struct seen seen;
	bool same = true;

	as_client(path, much);
	seen = drain(p);
	for (size_t i = 0; i < BIG_BYTES && i < seen.said.len; i++)
		same &= seen.said.buf[i] == (char)('a' + i % 23);
	check(same && seen.said.len == BIG_BYTES && seen.omitted == 0 && seen.gaps == 0,
		"unix: 30,000 bytes in one write");
	done(&seen);
	as_client(path, long_answer);
	seen = drain(p);
	check(seen.answered.len == 256 && seen.answer_omitted == 1744,
		"unix: only the beginning of a long answer");
	done(&seen);
}

/* What cannot be read is told of all the same, with its size. */
static void test_unread(struct zw_probe *p, const char *path)
{
	struct seen seen;
	uint32_t client = as_client(path, by_sendfile);

	seen = drain(p);
	check(seen.said.len == 0 && seen.omitted == 100 && seen.tgid == client && seen.bad == 0,
		"unix: sendfile, without the bytes");
	done(&seen);
	as_client(path, by_sendmmsg);
	seen = drain(p);
	check(seen.said.len == 0 && seen.omitted == 8 && seen.gaps == 0,
		"unix: sendmmsg, without the bytes");
	done(&seen);
}

static void test_watch(struct zw_probe *p, const char *path, const char *other)
{
	struct seen seen;
	struct stat st;

	as_client(other, by_write);
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: another socket is not told of");
	done(&seen);
	{
		int fd = connect_to(path);

		if (fd < 0 || !by_write(fd))
			die(path);
		close(fd);
	}
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: the agent itself is not told of");
	done(&seen);
	if (stat(path, &st) < 0)
		die(path);
	check(zw_probe_unwatch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) == 0 &&
			zw_probe_unwatch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) ==
				-ENOENT,
		"unix: unwatched once");
	as_client(path, by_write);
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: unwatched, nothing is told any more");
	done(&seen);
}

#define FLOOD 4000

static bool flood(int fd)
{
	for (int i = 0; i < FLOOD; i++)
		if (write(fd, "x", 1) != 1)
			return false;
	return true;
}

static void test_losses(struct zw_probe *p, const char *path)
{
	uint64_t drops[_ZW_DROP_MAX];
	struct seen seen;

	as_client(path, flood);
	if (zw_probe_drops(p, drops) < 0)
		die("drops");
	seen = drain(p);
	check(drops[ZW_DROP_CONTROL_RING_FULL] > 0 && seen.events > 0 &&
			seen.events + drops[ZW_DROP_CONTROL_RING_FULL] == FLOOD,
		"unix: what the ring does not hold is counted");
	done(&seen);
	as_client(path, by_write);
	seen = drain(p);
	check(said(&seen, "notify a.example\n"), "unix: nothing is lost once there is room");
	done(&seen);
}

int main(int argc, char **argv)
{
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_free_ char *path = NULL, *other = NULL;
	_zw_str_ struct zw_str error = {};
	enum zw_tier tier;
	pid_t servers[2];
	struct stat st;

	if (argc != 2) {
		fprintf(stderr, "usage: unix DIRECTORY\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	path = zw_asprintf("%s/control", argv[1]);
	other = zw_asprintf("%s/other", argv[1]);
	if (!path || !other)
		die("memory");
	servers[0] = start_server(path);
	servers[1] = start_server(other);
	if (zw_probe_open(&(struct zw_probe_options){.scratch = argv[1]}, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	if (!zw_probe_tier(p, ZW_CAP_CONTROL, &tier)) {
		printf("skip - unix: no hook for unix sockets here\n");
	} else {
		printf("# tier %s\n", zw_tier_to_string(tier));
		if (stat(path, &st) < 0 ||
			zw_probe_watch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) < 0)
			die(path);
		test_who(p, path, (uint32_t)servers[0]);
		test_ways(p, path);
		test_size(p, path);
		test_unread(p, path);
		test_losses(p, path);
		test_watch(p, path, other);
	}
	for (int i = 0; i < 2; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	return checked();
}
