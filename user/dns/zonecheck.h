/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every server demands of a zone, for the readers in dns/: all owners inside it, exactly one
 * SOA and that at the apex. Private to dns/. */
#pragma once

#include "dns/name.h"
#include "dns/record.h"

struct zw_zonecheck {
	const uint8_t *origin;
	size_t origin_len;
	uint64_t records;
	bool have_soa;
	uint16_t soa_len;
	uint8_t soa[2 * ZW_NAME_MAX + 20];
};

void zw_zonecheck_init(struct zw_zonecheck *c, const uint8_t *origin);
/* @record in canonical form. 0 or -EBADMSG with @error filled. */
int zw_zonecheck_record(
	struct zw_zonecheck *c, const struct zw_record *record, struct zw_zone_error *error);
/* At the end of the zone. */
int zw_zonecheck_end(const struct zw_zonecheck *c, struct zw_zone_error *error);
