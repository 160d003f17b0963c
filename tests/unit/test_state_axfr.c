/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of zones by transfer, against a server on loopback that may do anything; and how such a server is found. */
#include "unit/state_support.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "server/axfr.h"
#include "server/state_axfr.h"
#include "unit/message_support.h"

/* What the server does with a question. */
enum manner {
	ANSWER,
	REFUSE,  /* a transfer */
	HANG_UP, /* in the middle of it */
	MUTE,
	ONCE, /* closes the connection after each answer */
};

struct server {
	int fd;
	char where[32];
	pthread_t thread;
	enum manner manner;
	uint32_t serial;
	unsigned int calls, transfers; /* connections, questions for one */
	unsigned int hang_ups;         /* so many of the first connections are dropped */
};

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	assert_non_null(s);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	snprintf(s->where, sizeof(s->where), "127.0.0.1@%u", ntohs(at.sin_port));
	s->serial = 5;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	close(s->fd);
	free(s);
	return 0;
}

static void put_soa(struct wire *w, uint32_t serial)
{
	struct wire rdata = {};

	put_name(&rdata, "ns.example");
	put_name(&rdata, "h.example");
	put_u32(&rdata, serial);
	for (uint32_t i = 1; i < 5; i++)
		put_u32(&rdata, i);
	put_rr(w, ZW_SECTION_ANSWER, "example", ZW_TYPE_SOA, ZW_CLASS_IN, 60, rdata.data,
		rdata.len);
}

static void reply(int fd, const struct wire *w)
{
	const uint8_t head[] = {(uint8_t)(w->len >> 8), (uint8_t)w->len};

	(void)!write(fd, head, sizeof(head));
	(void)!write(fd, w->data, w->len);
}

/* Answers one question; false: hangs up. */
static bool answer(struct server *s, int fd)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	uint8_t query[2 + ZW_MESSAGE_MAX];
	struct zw_message_head head;
	struct wire w;
	ssize_t n = recv(fd, query, 2, MSG_WAITALL);
	size_t len = n == 2 ? (size_t)query[0] << 8 | query[1] : 0;

	if (len == 0 || recv(fd, query, len, MSG_WAITALL) != (ssize_t)len ||
		zw_message_head_parse(query, len, &head) < 0)
		return false;
	if (s->manner == MUTE)
		return true;
	s->transfers += head.type == ZW_TYPE_AXFR;
	begin(&w, head.id, 0x8400);
	if (head.type == ZW_TYPE_AXFR && s->manner == REFUSE)
		w.data[3] = ZW_RCODE_REFUSED;
	else
		put_soa(&w, s->serial);
	reply(fd, &w);
	if (head.type != ZW_TYPE_AXFR || s->manner == REFUSE)
		return s->manner != ONCE;
	if (s->manner == HANG_UP)
		return false;
	begin(&w, head.id, 0x8400);
	put_rr(&w, ZW_SECTION_ANSWER, "www.example", ZW_TYPE_A, ZW_CLASS_IN, 60, address, 4);
	put_soa(&w, s->serial);
	reply(fd, &w);
	return s->manner != ONCE;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->calls++;
		while (s->calls > s->hang_ups && answer(s, fd))
			;
		close(fd);
	}
	return NULL;
}

static void start(struct server *s)
{
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
}

static int ask(struct server *s, struct taken *t, const struct zw_state_ask *asks, size_t n,
	uint64_t timeout_ms)
{
	struct zw_state_sink sink = taken_sink(t);

	return zw_state_read_axfr(s->where, asks, n,
		zw_boottime_ns() + timeout_ms * ZW_NSEC_PER_MSEC, &sink, &t->error);
}

static const char zone[] = "example. 60 SOA ns.example. h.example. 5 1 2 3 4\n"
			   "www.example. 60 A 192.0.2.1\n";

static void test_zone(void **state)
{
	struct server *s = *state;
	struct zw_state_ask a = {.origin = wire("example.")};
	struct taken t = {}, again = {};

	start(s);
	assert_int_equal(ask(s, &t, &a, 1, 5000), 0);
	expect_zone(&t, 0, true, zone);
	a.mark = t.zone[0].mark;
	assert_int_not_equal(a.mark, 0);
	assert_int_equal(ask(s, &again, &a, 1, 5000), 0);
	expect_zone(&again, 0, false, "");
	assert_int_equal(again.zone[0].mark, a.mark);
	stop(s);
	assert_int_equal(s->transfers, 1);
	taken_done(&t);
	taken_done(&again);
}

/* Serials are asked for over one connection, and over others where the server wants it so. */
static void test_connections(void **state)
{
	struct server *s = *state;
	struct zw_state_ask asks[8];
	struct taken t = {}, once = {};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(asks); i++)
		asks[i] = (struct zw_state_ask){
			.origin = wire("example."), .mark = (1ULL << 32) | s->serial};
	start(s);
	assert_int_equal(ask(s, &t, asks, ZW_ARRAY_SIZE(asks), 5000), 0);
	s->manner = ONCE;
	assert_int_equal(ask(s, &once, asks, ZW_ARRAY_SIZE(asks), 5000), 0);
	stop(s);
	assert_int_equal(s->calls, 1 + ZW_ARRAY_SIZE(asks));
	assert_int_equal(s->transfers, 0);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(asks); i++)
		expect_zone(&once, i, false, "");
	taken_done(&t);
	taken_done(&once);
}

/* One zone that cannot be had is no reason to go without the others. */
static void test_refused(void **state)
{
	struct server *s = *state;
	struct zw_state_ask asks[] = {
		{.origin = wire("example.")},
		{.origin = wire("other.")},
		{.origin = wire("example."), .mark = (1ULL << 32) | s->serial},
	};
	struct taken t = {}, cut = {};

	s->manner = REFUSE;
	start(s);
	assert_int_equal(ask(s, &t, asks, ZW_ARRAY_SIZE(asks), 5000), 0);
	assert_int_equal(t.zone[0].result, -EACCES);
	assert_non_null(strstr(t.zone[0].error.reason, "refuses"));
	assert_int_equal(t.zone[1].result, -ENOENT);
	expect_zone(&t, 2, false, "");
	s->manner = HANG_UP;
	assert_int_equal(ask(s, &cut, asks, ZW_ARRAY_SIZE(asks), 5000), 0);
	stop(s);
	assert_int_equal(cut.zone[0].result, -ECONNRESET);
	expect_zone(&cut, 2, false, "");
	taken_done(&t);
	taken_done(&cut);
}

/* As when the processes of a server are replaced. */
static void test_hang_ups(void **state)
{
	struct server *s = *state;
	struct zw_state_ask a = {.origin = wire("example.")};
	struct taken t = {}, never = {};

	s->hang_ups = 2;
	start(s);
	assert_int_equal(ask(s, &t, &a, 1, 5000), 0);
	expect_zone(&t, 0, true, zone);
	s->hang_ups = UINT_MAX;
	assert_int_equal(ask(s, &never, &a, 1, 5000), 0);
	stop(s);
	assert_true(never.zone[0].result == -ECONNRESET || never.zone[0].result == -EPIPE);
	assert_non_null(strstr(never.zone[0].error.reason, "hangs up"));
	taken_done(&t);
	taken_done(&never);
}

static void test_unreachable(void **state)
{
	struct server *s = *state;
	struct zw_state_ask a = {.origin = wire("example.")};
	struct taken t = {};

	assert_int_equal(ask(s, &t, &a, 1, 5000), -ECONNREFUSED);
	assert_non_null(strstr(t.error.reason, "over TCP"));
	s->manner = MUTE;
	start(s);
	assert_int_equal(ask(s, &t, &a, 1, 50), -ETIME);
	assert_non_null(strstr(t.error.reason, "busy or stopped"));
	stop(s);
	assert_int_equal(t.zones, 0);
	strcpy(s->where, "nowhere");
	assert_int_equal(ask(s, &t, &a, 1, 50), -EINVAL);
}

static void test_callback(void **state)
{
	struct server *s = *state;
	struct zw_state_ask a = {.origin = wire("example.")};
	struct taken t = {.refuse = -EPIPE};

	start(s);
	assert_int_equal(ask(s, &t, &a, 1, 5000), -EPIPE);
	stop(s);
	taken_done(&t);
}

/* Where a server is asked, by what it listens on; NULL: nowhere. */
static void expect_where(char *const *listens, size_t n, const char *where)
{
	struct zw_server_control controls[] = {{.port = 953}, {.port = 853, .encrypted = true}};
	const struct zw_server server = {.listens = {(char **)listens, n, n},
		.controls = {controls, ZW_ARRAY_SIZE(controls), ZW_ARRAY_SIZE(controls)}};
	struct zw_state_target target = {};

	assert_int_equal(zw_axfr_target(&server, "allow", &target), where ? 0 : -ENOTSUP);
	if (where) {
		assert_int_equal(target.kind, ZW_STATE_AXFR);
		assert_string_equal(target.path, where);
		assert_string_equal(target.allow, "allow");
	}
	zw_state_target_done(&target);
}

static void test_where(void **state)
{
	char *const list[] = {"127.0.0.1:953/tcp", "127.0.0.1:853/tcp", "127.0.0.1:54/udp",
		"[2001:db8::1]:53/tcp", "192.0.2.1:53/tcp", "[::]:53/tcp", "0.0.0.0:55/tcp",
		"127.0.0.1:53/tcp"};

	(void)state;
	expect_where(list, 3, NULL);
	expect_where(list, 4, "2001:db8::1@53");
	expect_where(list, 5, "192.0.2.1@53");
	expect_where(list, 6, "::1@53");
	expect_where(list, 7, "127.0.0.1@55");
	expect_where(list, 8, "127.0.0.1@53");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zone),
		TEST(test_connections),
		TEST(test_refused),
		TEST(test_hang_ups),
		TEST(test_unreachable),
		TEST(test_callback),
		cmocka_unit_test(test_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
