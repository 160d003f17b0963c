/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The book of causes: what was seen happening to inodes that matter, and who did it, kept until it can no
 * longer explain a difference. Pure bookkeeping; times come in with the events. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "base/vec.h"
#include "event/event.h"

/* One event, reduced to what correlation asks about. */
struct zw_cause {
	unsigned int refs;
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	enum zw_fop op;
	enum zw_hook hook;
	uint64_t dev, ino, dir_ino, old_dir_ino, ino2; /* as in struct zw_wire_file */
	uint64_t size_bytes, ctime_ns;
	uint32_t nlink, generation, mode, owner_uid;
	bool arrived; /* since then what is done in the directory that it moved is seen: ZW_WATCH_ARRIVED */
	bool blind;             /* what had the name before is not known: ZW_WATCH_BLIND */
	char *name;             /* NULL when the hook gave none */
	struct zw_actor *actor; /* owned reference */
};

struct zw_cause_book;

int zw_cause_book_new(struct zw_cause_book **ret_book);
void zw_cause_book_free(struct zw_cause_book *book);
ZW_DEFINE_CLEANUP(struct zw_cause_book *, zw_cause_book_free);
#define _zw_cause_book_free_ _zw_cleanup_(zw_cause_book_freep)

/* Enters a FILE event by every inode it names. 0 or -ENOMEM: the event is then counted as lost. */
int zw_cause_book_add(
	struct zw_cause_book *book, const struct zw_event *event, struct zw_actor *actor);

/* Inode (0, 0) stands for the mount table. */
typedef ZW_VEC(struct zw_cause *) zw_causes;
/* What is known of an inode, oldest first; NULL when nothing. Valid until the next add or expire. */
const zw_causes *zw_cause_book_of(const struct zw_cause_book *book, uint64_t dev, uint64_t ino);

/* Forgets what is older than @before_ns. */
void zw_cause_book_expire(struct zw_cause_book *book, uint64_t before_ns);

/* Beyond this many causes the oldest go first; a machine under attack must not eat all memory. */
#define ZW_CAUSES_MAX 65536
/* What is older than this may be incomplete, since something had to be forgotten early; 0: nothing was. */
uint64_t zw_cause_book_incomplete_until(const struct zw_cause_book *book);
size_t zw_cause_book_len(const struct zw_cause_book *book);
