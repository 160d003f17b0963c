/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Causes times differences: who made a zone's files differ between two readings, and how sure that is. Pure:
 * everything it needs comes in. */
#pragma once

#include "base/clock.h"
#include "engine/causes.h"
#include "engine/place.h"
#include "engine/remounts.h"
#include "engine/report.h"

/* So much later at most an operation is done than a hook before it tells of it. */
#define ZW_EARLY_MAX_NS (2 * ZW_NSEC_PER_SEC)

/* So much later at most, unless the task lost its processor in between, ZW_HOOK_TP_NOTIFY tells of an operation that is
 * done. */
#define ZW_LATE_MAX_NS ZW_NSEC_PER_MSEC

/* What a zone's file was at one reading. */
struct zw_reading {
	const struct zw_place *place; /* the whole walk; the last is the file when it is present */
	size_t places;
	bool present;
	uint64_t size_bytes;
	uint64_t ctime_ns, mtime_ns; /* CLOCK_REALTIME */
	uint32_t generation;         /* of the inode; 0: not known */
	uint32_t mode, owner_uid;
};

/* One file of the zone, at an earlier reading and now. */
struct zw_correlate_file {
	struct zw_reading before, after;
	uint64_t from_ns;  /* CLOCK_BOOTTIME: beginning of the earlier reading */
	uint64_t shown_ns; /* what was written later did not make it; 0: that of all files counts */
	/* What a process had written that ended sooner showed before, or never will; 0: not known. */
	uint64_t settled_ns;
	bool shared; /* with other zones, for which its size and times move, too: only writes count */
	bool attributes; /* what it holds is the same, and who owns it or may use it differs */
};

/* Somebody who has the file open for writing or mapped shared and writable now, or did between. */
struct zw_correlate_holder {
	struct zw_actor *actor; /* borrowed */
	bool mapped;
};

struct zw_correlate_input {
	const struct zw_cause_book *book;
	const struct zw_correlate_file *file; /* those that differ */
	size_t files;
	uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME: the earliest from_ns of the files, and now */
	int64_t real_offset_ns;  /* zw_boot_to_real_offset_ns() */
	const struct zw_correlate_holder *holder;
	size_t holders;
	/* When the process ended; 0: it did not, as far as is known. NULL: that is not known of any. */
	uint64_t (*gone_ns)(void *ctx, const struct zw_actor *actor);
	void *gone_ctx;
	const struct zw_remounts *remounts; /* of where the files are; NULL: not known */
	uint64_t
		unseen_ns; /* CLOCK_BOOTTIME: when a directory was last watched that may have changed unseen; 0: never */
	uint64_t lost;                           /* events lost in the kernel in the window */
	uint32_t server_pid;                     /* 0 without a server */
	uint64_t server_exe_dev, server_exe_ino; /* 0 without: children of the server count as it */
};

/* Fills cause, causes, attribution, has_principal, channel, time_ns and reasons of @report. How it decides:
 *
 *	same inode as before: whoever wrote to it in the window and was not gone when it was last seen as it was. An attribute change is a write when the size moved
 *	with it; when only the change time moved it leaves a doubt, since a store to a page that is dirty already
 *	looks like that, and counts when nobody else is known; so does whoever made a shared writable mapping. Reading
 *	moves neither and is nothing. Where only mode or owner differ, whoever changed these counts.
 *	other inode: whoever put it there, from the level of the path at which the two walks part: a mount, a
 *	directory, a link or the file. Without a hook that tells it by name, whoever left the marks of it;
 *	without marks, everybody who changed the directory. Several that put something there one after the other
 *	count all, and so do those who wrote what was replaced, or changed the file in a directory that was: the new
 *	content may be made from theirs. So do those who changed it in a directory that came, once that was there. Who wrote
 *	the new content beforehand is listed, and counts when it wrote after that was put there. What is done in a directory
 *	that has just come and is not looked at leaves a doubt.
 *	one process: certain, unless events were lost, another one wrote and was gone, somebody else has it mapped (stores to a page that is dirty
 *	already are invisible) or may have done more than was seen, it is a kernel thread, or only
 *	circumstantial evidence is left: probable.
 *	several: ambiguous, all listed. None: who holds it; else none.
 *
 * 0 or -ENOMEM. */
int zw_correlate(const struct zw_correlate_input *in, struct zw_report *report);
