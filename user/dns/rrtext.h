/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of a zone that come one by one as text: from a server's control socket, from a database. Unlike a
 * master file there are no directives, no comments, no parentheses and nothing that is inherited: every name
 * is absolute, with or without its final dot. */
#pragma once

#include "base/cleanup.h"
#include "dns/record.h"

struct zw_rrtext;

/* @origin: the zone, copied. @fn gets each record in canonical form. 0 or -ENOMEM. */
int zw_rrtext_new(const uint8_t *origin, zw_record_fn fn, void *ctx, struct zw_rrtext **ret_rrtext);
void zw_rrtext_free(struct zw_rrtext *t);
ZW_DEFINE_CLEANUP(struct zw_rrtext *, zw_rrtext_free);
#define _zw_rrtext_ _zw_cleanup_(zw_rrtext_freep)

/* One record. @owner and @data are NUL-terminated; whatever bytes they hold, they make no second record. 0;
 * -EBADMSG with @error (may be NULL) filled when this is no record, or none of this zone, after which others may
 * follow; -ENOMEM; or what @fn returned. TTLs above 2^31-1 count as 0 (RFC 2181 section 8). */
int zw_rrtext_add(struct zw_rrtext *t, const char *owner, uint32_t ttl, uint16_t type,
	const char *data, struct zw_zone_error *error);

/* After the last record: -EBADMSG when there was no SOA, or nothing at all. */
int zw_rrtext_end(const struct zw_rrtext *t, struct zw_zone_error *error);
