/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/: what the state of a zone is read from, files, journals and servers, and how. */
#pragma once

#include "cli/agent.h"

/* agent_files.c: single files of a zone */

/* Walks to @path, opens it and appends it to @files; a file that cannot be opened is a result, not a failure. 0 or
 * -ENOMEM. */
int zw_agent_file_open(struct zw_agent *a, const struct zw_agent_zone *z, const char *path,
	enum zw_agent_file_kind kind, zw_agent_files *files);
/* Size, times, owner and mode of an open file. 0 or -errno. */
int zw_agent_file_stat(struct zw_agent_file *f);
/* agent_report.c: as a side of a difference, and as the evidence of a report about @path. 0 or -ENOMEM. */
struct zw_reading zw_agent_file_reading(const struct zw_agent_file *f);
int zw_agent_file_report(const struct zw_agent_file *f, const char *path, struct zw_report *report);
/* The whole content of an open file, and its digest. *busy is set when it changed meanwhile. 0, -ENOMEM or what
 * reading failed with. */
int zw_agent_file_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_file *f,
	struct zw_buffer *content, bool *busy);
/* The same for a file that grows: @stable tells how much of it will stay as it is, but for its first 64 KiB. With @old,
 * an earlier reading, what was stable then is neither read again, so that it is undefined in @content, nor hashed. */
int zw_agent_file_read_on(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_file *f,
	const struct zw_agent_file *old, size_t (*stable)(const struct zw_buffer *content),
	struct zw_buffer *content, bool *busy);
/* By inode, size and times, as long as those tell: nobody wrote to it or put another file there. */
bool zw_agent_file_untouched(const struct zw_agent_file *old, const struct zw_agent_file *now);
/* NULL when there is none of this path. */
struct zw_agent_file *zw_agent_file_find(const zw_agent_files *files, const char *path);
/* Whether one of the open files changed since it was opened: together they are no one state. */
bool zw_agent_files_moved(const zw_agent_files *files);
void zw_agent_files_close(zw_agent_files *files);
void zw_agent_files_done(zw_agent_files *files);
#define _zw_files_ _zw_cleanup_(zw_agent_files_done)
int zw_agent_files_copy(const zw_agent_files *from, zw_agent_files *ret_to);

/* agent_read.c: the state of a zone */

struct zw_agent_reading {
	zw_agent_files files;
	bool quiet; /* what differs was reported already, but for what the server adds by itself */
	bool busy;  /* it changed while it was read: look again */
	bool torn; /* the same, but it does so without end: what was read may never have been there */
	bool cut;                     /* told of up to @snapshot, which is not all that was read */
	bool same;                    /* nothing about it changed, it was not parsed */
	struct zw_snapshot *snapshot; /* NULL: unreadable */
	struct zw_journal_position journal_at; /* of @snapshot */
	struct zw_zone_error error;
	char *error_file;          /* path of the file the error is in */
	uint64_t begin_ns, end_ns; /* CLOCK_BOOTTIME */
};

/* agent_zone.c: reports @diff, which @r made of @z->good, and takes it. 1: not yet, the zone will be looked at again; 0 or
 * -errno. */
int zw_agent_report_change(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r,
	struct zw_diff **diff);

/* agent_stop.c: when there is no time to tell of each change, what was told of, all before @from of @explained, becomes the
 * state that the last look compares with, which tells of the rest at once. True: so it is. */
bool zw_agent_leave_rest(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r,
	const struct zw_explained *explained, size_t from);

/* What a server keeps the state of a zone in, and how it is read from there. Both functions fail with -ENOMEM only,
 * or with what zw_agent_drain() fails with: what is wrong with the zone itself is a result. */
struct zw_agent_source {
	const char *name;
	bool served;     /* it is the server that says what the state is, not its files */
	bool database;   /* the files are a database, which others than the server may write to */
	uint64_t lag_ns; /* the state may be so much older than what the server has answered */
	/* Fills r->files, the main one first, with every file that has to change for the state to change: walked,
	 * stat'ed, and open where their content counts. They are what is watched, what a reading is skipped for
	 * when all of them are as at the last one, and what a difference is explained by; their events, and their
	 * writers, are what a reading waits for. */
	int (*open)(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r);
	/* Reads the state from there. First everything is read, then zw_agent_catch_up() is called; when that sets
	 * r->busy the rest is for the next time. Then r->same is set, or r->snapshot, or r->error and
	 * r->error_file. The digest of each file is set to what changes when what it says of this zone does; a
	 * file that the state turns out to be in, too, may be appended to r->files. */
	int (*read)(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r);
	/* Whether the state changed though none of the files did. NULL: it never does. */
	bool (*changed)(const struct zw_agent *a, const struct zw_agent_zone *z);
};

/* source_server.c: a zone as its server has it, and a zone file as far as that is read by the server; a zone that its server
 * has in a database */
extern const struct zw_agent_source zw_source_server, zw_source_database;

/* source_file.c: a master file or BIND's raw format, with what it includes, and BIND's journal */
extern const struct zw_agent_source zw_source_file;

/* source_journal.c: the part of the journal. The first three return 0 or -ENOMEM. */

/* Opens it for r->files if it is there. */
int zw_agent_journal_open(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r);
/* Reads it into a->journal, with @goes_on only what is new; there is r->error when that failed. */
int zw_agent_journal_read(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r, bool goes_on);
/* Makes of r->snapshot, which is that of the zone file, what the journal makes of it, or r->error. */
int zw_agent_journal_apply(struct zw_agent *a, struct zw_agent_reading *r);
/* True when the journal went on from what @z is, so that the zone file need not be read. */
bool zw_agent_journal_goes_on(const struct zw_agent_zone *z, const struct zw_agent_reading *r);
/* In that case: r->snapshot from z->good. 0, -ENOMEM, or -EBADMSG: all must be read after all. */
int zw_agent_journal_go_on(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r);
/* Whether that is older than @z for want of the journal that @z was read with. */
bool zw_agent_journal_left(const struct zw_agent_zone *z, const struct zw_agent_reading *r);
/* Whether there is one by now that was not when r->files were opened. */
bool zw_agent_journal_came(const struct zw_agent_zone *z, const struct zw_agent_reading *r);

/* The journal of a zone that has none yet is known by its name, since it has no inode that could be watched: with
 * 100,000 zones in a directory not every entry made there is looked at by all. 0 or -ENOMEM. */
int zw_agent_journal_await(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_journal_forget(struct zw_agent *a, const struct zw_agent_zone *z);
/* @event is about an entry of the directory of @chain. */
void zw_agent_journal_mark(
	struct zw_agent *a, const struct zw_agent_chain *chain, const struct zw_event *event);

/* Reads @z anew. 0 or -ENOMEM; what is wrong with the zone is in *ret_reading. */
int zw_agent_read(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading);
/* Only finds its files, without reading them. 0 or -ENOMEM. */
int zw_agent_locate(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading);
/* For sources: takes all events that happened until now into the books, and sets r->busy when one of them concerns
 * the zone, so that what was read may be half of a change. */
int zw_agent_catch_up(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r);
void zw_agent_reading_done(struct zw_agent_reading *r);
/* Whether an included file is as it was when it was last read. */
bool zw_agent_include_untouched(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_file *old);
