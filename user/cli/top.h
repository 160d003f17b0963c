/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/cmd_top.c and cli/top_*.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "engine/traffic.h"

/* --- top_source.c: where the numbers come from ---------------------------------------------------------- */

struct zw_top_source {
	const char *socket; /* where the agent is asked */
	/* of an agent of our own, where none runs; 0 and NULL: there is none */
	pid_t child;
	char *dir, *path, *errors;
};

/* Asks the agent at @socket; where none runs, starts one that stores nothing and ends with us. 0 or -errno, logged. */
int zw_top_source_open(const char *socket, struct zw_top_source *ret_source);
void zw_top_source_close(struct zw_top_source *source);
#define _zw_top_source_ _zw_cleanup_(zw_top_source_close)
/* What goes on, as zw_agent_traffic_json() has it. 0 or -errno, logged when @log is set. */
int zw_top_source_read(struct zw_top_source *source, bool log, json_t **ret_traffic);

/* --- top_model.c: what is shown of it ------------------------------------------------------------------- */

enum zw_top_sort {
	ZW_TOP_RATE = 0,
	ZW_TOP_QUERIES,
	ZW_TOP_NXDOMAIN,
	ZW_TOP_SERVFAIL,
	ZW_TOP_REFUSED,
	ZW_TOP_BYTES,
	ZW_TOP_KEY,
	_ZW_TOP_SORT_MAX,
};

const char *zw_top_sort_to_string(enum zw_top_sort v);                  /* "rate" */
int zw_top_sort_from_string(const char *text, enum zw_top_sort *ret_v); /* 0 or -EINVAL */

struct zw_top_model {
	double query_rate, response_rate;
	uint64_t findings, unanswered, latency_p50_ns, latency_p99_ns;
	struct zw_counts total;
	uint32_t second[ZW_TRAFFIC_SECONDS];
	bool counted; /* the kernel counts */
	struct zw_traffic_rows rows[_ZW_TRAFFIC_BY_MAX];
};

/* 0; -EBADMSG when it is not what an agent says; -ENOMEM. */
int zw_top_model_take(const json_t *traffic, struct zw_top_model *ret_model);
void zw_top_model_done(struct zw_top_model *model);
#define _zw_top_model_ _zw_cleanup_(zw_top_model_done)
/* The largest first; leaves only keys with @filter in them, in any case; empty: all. */
void zw_top_model_arrange(struct zw_top_model *model, enum zw_top_sort sort, const char *filter);

/* --- top_text.c: as lines ------------------------------------------------------------------------------- */

/* Three lines: rates, totals, the last minute as a line of columns. @utf8: what the terminal shows. */
void zw_top_head(struct zw_str *s, const struct zw_top_model *model, bool utf8);
/* A line of what the columns are, then one for each row, @max at most. */
void zw_top_table(
	struct zw_str *s, const struct zw_top_model *model, enum zw_traffic_by by, size_t max);

/* --- top_screen.c: live --------------------------------------------------------------------------------- */

struct zw_top_view {
	enum zw_traffic_by by;
	enum zw_top_sort sort;
	char filter[64];
	uint64_t interval_ns, until_ns; /* CLOCK_BOOTTIME; 0: until it is left */
};

/* Until it is left. Exit code. */
int zw_top_screen(struct zw_top_source *source, struct zw_top_view *view);
