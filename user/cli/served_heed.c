/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen on the wire and on control channels says that a zone changes, or may: where no file tells, it is asked for
 * then, and some times more, since servers take their time. */
#include "cli/served_impl.h"

#include "base/clock.h"
#include "dns/name.h"

/* After what was heeded. NSD answers from what it got a second later at least (xfrd-reload-timeout), a large transfer
 * takes some. */
static const uint64_t looks[] = {
	0,
	20 * ZW_NSEC_PER_MSEC,
	200 * ZW_NSEC_PER_MSEC,
	ZW_NSEC_PER_SEC + 200 * ZW_NSEC_PER_MSEC,
	3 * ZW_NSEC_PER_SEC,
	10 * ZW_NSEC_PER_SEC,
	30 * ZW_NSEC_PER_SEC,
};
/* The look that does not believe an unchanged serial. */
#define WHOLE_LOOK 4

/* How long unchanged marks are believed where no quiet moment comes; and how much longer than it took until all is read whole
 * again. */
#define OPEN_MAX_NS (10 * ZW_NSEC_PER_SEC)
#define OPEN_FACTOR 50
/* After something moved near its files. The loop comes by once a second. */
#define MOVED_NS (200 * ZW_NSEC_PER_MSEC)

/* --- the files of the server --- */

void zw_served_touch(struct zw_agent *a, struct zw_served *s, uint64_t time_ns)
{
	if (time_ns > s->event_ns)
		s->event_ns = time_ns;
	if (!s->open_ns || time_ns < s->open_ns)
		s->open_ns = time_ns;
	s->due_ns = s->event_ns + a->conf->settle_ns;
	s->tries = 0;
}

void zw_served_moved(struct zw_served *s)
{
	if (!s->moved_ns)
		s->moved_ns = zw_boottime_ns() + MOVED_NS;
}

bool zw_served_marks_may_miss(const struct zw_served *s)
{
	return zw_served_transfers(s) && s->open_ns;
}

bool zw_served_is_open(const struct zw_agent_zone *z)
{
	const struct zw_served *s = z->server->served;

	return s && z->served && z->server->pid && zw_served_marks_may_miss(s);
}

void zw_served_note_whole(struct zw_served *s, uint64_t now)
{
	uint64_t settled = s->begin_ns - ZW_SERVED_SETTLED_NS;

	s->whole_ns = now;
	s->whole_cost_ns = now - s->begin_ns;
	if (s->event_ns < settled)
		s->open_ns = 0;
	else if (s->open_ns && s->open_ns < settled)
		s->open_ns = settled;
}

bool zw_served_is_last_look(const struct zw_served *s, uint64_t now)
{
	if (!zw_served_marks_may_miss(s))
		return false;
	return s->tries == ZW_ARRAY_SIZE(zw_second_looks) ||
	       (now > s->open_ns + OPEN_MAX_NS &&
		       now > s->whole_ns + OPEN_FACTOR * s->whole_cost_ns);
}

/* --- requests --- */

bool zw_served_next(struct zw_served_zone *v, uint64_t now_ns)
{
	unsigned int look = v->looks++;

	v->again_ns = v->looks < ZW_ARRAY_SIZE(looks) ? now_ns + looks[v->looks] - looks[look] : 0;
	return look == WHOLE_LOOK;
}

void zw_served_again(const struct zw_agent *a, struct zw_served *s)
{
	s->again_ns = 0;
	ZW_VEC_FOREACH(it, &a->zones) {
		const struct zw_agent_zone *z = *it;

		if (z->server == s->server && z->served && z->served->again_ns &&
			(!s->again_ns || z->served->again_ns < s->again_ns))
			s->again_ns = z->served->again_ns;
	}
}

/* Who is at an end that is not known may be this server. */
static bool may_be(const struct zw_agent_server *s, const struct zw_request_process *p)
{
	return p->tgid == 0 || (uint32_t)s->pid == p->tgid ||
	       (s->exe_ino && s->exe_dev == p->exe_dev && s->exe_ino == p->exe_ino);
}

static bool may_change(const struct zw_agent_server *s, const struct zw_request *q)
{
	switch (q->kind) {
	case ZW_REQUEST_TRANSFER:
		return may_be(s, &q->client_process);
	case ZW_REQUEST_UPDATE:
		return q->rcode <= 0 && may_be(s, &q->server_process);
	case ZW_REQUEST_NOTIFY:
	case ZW_REQUEST_API:
		return may_be(s, &q->server_process);
	case ZW_REQUEST_CONTROL:
		return (q->may_change || q->reloads) && may_be(s, &q->server_process);
	default:
		return false;
	}
}

/* Requests are many, and so are zones; most servers have none that is asked for. */
static bool concerns_any(const struct zw_agent *a, const struct zw_request *q)
{
	ZW_VEC_FOREACH(it, &a->servers) {
		const struct zw_served *s = (*it)->served;

		if (s && s->some && zw_served_transfers(s) && may_change(*it, q))
			return true;
	}
	return false;
}

void zw_served_heed(struct zw_agent *a, const struct zw_request *request)
{
	uint64_t now = zw_boottime_ns();

	if (!concerns_any(a, request))
		return;
	ZW_VEC_FOREACH(it, &a->zones) {
		struct zw_agent_zone *z = *it;
		struct zw_served *s = z->server->served;

		if (!s || !z->served || !zw_served_transfers(s) ||
			(request->zone && !zw_name_equal(request->zone, z->origin)) ||
			!may_change(z->server, request))
			continue;
		/* A command to the whole server may make it let us have what it refused. */
		if (!request->zone)
			z->served->refused = false;
		if (z->served->refused)
			continue;
		z->served->looks = 0;
		z->served->again_ns = s->again_ns = now;
	}
}

bool zw_served_is_reader(const struct zw_agent *a, uint32_t tgid, uint64_t time_ns)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(a->reader); i++)
		if (tgid && a->reader[i].pid == (pid_t)tgid && time_ns >= a->reader[i].from_ns &&
			time_ns <= a->reader[i].to_ns)
			return true;
	return false;
}
