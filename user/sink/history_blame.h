/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who last set each record of a zone. */
#pragma once

#include "sink/history_read.h"

/* What a change is told by, without reading all of it. */
struct zw_blame_change {
	uint64_t seq, time_ns;
	char id[ZW_ULID_LEN + 1];
	enum zw_channel channel;
	enum zw_attribution attribution;
	enum zw_verdict verdict;
	bool acked;
	/* The first of its actors, who is the principal where the attribution is certain or probable. */
	const char *user, *tsig_key, *exe; /* owned by the list; NULL: none */
	int64_t uid;                       /* -1: none */
	bool has_peer;
	uint8_t peer[16]; /* IPv4 mapped */
};

struct zw_blame_rrset {
	struct zw_rrset rrset;
	uint64_t seq;    /* the last event that changed it; 0: none in the history */
	uint32_t change; /* which of the changes, where there is one */
	bool older; /* it is none because the RRset was there when the history of the zone began */
};

struct zw_blame {
	struct zw_reader_state state;
	struct zw_blame_rrset *rrset; /* in canonical order */
	size_t rrsets;
	struct zw_blame_change *change; /* by seq */
	size_t changes;
	char **text; /* what the changes point to */
	size_t texts;
	uint64_t begin_ns; /* since when the history knows the zone */
};

void zw_blame_done(struct zw_blame *blame);
#define _zw_blame_ _zw_cleanup_(zw_blame_done)

struct zw_blame_scope {
	const uint8_t *name; /* wire form, lower-case, in the zone */
	bool subtree;        /* and the names below it */
	uint16_t type;       /* 0: all */
};

/* Of the last known state of the zone. 0; as zw_reader_state(). */
int zw_reader_blame(struct zw_reader *reader, int64_t zone_id, const struct zw_blame_scope *scope,
	struct zw_blame *ret_blame);
