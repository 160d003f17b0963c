/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's "masterfile-format raw" (lib/dns/include/dns/masterdump.h and master.c of BIND 9.18). All
 * integers are big-endian:
 *
 *	u32 format (2 = raw), u32 version (0 or 1), u32 dump time;
 *	version 1 adds u32 flags, u32 source serial, u32 last transfer in
 *	rdatasets: u32 total length, u16 class, u16 type, u16 covers, u32 ttl, u32 count,
 *		u16 owner length, owner, count times { u16 length, rdata }
 */
#pragma once

#include "dns/name.h"
#include "dns/record.h"

enum zw_zone_format {
	ZW_ZONE_TEXT,
	ZW_ZONE_RAW,
	ZW_ZONE_MAP, /* masterfile-format map: a memory image, private to one build of BIND */
};

/* By the first bytes; everything that is neither raw nor map is text. */
enum zw_zone_format zw_zone_format_detect(const void *data, size_t len);

/* The owner of the first record, which BIND writes from the apex on: the name of the zone, of which the first
 * ZW_RAWZONE_APEX octets are enough. 0 or -EBADMSG. */
#define ZW_RAWZONE_APEX 512
int zw_rawzone_apex(const void *data, size_t len, uint8_t ret_name[static ZW_NAME_MAX]);

/* As zw_master_parse(), for raw data. */
int zw_rawzone_parse(const uint8_t *origin, const void *data, size_t len, zw_record_fn fn,
	void *ctx, struct zw_zone_error *ret_error);
