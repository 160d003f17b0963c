/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resource record types and data: numbers, text, canonical form. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The types that code outside dns/ names (IANA "Resource Record (RR) TYPEs"). */
enum {
	ZW_TYPE_A = 1,
	ZW_TYPE_NS = 2,
	ZW_TYPE_CNAME = 5,
	ZW_TYPE_SOA = 6,
	ZW_TYPE_PTR = 12,
	ZW_TYPE_MX = 15,
	ZW_TYPE_TXT = 16,
	ZW_TYPE_AAAA = 28,
	ZW_TYPE_SRV = 33,
	ZW_TYPE_DNAME = 39,
	ZW_TYPE_OPT = 41,
	ZW_TYPE_DS = 43,
	ZW_TYPE_RRSIG = 46,
	ZW_TYPE_NSEC = 47,
	ZW_TYPE_DNSKEY = 48,
	ZW_TYPE_NSEC3 = 50,
	ZW_TYPE_NSEC3PARAM = 51,
	ZW_TYPE_TLSA = 52,
	ZW_TYPE_CDS = 59,
	ZW_TYPE_CDNSKEY = 60,
	ZW_TYPE_TKEY = 249,
	ZW_TYPE_TSIG = 250,
	ZW_TYPE_IXFR = 251,
	ZW_TYPE_AXFR = 252,
	ZW_TYPE_ANY = 255,
	ZW_TYPE_CAA = 257,
	ZW_TYPE_BIND_SIGNING = 65534, /* BIND's private record of signing progress */
};

#define ZW_CLASS_IN 1
/* In an UPDATE (RFC 2136 section 2.4). */
#define ZW_CLASS_NONE 254
#define ZW_CLASS_ANY 255

/* Longest mnemonic or "TYPE65535", with the NUL. */
#define ZW_TYPE_TEXT_MAX 16

/* Mnemonic, or TYPEnnn (RFC 3597 section 5). Writes to and returns @buf. */
const char *zw_type_to_text(uint16_t type, char buf[static ZW_TYPE_TEXT_MAX]);
/* Either form, any case. 0 or -EINVAL. */
int zw_type_from_text(const char *text, uint16_t *ret_type);
/* A type of the same format that libknot knows, for types it does not know; else @type itself. */
uint16_t zw_type_like(uint16_t type);
/* Meta and query types that no zone holds (RFC 6895 section 3.1: OPT, 128-255 and so on). */
bool zw_type_is_meta(uint16_t type);
/* Types that a signing server maintains by itself: RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS,
 * CDNSKEY, TYPE65534. SOA is not among them. */
bool zw_type_is_signing(uint16_t type);

/* Presentation form of @rdata without owner, TTL and type: "192.0.2.1". Data that does not fit its
 * type comes out in the generic form \# (RFC 3597). 0 with an allocated text, or -ENOMEM. */
int zw_rdata_to_text(uint16_t type, const uint8_t *rdata, size_t len, char **ret_text);

/* The generic form of any data. */
int zw_rdata_to_generic(const uint8_t *rdata, size_t len, char **ret_text);

/* Whether all the parts that the type's presentation form tells of are there, so that it can be made. False for
 * empty rdata, which has but the generic form. */
bool zw_rdata_fits(uint16_t type, const uint8_t *rdata, size_t len);

/* Lower-cases the names inside rdata of the types RFC 4034 section 6.2 lists as amended by RFC 6840
 * section 5.1, in place. Malformed data is left alone. */
void zw_rdata_lower(uint16_t type, uint8_t *rdata, size_t len);

/* Rdata grows by so much at most when its names are decompressed: two of them, in SOA, MINFO, RP, PX. */
#define ZW_RDATA_GROWTH (2 * 255)
/* Reads the rdata at [@pos, @end) of a message into @ret, which has room for @end - @pos + ZW_RDATA_GROWTH
 * octets: names decompressed in the types of RFC 3597 section 4, refused when compressed in others. What
 * does not fit the format of its type is refused, as is empty rdata of a known type (but APL); unknown types are
 * taken as they are. Text is not looked into, since servers do not all. 0 or -EBADMSG. */
int zw_rdata_from_wire(uint16_t type, const uint8_t *message, size_t pos, size_t end, uint8_t *ret,
	uint16_t *ret_len);

/* Order of RRs within an RRset: as left-justified octet strings (RFC 4034 section 6.3). */
int zw_rdata_cmp(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* Whether serial @a comes after @b (RFC 1982 section 3.2). */
static inline bool zw_serial_after(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

/* 0, or -EBADMSG when @rdata is no SOA. Out-parameters may be NULL. */
int zw_soa_parse(const uint8_t *rdata, size_t len, uint32_t *ret_serial, uint32_t *ret_minimum);
