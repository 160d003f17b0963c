/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process table: every process seen since the agent started, and those that ran before, so that an
 * actor's ancestry can be told after all of it has exited. Fed by exec, fork and exit events and seeded
 * from /proc. Entries are keyed by (tgid, start time): a reused pid is another process. */
#pragma once

#include <stdint.h>

#include "actor/actor.h"
#include "event/event.h"

struct zw_proc_table;

/* @proc_root is "/proc" outside tests. */
int zw_proc_table_new(const char *proc_root, struct zw_proc_table **ret_table);
void zw_proc_table_free(struct zw_proc_table *table);
ZW_DEFINE_CLEANUP(struct zw_proc_table *, zw_proc_table_free);
#define _zw_proc_table_free_ _zw_cleanup_(zw_proc_table_freep)

/* Reads every process there is. Call after the exec and fork hooks are on, so that nothing falls between.
 * Processes that vanish while being read are skipped. 0 or -errno when /proc itself cannot be read. */
int zw_proc_table_seed(struct zw_proc_table *table);

/* Takes note of an EXEC, FORK or EXIT event; others are ignored. 0 or -ENOMEM. */
int zw_proc_table_feed(struct zw_proc_table *table, const struct zw_event *event);

/* Resolves the process of a FILE, EXEC, UNIX or BIND event to an actor; the caller owns one reference. What the kernel
 * captured at the event wins over what the table remembers; ancestors that exited before are filled in from
 * the table. 0 or -ENOMEM. */
int zw_proc_table_resolve(
	struct zw_proc_table *table, const struct zw_event *event, struct zw_actor **ret_actor);

/* Describes a live process that is known by pid only (a holder of a mapping, a discovered server), from the
 * table and /proc. -ESRCH when it is gone and was never seen, or when start_ns is non-zero and differs. */
int zw_proc_table_lookup(
	struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, struct zw_actor **ret_actor);

/* Whether a process, the youngest with that pid for a start_ns of 0, may have had children; true when nothing is known of it. */
bool zw_proc_table_forked(const struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns);

/* When the process of @actor ended, or a moment later. 0: it did not, as far as is known. */
uint64_t zw_proc_table_gone_ns(const struct zw_proc_table *table, const struct zw_actor *actor);

/* Drops what exited longer ago than @keep_ns, and the oldest of it beyond the table's bound of 65,536 exited
 * processes. */
void zw_proc_table_expire(struct zw_proc_table *table, uint64_t now_ns, uint64_t keep_ns);
size_t zw_proc_table_len(const struct zw_proc_table *table);
