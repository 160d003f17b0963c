/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Either end of a DNS conversation, in ways that no real client takes on demand.
 *
 *	dnspeer serve ADDRESS PORT		answers over UDP and TCP until killed; prints its pid when ready
 *	dnspeer send [OPTION]... ADDRESS PORT	sends messages; prints the pid of who sent
 *
 *	--uid N		as this user			--tcp		in one connection
 *	--kind KIND	update, query, notify, axfr	--count N	so many, with ids from --id N on
 *	--bytes N	a message of this size		--wait		for an answer to each
 *	--connect	a connected UDP socket		--from ADDRESS	sent from there
 *	--inherit	a child sends, through the socket of its parent
 *	--pass		another process sends, through a descriptor it was passed
 *	--rate N	not more than so many a second
 *	--split		TCP: the length in a segment of its own
 *	--reuse		serve: shares its port
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_MESSAGE 65535
#define WAIT_MS 30000

static void die(const char *what)
{
	fprintf(stderr, "dnspeer: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct options {
	bool tcp, wait, connect, inherit, pass, split, reuse;
	long uid;
	unsigned int count, bytes, id, rate;
	const char *kind, *from;
};

static socklen_t parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (void *)ret;
	struct sockaddr_in6 *six = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) {
		errno = EINVAL;
		die(text);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

/* --- the server ---------------------------------------------------------------------------------------- */

static int open_server(const struct sockaddr_storage *at, socklen_t len, int type, bool reuse)
{
	int fd = socket(at->ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, reuse ? SO_REUSEPORT : SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const void *)at, len) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 64) < 0)
		die("listen");
	return fd;
}

/* Answers with the header alone. */
static void answer_datagram(int fd, uint8_t *buf)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, buf, MAX_MESSAGE, 0, (void *)&from, &len);

	if (n < 12)
		return;
	buf[2] |= 0x80;
	memset(buf + 4, 0, 8);
	(void)!sendto(fd, buf, 12, 0, (void *)&from, len);
}

static bool read_all(int fd, uint8_t *buf, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = read(fd, buf + have, len - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

/* One connection at a time is enough. */
static void answer_stream(int listener, uint8_t *buf)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	while (fd >= 0 && read_all(fd, buf, 2)) {
		size_t len = (size_t)(buf[0] << 8 | buf[1]);

		if (!read_all(fd, buf + 2, len) || len < 12)
			break;
		buf[0] = 0;
		buf[1] = 12;
		buf[4] |= 0x80;
		memset(buf + 6, 0, 8);
		if (write(fd, buf, 14) != 14)
			break;
	}
	if (fd >= 0)
		close(fd);
}

static _Noreturn void serve(const char *address, uint16_t port, bool reuse)
{
	static uint8_t buf[MAX_MESSAGE + 2];
	struct sockaddr_storage at;
	socklen_t len = parse_address(address, port, &at);
	struct pollfd fds[] = {
		{.fd = open_server(&at, len, SOCK_DGRAM, reuse), .events = POLLIN},
		{.fd = open_server(&at, len, SOCK_STREAM, reuse), .events = POLLIN},
	};
	int room = 8 << 20;

	setsockopt(fds[0].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			answer_datagram(fds[0].fd, buf);
		if (fds[1].revents)
			answer_stream(fds[1].fd, buf);
	}
}

/* --- the client ---------------------------------------------------------------------------------------- */

static size_t make_message(const struct options *o, uint16_t id, uint8_t *m)
{
	static const uint8_t name[] = "\7example\3com";
	uint16_t type = strcmp(o->kind, "axfr") == 0 ? 252 : strcmp(o->kind, "query") == 0 ? 1 : 6;
	uint8_t opcode = strcmp(o->kind, "update") == 0   ? 5
			 : strcmp(o->kind, "notify") == 0 ? 4
							  : 0;
	size_t len = 12;

	memset(m, 0, o->bytes > 512 ? o->bytes : 512);
	m[0] = (uint8_t)(id >> 8);
	m[1] = (uint8_t)id;
	m[2] = (uint8_t)(opcode << 3);
	m[5] = 1;
	memcpy(m + len, name, sizeof(name));
	len += sizeof(name);
	m[len++] = (uint8_t)(type >> 8);
	m[len++] = (uint8_t)type;
	m[len++] = 0;
	m[len++] = 1;
	return o->bytes > len ? o->bytes : len;
}

static void send_stream(const struct options *o, int fd, const uint8_t *m, size_t len)
{
	static uint8_t buf[MAX_MESSAGE + 2];

	buf[0] = (uint8_t)(len >> 8);
	buf[1] = (uint8_t)len;
	memcpy(buf + 2, m, len);
	len += 2;
	if (o->split && write(fd, buf, 2) != 2)
		die("write");
	for (size_t at = o->split ? 2 : 0; at < len;) {
		ssize_t n = write(fd, buf + at, len - at);

		if (n < 0)
			die("write");
		at += (size_t)n;
	}
}

static void await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t buf[512];

	if (poll(&p, 1, WAIT_MS) <= 0 || read(fd, buf, sizeof(buf)) <= 0)
		die("answer");
}

/* Sleeps until message @i is due. */
static void keep_rate(const struct options *o, const struct timespec *began, unsigned int i)
{
	uint64_t ns = o->rate ? (uint64_t)i * 1000000000U / o->rate + (uint64_t)began->tv_nsec : 0;
	struct timespec due = {.tv_sec = began->tv_sec + (time_t)(ns / 1000000000U),
		.tv_nsec = (long)(ns % 1000000000U)};

	if (o->rate)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void send_all(
	const struct options *o, int fd, const struct sockaddr_storage *to, socklen_t len)
{
	static uint8_t m[MAX_MESSAGE];
	struct timespec began;

	clock_gettime(CLOCK_MONOTONIC, &began);
	for (unsigned int i = 0; i < o->count; i++) {
		size_t bytes = make_message(o, (uint16_t)(o->id + i), m);
		ssize_t n = 0;

		keep_rate(o, &began, i);
		if (o->tcp)
			send_stream(o, fd, m, bytes);
		else if (o->connect)
			n = send(fd, m, bytes, 0);
		else
			n = sendto(fd, m, bytes, 0, (const void *)to, len);
		/* What a full queue refuses is no message. */
		if (n < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
			die("send");
		if (o->wait)
			await(fd);
	}
}

static void drop_to(long uid)
{
	if (uid >= 0 && (setgid((gid_t)uid) < 0 || setuid((uid_t)uid) < 0))
		die("setuid");
}

static int open_client(const struct options *o, const struct sockaddr_storage *to, socklen_t len)
{
	int fd = socket(to->ss_family, (o->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	struct sockaddr_storage from;
	int on = 1;

	if (fd < 0)
		die("socket");
	if (o->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (o->from && bind(fd, (void *)&from, parse_address(o->from, 0, &from)) < 0)
		die("bind");
	if ((o->tcp || o->connect) && connect(fd, (const void *)to, len) < 0)
		die("connect");
	return fd;
}

static void pass_descriptor(int via, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(via, &msg, 0) != 1)
		die("passing");
}

static int take_descriptor(int via)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(via, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		die("being passed");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The child sends; this process only made the socket. */
static void send_by_child(const struct options *o, const struct sockaddr_storage *to, socklen_t len)
{
	int via[2], fd = o->pass ? -1 : open_client(o, to, len), status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, via) < 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		drop_to(o->uid);
		if (o->pass)
			fd = take_descriptor(via[1]);
		send_all(o, fd, to, len);
		_exit(0);
	}
	if (o->pass) {
		fd = open_client(o, to, len);
		pass_descriptor(via[0], fd);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die("child");
	printf("%d\n", pid);
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option table[] = {{"uid", 1, NULL, 'u'}, {"tcp", 0, NULL, 't'},
		{"kind", 1, NULL, 'k'}, {"count", 1, NULL, 'c'}, {"id", 1, NULL, 'i'},
		{"bytes", 1, NULL, 'b'}, {"wait", 0, NULL, 'w'}, {"connect", 0, NULL, 'C'},
		{"from", 1, NULL, 'f'}, {"inherit", 0, NULL, 'I'}, {"pass", 0, NULL, 'p'},
		{"rate", 1, NULL, 'R'}, {"split", 0, NULL, 's'}, {"reuse", 0, NULL, 'r'}, {}};
	struct options o = {.uid = -1, .count = 1, .id = 1, .kind = "update"};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		switch (c) {
		case 'u':
			o.uid = atol(optarg);
			break;
		case 't':
			o.tcp = true;
			break;
		case 'k':
			o.kind = optarg;
			break;
		case 'c':
			o.count = (unsigned int)atol(optarg);
			break;
		case 'i':
			o.id = (unsigned int)atol(optarg);
			break;
		case 'R':
			o.rate = (unsigned int)atol(optarg);
			break;
		case 'b':
			o.bytes = (unsigned int)atol(optarg);
			break;
		case 'w':
			o.wait = true;
			break;
		case 'C':
			o.connect = true;
			break;
		case 'f':
			o.from = optarg;
			break;
		case 'I':
			o.inherit = true;
			break;
		case 'p':
			o.pass = true;
			break;
		case 's':
			o.split = true;
			break;
		case 'r':
			o.reuse = true;
			break;
		default:
			exit(2);
		}
	return o;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct options o;
	struct sockaddr_storage to;
	socklen_t len;

	if (argc < 2)
		return 2;
	argv++;
	argc--;
	o = parse_options(argc, argv);
	if (argc - optind != 2 || o.bytes > MAX_MESSAGE)
		return 2;
	if (strcmp(mode, "serve") == 0) {
		drop_to(o.uid);
		serve(argv[optind], (uint16_t)atoi(argv[optind + 1]), o.reuse);
	}
	len = parse_address(argv[optind], (uint16_t)atoi(argv[optind + 1]), &to);
	if (o.inherit || o.pass) {
		send_by_child(&o, &to, len);
		return 0;
	}
	drop_to(o.uid);
	printf("%d\n", getpid());
	fflush(stdout);
	send_all(&o, open_client(&o, &to, len), &to, len);
	return 0;
}
