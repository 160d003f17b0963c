/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The patches of the first version of the history, as deltas. One was, little-endian:
 *
 *	u8 owner length, owner (wire form), u16 type, u32 count,
 *	count times { u32 ttl, u16 length, rdata }; count 0: the RRset is gone
 *
 * and the CRC-32 of it all. What was before is not in it, nor then in the delta. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "dns/name.h"
#include "sink/history_delta.h"
#include "sink/history_impl.h"

static uint32_t take_u32(struct zw_bytes *in)
{
	const uint8_t *p = zw_take(in, sizeof(uint32_t));
	uint32_t value = 0;

	if (p)
		memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static uint16_t take_u16(struct zw_bytes *in)
{
	const uint8_t *p = zw_take(in, sizeof(uint16_t));
	uint16_t value = 0;

	if (p)
		memcpy(&value, p, sizeof(value));
	return le16toh(value);
}

static void convert_records(struct zw_bytes *in, struct zw_str *plain)
{
	uint32_t count = take_u32(in);

	/* Nothing before; TTLs for each. */
	zw_put_number(plain, 0);
	zw_put_number(plain, count > 0 ? (uint64_t)count * 2 + 1 : 0);
	for (uint32_t i = 0; i < count && !in->failed; i++) {
		uint32_t ttl = take_u32(in);
		uint16_t len = take_u16(in);
		const uint8_t *rdata = zw_take(in, len);

		zw_put_number(plain, ttl);
		zw_put_bytes(plain, rdata, rdata ? len : 0);
	}
}

static int convert_rrset(struct zw_bytes *in, const uint8_t *origin, struct zw_str *plain)
{
	const uint8_t *len = zw_take(in, 1);
	const uint8_t *owner = len ? zw_take(in, *len) : NULL;
	size_t checked;

	if (!owner || zw_name_check(owner, *len, &checked) < 0 || checked != *len ||
		!zw_name_is_within(owner, origin))
		return -EBADMSG;
	zw_delta_put_owner(plain, owner, *len, zw_name_len(origin), take_u16(in));
	convert_records(in, plain);
	return in->failed ? -EBADMSG : 0;
}

static int convert(const char *zone, const void *patch, size_t len, struct zw_str *out)
{
	struct zw_bytes in = {patch, len, false};
	_zw_str_ struct zw_str plain = {};
	uint8_t origin[ZW_NAME_MAX];
	uint32_t crc;
	int r = 0;

	if (len < sizeof(crc) || zw_name_from_text(zone, origin, NULL) < 0)
		return -EBADMSG;
	zw_name_lower(origin, zw_name_len(origin));
	in.left -= sizeof(crc);
	memcpy(&crc, in.p + in.left, sizeof(crc));
	if ((uint32_t)crc32_z(crc32_z(0, NULL, 0), patch, in.left) != le32toh(crc))
		return -EBADMSG;
	while (in.left > 0 && r == 0)
		r = convert_rrset(&in, origin, &plain);
	return r < 0 ? r : zw_delta_seal(&plain, out);
}

/* delta_from_1(zone, patch). What is damaged stays damaged: an empty delta is none. */
void zw_delta_from_1(sqlite3_context *context, int args, sqlite3_value **arg)
{
	const char *zone = args == 2 ? (const char *)sqlite3_value_text(arg[0]) : NULL;
	const void *patch = zone ? sqlite3_value_blob(arg[1]) : NULL;
	_zw_str_ struct zw_str out = {};
	int r;

	r = patch ? convert(zone, patch, (size_t)sqlite3_value_bytes(arg[1]), &out) : -EBADMSG;
	if (r == -ENOMEM)
		sqlite3_result_error_nomem(context);
	else if (r < 0)
		sqlite3_result_zeroblob(context, 1);
	else
		sqlite3_result_blob64(context, out.buf, out.len, SQLITE_TRANSIENT);
}
