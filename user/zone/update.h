/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a dynamic update makes of a zone (RFC 2136 section 3), as the servers do it. Changes that a server makes of
 * its own accord are not part of it: it increments the serial unless the update did, and maintains signatures, so
 * a comparison with what became of the zone leaves the serial and the types of zw_type_is_signing() out.
 *
 * Where the RFC leaves a choice it is BIND's: an RRset has one TTL, that of the record added last; adding what is
 * there already changes at most that; DNAME, NSEC and NSEC3PARAM are replaced as CNAME and SOA are. */
#pragma once

#include "dns/message.h"
#include "zone/draft.h"

/* What a server answers to @message before it changes anything, permission aside: ZW_RCODE_NOERROR when the zone is
 * the one of @draft, the prerequisites hold (section 3.2) and the update section is well-formed (section 3.4.1);
 * else FORMERR, NOTAUTH, NOTZONE, NXDOMAIN, NXRRSET, YXDOMAIN or YXRRSET. -EINVAL when it is no UPDATE, -ENOMEM. */
int zw_update_check(struct zw_draft *draft, const struct zw_message *message);

/* Carries out the update section (section 3.4.2) whether the prerequisites hold or not. What servers ignore is
 * ignored. 0, -ENOMEM; -EINVAL when it is not for this zone or not well-formed, so that no server takes it. After
 * -ENOMEM the draft can only be freed. */
int zw_update_run(struct zw_draft *draft, const struct zw_message *message);

/* One update by itself: *ret_after is @before with one more reference when nothing changes. As zw_update_run(). */
int zw_update_apply(struct zw_snapshot *before, const struct zw_message *message,
	struct zw_snapshot **ret_after);

/* Whether the update section says anything about the RRset. */
bool zw_update_touches(const struct zw_message *message, const uint8_t *owner, uint16_t type);
