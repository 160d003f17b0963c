/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people say of changes, in the running agent: it carries out the requests of `ack` and `expect`, and makes changes
 * authorized that were expected. Who may ask is whoever may connect to the socket; who it was is part of the record. */
#include "cli/agent_traffic.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/note.h"

/* The loop waits so long for the disk, and no longer. */
#define DISK_WAIT_NS (2 * ZW_NSEC_PER_SEC)
/* A change within a window may be found a while after it. */
#define LATE_NS (3600 * ZW_NSEC_PER_SEC)

/* One line. 0, -ETIMEDOUT, -EMSGSIZE, -errno. */
static int read_request(int fd, struct zw_str *out)
{
	char buf[4096];

	while (!memchr(out->buf ? out->buf : "", '\n', out->len)) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return out->len ? 0 : -ENODATA;
		zw_str_add_len(out, buf, (size_t)n);
		if (out->failed)
			return -ENOMEM;
		if (out->len > ZW_NOTE_BYTES_MAX)
			return -EMSGSIZE;
	}
	return 0;
}

/* Who is at the other end, with its login, session and ancestry. */
static int find_client(struct zw_agent *a, int fd, struct zw_actor **ret_actor)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* It may be newer than what was read of the rings. */
	r = zw_agent_drain(a);
	if (r < 0)
		return r;
	return cred.pid > 0 ? zw_proc_table_lookup(a->procs, (uint32_t)cred.pid, 0, ret_actor)
			    : -ESRCH;
}

struct request {
	struct zw_agent *agent;
	struct zw_note note;
	struct zw_note_context context;
	struct zw_note_outcome outcome;
	struct zw_str error;
};

static int save_used(struct zw_history *history, void *ctx)
{
	struct zw_agent *a = ctx;
	int r = 0;

	ZW_VEC_FOREACH(e, &a->expectations) {
		r = zw_history_use_expectation(history, e->id, e->used);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	a->expectations_used = false;
	return 0;
}

static int load(struct zw_history *history, void *ctx)
{
	struct zw_agent *a = ctx;
	uint64_t now = zw_realtime_ns();
	zw_expectations list = {};
	int r = zw_history_get_expectations(history, now > LATE_NS ? now - LATE_NS : 0, &list);

	if (r < 0)
		return r;
	zw_expectations_done(&a->expectations);
	a->expectations = list;
	return 0;
}

static int carry_out(struct zw_history *history, void *ctx)
{
	struct request *q = ctx;
	int r = q->agent->expectations_used ? save_used(history, q->agent) : 0;

	q->context.history = history;
	if (r == 0)
		r = zw_note_carry_out(&q->context, &q->note, &q->outcome, &q->error);
	if (r == 0 && (q->note.kind == ZW_NOTE_EXPECT || q->note.kind == ZW_NOTE_WITHDRAW))
		r = load(history, q->agent);
	return r;
}

/* What is known of a failure beyond its code. */
static void explain(struct request *q, int r)
{
	if (q->error.len || r == 0)
		return;
	switch (r) {
	case -ENODEV:
		zw_str_add(&q->error, q->agent->history
					      ? "the history cannot be written at the moment"
					      : "this agent keeps no history");
		break;
	case -EBUSY:
		zw_str_add(&q->error, "the history is busy; try again");
		break;
	case -ESRCH:
		zw_str_add(&q->error, "the agent cannot see who asks");
		break;
	case -ETIMEDOUT:
	case -ENODATA:
		zw_str_add(&q->error, "no request came");
		break;
	case -EMSGSIZE:
		zw_str_add(&q->error, "the request is too long");
		break;
	default:
		zw_str_addf(&q->error, "the agent cannot store it: %s", strerror(-r));
	}
}

static int take(struct request *q, int fd)
{
	_zw_str_ struct zw_str text = {};
	struct zw_agent *a = q->agent;
	int r = read_request(fd, &text);

	if (r == 0 && zw_agent_traffic_is_asked(text.buf, text.len)) {
		q->outcome.answer = zw_agent_traffic_json(a, ZW_TRAFFIC_SHOWN);
		return q->outcome.answer ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = find_client(a, fd, &q->context.who);
	if (r == 0)
		r = zw_note_from_json(text.buf, text.len, &q->note, &q->error);
	q->context.now_ns = zw_realtime_ns();
	q->context.host = &a->host;
	q->context.ulid = &a->ulid;
	q->context.sequence = a->sequence;
	if (r == 0)
		r = zw_note_check(&q->note, q->context.now_ns, &q->error);
	if (r < 0)
		return r;
	if (!a->history)
		return -ENODEV;
	/* What was told a moment ago can be asked about. */
	(void)zw_writer_flush(a->history, DISK_WAIT_NS);
	return zw_writer_with(a->history, carry_out, q);
}

void zw_agent_note(struct zw_agent *a, int fd, json_t **ret_answer)
{
	struct request q = {.agent = a};
	int r = take(&q, fd);

	explain(&q, r);
	if (r == 0) {
		ZW_VEC_FOREACH(report, &q.outcome.reports)
			zw_agent_deliver(a, ZW_TAKE(*report));
		*ret_answer = json_incref(q.outcome.answer);
	} else {
		*ret_answer =
			json_pack("{s:s}", "error", q.error.buf ? q.error.buf : "out of memory");
	}
	if (q.context.who)
		zw_actor_unref(q.context.who);
	zw_note_done(&q.note);
	zw_note_outcome_done(&q.outcome);
	zw_str_free(&q.error);
}

void zw_agent_expectations_load(struct zw_agent *a)
{
	int r = zw_writer_with(a->history, load, a);

	/* That the history cannot be opened was said already. */
	if (r < 0 && r != -ENODEV && !a->expectations_wanted)
		zw_error("what is expected cannot be read from the history: %s; trying again",
			strerror(-r));
	a->expectations_wanted = r < 0;
}

int zw_agent_expect(struct zw_agent *a, struct zw_report *report)
{
	struct zw_expectation *used;
	int r = zw_expect_judge(&a->expectations, report, &used);

	a->expectations_used |= used != NULL;
	return r;
}

void zw_agent_expectations_save(struct zw_agent *a)
{
	int r;

	if (!a->history)
		return;
	if (a->expectations_wanted)
		zw_agent_expectations_load(a);
	if (!a->expectations_used)
		return;
	r = zw_writer_with(a->history, save_used, a);
	if (r < 0 && r != -ENODEV)
		zw_error("the use of what was expected cannot be stored: %s", strerror(-r));
}
