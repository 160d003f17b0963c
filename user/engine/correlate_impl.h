/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the correlate*.c files only. */
#pragma once

#include "base/clock.h"
#include "base/hash.h"
#include "engine/correlate.h"

/* What one process was seen doing to the files of the zone in the window. */
struct suspect {
	struct zw_actor *actor; /* borrowed */
	uint32_t evidence;      /* enum zw_evidence */
	uint64_t first_ns, last_ns;
	enum zw_role role;
	bool decided; /* it made, or may have made, the difference */
	bool exact;   /* it was seen making it, not merely near it */
	bool touched; /* may have done more than was seen of it: leaves a doubt */
	bool wrote;   /* wrote what is in the file now, if only beforehand */
};

struct suspects {
	ZW_VEC(struct suspect) list;
	struct zw_map *by_process;
	bool gap;       /* what was there before the last of them is nobody's */
	bool unwatched; /* the file was touched, or removed, where nobody was watched yet */
	bool gone;      /* somebody who wrote was gone when it was last seen as it was */
	bool only_gone; /* and nobody else is known */
};

/* correlate_suspects.c; NULL and -ENOMEM mean that memory is out */

/* The suspect @actor is, a new one if need be. Valid until the next call. */
struct suspect *zw_suspect_of(struct suspects *s, struct zw_actor *actor);
/* The same for the actor of @c, which counts as seen of it. */
struct suspect *zw_suspect_note(struct suspects *s, const struct zw_cause *c);
/* Adds what is known of one file's suspects to those of the zone. */
int zw_suspects_merge(struct suspects *to, const struct suspects *from);
void zw_suspects_done(struct suspects *s);
#define _zw_suspects_ _zw_cleanup_(zw_suspects_done)

/* How late an action may be that @c stands for. */
static inline uint64_t zw_cause_slack_ns(const struct zw_cause *c)
{
	return c->op == ZW_FOP_WRITE || c->op == ZW_FOP_ATTR || c->op == ZW_FOP_DIRENT
		       ? ZW_COALESCE_NS
		       : 0;
}

static inline bool zw_in_window(const struct zw_correlate_input *in,
	const struct zw_correlate_file *f, const struct zw_cause *c)
{
	return c->time_ns + zw_cause_slack_ns(c) >= f->from_ns &&
	       c->time_ns <= (f->shown_ns ? f->shown_ns : in->to_ns);
}

/* How far the change time may be behind the event that moved it: a tick of the coarse clock, 10 ms at most, and the
 * time the task was without a processor in between. */
#define ZW_CTIME_SLACK_NS (50 * ZW_NSEC_PER_MSEC)

/* What moves the change time leaves it at its own moment. An older one had moved before: this event is of a reader,
 * whose access time dirties the inode too, and the one who moved it was not seen. */
static inline bool zw_moved_ctime(const struct zw_correlate_input *in, const struct zw_cause *c)
{
	return c->ctime_ns + ZW_CTIME_SLACK_NS >=
	       (uint64_t)((int64_t)c->time_ns + in->real_offset_ns);
}

static inline bool zw_same_generation(uint32_t a, uint32_t b)
{
	return !a || !b || a == b;
}

static inline const struct zw_place *zw_file_place(const struct zw_reading *r)
{
	return r->present && r->places ? &r->place[r->places - 1] : NULL;
}

/* Whether @c is about the inode that was the file at @r. */
static inline bool zw_cause_of_file(const struct zw_cause *c, const struct zw_reading *r)
{
	const struct zw_place *p = zw_file_place(r);

	return p && c->dev == p->dev && c->ino == p->ino &&
	       zw_same_generation(c->generation, r->generation);
}

/* Both fill @s, which is empty. correlate_write.c: the same inode, other content */
int zw_correlate_written(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, struct suspects *s);
/* correlate_name.c: another inode */
int zw_correlate_replaced(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, struct suspects *s);
