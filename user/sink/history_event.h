/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the history stores of an event, apart from the report it was made of, and that as bytes: on the way to the
 * thread that stores it, and in the file that keeps it until it is stored (sink/history_pending.h). */
#pragma once

#include "engine/report.h"
#include "sink/history.h"

/* Whoever had a part in it. Texts are NULL, and numbers -1, where there is none. */
struct zw_history_actor {
	const char *role, *user, *login, *exe, *tsig_key, *peer, *origin, *command;
	int64_t uid, euid, login_uid, pid;
};

/* That a rule found something. */
struct zw_history_finding {
	const char *rule;
	unsigned int severity;
};

struct zw_history_event {
	struct zw_history_zone zone; /* its texts are NULL for an event of no zone */
	const char *id;
	uint64_t time_ns;
	const char *action, *channel, *attribution, *verdict; /* the last three may be NULL */
	unsigned int severity;
	bool escalate;
	bool has_serial_before, has_serial_after;
	uint32_t serial_before, serial_after;
	const char *json; /* without a newline at its end */
	size_t json_len;
	const uint8_t *delta; /* NULL: no records changed */
	size_t delta_len;
	struct zw_history_actor *actor; /* owned */
	size_t actors;
	struct zw_history_finding *finding; /* owned */
	size_t findings;
};

/* Appends the bytes to @out. @zone may be NULL. 0, -ENOMEM, -EINVAL for a difference that is none of a zone. */
int zw_history_event_encode(const struct zw_history_zone *zone, const struct zw_report *report,
	const char *json, size_t len, struct zw_str *out);
/* All that *ret_event points to lies in @data, but for @actor and @finding. 0, -EBADMSG, -ENOMEM. */
int zw_history_event_decode(const void *data, size_t len, struct zw_history_event *ret_event);
void zw_history_event_done(struct zw_history_event *event);
#define _zw_history_event_ _zw_cleanup_(zw_history_event_done)

/* Stores it with its index rows. @ret_seq may be NULL. -EEXIST when an event of that id is there, after which nothing
 * has changed; else as zw_history_put_event(). */
int zw_history_store_event(
	struct zw_history *history, const struct zw_history_event *event, int64_t *ret_seq);

/* Where the state of a zone is not known none of these three does anything but the last. */

/* The delta of the event that was stored as @seq makes the next state of its zone. */
int zw_history_patch_event(
	struct zw_history *history, const struct zw_history_event *event, int64_t seq);
/* So does this one, which is no event's. */
int zw_history_patch(struct zw_history *history, const struct zw_history_zone *zone,
	const void *delta, size_t len, uint64_t time_ns);
/* All that led to @snapshot was stored: writes it anew when it is time for that. */
int zw_history_settle(struct zw_history *history, const struct zw_history_zone *zone,
	const struct zw_snapshot *snapshot, uint64_t time_ns);
