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

/* --- one comparison ------------------------------------------------------------------------------------- */

/* One comparison, on the way through the message. Functions return 0 or -ENOMEM; what is found is in @verdict, and the
 * first finding ends it. */
struct zw_answer_check {
	const struct zw_snapshot *zone;
	const struct zw_message *m;
	struct zw_answer_options options;
	unsigned int ways;
	bool left;     /* the aliases lead to where others have a say */
	bool computed; /* they come by what the zone does not determine */
	bool cut;      /* TC: there may be less than there should be */
	unsigned int aliases;
	struct zw_answer_verdict *verdict;
};

static inline bool zw_answer_is_recursive(const struct zw_answer_check *c)
{
	return c->m->flags & ZW_MESSAGE_FLAG_RA;
}

static inline int zw_answer_settle(
	struct zw_answer_check *c, enum zw_answer_result result, enum zw_answer_why why)
{
	c->verdict->result = result;
	c->verdict->why = why;
	return 0;
}

static inline bool zw_answer_is_settled(const struct zw_answer_check *c)
{
	return c->verdict->result != ZW_ANSWER_MATCH || c->verdict->why != ZW_ANSWER_WHY_NONE;
}

/* answer.c: all return 0 or -ENOMEM. What is said of @name and @type is not what it is to be, which @expected, that moves here,
 * says; NULL: no memory. */
int zw_answer_mismatch(struct zw_answer_check *c, enum zw_answer_why why, enum zw_section section,
	const uint8_t *name, uint16_t type, char *expected);
/* What is said of @name against @set, which may be a wildcard's; with @need it must be said. */
int zw_answer_compare_set(struct zw_answer_check *c, enum zw_section section, const uint8_t *name,
	const struct zw_rrset *set, bool need);
/* Notes whether the zone leaves open what is at @owner. */
void zw_answer_note_computed(struct zw_answer_check *c, const uint8_t *owner);

/* answer_told.c: every record that is told is to be one of the zone */

int zw_answer_check_below(struct zw_answer_check *c, const struct zw_message_rr *rr);
int zw_answer_check_told(struct zw_answer_check *c);
