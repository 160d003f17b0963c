/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of what the agent makes of packets, shared by agent_net.c (packets become requests) and agent_ports.c (which
 * packets). */
#pragma once

#include "cli/agent.h"
#include "engine/exchange.h"
#include "engine/refusals.h"
#include "engine/stream.h"
#include "probe/net.h"

struct zw_agent_netns {
	uint32_t inum;
	bool seen; /* by the discovery that is running */
};

/* A port that a server serves DNS on. */
struct zw_agent_port {
	struct zw_agent_server *server; /* borrowed; compared, and only as long as it is listed */
	uint32_t netns;
	struct zw_endpoint end; /* all zero: any address */
	bool tcp;
};

/* A process that holds a port beside a server. */
struct zw_agent_taker {
	uint64_t start_ns;
	uint32_t tgid, netns;
	uint16_t port;
	bool tcp;
};

/* A client as it was looked at a moment ago: who sends thousands of requests a second is not looked at for each. */
struct zw_agent_client {
	uint64_t start_ns, at_ns; /* of the process, and CLOCK_BOOTTIME of the look */
	uint32_t tgid;
	struct zw_actor *actor; /* owned; NULL: nobody */
};

typedef ZW_VEC(struct zw_net_port) zw_agent_net_ports;

struct zw_agent_net {
	struct zw_streams *dns, *raw;
	struct zw_exchange *exchange;
	struct zw_refusals *refusals;
	struct zw_map *connections; /* encrypted ones: pair of ends -> struct zw_request */
	zw_agent_net_ports ports;   /* as the kernel has them */
	ZW_VEC(struct zw_agent_netns) netns;
	ZW_VEC(struct zw_agent_port) served;
	/* Clients of refused updates that were told of with those that a secondary made of theirs. */
	struct zw_request *told[16];
	size_t told_next;
	struct zw_agent_client client[16]; /* by their pids; the next of the same place takes it */
	struct zw_agent_taker taker[64];   /* that were told of; the oldest is overwritten */
	size_t taker_next;
	bool unlooked; /* sockets that were there first are still to be looked at, when the agent is ready */
	bool refused; /* the kernel takes no packet programs: that was said */
	uint64_t
		lost; /* packets in the kernel, and holes of streams, that the book of requests knows of */
};

/* Who serves DNS there; NULL: nobody that is known. */
const struct zw_agent_server *zw_agent_port_server(
	const struct zw_agent *a, const struct zw_endpoint *end, bool tcp, uint32_t netns);
/* Whether @s serves there by TCP, in whatever network namespace. */
bool zw_agent_port_answers(
	const struct zw_agent *a, const struct zw_agent_server *s, const struct zw_endpoint *end);
/* Whether @s is one of those who serve there. */
bool zw_agent_port_serves(const struct zw_agent *a, const struct zw_agent_server *s,
	const struct zw_endpoint *end, bool tcp, uint32_t netns);
/* Which server a process is; NULL: none that is known. */
const struct zw_agent_server *zw_agent_process_server(
	const struct zw_agent *a, const struct zw_request_process *process);
/* Looks for others who hold a port of a server. 0 or -errno. */
int zw_agent_ports_look(struct zw_agent *a);

static inline bool is_of(const struct zw_agent_server *s, const struct zw_request_process *process)
{
	return s->pid && ((uint32_t)s->pid == process->tgid ||
				 (s->exe_ino && s->exe_dev == process->exe_dev &&
					 s->exe_ino == process->exe_ino));
}

/* agent_outbound.c: a server gave a zone away, or refused to, or says that it changed; also who asked for nothing of this is
 * passed over. */
void zw_agent_transferred(struct zw_agent *a, const struct zw_request *request);

/* agent_refused.c */

/* Tells of an update that was not accepted, or counts it. */
void zw_agent_refused(struct zw_agent *a, struct zw_request *request);
