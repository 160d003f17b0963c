/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inline signing: the operator's zone is one file with its journal, what BIND makes of it by signing is another pair. A
 * change of records is told of where it is made, in the first, by whoever makes it. Of the second is told what is its
 * own, the signatures and what goes with them; and whatever is served that the first does not have. */
#include "cli/agent.h"

#include "base/clock.h"
#include "dns/rr.h"

/* How often, and how much later, the zone is looked at again before records are told of that are not, or not yet, in
 * the unsigned one. Both are read at different moments, and named signs in steps. */
#define AGAIN_MAX 8
#define AGAIN_NS (50 * ZW_NSEC_PER_MSEC)

void zw_agent_pair(struct zw_agent_zone *z, struct zw_agent_zone *unsigned_zone)
{
	z->pair = unsigned_zone;
	unsigned_zone->pair = z;
}

/* The serial is counted on by signing. */
static bool is_of_signing(const struct zw_diff_entry *e)
{
	return e->type == ZW_TYPE_SOA || zw_type_is_signing(e->type);
}

static bool is_taken_over(const struct zw_snapshot *from, const struct zw_diff_entry *e)
{
	struct zw_rrset there;

	if (!from || !zw_snapshot_lookup(from, e->owner, e->type, &there))
		return from && e->after.count == 0;
	return e->after.count && zw_rrset_equal(&e->after, &there);
}

static bool is_own(void *ctx, const struct zw_diff_entry *e)
{
	return is_of_signing(e) || !is_taken_over(ctx, e);
}

void zw_agent_keep_signing(struct zw_diff *diff, const struct zw_snapshot *from)
{
	zw_diff_keep(diff, is_own, (void *)from);
}

bool zw_agent_leave_signing(struct zw_agent *a, struct zw_agent_zone *z, struct zw_diff *diff)
{
	struct zw_agent_zone *from = z->pair;

	if (!from)
		return true;
	if (from->due_ns && !a->stopping)
		zw_agent_look(a, from);
	zw_agent_keep_signing(diff, from->good);
	for (size_t i = 0; i < diff->len; i++)
		if (!is_of_signing(&diff->entries[i]) && !a->stopping && z->postponed < AGAIN_MAX) {
			z->postponed++;
			zw_agent_schedule(a, z, zw_boottime_ns() + AGAIN_NS);
			return false;
		}
	return true;
}
