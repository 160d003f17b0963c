/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/: zones that the agent follows, what is read of them, and what the history has of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "engine/correlate.h"
#include "engine/explain.h"
#include "engine/report.h"
#include "server/server.h"
#include "server/source.h"
#include "sink/history_writer.h"
#include "zone/replay.h"
#include "zone/snapshot.h"

struct zw_agent;
struct zw_agent_begun; /* cli/agent_late.c */
struct zw_agent_server;
struct zw_agent_source; /* cli/agent_source.h */
struct zw_served_zone;

enum zw_agent_file_kind {
	ZW_AGENT_FILE_MAIN = 0,
	ZW_AGENT_FILE_JOURNAL,  /* BIND's; most zones have none */
	ZW_AGENT_FILE_INCLUDED, /* found by reading the main one */
	/* What a server keeps all its zones in: watched for the server, see served.h, not for each zone. Its digest
	 * is that of what the server says of the zone. */
	ZW_AGENT_FILE_SHARED,
	/* No file: what stands for a zone that its server alone can say anything about. The path is where all its zones
	 * are, or that of its configuration; the digest as above. */
	ZW_AGENT_FILE_TOKEN,
};

/* One file of a zone as it was last read. */
struct zw_agent_file {
	char *path;
	enum zw_agent_file_kind kind;
	struct zw_walk walk; /* fd is closed */
	bool present;
	uint64_t size_bytes;
	uint64_t mtime_ns, ctime_ns; /* CLOCK_REALTIME */
	uint32_t uid, gid, mode, generation;
	int32_t writers, maps;
	bool overlay;    /* what holds its pages is another inode, the one its walk ends at */
	uint64_t digest; /* of the bytes */
	/* of a file that grows: what its digest is made of, up to where it will not change */
	uint64_t fold;
	uint64_t folded_bytes;
};
typedef ZW_VEC(struct zw_agent_file) zw_agent_files;

/* Nothing is read from it for a zone, and it is watched for the server if at all. */
static inline bool zw_agent_file_is_the_servers(const struct zw_agent_file *f)
{
	return f->kind == ZW_AGENT_FILE_SHARED || f->kind == ZW_AGENT_FILE_TOKEN;
}

/* The directory part of zone paths: zones of one directory share what its path depends on. */
struct zw_agent_chain;

enum zw_zone_state {
	ZW_ZONE_NEW = 0,
	ZW_ZONE_GOOD,
	ZW_ZONE_BAD, /* reported as unreadable; the last good snapshot stays */
};

struct zw_agent_zone {
	char *name; /* presentation form with the final dot */
	char *view;
	uint64_t number; /* no other zone ever had it */
	struct zw_agent_server *server;
	struct zw_agent_chain *chain;
	const struct zw_agent_source *source;
	struct zw_served_zone *served; /* what its server says of it; NULL: that is not asked */
	char *journal;                 /* path; NULL: there cannot be one */
	bool journal_beside;           /* it would be in the directory of the chain */
	struct zw_agent_zone
		*pair;  /* of inline signing: the zone before it is signed, or after; NULL: none */
	bool is_signed; /* it is the one after */
	bool counted;   /* queries for its names are counted for it */
	bool is_dumped; /* nobody but BIND has a reason to write the file */
	bool is_copy; /* the file is what the server writes of what it has: counts when it cannot be asked */
	ZW_VEC(struct zw_inode_key) sites; /* inodes it depends on beyond its chain */
	bool unindexed;                    /* some of them could not be watched: try again */
	uint8_t origin[256];               /* wire form */
	bool seen;                         /* by the discovery that is running */
	zw_agent_files files;              /* [0] is the main one */
	struct zw_snapshot *good;
	struct zw_journal_position
		journal_at;        /* where in the journal @good is; offset 0: nowhere */
	zw_agent_files good_files; /* as they were when @good was read */
	uint64_t good_ns;          /* CLOCK_BOOTTIME: when reading @good began */
	uint64_t good_end_ns;      /* and ended */
	uint64_t read_ns;          /* the same of @files, good or not */
	uint64_t stored_ns;  /* CLOCK_REALTIME: of the stored state it was compared with; 0: none */
	uint64_t watched_ns; /* CLOCK_REALTIME: until when it was watched before; 0: not known */
	uint64_t
		begun_ns; /* CLOCK_BOOTTIME: when it was first read; 0: or compared with a stored state */
	struct zw_agent_begun *begun; /* that state; NULL: it is @good, or not needed */
	uint64_t good_drops;          /* events lost until then */
	enum zw_zone_state state;
	uint64_t bad_digest; /* of what was reported as unreadable */
	bool cut;            /* not all that the last look read was told of */
	bool early;          /* an operation on names may not be done yet, see zw_hook_is_early() */
	bool wants_entry; /* a file of it is missing, or covered by what comes: entries of its directory matter */
	size_t wanting_slot; /* then its place among those of its chain */
	/* states before @good that its server may still answer from, the last one last; see agent_answers.c */
	ZW_VEC(struct zw_snapshot *) past;
	uint64_t past_ns; /* CLOCK_BOOTTIME: when the last of them was left */
	bool past_over;   /* the server was seen to answer from a later one */
	struct zw_snapshot
		*told; /* what the events since then made of @good; NULL: none was told */
	bool unsaved;  /* the history may not have @good, nor what led to it */
	/* holders seen while the file was mapped, for a store that no hook can see */
	ZW_VEC(struct zw_correlate_holder) mappers;
	/* when it is to be looked at */
	uint64_t due_ns;    /* CLOCK_BOOTTIME; 0: not due */
	uint64_t first_ns;  /* first event since the last look; 0: none */
	uint64_t last_ns;   /* last event since the last look */
	uint64_t bad_ns;    /* first look that found it unreadable, and waits for better; 0: none */
	unsigned int tries; /* looks since first_ns that found nothing */
	unsigned int postponed; /* looks that found a difference nobody was seen making */
	bool digest_wanted;     /* equal times and size are not enough this time */
	unsigned int failures;  /* looks in a row that failed for want of memory or the like */
	bool failure_told;      /* the first of them was reported */
};

/* agent_zones.c */

int zw_agent_zone_new(struct zw_agent *a, struct zw_agent_server *server,
	const struct zw_server_zone *listed, struct zw_agent_zone **ret_zone);
/* Where it is, for people to find it: its file, or what stands for one. */
const char *zw_agent_zone_path(
	const struct zw_agent_server *server, const struct zw_server_zone *listed);
/* What may be different of a zone that was listed before: its journal. 0 or -ENOMEM. */
int zw_agent_zone_relist(
	struct zw_agent *a, struct zw_agent_zone *z, const struct zw_server_zone *listed);
void zw_agent_zone_free(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_forget_mappers(struct zw_agent_zone *z);

/* agent_zone.c: from a reading to a report */

/* One look at a zone: reads it and reports what changed. */
void zw_agent_look(struct zw_agent *a, struct zw_agent_zone *z);
/* Watches the files of a zone that is looked at later. 0, -ENOMEM, -E2BIG. */
int zw_agent_watch(struct zw_agent *a, struct zw_agent_zone *z);
/* The first look, at the start or when the zone appears: against the stored state if there is one. */
int zw_agent_first_look(struct zw_agent *a, struct zw_agent_zone *z);

/* agent_failure.c: looks that failed with -errno, as opposed to zones that cannot be read */

void zw_agent_look_failed(struct zw_agent *a, struct zw_agent_zone *z, int error);
void zw_agent_look_succeeded(struct zw_agent_zone *z);

/* agent_signed.c: zones that BIND signs inline, which are two */

/* Makes a pair of @z, which is the signed one, and the zone it is made of. */
void zw_agent_pair(struct zw_agent_zone *z, struct zw_agent_zone *unsigned_zone);
/* Takes out of the difference of a signed zone what it only took over from the unsigned one, whose change it was. False:
 * some of it is not there, or not yet, so @z will be looked at again. */
bool zw_agent_leave_signing(struct zw_agent *a, struct zw_agent_zone *z, struct zw_diff *diff);
/* The same once and for all, with what the unsigned one was. */
void zw_agent_keep_signing(struct zw_diff *diff, const struct zw_snapshot *from);

/* agent_history.c */

/* Opens the history that @conf names. With @need a failure is one, else it is logged and tried again. */
int zw_agent_history_open(
	const struct zw_conf *conf, bool need, struct zw_writer **ret_writer, struct zw_str *error);
/* How the history names the server of @z; the caller frees it. NULL: no memory. */
char *zw_agent_history_server(const struct zw_agent_zone *z);
/* What is stored of @z, since when it is so, and until when the zone was watched before, 0: not known; both CLOCK_REALTIME.
 * -ENOENT when nothing is, -ENOMEM, -EUCLEAN, -EIO, ... */
int zw_agent_history_load(struct zw_agent *a, const struct zw_agent_zone *z,
	struct zw_snapshot **ret_stored, uint64_t *ret_time_ns, uint64_t *ret_watched_ns);
/* The zone goes while the agent stays. */
void zw_agent_history_leave(struct zw_agent *a, const struct zw_agent_zone *z);
/* Before they are told: @first and those of @explained are what became of @z->good until @after, of whose @changes they
 * may not have all, or in steps. */
void zw_agent_history_told(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_report *first, const struct zw_explained *explained,
	struct zw_snapshot *after, size_t changes);
/* Those of @explained from @from on are not told now after all: *ret_state is what the zone was before them, made of @after,
 * and is what was told. 0 or -ENOMEM. */
int zw_agent_history_cut(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_explained *explained, size_t from, struct zw_snapshot *after,
	struct zw_snapshot **ret_state);
/* Stores an event, before it is told elsewhere. */
void zw_agent_history_event(struct zw_agent *a, const struct zw_report *report);
/* @z, which was @z->good, is @after now, whatever was told of it. */
void zw_agent_history_state(struct zw_agent *a, struct zw_agent_zone *z, struct zw_snapshot *after);
/* Tells what could not be told before, and reports what was lost; now and then. */
void zw_agent_history_tick(struct zw_agent *a);
/* Returns when all is stored, or when that takes too long. */
void zw_agent_history_flush(struct zw_agent *a);

/* agent_late.c: a history that was not there when the agent began */

/* @z->good is about to be another: keeps it, if it is where the agent began. */
void zw_agent_late_keep(struct zw_agent_zone *z);
void zw_agent_late_forget(struct zw_agent_zone *z);
/* Tells what zones had become, of what is stored, until the agent began, when there is a history to say so now. */
void zw_agent_late(struct zw_agent *a);
