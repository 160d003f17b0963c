/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every reader of zone data produces: a stream of records, or one precise error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One record in canonical form: lower-case owner, rdata through zw_rdata_lower(). All pointers are
 * valid only during the callback. */
struct zw_record {
	const uint8_t *owner; /* uncompressed wire form */
	const uint8_t *rdata; /* uncompressed wire form */
	uint32_t ttl;         /* seconds */
	uint16_t type;
	uint16_t klass;
	uint16_t rdata_len;
	uint8_t owner_len;
	uint32_t file; /* 0: the zone file itself, n: the n-th file opened by $INCLUDE */
	uint64_t line; /* where the record ends, from 1; 0 in binary formats */
};

/* Non-zero stops the reader, which returns that value. */
typedef int (*zw_record_fn)(void *ctx, const struct zw_record *record);

enum zw_zone_errkind {
	ZW_ZERR_NONE,
	ZW_ZERR_EMPTY,       /* no bytes, or only blanks and comments */
	ZW_ZERR_BINARY,      /* NUL bytes in a text file */
	ZW_ZERR_SYNTAX,      /* the scanner refused a line */
	ZW_ZERR_TRUNCATED,   /* ends inside a record, a quoted string or parentheses */
	ZW_ZERR_OUT_OF_ZONE, /* owner not at or below the origin */
	ZW_ZERR_CLASS,       /* another class than IN */
	ZW_ZERR_TYPE,        /* a meta type, which no zone holds */
	ZW_ZERR_NO_TTL,      /* no TTL can be derived for a record */
	ZW_ZERR_NO_SOA,
	ZW_ZERR_TWO_SOA,   /* two different SOA records */
	ZW_ZERR_SOA_OWNER, /* SOA not at the zone apex */
	ZW_ZERR_INCLUDE,   /* an included file could not be opened */
	ZW_ZERR_INCLUDE_DEPTH,
	ZW_ZERR_INCLUDE_LOOP,
	ZW_ZERR_GENERATE, /* malformed or oversized $GENERATE */
	ZW_ZERR_FORMAT,   /* binary format damaged or not supported */
	ZW_ZERR_JOURNAL,  /* damaged, or not one of this zone file */
	ZW_ZERR_LIMIT,    /* more records or text than 32-bit offsets hold */
	ZW_ZERR_SERVER,   /* the server or its database could not be asked for it */
	_ZW_ZERR_MAX,
};

/* Why a zone cannot be read, for the event `zone-unreadable`. @reason is printable ASCII on one
 * line. */
struct zw_zone_error {
	enum zw_zone_errkind kind;
	uint32_t file; /* as in struct zw_record */
	uint64_t line; /* from 1; 0 when no line applies */
	char reason[240];
};

/* Stable lower-case identifiers: "syntax", "no-soa", ... */
const char *zw_zone_errkind_to_text(enum zw_zone_errkind kind);

/* Fills @error (which may be NULL) with @fmt, escaping what is not printable; returns -EBADMSG. */
int zw_zone_fail(struct zw_zone_error *error, enum zw_zone_errkind kind, uint32_t file,
	uint64_t line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
