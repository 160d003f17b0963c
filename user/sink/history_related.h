/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What else the history has that may belong to an event: the questions an analyst asks of a change next. */
#pragma once

#include "sink/history_read.h"

enum zw_related {
	ZW_RELATED_BEFORE = 0, /* events of any zone in the hour before, the nearest first */
	ZW_RELATED_AFTER,      /* in the hour after, the nearest first */
	ZW_RELATED_ACTOR,      /* by the same principal: user, else TSIG key, else address */
	ZW_RELATED_SOURCE,     /* by anybody whose session or request came from the same address */
	ZW_RELATED_ADDRESS, /* with an address in the data before or after that this event has there too */
	ZW_RELATED_RECORD, /* of the same RRsets */
	_ZW_RELATED_MAX,
};

const char *zw_related_to_string(enum zw_related v); /* "same_actor" */

/* Numbers of events, as ZW_VEC(). */
struct zw_reader_seqs {
	uint64_t *items;
	size_t len, cap;
};

void zw_reader_seqs_done(struct zw_reader_seqs *seqs);
#define _zw_reader_seqs_ _zw_cleanup_(zw_reader_seqs_done)

/* At most @max of them without @event itself; where nothing else is said the newest, and these first. Of an event about
 * many RRsets and addresses, the first ones are looked for. 0 or -errno. */
int zw_reader_related(struct zw_reader *reader, const struct zw_reader_event *event,
	enum zw_related kind, size_t max, struct zw_reader_seqs *ret_seqs);
