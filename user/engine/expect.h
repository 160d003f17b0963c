/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes that were announced beforehand: somebody, one zone, a window of time, a ticket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/report.h"

struct zw_expectation {
	uint64_t id;                /* counts up from 1 */
	uint64_t time_ns;           /* CLOCK_REALTIME: when it was announced */
	char *user;                 /* login name, or a decimal uid; NULL: it is about a key */
	char *tsig_key;             /* lower case, no final dot; NULL: it is about a user */
	char *zone;                 /* presentation form, lower case, with the final dot */
	uint64_t from_ns, until_ns; /* CLOCK_REALTIME, both included */
	char *ticket;
	char *by;      /* who announced it */
	uint64_t used; /* changes it made authorized */
};
typedef ZW_VEC(struct zw_expectation) zw_expectations;

void zw_expectation_done(struct zw_expectation *e);
#define _zw_expectation_ _zw_cleanup_(zw_expectation_done)
void zw_expectations_done(zw_expectations *list);
#define _zw_expectations_ _zw_cleanup_(zw_expectations_done)

/* The first expectation that the change is; NULL when it is none of them. It must be
 *
 *	a record change of exactly that zone,
 *	whose principal is known and is that user (the login user counts), or whose request had that key;
 *	nobody else had a part in it, such as by preparing the content, and nobody else may have made it;
 *	all of it within the window;
 *	no transfer, which is judged by where it comes from, and not the server's own signing. */
struct zw_expectation *zw_expect_find(zw_expectations *list, const struct zw_report *report);

/* What the reason begins with, with the ticket behind it. */
#define ZW_EXPECT_REASON "expected under ticket "

/* Makes a judged change that was expected authorized, with the ticket as reason, and counts it. *@ret_used (may be NULL)
 * is the expectation, NULL when there is none. 0 or -ENOMEM. */
int zw_expect_judge(
	zw_expectations *list, struct zw_report *report, struct zw_expectation **ret_used);
