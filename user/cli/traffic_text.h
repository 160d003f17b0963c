/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/cmd_traffic.c and cli/traffic_text.c: minutes of traffic as tables and as JSON. */
#pragma once

#include "cli/history_cmd.h"
#include "dns/name.h"
#include "engine/traffic.h"
#include "sink/history_query.h"
#include "sink/history_traffic.h"

struct zw_traffic_cmd {
	struct zw_history_cmd common;
	struct zw_traffic_query query;
	const char *since, *until, *finding; /* as given; NULL: not */
	uint64_t step_ns;                    /* 0: by the length of the time */
	uint64_t limit;                      /* keys; 0: all */
	char zone[ZW_NAME_TEXT_MAX];         /* empty: none */
	char subject[ZW_NAME_TEXT_MAX];      /* of the finding; empty: none */
	bool ranged;                         /* it is an address or a network: */
	struct zw_log_range range;
	char reason[512];           /* of the finding */
	uint64_t begin_ns;          /* the minute it began in; 0: none */
	uint64_t first_ns, last_ns; /* minutes that are stored */
};

/* Prints what the query asks for. 0 or -errno of reading. */
int zw_traffic_print(const struct zw_traffic_cmd *t, struct zw_reader *reader);

/* "1.2k", "345", "6.7M": four characters at most, five with a point. */
void zw_traffic_short(uint64_t n, char ret_text[static 16]);
