/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of rdata: blocks of fixed sizes, names and the rest, by libknot's table of types. */
#include "dns/rr.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <libknot/descriptor.h>

#include "base/cleanup.h"
#include "dns/name.h"

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

/* What rdata of @type is made of, ended by KNOT_RDATA_WF_END. */
static const int *blocks_of(uint16_t type)
{
	/* RFC 9460 section 2.2, which libknot 3.2 does not look into. */
	static const int svcb[] = {
		2, KNOT_RDATA_WF_FIXED_DNAME, KNOT_RDATA_WF_REMAINDER, KNOT_RDATA_WF_END};
	const knot_rdata_descriptor_t *d = knot_get_rdata_descriptor(type);

	if (type == KNOT_RRTYPE_SVCB || type == KNOT_RRTYPE_HTTPS)
		return svcb;
	if (!d->type_name)
		d = knot_get_obsolete_rdata_descriptor(type);
	return d->block_types;
}

static bool is_name(int block)
{
	return block == KNOT_RDATA_WF_COMPRESSIBLE_DNAME ||
	       block == KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME || block == KNOT_RDATA_WF_FIXED_DNAME;
}

/* Length of NAPTR's order, preference, flags, services and regexp (RFC 3403 section 4.1). */
static int naptr_header_len(const uint8_t *p, size_t avail, size_t *ret_len)
{
	size_t i = 4;

	for (int n = 0; n < 3; n++) {
		if (i >= avail)
			return -EBADMSG;
		i += 1U + p[i];
	}
	if (i > avail)
		return -EBADMSG;
	*ret_len = i;
	return 0;
}

/* Length of a block at @p, names not compressed. 0 or -EBADMSG. */
static int block_len(int block, const uint8_t *p, size_t avail, size_t *ret_len)
{
	if (is_name(block))
		return zw_name_check(p, avail, ret_len);
	if (block == KNOT_RDATA_WF_NAPTR_HEADER)
		return naptr_header_len(p, avail, ret_len);
	*ret_len = block == KNOT_RDATA_WF_REMAINDER ? avail : (size_t)block;
	return *ret_len <= avail ? 0 : -EBADMSG;
}

void zw_rdata_lower(uint16_t type, uint8_t *rdata, size_t len)
{
	size_t pos = 0, n;

	if (type == ZW_TYPE_A || type == ZW_TYPE_AAAA || !knot_rrtype_should_be_lowercased(type))
		return;
	for (const int *block = blocks_of(type); *block != KNOT_RDATA_WF_END; block++, pos += n) {
		if (block_len(*block, rdata + pos, len - pos, &n) < 0)
			return;
		if (is_name(*block))
			zw_name_lower(rdata + pos, n);
	}
}

int zw_rdata_from_wire(uint16_t type, const uint8_t *message, size_t pos, size_t end, uint8_t *ret,
	uint16_t *ret_len)
{
	size_t n = 0, len;
	int r;

	if (pos == end && knot_get_rdata_descriptor(type)->type_name && type != KNOT_RRTYPE_APL)
		return -EBADMSG;
	for (const int *block = blocks_of(type); *block != KNOT_RDATA_WF_END; block++, n += len) {
		if (is_name(*block) && *block != KNOT_RDATA_WF_FIXED_DNAME) {
			r = zw_name_decompress(message, end, &pos, ret + n, &len);
			if (r < 0)
				return r;
			continue;
		}
		r = block_len(*block, message + pos, end - pos, &len);
		if (r < 0)
			return r;
		memcpy(ret + n, message + pos, len);
		pos += len;
	}
	if (pos != end || n > UINT16_MAX)
		return -EBADMSG;
	*ret_len = (uint16_t)n;
	return 0;
}

/* The value of "mandatory" (RFC 9460 section 8): other keys of the same record, in ascending order. */
static bool svc_mandatory_fits(
	const uint8_t *p, size_t len, const uint8_t *params, size_t params_len)
{
	size_t last = 0;

	for (size_t i = 0; i + 2 <= len; i += 2) {
		size_t key = get_u16(p + i), pos = 0;

		if (key <= last)
			return false;
		last = key;
		while (pos + 4 <= params_len && get_u16(params + pos) != key)
			pos += 4U + get_u16(params + pos + 2);
		if (pos + 4 > params_len)
			return false;
	}
	return true;
}

/* Keys in ascending order and values (RFC 9460 section 2.2); the keys whose values are lists of things of one
 * size. */
static bool svc_params_fit(const uint8_t *p, size_t len)
{
	static const uint8_t unit[] = {[0] = 2, [3] = 2, [4] = 4, [6] = 16};
	const uint8_t *all = p;
	size_t all_len = len, next = 0;

	while (len > 0) {
		size_t key, value;

		if (len < 4)
			return false;
		key = get_u16(p);
		value = get_u16(p + 2);
		if (key < next)
			return false;
		next = key + 1;
		if (value > len - 4)
			return false;
		if (key < sizeof(unit) && unit[key] && (value == 0 || value % unit[key] != 0))
			return false;
		if (key == 0 && !svc_mandatory_fits(p + 4, value, all, all_len))
			return false;
		p += 4 + value;
		len -= 4 + value;
	}
	return true;
}

/* RFC 1876 section 2: angles in thousandths of a second of arc around 2^31, precisions as two decimal digits. */
static bool loc_fits(const uint8_t *p)
{
	const uint32_t degree = 60 * 60 * 1000, middle = 1U << 31;
	uint32_t latitude = get_u32(p + 4), longitude = get_u32(p + 8);

	for (int i = 1; i <= 3; i++)
		if (p[i] >> 4 > 9 || (p[i] & 0xf) > 9)
			return false;
	return p[0] == 0 && latitude >= middle - 90 * degree && latitude <= middle + 90 * degree &&
	       longitude >= middle - 180 * degree && longitude <= middle + 180 * degree;
}

/* RFC 4025 section 2.1. */
static bool gateway_fits(const uint8_t *p, size_t len)
{
	size_t n;

	switch (p[1]) {
	case 0:
		return true;
	case 1:
		return len >= 3 + 4;
	case 2:
		return len >= 3 + 16;
	case 3:
		return zw_name_check(p + 3, len - 3, &n) == 0;
	default:
		return false;
	}
}

/* Fixed fields of types whose blocks are but "the rest". libknot 3.2 prints them without looking whether they are
 * there. */
static const struct {
	uint16_t type;
	uint8_t least;
} least[] = {
	{KNOT_RRTYPE_KEY, 4},
	{KNOT_RRTYPE_DS, 4},
	{KNOT_RRTYPE_SSHFP, 2},
	{KNOT_RRTYPE_CERT, 5},
	{KNOT_RRTYPE_IPSECKEY, 3},
	{KNOT_RRTYPE_DNSKEY, 4},
	{KNOT_RRTYPE_NSEC3, 6},
	{KNOT_RRTYPE_NSEC3PARAM, 5},
	{KNOT_RRTYPE_TLSA, 3},
	{KNOT_RRTYPE_SMIMEA, 3},
	{KNOT_RRTYPE_CDS, 4},
	{KNOT_RRTYPE_CDNSKEY, 4},
	{KNOT_RRTYPE_ZONEMD, 6},
	{KNOT_RRTYPE_CAA, 2},
};

/* The fields behind these that tell lengths. */
static bool variable_fits(uint16_t type, const uint8_t *p, size_t len)
{
	size_t n;

	switch (type) {
	case KNOT_RRTYPE_RRSIG: /* RFC 4034 section 3.1.1: the type covered, which a zone can hold */
		return !zw_type_is_meta(get_u16(p));
	case KNOT_RRTYPE_NSEC3: /* RFC 5155 section 3.2: salt, then hashed name */
		n = 5U + p[4];
		return n < len && p[n] > 0 && n + 1U + p[n] <= len;
	case KNOT_RRTYPE_NSEC3PARAM:
		return 5U + p[4] <= len;
	case KNOT_RRTYPE_CAA: /* RFC 8659 section 4.1: tag of letters and digits */
		for (n = 0; n < p[1] && 2 + n < len && isalnum(p[2 + n]); n++)
			;
		return n > 0 && n == p[1];
	case KNOT_RRTYPE_LOC:
		return len == 16 && loc_fits(p);
	case KNOT_RRTYPE_IPSECKEY:
		return gateway_fits(p, len);
	case KNOT_RRTYPE_SVCB:
	case KNOT_RRTYPE_HTTPS:
		n = 2 + zw_name_len(p + 2);
		return svc_params_fit(p + n, len - n);
	default:
		return true;
	}
}

bool zw_rdata_fits(uint16_t type, const uint8_t *rdata, size_t len)
{
	uint16_t like = zw_type_like(type);
	size_t pos = 0, n;

	for (const int *block = blocks_of(like); *block != KNOT_RDATA_WF_END; block++, pos += n)
		if (block_len(*block, rdata + pos, len - pos, &n) < 0)
			return false;
	if (pos != len || len == 0)
		return false;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(least); i++)
		if (least[i].type == like && len < least[i].least)
			return false;
	return variable_fits(like, rdata, len);
}
