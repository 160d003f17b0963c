/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libknot/descriptor.h>
#include <libknot/errcode.h>
#include <libknot/rdata.h>
#include <libknot/rrset-dump.h>

#include "base/cleanup.h"
#include "dns/name.h"

/* SOA: two names, then serial, refresh, retry, expire, minimum (RFC 1035 section 3.3.13). */
#define SOA_FIXED 20
/* Text of 64 KiB of rdata as \DDD or hexadecimal needs less; a dump that still fails is a defect of
 * the data, and comes out in the generic form. */
#define DUMP_MAX (512 * 1024)

/* Types that BIND or PowerDNS reads and libknot 3.2 does not, with one of the same presentation and wire
 * format that it does: IANA's registry and the RFC named there. */
static const struct {
	const char *name;
	uint16_t type, like;
} other_types[] = {
	{"MD", 3, ZW_TYPE_NS},        /* RFC 1035 section 3.3.4 */
	{"MF", 4, ZW_TYPE_NS},        /* RFC 1035 section 3.3.5 */
	{"MB", 7, ZW_TYPE_NS},        /* RFC 1035 section 3.3.3 */
	{"MG", 8, ZW_TYPE_NS},        /* RFC 1035 section 3.3.6 */
	{"MR", 9, ZW_TYPE_NS},        /* RFC 1035 section 3.3.8 */
	{"X25", 19, ZW_TYPE_TXT},     /* RFC 1183 section 3.1 */
	{"ISDN", 20, ZW_TYPE_TXT},    /* RFC 1183 section 3.2 */
	{"NSAP-PTR", 23, ZW_TYPE_NS}, /* RFC 1348 */
	{"SIG", 24, ZW_TYPE_RRSIG},   /* RFC 2535 section 4.1, whose format RRSIG took over */
	{"GPOS", 27, ZW_TYPE_TXT},    /* RFC 1712 section 3 */
	{"NINFO", 56, ZW_TYPE_TXT},
	{"RKEY", 57, ZW_TYPE_DNSKEY},
	{"TALINK", 58, KNOT_RRTYPE_MINFO}, /* two names */
	{"AVC", 258, ZW_TYPE_TXT},
	{"RESINFO", 261, ZW_TYPE_TXT}, /* RFC 9606 */
	{"WALLET", 262, ZW_TYPE_TXT},
	{"TA", 32768, ZW_TYPE_DS},
	{"DLV", 32769, ZW_TYPE_DS}, /* RFC 4431 */
	/* PowerDNS's own, in no packet: a name to copy addresses from, and a type with a script. */
	{"ALIAS", 65401, ZW_TYPE_NS},
	{"LUA", 65402, ZW_TYPE_TXT},
};

uint16_t zw_type_like(uint16_t type)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(other_types); i++)
		if (other_types[i].type == type)
			return other_types[i].like;
	return type;
}

const char *zw_type_to_text(uint16_t type, char buf[static ZW_TYPE_TEXT_MAX])
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(other_types); i++)
		if (other_types[i].type == type)
			return strcpy(buf, other_types[i].name);
	if (knot_rrtype_to_string(type, buf, ZW_TYPE_TEXT_MAX) < 0)
		strcpy(buf, "?");
	return buf;
}

int zw_type_from_text(const char *text, uint16_t *ret_type)
{
	uint16_t type;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(other_types); i++) {
		if (strcasecmp(text, other_types[i].name) == 0) {
			*ret_type = other_types[i].type;
			return 0;
		}
	}
	if (knot_rrtype_from_string(text, &type) < 0)
		return -EINVAL;
	*ret_type = type;
	return 0;
}

bool zw_type_is_meta(uint16_t type)
{
	return type == 0 || type == KNOT_RRTYPE_OPT || (type >= 128 && type <= 255);
}

bool zw_type_is_signing(uint16_t type)
{
	switch (type) {
	case ZW_TYPE_RRSIG:
	case ZW_TYPE_NSEC:
	case ZW_TYPE_NSEC3:
	case ZW_TYPE_NSEC3PARAM:
	case ZW_TYPE_DNSKEY:
	case ZW_TYPE_CDS:
	case ZW_TYPE_CDNSKEY:
	case ZW_TYPE_BIND_SIGNING:
		return true;
	default:
		return false;
	}
}

/* One attempt at dumping into a buffer of @size; 0, -ENOSPC, -EBADMSG or -ENOMEM. */
static int dump(
	const knot_rrset_t *rrset, const knot_dump_style_t *style, size_t size, char **ret_text)
{
	_zw_free_ char *buf = malloc(size);
	int n;

	if (!buf)
		return -ENOMEM;
	n = knot_rrset_txt_dump_data(rrset, 0, buf, size, style);
	if (n == KNOT_ESPACE)
		return -ENOSPC;
	if (n < 0)
		return -EBADMSG;
	while (n > 0 && buf[n - 1] == ' ')
		buf[--n] = '\0';
	*ret_text = ZW_TAKE(buf);
	return 0;
}

static int to_text(uint16_t type, const uint8_t *rdata, size_t len, bool generic, char **ret_text)
{
	uint8_t root[] = {0};
	/* 32-bit times in signatures are read as lying in 1970..2106. */
	knot_dump_style_t style = {.human_timestamp = true, .now = 1U << 31};
	_zw_free_ knot_rdata_t *rd = NULL;
	knot_rrset_t rrset;
	int r;

	if (len > UINT16_MAX)
		len = UINT16_MAX;
	rd = malloc(knot_rdata_size((uint16_t)len));
	if (!rd)
		return -ENOMEM;
	knot_rdata_init(rd, (uint16_t)len, rdata);
	knot_rrset_init(&rrset, root, zw_type_like(type), KNOT_CLASS_IN, 0);
	rrset.rrs = (knot_rdataset_t){
		.count = 1, .size = (uint32_t)knot_rdata_size((uint16_t)len), .rdata = rd};

	style.generic = generic;
	for (size_t size = 256 + 4 * len;; size *= 2) {
		r = dump(&rrset, &style, size, ret_text);
		if (r == -ENOSPC && size < DUMP_MAX)
			continue;
		if (r == 0 || r == -ENOMEM || style.generic)
			return r;
		style.generic = true;
		size = 256 + 4 * len;
	}
}

int zw_rdata_to_text(uint16_t type, const uint8_t *rdata, size_t len, char **ret_text)
{
	return to_text(type, rdata, len, !zw_rdata_fits(type, rdata, len), ret_text);
}

int zw_rdata_to_generic(const uint8_t *rdata, size_t len, char **ret_text)
{
	return to_text(ZW_TYPE_TXT, rdata, len, true, ret_text);
}

int zw_rdata_cmp(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	int d = n ? memcmp(a, b, n) : 0;

	if (d)
		return d;
	return (a_len > b_len) - (a_len < b_len);
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int zw_soa_parse(const uint8_t *rdata, size_t len, uint32_t *ret_serial, uint32_t *ret_minimum)
{
	size_t mname, rname;

	if (zw_name_check(rdata, len, &mname) < 0 ||
		zw_name_check(rdata + mname, len - mname, &rname) < 0 ||
		len - mname - rname != SOA_FIXED)
		return -EBADMSG;
	rdata += mname + rname;
	if (ret_serial)
		*ret_serial = read_u32(rdata);
	if (ret_minimum)
		*ret_minimum = read_u32(rdata + 16);
	return 0;
}
