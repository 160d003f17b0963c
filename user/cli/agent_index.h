/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by agent_index.c, agent_chain.c and agent_sweep.c only: what stands for an inode, and for a directory that holds
 * zone files. */
#pragma once

#include "cli/agent.h"

/* One level of one walk of a chain, in the list of the inode that is there. */
struct zw_agent_ref {
	struct zw_agent_path *path;
	size_t level;
};

/* The way to a directory as it was walked. */
struct zw_agent_path {
	struct zw_agent_chain *chain;
	struct zw_walk walk;
	size_t *slot; /* for each level, where in the list of its inode it stands */
};

struct zw_agent_chain {
	struct zw_agent_server *server; /* owned reference */
	char *dir;
	struct zw_agent_path *path; /* NULL before the first walk */
	ZW_VEC(struct zw_agent_zone *) zones;
	ZW_VEC(struct zw_agent_zone *) wanting; /* those with ->wants_entry */
};

/* @server keeps all its zones in a file to which the way leads through an inode; @open: also an entry that comes to that
 * directory may change it. */
struct zw_agent_keeper {
	struct zw_agent_server *server;
	bool open;
};

/* An inode somebody depends on. When a directory changes, the way to it may have changed, which any one of @through
 * tells for all, or an entry of it. An entry that was there tells by itself, so that only who waits for one to come has
 * to look: @open. Thus an event in a directory on the way of 100,000 chains costs no more than in one on the way of one. */
struct zw_agent_site {
	uint32_t flags; /* enum zw_watch_flags in the kernel's map */
	ZW_VEC(struct zw_agent_zone *) zones;
	ZW_VEC(struct zw_agent_ref) through;
	ZW_VEC(struct zw_agent_ref) open;
	ZW_VEC(struct zw_agent_keeper) servers; /* which keep all their zones there */
	unsigned int guards;     /* files of servers' configurations whose path leads there */
	uint64_t again_ns;       /* CLOCK_BOOTTIME: to be walked to again then; 0: not */
	uint64_t early_ns;       /* since when that is so */
	uint64_t early_until_ns; /* until then it may be about to lead elsewhere */
	unsigned int tries;      /* walks again since the last event */
};

/* More chains than this are walked one after the other in slices of time. */
#define ZW_CHAINS_AT_ONCE 64

/* agent_index.c */
struct zw_agent_site *zw_site_of(const struct zw_agent *a, const struct zw_inode_key *key);
/* Finds or makes it, and watches it for @p too. 0, -ENOMEM, -E2BIG. */
int zw_site_get(struct zw_agent *a, const struct zw_place *p, struct zw_agent_site **ret_site);
/* The last one to depend on an inode ends its watch. */
void zw_site_put(struct zw_agent *a, const struct zw_place *p);

/* agent_index_server.c */

/* Tells the servers of @s, which is inode @ino, that it had an event. */
void zw_servers_mark(struct zw_agent *a, const struct zw_agent_site *s, uint64_t ino,
	const struct zw_event *event);

/* agent_chain.c */

/* An entry of one of its directories changed: the path may lead elsewhere now, and a file that was missing
 * may be there. Files that are there have events of their own. Returns whether it leads elsewhere; then others
 * whose way was the same are swept. */
bool zw_chain_mark(struct zw_agent *a, struct zw_agent_chain *c, uint64_t time_ns);
/* Whether an entry that comes to the directory at @level of @walk can change where the walk leads. One that is there
 * already tells by itself when it goes; not so on an overlay, where what is below is only covered. */
bool zw_chain_is_open(const struct zw_walk *walk, size_t level);
void zw_chain_free(struct zw_agent *a, struct zw_agent_chain *c);

/* agent_sweep.c */

/* All chains whose way leads through the inode are walked soon, a slice at a time; {} stands for all there are. */
void zw_sweep_add(struct zw_agent *a, const struct zw_inode_key *key);
/* Runs what is due until @until_ns; returns when to go on, UINT64_MAX when nothing is left. */
uint64_t zw_sweep_run(struct zw_agent *a, uint64_t until_ns);
