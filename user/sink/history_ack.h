/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people say of changes, in the history: acknowledgements, and changes that are expected. */
#pragma once

#include "engine/expect.h"
#include "sink/history.h"

/* An event, as far as one has to know it to say something of it. */
struct zw_history_found {
	int64_t seq;
	char id[ZW_ULID_LEN + 1];
	char *server, *view, *zone; /* NULL: of no zone */
};
void zw_history_found_done(struct zw_history_found *found);
#define _zw_history_found_ _zw_cleanup_(zw_history_found_done)

/* By the beginning of its id, in any case. -EINVAL: no id could begin so; -ENOENT; -ENOTUNIQ. */
int zw_history_find_event(
	struct zw_history *history, const char *prefix, struct zw_history_found *ret_found);
/* A zone of that name in presentation form; the first where there are several. -ENOENT. */
int zw_history_find_zone_named(
	struct zw_history *history, const char *name, struct zw_history_found *ret_found);

struct zw_history_ack {
	int64_t seq; /* of the event */
	uint64_t time_ns;
	const char *by, *ticket, *reason; /* the last two may be NULL */
	const char *json;                 /* who ran the command */
};
int zw_history_put_ack(struct zw_history *history, const struct zw_history_ack *ack);

/* @json: who ran the command; "user.name" in it is what @e->by is read back as. */
int zw_history_put_expectation(struct zw_history *history, const struct zw_expectation *e,
	const char *json, uint64_t *ret_id);
/* Those that end at @end_ns or later, in the order they were announced. */
int zw_history_get_expectations(
	struct zw_history *history, uint64_t end_ns, zw_expectations *ret_list);
/* -ENOENT. */
int zw_history_end_expectation(struct zw_history *history, uint64_t id, uint64_t until_ns);
int zw_history_use_expectation(struct zw_history *history, uint64_t id, uint64_t used);
