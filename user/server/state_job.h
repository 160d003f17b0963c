/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readers of server state in a process of their own: whatever the server does, or the bytes it left do to a library, the
 * caller neither waits nor falls, and gets records or an error by a deadline.
 *
 * The process is this program again, with one hidden argument: a plain fork would copy page tables of hundreds of
 * megabytes, and go on with whatever locks other threads held. It works in the root of the server (and in its
 * network namespace), as the user that owns the socket or database, so that paths mean what they mean to the server and
 * nothing is reached that the server could not reach itself. */
#pragma once

#include "base/hash.h"
#include "base/str.h"
#include "server/server.h"
#include "server/source.h"
#include "server/state.h"

enum zw_state_kind {
	ZW_STATE_KNOT = 0, /* state_knot.h */
	ZW_STATE_PDNS,     /* state_pdns.h */
	ZW_STATE_AXFR,     /* state_axfr.h */
	_ZW_STATE_KIND_MAX,
};

/* How a server is asked. */
struct zw_state_target {
	enum zw_state_kind kind;
	/* Control socket or database, absolute in the server's own root; ZW_STATE_AXFR: where it listens */
	char *path;
	uint32_t default_ttl; /* ZW_STATE_PDNS */
	zw_paths watch;       /* files, the same way, of which one changes whenever a zone does */
	const char *
		allow; /* ZW_STATE_AXFR: the setting of the server that would let us have a zone; static */
};
void zw_state_target_done(struct zw_state_target *target);

/* How @server is asked; -ENOTSUP when its zones are in files alone. On other failures @error says what to do. */
int zw_state_target_find(const struct zw_server *server, const char *proc_root,
	struct zw_state_target *ret_target, struct zw_str *error);

struct zw_state_request {
	const struct zw_state_target *target;
	const struct zw_server
		*server; /* named in messages; NULL: whoever passes them on does that */
	int root_fd;     /* of the server, O_PATH */
	int netns_fd;    /* ZW_STATE_AXFR: its network namespace; -1: ours */
	const struct zw_hash_key *key; /* of marks */
	const struct zw_state_ask *asks;
	size_t n;
	bool list; /* the names of its zones instead, where the target knows them: ZW_STATE_PDNS */
	uint64_t timeout_ms;
};

struct zw_state_job;

/* 0, or -errno when there is no process to be had. */
int zw_state_job_start(const struct zw_state_request *request, struct zw_state_job **ret_job);
/* Ends the process if need be. */
void zw_state_job_free(struct zw_state_job *job);
ZW_DEFINE_CLEANUP(struct zw_state_job *, zw_state_job_free);
#define _zw_state_job_ _zw_cleanup_(zw_state_job_freep)

/* Readable when there is something to take. */
int zw_state_job_fd(const struct zw_state_job *job);
pid_t zw_state_job_pid(const struct zw_state_job *job);
/* CLOCK_BOOTTIME: nothing it says is older. */
uint64_t zw_state_job_begin_ns(const struct zw_state_job *job);
uint64_t zw_state_job_deadline_ns(const struct zw_state_job *job);

/* What the job says, as the readers say it; for a list, each zone. */
struct zw_state_listener {
	struct zw_state_sink sink;
	int (*zone)(void *ctx, const char *name, bool secondary); /* may be NULL */
};

/* Takes what has come, without waiting, but no more than some milliseconds' worth of it. 1: that was all, and the
 * reader succeeded; 0: more will come; -errno: it failed, *ret_error says with which server and what to do; or what a
 * callback returned. After other than 0 the job can only be freed. */
int zw_state_job_pump(struct zw_state_job *job, const struct zw_state_listener *listener,
	struct zw_zone_error *ret_error);
/* The same up to the end, waiting. 0 or -errno. */
int zw_state_job_wait(struct zw_state_job *job, const struct zw_state_listener *listener,
	struct zw_zone_error *ret_error);

/* The first argument of the program that makes it such a process. */
#define ZW_STATE_COMMAND "--read-state"
/* All that process does; returns its exit status. */
int zw_state_child(void);
