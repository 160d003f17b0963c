/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/traffic*.c. */
#pragma once

#include "engine/traffic.h"

struct zw_traffic_book {
	struct zw_tally *tally[_ZW_TRAFFIC_BY_MAX];
	struct zw_traffic_total minute, total;
	struct zw_query_totals waiting;   /* of the last reading, whose rows come with the next */
	struct zw_counts listed;          /* of the minute, see zw_traffic_add_listed() */
	uint64_t from_ns, minute_real_ns; /* of the running minute; 0: it has not begun */
	/* What the parts of a kind were beyond their sum: it comes off the others of the next minute. */
	struct zw_counts ahead[_ZW_TRAFFIC_BY_MAX];
	double query_rate, response_rate;
	uint64_t rate_ns;
	uint32_t second[ZW_TRAFFIC_SECONDS]; /* the latest at .second_next - 1 */
	size_t second_next;
	uint64_t second_ns;
};
