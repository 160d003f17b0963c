/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that servers refuse: told one by one as long as they are few, and counted when they are many, so that nobody fills
 * the journal by asking. Pure; times come in.
 *
 * Who asks is a process of this host, or an address and a key. Of each and a zone a few are told within a minute; the others
 * of that minute are told together when it is over. Addresses can be forged, so there is a bound for all together, and one for
 * how many are kept apart: beyond it they are counted as many. */
#pragma once

#include "engine/request.h"

/* Told one by one within a minute: of one who asks for one zone, and of all. */
#define ZW_REFUSALS_TOLD 20
#define ZW_REFUSALS_TOLD_ALL 200
/* Kept apart. */
#define ZW_REFUSALS_MAX 256

/* What was counted within a minute. */
struct zw_refusals_sum {
	struct zw_request
		*last;  /* the last of them, borrowed; others may have been refused otherwise */
	uint64_t count; /* requests, at least 1 */
	uint64_t asked; /* what they asked for: records of their update sections, all together */
	uint64_t first_ns, last_ns; /* CLOCK_BOOTTIME, of the answers */
	bool several;               /* of more than were kept apart: it is not known of how many */
};

struct zw_refusals;

int zw_refusals_new(struct zw_refusals **ret_refusals);
void zw_refusals_free(struct zw_refusals *refusals);
ZW_DEFINE_CLEANUP(struct zw_refusals *, zw_refusals_free);
#define _zw_refusals_ _zw_cleanup_(zw_refusals_freep)

/* True when @request is to be told by itself, else it is counted. Never fails: what there is no memory for is counted
 * with the many. */
bool zw_refusals_take(struct zw_refusals *refusals, struct zw_request *request, uint64_t now_ns);

typedef void (*zw_refusals_fn)(void *ctx, const struct zw_refusals_sum *sum);
/* Hands on what was counted in minutes that are over, with @all also in those that are not, and forgets who was silent. */
void zw_refusals_expire(
	struct zw_refusals *refusals, uint64_t now_ns, bool all, zw_refusals_fn fn, void *ctx);
/* Of those who are kept apart now. */
size_t zw_refusals_len(const struct zw_refusals *refusals);
