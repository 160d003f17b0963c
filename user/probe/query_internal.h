/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of the query lane, shared by net.c and query.c only. */
#pragma once

#include <zw_query.h>

#include "engine/query_book.h"

struct zw_net_bpf;

/* An array of the kernel's, mapped. */
struct zw_query_area {
	void *at;
	size_t bytes;
};

struct zw_query_lane {
	uint32_t cpus;
	uint32_t sets[_ZW_QUERY_TABLE_MAX]; /* of each half and processor */
	struct zw_query_control *control;
	struct zw_query_cells *cells;   /* by processor */
	struct zw_query_totals *totals; /* by processor */
	struct zw_query_head *heads;    /* by half and processor */
	struct zw_pair_set *pairs;
	struct zw_name_set *names;
	struct zw_zone_set *zones;
	struct zw_pending_set *pending;
	struct zw_answer_set *answers;
	uint64_t *known; /* two filters */
	ZW_VEC(struct zw_query_area) areas;
	int served;                              /* map; borrowed */
	uint32_t depth[ZW_QUERY_DEPTHS];         /* served names with so many labels */
	uint64_t unanswered[_ZW_QUERY_SIDE_MAX]; /* found by looking */
	uint64_t turned_ns
		[2]; /* when the halves were turned over, the last time and the one before */
	uint64_t memory;
};

/* Sets how large the maps of the first copy will be. Before it is loaded. 0 or -errno. */
int zw_query_size(struct zw_net_bpf *skel);
/* Tells a copy how large they are. Before it is loaded. */
void zw_query_tell_sizes(struct zw_net_bpf *skel);
/* Maps them. 0 or -errno; zw_query_close() ends it either way. */
int zw_query_open(struct zw_query_lane *lane, const struct zw_net_bpf *skel);
void zw_query_close(struct zw_query_lane *lane);
/* Adds what the cells say of directions. */
void zw_query_add_traffic(const struct zw_query_lane *lane, struct zw_traffic *traffic);
