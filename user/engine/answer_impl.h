/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of engine/answer*.c. */
#pragma once

#include "dns/rr.h"
#include "engine/answer.h"

/* PowerDNS's own types, which are in zones but in no answer (IANA has them as private use). */
#define TYPE_ALIAS 65401
#define TYPE_LUA 65402
#define TYPE_HINFO 13
#define TYPE_SIG 24

/* --- answer_find.c: where a zone has what is asked for ------------------------------------------------- */

enum zw_found {
	ZW_FOUND_OUTSIDE = 0,
	ZW_FOUND_CUT,     /* a delegation at or above the name */
	ZW_FOUND_DNAME,   /* above the name */
	ZW_FOUND_NODE,    /* the name, or the wildcard it is made from */
	ZW_FOUND_NOTHING, /* NXDOMAIN */
};

struct zw_find {
	enum zw_found what;
	uint8_t owner[ZW_NAME_MAX]; /* of the delegation, of the DNAME, of the data */
};

/* How much of the DNS a server implements. */
enum {
	ZW_FIND_FLAT = 1 << 0,     /* only names with records exist */
	ZW_FIND_NO_DNAME = 1 << 1, /* a DNAME is a record like others */
};

/* Where @name, which need not be of the zone, has its records of @type. */
void zw_answer_find(const struct zw_snapshot *zone, const uint8_t *name, uint16_t type,
	unsigned int ways, struct zw_find *ret_find);
/* Puts @target in the place of @owner at the end of @name (RFC 6672 section 2.2). False: it is too long. */
bool zw_answer_substitute(const uint8_t *name, const uint8_t *owner, const uint8_t *target,
	uint8_t ret_name[static ZW_NAME_MAX]);

/* --- answer_set.c: RRsets of messages, and of snapshots ------------------------------------------------- */

enum zw_sets {
	ZW_SETS_EQUAL = 0,
	ZW_SETS_PART,  /* the message has some of them, and no others */
	ZW_SETS_NONE,  /* the message has none */
	ZW_SETS_OTHER, /* the message has others */
};

/* Compares records of @type and @owner in a section with those of the zone at @at; @any_serial: but for serials of SOA. 0
 * or -ENOMEM. */
int zw_answer_compare(const struct zw_message *m, enum zw_section section, const uint8_t *owner,
	uint16_t type, const struct zw_rrset *set, bool any_serial, enum zw_sets *ret_sets);
/* Whether the message has any; of any type with ZW_TYPE_ANY. NULL: none. */
const struct zw_message_rr *zw_answer_first(
	const struct zw_message *m, enum zw_section section, const uint8_t *owner, uint16_t type);
/* Printable; NULL: no memory. */
char *zw_answer_set_text(const struct zw_rrset *set);
/* What the message says of it; @section is where records of it were looked for. */
char *zw_answer_said_text(
	const struct zw_message *m, enum zw_section section, const uint8_t *owner, uint16_t type);
