/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delivery to journald, and what happens while it is away.
 *
 * sd_journal_sendv(3) has two habits an agent that must not lose events has to work around (systemd 252,
 * src/libsystemd/sd-journal/journal-send.c): it returns 0 when the socket does not exist, and it waits without
 * limit when the socket exists but its queue is full, as it is when journald hangs or is being restarted and
 * the service manager holds the socket. So the socket is looked at before and after each message. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "sink/sink.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-journal.h>

#include "base/clock.h"
#include "sink/journald_fields.h"
#include "sink/spool.h"

/* The address libsystemd sends to. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* What waits in memory at most. A report has some kilobytes; one with a thousand changes some hundred. */
#define SPOOL_MEMORY_ITEMS 1024
#define SPOOL_MEMORY_BYTES (64U << 20)

/* How long the agent may be kept from its events by the delivery of old ones. */
#define TICK_MAX_NS (100 * ZW_NSEC_PER_MSEC)
#define DELIVER_MAX_NS (5 * ZW_NSEC_PER_MSEC)

struct journald_sink {
	struct zw_sink sink;
	struct zw_sink_host host;
	struct zw_spool *spool;
	int probe_fd; /* only ever connected, to see who listens */
};

/* 0 when somebody reads at the socket and has room. Each journald binds a new socket, hence the connect(2)
 * every time, which a datagram socket may repeat. */
static int journal_probe(struct journald_sink *s)
{
	static const struct sockaddr_un address = {AF_UNIX, JOURNAL_SOCKET};
	struct pollfd pfd = {.events = POLLOUT};
	int r;

	if (s->probe_fd < 0)
		s->probe_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->probe_fd < 0)
		return -errno;
	if (connect(s->probe_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	pfd.fd = s->probe_fd;
	r = poll(&pfd, 1, 0);
	if (r < 0)
		return -errno;
	return r > 0 && pfd.revents & POLLOUT ? 0 : -EAGAIN;
}

/* As zw_spool_send_fn. */
static int journal_send(void *ctx, const void *data, size_t len)
{
	struct iovec fields[ZW_JOURNAL_FIELDS_MAX];
	struct journald_sink *s = ctx;
	int r, n;

	r = zw_journald_unpack(data, len, fields, &n);
	if (r < 0)
		return r;
	r = journal_probe(s);
	if (r < 0)
		return r;
	r = sd_journal_sendv(fields, n);
	if (r == -EINVAL || r == -E2BIG || r == -EMSGSIZE || r == -EFBIG)
		return -EBADMSG; /* would be refused every time */
	if (r < 0)
		return r;
	/* Gone in between: better twice, with the same ZW_ID, than never. A full queue is no such sign. */
	r = journal_probe(s);
	return r == -ENOENT || r == -ECONNREFUSED ? r : 0;
}

static int journald_drain(struct journald_sink *s, uint64_t max_ns)
{
	struct zw_spool_result result;
	int r;

	r = zw_spool_drain(s->spool, journal_send, s, max_ns, &result);
	s->sink.delivered += result.sent;
	s->sink.lost += result.dropped;
	s->sink.spooled = zw_spool_len(s->spool);
	return r;
}

static int journald_deliver(struct zw_sink *sink, const struct zw_report *report)
{
	struct journald_sink *s = ZW_CONTAINER_OF(sink, struct journald_sink, sink);
	_zw_str_ struct zw_str message = {};
	int r;

	r = zw_journald_pack(report, &s->host, &message);
	if (r < 0) {
		sink->lost++;
		return r;
	}
	/* Behind what waits already, so that the journal has them in order. */
	if (zw_spool_len(s->spool) == 0) {
		r = journal_send(s, message.buf, message.len);
		if (r == 0) {
			sink->delivered++;
			return 0;
		}
		if (r == -EBADMSG) {
			sink->lost++;
			return r;
		}
	}
	r = zw_spool_put(s->spool, message.buf, message.len);
	if (r < 0)
		sink->lost++;
	(void)journald_drain(s, DELIVER_MAX_NS);
	return r;
}

static int journald_tick(struct zw_sink *sink)
{
	struct journald_sink *s = ZW_CONTAINER_OF(sink, struct journald_sink, sink);

	/* Its absence is no error of the tick; "spooled" shows it. */
	if (zw_spool_len(s->spool) > 0)
		(void)journald_drain(s, TICK_MAX_NS);
	return 0;
}

static void journald_free(struct zw_sink *sink)
{
	struct journald_sink *s = ZW_CONTAINER_OF(sink, struct journald_sink, sink);

	if (s->spool && zw_spool_len(s->spool) > 0)
		(void)journald_drain(s, TICK_MAX_NS);
	zw_spool_free(s->spool);
	if (s->probe_fd >= 0)
		close(s->probe_fd);
	free(s);
}

static const struct zw_sink_ops journald_ops = {
	.name = "journald",
	.deliver = journald_deliver,
	.tick = journald_tick,
	.free = journald_free,
};

int zw_sink_journald_new(const char *spool_file, uint64_t spool_bytes,
	const struct zw_sink_host *host, struct zw_sink **ret_sink)
{
	struct zw_spool_limits limits = {SPOOL_MEMORY_ITEMS, SPOOL_MEMORY_BYTES, spool_bytes};
	_zw_sink_free_ struct zw_sink *sink = NULL;
	struct journald_sink *s = calloc(1, sizeof(*s));
	unsigned int damaged;
	int r;

	if (!s)
		return -ENOMEM;
	s->sink.ops = &journald_ops;
	s->probe_fd = -1;
	s->host = *host;
	sink = &s->sink;
	r = zw_spool_new(spool_file, &limits, &s->spool, &damaged);
	if (r < 0)
		return r;
	sink->lost = damaged;
	sink->spooled = zw_spool_len(s->spool);
	*ret_sink = ZW_TAKE(sink);
	return 0;
}
