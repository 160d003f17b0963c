/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests times differences: who is behind a change that a server made itself. Comes after zw_correlate(), which
 * says who wrote the files, and is as pure: everything it needs comes in.
 *
 * Requests are joined with a difference by content. What an accepted update, a control command or an API call asks
 * for is applied to the state before; where that gives the state after, but for the serial and what signing
 * maintains, the request is the cause. The difference is taken apart by RRset:
 *
 *	one request explains an RRset		certain, whatever else happened at the same time
 *	several, one after the other		each gets what it made of it; whose work nothing is left of is listed
 *						beside the one who overwrote it
 *	several, in an order that matters	ambiguous, all listed
 *	  and is not known
 *	none					left over: explained by a transfer of the zone, by whoever else wrote
 *						the files or the database, by a command whose effect is not known; by
 *						nobody, with the server and encrypted connections as evidence
 *	only signatures				the server's own work
 *
 * So one difference gives one report or several, which together are the whole difference and no more. */
#pragma once

#include "base/hash.h"
#include "engine/refusals.h"
#include "engine/report.h"
#include "engine/request.h"
#include "engine/trail.h"

/* A secondary answers from what was transferred at once, and writes a zone file in its own time. A transfer so long ago
 * can still be what a file shows now, if it ended with that very serial. */
#define ZW_EXPLAIN_TRANSFER_NS 60000000000ULL

/* Another server of this host that has the same zone: what came from there was a change there. */
struct zw_explain_sibling {
	uint32_t server_pid;
	bool asked; /* somebody who was not seen sent the zone from where this one serves */
	struct zw_snapshot *snapshot;
	uint64_t number; /* of the zone there, in the trail */
};

struct zw_explain_input {
	const struct zw_request_book *book;
	const struct zw_hash_key *key;
	const uint8_t *origin; /* of the zone, wire form, lower case */
	/* The states from the one before to the one after, both included, where the server keeps them one by one: whole, or
	 * cut down to the names that changed (zone/part.h). Not used when they are not the whole difference. */
	struct zw_snapshot *const *step;
	size_t steps;
	/* CLOCK_BOOTTIME: when the reading before began and ended, and the one now. */
	uint64_t from_ns, from_end_ns, to_ns, to_end_ns;
	/* What is read may be so much older than what the server answers from. */
	uint64_t lag_ns;
	int64_t real_offset_ns; /* zw_boot_to_real_offset_ns() */
	uint32_t server_pid;
	uint64_t server_exe_dev, server_exe_ino;
	bool server_forks;             /* its other processes are known by the executable only */
	struct zw_actor *server_actor; /* borrowed; NULL: not known */
	bool seen;                     /* requests to this server are seen, as far as they can be */
	bool served;                   /* the states come from the server itself, not from files */
	bool database;                 /* the files are a database that others may write to */
	uint64_t lost;                 /* packets and commands lost in the window */
	const struct zw_explain_sibling *sibling;
	size_t siblings;
	const struct zw_trail *trail; /* what these were lately; NULL: not known */
	/* Asked now and then: once it says true, what is not explained by then is told of as nobody's, with that reason.
	 * NULL: there is time. */
	bool (*hurried)(void *ctx);
	void *hurried_ctx;
};

typedef ZW_VEC(struct zw_report *) zw_reports;

struct zw_explained {
	zw_reports more; /* further changes, oldest first; without id and sequence */
	bool unsettled; /* an answer is still to come, or nobody was seen: look again if there is time */
	bool relayed; /* a copy of a change of another server of this host: no change of its own */
	uint64_t tried; /* requests that were tried on single steps: what these have cost */
};

void zw_explained_done(struct zw_explained *e);
#define _zw_explained_ _zw_cleanup_(zw_explained_done)

/* Takes @report, whose diff is the whole difference and which zw_correlate() filled, and makes it the first of the
 * changes; the others come in @ret. 0 or -ENOMEM: @report is then as it was, or may only be freed. */
int zw_explain(
	const struct zw_explain_input *in, struct zw_report *report, struct zw_explained *ret);

/* A zone that came or went between from_ns and to_ns of @in: fills channel, attribution and causes of @report with who told
 * the server so; nothing when that was not seen. 0 or -ENOMEM. */
int zw_explain_zone(const struct zw_explain_input *in, struct zw_report *report);

/* An update that was not accepted: fills channel, attribution, causes, request, severity and time_ns of @report from
 * the request. 0 or -ENOMEM. */
int zw_explain_refusal(
	const struct zw_request *request, int64_t real_offset_ns, struct zw_report *report);

/* The same of many of one client, or of several, that are told together. */
int zw_explain_refusals(
	const struct zw_refusals_sum *sum, int64_t real_offset_ns, struct zw_report *report);
