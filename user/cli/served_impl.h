/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a server that is asked for its zones; shared by agent_served.c (asking), served_heed.c (when to ask
 * again) and served_attach.c (how to ask). */
#pragma once

#include "cli/served.h"

struct zw_served {
	struct zw_agent_server *server; /* borrowed: it owns this */
	struct zw_state_target target;
	bool wanted; /* some of its zones are */
	bool some;   /* it has zones that it is asked for */
	/* the job that is running */
	struct zw_state_job *job;
	uint64_t begin_ns;
	ZW_VEC(struct zw_agent_zone *) asked; /* NULL: it went meanwhile */
	struct zw_builder *builder;           /* of zone number @building */
	size_t building;
	bool all, whole; /* all zones are asked for; and without marks */
	/* when to ask for all */
	uint64_t event_ns;      /* last event of its files */
	uint64_t open_ns;       /* the first that no look without marks followed yet; 0: none */
	uint64_t moved_ns;      /* then the ways to its files are walked again; 0: no need */
	uint64_t due_ns;        /* 0: no event asks for it */
	uint64_t reconcile_ns;  /* whatever happens */
	uint64_t free_ns;       /* no job before that */
	uint64_t whole_ns;      /* when all zones were read whole */
	uint64_t whole_cost_ns; /* and how long that took */
	unsigned int tries;     /* jobs for all since the last event */
	char *failure;          /* said already; NULL: the last job was none */
	uint64_t again_ns; /* when the next of the zones is due that heed something; 0: none is */
	bool refused;      /* it does not transfer some zone: that was said */
};

/* The longest time from a write to when it shows: a transaction shows when it is on the disk. */
#define ZW_SERVED_SETTLED_NS ZW_NSEC_PER_SEC

/* Whether an unchanged mark leaves open what the events of the files were about: whoever writes to a database beside its
 * server need not raise a serial. A look without marks comes last. */
bool zw_served_marks_may_miss(const struct zw_served *s);
/* Not everybody who writes to its database raises a serial. Where it is written to all the time there is no last look, but
 * one without marks all the same, now and then. */
bool zw_served_is_last_look(const struct zw_served *s, uint64_t now_ns);
/* All zones were read, so that the events until then are done with; what is about to show was written lately. */
void zw_served_note_whole(struct zw_served *s, uint64_t now_ns);

/* Ends the job that is running, if any. */
void zw_served_end_job(struct zw_served *s);

/* Whether @z is due for what was heeded. */
static inline bool zw_served_is_due(const struct zw_agent_zone *z, uint64_t now_ns)
{
	return z->served->again_ns && z->served->again_ns <= now_ns;
}
/* It is asked for now: the next time is set. True: the serial alone must not tell. */
bool zw_served_next(struct zw_served_zone *v, uint64_t now_ns);
/* Sets again_ns of the server from those of its zones. */
void zw_served_again(const struct zw_agent *a, struct zw_served *s);
