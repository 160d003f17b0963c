/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a DNS server answered, against what the zone it holds says that the answer is: the algorithm of RFC 1034 section
 * 4.3.2 run over a snapshot, with wildcards (RFC 4592), DNAME (RFC 6672), delegations and minimal answers to ANY (RFC 8482).
 * Pure; bytes come in.
 *
 * Order, TTLs, letter case, EDNS and what a server may leave out (authority and additional data) do not count. What a zone
 * cannot tell, as signatures made while answering and records that are scripts, is never a mismatch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "dns/message.h"
#include "dns/name.h"
#include "zone/snapshot.h"

enum zw_answer_result {
	ZW_ANSWER_MATCH = 0,
	ZW_ANSWER_MISMATCH,
	ZW_ANSWER_NOT_OURS,    /* the zone has no say in it */
	ZW_ANSWER_CANNOT_TELL, /* it has, but does not determine it */
	_ZW_ANSWER_RESULT_MAX,
};

enum zw_answer_why {
	ZW_ANSWER_WHY_NONE = 0, /* of a match */
	/* not ours */
	ZW_ANSWER_WHY_NO_QUERY,  /* no response to a standard query of class IN */
	ZW_ANSWER_WHY_OUTSIDE,   /* the name is of no zone here */
	ZW_ANSWER_WHY_DELEGATED, /* the name is of a zone below, whose answer it is */
	/* cannot tell */
	ZW_ANSWER_WHY_FAILED,    /* SERVFAIL, REFUSED and others say nothing of content */
	ZW_ANSWER_WHY_META,      /* of a type that no zone holds */
	ZW_ANSWER_WHY_SIGNING,   /* what is signed or denied while answering */
	ZW_ANSWER_WHY_COMPUTED,  /* the zone has a script or an alias there */
	ZW_ANSWER_WHY_PARENT,    /* DS at the apex: the zone above has it */
	ZW_ANSWER_WHY_RECURSION, /* may be from elsewhere than the zone */
	ZW_ANSWER_WHY_LAME,      /* referred upwards, as by a server that has not the zone */
	/* mismatch */
	ZW_ANSWER_WHY_DATA,     /* other records */
	ZW_ANSWER_WHY_DENIED,   /* none, where the zone has some */
	ZW_ANSWER_WHY_INVENTED, /* some, where the zone has none */
	ZW_ANSWER_WHY_REFERRAL, /* other name servers, or other addresses of theirs */
	_ZW_ANSWER_WHY_MAX,
};

const char *zw_answer_result_to_string(enum zw_answer_result v); /* "mismatch" */
const char *zw_answer_why_to_string(enum zw_answer_why v);       /* "denied" */

/* How the server that holds the zone differs from others. */
struct zw_answer_options {
	/* Names between others need not exist, DNAME need not be followed: PowerDNS, by its database and settings. */
	bool loose;
	bool any_serial; /* serials of SOA records are made while answering: SOA-EDIT of PowerDNS */
	bool resolves; /* it may recurse for names of the zone, as where another view does not hold it */
	bool children; /* it has zones below this one, whose data may come along */
};

struct zw_answer_verdict {
	enum zw_answer_result result;
	enum zw_answer_why why;
	/* Of a mismatch: the RRset concerned; what it is to be and what was said of it, printable: "192.0.2.1 192.0.2.2",
	 * "NXDOMAIN", "no data". Owned. */
	uint8_t name[ZW_NAME_MAX]; /* wire form, lower case */
	uint16_t type;
	char *expected, *answered;
};

/* 0 or -ENOMEM. @options may be NULL: nothing special. */
int zw_answer_check(const struct zw_snapshot *zone, const struct zw_message *response,
	const struct zw_answer_options *options, struct zw_answer_verdict *ret_verdict);
void zw_answer_verdict_done(struct zw_answer_verdict *verdict);
#define _zw_answer_verdict_ _zw_cleanup_(zw_answer_verdict_done)
