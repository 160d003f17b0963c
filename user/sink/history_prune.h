/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: what is too old, or too much, goes; in small steps, each a transaction of its own. */
#pragma once

#include "sink/history.h"

struct zw_history_limits {
	uint64_t
		before_ns; /* events before this moment go, and the states that nobody can ask for then; 0: none */
	uint64_t max_bytes; /* the oldest go until the database is no larger; 0: no limit */
	uint64_t
		traffic_before_ns; /* the same for minutes of traffic, and for what was usual then */
};

/* One step. Of a database that is too large minutes of traffic go before any event does. 1: there is more to do; 0: there is not; -errno. The last state of a zone never goes, nor the last event. */
int zw_history_prune(struct zw_history *history, const struct zw_history_limits *limits);

struct zw_history_facts {
	uint64_t bytes;     /* of the database, without what is free in it */
	uint64_t oldest_ns; /* event; 0: there is none */
};

int zw_history_facts(struct zw_history *history, struct zw_history_facts *ret_facts);
