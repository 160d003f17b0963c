/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the process table, shared by the files that keep it (table.c), fill it from /proc (seed.c) and tell
 * actors from it (resolve.c, lineage.c); track.c is what an event teaches about one process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "actor/cgroup.h"
#include "actor/image.h"
#include "actor/list.h"
#include "actor/origin.h"
#include "actor/table.h"
#include "actor/users.h"
#include "base/hash.h"
#include "event/event.h"

enum zw_proc_state {
	ZW_PROC_LIVE = 0,
	ZW_PROC_EXITED, /* in table->exited: nothing in the table descends from it */
	ZW_PROC_PINNED, /* in table->pinned: exited, and the ancestry of others needs it */
};

struct zw_proc {
	struct zw_proc *older;  /* an earlier process with the same pid */
	struct zw_proc *parent; /* who forked it, whatever its parent is now; NULL when not known */
	struct zw_list children; /* of zw_proc.sibling */
	struct zw_list sibling;
	struct zw_list gone;
	struct zw_image *image; /* NULL when not known */
	/* The set-user program that was replaced in this very process by what runs now (doas and pkexec do not
	 * fork); NULL when there was none. */
	struct zw_image *step_image;
	struct zw_origin *origin; /* of the login session it belongs to, NULL when not known */
	uint64_t start_ns;
	uint64_t exit_ns;
	uint64_t image_ns; /* since when image is known to be right */
	uint64_t cgroup_id;
	uint32_t tgid;
	uint32_t uid, euid, gid, egid, loginuid, session, mntns, pidns, netns;
	uint32_t step_uid, step_euid;
	uint32_t
		before_uid; /* with elevated: the real user before the outermost set-user step of its session */
	uint32_t seed;     /* number of the last seeding that found it alive */
	uint8_t state;     /* enum zw_proc_state */
	uint8_t elevation; /* enum zw_elevation of what it runs, if it was executed in this process */
	uint8_t step;      /* enum zw_elevation of step_image */
	uint8_t login_role; /* enum zw_login_role, for login servers */
	uint8_t probes;     /* times its sockets were looked at in vain */
	bool exact;         /* start_ns is exact, not rounded down to a tick */
	bool elevated;
	bool forked; /* it has or had children: they may have what it opened before */
	char comm[ZW_COMM_LEN];
	char tty[ZW_TTY_LEN];
};

struct zw_proc_table {
	char *root;
	struct zw_map *by_pid;         /* tgid -> youngest struct zw_proc */
	struct zw_list exited, pinned; /* of zw_proc.gone, longest gone first */
	size_t len, gone;
	uint64_t tick_ns;
	uint32_t seed;
	struct zw_users *users;
	struct zw_cgroups *cgroups;
};

/* The process, NULL when it is not in the table. A start time that is not @exact, or was never learned exactly, is
 * matched to the tick. */
struct zw_proc *zw_proc_find(
	const struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, bool exact);
/* The youngest process with that pid, NULL when there was none. */
struct zw_proc *zw_proc_youngest(const struct zw_proc_table *table, uint32_t tgid);

/* Adds a process, which inherits from @parent (may be NULL) what fork(2) gives. 0 or -ENOMEM. */
int zw_proc_add(struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, bool exact,
	struct zw_proc *parent, uint64_t now_ns, struct zw_proc **ret_proc);
/* Makes the exact start time known. */
void zw_proc_adopt_start(struct zw_proc *proc, uint64_t start_ns);
void zw_proc_mark_exited(struct zw_proc_table *table, struct zw_proc *proc, uint64_t now_ns);

/* Takes over what @facts, true at @now_ns, say about the process: an exec, or what was missed of it. 0 or -ENOMEM. */
int zw_proc_apply(struct zw_proc *proc, const struct zw_proc_facts *facts, uint64_t now_ns);

/* The process of a FILE or EXEC event, added if it was missed and brought up to date if the event is newer than what
 * is known. 0 or -ENOMEM. */
int zw_proc_for_event(
	struct zw_proc_table *table, const struct zw_event *event, struct zw_proc **ret_proc);

/* Finds out where the session of @proc came from, if a login server is right above it and that was not done yet. 0
 * or -ENOMEM. */
int zw_proc_find_origin(struct zw_proc_table *table, struct zw_proc *proc);

/* Reads live process @tgid and, where missing, its parents into the table. The facts are the caller's to free.
 * 0, -ESRCH or -ENOMEM. */
int zw_proc_import(struct zw_proc_table *table, uint32_t tgid, struct zw_proc_facts *ret_facts,
	struct zw_proc **ret_proc);
