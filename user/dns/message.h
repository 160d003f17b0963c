/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole DNS messages from untrusted bytes (RFC 1035 section 4, RFC 2136 section 2, RFC 6891, RFC 8945).
 *
 * Counts, lengths, pointers and the places of OPT and TSIG are checked, what an operation makes of the records is
 * not. Where strict servers differ (a pointer to the end of a name, text that is no strings) what one of them
 * accepts is accepted, since it may act on it. All names and rdata come out decompressed and in canonical form
 * (lower-case), as struct zw_record has them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "dns/record.h"

#define ZW_MESSAGE_HEADER 12 /* octets */
#define ZW_MESSAGE_MAX 65535 /* octets: what the length of a message over TCP can say */
#define ZW_MESSAGE_FLAG_QR 0x8000
#define ZW_MESSAGE_FLAG_AA 0x0400
#define ZW_MESSAGE_FLAG_TC 0x0200
#define ZW_MESSAGE_FLAG_RA 0x0080

/* IANA "DNS OpCodes". */
enum zw_opcode {
	ZW_OPCODE_QUERY = 0,
	ZW_OPCODE_NOTIFY = 4,
	ZW_OPCODE_UPDATE = 5,
};

/* IANA "DNS RCODEs": the ones of messages, then those of TSIG alone. */
enum zw_rcode {
	ZW_RCODE_NOERROR = 0,
	ZW_RCODE_FORMERR = 1,
	ZW_RCODE_SERVFAIL = 2,
	ZW_RCODE_NXDOMAIN = 3,
	ZW_RCODE_NOTIMP = 4,
	ZW_RCODE_REFUSED = 5,
	ZW_RCODE_YXDOMAIN = 6,
	ZW_RCODE_YXRRSET = 7,
	ZW_RCODE_NXRRSET = 8,
	ZW_RCODE_NOTAUTH = 9,
	ZW_RCODE_NOTZONE = 10,
	ZW_RCODE_BADVERS = 16, /* of a message; of a TSIG: BADSIG */
	ZW_RCODE_BADKEY = 17,
	ZW_RCODE_BADTIME = 18,
	ZW_RCODE_BADMODE = 19,
	ZW_RCODE_BADNAME = 20,
	ZW_RCODE_BADALG = 21,
	ZW_RCODE_BADTRUNC = 22,
	ZW_RCODE_BADCOOKIE = 23,
};

/* "NOERROR", ..., NULL for numbers without a name. */
const char *zw_rcode_to_text(unsigned int rcode);
/* Of the error field of a TSIG, where 16 is BADSIG. */
const char *zw_tsig_error_to_text(unsigned int error);

enum zw_section {
	ZW_SECTION_ANSWER,
	ZW_SECTION_AUTHORITY,
	ZW_SECTION_ADDITIONAL,
	_ZW_SECTION_MAX,
	/* in an UPDATE */
	ZW_SECTION_PREREQUISITE = ZW_SECTION_ANSWER,
	ZW_SECTION_UPDATE = ZW_SECTION_AUTHORITY,
};

/* In an UPDATE: the zone. */
struct zw_question {
	const uint8_t *name; /* wire form, lower-case */
	uint16_t type;
	uint16_t klass;
};

struct zw_message_rr {
	enum zw_section section;
	uint16_t type;
	uint16_t klass;
	uint32_t ttl;
	const uint8_t *owner; /* wire form, lower-case */
	const uint8_t *rdata; /* canonical; empty where an UPDATE has none */
	uint16_t rdata_len;
	uint8_t owner_len;
};

struct zw_tsig {
	const uint8_t *key;       /* wire form, lower-case */
	const uint8_t *algorithm; /* the same */
	const uint8_t *mac;
	uint64_t time_signed; /* seconds since 1970, 48 bits */
	uint16_t fudge;       /* seconds */
	uint16_t mac_len;
	uint16_t original_id;
	uint16_t error;
};

struct zw_message {
	uint16_t id;
	uint16_t flags;   /* the second 16 bits of the header, as they are */
	uint8_t opcode;   /* enum zw_opcode and others */
	bool is_response; /* QR */
	bool has_edns, has_tsig;
	uint16_t rcode;      /* with the upper bits from EDNS */
	uint16_t edns_size;  /* UDP payload size */
	struct zw_tsig tsig; /* all 0 without */
	bool has_question;
	struct zw_question question;
	struct zw_message_rr *rr; /* by section; without OPT and TSIG, which are told above */
	size_t rrs;
	uint8_t *text; /* what the pointers lead to */
	size_t text_len, text_cap, rr_cap;
	size_t memory; /* octets held, at most some 60 times the message */
};

/* 0; -EBADMSG for anything but one whole, well-formed message that fills @wire; -ENOMEM. */
int zw_message_parse(const uint8_t *wire, size_t len, struct zw_message **ret_message);
/* The same, but what follows the message is left alone and not looked at, as BIND does: *@ret_used (may be
 * NULL) is where it begins. */
int zw_message_parse_prefix(
	const uint8_t *wire, size_t len, struct zw_message **ret_message, size_t *ret_used);
void zw_message_free(struct zw_message *message);
ZW_DEFINE_CLEANUP(struct zw_message *, zw_message_free);
#define _zw_message_ _zw_cleanup_(zw_message_freep)

/* An UPDATE of @zone (wire form) that nobody sent, to tell changes of another kind as one. 0 or -ENOMEM. */
int zw_message_new_update(const uint8_t *zone, struct zw_message **ret_message);
/* Copies @record into such a message; owner, rdata (uncompressed) and class are as in an UPDATE. 0; -ENOMEM; -EINVAL when a
 * later section has records already. */
int zw_message_add_rr(
	struct zw_message *message, enum zw_section section, const struct zw_record *record);

/* The record as zones hold it. */
static inline struct zw_record zw_message_rr_record(const struct zw_message_rr *rr)
{
	return (struct zw_record){.owner = rr->owner,
		.owner_len = rr->owner_len,
		.rdata = rr->rdata,
		.rdata_len = rr->rdata_len,
		.ttl = rr->ttl,
		.type = rr->type,
		.klass = rr->klass};
}

/* Header and first question: what can be told of a message of which only the beginning is there. */
struct zw_message_head {
	uint16_t id, flags;
	uint8_t opcode;
	uint8_t rcode; /* without the bits of EDNS */
	bool is_response;
	uint16_t count[4]; /* as claimed: questions, then by section */
	bool has_question;
	uint16_t type, klass; /* of the question */
	uint8_t name[255];    /* the same: wire form, lower-case */
};

/* 0, or -EBADMSG when not even that is there. */
int zw_message_head_parse(const uint8_t *wire, size_t len, struct zw_message_head *ret_head);
