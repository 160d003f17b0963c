/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Master files (RFC 1035 section 5) through libzscanner, with BIND's $GENERATE. */
#pragma once

#include "dns/record.h"

/* BIND's DNS_MASTER_INCLUDEDEPTH order of magnitude; deeper nesting is an error, not a crash. */
#define ZW_MASTER_INCLUDE_DEPTH 20
/* Files per zone: two includes a level would otherwise open 2^20 files. */
#define ZW_MASTER_INCLUDE_TOTAL 10000
/* Steps of one $GENERATE: a /16 reverse zone. */
#define ZW_MASTER_GENERATE_STEPS 65536
/* Records out of all $GENERATE lines of a zone: a /8 reverse zone. */
#define ZW_MASTER_GENERATE_TOTAL (16 * 1024 * 1024)

enum zw_ttl_rule {
	/* As BIND: without $TTL the TTL of the previous record holds; an SOA without one takes its
	 * own MINIMUM, which then is the default. Values above 2^31-1 count as 0 (RFC 2181 section
	 * 8). */
	ZW_TTL_RFC1035,
	/* As Knot and NSD: without $TTL every record without its own gets @default_ttl. */
	ZW_TTL_FIXED,
};

/* Opens an included file for the parser. @path is as written, relative to what the server takes as
 * its working directory. The data must stay valid until the parser returns. 0 or -errno. */
typedef int (*zw_include_fn)(
	void *ctx, const char *path, uint32_t file, const char **ret_data, size_t *ret_len);

struct zw_master_options {
	const uint8_t *origin; /* zone name, wire form */
	enum zw_ttl_rule ttl_rule;
	uint32_t default_ttl;  /* for ZW_TTL_FIXED; 3600 in Knot and NSD */
	zw_include_fn include; /* NULL: $INCLUDE is an error */
	void *include_ctx;
};

/* Reads a whole zone and calls @fn for each record in file order. A missing newline at the very end
 * is accepted, as servers do. Exactly one SOA (identical copies aside) at the apex is demanded.
 * 0, -EBADMSG with *ret_error filled, -ENOMEM, or what @fn returned. */
int zw_master_parse(const struct zw_master_options *options, const char *data, size_t len,
	zw_record_fn fn, void *ctx, struct zw_zone_error *ret_error);
