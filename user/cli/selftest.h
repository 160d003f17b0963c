/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One way of cli/ways.h, done by a child to a scratch zone while the hooks watch it as they do for the agent. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "cli/ways.h"
#include "probe/probe.h"

enum zw_selftest_outcome {
	ZW_SELFTEST_SEEN = 0,   /* a hook saw it and named the process that did it */
	ZW_SELFTEST_WRONG,      /* hooks saw it, but named other processes only */
	ZW_SELFTEST_MISSED,     /* no hook saw it */
	ZW_SELFTEST_IMPOSSIBLE, /* this kernel or file system does not have the way */
	ZW_SELFTEST_FAILED,     /* the way did not do what it should, so nothing is proven */
	_ZW_SELFTEST_OUTCOME_MAX,
};
const char *zw_selftest_outcome_to_string(enum zw_selftest_outcome outcome);

/* What one hook said about one process. */
struct zw_selftest_sight {
	enum zw_hook hook;
	enum zw_fop op; /* the first it saw; NONE for the iterators */
	uint32_t pid;
	unsigned int count;
};

struct zw_selftest_result {
	const struct zw_way *way;
	enum zw_selftest_outcome outcome;
	pid_t pid; /* of the process that wrote; 0 when none did */
	ZW_VEC(struct zw_selftest_sight) sights;
	char reason[160]; /* of impossible and failed; else empty */
	bool absent;      /* impossible because the kernel says that it has no such operation */
};

/* Does @way below @dir, which must be empty and nobody else's. @signal_fd: a signalfd whose becoming readable
 * ends it with -EINTR. 0 when there is a result, free it with zw_selftest_result_done(); -errno when the hooks
 * cannot be used. */
int zw_selftest_way(struct zw_probe *probe, const char *dir, const struct zw_way *way,
	int signal_fd, struct zw_selftest_result *ret_result);
void zw_selftest_result_done(struct zw_selftest_result *result);
#define _zw_selftest_result_ _zw_cleanup_(zw_selftest_result_done)
