/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What servers say of their zones: Knot over its control socket, PowerDNS through its database, others by a transfer.
 *
 *	a file that all zones share is written to, or a period is over -> a state job asks for all zones, by marks
 *	a request on the wire or a command may have changed a zone, and no file would tell -> for this one, some times
 *	the zone file of a zone changed, or the zone is new -> a state job asks for this one
 *	the job says what a zone is now -> that is kept in struct zw_served_zone, and the zone is looked at
 *
 * Nothing here waits for a server: a job is another process, and its pipe is in the agent's loop. Internal to the
 * agent. */
#pragma once

#include "cli/agent_source.h"
#include "server/state_job.h"

/* What the server last said of a zone. */
struct zw_served_zone {
	uint64_t mark;                /* 0: that it cannot be had, or nothing yet */
	struct zw_snapshot *snapshot; /* owned; NULL: none */
	char *error;                  /* why there is none */
	bool empty,
		was_empty; /* there is none because the zone has no content; the same of what was said before */
	uint64_t answer_ns; /* CLOCK_BOOTTIME: beginning of the last reading */
	uint64_t end_ns;    /* its end */
	uint64_t begin_ns;  /* the same of the first one that said this */
	uint64_t told_ns; /* what changes from now on was written after this; 0: nothing said yet */
	uint64_t from_ns; /* what changed last did so after this */
	uint64_t same_ns; /* beginning of the last reading that said it */
	uint64_t old_ns;  /* the same of what was said before; 0: not known */
	uint64_t shown_ns;  /* end of the first reading that said it */
	uint64_t wanted_ns; /* asked for since then and not answered; 0: not asked for */
	uint64_t again_ns;  /* asked for then, since something was heeded; 0: nothing was */
	unsigned int looks; /* since then */
	bool refused;       /* the server does not let us have it: not asked for all the time */
	bool edited; /* the state that was reported last is that of the zone file, which is not loaded yet */
};
void zw_served_zone_free(struct zw_served_zone *v);

/* Finds out how the server @found is asked and watches what it writes to, in s->served; NULL there when it cannot be
 * asked. 0 or -ENOMEM, -E2BIG. */
int zw_served_attach(struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found);
void zw_served_free(struct zw_served *served);
/* Paths, in the root of the server, of what is written when a zone changes. */
const zw_paths *zw_served_files(const struct zw_served *served);

/* Whether its zones are asked for by transfers, so that nothing else tells that one changed. */
bool zw_served_transfers(const struct zw_served *served);
/* Its configuration may be another one: where it listens, and what it refused. */
void zw_served_reconfigured(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found);
/* @request was seen: zones that it may have changed are asked for. */
void zw_served_heed(struct zw_agent *a, const struct zw_request *request);
/* Whether this process read what a server says for us, at @time_ns: what it does on the network is not anybody's. */
bool zw_served_is_reader(const struct zw_agent *a, uint32_t tgid, uint64_t time_ns);

/* Asks what @z is, soon: it is looked at when that is known. */
void zw_served_want(struct zw_agent *a, struct zw_agent_zone *z);
/* @z goes. */
void zw_served_forget(struct zw_agent_zone *z);
/* Nothing is known of @z yet, so it cannot be looked at. */
bool zw_served_is_awaited(const struct zw_agent_zone *z);
/* That is so of some zone. */
bool zw_served_are_awaited(const struct zw_agent *a);
/* Somebody may have written to @z since it was last read whole, of which marks do not tell. */
bool zw_served_is_open(const struct zw_agent_zone *z);

/* One of the files of the server changed at @time_ns, or the directory of one did. */
void zw_served_touch(struct zw_agent *a, struct zw_served *served, uint64_t time_ns);
/* The way to one of them may be another now: what is there is watched soon. */
void zw_served_moved(struct zw_served *served);

/* source_server.c: whether what the server says of @z has been taken over. */
bool zw_source_server_is_taken(const struct zw_agent_zone *z);

/* Takes what the jobs say and starts those that are due; returns when the next one is, UINT64_MAX when none is. */
uint64_t zw_served_run(struct zw_agent *a);
