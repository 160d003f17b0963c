/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent learns and keeps in the history, beside events: what traffic is usual, whom this host asks. */
#pragma once

#include "cli/agent.h"
#include "engine/baseline.h"
#include "sink/history_traffic.h"

/* One kind of it; a book is what it is learned into. */
struct zw_learned {
	const char *what; /* what it says, for the log: "whom this host asks" */
	unsigned int first,
		last; /* its classes, in the numbering of engine/baseline.h and engine/outbound.h */
	size_t max;   /* entries that are taken back at most */
	/* Called with the book. What is damaged, or more than there is room for, is learned anew: only -ENOMEM counts. */
	zw_history_baseline_fn load;
	/* As zw_baselines_save(), of a book at a time (CLOCK_BOOTTIME). */
	size_t (*save)(void *book, uint64_t now_ns, size_t max, zw_baseline_save_fn fn, void *ctx);
};

/* Takes back what earlier runs learned, unless @loaded says that this is done. It is done once the history is open, also where
 * reading fails, which is logged; so it is to be called again and again. */
void zw_learned_load(struct zw_agent *a, const struct zw_learned *kind, void *book, bool *loaded);
/* Gives the history what is new since the last time. -ENOTCONN: there is no history; or as zw_writer_baselines(): then part of it was not
 * taken, though the book has it as saved. */
int zw_learned_save(struct zw_agent *a, const struct zw_learned *kind, void *book, uint64_t now_ns);
