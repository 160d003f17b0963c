/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chain of processes an actor comes from, and what only the chain tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actor/proc.h"

struct zw_lineage {
	struct zw_ancestor *ancestor; /* nearest first; a zw_actor can take it over */
	size_t ancestors;
	const struct zw_origin *origin; /* of the login session, NULL when not known */
	const char *tty;                /* the nearest one in the session, "" when there is none */
	bool elevated;
	uint32_t
		before_uid; /* with elevated: the real user before the outermost set-user step of the session */
};

/* Walks from @proc to those who forked it, and where the table does not know, to the parents that the kernel named in
 * @facts (of the same process). What points into the table is valid until that is changed. 0 or -ENOMEM; the caller
 * ends it with zw_lineage_done(). */
int zw_lineage_of(const struct zw_proc_table *table, const struct zw_proc *proc,
	const struct zw_proc_facts *facts, struct zw_lineage *ret_lineage);
void zw_lineage_done(struct zw_lineage *lineage);
