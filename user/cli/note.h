/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `ack` and `expect` ask for, and how it is carried out: by the running agent for whoever connects to its socket,
 * or by the command itself where no agent runs. */
#pragma once

#include <jansson.h>

#include "actor/actor.h"
#include "base/ulid.h"
#include "sink/history_ack.h"
#include "sink/sink.h"

enum zw_note_kind {
	ZW_NOTE_ACKNOWLEDGE = 0,
	ZW_NOTE_EXPECT,
	ZW_NOTE_WITHDRAW,
	ZW_NOTE_LIST,
	_ZW_NOTE_MAX,
};

/* Longest ticket, reason or name, in octets. */
#define ZW_NOTE_TEXT_MAX 1000
/* Events that one request may acknowledge. */
#define ZW_NOTE_IDS_MAX 1000
/* Longest request on the socket. */
#define ZW_NOTE_BYTES_MAX 65536
/* Nobody announces more than a month: who may always change a zone is an admin of it. */
#define ZW_NOTE_WINDOW_MAX_NS (31ULL * 24 * 3600 * 1000000000)

struct zw_note {
	enum zw_note_kind kind;
	ZW_VEC(char *) ids;                /* acknowledge: beginnings are enough */
	char *by, *ticket, *reason;        /* NULL: not given */
	struct zw_expectation expectation; /* expect; withdraw: its id */
	bool all;                          /* list: also those that are over */
};
void zw_note_done(struct zw_note *note);
#define _zw_note_ _zw_cleanup_(zw_note_done)

/* Brings zone and key into the form they are kept in and looks at everything. 0; -EINVAL with a sentence in @error;
 * -ENOMEM. */
int zw_note_check(struct zw_note *note, uint64_t now_ns, struct zw_str *error);

/* As it goes over the socket. NULL: no memory. */
json_t *zw_note_to_json(const struct zw_note *note);
/* From anybody who may connect; zw_note_check() comes next. As that one. */
int zw_note_from_json(const char *text, size_t len, struct zw_note *ret_note, struct zw_str *error);

/* Who carries it out, and for whom. */
struct zw_note_context {
	struct zw_history *history;
	struct zw_actor *who; /* ran the command */
	const struct zw_sink_host *host;
	struct zw_ulid_state *ulid;
	uint64_t now_ns;
	uint64_t sequence; /* of the last event; counted on */
};

struct zw_note_outcome {
	json_t *answer;                     /* for the command: owned */
	ZW_VEC(struct zw_report *) reports; /* stored already, to be delivered; owned */
};
void zw_note_outcome_done(struct zw_note_outcome *outcome);
#define _zw_note_outcome_ _zw_cleanup_(zw_note_outcome_done)

/* All of it in one transaction. 0; -EINVAL, -ENOENT, ... with a sentence in @error and nothing done; -ENOMEM. The answer:
 *	{"acknowledged": [{"id", "zone", "event"}]}
 *	{"expected": {...}}, {"withdrawn": {...}}, {"expectations": [{...}]}
 * where each is {"expectation", "user", "tsig_key", "zone", "from", "until", "ticket", "by", "announced", "used"}. */
int zw_note_carry_out(struct zw_note_context *context, const struct zw_note *note,
	struct zw_note_outcome *ret_outcome, struct zw_str *error);
