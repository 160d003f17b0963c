/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the rings into the books. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/agent_traffic.h"
#include "probe/net.h"

/* Executables whose start or end means that servers are to be looked for again. */
static const char *const server_names[] = {"named", "knotd", "nsd", "pdns_server"};

/* What they change in a running server is in no file. The client is gone when the listing comes. */
static const struct {
	const char *client;
	enum zw_server_kind server;
} clients[] = {
	{"knotc", ZW_SERVER_KNOT},
	{"pdns_control", ZW_SERVER_PDNS},
};

static void discover_soon(struct zw_agent *a, uint64_t now)
{
	if (a->discover && a->discover_ns > now + ZW_DISCOVER_SOON_NS)
		a->discover_ns = now + ZW_DISCOVER_SOON_NS;
}

static void list_soon(struct zw_agent *a, enum zw_server_kind kind, uint64_t now)
{
	ZW_VEC_FOREACH(s, &a->servers) {
		if ((*s)->kind != kind)
			continue;
		(*s)->list_ns = now + ZW_DISCOVER_SOON_NS;
		discover_soon(a, now);
	}
}

/* Our own questions to a server change nothing, and answering them with another would go on for ever. */
static bool is_ours(const struct zw_proc_facts *proc)
{
	return proc->ancestors > 0 && proc->ancestor[0].tgid == (uint32_t)getpid();
}

static void on_exec(struct zw_agent *a, const struct zw_event *event)
{
	const char *slash = event->proc.exe ? strrchr(event->proc.exe, '/') : NULL;

	if (!slash || is_ours(&event->proc))
		return;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(server_names); i++)
		if (zw_streq(slash + 1, server_names[i]))
			discover_soon(a, event->time_ns);
	if (zw_streq(slash + 1, "nsd-control") && zw_agent_control_run(a, event) < 0)
		a->bad_events++;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(clients); i++)
		if (zw_streq(slash + 1, clients[i].client))
			list_soon(a, clients[i].server, event->time_ns);
}

static void on_process(struct zw_agent *a, const struct zw_event *event)
{
	if (zw_proc_table_feed(a->procs, event) < 0)
		a->bad_events++;
	if (event->type == ZW_WIRE_EXEC) {
		zw_agent_net_exec(a, event->proc.tgid);
		on_exec(a, event);
	} else if (event->type == ZW_WIRE_EXIT) {
		ZW_VEC_FOREACH(s, &a->servers)
			if ((*s)->pid && (uint32_t)(*s)->pid == event->fork.child_tgid)
				discover_soon(a, event->time_ns);
	}
}

/* A mount that is done, as this one is, shows in the tables of the servers it concerns; others, as of every container
 * that starts, explain nothing. */
static bool elsewhere(const struct zw_agent *a, const struct zw_event *event)
{
	if (!zw_hook_is_mounted(event->hook))
		return false;
	ZW_VEC_FOREACH(s, &a->servers)
		if (zw_remounts_may_be(&(*s)->remounts, event->file.ctime_ns, event->time_ns))
			return false;
	return true;
}

static int on_file(struct zw_agent *a, const struct zw_event *event)
{
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	int r = zw_proc_table_resolve(a->procs, event, &actor);

	/* Also without a cause the zone is looked at, but not from here. */
	zw_agent_mark(a, event);
	if (r == 0 && !elsewhere(a, event))
		r = zw_cause_book_add(a->book, event, actor);
	return r;
}

static int on_query(struct zw_agent *a, const struct zw_event *event)
{
	int r = zw_agent_answer(a, event), q = zw_agent_outbound(a, event);

	zw_agent_traffic_asked(a, event);
	return r < 0 ? r : q;
}

static void on_event(void *ctx, const void *data, size_t len)
{
	struct zw_agent *a = ctx;
	_zw_event_ struct zw_event event = {};
	int r = zw_event_decode(data, len, &event);

	a->events++;
	if (r == 0 && event.type == ZW_WIRE_FILE)
		r = on_file(a, &event);
	else if (r == 0 && event.type == ZW_WIRE_UNIX)
		r = zw_agent_control_said(a, &event);
	else if (r == 0 && event.type == ZW_WIRE_PACKET)
		r = zw_agent_packet(a, &event);
	else if (r == 0 && event.type == ZW_WIRE_BIND)
		r = zw_agent_bound(a, &event);
	else if (r == 0 && event.type == ZW_WIRE_QUERY)
		r = on_query(a, &event);
	else if (r == 0)
		on_process(a, &event);
	if (r < 0)
		a->bad_events++;
}

int zw_agent_drain(struct zw_agent *a)
{
	int r, q;

	if (!a->probe)
		return 0;
	r = zw_probe_drain(a->probe, on_event, a);
	/* Processes come first: who sent a packet is known by then. */
	q = zw_probe_net_drain(a->probe, on_event, a);
	if (q == -EOPNOTSUPP)
		q = 0;
	return r < 0 ? r : q;
}
