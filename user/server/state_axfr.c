/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_axfr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/transfer.h"

/* Above all serials, so that a mark is never 0. */
#define MARK_SERIAL (1ULL << 32)

/* A server that reloads drops the connections that its old processes took, as NSD does, and serves the next ones. */
#define HANG_UPS_MAX 3
#define HANG_UP_MS 100

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct client {
	union address server, own;
	socklen_t address_len;
	int fd;        /* -1: not connected */
	bool answered; /* over this connection */
	uint64_t deadline_ns;
	const struct zw_state_sink *sink;
	uint8_t wire[2 + ZW_MESSAGE_MAX];
};

/* --- the connection ------------------------------------------------------------------------------------------ */

static int parse_where(const char *where, struct client *c)
{
	const char *at = strrchr(where, '@');
	char text[INET6_ADDRSTRLEN];
	uint32_t port;

	if (!at || (size_t)(at - where) >= sizeof(text) || zw_parse_u32(at + 1, &port) < 0 ||
		port > UINT16_MAX)
		return -EINVAL;
	*(char *)mempcpy(text, where, (size_t)(at - where)) = '\0';
	if (inet_pton(AF_INET, text, &c->server.v4.sin_addr) == 1) {
		c->server.v4.sin_family = c->own.v4.sin_family = AF_INET;
		c->server.v4.sin_port = htons((uint16_t)port);
		c->own.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		c->address_len = sizeof(c->server.v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &c->server.v6.sin6_addr) != 1)
		return -EINVAL;
	c->server.v6.sin6_family = c->own.v6.sin6_family = AF_INET6;
	c->server.v6.sin6_port = htons((uint16_t)port);
	c->own.v6.sin6_addr = in6addr_loopback;
	c->address_len = sizeof(c->server.v6);
	return 0;
}

static int wait_for(const struct client *c, short events)
{
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = events};
		int ms = zw_state_left_ms(c->deadline_ns), n;

		if (ms == 0)
			return -ETIME;
		n = poll(&p, 1, ms);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static void hang_up(struct client *c)
{
	zw_closep(&c->fd);
	c->fd = -1;
	c->answered = false;
}

static int call(struct client *c)
{
	socklen_t len = sizeof(int);
	int error = 0, r;

	if (c->fd >= 0)
		return 0;
	c->fd = socket(c->server.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || bind(c->fd, &c->own.any, c->address_len) < 0)
		return -errno;
	if (connect(c->fd, &c->server.any, c->address_len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(c, POLLOUT);
	if (r == 0 && getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		r = -errno;
	return r < 0 ? r : -error;
}

static int send_all(struct client *c, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
		int r = 0;

		if (n < 0 && errno == EAGAIN)
			r = wait_for(c, POLLOUT);
		else if (n < 0 && errno != EINTR)
			r = -errno;
		if (r < 0)
			return r;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int receive_all(struct client *c, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(c->fd, data, len, 0);
		int r = 0;

		if (n == 0)
			r = -ECONNRESET;
		else if (n < 0 && errno == EAGAIN)
			r = wait_for(c, POLLIN);
		else if (n < 0 && errno != EINTR)
			r = -errno;
		if (r < 0)
			return r;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* The next message, in c->wire. */
static int receive(struct client *c, size_t *ret_len)
{
	size_t len;
	int r = receive_all(c, c->wire, 2);

	if (r < 0)
		return r;
	len = (size_t)c->wire[0] << 8 | c->wire[1];
	r = receive_all(c, c->wire, len);
	if (r == 0) {
		c->answered = true;
		*ret_len = len;
	}
	return r;
}

/* Asks, and waits for the beginning of the answer. A connection that was used before may have been closed since. */
static int ask(
	struct client *c, const uint8_t *name, uint16_t type, uint16_t *ret_id, size_t *ret_len)
{
	uint8_t query[2 + ZW_QUERY_MAX];
	size_t len;
	uint16_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	len = zw_query_write(query + 2, id, name, type);
	query[0] = (uint8_t)(len >> 8);
	query[1] = (uint8_t)len;
	*ret_id = id;
	for (;;) {
		bool used = c->answered;
		int r = call(c);

		if (r == 0)
			r = send_all(c, query, len + 2);
		if (r == 0)
			r = receive(c, ret_len);
		if (r == 0)
			return 0;
		hang_up(c);
		if (!used || (r != -ECONNRESET && r != -EPIPE))
			return r;
	}
}

/* --- zones ----------------------------------------------------------------------------------------------------- */

struct reading {
	const struct zw_state_sink *sink;
	size_t i;
	bool begun;   /* the sink has a record of it */
	bool stopped; /* by the sink */
};

static int on_record(void *ctx, const struct zw_record *record)
{
	struct reading *r = ctx;
	int rc = r->sink->record(r->sink->ctx, r->i, record);

	r->begun = true;
	r->stopped = rc != 0;
	return rc;
}

/* What is wrong with a zone alone has an @error; all else ends the reading. */
static int read_records(struct client *c, const struct zw_state_ask *ask_, struct reading *reading,
	uint64_t *ret_mark, struct zw_zone_error *error)
{
	_zw_transfer_ struct zw_transfer *transfer = NULL;
	uint16_t id;
	size_t len;
	int r = ask(c, ask_->origin, ZW_TYPE_AXFR, &id, &len);

	if (r == 0)
		r = zw_transfer_new(ask_->origin, id, on_record, reading, &transfer);
	while (r == 0) {
		r = zw_transfer_feed(transfer, c->wire, len, error);
		if (r == 0)
			r = receive(c, &len);
	}
	/* Some servers close it after a transfer; and what follows a bad one is not known. */
	hang_up(c);
	if (r <= 0)
		return r;
	*ret_mark = MARK_SERIAL | zw_transfer_serial(transfer);
	return 0;
}

static int read_serial(struct client *c, const struct zw_state_ask *ask_, uint64_t *ret_mark,
	struct zw_zone_error *error)
{
	uint32_t serial;
	uint16_t id;
	size_t len;
	int r = ask(c, ask_->origin, ZW_TYPE_SOA, &id, &len);

	if (r == 0)
		r = zw_soa_answer(c->wire, len, id, ask_->origin, &serial, error);
	if (r == 0)
		*ret_mark = MARK_SERIAL | serial;
	return r;
}

static bool is_hang_up(int r)
{
	return r == -ECONNRESET || r == -EPIPE;
}

/* Whether the connection was lost before there was anything of the zone, and it is worth while to ask again. */
static bool may_ask_again(
	struct client *c, const struct reading *reading, unsigned int *hang_ups, int r)
{
	int left_ms = zw_state_left_ms(c->deadline_ns);

	if (!is_hang_up(r) || reading->begun || ++*hang_ups >= HANG_UPS_MAX || left_ms == 0)
		return false;
	(void)poll(NULL, 0, left_ms < HANG_UP_MS ? left_ms : HANG_UP_MS);
	return true;
}

static int read_zone(struct client *c, const struct zw_state_ask *ask_, size_t i)
{
	struct reading reading = {.sink = c->sink, .i = i};
	struct zw_zone_error error = {};
	unsigned int hang_ups = 0;
	uint64_t mark = 0;
	bool changed;
	int r;

	do {
		r = read_serial(c, ask_, &mark, &error);
		changed = r == 0 && mark != ask_->mark;
		if (changed)
			r = read_records(c, ask_, &reading, &mark, &error);
	} while (may_ask_again(c, &reading, &hang_ups, r));
	if (r == 0)
		return c->sink->done(c->sink->ctx, i, mark, changed);
	/* The others may be had all the same. */
	if (!reading.stopped && is_hang_up(r))
		zw_state_fail(&error, r, "it hangs up when it is asked for the zone");
	if (reading.stopped || !error.reason[0])
		return r;
	return c->sink->failed(c->sink->ctx, i, r, &error);
}

static int fail(struct zw_zone_error *error, int r, const char *where)
{
	const char *todo = "; does it still serve DNS over TCP there?";

	if (r == -ETIME)
		todo = "; it is busy or stopped";
	else if (r == -ENOMEM)
		todo = "";
	return zw_state_fail(error, r, "a transfer from %s: %s%s", where, strerror(-r), todo);
}

int zw_state_read_axfr(const char *where, const struct zw_state_ask *asks, size_t n,
	uint64_t deadline_ns, const struct zw_state_sink *sink, struct zw_zone_error *ret_error)
{
	_zw_free_ struct client *c = calloc(1, sizeof(*c));
	struct zw_zone_error error = {};
	int r = c ? 0 : -ENOMEM;

	if (c) {
		c->fd = -1;
		c->deadline_ns = deadline_ns;
		c->sink = sink;
		r = parse_where(where, c);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_zone(c, &asks[i], i);
	if (c)
		hang_up(c);
	if (r != 0)
		fail(&error, r, where);
	if (r != 0 && ret_error)
		*ret_error = error;
	return r;
}
