/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's own list of TCP sockets that listen, against sockets of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "server/sockdiag.h"

struct wanted {
	uint64_t ino;
	int family;
	uint16_t port;
	uint32_t addr[4];
	unsigned int seen, calls;
	int r;
};

static int on_socket(void *ctx, int family, const uint32_t addr[4], uint16_t port, uint64_t ino)
{
	struct wanted *w = ctx;

	w->calls++;
	if (ino == w->ino) {
		w->seen++;
		w->family = family;
		w->port = port;
		memcpy(w->addr, addr, sizeof(w->addr));
	}
	return w->r;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* A socket on loopback, at a port that the kernel chooses. */
static int bound(int family, uint16_t *ret_port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const void *addr = family == AF_INET6 ? (const void *)&six : &four;
	socklen_t len = family == AF_INET6 ? sizeof(six) : sizeof(four);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 at = {};

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, addr, len), 0);
	len = sizeof(at);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	/* At the same place in both families. */
	*ret_port = ntohs(at.sin6_port);
	return fd;
}

static void test_listening(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint16_t port = 0;
		_zw_close_ int fd = bound(families[i], &port);
		struct wanted w = {.ino = inode_of(fd)};

		assert_int_equal(zw_sockdiag_listening(families[i], on_socket, &w), 0);
		/* Bound, and no more. */
		assert_int_equal(w.seen, 0);
		assert_int_equal(listen(fd, 1), 0);
		assert_int_equal(zw_sockdiag_listening(families[i], on_socket, &w), 0);
		assert_int_equal(w.seen, 1);
		assert_int_equal(w.family, families[i]);
		assert_int_equal(w.port, port);
		assert_int_equal(
			w.addr[families[i] == AF_INET6 ? 3 : 0], htonl(i ? 1 : INADDR_LOOPBACK));
		/* The other family has a list of its own. */
		w.seen = 0;
		assert_int_equal(zw_sockdiag_listening(families[1 - i], on_socket, &w), 0);
		assert_int_equal(w.seen, 0);
	}
}

/* More than one answer of the kernel holds. */
static void test_many(void **state)
{
	enum { MANY = 400 };
	int fds[MANY];
	struct wanted w = {};
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = bound(AF_INET, &port);
		assert_int_equal(listen(fds[i], 1), 0);
	}
	w.ino = inode_of(fds[MANY / 2]);
	assert_int_equal(zw_sockdiag_listening(AF_INET, on_socket, &w), 0);
	assert_int_equal(w.seen, 1);
	assert_true(w.calls >= MANY);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
}

static void test_ended_by_caller(void **state)
{
	uint16_t port;
	_zw_close_ int fd = bound(AF_INET, &port);
	struct wanted w = {.r = -ENOMEM};

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(zw_sockdiag_listening(AF_INET, on_socket, &w), -ENOMEM);
	assert_int_equal(w.calls, 1);
}

static void test_reaches(void **state)
{
	(void)state;
	assert_true(zw_sockdiag_reaches("/proc", getpid()));
	assert_false(zw_sockdiag_reaches("/nowhere", getpid()));
	/* Greater than any pid (include/linux/threads.h). */
	assert_false(zw_sockdiag_reaches("/proc", 1 << 23));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listening),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_ended_by_caller),
		cmocka_unit_test(test_reaches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
