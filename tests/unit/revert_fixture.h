/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change, what came after it, and the revert of it. */
#pragma once

#include "unit/zone_support.h"

#include "engine/revert.h"

struct fixture {
	struct zw_snapshot *before, *after, *present;
	struct zw_diff *change;
	struct zw_revert *revert;
	struct zw_revert_refusal refusal;
	int r;
};

static inline void end(struct fixture *f)
{
	zw_revert_free(f->revert);
	zw_revert_refusal_done(&f->refusal);
	zw_diff_free(f->change);
	zw_snapshot_unref(f->before);
	zw_snapshot_unref(f->after);
	zw_snapshot_unref(f->present);
}

static const struct zw_revert_heading heading = {.title = "title"};
